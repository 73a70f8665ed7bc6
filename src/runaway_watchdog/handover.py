"""What the short-lived processes share: the configuration that they inherit, and their log."""

import io
import json
import os
import sys
from contextlib import suppress
from typing import Any, TextIO, cast


def read_configuration(descriptor: int) -> dict[str, Any]:
    """The compiled configuration. The file is shared with other processes: its offset belongs to none of them."""
    compiled: dict[str, Any] = json.loads(os.pread(descriptor, os.fstat(descriptor).st_size, 0))
    return compiled


class _Lossy(io.TextIOBase):
    """A file whose errors stop nobody."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._file.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._file.flush()


def log_to_stderr(**context: str) -> None:
    """key=value lines, which the journal keeps, each with `context`. Never put a URL or a secret into one.

    A line that standard error does not take (a full disk, a reader that is gone) is dropped: an alert goes before it.
    """
    import structlog  # 94 ms: only where something is logged

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.LogfmtRenderer(key_order=["level", "event"], bool_as_flag=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Lossy(sys.stderr))),
    )
    structlog.contextvars.bind_contextvars(**context)
