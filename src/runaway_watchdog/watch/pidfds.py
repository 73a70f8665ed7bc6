"""The kernel tells through a pidfd, at once, when a tracked process ends; how it ended, where it tells that too.

Descriptors are only polled. Nothing is ever sent through them.
"""

import os
import select
import signal
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, NamedTuple

from runaway_watchdog.linux import pidfd_info, stat_brief as proc_stat
from runaway_watchdog.linux.clock import CLOCK_TICKS, boottime
from runaway_watchdog.linux.exits import Exits
from runaway_watchdog.linux.files import Paths
from runaway_watchdog.model.events import Ending, Sender
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.watch.events import End

if TYPE_CHECKING:  # loaded where it is switched on
    from runaway_watchdog.linux.sent_signals import SentSignals


class Tellers(NamedTuple):
    """Who tells more of a death. None: nobody does."""

    exits: Exits | None = None
    sent_signals: "SentSignals | None" = None


class Pidfds:
    """One pidfd for each tracked process; a kernel before 5.3 has none, and deaths are noticed at the next look."""

    def __init__(self, poll: select.poll, paths: Paths, tellers: Tellers = Tellers()) -> None:  # noqa: B008 - it holds nothing
        self._poll = poll
        self._tellers = tellers
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
        if before != self._keys.keys():
            for teller in self._tellers:
                if teller is not None:
                    teller.only([key.pid for key in self._fds])

    def ended(self, fds: Iterable[int]) -> list[End]:
        """Who of them has ended, by the descriptors that became readable."""
        return [self._end(fd, self._keys[fd]) for fd in fds if fd in self._keys]

    def _end(self, fd: int, key: ProcKey) -> End:
        told = None if self._tellers.exits is None else self._tellers.exits.of(key.pid)
        if told is not None:
            return End(key, self._by(key, Ending.of(told.status)), told.ago_s)
        status = pidfd_info.status(self._paths, fd, key.pid)
        return End(key, self._by(key, Ending() if status is None else Ending.of(status)))

    def _by(self, key: ProcKey, ending: Ending) -> Ending | None:
        """With who sent the signal that ended it, or the one after which it ended by itself."""
        asked = self._tellers.sent_signals
        sent = None if asked is None else asked.last(key.pid, boottime() - key.start_ticks / CLOCK_TICKS)
        if asked is None or sent is None:
            return None if ending == Ending() else ending
        if ending == Ending() and sent.signal == signal.SIGKILL:  # delivered to none that ends already
            ending = Ending(signal=sent.signal)
        if ending.signal is None and sent.asks:
            ending = ending._replace(sent=sent.signal)
        elif ending.signal != sent.signal:
            return None if ending == Ending() else ending
        if sent.by_kernel:
            return ending._replace(sender="oom-killer" if sent.by_oom_killer else "kernel")
        return ending._replace(sender=Sender(*asked.who(self._paths, sent)))

    def polled(self) -> Collection[ProcKey]:
        """Those whose end the kernel will tell."""
        return self._fds.keys()

    def close(self) -> None:
        """Wait for nobody."""
        self.keep(())
        for teller in self._tellers:
            if teller is not None:
                teller.close()

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
