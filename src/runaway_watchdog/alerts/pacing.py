"""When a message may go out: not in quiet hours, and only so many an hour. What is critical always may."""

import sqlite3
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from runaway_watchdog.store import outbox
from runaway_watchdog.store.outbox import OutboxRow

HOUR_S: Final = 3600.0


def allowed(
    connection: sqlite3.Connection, channel: str, rows: Sequence[OutboxRow], alerts: Mapping[str, Any], now: float
) -> list[OutboxRow]:
    """The rows that may be sent at `now`; the others are put off until they may."""
    until = wait_until(connection, channel, alerts, now)
    if until is None:
        return list(rows)
    outbox.postpone(connection, [row.id for row in rows if not row.urgent], until)
    return [row for row in rows if row.urgent]


def wait_until(connection: sqlite3.Connection, channel: str, alerts: Mapping[str, Any], now: float) -> float | None:
    """When what is not urgent may be sent through a channel; None: now."""
    waits = [end for end in (quiet_end(alerts.get("quiet"), now),) if end is not None]
    for limit, of in ((alerts.get("per_hour"), channel), (alerts.get("per_hour_in_all"), None)):
        # What was sent in the future was sent before the clock was set back: it says nothing of the last hour.
        sent = [at for at in outbox.sent_since(connection, now - HOUR_S, of) if at <= now]
        if limit is not None and len(sent) >= limit:
            waits.append(sent[-limit] + HOUR_S)
    return max(waits, default=None)


def quiet_end(window: Sequence[int] | None, now: float) -> float | None:
    """When the quiet hours end that hold at `now`; None: none do. Minutes of the day, local time."""
    if not window:
        return None
    first, last = window
    local = time.localtime(now)
    minute = local.tm_hour * 60 + local.tm_min
    inside = first <= minute < last if first <= last else minute >= first or minute < last
    left = (last - minute) % (24 * 60) or 24 * 60
    return now - local.tm_sec + left * 60 if inside else None
