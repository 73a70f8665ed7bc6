"""What the watch has found so far, the newest first; `show ID` tells one of them whole.

exit code: 0, 1 the history cannot be read, 3 no such incident
"""

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from typing import Any

from runaway_watchdog.cli import PROGRAM, reading, timeline
from runaway_watchdog.cli.changing import lasting
from runaway_watchdog.cli.options import incident_id, reading_options
from runaway_watchdog.cli.reading import NO_SUCH
from runaway_watchdog.hostile import clean
from runaway_watchdog.model.casefile import History
from runaway_watchdog.render.figures import clock, duration
from runaway_watchdog.store import queries
from runaway_watchdog.store.database import StoreUnavailable, reading as reading_store
from runaway_watchdog.store.queries import Incident

COLOURS = {"critical": "bold red", "warning": "yellow", "info": "cyan"}

_PIPED = 300
"""Columns where nobody's terminal sets them: a line for each incident, for `grep`."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("show", nargs="?", type=_show_word, metavar="show", help="tell one incident whole")
    parser.add_argument("id", nargs="?", type=incident_id, metavar="ID")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--open", action="store_true", help="only those that are not over")
    which.add_argument("--state", choices=["open", "acknowledged", "resolved"], help="only those in this state")
    parser.add_argument("--owner", metavar="TEXT", help="only those whose owner, group or program has this in its name")
    parser.add_argument("--since", type=lasting, metavar="2d", help="only those that were open within this time")
    reading_options(parser)
    parser.usage = f"{PROGRAM} incidents [show ID] [--open | --state STATE] [--owner TEXT] [--since 2d] [--json]"


def _show_word(text: str) -> str:
    if text == "show":
        return text
    one = f"show {text}" if text.isascii() and text.isdecimal() else "show ID"
    raise argparse.ArgumentTypeError(f"one incident: {PROGRAM} incidents {one}")


def run(options: argparse.Namespace) -> int:
    if options.show and options.id is None:
        reading.complain(f"say which: {PROGRAM} incidents show ID")
        return reading.USAGE
    path = reading.store_told(options)
    try:
        with reading_store(path) as connection:
            if options.show:
                return _show(connection, options)
            return _list(connection, options)
    except StoreUnavailable as unavailable:
        reading.complain(f"{unavailable.problem}; {unavailable.fix}")
        return 1


def _list(connection: Any, options: argparse.Namespace) -> int:
    known = queries.incidents(connection)
    found = [(each, document(connection, each)) for each in known if _is_asked_for(each, options)]
    documents = [told for each, told in found if options.owner is None or _belongs(each, told, options.owner)]
    if options.json:
        reading.print_json({"schema_version": 1, "incidents": documents})
    elif not known:
        print("No incidents: the watch has found nothing that burns for long.")
    elif not documents:
        print(f"None of the {len(known)} incidents is like that.")
    else:
        _print_table(documents, reading.colours(options))
    return 0


def _is_asked_for(incident: Incident, options: argparse.Namespace) -> bool:
    if options.since is not None and (incident.resolved_at or time.time()) < time.time() - options.since:
        return False
    return incident.state != "resolved" if options.open else options.state in (None, incident.state)


def _belongs(incident: Incident, told: dict[str, Any], text: str) -> bool:
    """Is it the work of this owner, as far as is known?"""
    names = [incident.name, incident.group, *(str(owner.get("name", "")) for owner in told["owners"])]
    return any(text.casefold() in name.casefold() for name in names)


def head(incident: Incident) -> dict[str, Any]:
    """How every document begins that tells of an incident."""
    return {
        "id": incident.id,
        "state": incident.state,
        "severity": incident.severity,
        "rule": incident.rule,
        "summary": clean(incident.summary, 200),
        "opened_at": reading.iso(incident.opened_at),
    }


def document(connection: Any, incident: Incident) -> dict[str, Any]:
    """One entry of `incidents --json`: the incident, with process and owners as `explain` last told them."""
    stored = queries.case_file(connection, incident.lineage_id)
    case = {"process": None, "owners": []} if stored is None else json.loads(stored.json)
    history = queries.lineage_history(connection, incident.lineage_id)
    return {
        **head(incident),
        "resolved_at": _iso(incident.resolved_at),
        "reopened_at": _iso(incident.reopened_at),
        "acknowledged_until": _iso(incident.acknowledged_until),
        "note": None if incident.note is None else clean(incident.note, 500),
        "cpu": {"percent": round(incident.cpu_percent, 1), "window_s": round(incident.window_s, 1)},
        "process": case["process"] if incident.pid else None,
        "owners": case["owners"],
        "returns_seen": history.returns_seen,
        "pids": _pids(incident, history),
    }


def _pids(incident: Incident, history: History) -> list[int]:
    known = list(history.pids)
    return known if incident.pid is None or incident.pid in known else [incident.pid, *known]


def _iso(at: float | None) -> str | None:
    return None if at is None else reading.iso(at)


def _print_table(documents: list[dict[str, Any]], coloured: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("ID", "STATE", "SEVERITY", "SINCE", "FOR", "CPU", "RETURNS"):
        table.add_column(name, no_wrap=True)
    table.add_column("WHAT", overflow="fold")  # the one that gives way: no figure may be cut
    now = time.time()
    for each in documents:
        opened = datetime.fromisoformat(each["opened_at"])
        ended = datetime.fromisoformat(each["resolved_at"]) if each["resolved_at"] else datetime.now(UTC)
        cells = (
            str(each["id"]), each["state"], each["severity"], clock(opened.timestamp(), now),
            duration((ended - opened).total_seconds()), f"{each['cpu']['percent']:.0f} %", str(each["returns_seen"]),
            each["summary"],
        )  # fmt: skip
        # Text, not markup: a summary holds names that others chose.
        table.add_row(
            *(Text(cell, style=COLOURS[each["severity"]] if number == 2 else "") for number, cell in enumerate(cells))
        )
    width = None if sys.stdout.isatty() else _PIPED
    Console(no_color=not coloured, highlight=False, width=width).print(table)


def _show(connection: Any, options: argparse.Namespace) -> int:
    found = queries.incident(connection, options.id)
    if found is None:
        reading.complain(f"no incident {options.id}; `{PROGRAM} incidents` lists them")
        return NO_SUCH
    told = document(connection, found)
    stored = queries.case_file(connection, found.lineage_id)
    story = timeline.of(connection, found)
    if options.json:
        case = None if stored is None else json.loads(stored.json)
        events = [{"at": _iso(each.at), "kind": each.kind, "told": each.words, **each.detail} for each in story]
        reading.print_json({"schema_version": 1, "incident": told, "events": events, "case": case})
        return 0
    print(f"Incident {found.id}: {told['summary']}")
    print(f"  {told['state']}, {told['severity']}, rule {found.rule}: {told['cpu']['percent']} % of a core")
    if found.note:
        print(f"  note: {clean(found.note, 500)}")
    for line in (*timeline.curve(connection, found, time.time()), *timeline.lines(story)):
        print(f"  {line}")
    if stored is not None:
        _print_case(stored, options)
    return 0


def _print_case(stored: queries.StoredCase, options: argparse.Namespace) -> None:
    from runaway_watchdog.render.document import from_json
    from runaway_watchdog.render.text import Style, text

    style = Style.ANSI if reading.colours(options) else Style.PLAIN
    print(f"\nAs it was explained at {datetime.fromtimestamp(stored.made_at).astimezone():%Y-%m-%d %H:%M:%S}:\n")
    print(text(from_json(json.loads(stored.json)), style=style, now=stored.made_at))
