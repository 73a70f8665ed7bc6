"""How long `explain PID` takes on this host: wall clock and CPU (user + system) of many runs. Asserts nothing.

    sudo .venv/bin/python tests/bench/explain_time.py PID [RUNS]

The PID is that of a process in a container, in a unit …, whatever is to be measured. One run before the others warms
the file cache. Where other programs use the host, the least of each says more than the median. Without a record of the
watch, `explain` looks for a tenth of a second how much CPU the process uses: no run takes less.
"""

import os
import platform
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

DONE = (0, 4)
"""Explained, and explained with gaps."""


class Cost(NamedTuple):
    """What one run took, in milliseconds."""

    wall: float
    cpu: float


def main(pid: int, runs: int) -> None:
    explain(pid)
    costs = [explain(pid) for _ in range(runs)]
    print(f"{platform.system()} {platform.release()}, Python {platform.python_version()}, {os.cpu_count()} CPUs,")
    print(f"explain {pid}, {runs} runs")
    for name, taken in (("wall", [each.wall for each in costs]), ("CPU ", [each.cpu for each in costs])):
        print(f"{name}: median {statistics.median(taken):4.0f} ms, least {min(taken):4.0f} ms")


def explain(pid: int) -> Cost:
    words = [sys.executable, "-m", "runaway_watchdog", "explain", str(pid)]
    begun = time.monotonic()
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as child:
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in DONE:
        sys.exit(f"explain {pid} ended with {child.returncode}")
    return Cost((time.monotonic() - begun) * 1000, (used.ru_utime + used.ru_stime) * 1000)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit((__doc__ or "").strip())
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 20)
