"""How crowded the host is: /proc/loadavg and /proc/pressure/cpu, read only while something may be hot."""

from typing import Final

from runaway_watchdog.model.sampling import HostLoad
from runaway_watchdog.watch.clocks import Paths, read
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
            load = parse_loadavg(read(f"{self._paths.proc}/loadavg", 256) or b"")
            self._minute, told = (0.0, 0) if load is None else load
            self._waiting = parse_pressure(read(f"{self._paths.proc}/pressure/cpu", 512) or b"")
            self._read_at = now
            running = told if running is None else running
        others = max(0, running - 1) / gate.online_cpus  # without us, who run at every look
        self._running += _NEWEST * (others - self._running)
        crowding = max(1.0, self._running, self._minute / gate.online_cpus)
        return HostLoad(crowding, self._waiting, gate.steal_percent)


def parse_loadavg(text: bytes) -> tuple[float, int] | None:
    """The mean of the last minute, and how many tasks run or are ready to now; None for anything else."""
    words = text.split()
    try:
        minute, running = float(words[0]), int(words[3].partition(b"/")[0])
    except (IndexError, ValueError):
        return None
    return (minute, running) if 0 <= minute < 1e9 and running >= 0 else None


def parse_pressure(text: bytes) -> float | None:
    """From /proc/pressure/cpu: percent of the last minute in which some task waited for a CPU."""
    try:
        mean = float(_line(text, b"some")[b"avg60"])
    except (KeyError, ValueError):
        return None
    return mean if 0 <= mean <= 100 else None


def parse_full(text: bytes) -> int | None:
    """From a group's cpu.pressure: microseconds in which it had work and none of it ran (since Linux 5.13)."""
    try:
        total = int(_line(text, b"full")[b"total"])
    except (KeyError, ValueError):
        return None
    return total if total >= 0 else None


def _line(text: bytes, kind: bytes) -> dict[bytes, bytes]:
    """The fields of one line of a `pressure` file, by name; none where there is no such line."""
    for line in text.split(b"\n"):
        first, *words = line.split() or [b""]
        if first == kind:
            return {name: value for name, _, value in (word.partition(b"=") for word in words)}
    return {}
