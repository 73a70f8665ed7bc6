"""The watch's sign of life: one row, written every few seconds, which tells every command whether anybody looks."""

import sqlite3
from typing import NamedTuple


class Liveness(NamedTuple):
    """What the watch says of itself. Times are seconds since the epoch."""

    pid: int
    started_at: float
    tick_at: float  # its last look
    ticks: int  # looks since it was started
    dropped: int  # writes that a full queue or disk refused
    heartbeat_failed_at: float | None = None  # since when the outside service takes no heartbeat


def put_liveness(connection: sqlite3.Connection, liveness: Liveness) -> None:
    """The watch is alive."""
    connection.execute(
        """INSERT OR REPLACE INTO beat (id, pid, started_at, tick_at, ticks, dropped, heartbeat_failed_at)
            VALUES (1, ?, ?, ?, ?, ?, ?)""",
        liveness,
    )


def last_liveness(connection: sqlite3.Connection) -> Liveness | None:
    """The last sign of life; None: no watch has run yet."""
    found = connection.execute("SELECT pid, started_at, tick_at, ticks, dropped, heartbeat_failed_at FROM beat")
    row = found.fetchone()
    return None if row is None else Liveness(*row)
