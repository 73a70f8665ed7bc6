"""How what has no process now ended last, and what it said before, in words."""

import signal
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from runaway_watchdog.model.casefile import LastEnd
from runaway_watchdog.model.events import Ending
from runaway_watchdog.render.steps import safe

SHOWN: Final = 160
AS_PEOPLE_SAY: Final = {"auto-restart": "restarting", "start": "starting", "start-pre": "starting", "dead": "stopped"}
"""By systemd's own words."""
TRYING: Final = ("restarting", "starting", "running")
"""States of what its manager starts again and again."""


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def ended(ending: Ending | None) -> str:
    """What a process did at its end, to be said after its name."""
    if ending is not None and ending.signal is not None:
        return f"was ended by {signal_name(ending.signal)}"
    return "died" if ending is None else f"exited with {ending.exit_code}"


def how(ended: LastEnd) -> str:
    if ended.signal:
        return f", {signal_name(ended.signal)} ended it last"
    return "" if ended.exit_code is None else f", it exited with {ended.exit_code}"


def said(log: Sequence[str]) -> Iterator[str]:
    """The last lines of its log; the same one after itself, as a crash loop writes it, once."""
    for line, same in groupby(log):
        count = len(list(same))
        yield f"it said{f' {count} times' if count > 1 else ''}: {safe(line, SHOWN)}"
