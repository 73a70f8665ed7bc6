"""What a process does, and what was changed before it began, in one line each."""

from collections.abc import Iterator
from typing import Final

from runaway_watchdog.alerts import figures
from runaway_watchdog.model.casefile import CaseFile
from runaway_watchdog.model.doing import Doing

MOST_CHANGES: Final = 3
BUSY_PERCENT: Final = 20.0


def happening(case: CaseFile, now: float) -> Iterator[str]:
    """Nothing for a process that waits, or of which nothing is known. The caller cleans it, as all that is shown."""
    if case.doing is not None and case.process.alive and _is_busy(case.doing):
        yield case.doing.told
    for each in case.changed[:MOST_CHANGES]:
        hot = case.process.started_at if case.since is None else case.since
        before = f"{figures.duration(hot - each.at)} before" if each.at < hot else "at the same time"
        yield f"changed {before} ({figures.clock(each.at, now)}): {each.told}"


def _is_busy(doing: Doing) -> bool:
    """What spins where others want the CPU too gets little of it, and is told all the same."""
    used = doing.user_percent + doing.system_percent + doing.children_percent
    return doing.kind in ("thrashing", "io", "spinning") or (
        doing.kind not in ("waiting", "unknown") and used >= BUSY_PERCENT
    )
