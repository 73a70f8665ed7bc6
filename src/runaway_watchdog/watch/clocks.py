"""Reads the kernel's counters. Every root is in `Paths`; what reads a file and what parses its text are apart.

Reads go through open/read/close of the `os` module: a tick on an idle host takes a fifth of a millisecond, and file
objects would double it. A file that is gone or not ours to read is None: both end the same way here, unobserved.
"""

import os
import time
from collections.abc import Callable
from typing import NamedTuple

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
GRAIN_S = 1 / CLOCK_TICKS
"""The kernel cuts start times and the columns of /proc/stat to whole clock ticks."""

_DEAD_STATES = "ZX"
_MOST_THREADS = 64


class Paths(NamedTuple):
    """Where the kernel's views are mounted."""

    proc: str = "/proc"
    cgroup: str = "/sys/fs/cgroup"


class HostTimes(NamedTuple):
    """The first line of /proc/stat, all CPUs together, and how many of them are online."""

    idle_s: float  # idle + iowait
    online_cpus: int
    steal_s: float = 0.0  # what the provider gave to others
    running: int | None = None  # tasks that run or are ready to, at this instant, the reader included


class ProcessStat(NamedTuple):
    """The fields of /proc/PID/stat that the watch uses."""

    comm: str  # the process chose it: hostile
    dead: bool  # a zombie: it has ended, nobody has waited for it yet
    start_ticks: int  # clock ticks after boot (field 22)
    children_s: float = 0.0  # CPU of the children that it has waited for, and of theirs (fields 16 and 17)
    tty: int = 0  # its controlling terminal's number, 0 for none (field 7)
    nice: int = 0  # field 19
    policy: int = 0  # its scheduling class: 3 is SCHED_BATCH, 5 SCHED_IDLE (field 41)

    @property
    def start_s(self) -> float:
        """Seconds after boot, up to `GRAIN_S` too early."""
        return self.start_ticks / CLOCK_TICKS


class Clocks(NamedTuple):
    """What time it is, and how much CPU a process has used: everything that a test has to set."""

    monotonic: Callable[[], float]  # seconds
    boottime: Callable[[], float]  # seconds after boot, suspend included: the scale of start times
    wall: Callable[[], float]  # seconds since the epoch
    cpu_ns: Callable[[int], int | None]  # by PID; None: gone


def boottime() -> float:
    """Seconds after boot."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def system_clocks() -> Clocks:
    """The real ones. Where the kernel refuses the CPU clock of a process (gVisor, a strict filter), psutil's times."""
    readable = process_cpu_ns(os.getpid()) is not None
    return Clocks(time.monotonic, boottime, time.time, process_cpu_ns if readable else psutil_cpu_ns)


def process_cpu_ns(pid: int) -> int | None:
    """User + system time of all threads, ended ones included, in nanoseconds. None: no such process.

    The clock id is the kernel's own encoding, what clock_getcpuclockid(3) returns: include/linux/posix-timers_types.h,
    `((~pid) << 3) | CPUCLOCK_SCHED`. Any user may read it; 0.35 us against 8 us for /proc/PID/stat.
    """
    try:
        return time.clock_gettime_ns((~pid << 3) | 2)
    except OSError:
        return None


def psutil_cpu_ns(pid: int) -> int | None:
    """The same from psutil, in steps of a clock tick."""
    import psutil  # 4 MiB, for the few hosts that need it

    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return None
    return int((times.user + times.system) * 1e9)


def read(path: str, limit: int = 65536) -> bytes | None:
    """One read of a kernel file that is handed out whole; None where it is gone, or refused."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(fd, limit)
    except OSError:
        return None
    finally:
        os.close(fd)


def read_all(path: str) -> bytes | None:
    """The whole of a kernel file that is handed out in pages (cgroup.procs, mounts), up to 4 MiB."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    pages: list[bytes] = []
    try:
        while len(pages) < 1024 and (page := os.read(fd, 65536)):
            pages.append(page)
    except OSError:
        return None
    finally:
        os.close(fd)
    return b"".join(pages)


