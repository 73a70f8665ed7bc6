"""/proc/stat: the whole host in numbers (proc(5))."""

from typing import Final, NamedTuple

from runaway_watchdog.linux.clock import CLOCK_TICKS
from runaway_watchdog.linux.files import Paths, read, read_all

_BOOTED: Final = "\nbtime "
_STARTED: Final = "\nprocesses "


class HostTimes(NamedTuple):
    """The first line, all CPUs together, and how many of them are online."""

    idle_s: float  # idle + iowait
    online_cpus: int
    steal_s: float = 0.0  # what the provider gave to others
    running: int | None = None  # tasks that run or are ready to, at this instant, the reader included
    interrupts_s: float = 0.0  # irq + softirq


def read_times(paths: Paths) -> HostTimes | None:
    """None: it is not told."""
    text = read(f"{paths.proc}/stat")
    return None if text is None else parse_times(text)


def parse_times(text: bytes) -> HostTimes | None:
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
        interrupts = sum(map(int, columns[6:8])) / CLOCK_TICKS
    except ValueError:
        return None
    words = text[text.rfind(b"\nprocs_running ") :].split(None, 2)
    running = int(words[1]) if len(words) > 1 and words[0] == b"procs_running" and words[1].isdigit() else None
    return HostTimes(idle_ticks / CLOCK_TICKS, online, steal_ticks / CLOCK_TICKS, running, interrupts)


def times_are_virtual(paths: Paths) -> bool:
    """Is /proc/stat a file of lxcfs? It then speaks of a container's share, whose columns are no bound for us."""
    mounts = read_all(f"{paths.proc}/self/mounts") or b""
    return any(line.split(b" ")[1:3] == [b"/proc/stat", b"fuse.lxcfs"] for line in mounts.split(b"\n"))


def parse_boot_time(text: str) -> float:
    """When the host booted, seconds since the epoch. Raises ValueError."""
    told = _number_after(text, _BOOTED)
    if told is None:
        raise ValueError("no btime in /proc/stat")
    return float(told)


def parse_started(text: str) -> int | None:
    """How many processes and threads were started since it booted."""
    return _number_after(text, _STARTED)


def _number_after(text: str, key: str) -> int | None:
    word = f"\n{text}".partition(key)[2].partition("\n")[0].strip()
    return int(word) if word.isascii() and word.isdigit() else None
