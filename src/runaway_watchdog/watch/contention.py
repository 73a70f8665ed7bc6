"""What holds groups back: CPU limits, throttling, and waiting for a CPU. Asked of what is near hot, and in sweeps."""

import os
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

from runaway_watchdog.linux import cgroup, stat_brief
from runaway_watchdog.linux.cgroup_cpu import parse_limit, parse_throttling
from runaway_watchdog.linux.files import Paths, read
from runaway_watchdog.linux.pressure import parse_full
from runaway_watchdog.linux.schedstat import MOST_THREADS, read_threads
from runaway_watchdog.model.sampling import Contention, ThreadShares
from runaway_watchdog.watch.groups import Tree, members

_STALE_S: Final = 2.5
"""The kernel brings a group's pressure up to date every two seconds: till then a total that stands still is no news."""
_SPAN_S: Final = 5.0
"""Threads are compared over this long: a wait is counted only when it is over, so a short span may miss much of it."""
_UNSURE: Final = 0.1
"""What a thread neither ran nor waited, as far as was counted, up to this share of the time, is no sleep of its own."""


class _Seen(NamedTuple):
    total: int
    at: float
    share: float  # percent, over the last span in which the total moved


class _Periods(NamedTuple):
    ran: int
    throttled: int
    at: float
    share: float  # percent, of the last periods in which it ran


class _Threads(NamedTuple):
    counted: Mapping[str, tuple[int, int]]  # nanoseconds that each ran and waited
    at: float
    shares: ThreadShares | None


class Holds:
    """Keeps the totals of what was near hot; `forget` drops what was not asked for lately."""

    def __init__(self, paths: Paths, tree: Tree | None) -> None:
        self._paths = paths
        self._tree = tree
        self._limits = _limits_root(paths, tree)
        self._pressures: dict[str, _Seen] = {}
        self._periods: dict[str, _Periods] = {}
        self._waits: dict[int, _Seen] = {}
        self._threads: dict[int, _Threads] = {}

    def limit(self, group: str) -> float | None:
        """What a group may use, in percent of one core; None: no limit, or none that can be read."""
        if self._limits is None:
            return None
        root, version = self._limits
        if version == 2:
            return parse_limit(read(f"{root}{group}/cpu.max", 128) or b"")
        quota = read(f"{root}{group}/cpu.cfs_quota_us", 64) or b""
        return parse_limit(quota + b" " + (read(f"{root}{group}/cpu.cfs_period_us", 64) or b""))

    def throttled(self, group: str, now: float) -> float:
        """Percent of the periods since this was last asked in which the group ran into its limit."""
        text = None if self._limits is None else read(f"{self._limits[0]}{group}/cpu.stat", 4096)
        counted = None if text is None else parse_throttling(text)
        if counted is None:
            return 0.0
        ran, throttled = counted
        before = self._periods.get(group)
        share = 0.0 if before is None else before.share
        if before is not None and ran != before.ran:
            share = min(100.0, max(0, throttled - before.throttled) / max(1, ran - before.ran) * 100)
        self._periods[group] = _Periods(ran, throttled, now, share)
        return share

    def group_waited(self, group: str, now: float) -> float:
        """Percent of the time in which the group had work and none of it ran: a lower bound. 0 where it is not told.

        The kernel weighs each CPU by the time that it had work for the group (psi.c): a spinner that moved between two
        CPUs and got 3 % of one was told to have waited 49 to 79 % of each two seconds, 64 % of all (Linux 6.18).
        """
        if self._tree is None or self._tree.controller:
            return 0.0
        total_us = parse_full(read(f"{self._tree.root}{group}/cpu.pressure", 512) or b"")
        seen = self._pressures.get(group)
        if total_us is None:
            return 0.0
        if seen is not None and total_us * 1000 == seen.total and now - seen.at < _STALE_S:
            return seen.share
        seen = _advance(seen, total_us * 1000, now)
        self._pressures[group] = seen._replace(share=min(100.0, seen.share))
        return self._pressures[group].share

    def process(self, held: Contention, pid: int, now: float, *, anew: bool) -> Contention:
        """With the time for which its threads were ready and others ran, and what they wanted. `anew`: it is not the
        one of before."""
        counted = read_threads(self._paths, pid)
        if not counted:
            return held._replace(waited=0.0, threads=None)
        total = sum(waited for _, waited in counted.values())
        self._waits[pid] = _advance(None if anew else self._waits.get(pid), total, now)
        self._threads[pid] = _compare(None if anew else self._threads.get(pid), counted, now)
        return held._replace(waited=self._waits[pid].share, threads=self._threads[pid].shares)

    def is_ready(self, group: str) -> bool:
        """Does one of its living processes run or wait for a CPU at this moment, of as many as are looked at?"""
        found = () if self._tree is None else islice(members(self._tree, group), MOST_THREADS)
        return any(stat is not None and stat.ready for stat in (stat_brief.read(self._paths, pid) for pid in found))

    def group_threads(self, group: str, now: float) -> ThreadShares | None:
        """Of a group's living processes, of at most as many threads as are read of one process."""
        if self._tree is None:
            return None
        left, shares = MOST_THREADS, list[ThreadShares]()
        for pid in members(self._tree, group):
            counted = read_threads(self._paths, pid, left)
            left -= max(1, len(counted))
            self._threads[pid] = _compare(self._threads.get(pid), counted, now)
            shares += filter(None, (self._threads[pid].shares,))
            if left <= 0:
                break
        return _sum(shares)

    def forget(self, older: float) -> None:
        """Drop what was not asked for since then."""
        self._pressures = {group: seen for group, seen in self._pressures.items() if seen.at >= older}
        self._waits = {pid: seen for pid, seen in self._waits.items() if seen.at >= older}
        self._periods = {group: seen for group, seen in self._periods.items() if seen.at >= older}
        self._threads = {pid: seen for pid, seen in self._threads.items() if seen.at >= older}


