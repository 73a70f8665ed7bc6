"""A clock that is set back or forward by a day: no alert waits for tomorrow, and no incident ends by it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from runaway_watchdog.alerts import pacing
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.store import outbox, records
from runaway_watchdog.store.database import connect
from runaway_watchdog.store.records import IncidentRecord, LineageRecord, ProcessRecord

DAY = 86400
NOW = 1_000_000.0
WORK = LineageRecord("k", "/system.slice/burn.service", "burn")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(tmp_path / "watchdog.db")) as connection:
        yield connection


def test_what_waits_is_sent_after_the_clock_was_set_back(store: sqlite3.Connection) -> None:
    """A message and a channel that failed a moment before: both are tried at once, and then paced as ever."""
    outbox.enqueue(store, 1, "opened", "mail", "{}", NOW)
    outbox.failed(store, "mail", NOW + 5, "no route", wait_s=None, permanent=False)
    now = NOW + 10 - DAY
    waiting = outbox.due(store, now, "mail")
    assert [row.incident_id for row in waiting] == [1], "lost for a day: 1 alert"
    assert outbox.due_channels(store, now) == ("mail",), "lost for a day: 1 channel"
    outbox.failed(store, "mail", now, "no route", wait_s=None, permanent=False)
    assert outbox.due_channels(store, now + 19) == ()
    assert outbox.due_channels(store, now + 21) == ("mail",)


def test_what_was_sent_in_the_future_does_not_use_up_the_hour(store: sqlite3.Connection) -> None:
    """Only so many messages an hour, of the hour that the clock now tells."""
    for number in range(3):
        outbox.enqueue(store, number, "opened", "mail", "{}", NOW)
    for row in outbox.due(store, NOW):
        outbox.mark_sent(store, row.id, NOW + row.id)
    limit = {"per_hour": 3}
    assert pacing.wait_until(store, "mail", limit, NOW + 10) == NOW + 1 + pacing.HOUR_S
    assert pacing.wait_until(store, "mail", limit, NOW + 10 - DAY) is None, "lost for a day: every alert"


def test_an_open_incident_stays_open_after_the_clock_was_set_forward(store: sqlite3.Connection) -> None:
    """A watch that starts then finds it of this boot; one of another boot is over all the same."""
    booted_at = NOW - 1000
    records.put_process(store, ProcessRecord(ProcKey("this", 42, 1), WORK, "[]", NOW, NOW), NOW)
    records.open_incident(store, IncidentRecord(1, WORK, "r", "warning", "s", NOW, 99.0, 300.0, 42, 1))
    left = records.resume(store, "this", booted_at + DAY, NOW + DAY, 100)
    assert [each.id for each in left.incidents] == [1], "lost: 1 open incident"
    assert records.resume(store, "next", booted_at + DAY, NOW + DAY, 100).incidents == ()
