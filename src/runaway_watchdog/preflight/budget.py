"""Bounded work: a line that unfolds to more than anybody would paste is not read to its end."""

from time import thread_time
from typing import Final

COMMANDS: Final = 3000
CHARACTERS: Final = 200_000
TEXT: Final = 64 * 1024
"""A longer line is not read, and a longer value is not known."""
DEPTH: Final = 50
FIELDS: Final = 1000
"""Words that one word may become: `{1..1000000}` is not known."""
TURNS: Final = 64
"""A loop with more turns than this is read once, its variable unknown."""
CPU_S: Final = 1.0
"""A net under the counts, in this thread's CPU time: a saturated host must not make a plain line unreadable."""


class TooMuch(Exception):  # noqa: N818 - the reading ends here, nothing is wrong
    """The work that one line may cost is done."""


class Budget:
    """What is left for one line: simple commands looked at, characters read or written, and time."""

    def __init__(self) -> None:
        self._commands = COMMANDS
        self._characters = CHARACTERS
        self.deadline = thread_time() + CPU_S

    def command(self) -> None:
        """One more simple command, or one more wrapper taken off. Raises TooMuch."""
        self._commands -= 1
        if self._commands < 0 or thread_time() > self.deadline:
            raise TooMuch

    def characters(self, count: int) -> None:
        """So many more characters. Raises TooMuch."""
        self._characters -= count
        if self._characters < 0:
            raise TooMuch
