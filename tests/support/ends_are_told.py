"""Whether this kernel tells anybody how others' processes end: from 6.6 on, in the host's own PID namespace."""

import platform
import re
from pathlib import Path

_FIRST_PID_NAMESPACE = Path("pid:[4026531836]")  # PROC_PID_INIT_INO of the kernel


def kernel() -> tuple[int, ...]:
    """Its version: the first two numbers."""
    return tuple(int(word) for word in re.findall(r"[0-9]+", platform.release())[:2])


ENDS_ARE_TOLD = kernel() >= (6, 6) and Path("/proc/self/ns/pid").readlink() == _FIRST_PID_NAMESPACE
