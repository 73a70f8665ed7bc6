"""What time it is, and how much CPU a process has used: everything that a test of the watch has to set."""

import os
import time
from collections.abc import Callable
from typing import NamedTuple

from runaway_watchdog.linux.clock import boottime, cpu_ns


class Clocks(NamedTuple):
    """Where the watch looks at the clock."""

    monotonic: Callable[[], float]  # seconds
    boottime: Callable[[], float]  # seconds after boot, suspend included: the scale of start times
    wall: Callable[[], float]  # seconds since the epoch
    cpu_ns: Callable[[int], int | None]  # by PID; None: gone


def system_clocks() -> Clocks:
    """The real ones. Where the kernel refuses the CPU clock of a process (gVisor, a strict filter), psutil's times."""
    readable = process_cpu_ns(os.getpid()) is not None
    return Clocks(time.monotonic, boottime, time.time, process_cpu_ns if readable else psutil_cpu_ns)


def process_cpu_ns(pid: int) -> int | None:
    """By the kernel's CPU clock, in nanoseconds. None: no such process."""
    try:
        return cpu_ns(pid)
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
