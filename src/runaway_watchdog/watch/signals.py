"""What wakes the loop beside time: signals, and the store's thread."""

import os
import signal
from typing import Final

STOP: Final = frozenset((signal.SIGTERM, signal.SIGINT))
RELOAD: Final = signal.SIGHUP
NEW_GROUP: Final = signal.SIGIO

_HANDLED: Final = (*STOP, RELOAD, NEW_GROUP)
_RING: Final = 0  # no signal has this number


class Wakeup:
    """A pipe that ends the loop's wait: signals write their number into it, other threads a zero."""

    def __init__(self) -> None:
        self.fd, self._write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._handlers = [(each, signal.signal(each, _noted)) for each in _HANDLED]
        self._other_fd = signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)

    def ring(self) -> None:
        """From another thread."""
        try:
            os.write(self._write_end, bytes((_RING,)))
        except OSError:
            return  # full: the loop is about to wake up anyway

    def signals(self) -> set[int]:
        """Which signals have come since the last call."""
        try:
            return set(os.read(self.fd, 512)) - {_RING}
        except BlockingIOError:
            return set()

    def close(self) -> None:
        """Put everything back as it was."""
        signal.set_wakeup_fd(self._other_fd)
        for each, handler in self._handlers:
            signal.signal(each, handler)
        os.close(self.fd)
        os.close(self._write_end)


def _noted(_number: int, _frame: object) -> None:
    """A handler in Python has to exist for the number to get into the pipe."""
