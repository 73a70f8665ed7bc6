"""How what has no process now ended last, and what it said before, in words."""

import signal
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from runaway_watchdog.model.casefile import LastEnd
from runaway_watchdog.render.steps import safe

SHOWN: Final = 160
AS_PEOPLE_SAY: Final = {"auto-restart": "restarting", "start": "starting", "start-pre": "starting", "dead": "stopped"}
"""By systemd's own words."""
TRYING: Final = ("restarting", "starting", "running")
"""States of what its manager starts again and again."""


def how(ended: LastEnd) -> str:
    if ended.signal:
        try:
            return f", {signal.Signals(ended.signal).name} ended it last"
        except ValueError:
            return f", signal {ended.signal} ended it last"
    return "" if ended.exit_code is None else f", it exited with {ended.exit_code}"


def said(log: Sequence[str]) -> Iterator[str]:
    """The last lines of its log; the same one after itself, as a crash loop writes it, once."""
    for line, same in groupby(log):
        count = len(list(same))
        yield f"it said{f' {count} times' if count > 1 else ''}: {safe(line, SHOWN)}"
