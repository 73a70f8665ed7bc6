"""A message about an incident goes to every channel, and once, whoever writes it: its case, or the watch itself."""

import sqlite3
from collections.abc import Iterable

from runaway_watchdog.model.events import CaseRequest
from runaway_watchdog.store import outbox, records
from runaway_watchdog.store.user_input import is_acknowledged


def tell(
    connection: sqlite3.Connection, request: CaseRequest, channels: Iterable[str], message_json: str, now: float
) -> None:
    """Into the outbox, for each of the channels; not where somebody has taken the incident over meanwhile."""
    if request.kind == "reminder" and is_acknowledged(connection, request.incident_id, now):
        return
    if request.kind == "opened":
        records.told_of(connection, request.incident_id)
    urgent = request.severity == "critical" and request.kind != "resolved"
    dated = _dated(request, now)
    for channel in channels:
        outbox.enqueue(connection, request.incident_id, request.kind, channel, message_json, dated, urgent=urgent)


def _dated(request: CaseRequest, now: float) -> float:
    """The outbox knows a message by incident, kind, channel and date: a turn that is tried again comes once."""
    return (request.asked_at or now) if request.kind in ("reminder", "escalated") else request.opened_at
