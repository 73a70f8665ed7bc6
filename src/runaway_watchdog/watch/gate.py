"""The host gate: one read of /proc/stat bounds everything that runs on the host."""

from runaway_watchdog.linux.clock import GRAIN_S
from runaway_watchdog.linux.files import Paths
from runaway_watchdog.linux.host import HostTimes, read_times, times_are_virtual
from runaway_watchdog.watch.clocks import Clocks

_MARGIN_S = 4 * GRAIN_S
"""Idle and iowait are cut to whole ticks, at both ends of the span."""


class Gate:
    """How much of the host was busy since it was last asked."""

    def __init__(self, paths: Paths, clocks: Clocks) -> None:
        self._paths = paths
        self._clocks = clocks
        self._virtual = times_are_virtual(paths)
        self._before: tuple[HostTimes, float] | None = None
        self.online_cpus = 1
        self.steal_percent = 0.0  # of the host's time, since the last look
        self.running: int | None = None  # tasks that run or are ready to, ours included

    def busy_percent(self) -> float | None:
        """An upper bound, in percent of one core: steal and interrupts count in. None: nothing can be proved."""
        times = read_times(self._paths)
        now = self._clocks.monotonic()
        before, self.steal_percent, self.running = self._before, 0.0, None
        if times is None:
            self._before = None
            return None
        self.online_cpus, self.running = times.online_cpus, times.running
        self._before = (times, now)
        if before is None or self._virtual:
            return None
        self.steal_percent = _steal(before[0], times, now - before[1])
        return _busy(before[0], times, now - before[1])


def _busy(before: HostTimes, after: HostTimes, span_s: float) -> float | None:
    """None where CPUs came or went, or the idle columns went backwards (they may: see proc(5) on iowait)."""
    idle_s = after.idle_s - before.idle_s
    if span_s <= 0 or idle_s < 0 or before.online_cpus != after.online_cpus:
        return None
    return max(0.0, span_s * after.online_cpus - idle_s + _MARGIN_S) / span_s * 100


def _steal(before: HostTimes, after: HostTimes, span_s: float) -> float:
    """In percent of all CPUs' time. Nothing where it cannot be told: the column may go backwards, too."""
    if span_s <= 0 or before.online_cpus != after.online_cpus:
        return 0.0
    return min(100.0, max(0.0, after.steal_s - before.steal_s) / (span_s * after.online_cpus) * 100)
