"""Is this work meant to be there, at this time? Pure, but for the host's time zone."""

import time
from collections.abc import Iterable
from fnmatch import fnmatchcase

from runaway_watchdog.model.user_input import Expectation, Window


def expected(expectations: Iterable[Expectation], group: str, wall: float) -> Expectation | None:
    """The expectation that a group meets at `wall` (seconds since the epoch), or None.

    Each part of the group's path is looked at: work in `user@1000.service/app.slice/sync.service` is that of
    `sync.service`, and of `user@1000.service`.
    """
    parts = [part for part in group.split("/") if part]
    for each in expectations:
        lasts = each.until is None or wall < each.until
        if lasts and within(each.window, wall) and any(fnmatchcase(part, each.unit) for part in parts):
            return each
    return None


def within(window: Window, wall: float) -> bool:
    """Does a moment lie in this time of the day, here? The last minute does not."""
    local = time.localtime(wall)
    minute = local.tm_hour * 60 + local.tm_min
    if window.first <= window.last:
        return window.first <= minute < window.last
    return minute >= window.first or minute < window.last
