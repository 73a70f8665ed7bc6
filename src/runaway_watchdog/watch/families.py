"""Who starts what burns, where a group is too coarse to say so: all cron jobs share one unit, a login session holds all
that was started in it, and the root belongs to nobody. There the CPU of children that are gone is told by whoever
waited for them (cutime + cstime)."""

from collections.abc import Set
from typing import Final, NamedTuple

from runaway_watchdog.linux.cgroup import system_unit
from runaway_watchdog.linux.stat_brief import ProcessStat

SPAN_S: Final = 10.0
"""A child's time comes in one lump, when it ends: over less than this, a loop of 1.5 s programs goes up and down."""
_ASLEEP_S: Final = 60.0
"""Who has not been asked for so long has not run: a rate since then would hide what has just begun."""
_EVERYONE_S: Final = 5.0
"""So often all are asked that have run since: who waits for a child has run, and most of a host's processes sleep. On a
host without groups, or in a container whose /proc/stat tells of the whole machine, there is always CPU that no process
explains. Between, only those whose children burn are asked."""
_ASKED_PER_S: Final = 300.0
"""At most, in the long run: 20 us each. Three thousand that never sleep are asked every ten seconds, which is as long
as their children's times are counted over."""
_BREEDS: Final = 5.0
SCHEDULERS: Final = (
    "cron.service",
    "crond.service",
    "cronie.service",
    "anacron.service",
    "atd.service",
    "fcron.service",
)


def is_coarse(group: str) -> bool:
    """Does this group hold jobs that have nothing to do with each other?"""
    name = system_unit(group)
    return not group or name in SCHEDULERS or (name.startswith("session-") and name.endswith(".scope"))


class _Mark(NamedTuple):
    start_ticks: int
    children_s: float
    group_s: float
    at: float


class Rates(NamedTuple):
    """Of one process, in percent of one core, over the same seconds."""

    children: float  # what those used that it has waited for; all that one used in hours comes in one lump
    group: float  # what its whole group used, which they cannot have used more than


class _Total(NamedTuple):
    cpu_s: float
    at: float


class Families:
    """For each process two marks, ten seconds apart or more: rates are over that span."""

    def __init__(self) -> None:
        self._marks: dict[int, tuple[_Mark, _Mark]] = {}
        self._totals: dict[str, _Total] = {}
        self._breeding: set[int] = set()
        self._ran: dict[str, set[int]] = {}  # of each group, those that have run since they were last asked
        self._due: dict[str, float] = {}  # groups, and when these are asked again

    def ran(self, group: str, pid: int) -> None:
        """A member of a group has run since the last look."""
        self._ran.setdefault(group, set()).add(pid)

    def to_ask(self, group: str, now: float) -> Set[int]:
        """Who is to be asked at this look. When it is everybody's turn: the more there are, the longer is the pause."""
        if now < self._due.get(group, now):
            return frozenset(self._breeding)
        everyone = self._ran.pop(group, set())
        if everyone:
            self._due[group] = now + max(_EVERYONE_S, len(everyone) / _ASKED_PER_S)
        return everyone | self._breeding

    def total_s(self, group: str, percent: float, now: float) -> float:
        """What a group has used since it was first told here, with the `percent` of one core that it uses now."""
        before = self._totals.get(group, _Total(0.0, now))
        self._totals[group] = _Total(before.cpu_s + percent / 100 * (now - before.at), now)
        return self._totals[group].cpu_s

    def rates(self, pid: int, stat: ProcessStat, group_s: float, now: float) -> Rates:
        """Over ten to twenty seconds; `group_s` is its group's `total_s`. Nothing while it is known for too short."""
        mark = _Mark(stat.start_ticks, stat.children_s, group_s, now)
        older, newer = self._marks.get(pid, (mark, mark))
        is_new = older.start_ticks != stat.start_ticks or stat.children_s < older.children_s
        if is_new or now - newer.at > _ASLEEP_S:
            older = newer = mark
        if now - newer.at >= SPAN_S:
            older, newer = newer, mark
        self._marks[pid] = (older, newer)
        span_s = now - older.at
        rates = Rates(0.0, 0.0)
        if span_s >= SPAN_S / 2:
            children_s, whole_s = stat.children_s - older.children_s, group_s - older.group_s
            rates = Rates(children_s / span_s * 100, whole_s / span_s * 100)
        (self._breeding.add if rates.children >= _BREEDS else self._breeding.discard)(pid)
        return rates

    def forget(self, older: float) -> None:
        """Drop those that have not been asked for since then."""
        self._marks = {pid: marks for pid, marks in self._marks.items() if marks[1].at >= older - SPAN_S}
        self._breeding &= self._marks.keys()
        self._totals = {group: total for group, total in self._totals.items() if total.at >= older}
        self._due = {group: at for group, at in self._due.items() if at >= older}
        self._ran = {group: pids for group, pids in self._ran.items() if group in self._due}
