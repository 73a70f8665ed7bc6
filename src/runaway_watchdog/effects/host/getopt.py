"""Options by a program's own grammar: values that may be left out, long names cut short, and what nobody knows.

`effects.arguments` sorts words of programs whose options matter little; here an option that is not known is told.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from runaway_watchdog.effects.arguments import Arguments
from runaway_watchdog.effects.long_options import whole
from runaway_watchdog.model.command import Word

_VALUE = re.compile(r"(--?[a-zA-Z][\w-]*)=")


class Grammar(NamedTuple):
    """Names with their dashes. `optional`: a value only in the same word (`-pSECRET`, `--color=auto`)."""

    valued: frozenset[str]
    flags: frozenset[str]
    optional: frozenset[str] = frozenset()
    one_dash: bool = False  # long names with one dash too, none in a cluster: sqlite3

    @property
    def names(self) -> frozenset[str]:
        return self.valued | self.flags | self.optional


def grammar(valued: str, flags: str, optional: str = "", *, one_dash: bool = False) -> Grammar:
    return Grammar(listed(valued), listed(flags), listed(optional), one_dash)


def listed(text: str) -> frozenset[str]:
    """Words that stand in a text."""
    return frozenset(text.split())


class Given(NamedTuple):
    """The options in their order, the operands, and the options that are not known."""

    arguments: Arguments
    strange: tuple[str, ...]
    missing: bool = False  # an operand's text or an option's value is only known when the line runs


def given(words: Sequence[Word], known: Grammar, *, stops: bool = False) -> Given:
    """Sort the words after a program's name. With `stops` the first operand ends the options."""
    options: list[tuple[str, str | None]] = []
    operands: list[Word] = []
    strange: list[str] = []
    pending = list(words)
    while pending:
        word = pending.pop(0)
        text = word.text
        if text == "--":
            operands += pending
            break
        if text is None and (name := _hidden(word.raw, known)):
            options.append((name, None))
        elif text is None or text == "-" or not text.startswith("-"):
            operands.append(word)
            if stops:
                operands += pending
                break
        elif text.startswith("--") or known.one_dash:
            _long(text, known, pending, options, strange)
        else:
            _short(text, known, pending, options, strange)
    missing = any(word.text is None for word in operands) or any(
        value is None and name in known.valued for name, value in options
    )
    return Given(Arguments(tuple(options), tuple(operands)), tuple(strange), missing)


def _hidden(raw: str, known: Grammar) -> str | None:
    """The option of a word whose value is only known when the line runs: `--command="$SQL"`, `-e$SQL`, `-Ne"$SQL"`."""
    if found := _VALUE.match(raw):
        name = _whole(found[1], known)
        return name if name in known.valued | known.optional else None
    letters = re.match(r"-(\w+)", raw)
    for letter in letters[1] if letters and not known.one_dash else "":
        if f"-{letter}" in known.valued | known.optional:
            return f"-{letter}"
        if f"-{letter}" not in known.flags:
            return None
    return None


def _long(
    text: str, known: Grammar, pending: list[Word], options: list[tuple[str, str | None]], strange: list[str]
) -> None:
    written, separator, value = text.partition("=")
    name = _whole(written, known)
    if name not in known.names:
        strange.append(written)
        options.append((name, value if separator else None))
    elif separator:
        options.append((name, value))
    elif name in known.valued:
        options.append((name, pending.pop(0).text if pending else None))
    else:
        options.append((name, None))


def _whole(written: str, known: Grammar) -> str:
    """The long name that was cut short, where only one begins so; sqlite3 takes `--cmd` for `-cmd`."""
    if known.one_dash and written.startswith("--"):
        written = written[1:]
    if written in known.names or known.one_dash:
        return written
    return whole(written, known.names)


def _short(
    text: str, known: Grammar, pending: list[Word], options: list[tuple[str, str | None]], strange: list[str]
) -> None:
    for at, letter in enumerate(text[1:], start=1):
        name = f"-{letter}"
        rest = text[at + 1 :]
        if name in known.valued:
            options.append((name, rest or (pending.pop(0).text if pending else None)))
            return
        if name in known.optional:
            options.append((name, rest or None))
            return
        options.append((name, None))
        if name not in known.flags:
            strange.append(name)