def read_boot_id(paths: Paths) -> str:
    """Which boot this is; "" where the kernel does not tell."""
    return (read(f"{paths.proc}/sys/kernel/random/boot_id") or b"").decode("ascii", "replace").strip()


def read_host_times(paths: Paths) -> HostTimes | None:
    """Idle time of the host, for the gate."""
    text = read(f"{paths.proc}/stat")
    return None if text is None else parse_host_times(text)


def parse_host_times(text: bytes) -> HostTimes | None:
    """None for anything that is not /proc/stat. Its user and system columns are not used.

    They are sampled at the timer tick and lie: a process that burnt 86 % between ticks showed as 0.4 %, while elapsed
    time minus idle minus iowait gave 86.1 %.
    """
    lines = text.split(b"\n")
    columns = lines[0].split()
    online = 0
    for line in lines[1:]:
        if not line.startswith(b"cpu"):
            break
        online += 1
    if len(columns) < 6 or columns[0] != b"cpu" or not online:
        return None
    try:
        idle_ticks = int(columns[4]) + int(columns[5])
        steal_ticks = int(columns[8]) if len(columns) > 8 else 0
    except ValueError:
        return None
    words = text[text.rfind(b"\nprocs_running ") :].split(None, 2)
    running = int(words[1]) if len(words) > 1 and words[0] == b"procs_running" and words[1].isdigit() else None
    return HostTimes(idle_ticks / CLOCK_TICKS, online, steal_ticks / CLOCK_TICKS, running)


def host_times_are_virtual(paths: Paths) -> bool:
    """Is /proc/stat a file of lxcfs? It then speaks of a container's share, whose columns are no bound for us."""
    mounts = read_all(f"{paths.proc}/self/mounts") or b""
    return any(line.split(b" ")[1:3] == [b"/proc/stat", b"fuse.lxcfs"] for line in mounts.split(b"\n"))


def read_stat(paths: Paths, pid: int) -> ProcessStat | None:
    """None: gone, or hidden from us."""
    text = read(f"{paths.proc}/{pid}/stat", 4096)
    return None if text is None else parse_stat(text)


def parse_stat(text: bytes) -> ProcessStat | None:
    """None for anything else. comm may hold spaces, parentheses and line breaks: it ends at the last `)`."""
    head, closing, tail = text.rpartition(b")")
    fields = tail.split()
    if not closing or len(fields) < 20:
        return None
    try:
        start_ticks, tty, nice = int(fields[19]), int(fields[4]), int(fields[16])
        children_s = (int(fields[13]) + int(fields[14])) / CLOCK_TICKS
        policy = int(fields[38]) if len(fields) > 38 else 0
    except ValueError:
        return None
    comm = head.partition(b"(")[2].decode("utf-8", "replace")
    dead = fields[0].decode("ascii", "replace") in _DEAD_STATES
    return ProcessStat(comm, dead, start_ticks, children_s, tty, nice, policy)


def read_waited_ns(paths: Paths, pid: int) -> int | None:
    """How long its living threads have been ready to run while others ran: /proc/PID/task/*/schedstat, second field.

    At most `_MOST_THREADS` of them. None: gone, hidden, or a kernel without it.
    """
    try:
        threads = os.listdir(f"{paths.proc}/{pid}/task")
    except OSError:
        return None
    total, known = 0, False
    for thread in threads[:_MOST_THREADS]:
        words = (read(f"{paths.proc}/{pid}/task/{thread}/schedstat", 256) or b"").split()
        if len(words) == 3 and words[1].isdigit():
            total, known = total + int(words[1]), True
    return total if known else None


def read_argv(paths: Paths, pid: int) -> tuple[str, ...]:
    """The command line, at most 8 KiB of it; () for a kernel thread, a zombie, or one that is gone."""
    text = read(f"{paths.proc}/{pid}/cmdline", 8192) or b""
    return tuple(word.decode("utf-8", "replace") for word in text.rstrip(b"\0").split(b"\0")) if text else ()


def read_pids(paths: Paths) -> list[int]:
    """Every process of the host."""
    try:
        return [int(name) for name in os.listdir(paths.proc) if name.isdecimal()]
    except OSError:
        return []
