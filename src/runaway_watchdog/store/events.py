"""The story of an incident: what happened to it, in the order in which it happened.

A crash loop makes thousands of deaths and returns a day: after the first few of one incident the rest are counted
in the newest line of their kind.
"""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from runaway_watchdog.model.identity import ProcKey

EventKind = Literal[
    "opened", "reopened", "escalated", "died", "returned", "throttled", "acknowledged", "unacknowledged", "resolved"
]

SINGLE_LINES: Final = 20
"""So many deaths, and so many returns, have a line of their own in each incident."""
_STILL_ITS_STORY_S: Final = 86400.0  # what happens to the work of a resolved incident for so long


class Event(NamedTuple):
    """One line. `detail` depends on the kind; every text in it is hostile."""

    at: float
    kind: EventKind
    detail: dict[str, Any]


def put_event(connection: sqlite3.Connection, incident_id: int, at: float, kind: EventKind, **detail: object) -> None:
    """Add a line to an incident."""
    connection.execute(
        "INSERT INTO event (incident_id, at, kind, detail) SELECT id, ?, ?, ? FROM incident WHERE id = ?",
        (at, kind, json.dumps(detail), incident_id),
    )


def put_death(connection: sqlite3.Connection, key: ProcKey, at: float, how: Mapping[str, Any]) -> None:
    """A process has ended: a line for each incident that is about its work. `how`: see `Ending`, and `exact`."""
    for incident_id in _about(connection, key, at):
        if not _counted(connection, incident_id, "died", at, None):
            put_event(connection, incident_id, at, "died", pid=key.pid, **how)


def put_return(connection: sqlite3.Connection, key: ProcKey, after: int, at: float, delay_s: float) -> None:
    """The work is back as `key`, `delay_s` after the process `after` died."""
    for incident_id in _about(connection, key, at):
        if not _counted(connection, incident_id, "returned", at, delay_s):
            put_event(connection, incident_id, at, "returned", pid=key.pid, after_pid=after, delay_s=round(delay_s, 3))


def events(connection: sqlite3.Connection, incident_id: int) -> tuple[Event, ...]:
    """The whole story, oldest first."""
    rows = connection.execute(
        "SELECT at, kind, detail FROM event WHERE incident_id = ? ORDER BY at, id", (incident_id,)
    )
    return tuple(Event(at, kind, json.loads(detail)) for at, kind, detail in rows)


def _about(connection: sqlite3.Connection, key: ProcKey, at: float) -> list[int]:
    """The incidents of a process: those of its work, and those of its whole group."""
    rows = connection.execute(
        """SELECT incident.id FROM process
            JOIN lineage AS own ON own.id = process.lineage_id
            JOIN incident JOIN lineage ON lineage.id = incident.lineage_id
        WHERE boot_id = ? AND process.pid = ? AND process.start_ticks = ?
            AND (lineage.id = own.id OR (incident.pid IS NULL AND own.group_path IN (lineage.group_path)
                AND own.group_path != ''))
            AND (state != 'resolved' OR resolved_at > ?)""",
        (*key, at - _STILL_ITS_STORY_S),
    )
    return [row[0] for row in rows]


def _counted(
    connection: sqlite3.Connection, incident_id: int, kind: EventKind, at: float, delay_s: float | None
) -> bool:
    """Add it to the newest line of its kind, once there are many. False: it deserves a line of its own."""
    rows = connection.execute(
        "SELECT id, detail FROM event WHERE incident_id = ? AND kind = ? ORDER BY at DESC, id DESC", (incident_id, kind)
    ).fetchall()
    if len(rows) < SINGLE_LINES:
        return False
    row_id, detail = rows[0][0], json.loads(rows[0][1])
    detail["times"] = detail.get("times", 1) + 1
    if delay_s is not None:
        detail["shortest_s"] = round(min(delay_s, detail.get("shortest_s", detail["delay_s"])), 3)
        detail["longest_s"] = round(max(delay_s, detail.get("longest_s", detail["delay_s"])), 3)
    connection.execute("UPDATE event SET at = ?, detail = ? WHERE id = ?", (at, json.dumps(detail), row_id))
    return True
