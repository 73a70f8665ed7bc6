"""The kernel tells through a pidfd, at once, when a tracked process ends.

Descriptors are only polled. Nothing is ever sent through them.
"""

import os
import select
from collections.abc import Collection, Iterable

from runaway_watchdog.linux import stat_brief as proc_stat
from runaway_watchdog.linux.files import Paths
from runaway_watchdog.model.identity import ProcKey


class Pidfds:
    """One pidfd for each tracked process; a kernel before 5.3 has none, and deaths are noticed at the next look."""

    def __init__(self, poll: select.poll, paths: Paths) -> None:
        self._poll = poll
        self._paths = paths
        self._fds: dict[ProcKey, int] = {}
        self._keys: dict[int, ProcKey] = {}

    def keep(self, tracked: Collection[ProcKey]) -> None:
        """Wait for exactly these."""
        for key in [key for key in self._fds if key not in tracked]:
            self._close(key)
        for key in tracked:
            if key not in self._fds:
                self._open(key)

    def ended(self, fds: Iterable[int]) -> list[ProcKey]:
        """Who of them has ended, by the descriptors that became readable."""
        return [self._keys[fd] for fd in fds if fd in self._keys]

    def polled(self) -> Collection[ProcKey]:
        """Those whose end the kernel will tell."""
        return self._fds.keys()

    def close(self) -> None:
        """Wait for nobody."""
        self.keep(())

    def _open(self, key: ProcKey) -> None:
        try:
            fd = os.pidfd_open(key.pid)
        except OSError:
            return  # gone, refused, or no descriptor left
        stat = proc_stat.read(self._paths, key.pid)
        if stat is None or stat.dead or stat.start_ticks != key.start_ticks:
            os.close(fd)  # it went before we came: the moment is not known
            return
        self._fds[key], self._keys[fd] = fd, key
        self._poll.register(fd, select.POLLIN)

    def _close(self, key: ProcKey) -> None:
        fd = self._fds.pop(key)
        del self._keys[fd]
        self._poll.unregister(fd)
        os.close(fd)
