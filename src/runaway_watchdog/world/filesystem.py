"""The file system and the clock of this host."""

import errno
import os
import pwd
import re
import stat
import time
from collections.abc import Sequence
from typing import Any

from runaway_watchdog import glance
from runaway_watchdog.model.effect import Size

MAX_READ = 1 << 20
"""A file of /proc or a unit file is never larger; a hostile one is cut there."""

_OF_A_PROCESS = re.compile(r"/proc/\d+/(?:task/\d+/)?\w+")
"""What the kernel alone writes: most of all that is read, and never a pipe or a device."""


def _regular(path: str, flags: int) -> int:
    """Open a regular file, and nothing else.

    Whoever runs a process or labels a container may choose the path: a pipe would never answer, and a device such as
    /dev/watchdog acts on being opened. So it is looked at first, by a descriptor that nobody can exchange meanwhile.
    /proc/kmsg and its like are regular and wait for more: not with O_NONBLOCK.
    """
    held = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if stat.S_ISREG(os.fstat(held).st_mode):
            return os.open(f"/proc/self/fd/{held}", flags | os.O_NONBLOCK)
    except OSError as fault:
        fault.filename = path
        raise
    finally:
        os.close(held)
    raise OSError(errno.EINVAL, "not a regular file", path)


class LiveFiles:
    """See `world.Files`."""

    def read(self, path: str) -> str:
        """A regular file's text. Raises OSError for anything else, which is not opened."""
        with open(path, "rb", opener=None if _OF_A_PROCESS.fullmatch(path) else _regular) as file:
            return (file.read(MAX_READ) or b"").decode("utf-8", "surrogateescape")

    def names(self, path: str) -> Sequence[str]:
        return os.listdir(path)  # names, not paths

    def target(self, path: str) -> str:
        return os.readlink(path)  # text, not a path: it may end in " (deleted)"

    def exists(self, path: str) -> bool:
        return os.path.lexists(path)

    def status(self, path: str) -> Sequence[Any]:
        found = os.lstat(path)
        return [_kind(found.st_mode), found.st_size, found.st_mtime, found.st_uid]

    def size(self, path: str, limit_s: float) -> Size:
        return measured_within(path, limit_s)

    def variable(self, name: str) -> str | None:
        return os.environ.get(name)

    def user(self, uid: int) -> str:
        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return str(uid)

    def cpu_clock(self, pid: int) -> tuple[int, int]:
        return glance.mark(pid)


def _kind(mode: int) -> str:
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}
    devices = {stat.S_IFBLK: "device", stat.S_IFCHR: "device"}
    return (kinds | devices).get(stat.S_IFMT(mode), "other")


class LiveClock:
    """See `world.Clock`."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


ENTRIES_A_LOOK = 256
"""Entries of a folder between two looks at the clock: a mail folder may hold a million."""
GRACE_S = 0.25
"""The count ends by itself at its limit; only one that hangs is left behind."""


class _Count:
    """What was counted so far. Another thread may read it at any moment."""

    def __init__(self) -> None:
        self.total = 0
        self.newest = 0.0
        self.partial = False
        self.fault: OSError | None = None
        self._links: set[tuple[int, int]] = set()

    def add(self, status: os.stat_result) -> None:
        """One file; a hard-linked one counts once, as it does for `du`."""
        self.newest = max(self.newest, status.st_mtime)
        if status.st_nlink > 1:
            identity = (status.st_dev, status.st_ino)
            if identity in self._links:
                return
            self._links.add(identity)
        self.total += status.st_size

    def size(self, *, ended: bool) -> Size:
        return Size(self.total, self.partial or not ended, self.newest or None)


def measured_within(path: str, limit_s: float) -> Size:
    """Count file content below `path` without following links, for `limit_s` at most.

    It is given up then wherever it hangs: a dead NFS or FUSE mount answers no system call. The thread that hangs there
    is left behind; it ends with this process. Raises OSError when the folder itself cannot be read; what cannot be
    read further down makes the figure an "at least".
    """
    import threading  # nothing else here takes one

    count = _Count()
    counting = threading.Thread(
        target=_count_or_tell, args=(path, time.monotonic() + limit_s, count), name="size", daemon=True
    )
    counting.start()
    counting.join(limit_s + GRACE_S)
    if count.fault is not None:
        raise count.fault
    return count.size(ended=not counting.is_alive())


def _count_or_tell(path: str, deadline: float, count: _Count) -> None:
    try:
        _count(path, deadline, count)
    except OSError as fault:
        count.fault = fault


def _count(path: str, deadline: float, count: _Count) -> None:
    os.scandir(path).close()
    pending = [path]
    while pending:
        try:
            if not _count_folder(pending.pop(), deadline, count, pending):
                count.partial = True
                return
        except FileNotFoundError:
            continue
        except OSError:
            count.partial = True
        if time.monotonic() > deadline:
            count.partial = count.partial or bool(pending)
            return


def _count_folder(folder: str, deadline: float, count: _Count, pending: list[str]) -> bool:
    """Count the files of one folder and add its folders to `pending`; False: the deadline passed on the way."""
    count.newest = max(count.newest, os.stat(folder).st_mtime)
    with os.scandir(folder) as entries:
        for number, entry in enumerate(entries, 1):
            if number % ENTRIES_A_LOOK == 0 and time.monotonic() > deadline:
                return False
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # gone between listing and looking: a live database does that
                continue
            if entry.is_dir(follow_symlinks=False):
                pending.append(entry.path)
            else:
                count.add(status)
    return True
