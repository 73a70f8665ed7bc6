"""/proc/PID/stat: one process in numbers (proc(5), fs/proc/array.c). Fields are numbered there from 1."""

from typing import NamedTuple

from runaway_watchdog.linux.stat_brief import split

PF_KTHREAD = 0x00200000
"""In `flags`: a thread of the kernel's own (include/linux/sched.h)."""


class Stat(NamedTuple):
    """All fields that anybody uses. Times are in clock ticks."""

    pid: int
    comm: str  # the process chose it: hostile
    state: str  # one letter (field 3)
    ppid: int
    group: int  # its process group
    session: int
    tty: int  # its controlling terminal's number, 0 for none (field 7)
    flags: int
    page_faults: int  # without the disk (field 10)
    child_faults: int  # of the children that it has waited for, and of theirs
    major_faults: int
    user_ticks: int
    system_ticks: int
    child_user_ticks: int
    child_system_ticks: int
    nice: int
    start_ticks: int  # after boot (field 22)
    exit_code: int | None  # of a zombie, as wait() would tell it (field 52)


def parse(text: str) -> Stat:
    """Raises ValueError on anything else."""
    head, comm, fields = split(text, "(", ")")
    numbers = [int(word) for word in fields[1:20]]
    ppid, group, session, tty, _, flags, faults, child_faults, major_faults, _ = numbers[:10]
    user, system, child_user, child_system, _, nice, _, _, start = numbers[10:]
    return Stat(
        int(head), comm, fields[0], ppid, group, session, tty, flags, faults, child_faults, major_faults,
        user, system, child_user, child_system, nice, start, _exit_code(fields),
    )  # fmt: skip


def comm(text: str) -> str:
    """The name alone, for those who look through every process. Raises ValueError as `parse`."""
    return split(text, "(", ")")[1]


def _exit_code(fields: list[str]) -> int | None:
    """A kernel before 3.5 does not tell it."""
    return int(fields[49]) if len(fields) > 49 else None
