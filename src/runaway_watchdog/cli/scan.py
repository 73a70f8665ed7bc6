"""One look at the host, for a second: who is hot now, who owns it, whether it would come back
after a kill -9, and since when it is at it. Reads only.

exit code: 0, 2 usage
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from runaway_watchdog import owners, owners as ownership
from runaway_watchdog.cli import PROGRAM, reading, unlisted
from runaway_watchdog.cli.options import reading_options
from runaway_watchdog.explain.named import short_of
from runaway_watchdog.explain.prognosis import prognosis
from runaway_watchdog.hostile import clean
from runaway_watchdog.linux.unlisted import Unlisted
from runaway_watchdog.masking import mask_text
from runaway_watchdog.model.casefile import History, SeenDeath
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.owner import Outlook, Owner
from runaway_watchdog.model.shortage import Shortage
from runaway_watchdog.render.document import death_to_json, owner_to_json
from runaway_watchdog.render.figures import clock, duration
from runaway_watchdog.render.last_end import ended
from runaway_watchdog.render.shortage import sentence, to_json
from runaway_watchdog.store import queries
from runaway_watchdog.store.database import StoreUnavailable, reading as reading_store
from runaway_watchdog.world import Unanswered, World, live, procfs

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

LOOK_S = 1.0
SHOWN = 10
WIDEST = 120
LEAST_PERCENT = 1.0
HIDDEN = Gap("procfs", "other users' processes are hidden here (/proc is mounted with hidepid)", procfs.SUDO)


class Hot(NamedTuple):
    """One process that used CPU during the look."""

    pid: int
    percent: float  # of one core
    name: str
    owner: Owner
    killed: Outlook
    started_at: float
    hot_since: float | None  # None: the watch has not seen it burn, or its history cannot be read
    after: SeenDeath | None = None  # whose place it took


class Recorded(NamedTuple):
    """What the watch knows of what burns now; all empty where its history cannot be read."""

    hot_since: Mapping[ProcKey, float] = {}
    places_taken: Mapping[ProcKey, SeenDeath] = {}
    unresolved: tuple[int, ...] = ()  # the incidents that are open


class Look(NamedTuple):
    """One second of the host."""

    at: float
    found: tuple[Hot, ...]
    gaps: tuple[Gap, ...]
    short: Shortage | None = None
    unlisted: Unlisted | None = None
    unresolved: tuple[int, ...] = ()  # the incidents that are open


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--watch", action="store_true", help="look again and again, in place, until Ctrl-C")
    reading_options(parser)


def run(options: argparse.Namespace) -> int:
    if options.watch:
        return _keep_looking(options)
    seen = look(options)
    if options.json:
        reading.print_json(_whole(seen))
        return _complained(seen)
    if seen.short is not None:
        print(f"{sentence(seen.short)}\n")
    if not seen.found:
        print(_nothing(seen))
    else:
        console(reading.colours(options)).print(table(seen))
        for line in _successions(seen):
            print(line)
        print(f"\n`sudo {PROGRAM} explain {seen.found[0].pid}` tells the whole story of the first.")
    if seen.unlisted is not None:
        print(f"\n{unlisted.told(seen.unlisted, seen.unresolved)}")
    return _complained(seen)


def _complained(seen: Look) -> int:
    for gap in seen.gaps:
        reading.complain(f"{gap.source}: {gap.problem}: {gap.fix}")
    return 0


def look(options: argparse.Namespace) -> Look:
    """Takes a second. A world of its own each time: it keeps what its sources said."""
    world = live()
    gaps: dict[Gap, None] = {}
    if os.geteuid() != 0 and procfs.hides(world.files):
        gaps[HIDDEN] = None
    gaps.update(dict.fromkeys(map(procfs.covered_gap, procfs.covered(world.files))))
    before = unlisted.begin(world)
    burning = _busiest()
    nobodys = unlisted.end(before)
    recorded = _recorded(options, gaps)
    found = [hot for pid, percent in burning if (hot := _look_at(world, pid, percent, gaps, recorded)) is not None]
    told = reading.as_whom(gaps, os.geteuid())
    return Look(time.time(), tuple(found), told, short_of(world), nobodys, recorded.unresolved)


def _keep_looking(options: argparse.Namespace) -> int:
    """Refreshes in place. However it ends, the cursor is shown again and the last look stays on the screen."""
    if options.json or not sys.stdout.isatty():
        reading.complain(f"--watch is for a terminal; for scripts: {PROGRAM} scan --json, as often as you like")
        return reading.USAGE
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    signal.signal(signal.SIGTERM, _leave)  # a closed terminal or a `kill`: the same tidy end as Ctrl-C
    signal.signal(signal.SIGHUP, _leave)
    screen = console(reading.colours(options))
    with suppress(KeyboardInterrupt, BrokenPipeError), Live(console=screen, auto_refresh=False) as view:
        view.update(Text("looking …"), refresh=True)
        while True:
            seen = look(options)
            moment = time.strftime("%H:%M:%S", time.localtime(seen.at))
            nobodys = [] if seen.unlisted is None else [Text(unlisted.told(seen.unlisted, seen.unresolved))]
            below = [
                *map(Text, _successions(seen)),
                *nobodys,
                *(Text(f"{gap.source}: {gap.problem}: {gap.fix}", style="dim") for gap in seen.gaps),
            ]
            shown = table(seen) if seen.found else Text(_nothing(seen))
            above = [Text(sentence(seen.short), style="red")] if seen.short is not None else []
            view.update(Group(Text(f"{moment}  Ctrl-C ends", style="dim"), *above, shown, *below), refresh=True)
    return 0


def _leave(number: int, frame: object) -> NoReturn:  # noqa: ARG001
    raise KeyboardInterrupt


def _nothing(seen: Look) -> str:
    shown = "that is shown to you " if HIDDEN in seen.gaps else ""
    return f"Nothing {shown}used more than {LEAST_PERCENT:g} % of a core in the last second."


def _recorded(options: argparse.Namespace, gaps: dict[Gap, None]) -> Recorded:
    """A scan does without a history."""
    path, missing = reading.store_path(options)
    gaps.update(dict.fromkeys(missing))
    try:
        with reading_store(path) as connection:
            unresolved = (each.id for each in queries.incidents(connection) if each.state != "resolved")
            return Recorded(queries.hot_now(connection), queries.places_taken(connection), tuple(unresolved))
    except StoreUnavailable as unavailable:
        gaps.update(dict.fromkeys(reading.store_gap(path, unavailable)))
    return Recorded()


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


def _look_at(world: World, pid: int, percent: float, gaps: dict[Gap, None], recorded: Recorded) -> Hot | None:
    try:
        facts, unseen = owners.facts(world, pid)
    except procfs.NoSuchProcessError:
        return None
    except Unanswered as hidden:
        gaps[hidden.gap] = None
        return None
    layers, unanswered = ownership.layers(facts, world)
    gaps.update(dict.fromkeys((*unseen, *unanswered)))
    killed = next(outlook for outlook in prognosis(layers, History()) if outlook.action == "sigkill")
    subject = facts.process
    since, after = recorded.hot_since.get(subject.key), recorded.places_taken.get(subject.key)
    return Hot(pid, percent, subject.name, layers[0].owner.told(), killed, subject.started_at, since, after)


def _whole(seen: Look) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "window_s": LOOK_S,
        "shortage": to_json(seen.short),
        "hot": [_document(each) for each in seen.found],
        "unlisted": unlisted.document(seen.unlisted),
        "gaps": [reading.gap_document(gap) for gap in seen.gaps],
    }


def _document(hot: Hot) -> dict[str, Any]:
    return {
        "pid": hot.pid,
        "name": clean(mask_text(hot.name)),
        "cpu": {"percent": round(hot.percent, 1), "window_s": LOOK_S},
        "owner": owner_to_json(hot.owner),
        "returns_after_sigkill": hot.killed.returns,
        "by": hot.killed.by,
        "started_at": reading.iso(hot.started_at),
        "hot_since": None if hot.hot_since is None else reading.iso(hot.hot_since),
        "after": hot.after and death_to_json(hot.after),
    }


def console(coloured: bool) -> "Console":
    """As wide as the terminal, or as a line that is still read as one."""
    from rich.console import Console

    made = Console(no_color=not coloured, highlight=False)
    made.width = min(made.width, WIDEST) if sys.stdout.isatty() else WIDEST
    return made


def table(seen: Look) -> "Table":
    """The busiest first. Where the terminal is narrow names give way, and neither figures nor what comes back."""
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    for name in ("CPU", "PID"):
        made.add_column(name, no_wrap=True, justify="right")
    made.add_column("NAME", no_wrap=True, ratio=2, min_width=8)
    made.add_column("OWNER", no_wrap=True, ratio=3, min_width=10)
    for name in ("POLICY", "COMES BACK?", "SINCE"):
        made.add_column(name, no_wrap=True)
    for hot in seen.found:
        told, colour = _told(hot.killed)
        chosen = (clean(mask_text(each)) for each in (hot.name, hot.owner.name, hot.owner.policy))
        cells = (f"{hot.percent:.0f} %", str(hot.pid), *chosen)
        since = Text(_since(hot, seen.at), style="" if hot.hot_since is None else "yellow")
        made.add_row(*map(Text, cells), Text(told, style=colour), since)
    return made


def _successions(seen: Look) -> Iterator[str]:
    """Who died before what burns now, and how."""
    for hot in seen.found:
        if hot.after is not None:
            at = clock(hot.after.died_at, seen.at, seconds=True)
            yield f"PID {hot.pid} took the place of PID {hot.after.pid}, which {ended(hot.after.ending)} at {at}."


def _since(hot: Hot, now: float) -> str:
    if hot.hot_since is not None:
        return f"hot for {duration(now - hot.hot_since)}"
    return f"up {duration(now - hot.started_at)}"


def _told(killed: Outlook) -> tuple[str, str]:
    """Whether it comes back after a kill -9, in the fewest words, and the colour of that."""
    if not killed.ends:
        return "does not end", "yellow"
    if killed.returns is None:
        return "may be", "yellow"
    return (f"yes, by {killed.by}", "red") if killed.returns else ("no", "green")
