"""Counters and their rates; the CPU clocks of processes, most of which have not run since they were last read.

On a host without usable groups all of them are read at every look, so this loop is what such a look costs. It opens no
file, and keeps plain tuples: to make a named one takes as long as to read the kernel's clock.
"""

from collections.abc import Callable, Collection, Container, Iterable, Iterator
from typing import NamedTuple

_SHORTEST_S = 0.001  # less says nothing


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


class Ran(NamedTuple):
    """A process that has run since it was last read, or that was asked for by name."""

    pid: int
    before: Mark | None  # None: its PID has not been read before
    now: Mark


class Whole(NamedTuple):
    """A group of short lives."""

    percent: float  # of one core, now
    cpu_s: float  # since it was found to be one


class Use(NamedTuple):
    """What a group's counter says."""

    explains: float  # percent of one core, since the last look
    percent: float | None  # of one core, since it was last read; None: not known
    may_be_hot: bool  # could a rule be met in it?
    stirs: bool  # has it done anything worth speaking of since it was last read?


class ProcessClocks:
    """The CPU clocks of processes by PID, each with the moment when it was read."""

    def __init__(self, cpu_ns: Callable[[int], int | None], monotonic: Callable[[], float]) -> None:
        self._cpu_ns = cpu_ns
        self._monotonic = monotonic
        self._marks: dict[int, tuple[int, float]] = {}

    def known(self) -> Collection[int]:
        """The PIDs that were there when they were last read."""
        return self._marks.keys()

    def read(self, pids: Iterable[int], wanted: Container[int]) -> Iterator[Ran]:
        """Read them all; yields those that are new, have run, or are `wanted`. Those that are gone are forgotten."""
        cpu_ns, monotonic, marks = self._cpu_ns, self._monotonic, self._marks
        for pid in pids:
            used_ns = cpu_ns(pid)
            if used_ns is None:
                marks.pop(pid, None)
                continue
            before = marks.get(pid)
            marks[pid] = now = (used_ns, monotonic())
            if before is None:
                yield Ran(pid, None, Mark(*now))
            elif used_ns != before[0] or pid in wanted:
                yield Ran(pid, Mark(*before), Mark(*now))

    def read_since(self, pid: int, at: float) -> bool:
        """Has it been read at that time or later?"""
        mark = self._marks.get(pid)
        return mark is not None and mark[1] >= at

    def forget(self, older: float) -> None:
        """Drop those that have not been read since then."""
        for pid in [pid for pid, (_, at) in self._marks.items() if at < older]:
            del self._marks[pid]
