"""What the watch keeps of CPU over time: the host's, and that of every group. The store makes it coarser.

It is gathered in stretches of ten seconds and handed over once a minute. A group that is far from hot is read in sweeps
alone; what it used in between is spread over the stretches since, also over those that were handed over.

Bounded: a dozen stretches, in each of them one number a group, for at most `_MOST_HELD` of them.
"""

from collections import deque
from typing import Final, NamedTuple

from runaway_watchdog.linux.files import Paths
from runaway_watchdog.linux.host import HostTimes, read_times
from runaway_watchdog.model.sampling import GroupUse, Sample
from runaway_watchdog.store.curves import HOST, MOST_GROUPS, RESOLUTIONS, Used

_LONGEST_S: Final = float(RESOLUTIONS[0].step_s)
_KEPT: Final = 12
_MOST_HELD: Final = 4 * MOST_GROUPS
"""Groups in one stretch: more than the store has room for, so that the busiest of them can be chosen."""


class Stretch(NamedTuple):
    """What was used in `watched_s` seconds, the host first, then the busiest group; more may follow, with 0 seconds."""

    used: tuple[Used, ...]
    watched_s: float
    wall: float  # its end


class _Gathered:
    """One stretch: its bounds (monotonic), and what was not handed over yet."""

    __slots__ = ("began", "cpu_s", "ended", "host", "wall", "watched_s")

    def __init__(self, began: float, wall: float) -> None:
        self.began = self.ended = began
        self.wall = wall
        self.watched_s = 0.0
        self.host: tuple[Used, ...] = ()
        self.cpu_s: dict[str, float] = {}

    def add(self, use: GroupUse, at: float) -> None:
        """The part of it that lies here, of what was used until `at`."""
        share = (min(self.ended, at) - max(self.began, at - use.span_s)) / use.span_s
        if share > 0 and (use.group in self.cpu_s or len(self.cpu_s) < _MOST_HELD):
            self.cpu_s[use.group] = self.cpu_s.get(use.group, 0.0) + share * use.cpu_s

    def take(self) -> Stretch:
        busiest_first = sorted((Used(*each) for each in self.cpu_s.items()), key=lambda each: -each.cpu_s)
        taken = Stretch((*self.host, *busiest_first), self.watched_s, self.wall)
        self.watched_s, self.host, self.cpu_s = 0.0, (), {}
        return taken


class History:
    """Sums up between two writes to the store."""

    def __init__(self, paths: Paths, now: float) -> None:
        """`now` is the time of the samples that follow: monotonic, seconds."""
        self._paths = paths
        self._host = read_times(paths)
        self._stretches = deque((_Gathered(now, 0.0),), maxlen=_KEPT)

    def note(self, sample: Sample) -> None:
        """Add what one look saw."""
        newest = self._stretches[-1]
        newest.watched_s += sample.at - newest.ended
        newest.ended, newest.wall = sample.at, sample.wall
        for use in sample.used:
            for stretch in self._stretches:
                if stretch.ended > sample.at - use.span_s:
                    stretch.add(use, sample.at)
        if newest.ended - newest.began >= _LONGEST_S:
            self._end(newest)

    def take(self) -> tuple[Stretch, ...]:
        """What was not handed over yet, the oldest stretch first. The newest ends with that."""
        if self._stretches[-1].watched_s > 0:
            self._end(self._stretches[-1])
        waiting = [each for each in self._stretches if each.watched_s > 0 or each.cpu_s]
        return tuple(each.take() for each in waiting)

    def _end(self, ended: _Gathered) -> None:
        """The host's part of it is read now, and the next one begins."""
        before, self._host = self._host, read_times(self._paths)
        ended.host = _host(before, self._host, ended.ended - ended.began)
        self._stretches.append(_Gathered(ended.ended, ended.wall))


def _host(before: HostTimes | None, after: HostTimes | None, watched_s: float) -> tuple[Used, ...]:
    """The host's busy time: what was not idle. None of it where it cannot be told (see `gate`)."""
    if before is None or after is None or before.online_cpus != after.online_cpus or after.idle_s < before.idle_s:
        return ()
    return (Used(HOST, max(0.0, watched_s * after.online_cpus - (after.idle_s - before.idle_s))),)
