"""One line for each event, on standard error: logfmt for the journal, plain words on a terminal.

A line that would have to wait (a stopped terminal, a full pipe, a journal that hangs) is dropped: the watch ticks on.
"""

import os
import select
import time
from typing import Final

from runaway_watchdog.logfmt import logfmt_line, shown

_PRIORITIES: Final = {"error": 3, "warning": 4, "notice": 5, "info": 6}
_WINDOW_S: Final = 60.0
_MOST_LINES: Final = 20  # of one event in one window; warnings and errors are always told


class Log:
    """Writes to one descriptor."""

    def __init__(self, fd: int, journal_stream: str) -> None:
        """`journal_stream` is $JOURNAL_STREAM: the journal's socket as `device:inode`, or ""."""
        self._fd = fd
        self._journal = _is_stream(fd, journal_stream)
        self._terminal = os.isatty(fd)
        self._ready = select.poll()
        self._ready.register(fd, select.POLLOUT)
        self.dropped = 0
        self._window = (0.0, dict[str, int]())  # when it began, and lines of each event since

    def info(self, event: str, **values: object) -> None:
        self._write("info", event, values)

    def notice(self, event: str, **values: object) -> None:
        """Normal, and worth knowing."""
        self._write("notice", event, values)

    def warning(self, event: str, **values: object) -> None:
        self._write("warning", event, values)

    def fault(self, event: str, **values: object) -> None:
        """Something does not work: `problem` and `mend` are among the values."""
        self._write("error", event, values)

    def _write(self, level: str, event: str, values: dict[str, object]) -> None:
        if self._is_flood(level, event, time.monotonic()):
            return
        self._emit(level, event, values)

    def _is_flood(self, level: str, event: str, now: float) -> bool:
        """A crash loop dies and returns ten times a second: the store counts that, the log tells of the first ones."""
        began, counts = self._window
        if now - began >= _WINDOW_S:
            self._window = (now, {})
            for each, count in counts.items():
                if count > _MOST_LINES:
                    self._emit("info", "not-shown", {"lines": count - _MOST_LINES, "of": each})
        if _PRIORITIES[level] <= _PRIORITIES["warning"]:
            return False
        counts = self._window[1]
        counts[event] = counts.get(event, 0) + 1
        return counts[event] > _MOST_LINES

    def _emit(self, level: str, event: str, values: dict[str, object]) -> None:
        if self._terminal:
            line = terminal_line(level, event, values, time.strftime("%H:%M:%S"))
        else:
            line = logfmt_line(level, event, values)
        if self._journal:
            line = f"<{_PRIORITIES[level]}>{line}"
        if not self._ready.poll(0):
            self.dropped += 1
            return
        try:
            os.write(self._fd, line.encode("utf-8", "replace") + b"\n")
        except OSError:
            self.dropped += 1


def terminal_line(level: str, event: str, values: dict[str, object], clock: str) -> str:
    """`14:02:11 warning  incident opened   pid 3355, name tesseract`."""
    details = ", ".join(f"{key.replace('_', ' ')} {shown(value)}" for key, value in values.items() if value is not None)
    mark = "" if level in ("info", "notice") else f"{level}: "
    return f"{clock}  {mark}{event.replace('-', ' ')}{f'  ({details})' if details else ''}"


def _is_stream(fd: int, journal_stream: str) -> bool:
    try:
        status = os.fstat(fd)
    except OSError:
        return False
    return bool(journal_stream) and journal_stream == f"{status.st_dev}:{status.st_ino}"
