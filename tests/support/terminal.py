"""A person at a terminal: a program under a pseudo-terminal, keys pressed, and what the screen says read back."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07|[=>()][0-9A-B]?)")


class NotSeenError(AssertionError):
    """What was waited for did not come; the message holds what came."""


def _takes_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """A context manager. The program ends with the block: the terminal hangs up, as a window that is closed."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: str | None = None,
        takes_terminal: bool = True,
        limit: float = 30,
    ) -> None:
        self._limit = limit
        self._unread = ""
        self.all = ""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        take: Callable[[], None] | None = _takes_terminal if takes_terminal else None
        self._process = subprocess.Popen(
            list(argv), stdin=slave, stdout=slave, stderr=slave, env=dict(env), cwd=cwd, start_new_session=True,
            preexec_fn=take,  # noqa: PLW1509 - one system call, and no threads here
        )  # fmt: skip
        os.close(slave)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._master)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if isinstance(error, AssertionError):
            error.add_note(f"the screen:\n{self.all}")

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def wait_for(self, pattern: str) -> str:
        """What came up to the end of the first match, escapes taken out; the rest is for the next call."""
        deadline = time.monotonic() + self._limit
        while True:
            found = re.search(pattern, self._unread)
            if found:
                seen, self._unread = self._unread[: found.end()], self._unread[found.end() :]
                return seen
            if not self._read(deadline - time.monotonic()):
                raise NotSeenError(f"{pattern!r} did not come; unread: {self._unread!r}")

    def quiet(self, seconds: float = 0.3) -> str:
        """All that came until nothing more did for this long."""
        while self._read(seconds):
            pass
        seen, self._unread = self._unread, ""
        return seen

    def ended(self) -> int:
        """The exit code, once the program has ended by itself."""
        while self._read(0.2) or self._process.poll() is None:
            pass
        return self._process.wait(self._limit)

    def _read(self, seconds: float) -> bool:
        if seconds <= 0 or not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # EIO: the other end is closed
            return False
        text = _ESCAPES.sub("", data.decode(errors="replace"))
        self._unread += text
        self.all += text
        return bool(data)
