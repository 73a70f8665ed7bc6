"""Regular expressions that are compiled when they are first used: an explanation needs a few of those that its files
hold, and compiling all took a fifth of its time."""

import re
from collections.abc import Iterator
from typing import Any


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
