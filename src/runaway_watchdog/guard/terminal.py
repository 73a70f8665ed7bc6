"""The person's terminal, while their shell waits in its line editor: shows, asks, and puts it back as it was.

The line editor has switched off what makes a terminal a terminal (echo, whole lines), so it is switched on for the
question and then restored. What was typed or pasted before the question is thrown away: a paste never answers it.
"""

import os
import select
import signal
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Final

QUIET_S: Final = 0.1
"""A paste has ended when nothing more comes for this long; over a slow line it comes in parts."""
DRAIN_S: Final = 1.0
_CHUNK: Final = 4096


class Terminal:
    """A context manager. Raises OSError on entry where there is no terminal."""

    def __enter__(self) -> "Terminal":
        self._tty = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
        try:
            self._found = termios.tcgetattr(self._tty)
        except termios.error as fault:
            os.close(self._tty)
            raise OSError(*fault.args) from fault
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        termios.tcsetattr(self._tty, termios.TCSADRAIN, self._found)
        os.close(self._tty)

    def show(self, lines: Sequence[str]) -> None:
        """Each on a row of its own, the first at the left edge."""
        self._write("\r" + "".join(f"{line}\r\n" for line in lines))

    def status(self, words: str) -> None:
        """A passing word on the row of the cursor; "" takes it away again."""
        self._write(f"\r{words}\x1b[K" if words else "\r\x1b[K")

    @contextmanager
    def status_after(self, seconds: float, words: str) -> Iterator[None]:
        """The passing word, if what is done meanwhile takes longer than this; afterwards it is taken away."""
        shown = False

        def show(*_: object) -> None:
            nonlocal shown
            shown = True
            self.status(words)

        before = signal.signal(signal.SIGALRM, show)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            if shown:
                self.status("")

    def drain(self) -> bool:
        """Throw away what was typed or pasted ahead. Returns whether there was anything."""
        raw = termios.tcgetattr(self._tty)
        raw[3] &= ~(termios.ICANON | termios.ECHO)
        termios.tcsetattr(self._tty, termios.TCSADRAIN, raw)
        found = False
        deadline = time.monotonic() + DRAIN_S
        while time.monotonic() < deadline and select.select([self._tty], [], [], QUIET_S)[0]:
            if not os.read(self._tty, _CHUNK):
                break
            found = True
        return found

    def ask(self, question: str) -> str:
        """One line of the person's. KeyboardInterrupt at Ctrl-C; "" at Ctrl-D."""
        asking = termios.tcgetattr(self._tty)
        asking[0] |= termios.ICRNL
        asking[1] |= termios.OPOST
        asking[3] |= termios.ICANON | termios.ECHO | termios.ECHOE | termios.ECHOK | termios.ISIG
        for number, key in ((termios.VINTR, 3), (termios.VEOF, 4), (termios.VERASE, 127), (termios.VKILL, 21)):
            # zsh's line editor switches some of these keys off.
            if asking[6][number] in (b"\x00", b"\xff"):
                asking[6][number] = bytes([key])
        termios.tcsetattr(self._tty, termios.TCSADRAIN, asking)
        self._write(question)
        return os.read(self._tty, _CHUNK).decode(errors="replace").rstrip("\n")

    def _write(self, text: str) -> None:
        data = text.encode(errors="replace")
        while data:
            data = data[os.write(self._tty, data) :]
