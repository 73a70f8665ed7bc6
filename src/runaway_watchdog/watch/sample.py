"""Counters -> Sample. Each look goes only as deep as it must; each step down is a proof that what is skipped is cold.

1. The host: elapsed time x CPUs - idle bounds everything on it. Below the lowest rule, nothing can have passed a rule.
2. Groups, top down: a group's usage bounds all that is in it, its dead included.
3. Processes of the hot groups, and those that are in no group.

What is tracked is read at every look, whatever the proof says: deaths, returns and resolution do not wait for it. So
are the groups whose own limit is too small for the proof. A sweep comes every half minute: it lists every group, and
reads all that may have stirred. Rates divide by the time since that very counter was read. On a crowded host the proof
asks for less: see `demand`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from typing import NamedTuple

from runaway_watchdog.linux import stat_brief as proc_stat
from runaway_watchdog.linux.clock import GRAIN_S
from runaway_watchdog.linux.files import Paths, read_boot_id, read_pids
from runaway_watchdog.linux.stat_brief import ProcessStat
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import (
    LEAST_TOLD,
    Contention,
    GroupRate,
    GroupUse,
    HostLoad,
    KindRate,
    ProcessRate,
    Sample,
)
from runaway_watchdog.watch import groups
from runaway_watchdog.watch.clocks import Clocks
from runaway_watchdog.watch.contention import Holds
from runaway_watchdog.watch.counters import Mark, ProcessClocks, Use, Whole, rate
from runaway_watchdog.watch.demand import demand, smallest_share
from runaway_watchdog.watch.families import SPAN_S, Families, is_coarse
from runaway_watchdog.watch.gate import Gate
from runaway_watchdog.watch.group_starts import GroupStarts
from runaway_watchdog.watch.load import LoadMeter
from runaway_watchdog.watch.pid_scan import PidScan
from runaway_watchdog.watch.short_lived import ShortLived

SWEEP_S = 30.0
_FORGET_S = 90.0  # a counter that three sweeps did not want is read as new
_NEAR = 0.9  # go down a little earlier than the proof asks: counters of one look are not read at one instant
_SHOWN = 0.5  # of the lowest rule: colder subjects are left out of the sample, unless they are tracked
_STIRS = 0.5  # percent of a core: below, nothing is at a limit of its own (Docker takes none below 1 %)
_CROWDED = 1.05  # tasks for each CPU: below, waiting is not worth asking for
_LASTS_S = 60.0  # who burns and is younger does not explain by itself what a coarse group uses
_YOUNGEST_S = 10 * GRAIN_S  # a start time is cut to whole ticks: no rate from a life that is hardly longer


class HostFacts(NamedTuple):
    """The host that is sampled."""

    paths: Paths
    clocks: Clocks
    boot_id: str
    tree: groups.Tree | None


def this_host(paths: Paths, clocks: Clocks) -> HostFacts:
    """What stays the same until the next boot."""
    return HostFacts(paths, clocks, read_boot_id(paths), groups.find_tree(paths))


class _Look(NamedTuple):
    """One look under way: what must be read in any case, and what has been found."""

    at: float
    first: bool
    sweep: bool
    busy: float | None  # of the whole host, in percent of one core; None: nothing is proved
    load: HostLoad
    share: float  # what something must have got to have wanted as much as the lowest rule asks for; limits apart
    tracked: Mapping[ProcKey, str]
    tracked_pids: frozenset[int]
    tracked_groups: Collection[str]
    processes: dict[ProcKey, ProcessRate]
    groups: dict[str, GroupRate]
    restarted: list[str]
    used: list[GroupUse]
    stirred: list[str]  # groups that are not hot, and have done something; in a sweep
    allowance: Iterator[int]  # one for each group that may still be listed

    def listed(self, found: Iterable[tuple[str, int]]) -> Iterator[tuple[str, int]]:
        """Paths and numbers of groups, as many of them as this look has time for."""
        return (each for each, _ in zip(found, self.allowance, strict=False))


class Sampler:
    """Keeps the counters of the last looks, and nothing else about what is cold."""

    def __init__(self, host: HostFacts, lowest: float) -> None:
        """`lowest` is the smallest `cpu` of all rules, in percent of one core."""
        self._host = host
        self.lowest = lowest
        self._gate = Gate(host.paths, host.clocks)
        self._load = LoadMeter(host.paths)
        self._holds = Holds(host.paths, host.tree)
        self._families = Families()
        self._pid_scan = PidScan(host.paths)
        self._short_lived = ShortLived()
        self._parents: dict[str, Mark] = {}  # cgroups that only hold groups
        self._groups: dict[str, Mark] = {}
        self._told: dict[str, tuple[Mark, float]] = {}  # their counters when their use was last told, and its percent
        self._processes = ProcessClocks(host.clocks.cpu_ns, host.clocks.monotonic)
        self.starts = GroupStarts(host.tree, host.clocks.monotonic())
        self._limits: dict[str, float] = {}  # of the groups that may use less than one core: in percent of it
        self._small: set[str] = set()  # those of them that were warm at the last sweep
        self._unexplained: dict[str, float] = {}  # coarse groups that used more than their living, and when they did
        self._previous: float | None = None  # the time of the look before this one
        self._swept: float | None = None

    def look(self, tracked: Mapping[ProcKey, str], tracked_groups: Collection[str]) -> Sample:
        """One sample. `tracked` (processes with their groups) and `tracked_groups` are read whatever happens.

        A tracked subject that is missing from the sample is gone.
        """
        at, wall = self._host.clocks.monotonic(), self._host.clocks.wall()
        busy = self._gate.busy_percent()
        calm = busy is not None and busy < self.lowest
        load = self._load.calm() if calm else self._load.read(at, self._gate)
        sweep = self._swept is None or at - self._swept >= SWEEP_S
        pids = frozenset(key.pid for key in tracked)
        watched = {*tracked_groups, *self._small}
        share = smallest_share(self.lowest, load)
        new = self._previous is None
        look = _Look(at, new, sweep, busy, load, share, tracked, pids, watched, {}, {}, [], [], [], groups.allowance())
        if sweep:
            self._small.clear()
        kinds: Sequence[KindRate] = ()
        if sweep or not calm:
            self._look_deep(look)
            if self._host.tree is not None and (span_s := self._since_last(look)) > 0:
                kinds = self._short_lived.rates(at, span_s, self.starts.numbers, all_listed=sweep or busy is None)
        self._read_tracked(look)
        look.restarted.extend(self.starts.take())
        if sweep:
            self._clean_up(at)
        self._previous = at
        return Sample(
            at, wall, self._gate.online_cpus, busy, tuple(look.processes.values()), tuple(look.groups.values()), load,
            tuple(look.restarted), tuple(look.used), tuple(kinds),
        )  # fmt: skip

    def _clean_up(self, at: float) -> None:
        self._swept = at
        oldest = at - _FORGET_S
        self._parents = {path: mark for path, mark in self._parents.items() if mark.at >= oldest}
        # One that is there and was cold all the time is not read, but its counter still bounds what it did since.
        there = {path for path, (_, seen) in self.starts.numbers.items() if seen >= oldest}
        self._groups = {path: mark for path, mark in self._groups.items() if mark.at >= oldest or path in there}
        self._unexplained = {path: at for path, at in self._unexplained.items() if at >= oldest}
        self._told = {path: told for path, told in self._told.items() if path in self._groups}
        self._processes.forget(oldest)
        self._holds.forget(oldest)
        self._families.forget(oldest)
        self._limits = {path: limit for path, limit in self._limits.items() if path in self._groups}
        self.starts.forget(at, self._parents)

    def candidates(self, group: str) -> Iterable[int]:
        """The processes that may belong to a group: its members; all of the host's where there is no group."""
        if self._host.tree is None or not group:
            return read_pids(self._host.paths)
        return groups.members(self._host.tree, group)

    # --- the way down ---

    def _look_deep(self, look: _Look) -> None:
        """Steps 2 and 3; in a sweep, and where nothing is proved of the host, all groups."""
        tree = self._host.tree
        if tree is None:
            everybody = self._pid_scan.everybody(self._processes.known(), anew=look.sweep)
            self._read_processes(look, everybody, "", look.busy)
            return
        # The root's own counter is summed from columns that are sampled at ticks: the host's bound serves instead.
        everything = look.sweep or look.busy is None
        explained = self._read_level(look, tree, "", everything=everything)
        rest = None if look.busy is None else max(0.0, look.busy - explained)
        if everything or rest is None or rest >= self._least(look, "") * _NEAR:
            self._read_processes(look, groups.direct_members(tree, ""), "", rest)
        if look.busy is not None and look.busy - sum(each.percent for each in look.groups.values()) >= look.share:
            self._read_stirred(look, tree)

    def _read_stirred(self, look: _Look, tree: groups.Tree) -> None:
        """Who enters and leaves groups is hot in none of them: in a sweep, where the groups that are hot do not explain
        what the host used, the clocks of all that may be it. A rate is known from the second time on."""
        for path in look.stirred:
            self._read_processes(look, groups.members(tree, path, int(look.at * 1000)), path, news=False)

    def _least(self, look: _Look, group: str) -> float:
        """What something in this group must have got to have wanted as much as the lowest rule asks for."""
        return look.share * self._limits.get(group, 100.0) / 100

    def _read_level(self, look: _Look, tree: groups.Tree, parent: str, *, everything: bool) -> float:
        """Read the groups right inside `parent`, and go into those that may be hot; into all that stir for everything.

        Returns how much of the time since the last look they explain, in percent of one core; a group that was not
        read at the last look explains nothing.
        """
        explained = 0.0
        levels = [(parent, 0.0)]  # one after the other, the outer ones first: not one within the other, nor without end
        for level, whole in levels:
            within = 0.0
            for path, number in look.listed(groups.numbered_children(tree, level)):
                if groups.holds_groups(path):
                    use = self._read_counter(look, tree, path, self._parents)
                    if use.may_be_hot or (everything and use.stirs):
                        levels.append((path, use.explains))
                    elif everything:
                        self._list_level(look, tree, path)
                    within += use.explains
                else:
                    self._note_start(look, path, number)
                    within += self._read_group(look, tree, path)
            explained = within if level == parent else explained
            if level != parent:
                self._short_lived.level(level, (whole - within) / 100 * self._since_last(look), look.at, self._previous)
                self._read_processes(look, groups.direct_members(tree, level), "")
        return explained

    def _list_level(self, look: _Look, tree: groups.Tree, parent: str) -> None:
        """What began anew in a parent that is cold with all that is in it: its counter holds theirs."""
        for path, number in groups.innermost(tree, parent, look.listed):
            self._note_start(look, path, number)

    def _note_start(self, look: _Look, path: str, number: int) -> None:
        """A group that was listed, by the number of its directory."""
        start = self.starts.note(path, number, look.at)
        if start == "again":
            look.restarted.append(path)
        elif start == "new" and not look.first:
            self._short_lived.began(path, look.at)

    def _read_group(self, look: _Look, tree: groups.Tree, path: str) -> float:
        """One owner-level group, and its processes if a rule could be met in it. Returns what it explains."""
        use = self._read_counter(look, tree, path, self._groups)
        if use.may_be_hot or path in self._unexplained:
            self._read_processes(look, groups.members(tree, path, int(look.at * 1000)), path, use.percent)
        elif look.sweep and use.stirs:
            look.stirred.append(path)
        return use.explains

    def _note_limit(self, path: str) -> float | None:
        """Its limit now; one that is smaller than a core is remembered."""
        limit = self._holds.limit(path)
        if limit is not None and limit < 100:
            self._limits[path] = limit
        else:
            self._limits.pop(path, None)
        return limit

    def _read_counter(self, look: _Look, tree: groups.Tree, path: str, marks: dict[str, Mark]) -> Use:
        """Of a group, or of a parent of groups."""
        used = groups.usage_ns(tree, path)
        if used is None:
            return Use(0.0, None, may_be_hot=True, stirs=True)  # it does not count, or has just gone
        now = Mark(used, self._host.clocks.monotonic())
        before = marks.get(path)
        marks[path] = now
        percent, span_s = (0.0, 0.0) if before is None else rate(before, now)
        stirs = before is None or percent * span_s >= _STIRS * min(span_s, SWEEP_S)
        if marks is self._groups:
            if look.sweep and stirs:
                self._note_limit(path)
            warm = percent >= self._least(look, path) * _SHOWN
            shown = warm or path in look.tracked_groups
            if shown:
                look.groups[path] = self._group_rate(look, path, percent, span_s, warm=warm)
            if shown or look.sweep:
                self._tell_use(look, path, self._told.get(path, (before or now, 0.0)), now)
        if before is None:
            if not look.first and marks is self._groups:
                self._short_lived.used(path, used / 1e9, new=True)
            return Use(0.0, None, may_be_hot=not look.first, stirs=True)
        if path in self._short_lived.young:
            self._short_lived.used(path, percent / 100 * min(span_s, self._since_last(look)), new=False)
        # Looks that did not come here proved it cold, so only the time since the last look is open. The mean of an
        # older counter says little about that: the sum has to do.
        open_s = span_s if self._previous is None else min(span_s, look.at - self._previous)
        fresh = self._previous is not None and before.at >= self._previous
        may_be_hot = percent * span_s >= self._least(look, path) * _NEAR * open_s
        return Use(percent if fresh else 0.0, percent, may_be_hot, stirs)

    def _since_last(self, look: _Look) -> float:
        """Seconds."""
        return 0.0 if self._previous is None else look.at - self._previous

    def _tell_use(self, look: _Look, path: str, told: tuple[Mark, float], now: Mark) -> None:
        """For the curves, which want to know of what is far from hot, too.

        Where the looks before this one had no reason to come here, what may have made it warm is of the newest time: as
        much as is more than its use so far, and no more than the host has used since.
        """
        percent, span_s = rate(told[0], now)
        fresh_s = span_s if self._previous is None else look.at - self._previous
        used_s, late_s = percent * span_s / 100, 0.0
        if look.busy is not None and span_s > fresh_s > 0:
            late_s = max(0.0, min(used_s - told[1] * span_s / 100, fresh_s * look.busy / 100))
        if late_s > self._least(look, path) * _SHOWN / 100 * fresh_s:
            look.used.append(GroupUse(path, late_s, fresh_s))
        else:
            late_s = 0.0
        if percent >= LEAST_TOLD:
            look.used.append(GroupUse(path, used_s - late_s, span_s))
        self._told[path] = now, percent

    def _group_rate(self, look: _Look, path: str, percent: float, span_s: float, *, warm: bool) -> GroupRate:
        """What held a group back is asked of warm ones alone; of those that were found, whether they are starved."""
        held = Contention(limit=self._limits.get(path), steal=look.load.steal)
        if warm:
            held = held._replace(limit=self._note_limit(path))
            if path in self._limits:
                self._small.add(path)
                held = held._replace(throttled=self._holds.throttled(path, look.at))
        if look.load.crowding > _CROWDED:
            held = held._replace(waited=self._holds.group_waited(path, look.at))
            if warm and percent + held.waited < self.lowest and self._holds.is_ready(path):
                held = held._replace(waited=max(held.waited, 100 - percent))  # just now: each look is one of many
            if percent < self.lowest <= (demand(percent, held, look.load) if warm else percent + held.waited):
                held = held._replace(threads=self._holds.group_threads(path, look.at))
        return GroupRate(path, percent, span_s, demand(percent, held, look.load), held)

    def _read_processes(
        self, look: _Look, pids: Iterable[int], group: str, total: float | None = None, *, news: bool = True
    ) -> None:
        """`total` is what all of the group used, in percent of one core; None: not known. `news`: may one burn that was
        not there before?"""
        least, own, with_children = self._least(look, group), 0.0, total is not None and group in self._unexplained
        asked: Set[int] = self._families.to_ask(group, look.at) if with_children else frozenset()
        whole = None
        if with_children and total is not None:
            whole = Whole(total, self._families.total_s(group, total, look.at))
        for pid, before, now in self._processes.read(pids, look.tracked_pids | asked):
            percent, lasts = 0.0 if before is None else rate(before, now)[0], True
            if with_children and (before is None or now.used_ns != before.used_ns):
                self._families.ran(group, pid)
            hot = (news and not look.first) if before is None else percent >= least * _SHOWN
            if hot or pid in asked or pid in look.tracked_pids:
                lasts = self._identify(look, pid, group, before, now, whole if pid in asked else None)
            own += percent if lasts else 0.0
        if total is not None and is_coarse(group):
            self._note_unexplained(look, group, used_more=total - own >= least * _SHOWN)

    def _note_unexplained(self, look: _Look, group: str, *, used_more: bool) -> None:
        """A group of short lives stays one for a while: a busy host lets it run at one look, and not at the next."""
        if used_more:
            self._unexplained[group] = look.at
        elif look.at - self._unexplained.get(group, look.at) > SPAN_S:
            del self._unexplained[group]

    def _identify(self, look: _Look, pid: int, group: str, before: Mark | None, now: Mark, whole: Whole | None) -> bool:
        """Only now is it worth reading who that is: a reused PID is told apart by its start time.

        Up to what the `whole` group used, the children that it has buried count as its own. False: it is gone, or so
        young that it may be one of many.
        """
        stat = proc_stat.read(self._host.paths, pid)
        if stat is None or stat.dead:
            return False
        key = ProcKey(self._host.boot_id, pid, stat.start_ticks)
        percent, span_s = self._process_rate(stat, before, now)
        if whole is not None:
            rates = self._families.rates(pid, stat, whole.cpu_s, now.at)
            percent = max(percent, min(max(whole.percent, rates.group), percent + rates.children))
        hot = percent >= self._least(look, group) * _SHOWN
        if hot and key in look.tracked and (group not in look.groups or look.groups[group].percent < percent / 2):
            group = groups.group_of(self._host.paths, self._host.tree, pid)  # it has left the one where it was last
        if hot or key in look.tracked:
            held = self._held(look, key, group, anew=before is None or span_s < now.at - before.at)
            look.processes[key] = ProcessRate(key, group, percent, span_s, demand(percent, held, look.load), held)
        return self._host.clocks.boottime() - stat.start_s >= _LASTS_S

    def _held(self, look: _Look, key: ProcKey, group: str, *, anew: bool) -> Contention:
        """What its group's limit, others and the provider keep from a process."""
        rate_of_group = look.groups.get(group)
        held = Contention(steal=look.load.steal) if rate_of_group is None else rate_of_group.held
        return held if look.load.crowding <= _CROWDED else self._holds.process(held, key.pid, look.at, anew=anew)

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
                if path in self._limits or path in self._unexplained:
                    self._read_group(look, self._host.tree, path)
                else:
                    self._read_counter(look, self._host.tree, path, self._groups)
        for key, group in look.tracked.items():
            if not self._processes.read_since(key.pid, look.at):
                self._read_processes(look, (key.pid,), group)
