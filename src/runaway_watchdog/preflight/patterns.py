"""What `${name%pattern}` and its like make of a value. Bash's manual, "Shell Parameter Expansion".

Pure. None: what it becomes is not told here (extended patterns, and what would take too long to match).
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

LONGEST: Final = 4096
_STARS: Final = 4
"""With more of them it is not told."""

Pattern = Sequence[tuple[str, bool]]
"""Letters, each with whether it is quoted: a quoted * is a star."""


def changed(value: str, operator: str, pattern: Pattern) -> str | None:
    """`value` as the operator leaves it; `pattern` is what stands after the operator."""
    if len(value) > LONGEST:
        return None
    if operator[0] in "^,":
        return _case(value, operator) if not pattern else None
    if operator == ":":
        return _part(value, "".join(letter for letter, _ in pattern))
    if operator[0] == "/":
        return _replaced(value, operator, pattern)
    expression = _expression(pattern)
    return None if expression is None else _cut(value, operator, expression.fullmatch)


def _case(value: str, operator: str) -> str:
    upper = operator[0] == "^"
    if len(operator) == 1:
        return (value[:1].upper() if upper else value[:1].lower()) + value[1:]
    return value.upper() if upper else value.lower()


def _part(value: str, numbers: str) -> str | None:
    """`${X:2}`, `${X:0:8}`, `${X: -3}`."""
    found = re.fullmatch(r"\s*(\d{1,5}|(?<=\s)-\d{1,5})(?::\s*(-?\d{1,5}))?\s*", numbers)
    if found is None:
        return None
    start = int(found[1])
    rest = value[start:] if start >= 0 or -start <= len(value) else ""
    if found[2] is None:
        return rest
    length = int(found[2])
    return rest[:length] if length >= 0 or -length <= len(rest) else None


def _cut(value: str, operator: str, fits: Callable[[str], object]) -> str:
    """# and % take the shortest piece off, ## and %% the longest."""
    lengths = range(len(value) + 1) if len(operator) == 1 else range(len(value), -1, -1)
    for length in lengths:
        piece = value[:length] if operator[0] == "#" else value[len(value) - length :]
        if fits(piece):
            return value[length:] if operator[0] == "#" else value[: len(value) - length]
    return value


def _replaced(value: str, operator: str, pattern: Pattern) -> str | None:
    parted = next((at for at, (letter, quoted) in enumerate(pattern) if letter == "/" and not quoted), len(pattern))
    wanted, put = pattern[:parted], "".join(letter for letter, _ in pattern[parted + 1 :])
    if not wanted or wanted[0][0] in "#%" or "&" in put:
        return None
    expression = _expression(wanted)
    return None if expression is None else expression.sub(lambda _: put, value, count=0 if operator == "//" else 1)


def _expression(pattern: Pattern) -> re.Pattern[str] | None:
    """A shell pattern as a regular expression; None where it is not told.

    All but the last star take the first place at which the text after them fits, for good: none is tried again.
    """
    if any(not quoted and letter in "[\\(" for letter, quoted in pattern):
        return None
    parts = [""]
    for letter, quoted in pattern:
        if letter == "*" and not quoted:
            parts.append("")
        else:
            parts[-1] += "." if letter == "?" and not quoted else re.escape(letter)
    first, *others = parts
    within = "".join(f"(?>.*?{part})" for part in others[:-1])
    text = f"{first}{within}.*{others[-1]}" if others else first
    return re.compile(text, re.DOTALL) if len(others) <= _STARS else None
