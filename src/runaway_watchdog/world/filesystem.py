"""The file system and the clock of this host."""

import os
import pwd
import time
from collections.abc import Sequence
from contextlib import suppress

from runaway_watchdog.model.effect import Size

MAX_READ = 1 << 20
"""A file of /proc or a unit file is never larger; a hostile one is cut there."""


class LiveFiles:
    """See `world.Files`."""

    def read(self, path: str) -> str:
        with open(path, "rb") as file:
            return file.read(MAX_READ).decode("utf-8", "surrogateescape")

    def names(self, path: str) -> Sequence[str]:
        return os.listdir(path)  # names, not paths

    def target(self, path: str) -> str:
        return os.readlink(path)  # text, not a path: it may end in " (deleted)"

    def exists(self, path: str) -> bool:
        return os.path.lexists(path)

    def size(self, path: str, limit_s: float) -> Size:
        return measure(path, time.monotonic() + limit_s)

    def user(self, uid: int) -> str:
        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return str(uid)

    def cpu_clock(self, pid: int) -> tuple[int, int]:
        # The kernel's clock id of any process, what clock_getcpuclockid(3) returns: utime + stime of all its
        # threads, those that have ended included, readable by every user.
        return time.clock_gettime_ns((~pid << 3) | 2), time.monotonic_ns()


class LiveClock:
    """See `world.Clock`."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def measure(path: str, deadline: float) -> Size:
    """Count file content below `path` without following links, until the monotonic `deadline`.

    A hard-linked file counts once, as it does for `du`. Raises OSError when the folder itself cannot be read; what
    cannot be read further down makes the figure an "at least".
    """
    total, newest, partial = 0, 0.0, False
    seen_links: set[tuple[int, int]] = set()
    pending = [path]
    os.scandir(path).close()
    while pending:
        folder = pending.pop()
        try:
            newest = max(newest, os.stat(folder).st_mtime)
            with os.scandir(folder) as entries:
                for entry in entries:
                    with suppress(FileNotFoundError):  # gone between listing and looking: a live database does that
                        status = entry.stat(follow_symlinks=False)
                        if entry.is_dir(follow_symlinks=False):
                            pending.append(entry.path)
                            continue
                        newest = max(newest, status.st_mtime)
                        if status.st_nlink > 1:
                            identity = (status.st_dev, status.st_ino)
                            if identity in seen_links:
                                continue
                            seen_links.add(identity)
                        total += status.st_size
        except FileNotFoundError:
            continue
        except OSError:
            partial = True
        if time.monotonic() > deadline:
            partial = partial or bool(pending)
            break
    return Size(total, partial, newest or None)
