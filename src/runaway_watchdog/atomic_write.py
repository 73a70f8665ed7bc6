"""Writes a file whole or not at all: who reads it meanwhile sees the old text or the new one, never a part."""

import os
from pathlib import Path


def write_whole(path: Path, text: str, mode: int) -> None:
    """Never readable for more people than `mode` says, not even for a moment. Raises OSError; all is then as before."""
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)  # gone already, unless something went wrong
