"""The kernel tells through a pidfd, at once, when a tracked process ends; how it ended, where it tells that too.

Descriptors are only polled. Nothing is ever sent through them.
"""

import os
import select
from collections.abc import Collection, Iterable

from runaway_watchdog.linux import pidfd_info, stat_brief as proc_stat
from runaway_watchdog.linux.exits import Exits
from runaway_watchdog.linux.files import Paths
from runaway_watchdog.model.events import Ending
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.watch.events import End


class Pidfds:
    """One pidfd for each tracked process; a kernel before 5.3 has none, and deaths are noticed at the next look."""

    def __init__(self, poll: select.poll, paths: Paths, exits: Exits | None = None) -> None:
        """`exits`: who tells how and when they ended; None: only what the pidfd tells."""
        self._poll = poll
        self._exits = exits
        self._paths = paths
        self._fds: dict[ProcKey, int] = {}
        self._keys: dict[int, ProcKey] = {}

    def keep(self, tracked: Collection[ProcKey]) -> None:
        """Wait for exactly these."""
        before = set(self._keys)
        for key in [key for key in self._fds if key not in tracked]:
            self._close(key)
        for key in tracked:
            if key not in self._fds:
                self._open(key)
        if self._exits is not None and before != self._keys.keys():
            self._exits.only([key.pid for key in self._fds])

    def ended(self, fds: Iterable[int]) -> list[End]:
        """Who of them has ended, by the descriptors that became readable."""
        return [self._end(fd, self._keys[fd]) for fd in fds if fd in self._keys]

    def _end(self, fd: int, key: ProcKey) -> End:
        told = None if self._exits is None else self._exits.of(key.pid)
        if told is not None:
            return End(key, Ending.of(told.status), told.ago_s)
        status = pidfd_info.status(self._paths, fd, key.pid)
        return End(key, None if status is None else Ending.of(status))

    def polled(self) -> Collection[ProcKey]:
        """Those whose end the kernel will tell."""
        return self._fds.keys()

    def close(self) -> None:
        """Wait for nobody."""
        self.keep(())
        if self._exits is not None:
            self._exits.close()

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
