"""Options and operands of a command, told apart as getopt_long(3) does it."""

from collections.abc import Sequence
from typing import NamedTuple

from runaway_watchdog.model.command import Command, Word


class Arguments(NamedTuple):
    """What a command was given. `-rf` is two options, `--signal=KILL` one with a value."""

    options: tuple[tuple[str, str | None], ...]
    operands: tuple[Word, ...]

    def has(self, *names: str) -> bool:
        return any(name in names for name, _ in self.options)

    def value(self, *names: str) -> str | None:
        """The value of the last of these options; None where it is absent or only known when the line runs."""
        return next((value for name, value in reversed(self.options) if name in names), None)

    @property
    def texts(self) -> tuple[str, ...]:
        """The operands that are known."""
        return tuple(word.text for word in self.operands if word.text is not None)

    @property
    def complete(self) -> bool:
        """Whether every operand is known."""
        return all(word.text is not None for word in self.operands)


def read(words: Sequence[Word], valued: str = "", *, stops: bool = False) -> Arguments:
    """Sort the words after a program's name. `valued` lists the options that take a value: "-s --signal".

    With `stops` the first operand ends the options (`docker exec C rm -r`); else they may stand anywhere. A word that
    is not known counts as an operand.
    """
    takes = frozenset(valued.split())
    options: list[tuple[str, str | None]] = []
    operands: list[Word] = []
    pending = list(words)
    while pending:
        word = pending.pop(0)
        text = word.text
        if text == "--":
            operands += pending
            break
        if text is None or text == "-" or not text.startswith("-"):
            operands.append(word)
            if stops:
                operands += pending
                break
            continue
        options += _long(text, takes, pending) if text.startswith("--") else _short(text, takes, pending)
    return Arguments(tuple(options), tuple(operands))


def _long(text: str, takes: frozenset[str], pending: list[Word]) -> list[tuple[str, str | None]]:
    name, separator, value = text.partition("=")
    if separator:
        return [(name, value)]
    if name in takes and pending:
        return [(name, pending.pop(0).text)]
    return [(name, None)]


def _short(text: str, takes: frozenset[str], pending: list[Word]) -> list[tuple[str, str | None]]:
    """A cluster such as `-rf`; an option with a value ends it: `-n5`, `-n 5`."""
    found: list[tuple[str, str | None]] = []
    for at, letter in enumerate(text[1:], start=1):
        name = f"-{letter}"
        if name in takes:
            rest = text[at + 1 :]
            found.append((name, rest or (pending.pop(0).text if pending else None)))
            return found
        found.append((name, None))
    return found


def of(command: Command, valued: str = "", *, stops: bool = False) -> Arguments:
    """`read` for all words after the program."""
    return read(command.words[1:], valued, stops=stops)


def shown(command: Command, limit: int = 60) -> str:
    """The command's own text, short enough for a sentence."""
    text = " ".join((command.text or " ".join(word.raw for word in command.words)).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
