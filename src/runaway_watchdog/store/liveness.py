"""The watch's sign of life: one row, written every few seconds, which tells every command whether anybody looks."""

import sqlite3
from typing import NamedTuple


class Beat(NamedTuple):
    """What the watch says of itself. Times are seconds since the epoch."""

    pid: int
    started_at: float
    tick_at: float  # its last look
    ticks: int  # looks since it was started
    dropped: int  # writes that a full queue or disk refused
    heartbeat_failed_at: float | None = None  # since when the outside service takes no heartbeat


def put_beat(connection: sqlite3.Connection, beat: Beat) -> None:
    """The watch is alive."""
    connection.execute(
        """INSERT OR REPLACE INTO beat (id, pid, started_at, tick_at, ticks, dropped, heartbeat_failed_at)
            VALUES (1, ?, ?, ?, ?, ?, ?)""",
        beat,
    )


def last_beat(connection: sqlite3.Connection) -> Beat | None:
    """The last sign of life; None: no watch has run yet."""
    found = connection.execute("SELECT pid, started_at, tick_at, ticks, dropped, heartbeat_failed_at FROM beat")
    row = found.fetchone()
    return None if row is None else Beat(*row)
