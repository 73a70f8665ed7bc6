"""Messages until they are sent: one row for each message and channel, sent at least once.

A row that failed is tried again after 10 seconds, then after twice as long each time, at most a day later.
"""

import sqlite3
from typing import Final, NamedTuple

FIRST_RETRY_S: Final = 10.0
LAST_RETRY_S: Final = 86400.0
_ERROR_LIMIT: Final = 500


class OutboxRow(NamedTuple):
    """One message for one channel."""

    id: int
    incident_id: int | None
    kind: str
    channel: str  # its label
    message: str  # JSON: subject, text, html, markdown
    created_at: float
    attempts: int


def enqueue(
    connection: sqlite3.Connection, incident_id: int | None, kind: str, channel: str, message_json: str, now: float
) -> None:
    """Due at once. The very same row again (a write that is repeated) is one row."""
    connection.execute(
        """INSERT OR IGNORE INTO outbox (incident_id, kind, channel, message, created_at, next_at)
        VALUES (?, ?, ?, ?, ?, ?)""",
        (incident_id, kind, channel, message_json, now, now),
    )


def due(connection: sqlite3.Connection, now: float, channel: str | None = None) -> tuple[OutboxRow, ...]:
    """What has to be sent now, oldest first; of one channel, or of all."""
    rows = connection.execute(
        """SELECT id, incident_id, kind, channel, message, created_at, attempts FROM outbox
        WHERE sent_at IS NULL AND next_at <= ? AND (channel = ? OR ? IS NULL) ORDER BY created_at, id LIMIT 200""",
        (now, channel, channel),
    )
    return tuple(OutboxRow(*row) for row in rows)


def due_channels(connection: sqlite3.Connection, now: float) -> tuple[str, ...]:
    """The channels that have something to send now."""
    rows = connection.execute(
        "SELECT DISTINCT channel FROM outbox WHERE sent_at IS NULL AND next_at <= ? ORDER BY channel", (now,)
    )
    return tuple(row[0] for row in rows)


def mark_sent(connection: sqlite3.Connection, row_id: int, now: float) -> None:
    """The channel took it."""
    connection.execute(
        "UPDATE outbox SET sent_at = ?, attempts = attempts + 1, last_error = NULL WHERE id = ?", (now, row_id)
    )


def mark_failed(connection: sqlite3.Connection, row_id: int, error: str, next_at: float) -> None:
    """The channel did not take it: next time at `next_at`. `error` must not hold the channel's URL."""
    connection.execute(
        "UPDATE outbox SET attempts = attempts + 1, last_error = ?, next_at = ? WHERE id = ?",
        (error[:_ERROR_LIMIT], next_at, row_id),
    )


def retry_after(attempts: int) -> float:
    """Seconds to wait after the failed attempt that follows `attempts` earlier ones."""
    return float(min(LAST_RETRY_S, FIRST_RETRY_S * 2 ** min(attempts, 20)))
