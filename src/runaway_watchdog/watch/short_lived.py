"""Groups that come and go: a loop of `docker run --rm`, transient units, sessions. Each is gone before a rule is met.

Their CPU is added up by kind: a parent, and a name with `*` for what differs from one to the next. A group counts as
long as it is young; one that stays speaks for itself. What was used by those that ended between two looks is what their
parent used more than all that is left in it.
"""

import re
from collections.abc import Mapping
from typing import Final

from runaway_watchdog.model.sampling import KindRate

YOUNG_S: Final = 600.0
_MOST_YOUNG: Final = 1024
_COMES_AND_GOES_S: Final = 60.0
"""For so long a level's kind is remembered: of one that lives for half a second, many looks meet none."""
_LEAST_S: Final = 0.05
"""Counters of one look are not read at one instant: a difference of less says nothing."""

_DIFFERS: Final = re.compile(r"[0-9][0-9a-f]*+|[0-9a-f]{12,}+")
_IN_A_ROW: Final = re.compile(r"\*(?:[-_.:]\*)++")
_POD: Final = re.compile(r"pod[0-9a-f]{8}[-_0-9a-f]{28}")


def kind_of(group: str) -> str:
    """Its path with `*` for what differs between groups that are made one after the other; "" for a name of its own.

    `/system.slice/docker-*.scope` of a container, `run-u*.service` of a transient unit, `job@*.service` of an instance.
    """
    above, _, name = group.rpartition("/")
    stem, instance, _ = name.partition("@")
    shape = f"{stem}@*.{name.rpartition('.')[2]}" if instance else _IN_A_ROW.sub("*", _DIFFERS.sub("*", name))
    return f"{_POD.sub('pod*', above)}/{shape}" if shape != name else ""


def is_kind(path: str) -> bool:
    """Does it stand for all groups of a kind? No unit and no container has such a name."""
    return "*" in path


def _level(path: str) -> str:
    return path.rpartition("/")[0]


class ShortLived:
    """Empty where no group has begun lately. Levels are parents of groups, by their paths."""

    def __init__(self) -> None:
        self.young: dict[str, tuple[str, float]] = {}  # groups: their kind, and when they were first listed
        self._used_s: dict[str, float] = {}  # of each kind, since the last look
        self._new_s: dict[str, float] = {}  # of each level, by groups that were not there at the last look
        self._unexplained_s: dict[str, float] = {}  # of each level, by none of those that are in it now
        self._read_at: dict[str, float] = {}  # levels
        self._moved: dict[str, tuple[str, float]] = {}  # of each level, the kind that came or went last, and when

    def began(self, path: str, at: float) -> None:
        """A group was listed for the first time."""
        kind = kind_of(path)
        if kind and len(self.young) < _MOST_YOUNG:
            self.young[path] = kind, at
            self._moved[_level(path)] = kind, at

    def used(self, path: str, cpu_s: float, *, new: bool) -> None:
        """What a group has used since the last look; of a `new` one, since it was made."""
        if path in self.young:
            kind = self.young[path][0]
            self._used_s[kind] = self._used_s.get(kind, 0.0) + cpu_s
        if new:
            level = _level(path)
            self._new_s[level] = self._new_s.get(level, 0.0) + cpu_s

    def level(self, path: str, unexplained_s: float, at: float, previous: float | None) -> None:
        """A level was read: what it used since the last look, more than the groups that were there then and now."""
        if previous is not None and self._read_at.get(path) == previous:
            self._unexplained_s[path] = unexplained_s - self._new_s.get(path, 0.0)
        self._read_at[path] = at

    def rates(
        self, at: float, span_s: float, seen: Mapping[str, tuple[int, float]], *, all_listed: bool
    ) -> list[KindRate]:
        """What the look that is over says. `seen`: groups, and when they were last listed."""
        ended = self._take_ended(at, seen, all_listed=all_listed)
        for level, unexplained_s in self._unexplained_s.items():
            kind, moved_at = self._moved.get(level, ("", at))
            if kind and unexplained_s >= _LEAST_S and at - moved_at <= _COMES_AND_GOES_S:
                self._used_s[kind] = self._used_s.get(kind, 0.0) + unexplained_s
        used_s = self._used_s
        self._used_s, self._new_s, self._unexplained_s = {}, {}, {}
        if all_listed:
            self._read_at = {level: read for level, read in self._read_at.items() if read == at}
            self._moved = {level: each for level, each in self._moved.items() if at - each[1] <= _COMES_AND_GOES_S}
        kinds = used_s.keys() | ended.keys()
        return [KindRate(each, used_s.get(each, 0.0) / span_s * 100, span_s, ended.get(each, 0)) for each in kinds]

    def _take_ended(self, at: float, seen: Mapping[str, tuple[int, float]], *, all_listed: bool) -> dict[str, int]:
        """How many of each kind are gone; those that are no longer young are not followed any more."""
        ended: dict[str, int] = {}
        for path, (kind, began) in tuple(self.young.items()):
            level = _level(path)
            if path in seen and seen[path][1] == at:
                if at - began >= YOUNG_S:
                    del self.young[path]
            elif all_listed or self._read_at.get(level) == at:
                del self.young[path]
                ended[kind] = ended.get(kind, 0) + 1
                self._moved[level] = kind, at
        return ended
