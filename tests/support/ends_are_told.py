"""Whether this kernel tells anybody how others' processes end: from 6.6 on, in the host's own PID namespace."""

import platform
import re

from runaway_watchdog.linux.namespaces import has_the_hosts_pids


def kernel() -> tuple[int, ...]:
    """Its version: the first two numbers."""
    return tuple(int(word) for word in re.findall(r"[0-9]+", platform.release())[:2])


ENDS_ARE_TOLD = kernel() >= (6, 6) and has_the_hosts_pids()
