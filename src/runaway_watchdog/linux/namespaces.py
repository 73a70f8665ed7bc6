"""Whose numbers processes have here."""

import os
from typing import Final

_FIRST: Final = 0xEFFFFFFC  # PROC_PID_INIT_INO (include/linux/proc_ns.h)


def has_the_hosts_pids() -> bool:
    """Not in a container with numbers of its own: what the kernel tells of all processes has the host's numbers, and
    another process would be meant by the same one."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino == _FIRST
    except OSError:
        return False
