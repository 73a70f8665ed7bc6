"""The counters of one process and its threads at one moment, as /proc hands them out; `explain.doing` reads them."""

from typing import Any

from runaway_watchdog import glance


class LiveActivity:
    """See `world.Activity`."""

    def look(self, pid: int) -> dict[str, Any]:
        return glance.activity(pid)
