"""How long a source is waited for: its usual time, and longer where the whole host is late.

A frozen engine must not freeze the explanation. But where many more tasks want to run than there are CPUs, which is
when somebody asks, an engine that is well answers late too. Seen: 18 tasks on 2 CPUs, and neither systemd nor Docker
answered within 2 s. A machine may also be slow without a crowd: in a virtual machine whose CPU is emulated, the process
that asks a user's systemd alone takes longer than that to start. What our own start cost tells.
"""

import math
import os
import time
from typing import Final

from runaway_watchdog.world import LIMIT_S

MOST_S: Final = 8
"""The bound: a case, which asks several sources, has a minute in all."""
USUAL_START_S: Final = 0.15
"""CPU time that a command has used when it comes here, at most: 0.06 to 0.1 s on a small server's 2 CPUs."""
_STARTED_S: Final = time.process_time()


def limit_s(usual_s: int = LIMIT_S) -> int:
    """Seconds that a source may take, as the host is now."""
    try:
        with open("/proc/loadavg", encoding="ascii") as file:
            load = file.read(256)
    except OSError:
        load = ""
    return stretched(usual_s, load, os.cpu_count() or 1, _STARTED_S)


def stretched(usual_s: int, loadavg: str, cpus: int, started_s: float = 0.0) -> int:
    """As many times the usual as there are tasks for each CPU, or as our start took longer than usual; up to MOST_S.

    `loadavg`: the text of /proc/loadavg (proc(5)); nothing is read from one that cannot be read.

    The mean of the last minute knows what waits for a disk, the fourth field what wants to run at this moment: the
    larger one counts.
    """
    fields = loadavg.split()
    try:
        tasks = max(float(fields[0]), float(fields[3].partition("/")[0]))
    except (IndexError, ValueError):
        tasks = 0.0
    return math.ceil(min(MOST_S, usual_s * max(1.0, tasks / cpus, started_s / USUAL_START_S)))
