"""Tables under docs/ that a truth run wrote, and whether the code that they speak of is still the code that was run.

A table begins with one HTML comment, which Markdown does not show:

    <!-- truth: {"written": "2026-11-22", "versions": {"systemd": "252"}, "sources": ["src/x.py"], "hash": "…"} -->

`sources` are files or folders (all their files) relative to the checkout; `hash` is `source_hash` of them.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

_OPEN, _CLOSE = "<!-- truth: ", " -->"


class BadHeaderError(ValueError):
    """A header that cannot be read; the message names its file."""


@dataclass(frozen=True)
class Header:
    """When a table was written, with what, and about which code."""

    written: str  # ISO date
    versions: Mapping[str, str]
    sources: tuple[str, ...]
    hash: str


def source_hash(sources: Iterable[str], repository: Path = REPOSITORY) -> str:
    """A hash over names and contents; a source that is gone counts as another content, not as an error."""
    digest = hashlib.sha256()
    for source in sorted(sources):
        path = repository / source
        files = sorted(each for each in path.rglob("*") if _counts(each)) if path.is_dir() else [path]
        for file in files:
            content = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "gone"
            digest.update(f"{file.relative_to(repository)}\0{content}\0".encode())
    return digest.hexdigest()[:16]


def _counts(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def header(sources: Iterable[str], versions: Mapping[str, str], today: date, repository: Path = REPOSITORY) -> Header:
    """The header of a table that is true now."""
    chosen = tuple(sorted(sources))
    return Header(today.isoformat(), dict(versions), chosen, source_hash(chosen, repository))


def render(head: Header, body: str) -> str:
    """The whole file: header and table."""
    return f"{_OPEN}{json.dumps(asdict(head))}{_CLOSE}\n\n{body}"


def parse(text: str) -> Header | None:
    """The header of a file, None for a file that no truth run wrote. Raises ValueError on a broken one."""
    first = text.split("\n", 1)[0]
    if not first.startswith(_OPEN):
        return None
    if not first.endswith(_CLOSE):
        raise ValueError("the header's comment does not end in its line")
    values = json.loads(first.removeprefix(_OPEN).removesuffix(_CLOSE))
    try:
        return Header(values["written"], values["versions"], tuple(values["sources"]), values["hash"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"the header lacks {error}") from error


def stale(docs: Path, repository: Path = REPOSITORY) -> tuple[str, ...]:
    """Each table below `docs` whose code has changed since it was written, with what to say of it.

    Raises BadHeaderError.
    """
    found: list[str] = []
    for path in sorted(docs.rglob("*.md")):
        try:
            head = parse(path.read_text())
        except ValueError as error:
            raise BadHeaderError(f"{path}: {error}") from error
        if head is not None and head.hash != source_hash(head.sources, repository):
            found.append(f"{path}: written {head.written}; since then {', '.join(head.sources)} changed")
    return tuple(found)


if __name__ == "__main__":
    for line in stale(Path(sys.argv[1])):
        print(f"stale table, run `make truth`: {line}")
