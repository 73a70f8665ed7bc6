"""schedstat of a process or a thread: how long it ran and how long it waited (scheduler/sched-stats.rst)."""

import os
from typing import Final

from runaway_watchdog.linux.files import Paths, read

MOST_THREADS: Final = 64


def parse(text: str | bytes) -> tuple[int, int] | None:
    """How long it ran, and how long it was ready to while others ran, in nanoseconds; None for anything else."""
    words = text.split()
    if len(words) != 3 or not (words[0].isdigit() and words[1].isdigit()):
        return None
    return int(words[0]), int(words[1])


def read_threads(paths: Paths, pid: int, most: int = MOST_THREADS) -> dict[str, tuple[int, int]]:
    """The same of a process's living threads, of at most so many of them. {}: gone, hidden, or a kernel without it."""
    try:
        threads = os.listdir(f"{paths.proc}/{pid}/task")[:most]
    except OSError:
        return {}
    read_of = ((each, parse(read(f"{paths.proc}/{pid}/task/{each}/schedstat", 256) or b"")) for each in threads)
    return {thread: told for thread, told in read_of if told is not None}
