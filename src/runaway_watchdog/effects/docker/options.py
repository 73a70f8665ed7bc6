"""Options of the Docker programs, told apart as they do it (Go's pflag; Compose 1's docopt is close enough).

A specification is written as in a help text: "-f --force, -v --volumes, -t --time N". The last name of an option is
the one that it is asked by; a word in capitals says that it takes a value.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from runaway_watchdog.model.command import Word

FALSE = ("0", "f", "F", "false", "FALSE", "False")


class Options(NamedTuple):
    """What a subcommand was given. `unread` says in a sentence what could not be told apart."""

    given: Mapping[str, tuple[str, ...]]
    operands: tuple[str, ...]
    rest: tuple[Word, ...] = ()  # the words from the first operand on, where options end there
    unread: tuple[str, ...] = ()
    refused: str = ""  # an option that does not exist: the program prints its usage and does nothing

    def has(self, name: str) -> bool:
        """Whether an option is on; `--force=false` is off."""
        values = self.given.get(name)
        return values is not None and values[-1] not in FALSE

    def values(self, name: str) -> tuple[str, ...]:
        return self.given.get(name, ())

    def value(self, name: str, default: str = "") -> str:
        return self.given.get(name, (default,))[-1]


@cache
def _known(specification: str) -> Mapping[str, tuple[str, bool]]:
    """Every way to write an option -> (the name that it is asked by, whether it takes a value)."""
    known: dict[str, tuple[str, bool]] = {"-h": ("help", False), "--help": ("help", False)}
    for item in filter(None, map(str.strip, specification.split(","))):
        words = item.split()
        valued = not words[-1].startswith("-")
        names = words[:-1] if valued else words
        known |= dict.fromkeys(names, (names[-1].lstrip("-"), valued))
    return known


def read(words: Sequence[Word], specification: str, *, stops: bool = False) -> Options:
    """Sort a subcommand's words; with `stops` the first operand ends the options (`docker exec C rm -r`).

    A word that is only known when the line runs, or that the shell turns into file names, is named in `unread`.
    """
    known = _known(specification)
    given: dict[str, tuple[str, ...]] = {}
    operands: list[str] = []
    unread: list[str] = []
    refused = ""
    pending = list(words)
    rest: tuple[Word, ...] = ()
    while pending:
        word = pending.pop(0)
        if word.text is None or word.globbing:
            if stops:
                rest = (word, *pending)
                break
            unread.append(_unread(word))
        elif word.text == "--":
            rest = tuple(pending)
            operands += [each.text for each in pending if each.text is not None]
            unread += [_unread(each) for each in pending if each.text is None]
            break
        elif word.text.startswith("-") and word.text != "-":
            fault, hidden = _option(word.text, known, pending, given)
            refused = refused or fault
            unread += [_unread(each) for each in hidden]
        elif stops:
            rest = (word, *pending)
            break
        else:
            operands.append(word.text)
    return Options(given, tuple(operands), rest, tuple(unread), refused)


def _unread(word: Word) -> str:
    return f"what {word.raw} stands for is only known when the line runs"


def _option(
    text: str, known: Mapping[str, tuple[str, bool]], pending: list[Word], given: dict[str, tuple[str, ...]]
) -> tuple[str, list[Word]]:
    """Add one word of options to `given`; returns the option that is not known, or "", and a value that is not."""
    name, equals, value = text.partition("=")
    if text.startswith("--"):
        if name not in known:
            return name, []
        return "", _add(known[name], value if equals else None, pending, given)
    for at, letter in enumerate(text[1:], start=1):
        found = known.get(f"-{letter}")
        if found is None:
            return f"-{letter}", []
        rest = text[at + 1 :]
        if found[1] or rest.startswith("="):
            return "", _add(found, rest.removeprefix("=") or None, pending, given)
        _add(found, None, pending, given)
    return "", []


def _add(
    option: tuple[str, bool], value: str | None, pending: list[Word], given: dict[str, tuple[str, ...]]
) -> list[Word]:
    """Returns the value's word where it is only known when the line runs: never an empty value instead."""
    name, valued = option
    hidden: list[Word] = []
    if valued and value is None and pending:
        word = pending.pop(0)
        value = word.text
        hidden = [word] if word.text is None or word.globbing else []
    given[name] = (*given.get(name, ()), value if value is not None else "" if valued else "true")
    return hidden