def _advance(before: _Seen | None, total_ns: int, now: float) -> _Seen:
    """A total that went backwards (a thread ended, a group began anew) says nothing of this span."""
    if before is None or now <= before.at:
        return _Seen(total_ns, now, 0.0)
    return _Seen(total_ns, now, max(0, total_ns - before.total) / 1e7 / (now - before.at))


def _compare(before: _Threads | None, counted: Mapping[str, tuple[int, int]], now: float) -> _Threads:
    """What each thread would have used of the time in which it did not wait; new ones are not known yet."""
    if before is None:
        return _Threads(counted, now, None)
    if now - before.at < _SPAN_S:
        return before
    shares = []
    for thread, (ran, waited) in counted.items():
        ran_before, waited_before = before.counted.get(thread, (ran, waited))
        share = (ran - ran_before) / 1e9 / (now - before.at)
        asleep = max(0.0, 1 - share - (waited - waited_before) / 1e9 / (now - before.at) - _UNSURE)
        if share > 0 and waited >= waited_before:
            shares.append(ThreadShares(share * 100, share * 100 / (share + asleep), asleep * 100))
    return _Threads(counted, now, _sum(shares))


def _sum(shares: Sequence[ThreadShares]) -> ThreadShares:
    return ThreadShares(*(sum(each) for each in zip(*shares, strict=True))) if shares else ThreadShares(0.0, 0.0, 0.0)


def _limits_root(paths: Paths, tree: Tree | None) -> tuple[str, int] | None:
    """Where limits are, and of which version: with v1 and on a hybrid host not beside the counters."""
    if tree is None:
        return None
    if b"cpu" in (read(f"{tree.root}/cgroup.controllers", 4096) or b"").split():
        return tree.root, 2
    v1 = (f"{paths.cgroup}{hierarchy}" for hierarchy in cgroup.CPU)
    return next(((root, 1) for root in v1 if os.path.exists(f"{root}/cgroup.procs")), None)
