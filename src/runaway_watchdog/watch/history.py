"""What the watch keeps of CPU over time: the host's, and that of every group that was warm. The store makes it coarser.

Bounded: between two writes one number a group, for at most `MOST_GROUPS` of them.
"""

from runaway_watchdog.model.sampling import Sample
from runaway_watchdog.store.curves import HOST, MOST_GROUPS, Used
from runaway_watchdog.watch.clocks import HostTimes, Paths, read_host_times


class History:
    """Sums up between two writes to the store."""

    def __init__(self, paths: Paths, now: float) -> None:
        """`now` is the time of the samples that follow: monotonic, seconds."""
        self._paths = paths
        self._cpu_s: dict[str, float] = {}
        self._host = read_host_times(paths)
        self._since = self._noted = now

    def note(self, sample: Sample) -> None:
        """Add what one look saw. What an older counter says of the time before the last look is its mean."""
        looked_s = sample.at - self._noted
        self._noted = sample.at
        for each in sample.groups:
            cpu_s = each.percent / 100 * min(each.span_s, looked_s)
            if each.group and cpu_s > 0 and (each.group in self._cpu_s or len(self._cpu_s) < MOST_GROUPS):
                self._cpu_s[each.group] = self._cpu_s.get(each.group, 0.0) + cpu_s

    def take(self) -> tuple[tuple[Used, ...], float]:
        """What has been used since this was last asked, and for how long the watch looked; the busiest group first."""
        watched_s = self._noted - self._since
        before, self._host = self._host, read_host_times(self._paths)
        used = sorted((Used(*each) for each in self._cpu_s.items()), key=lambda each: -each.cpu_s)
        self._cpu_s = {}
        self._since = self._noted
        return (*_host(before, self._host, watched_s), *used), watched_s


def _host(before: HostTimes | None, after: HostTimes | None, watched_s: float) -> tuple[Used, ...]:
    """The host's busy time: what was not idle. None of it where it cannot be told (see `gate`)."""
    if before is None or after is None or before.online_cpus != after.online_cpus or after.idle_s < before.idle_s:
        return ()
    return (Used(HOST, max(0.0, watched_s * after.online_cpus - (after.idle_s - before.idle_s))),)
