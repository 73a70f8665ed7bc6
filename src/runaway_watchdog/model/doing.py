"""What a process was doing between two looks at its counters."""

from typing import Literal, NamedTuple

DoingKind = Literal[
    "spinning", "computing", "in-kernel", "io", "forking", "thrashing", "collecting-garbage", "waiting", "unknown"
]


class BusyThread(NamedTuple):
    """A thread that took a share of the CPU. Its name is hostile."""

    tid: int
    name: str
    percent: float  # of one core


class Doing(NamedTuple):
    """One word, a sentence with figures, and the figures. None: this kernel, or this user, does not get to know.

    Rates are by the second; shares are percent of one core.
    """

    kind: DoingKind
    told: str
    window_s: float
    user_percent: float
    system_percent: float
    children_percent: float  # of children that have ended, and were waited for
    threads: tuple[BusyThread, ...]  # the busiest first
    voluntary_switches: float | None  # it gave up the core, to wait
    involuntary_switches: float | None  # the core was taken from it
    read_bytes: float | None  # all that it read, from memory too
    written_bytes: float | None
    disk_read_bytes: float | None  # what came from a disk
    disk_written_bytes: float | None
    io_calls: float | None  # calls of read and write
    page_faults: float
    major_faults: float  # pages that had to be read from a disk
    host_starts: float | None  # processes and threads that the whole host started
    system_call: int | None  # the number of the one it is in (at the second look); None: it runs, or not told
    waits_in: str | None  # the kernel's function that it waits in
