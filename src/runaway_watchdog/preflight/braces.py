"""Brace expansion, before all others: `a{b,c}d` is two words, `{1..3}` three. Bash's manual, "Brace Expansion"."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from runaway_watchdog.preflight.budget import FIELDS
from runaway_watchdog.preflight.words import Letter, Piece, Pieces

BRACES: Final = 40
"""More pairs of braces in one word are not expanded."""

_NUMBERS = re.compile(r"([+-]?\d{1,12})\.\.([+-]?\d{1,12})(?:\.\.([+-]?\d{1,12}))?")
_LETTERS = re.compile(r"([a-z])\.\.([a-z])(?:\.\.([+-]?\d{1,12}))?|([A-Z])\.\.([A-Z])(?:\.\.([+-]?\d{1,12}))?")
_MIXED = re.compile(r"[^{}]\.\.[^{}](?:\.\.[+-]?\d+)?")


class TooManyWords(Exception):  # noqa: N818 - an answer of its own kind
    """More words than are worth a look, or an order of letters that is bash's own affair."""


def expand(pieces: Pieces) -> tuple[Pieces, ...]:
    """The words that a word becomes, in order; itself alone where it has no braces to expand. Raises TooManyWords."""
    if len(_matched(pieces)) > BRACES:
        raise TooManyWords
    return _expand(pieces)


def _expand(pieces: Pieces) -> tuple[Pieces, ...]:
    closing = _matched(pieces)
    for start in sorted(closing):
        alternatives = _between(pieces, start, closing[start])
        if alternatives is not None:
            return _joined(pieces[:start], alternatives, _expand(pieces[closing[start] + 1 :]))
    return (pieces,)


def _matched(pieces: Pieces) -> dict[int, int]:
    """Each opening brace that closes, and where."""
    opened: list[int] = []
    found: dict[int, int] = {}
    for position, piece in enumerate(pieces):
        if _is(piece, "{"):
            opened.append(position)
        elif _is(piece, "}") and opened:
            found[opened.pop()] = position
    return found


def _joined(before: Pieces, alternatives: Sequence[Pieces], rest: Sequence[Pieces]) -> tuple[Pieces, ...]:
    if len(alternatives) * len(rest) > FIELDS:
        raise TooManyWords
    return tuple((*before, *one, *other) for one in alternatives for other in rest)


def _between(pieces: Pieces, start: int, end: int) -> tuple[Pieces, ...] | None:
    """What the braces from `start` to `end` stand for; None where they are only letters."""
    commas: list[int] = []
    level = 0
    for position in range(start + 1, end):
        level += _is(pieces[position], "{") - _is(pieces[position], "}")
        if level == 0 and _is(pieces[position], ","):
            commas.append(position)
    if not commas:
        return _sequence(pieces[start + 1 : end])
    edges = [start, *commas, end]
    parts = [pieces[one + 1 : other] for one, other in pairwise(edges)]
    return tuple(word for part in parts for word in _expand(part))


def _sequence(pieces: Pieces) -> tuple[Pieces, ...] | None:
    if not all(isinstance(piece, Letter) and not piece.quoted for piece in pieces):
        return None
    text = "".join(piece.text for piece in pieces if isinstance(piece, Letter))
    if found := _NUMBERS.fullmatch(text):
        words = _numbers(*found.groups())
    elif found := _LETTERS.fullmatch(text):
        first, last, step = found.group(1, 2, 3) if found.group(1) else found.group(4, 5, 6)
        words = tuple(chr(code) for code in _range(ord(first), ord(last), int(step or 0)))
    elif _MIXED.fullmatch(text):
        raise TooManyWords
    else:
        return None
    return tuple(tuple(Letter(letter, quoted=False) for letter in word) for word in words)


def _numbers(first: str, last: str, step: str | None) -> tuple[str, ...]:
    padded = any(re.match(r"[+-]?0\d", end) for end in (first, last))
    width = max(len(first), len(last)) if padded else 0
    return tuple(f"{number:0{width}d}" for number in _range(int(first), int(last), int(step or 0)))


def _range(first: int, last: int, step: int) -> range:
    step = abs(step) or 1
    found = range(first, last + 1, step) if first <= last else range(first, last - 1, -step)
    if len(found) > FIELDS:
        raise TooManyWords
    return found


def _is(piece: Piece, letter: str) -> bool:
    return isinstance(piece, Letter) and not piece.quoted and piece.text == letter
