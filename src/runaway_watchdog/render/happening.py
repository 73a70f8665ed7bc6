"""What a process does, and what was changed before it began: a line for each moment."""

from collections.abc import Iterator
from itertools import groupby, islice
from typing import Final

from runaway_watchdog.model.casefile import CaseFile, Change
from runaway_watchdog.model.doing import Doing
from runaway_watchdog.render import figures

MOST_CHANGES: Final = 5
MOST_MOMENTS: Final = 3
BUSY_PERCENT: Final = 20.0


def happening(case: CaseFile, now: float) -> Iterator[str]:
    """Nothing for a process that waits, or of which nothing is known. The caller cleans it, as all that is shown."""
    if case.doing is not None and case.process.alive and _is_busy(case.doing):
        yield case.doing.told
    hot = case.process.started_at if case.since is None else case.since
    moments = groupby(case.changed[:MOST_CHANGES], lambda each: figures.clock(each.at, now))
    for clock, changes in islice(moments, MOST_MOMENTS):
        yield _changed(clock, tuple(changes), hot)


def _changed(clock: str, changes: tuple[Change, ...], hot: float) -> str:
    """What was changed within one minute: whoever deploys changes several things at once."""
    earliest_s = hot - changes[-1].at
    up_to = "up to " if len(changes) > 1 else ""
    before = "at the same time" if earliest_s < 1 else f"{up_to}{figures.duration(earliest_s)} before"
    return f"changed {before} ({clock}): {'; '.join(each.told for each in changes)}"


def _is_busy(doing: Doing) -> bool:
    """What spins where others want the CPU too gets little of it, and is told all the same."""
    used = doing.user_percent + doing.system_percent + doing.children_percent
    return doing.kind in ("thrashing", "io", "spinning") or (
        doing.kind not in ("waiting", "unknown") and used >= BUSY_PERCENT
    )
