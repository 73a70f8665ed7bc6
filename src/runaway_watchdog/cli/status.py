"""Is the watch alive, when did it last look, what is open, and what does it cost? Reads only.

exit code: 0 it watches, 1 it does not, or the history cannot be read
"""

import argparse
import sqlite3
import time
from pathlib import Path
from typing import Any, Final

from runaway_watchdog.cli import PROGRAM, reading, unlisted, vitals
from runaway_watchdog.cli.incidents import head
from runaway_watchdog.cli.options import reading_options
from runaway_watchdog.cli.vitals import UNIT, Pulse, Vitals
from runaway_watchdog.explain.named import short_of
from runaway_watchdog.hostile import clean
from runaway_watchdog.linux.unlisted import Unlisted
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.render.figures import clock, duration, size
from runaway_watchdog.render.shortage import sentence, to_json
from runaway_watchdog.store import queries
from runaway_watchdog.store.database import StoreUnavailable, reading as reading_store
from runaway_watchdog.store.queries import Incident
from runaway_watchdog.world import World, live

SHOWN: Final = 10
SPAN_S: Final = 1.0
COLOURS: Final[dict[Pulse, str]] = {"alive": "\x1b[32m", "silent": "\x1b[31m", "ended": "\x1b[31m", "never": "\x1b[31m"}
RESET: Final = "\x1b[0m"
START: Final = f"sudo systemctl start {UNIT}"
MENDS: Final[dict[Pulse, str]] = {
    "alive": "",
    "silent": f"systemctl status {UNIT}; a clock that was set back looks the same for a while",
    "ended": f"{START}; if it does not stay: journalctl -u {UNIT}",
    "never": f"{START}, or sudo {PROGRAM} install",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    reading_options(parser)


def run(options: argparse.Namespace) -> int:
    world = live()
    path, gaps = reading.store_path(options)
    for gap in gaps:
        reading.complain(f"{gap.problem}: {gap.fix}")
    try:
        with reading_store(path) as connection:
            seen, unresolved = vitals.look(connection, world), _open(connection)
    except StoreUnavailable as unavailable:
        reading.complain(f"{unavailable.problem}; {unavailable.fix}")
        if options.json:
            told = (*gaps, Gap("store", unavailable.problem, unavailable.fix))
            reading.print_json({"schema_version": 1, "watch": None, "gaps": [*map(reading.gap_document, told)]})
        return 1
    nobodys = _unlisted(world) if unresolved else None
    if options.json:
        whole = document(seen, unresolved, path)
        whole |= {"shortage": to_json(short_of(world)), "unlisted": unlisted.document(nobodys)}
        reading.print_json({**whole, "gaps": [reading.gap_document(gap) for gap in gaps]})
    else:
        if short_now := sentence(short_of(world)):
            print(short_now)
        print("\n".join(_lines(seen, unresolved, world, coloured=reading.colours(options))))
        if nobodys is not None:
            print(f"hidden   {unlisted.told(nobodys, [each.id for each in unresolved])}")
    return 0 if seen.pulse == "alive" else 1


def _unlisted(world: World) -> Unlisted | None:
    """Takes a second, and is asked only while something burns."""
    before = unlisted.begin(world)
    if before is not None:
        time.sleep(SPAN_S)
    return unlisted.end(before)


def _open(connection: sqlite3.Connection) -> tuple[Incident, ...]:
    return tuple(each for each in queries.incidents(connection) if each.state != "resolved")


def document(seen: Vitals, unresolved: tuple[Incident, ...], store: Path) -> dict[str, Any]:
    """`status --json`, without its gaps."""
    last, cost = seen.liveness, seen.cost
    return {
        "schema_version": 1,
        "watch": {
            "pulse": seen.pulse,
            "pid": None if last is None else last.pid,
            "started_at": None if last is None else reading.iso(last.started_at),
            "last_look": None if last is None else reading.iso(last.tick_at),
            "looks": 0 if last is None else last.ticks,
            "writes_lost": 0 if last is None else last.dropped,
            "heartbeat_failed_at": reading.iso(last.heartbeat_failed_at) if last and last.heartbeat_failed_at else None,
        },
        "cost": None if cost is None else cost._asdict(),
        "open": [head(each) for each in unresolved],
        "waiting": [
            {
                **each._asdict(),
                "oldest_at": reading.iso(each.oldest_at),
                "last_error": clean(each.last_error or "") or None,
            }
            for each in seen.waiting
        ],
        "refusing": [
            {
                "channel": each.channel,
                "since": reading.iso(each.refused_at),
                "reason": clean(each.problem or "") or None,
            }
            for each in seen.channels
            if each.refused_at is not None
        ],
        "store": str(store),
    }


def _lines(seen: Vitals, unresolved: tuple[Incident, ...], world: World, *, coloured: bool) -> list[str]:
    now = world.clock.now()
    word, told = _pulse(seen, now)
    lines = [f"{COLOURS[seen.pulse] + word + RESET if coloured else word}{told}"]
    if MENDS[seen.pulse]:
        lines.append(f"  -> {MENDS[seen.pulse]}")
    if seen.cost is not None:
        of = "beside it cases and senders come and go" if seen.cost.whole_service else "of the one process"
        figures = f"{seen.cost.cpu_percent:.2g} % of a core since it was started, {size(seen.cost.memory_bytes)}"
        lines.append(f"costs    {figures} ({of})")
    if seen.liveness is not None and seen.liveness.dropped:
        lines.append(f"lost     {seen.liveness.dropped} writes that a full queue or disk refused: `{PROGRAM} doctor`")
    if seen.pulse == "alive" and seen.liveness is not None and seen.liveness.heartbeat_failed_at is not None:
        lasting = duration(now - seen.liveness.heartbeat_failed_at)
        lines.append(
            f"unheard  no heartbeat has arrived for {lasting}: see alerts.heartbeat_url, and this host's network"
        )
    lines += _open_lines(unresolved, now)
    for channel in seen.channels:
        if channel.refused_at is not None:
            lasting, said = duration(now - channel.refused_at), clean(channel.problem or "", 120)
            lines.append(f"refused  {clean(channel.channel)} has taken nothing for {lasting}: {said}")
            lines.append(f"  -> mend its URL in [alerts], then sudo {PROGRAM} test-alert")
    for each in seen.waiting:
        why = f"; it said: {clean(each.last_error)}" if each.last_error else ""
        waits = duration(now - each.oldest_at)
        lines.append(f"waiting  {each.messages} for {clean(each.channel)}, the oldest for {waits}{why}")
    return lines


def _pulse(seen: Vitals, now: float) -> tuple[str, str]:
    last = seen.liveness
    if last is None:
        return "no watch", ": it has never looked at this host"
    ago = duration(now - last.tick_at)
    if seen.pulse == "alive":
        return "watching", f" since {clock(last.started_at, now)} (PID {last.pid}), last look {ago} ago"
    if seen.pulse == "silent":
        return "silent", f": PID {last.pid} is there and has not looked for {ago}"
    return "no watch", f": PID {last.pid} is gone, its last look was {ago} ago"


def _open_lines(unresolved: tuple[Incident, ...], now: float) -> list[str]:
    if not unresolved:
        return ["open     nothing burns for long"]
    lines = [
        f"open     {each.id}: {each.severity}, since {clock(each.opened_at, now)}: {clean(each.summary, 120)}"
        for each in unresolved[:SHOWN]
    ]
    if len(unresolved) > SHOWN:
        lines.append(f"         and {len(unresolved) - SHOWN} more")
    return [*lines, f"         `{PROGRAM} explain --incident {unresolved[0].id}` tells the whole story of the first"]
