"""What the short-lived processes share: the configuration that they inherit, and their log."""

import json
import os
import sys
from contextlib import suppress
from typing import Any, Final

from runaway_watchdog.logfmt import logfmt_line


def read_configuration(descriptor: int) -> dict[str, Any]:
    """The compiled configuration. The file is shared with other processes: its offset belongs to none of them."""
    compiled: dict[str, Any] = json.loads(os.pread(descriptor, os.fstat(descriptor).st_size, 0))
    return compiled


class Log:
    """key=value lines on standard error, which the journal keeps. Never put a URL or a secret into one.

    A line that standard error does not take (a full disk, a reader that is gone) is dropped: an alert goes before it.
    (No logging library: the usual one takes a quarter of a second of CPU to load, of which a case has no more itself.)
    """

    def __init__(self) -> None:
        self._always: dict[str, object] = {}

    def begin(self, **always: object) -> None:
        """Of whom each line speaks from now on."""
        self._always = always

    def info(self, event: str, **values: object) -> None:
        self._write("info", event, values)

    def warning(self, event: str, **values: object) -> None:
        self._write("warning", event, values)

    def _write(self, level: str, event: str, values: dict[str, object]) -> None:
        with suppress(OSError, ValueError):  # ValueError: it is closed
            sys.stderr.write(f"{logfmt_line(level, event, values | self._always)}\n")
            sys.stderr.flush()


LOG: Final = Log()
"""The one of this process."""
