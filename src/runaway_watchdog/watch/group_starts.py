"""Which control groups are new, and which were made anew: the same path with a directory of another number."""

from collections.abc import Collection, Mapping
from typing import Final, Literal

from runaway_watchdog.watch import groups
from runaway_watchdog.watch.new_groups import NewGroups

REMEMBERED_S: Final = 900.0
"""A group that is gone for longer and comes again is a new one."""
MOST_REMEMBERED: Final = groups.MOST_A_LOOK
"""Of those that are gone: whoever made others all the time made the watch larger than its unit allows."""
_USERS: Final = "/user.slice/"
"""Where anybody makes groups of any name: of them the first are forgotten."""


class GroupStarts:
    """Told by listings, which see one start of a group between two of them at most, and by the kernel at once."""

    def __init__(self, tree: groups.Tree | None, now: float) -> None:
        self._tree = tree
        self._told = NewGroups(now)
        self._numbers: dict[str, tuple[int, float]] = {}
        self._managers: dict[str, int] = {}  # below which directory of its user's manager each group was listed

    @property
    def numbers(self) -> Mapping[str, tuple[int, float]]:
        """Of each group's directory, and when it was listed."""
        return self._numbers

    def note(self, path: str, number: int, at: float) -> Literal["known", "new", "again"]:
        """A group as it was listed now. "again": it ended and was started, however short its life was."""
        before = self._numbers.get(path)
        self._numbers[path] = (number, at)
        if before is not None and before[0] == number:
            return "known"
        by_login = self._by_login(path)
        if before is None:
            return "new"
        return "known" if by_login or self._told.counts(path) else "again"

    def _by_login(self, path: str) -> bool:
        """Whether it is a login that began anew: its own units, or all that its manager starts along."""
        above, user, rest = path.partition("/user@")
        if not user:
            return path.rpartition("/")[2].startswith("user-runtime-dir@")
        # By each group itself: others below the new manager were listed before it, in this look or an earlier one.
        before, now = self._managers.get(path), groups.number(self._tree, f"{above}{user}{rest.partition('/')[0]}")
        if now is not None:
            self._managers[path] = now
        return "/" not in rest or before != now

    def came(self, now: float) -> None:
        """The kernel has just told that one was made; it may be gone at the next look."""
        if self._tree is not None:
            self._told.came(self._tree, now)

    def take(self) -> list[str]:
        """What began again since the last call, as the kernel told it: each path as often as it did."""
        return self._told.take()

    def forget(self, at: float, parents: Collection[str]) -> None:
        """What was not listed for long goes; the kernel is asked about the groups that are made in `parents`."""
        if self._tree is not None:
            self._told.watch(self._tree, parents)
        self._numbers = {path: (n, seen) for path, (n, seen) in self._numbers.items() if at - seen < REMEMBERED_S}
        gone = [path for path, (_, seen) in self._numbers.items() if seen < at]
        if len(gone) > MOST_REMEMBERED:
            gone.sort(key=lambda path: (path.startswith(_USERS), -self._numbers[path][1]))
            for path in gone[MOST_REMEMBERED:]:
                del self._numbers[path]
        self._managers = {path: n for path, n in self._managers.items() if path in self._numbers}

    def close(self) -> None:
        self._told.close()
