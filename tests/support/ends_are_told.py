"""Whether this kernel tells anybody how others' processes end: from 6.6 on, in the host's own PID namespace."""

import platform
import re
from pathlib import Path

_SINCE = (6, 6)
_FIRST_PID_NAMESPACE = Path("pid:[4026531836]")  # PROC_PID_INIT_INO of the kernel
ENDS_ARE_TOLD = (
    tuple(int(word) for word in re.findall(r"[0-9]+", platform.release())[:2]) >= _SINCE
    and Path("/proc/self/ns/pid").readlink() == _FIRST_PID_NAMESPACE
)
