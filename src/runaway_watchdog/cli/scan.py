"""One look at the host, for a second: who is hot now, who owns it, and whether it would come
back after a kill -9. Reads only.

exit code: 0
"""

import argparse
import os
import time
from typing import Any, NamedTuple

from runaway_watchdog import owners as ownership
from runaway_watchdog.cli import PROGRAM, reading
from runaway_watchdog.cli.options import reading_options
from runaway_watchdog.explain.document import owner_to_json
from runaway_watchdog.explain.prognosis import prognosis
from runaway_watchdog.hostile import clean
from runaway_watchdog.model.casefile import History
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Fate, Owner
from runaway_watchdog.world import Unanswered, World, live, procfs

LOOK_S = 1.0
SHOWN = 10
LEAST_PERCENT = 1.0
HIDDEN = Gap("procfs", "other users' processes are hidden here (/proc is mounted with hidepid)", procfs.SUDO)


class Hot(NamedTuple):
    """One process that used CPU during the look."""

    pid: int
    percent: float  # of one core
    name: str
    owner: Owner
    killed: Fate


def arguments(parser: argparse.ArgumentParser) -> None:
    reading_options(parser)


def run(options: argparse.Namespace) -> int:
    world = live()
    gaps: dict[Gap, None] = {}
    if os.geteuid() != 0 and procfs.hides(world.files):
        gaps[HIDDEN] = None
    found = [hot for pid, percent in _busiest() if (hot := _look_at(world, pid, percent, gaps)) is not None]
    told = reading.as_whom(gaps, os.geteuid())
    if options.json:
        reading.print_json(_whole(found, told))
    elif not found:
        seen = "that is shown to you " if HIDDEN in gaps else ""
        print(f"Nothing {seen}used more than {LEAST_PERCENT:g} % of a core in the last second.")
    else:
        _print_table(found, reading.colours(options))
        print(f"\n`sudo {PROGRAM} explain {found[0].pid}` tells the whole story of the first.")
    for gap in told:
        reading.complain(f"{gap.source}: {gap.problem}: {gap.mend}")
    return 0


def _busiest() -> list[tuple[int, float]]:
    """PID and share of a core over a second, the busiest first; this program itself left out."""
    import psutil  # 19 ms: only where the whole host is looked at

    before = {process.pid: process for process in psutil.process_iter()}
    for process in before.values():
        _percent(process)
    time.sleep(LOOK_S)
    shares = [(pid, _percent(process)) for pid, process in before.items() if pid != os.getpid()]
    return sorted((each for each in shares if each[1] >= LEAST_PERCENT), key=lambda each: -each[1])[:SHOWN]


def _percent(process: Any) -> float:
    import psutil

    try:
        return float(process.cpu_percent(None))
    except psutil.Error:  # it went, or it is hidden from us
        return 0.0


def _look_at(world: World, pid: int, percent: float, gaps: dict[Gap, None]) -> Hot | None:
    try:
        facts, unseen = procfs.facts(world, pid)
    except procfs.NoSuchProcessError:
        return None
    except Unanswered as hidden:
        gaps[hidden.gap] = None
        return None
    layers, unanswered = ownership.layers(facts, world)
    gaps.update(dict.fromkeys((*unseen, *unanswered)))
    killed = next(fate for fate in prognosis(layers, History()) if fate.action == "sigkill")
    return Hot(pid, percent, facts.process.name, layers[0].owner, killed)


def _whole(found: list[Hot], gaps: tuple[Gap, ...]) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "window_s": LOOK_S,
        "hot": [_document(each) for each in found],
        "gaps": [reading.gap_document(gap) for gap in gaps],
    }


def _document(hot: Hot) -> dict[str, Any]:
    return {
        "pid": hot.pid,
        "name": clean(hot.name),
        "cpu": {"percent": round(hot.percent, 1), "window_s": LOOK_S},
        "owner": owner_to_json(hot.owner),
        "returns_after_sigkill": hot.killed.returns,
        "by": hot.killed.by,
    }


def _print_table(found: list[Hot], coloured: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("CPU", "PID", "NAME", "OWNER", "POLICY", "AFTER kill -9"):
        table.add_column(name, no_wrap=True, justify="right" if name in ("CPU", "PID") else "left")
    for hot in found:
        told, colour = _told(hot.killed)
        cells = (f"{hot.percent:.0f} %", str(hot.pid), clean(hot.name, 16), clean(hot.owner.name, 40), hot.owner.policy)
        table.add_row(*(Text(cell) for cell in cells), Text(told, style=colour))
    Console(no_color=not coloured, highlight=False, width=None if coloured else 120).print(table)


def _told(killed: Fate) -> tuple[str, str]:
    """Whether it comes back, in the fewest words, and the colour of that."""
    if not killed.ends:
        return "does not end", "yellow"
    if killed.returns is None:
        return "may come back", "yellow"
    return (f"comes back, by {killed.by}", "red") if killed.returns else ("stays away", "green")
