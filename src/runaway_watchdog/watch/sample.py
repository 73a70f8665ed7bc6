"""Counters -> Sample. Each look goes only as deep as it must; each step down is a proof that what is skipped is cold.

1. The host: elapsed time x CPUs - idle bounds everything on it. Below the lowest rule, nothing can have passed a rule.
2. Groups, top down: a group's usage bounds all that is in it, its dead included.
3. Processes of the hot groups, and those that are in no group.

What is tracked is read at every look, whatever the proof says: deaths, returns and resolution do not wait for it. A
sweep that looks at every group comes every half minute. Rates divide by the time since that very counter was read.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, TypeVar

from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import GroupRate, ProcessRate, Sample
from runaway_watchdog.watch import groups
from runaway_watchdog.watch.clocks import GRAIN_S, Clocks, Paths, ProcessStat, read_boot_id, read_pids, read_stat
from runaway_watchdog.watch.gate import Gate

SWEEP_S = 30.0
_FORGET_S = 90.0  # a counter that three sweeps did not want is read as new
_NEAR = 0.9  # go down a little earlier than the proof asks: counters of one look are not read at one instant
_SHOWN = 0.5  # of the lowest rule: colder subjects are left out of the sample, unless they are tracked
_SHORTEST_S = 0.001  # less says nothing
_YOUNGEST_S = 10 * GRAIN_S  # a start time is cut to whole ticks: no rate from a life that is hardly longer

_Name = TypeVar("_Name", int, str)


class Host(NamedTuple):
    """The host that is sampled."""

    paths: Paths
    clocks: Clocks
    boot_id: str
    tree: groups.Tree | None


def this_host(paths: Paths, clocks: Clocks) -> Host:
    """What stays the same until the next boot."""
    return Host(paths, clocks, read_boot_id(paths), groups.find_tree(paths))


class Mark(NamedTuple):
    """A counter when it was last read."""

    used_ns: int
    at: float


def rate(before: Mark, after: Mark) -> tuple[float, float]:
    """Percent of one core, and the span that it speaks of; never negative.

    A counter that went backwards is a new thing that began at 0 after `before`: all it has used, it used since then.
    """
    span_s = after.at - before.at
    if span_s < _SHORTEST_S:
        return 0.0, 0.0
    used_ns = after.used_ns - before.used_ns if after.used_ns >= before.used_ns else after.used_ns
    return used_ns / 1e7 / span_s, span_s


class _Look(NamedTuple):
    """One look under way: what must be read in any case, and what has been found."""

    at: float
    first: bool
    tracked: Mapping[ProcKey, str]
    tracked_pids: frozenset[int]
    tracked_groups: Collection[str]
    processes: dict[ProcKey, ProcessRate]
    groups: dict[str, GroupRate]


class Sampler:
    """Keeps the counters of the last looks, and nothing else about what is cold."""

    def __init__(self, host: Host, lowest: float) -> None:
        """`lowest` is the smallest `cpu` of all rules, in percent of one core."""
        self._host = host
        self.lowest = lowest
        self._gate = Gate(host.paths, host.clocks)
        self._parents: dict[str, Mark] = {}  # cgroups that only hold groups
        self._groups: dict[str, Mark] = {}
        self._processes: dict[int, Mark] = {}
        self._previous: float | None = None  # the time of the look before this one
        self._swept: float | None = None

    def look(self, tracked: Mapping[ProcKey, str], tracked_groups: Collection[str]) -> Sample:
        """One sample. `tracked` (processes with their groups) and `tracked_groups` are read whatever happens.

        A tracked subject that is missing from the sample is gone.
        """
        at, wall = self._host.clocks.monotonic(), self._host.clocks.wall()
        pids = frozenset(key.pid for key in tracked)
        look = _Look(at, self._previous is None, tracked, pids, tracked_groups, {}, {})
        busy = self._gate.busy_percent()
        sweep = self._swept is None or at - self._swept >= SWEEP_S
        if sweep or busy is None or busy >= self.lowest:
            self._look_deep(look, None if sweep else busy)
        self._read_tracked(look)
        if sweep:
            self._swept = at
            oldest = at - _FORGET_S
            _forget(self._parents, oldest)
            _forget(self._groups, oldest)
            _forget(self._processes, oldest)
        self._previous = at
        return Sample(
            at, wall, self._gate.online_cpus, busy, tuple(look.processes.values()), tuple(look.groups.values())
        )

    def candidates(self, group: str) -> Iterable[int]:
        """The processes that may belong to a group: its members; all of the host's where there is no group."""
        if self._host.tree is None or not group:
            return read_pids(self._host.paths)
        return groups.members(self._host.tree, group)

    # --- the way down ---

    def _look_deep(self, look: _Look, busy: float | None) -> None:
        """Steps 2 and 3. `busy` is the host's, in percent of one core; None: nothing is proved, read every group."""
        tree = self._host.tree
        if tree is None:
            self._read_processes(look, read_pids(self._host.paths), "")
            return
        # The root's own counter is summed from columns that are sampled at ticks: the host's bound serves instead.
        explained = self._read_level(look, tree, "", everything=busy is None)
        if busy is None or busy - explained >= self.lowest * _NEAR:
            self._read_processes(look, groups.direct_members(tree, ""), "")

    def _read_level(self, look: _Look, tree: groups.Tree, parent: str, *, everything: bool) -> float:
        """Read the groups right inside `parent`, and go into those that may be hot.

        Returns how much of the time since the last look they explain, in percent of one core; a group that was not
        read at the last look explains nothing.
        """
        explained = 0.0
        for path in groups.children(tree, parent):
            if groups.is_parent(path.rpartition("/")[2]):
                percent, may_be_hot = self._read_counter(look, tree, path, self._parents)
                if may_be_hot or everything:
                    self._read_level(look, tree, path, everything=everything)
                    self._read_processes(look, groups.direct_members(tree, path), "")
            else:
                percent, may_be_hot = self._read_counter(look, tree, path, self._groups)
                if may_be_hot:
                    self._read_processes(look, groups.members(tree, path), path)
            explained += percent
        return explained

    def _read_counter(self, look: _Look, tree: groups.Tree, path: str, marks: dict[str, Mark]) -> tuple[float, bool]:
        """What a group explains (see `_read_level`), and whether a rule could be met in it."""
        used = groups.usage_ns(tree, path)
        if used is None:
            return 0.0, True  # it does not count, or has just gone
        now = Mark(used, self._host.clocks.monotonic())
        before = marks.get(path)
        marks[path] = now
        percent, span_s = (0.0, 0.0) if before is None else rate(before, now)
        if marks is self._groups and (path in look.tracked_groups or percent >= self.lowest * _SHOWN):
            look.groups[path] = GroupRate(path, percent, span_s)
        if before is None:
            return 0.0, not look.first
        # Looks that did not come here proved it cold, so only the time since the last look is open. The mean of an
        # older counter says little about that: the sum has to do.
        open_s = span_s if self._previous is None else min(span_s, look.at - self._previous)
        fresh = self._previous is not None and before.at >= self._previous
        return percent if fresh else 0.0, percent * span_s >= self.lowest * _NEAR * open_s

    def _read_processes(self, look: _Look, pids: Iterable[int], group: str) -> None:
        shown = self.lowest * _SHOWN
        for pid in pids:
            used = self._host.clocks.cpu_ns(pid)
            if used is None:
                self._processes.pop(pid, None)
                continue
            now = Mark(used, self._host.clocks.monotonic())
            before = self._processes.get(pid)
            self._processes[pid] = now
            hot = not look.first if before is None else rate(before, now)[0] >= shown
            if hot or pid in look.tracked_pids:
                self._identify(look, pid, group, before, now)

    def _identify(self, look: _Look, pid: int, group: str, before: Mark | None, now: Mark) -> None:
        """Only now is it worth reading who that is: a reused PID is told apart by its start time."""
        stat = read_stat(self._host.paths, pid)
        if stat is None or stat.dead:
            return
        key = ProcKey(self._host.boot_id, pid, stat.start_ticks)
        percent, span_s = self._process_rate(stat, before, now)
        if percent >= self.lowest * _SHOWN or key in look.tracked:
            look.processes[key] = ProcessRate(key, group, percent, span_s)

    def _process_rate(self, stat: ProcessStat, before: Mark | None, now: Mark) -> tuple[float, float]:
        """A process that started after its PID was last read used all that it used since it started."""
        age_s = self._host.clocks.boottime() - stat.start_s
        if before is not None and age_s > now.at - before.at and now.used_ns >= before.used_ns:
            return rate(before, now)
        return (now.used_ns / 1e7 / age_s, age_s) if _YOUNGEST_S <= age_s <= SWEEP_S else (0.0, 0.0)

    def _read_tracked(self, look: _Look) -> None:
        """Whatever is tracked and was not read on the way down."""
        for path in look.tracked_groups:
            mark = self._groups.get(path)
            if self._host.tree is not None and (mark is None or mark.at < look.at):
                self._read_counter(look, self._host.tree, path, self._groups)
        for key, group in look.tracked.items():
            mark = self._processes.get(key.pid)
            if mark is None or mark.at < look.at:
                self._read_processes(look, (key.pid,), group)


def _forget(marks: dict[_Name, Mark], older: float) -> None:
    """Drop the marks of what is gone or has long been cold."""
    for name in [name for name, mark in marks.items() if mark.at < older]:
        del marks[name]
