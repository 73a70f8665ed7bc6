"""Reads the kernel's files, as bytes. Every root is in `Paths`.

Reads go through open/read/close of the `os` module: a look of the watch at an idle host takes a fifth of a
millisecond, and file objects would double it. A file that is gone or not ours to read is None: both end the same way
there, unobserved.
"""

import os
from typing import NamedTuple


class Paths(NamedTuple):
    """Where the kernel's views are mounted."""

    proc: str = "/proc"
    cgroup: str = "/sys/fs/cgroup"


def read(path: str, limit: int = 65536) -> bytes | None:
    """One read of a kernel file that is handed out whole; None where it is gone, or refused."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(fd, limit)
    except OSError:
        return None
    finally:
        os.close(fd)


def read_all(path: str) -> bytes | None:
    """The whole of a kernel file that is handed out in pages (cgroup.procs, mounts), up to 4 MiB."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    pages: list[bytes] = []
    try:
        while len(pages) < 1024 and (page := os.read(fd, 65536)):
            pages.append(page)
    except OSError:
        return None
    finally:
        os.close(fd)
    return b"".join(pages)


def read_pids(paths: Paths) -> list[int]:
    """Every process of the host."""
    try:
        return [int(name) for name in os.listdir(paths.proc) if name.isdecimal()]
    except OSError:
        return []


def read_boot_id(paths: Paths) -> str:
    """Which boot this is; "" where the kernel does not tell."""
    return (read(f"{paths.proc}/sys/kernel/random/boot_id") or b"").decode("ascii", "replace").strip()
