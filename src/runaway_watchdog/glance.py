"""The first of two looks at a process, taken before anything else is imported.

What an explanation needs takes about as long to import as the two looks are apart, so that nobody waits for the second.
"""

import os
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from runaway_watchdog.linux import schedstat
from runaway_watchdog.linux.clock import cpu_ns

Mark = tuple[int, int]
"""A process's CPU time so far, and the monotonic time of the reading, both in nanoseconds."""

MOST_THREADS: Final = 128
"""Three files each, 30 us: a server with thousands of threads must not keep the explanation waiting."""


class Glance(NamedTuple):
    """What was seen; None: it is gone, or not told here. Whoever looks closer says which."""

    mark: Mark | None
    activity: Mapping[str, Any] | None
    waited_s: float  # as `waited_s()` was then


def glance(pid: int) -> Glance:
    try:
        return Glance(mark(pid), activity(pid), waited_s())
    except OSError:
        return Glance(None, None, waited_s())


def waited_s() -> float:
    """How long this thread of ours has been ready to run and had no core so far; 0 where the kernel does not count."""
    told = schedstat.parse(_text("/proc/thread-self/schedstat") or "")
    return 0.0 if told is None else told[1] / 1e9


def mark(pid: int) -> Mark:
    """User + system time of all its threads, those that have ended included. Any user may read it. Raises OSError."""
    return cpu_ns(pid), time.monotonic_ns()


def activity(pid: int) -> dict[str, Any]:
    """The counters of a process and its threads now; `explain.doing` reads them. Raises OSError where it is gone."""
    folder = f"/proc/{pid}"
    threads = sorted(int(name) for name in os.listdir(f"{folder}/task"))
    return {
        "at_ns": time.monotonic_ns(),
        "stat": _text(f"{folder}/stat"),
        "io": _text(f"{folder}/io"),
        "wchan": _text(f"{folder}/wchan"),
        "syscall": _text(f"{folder}/syscall"),
        "host": _text("/proc/stat"),
        "threads": {str(tid): _thread(f"{folder}/task/{tid}") for tid in threads[:MOST_THREADS]},
        "more_threads": len(threads[MOST_THREADS:]),
    }


def _thread(folder: str) -> list[str | None]:
    return [_text(f"{folder}/{name}") for name in ("comm", "schedstat", "status")]


def _text(path: str) -> str | None:
    """None: it is gone, not ours to read, or this kernel does not have it."""
    try:
        with open(path, "rb") as file:
            return file.read(1 << 20).decode("utf-8", "surrogateescape")
    except OSError:
        return None
