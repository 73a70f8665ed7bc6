"""What people have told the watch: acknowledgements, and work that is expected."""

import sqlite3

from runaway_watchdog.model.user_input import Expectation, UserInput, Window
from runaway_watchdog.store.events import put_event


def acknowledge(
    connection: sqlite3.Connection, incident_id: int, now: float, until: float | None, note: str | None
) -> bool:
    """Somebody sees to it: until then (None: until it is over) no reminder is sent. False: it is over, or is none."""
    changed = connection.execute(
        """UPDATE incident SET state = 'acknowledged', acknowledged_until = ?, note = coalesce(?, note)
        WHERE id = ? AND state != 'resolved'""",
        (until, note, incident_id),
    )
    if changed.rowcount:
        put_event(connection, incident_id, now, "acknowledged", until=until, note=note)
    return bool(changed.rowcount)


def unacknowledge(connection: sqlite3.Connection, incident_id: int, now: float) -> bool:
    """Nobody sees to it any more. False: nobody did."""
    changed = connection.execute(
        "UPDATE incident SET state = 'open', acknowledged_until = NULL WHERE id = ? AND state = 'acknowledged'",
        (incident_id,),
    )
    if changed.rowcount:
        put_event(connection, incident_id, now, "unacknowledged")
    return bool(changed.rowcount)


def is_acknowledged(connection: sqlite3.Connection, incident_id: int, now: float) -> bool:
    """Does somebody see to it at `now`?"""
    row = connection.execute(
        """SELECT 1 FROM incident WHERE id = ? AND state = 'acknowledged'
            AND (acknowledged_until IS NULL OR acknowledged_until > ?)""",
        (incident_id, now),
    ).fetchone()
    return row is not None


def in_force(connection: sqlite3.Connection, now: float) -> UserInput:
    """All that is in force at `now`. What has run out ends here."""
    over = connection.execute(
        "SELECT id FROM incident WHERE state = 'acknowledged' AND acknowledged_until <= ?", (now,)
    ).fetchall()
    for (incident_id,) in over:
        unacknowledge(connection, incident_id, now)
    if connection.execute("SELECT 1 FROM expectation WHERE until <= ?", (now,)).fetchone():
        connection.execute("DELETE FROM expectation WHERE until <= ?", (now,))
    rows = connection.execute("SELECT id FROM incident WHERE state = 'acknowledged'")
    return UserInput(frozenset(row[0] for row in rows), expectations(connection))


def expectations(connection: sqlite3.Connection) -> tuple[Expectation, ...]:
    """As they were told, oldest first."""
    rows = connection.execute("SELECT unit, first_minute, last_minute, until, id FROM expectation ORDER BY id")
    return tuple(Expectation(unit, Window(first, last), until, number) for unit, first, last, until, number in rows)


def expect(connection: sqlite3.Connection, expectation: Expectation, now: float) -> int:
    """Keep an expectation; returns its number."""
    cursor = connection.execute(
        "INSERT INTO expectation (unit, first_minute, last_minute, until, made_at) VALUES (?, ?, ?, ?, ?)",
        (expectation.unit, *expectation.window, expectation.until, now),
    )
    return int(cursor.lastrowid or 0)


def no_longer_expect(connection: sqlite3.Connection, number: int) -> bool:
    """Remove one. False: there is none of that number."""
    return bool(connection.execute("DELETE FROM expectation WHERE id = ?", (number,)).rowcount)
