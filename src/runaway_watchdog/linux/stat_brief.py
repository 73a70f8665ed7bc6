"""What the watch reads of /proc/PID/stat, again and again: a few fields, in half the time and memory of all of them.

comm may hold blanks, parentheses and line feeds: it ends at the last `)` of the file, and numbers alone follow.
"""

from typing import AnyStr, NamedTuple

from runaway_watchdog.linux.clock import CLOCK_TICKS
from runaway_watchdog.linux.files import Paths, read as read_file


class ProcessStat(NamedTuple):
    """Fields are numbered from 1 in proc(5)."""

    comm: str  # the process chose it: hostile
    dead: bool  # a zombie: it has ended, nobody has waited for it yet
    start_ticks: int  # clock ticks after boot (field 22)
    children_s: float = 0.0  # CPU of the children that it has waited for, and of theirs (fields 16 and 17)
    tty: int = 0  # its controlling terminal's number, 0 for none (field 7)
    nice: int = 0  # field 19
    policy: int = 0  # its scheduling class: 3 is SCHED_BATCH, 5 SCHED_IDLE (field 41)
    ready: bool = False  # its first thread runs, or waits for a CPU

    @property
    def start_s(self) -> float:
        """Seconds after boot, up to `GRAIN_S` too early."""
        return self.start_ticks / CLOCK_TICKS


def read(paths: Paths, pid: int) -> ProcessStat | None:
    """None: gone, or hidden from us."""
    text = read_file(f"{paths.proc}/{pid}/stat", 4096)
    return None if text is None else parse(text)


def parse(text: bytes) -> ProcessStat | None:
    """None for anything else."""
    try:
        _, comm, fields = split(text, b"(", b")")
        start_ticks, tty, nice = int(fields[19]), int(fields[4]), int(fields[16])
        children_s = (int(fields[13]) + int(fields[14])) / CLOCK_TICKS
        policy = int(fields[38]) if len(fields) > 38 else 0
    except ValueError:
        return None
    dead, ready = fields[0] in (b"Z", b"X"), fields[0] == b"R"
    return ProcessStat(comm.decode("utf-8", "replace"), dead, start_ticks, children_s, tty, nice, policy, ready)


def split(text: AnyStr, opening: AnyStr, closing: AnyStr) -> tuple[AnyStr, AnyStr, list[AnyStr]]:
    """What stands before comm, comm, and the fields behind it, the state (field 3) first. Raises ValueError."""
    head, ends, tail = text.rpartition(closing)
    fields = tail.split()
    pid, begins, comm = head.partition(opening)
    if not ends or not begins or len(fields) < 20:
        raise ValueError("not a line of /proc/PID/stat")
    return pid, comm, fields
