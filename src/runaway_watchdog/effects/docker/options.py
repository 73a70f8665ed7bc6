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
            unread.append(f"what {word.raw} stands for is only known when the line runs")
        elif word.text == "--":
            rest = tuple(pending)
            operands += [each.text for each in pending if each.text is not None]
            unread += [
                f"what {each.raw} stands for is only known when the line runs" for each in pending if each.text is None
            ]
            break
        elif word.text.startswith("-") and word.text != "-":
            refused = refused or _option(word.text, known, pending, given)
        elif stops:
            rest = (word, *pending)
            break
        else:
            operands.append(word.text)
    return Options(given, tuple(operands), rest, tuple(unread), refused)


def _option(
    text: str, known: Mapping[str, tuple[str, bool]], pending: list[Word], given: dict[str, tuple[str, ...]]
) -> str:
    """Add one word of options to `given`; returns the option that is not known, or ""."""
    name, equals, value = text.partition("=")
    if text.startswith("--"):
        if name not in known:
            return name
        _add(known[name], value if equals else None, pending, given)
        return ""
    for at, letter in enumerate(text[1:], start=1):
        found = known.get(f"-{letter}")
        if found is None:
            return f"-{letter}"
        rest = text[at + 1 :]
        if found[1] or rest.startswith("="):
            _add(found, rest.removeprefix("=") or None, pending, given)
            return ""
        _add(found, None, pending, given)
    return ""


def _add(option: tuple[str, bool], value: str | None, pending: list[Word], given: dict[str, tuple[str, ...]]) -> None:
    name, valued = option
    if valued and value is None and pending:
        value = pending.pop(0).text
    given[name] = (*given.get(name, ()), value if value is not None else "" if valued else "true")
