"""Inside the box, beside the programs that watch: what /proc says of a process, and when."""

import os
import time

TICKS = os.sysconf("SC_CLK_TCK")


def read(path: str) -> str:
    """The file's text, or '' when the process it speaks of is gone."""
    try:
        with open(path, errors="replace") as handle:
            return handle.read()
    except OSError:
        return ""


def start_ticks(pid: int) -> int:
    """Start time in ticks since boot; 0 for a process that is gone or a zombie."""
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return int(fields[19]) if len(fields) > 19 and fields[0] not in "ZX" else 0


def now() -> float:
    """Seconds since boot: the clock of the start times in /proc/PID/stat."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
