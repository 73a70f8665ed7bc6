"""What the store knows of one incident, put together for `report` and `preview`."""

import argparse
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from runaway_watchdog.cli import PROGRAM, timeline
from runaway_watchdog.cli.reading import NO_SUCH, complain, iso, store_told
from runaway_watchdog.hostile import clean, printable
from runaway_watchdog.masking import mask_text
from runaway_watchdog.model.casefile import CaseFile
from runaway_watchdog.render.document import from_json, to_json
from runaway_watchdog.render.report import Moment, Report
from runaway_watchdog.render.story import graded
from runaway_watchdog.store import queries
from runaway_watchdog.store.curves import Point, busiest, curve
from runaway_watchdog.store.database import StoreUnavailable, reading
from runaway_watchdog.store.queries import Incident

MARGIN_S: Final = 900.0
"""How much of the curve is shown before and after, at least; a quarter of a long incident's length."""
MOST_SHARING: Final = 12
Found = TypeVar("Found")


class Recorded(NamedTuple):
    """An incident as it was kept."""

    incident: Incident
    harm: str  # a sentence
    case: CaseFile | None
    made_at: float
    moments: tuple[Moment, ...]
    points: tuple[Point, ...]
    sharing: tuple[tuple[str, float], ...]


def asked_for(ask: Callable[[Path, int, float], Found | None], options: argparse.Namespace, now: float) -> Found | int:
    """What the store knows of `options.id`; where it knows nothing that is said, and this is the exit code."""
    try:
        found = ask(store_told(options), options.id, now)
    except StoreUnavailable as unavailable:
        complain(f"{unavailable.problem}; {unavailable.fix}")
        return 1
    if found is None:
        complain(f"no incident {options.id}; `{PROGRAM} incidents` lists them")
        return NO_SUCH
    return found


def recorded(store: Path, number: int, now: float) -> Recorded | None:
    """None where there is no such incident. Raises StoreUnavailable."""
    with reading(store) as connection:
        found = queries.incident(connection, number)
        return None if found is None else _recorded(connection, found, now)


def report(store: Path, number: int, now: float) -> Report | None:
    """What a page tells of it; None where there is no such incident. Raises StoreUnavailable."""
    found = recorded(store, number, now)
    if found is None:
        return None
    told = found.incident
    return Report(
        number=told.id,
        title=told.summary,
        state=told.state,
        severity=told.severity,
        harm=found.harm,
        case=found.case,
        made_at=found.made_at,
        group=told.group,
        moments=found.moments,
        points=found.points,
        sharing=found.sharing,
    )


def document(told: Report) -> dict[str, Any]:
    """The same for programs."""
    return {
        "schema_version": 1,
        "incident": {
            "id": told.number,
            "state": told.state,
            "severity": told.severity,
            "harm": printable(mask_text(told.harm)),
            "summary": clean(mask_text(told.title), 200),
        },
        "story": [{"at": iso(each.at), "kind": each.kind, "told": clean(each.words, 400)} for each in told.moments],
        "curve": [{"at": iso(at), "percent": percent} for at, percent in told.points],
        "sharing": [{"group": clean(group, 400), "percent": percent} for group, percent in told.sharing],
        "case": None if told.case is None else to_json(told.case),
    }


def _recorded(connection: sqlite3.Connection, found: Incident, now: float) -> Recorded:
    stored = queries.case_file(connection, found.lineage_id)
    story = timeline.of(connection, found)
    begun, ended = found.opened_at - found.window_s, now if found.resolved_at is None else found.resolved_at
    margin = max(MARGIN_S, (ended - begun) / 4)
    since, until = begun - margin, min(now, ended + margin)
    judged = [str(each.detail["harm"]) for each in story if each.detail.get("harm")]
    return Recorded(
        incident=found,
        harm=graded(found.severity, judged[-1] if judged else "", found.rule),
        case=None if stored is None else _case(stored.json),
        made_at=now if stored is None else stored.made_at,
        moments=tuple(Moment(each.at, each.kind, each.words) for each in story),
        points=curve(connection, found.group, since, until),
        sharing=busiest(connection, since, until, MOST_SHARING),
    )


def _case(stored: str) -> CaseFile | None:
    """None for a document of another version: the rest of the page is told all the same."""
    try:
        return from_json(json.loads(stored))
    except ValueError:
        return None
