"""Is the watch alive, and what does it cost? Read from its sign of life in the store and from /proc; asks nobody."""

import os
import sqlite3
from typing import Final, Literal, NamedTuple

from runaway_watchdog.linux import cgroup, status
from runaway_watchdog.linux.clock import CLOCK_TICKS
from runaway_watchdog.linux.text import numbers
from runaway_watchdog.store import outbox
from runaway_watchdog.store.liveness import Liveness, last_liveness
from runaway_watchdog.world import Files, World, procfs

SILENT_AFTER_S: Final = 60.0
"""It writes its sign of life every ten seconds; a host in trouble may keep it waiting for a few of them."""
UNIT: Final = "runaway-watchdog.service"

Pulse = Literal["alive", "silent", "ended", "never"]
"""`silent`: the process is there, and has not looked for too long."""


class Cost(NamedTuple):
    """What it uses: the service, beside which cases and senders come and go, or the one process where it runs alone."""

    cpu_percent: float  # of one core, mean since it was started
    cpu_s: float  # since it was started
    memory_bytes: int
    whole_service: bool


class Vitals(NamedTuple):
    """The watch, as its store and /proc show it."""

    pulse: Pulse
    liveness: Liveness | None
    cost: Cost | None  # None: it does not run, or /proc does not tell
    waiting: tuple[outbox.Backlog, ...]  # messages that have not been sent, by channel
    channels: tuple[outbox.Health, ...] = ()  # every one that was ever tried


def look(connection: sqlite3.Connection, world: World) -> Vitals:
    """Raises sqlite3.Error."""
    last, waiting, channels = last_liveness(connection), outbox.backlog(connection), outbox.health(connection)
    if last is None:
        return Vitals("never", None, None, waiting, channels)
    if not _is_the_watch(world.files, last.pid):
        return Vitals("ended", last, None, waiting, channels)
    pulse: Pulse = "silent" if world.clock.now() - last.tick_at > SILENT_AFTER_S else "alive"
    return Vitals(pulse, last, _cost(world, last), waiting, channels)


def _is_the_watch(files: Files, pid: int) -> bool:
    """PIDs are reused, and /proc may hide it from an ordinary user: the sign of life has to do then."""
    try:
        return "runaway_watchdog" in files.read(f"{procfs.PROC}/{pid}/cmdline")
    except PermissionError:
        return True
    except OSError:
        return procfs.hides(files) and os.geteuid() != 0


def _cost(world: World, last: Liveness) -> Cost | None:
    age_s = world.clock.now() - last.started_at
    try:
        return _of_service(world.files, last.pid, age_s) or _of_process(world.files, last.pid, age_s)
    except (OSError, ValueError, KeyError):  # it ended meanwhile, it is hidden, or a kernel that tells otherwise
        return None


def _of_service(files: Files, pid: int, age_s: float) -> Cost | None:
    """Its cgroup; None where it is not in a unit of its own (or on v1)."""
    group = procfs.owner_cgroup(files, pid)
    folder = f"{cgroup.MOUNT}{group}"
    if not group.endswith(f"/{UNIT}") or not files.exists(f"{folder}/cpu.stat"):
        return None
    cpu_s = numbers(files.read(f"{folder}/cpu.stat"))["usage_usec"] / 1e6
    return Cost(_percent(cpu_s, age_s), cpu_s, _memory(files, folder), whole_service=True)


def _memory(files: Files, folder: str) -> int:
    """Of a cgroup, in bytes. What is cached of files goes when others need it: it is not a cost."""
    if files.exists(f"{folder}/memory.stat"):
        kept = numbers(files.read(f"{folder}/memory.stat"))
        return kept["anon"] + kept.get("kernel", 0)
    pids = cgroup.parse_procs(files.read(f"{folder}/cgroup.procs"))  # no memory controller here
    return sum(_resident(files, pid) for pid in pids)


def _of_process(files: Files, pid: int, age_s: float) -> Cost:
    stat = procfs.stat_of(files, pid)
    cpu_s = (stat.user_ticks + stat.system_ticks + stat.child_user_ticks + stat.child_system_ticks) / CLOCK_TICKS
    return Cost(_percent(cpu_s, age_s), cpu_s, _resident(files, pid), whole_service=False)


def _resident(files: Files, pid: int) -> int:
    told = status.parse(files.read(f"{procfs.PROC}/{pid}/status"))
    return int(told["VmRSS"].split()[0]) * 1024


def _percent(cpu_s: float, age_s: float) -> float:
    return round(100 * cpu_s / age_s, 2) if age_s > 0 else 0.0
