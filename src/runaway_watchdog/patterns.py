"""Regular expressions that are compiled when they are first used: an explanation needs a few of those that its files
hold, and compiling all took a fifth of its time. And expressions that others have written, in a line or in a file.

What the package itself writes down takes a time that grows with the text: a test feeds each its worst.
"""

import re
from collections.abc import Iterator
from typing import Any, Final


class Pattern:
    """As re.compile, later. Its methods are those of re.Pattern."""

    __slots__ = ("_compiled", "_flags", "pattern")

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self.pattern = pattern
        self._flags = flags
        self._compiled: re.Pattern[str] | None = None

    def compiled(self) -> re.Pattern[str]:
        """The expression itself; compiled now, if it was not yet."""
        if self._compiled is None:
            self._compiled = re.compile(self.pattern, self._flags)
        return self._compiled

    def match(self, text: str, position: int = 0) -> re.Match[str] | None:
        return self.compiled().match(text, position)

    def fullmatch(self, text: str) -> re.Match[str] | None:
        return self.compiled().fullmatch(text)

    def search(self, text: str, position: int = 0) -> re.Match[str] | None:
        return self.compiled().search(text, position)

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        return self.compiled().finditer(text)

    def findall(self, text: str) -> list[Any]:
        return self.compiled().findall(text)

    def sub(self, new: Any, text: str) -> str:
        return self.compiled().sub(new, text)

    def split(self, text: str) -> list[str | Any]:
        return self.compiled().split(text)


_MOST_REPEATS: Final = 4
_PARTS: Final = Pattern(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*+\]?|[()|*+?]|\{\d*,\d*\}", re.DOTALL)


def given(text: str, flags: int = 0) -> re.Pattern[str]:
    """Somebody else's expression. Raises re.error, also for one that some text would keep busy for ever: repeats of
    what itself repeats or has alternatives, `(a+)+`, and many repeats in a row."""
    groups, count, last = [False], 0, False  # whether each open group, and the one that just ended, holds such things
    for found in _PARTS.finditer(text):
        part, ended = found[0], last
        last = False
        if part == "(":
            groups.append(False)
        elif part == ")" and len(groups) > 1:
            last = groups.pop()
            groups[-1] = groups[-1] or last
        elif part in ("*", "+") or part.endswith("}"):
            count += 1
            if count > _MOST_REPEATS or (ended and text[found.start() - 1] == ")"):
                raise re.error("it repeats too often to be tried")
            groups[-1] = True
        elif part in ("|", "?"):
            groups[-1] = True
    return re.compile(text, flags)
