"""Control groups as they are made: a service that dies after 20 ms is in none of the lists that are made every while.

The kernel sends SIGIO when a directory is made in a folder that it was asked about (fcntl(2), F_NOTIFY; seen on control
groups with 6.1 and 6.18). Names come with no signal, so all that are watched are listed; an allowance keeps a host that
makes groups all the time from costing us more.
"""

import fcntl
import math
import os
import signal
from collections.abc import Collection
from typing import Final

from runaway_watchdog.watch import groups
from runaway_watchdog.watch.allowance import Allowance

PROMPT_S: Final = 60.0
"""Who begins again later after its last beginning does so by a schedule, or by somebody's hand."""
_PER_S: Final = 2.0
_MOST: Final = 20.0
_MOST_FOLDERS: Final = 32
_MOST_GROUPS: Final = 1024


class NewGroups:
    """Which groups began anew since the last look. Where nobody handles SIGIO, which would end us, none are watched."""

    def __init__(self, now: float) -> None:
        self._folders: dict[str, int] = {}  # a watched group's path, and its directory's descriptor
        self._began: dict[str, tuple[int, float]] = {}  # number and moment, the oldest first
        self._again: list[str] = []
        self._allowance = Allowance(_PER_S, _MOST, now)

    def watch(self, tree: groups.Tree, parents: Collection[str]) -> None:
        """From now on these, and no others. A login's manager comes and goes with the login: it is left out."""
        if signal.getsignal(signal.SIGIO) is signal.SIG_DFL:
            return
        wanted = [path for path in parents if not path.startswith("/user.slice")][:_MOST_FOLDERS]
        for path, folder in list(self._folders.items()):
            if path not in wanted or groups.number(tree, path) != os.fstat(folder).st_ino:  # gone, or made anew
                os.close(self._folders.pop(path))
        for path in wanted:
            if path not in self._folders:
                self._open(tree, path)

    def _open(self, tree: groups.Tree, path: str) -> None:
        try:
            folder = os.open(f"{tree.root}{path}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            fcntl.fcntl(folder, fcntl.F_NOTIFY, fcntl.DN_CREATE | fcntl.DN_MULTISHOT)
        except OSError:  # a kernel without it: the sweeps remain
            os.close(folder)
            return
        self._folders[path] = folder
        for each, number in self._children(tree, path):
            if len(self._began) < _MOST_GROUPS:
                self._began.setdefault(each, (number, -math.inf))  # when these began is not known

    def _children(self, tree: groups.Tree, path: str) -> list[tuple[str, int]]:
        """Those of a watched group; one with too many is left to the sweeps, whoever made them."""
        children = groups.numbered_children(tree, path)
        if len(children) <= _MOST_GROUPS:
            return children
        os.close(self._folders.pop(path))
        return []

    def came(self, tree: groups.Tree, now: float) -> None:
        """The kernel has just told that there is a new one somewhere."""
        if not self._allowance.take(now):
            return
        for parent in list(self._folders):
            for path, number in self._children(tree, parent):
                if not groups.holds_groups(path):
                    self._note(path, number, now)

    def _note(self, path: str, number: int, now: float) -> None:
        before = self._began.get(path)
        if before is not None and before[0] == number:
            return
        if before is not None and now - before[1] <= PROMPT_S:
            self._again.append(path)
        self._began.pop(path, None)
        self._began[path] = (number, now)
        if len(self._began) > _MOST_GROUPS:
            del self._began[next(iter(self._began))]

    def counts(self, path: str) -> bool:
        """Whether each beginning of this group is told here."""
        return path in self._began

    def take(self) -> list[str]:
        """The paths of those that began again since the last call, each as often as it did."""
        again, self._again = self._again, []
        return again

    def close(self) -> None:
        for folder in self._folders.values():
            os.close(folder)
        self._folders.clear()
