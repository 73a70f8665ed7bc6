"""Is memory or the disk what a host is short of, and which process uses most of it? Read from /proc."""

from collections.abc import Callable
from typing import Final

from runaway_watchdog.linux import pressure, status
from runaway_watchdog.linux.text import numbers, pairs
from runaway_watchdog.model.shortage import Shortage
from runaway_watchdog.world import World, procfs
from runaway_watchdog.world.processes import cgroup_of

STALLED: Final = 10.0
"""Percent of the time without any progress: far below, a host that pages in a program is busy and not in trouble."""
SCARCE: Final = 15.0
"""Percent of the memory that is available. With more, those that wait do so at a limit of their own."""
LOOK_S: Final = 0.3

Largest = tuple[int, float]
"""The PID of a group's largest process, and how much all of the group uses."""


def shortage(world: World) -> Shortage | None:
    """None: neither, or the kernel does not tell (no /proc/pressure). A host that swaps waits for its disk as well."""
    waits, used = _stalled(world, "memory"), _used(world)
    if waits >= STALLED and used is not None and used >= 100 - SCARCE:
        return Shortage("memory", waits, used)
    waits = _stalled(world, "io")
    return Shortage("io", waits) if waits >= STALLED else None


def largest(world: World, found: Shortage) -> Largest | None:
    """The group of processes that holds most memory, or that reads and writes most just now; None: not told."""
    if found.kind == "memory":
        return _largest(world, memory_kib, 1024.0)
    before = {pid: _moved(world, pid) for pid in _pids(world)}
    world.clock.sleep(LOOK_S)
    return _largest(world, lambda world, pid: max(0, _moved(world, pid) - before.get(pid, 1 << 62)), 1 / LOOK_S)


def memory_kib(world: World, pid: int) -> int:
    """In RAM and in swap. Without the pages of files, which go as soon as others need the room; 0: not told."""
    try:
        told = status.parse(world.files.read(f"{procfs.PROC}/{pid}/status"))
        resident = "RssAnon" if "RssAnon" in told else "VmRSS"
        return sum(int(told[key].split()[0]) for key in (resident, "VmSwap") if key in told)
    except (OSError, ValueError, IndexError):
        return 0


def _stalled(world: World, what: str) -> float:
    try:
        return pressure.parse_stalled(world.files.read(f"{procfs.PROC}/pressure/{what}").encode()) or 0.0
    except OSError:
        return 0.0


def _used(world: World) -> float | None:
    try:
        told = dict(pairs(world.files.read(f"{procfs.PROC}/meminfo")))
        whole, left = (int(told[key].split()[0]) for key in ("MemTotal", "MemAvailable"))
        return 100 - 100 * left / whole
    except (OSError, LookupError, ValueError, ZeroDivisionError):
        return None


def _moved(world: World, pid: int) -> int:
    """Bytes that it has read from and written to disks so far; 0: not told."""
    try:
        told = numbers(world.files.read(f"{procfs.PROC}/{pid}/io"))
    except OSError:
        return 0
    return told.get("read_bytes", 0) + told.get("write_bytes", 0)


def _pids(world: World) -> list[int]:
    return [int(name) for name in world.files.names(procfs.PROC) if name.isdigit()]


def _largest(world: World, of: Callable[[World, int], int], times: float) -> Largest | None:
    """Those of one control group together: a pool of workers is one user."""
    groups: dict[str, dict[int, int]] = {}
    for pid in _pids(world):
        if amount := of(world, pid):
            group = cgroup_of(world.files, pid)
            groups.setdefault(group if group not in ("", "/") else f"{pid}", {})[pid] = amount
    members = max(groups.values(), key=lambda each: sum(each.values()), default=None)
    return None if members is None else (max(members, key=lambda pid: members[pid]), sum(members.values()) * times)
