"""The heartbeat for an outside service, as the watch keeps it: when the next goes out, and since when none arrives."""

from typing import Final

from runaway_watchdog.watch.timer import Timer

PERIOD_S: Final = 60.0


class Heartbeat:
    """`failed_at` is wall-clock time, in seconds since the epoch; None: it arrives, or nobody waits for one."""

    def __init__(self, now: float, *, wanted: bool, failed_at: float | None) -> None:
        """`now` is monotonic; `failed_at` is what the watch before this one knew."""
        self._timer = Timer(PERIOD_S, now)
        self._wanted = wanted
        self.failed_at = failed_at if wanted else None

    def want(self, *, wanted: bool) -> None:
        """The configuration names a service, or no longer does."""
        self._wanted = wanted
        if not wanted:
            self.failed_at = None

    def due(self, now: float) -> bool:
        """Is it time for one? Sets the next."""
        return self._wanted and self._timer.due(now)

    def ended(self, code: int, wall: float) -> bool:
        """One ended with this exit code. Whether that is news: the first that fails, or the first that arrives."""
        failed_before = self.failed_at is not None
        if not self._wanted or bool(code) == failed_before:
            return False
        self.failed_at = wall if code else None
        return True
