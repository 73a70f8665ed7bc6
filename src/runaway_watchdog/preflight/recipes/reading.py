"""What every reader of a project's files gives, and what all of them need."""

import re
from collections.abc import Callable
from shlex import quote
from typing import NamedTuple

from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import LowRisk

NOT_KNOWN = "$__not_known"
"""A variable that nobody has set stands for what a file does not say."""
MOST_PARTS = 100
MOST_DEPTH = 20


class Part(NamedTuple):
    """A shell text, and the folder that it runs in."""

    text: str
    folder: str


class Reading(NamedTuple):
    parts: tuple[Part, ...]
    unknown: tuple[str, ...] = ()


Read = Callable[[str], str | None]
"""The text of a regular file that is not too large; None where there is none."""
Reader = Callable[[Command, Read], Reading | None]


def placed(text: str, found: re.Match[str], value: str | None) -> str:
    """What takes the place of an expansion: its value; within single quotes one that is not known leaves them."""
    if value is not None:
        return value
    before = re.sub(r'\\.|"(?:[^"\\]|\\.)*"', "", text[: found.start()])
    return f"'\"{NOT_KNOWN}\"'" if before.count("'") % 2 else NOT_KNOWN


def upward(folder: str, names: tuple[str, ...], files: Read) -> tuple[str, str] | None:
    """The nearest file of these names in the folder or above it: its text and its folder."""
    at = folder.rstrip("/") or "/"
    for _ in range(MOST_DEPTH):
        for name in names:
            text = files(f"{at.rstrip('/')}/{name}")
            if text is not None:
                return text, at
        if at == "/":
            return None
        at = at.rpartition("/")[0] or "/"
    return None


def within(folder: str, below: str | None) -> str:
    """A folder as a command or a file names it, relative to another."""
    if not below or below == ".":
        return folder
    return below if below.startswith("/") else f"{folder.rstrip('/')}/{below}"


def written(words: tuple[Word, ...]) -> str:
    """Words as they are added to a line: with a blank in front of each."""
    return "".join(f' "{NOT_KNOWN}"' if word.text is None else f" {quote(word.text)}" for word in words)


def unread(what: str) -> Reading:
    """Nothing can be read; what it runs is the person's own."""
    return Reading((), (LowRisk(what),))
