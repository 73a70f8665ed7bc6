"""How a process ended, by a pidfd that was opened before: for whoever the process connector tells nothing.

Since Linux 6.15 (PIDFD_GET_INFO with PIDFD_INFO_EXIT, linux/pidfd.h) without any right, in a container and in a network
of its own, once the parent has waited for it. Until then it is a zombie, and /proc/PID/stat has it for those who may
trace it.
"""

import fcntl
import struct
from typing import Final

from runaway_watchdog.linux.files import Paths, read
from runaway_watchdog.linux.stat_brief import split

_INFO: Final = struct.Struct("=QQ 11I i")
"""struct pidfd_info in its first form (64 bytes): mask, cgroup, PIDs and IDs of users and groups, exit code."""
_GET_INFO: Final = 0xC000FF0B | _INFO.size << 16  # _IOWR(0xFF, 11, struct pidfd_info)
_EXIT: Final = 1 << 3  # PIDFD_INFO_EXIT


def status(paths: Paths, fd: int, pid: int) -> int | None:
    """As waitpid(2) has it; `fd` has told already that it ended. None: not known, or not yet."""
    found = _of_pidfd(fd)
    if found is None:
        found = _of_zombie(paths, pid)
    return _of_pidfd(fd) if found is None else found  # its parent may have waited for it meanwhile


def _of_pidfd(fd: int) -> int | None:
    asked = bytearray(_INFO.pack(_EXIT, *[0] * 13))
    try:
        fcntl.ioctl(fd, _GET_INFO, asked)
    except OSError:  # an older kernel
        return None
    mask, *_, code = _INFO.unpack(asked)
    return code if mask & _EXIT else None


def _of_zombie(paths: Paths, pid: int) -> int | None:
    """0 stands there also for those who may not know."""
    text = read(f"{paths.proc}/{pid}/stat", 4096)
    try:
        fields = [] if text is None else split(text, b"(", b")")[2]
        return (int(fields[49]) or None) if len(fields) > 49 and fields[0] == b"Z" else None
    except ValueError:
        return None
