"""schedstat of a process or a thread: how long it ran and how long it waited (scheduler/sched-stats.rst)."""

import os
from typing import Final

from runaway_watchdog.linux.files import Paths, read

_MOST_THREADS: Final = 64


def parse(text: str | bytes) -> tuple[int, int] | None:
    """How long it ran, and how long it was ready to while others ran, in nanoseconds; None for anything else."""
    words = text.split()
    if len(words) != 3 or not (words[0].isdigit() and words[1].isdigit()):
        return None
    return int(words[0]), int(words[1])


def read_waited_ns(paths: Paths, pid: int) -> int | None:
    """How long a process's living threads have been ready to run while others ran; of at most `_MOST_THREADS` of them.

    None: gone, hidden, or a kernel without it.
    """
    try:
        threads = os.listdir(f"{paths.proc}/{pid}/task")
    except OSError:
        return None
    total, known = 0, False
    for thread in threads[:_MOST_THREADS]:
        told = parse(read(f"{paths.proc}/{pid}/task/{thread}/schedstat", 256) or b"")
        if told is not None:
            total, known = total + told[1], True
    return total if known else None
