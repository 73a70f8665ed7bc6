"""A message about an incident goes to every channel, and once, whoever writes it: its case, or the watch itself."""

import sqlite3
from collections.abc import Iterable

from runaway_watchdog.model.events import CaseRequest
from runaway_watchdog.store import outbox, records, user_input as said


def tell(
    connection: sqlite3.Connection, order: CaseRequest, channels: Iterable[str], message_json: str, now: float
) -> None:
    """Into the outbox, for each of the channels; not where somebody has taken the incident over meanwhile."""
    if order.kind == "reminder" and said.is_acknowledged(connection, order.incident_id, now):
        return
    if order.kind == "opened":
        records.told_of(connection, order.incident_id)
    urgent = order.severity == "critical" and order.kind != "resolved"
    dated = _dated(order, now)
    for channel in channels:
        outbox.enqueue(connection, order.incident_id, order.kind, channel, message_json, dated, urgent=urgent)


def _dated(order: CaseRequest, now: float) -> float:
    """The outbox knows a message by incident, kind, channel and date: an opening or its end comes once."""
    return now if order.kind in ("reminder", "escalated") else order.opened_at
