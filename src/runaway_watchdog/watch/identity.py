"""Which work a process is: what the lineage has to know of it, read from /proc."""

from collections.abc import Iterable, Mapping
from typing import Final

from runaway_watchdog.linux import cmdline, stat_brief as proc_stat
from runaway_watchdog.linux.files import read_pids
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.watch.groups import group_of
from runaway_watchdog.watch.lineage import Seen, lineage_key
from runaway_watchdog.watch.sample import HostFacts, Sampler

_REFRESH_S: Final = 30.0
_SETTLED_S: Final = 5.0
"""Between fork and exec a process still bears its parent's name: one that is younger is looked at again."""


def look_at(host: HostFacts, pid: int) -> Seen | None:
    """Who this is now; None: gone."""
    stat = proc_stat.read(host.paths, pid)
    if stat is None:
        return None
    group, argv = group_of(host.paths, host.tree, pid), cmdline.read(host.paths, pid)
    key = ProcKey(host.boot_id, pid, stat.start_ticks)
    return Seen(key, group, lineage_key(group, stat.comm, argv), stat.comm, argv, stat.start_s)


def look_again(host: HostFacts, key: ProcKey) -> Seen | None:
    """The same, of one certain process; None: gone, or its PID is another's now."""
    seen = look_at(host, key.pid)
    return seen if seen is not None and seen.key == key else None


class Newcomers:
    """Finds the processes that started in awaited groups since a death.

    Where there is no group to look in, every process of the host may be one. Those that started before, and those that
    were looked at when they had had time to become what they are, are then remembered by PID for half a minute: one
    that is reused meanwhile is looked at after that.
    """

    def __init__(self, host: HostFacts, sampler: Sampler) -> None:
        self._host = host
        self._sampler = sampler
        self._passed: set[int] = set()
        self._refreshed = 0.0
        self._horizon = 0.0

    def find(self, awaited: Mapping[str, float], known: Iterable[ProcKey]) -> list[Seen]:
        """`awaited`: groups, and from which start on (seconds after boot); `known` processes are left out."""
        known_pids = {key.pid for key in known}
        found: list[Seen] = []
        for group, earliest in awaited.items():
            pids = self._strangers(earliest) if not group else self._sampler.candidates(group)
            found += self._started_since(earliest, (pid for pid in pids if pid not in known_pids), group)
        return found

    def _started_since(self, earliest: float, pids: Iterable[int], group: str) -> list[Seen]:
        found: list[Seen] = []
        boottime = self._host.clocks.boottime()
        for pid in pids:
            stat = proc_stat.read(self._host.paths, pid)
            if stat is None:
                continue
            if not group and (stat.start_s < earliest or boottime - stat.start_s >= _SETTLED_S):
                self._passed.add(pid)
            if stat.start_s < earliest:
                continue
            seen = look_at(self._host, pid)
            if seen is not None and seen.group == group:
                found.append(seen)
        return found

    def _strangers(self, earliest: float) -> list[int]:
        """A death that lies before the last one waited for makes old processes new ones."""
        now = self._host.clocks.boottime()
        if now - self._refreshed >= _REFRESH_S or earliest < self._horizon:
            self._passed.clear()
            self._refreshed = now
        self._horizon = earliest
        return [pid for pid in read_pids(self._host.paths) if pid not in self._passed]
