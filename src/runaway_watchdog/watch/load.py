"""How crowded the host is: /proc/loadavg and /proc/pressure/cpu, read only while something may be hot."""

from typing import Final

from runaway_watchdog.linux import loadavg, pressure
from runaway_watchdog.linux.files import Paths, read
from runaway_watchdog.model.sampling import HostLoad
from runaway_watchdog.watch.gate import Gate

_NEWEST: Final = 0.3
"""What one look counts for: who runs at one instant is chance, and the load average is a minute late."""

_KEPT_S: Final = 5.0
"""The kernel itself brings the load average up to date every five seconds, and what is read of pressure is a minute's
mean. How many tasks run is told by /proc/stat, which has just been read."""


class LoadMeter:
    """Keeps the mean of the last looks."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._running = 0.0  # tasks for each CPU
        self._minute = 0.0  # the load average
        self._waiting: float | None = None
        self._read_at: float | None = None

    def calm(self) -> HostLoad:
        """Nothing was read: the host is proved to be below every rule."""
        self._running *= 1 - _NEWEST
        return HostLoad()

    def read(self, now: float, gate: Gate) -> HostLoad:
        """Two small files now and then; at every look where /proc/stat does not tell how many tasks run."""
        running = gate.running
        if running is None or self._read_at is None or now - self._read_at >= _KEPT_S:
            load = loadavg.parse(read(f"{self._paths.proc}/loadavg", 256) or b"")
            self._minute, told = (0.0, 0) if load is None else load
            self._waiting = pressure.parse_some(read(f"{self._paths.proc}/pressure/cpu", 512) or b"")
            self._read_at = now
            running = told if running is None else running
        others = max(0, running - 1) / gate.online_cpus  # without us, who run at every look
        self._running += _NEWEST * (others - self._running)
        crowding = max(1.0, self._running, self._minute / gate.online_cpus)
        return HostLoad(crowding, self._waiting, gate.steal_percent)
