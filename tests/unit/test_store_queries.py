"""What the watch writes is what the commands read."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from runaway_watchdog.model.casefile import History, SeenDeath
from runaway_watchdog.model.events import Death, Ending, Return
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.process import CpuShare
from runaway_watchdog.store import outbox, queries, records
from runaway_watchdog.store.database import connect, prune
from runaway_watchdog.store.liveness import Liveness, last_liveness, put_liveness
from runaway_watchdog.store.records import CpuRecord, IncidentRecord, LineageRecord, ProcessRecord

WORK = LineageRecord("/g|tesseract|00", "/g", "tesseract")
A, B, C = (ProcKey("boot", pid, pid * 10) for pid in (3355, 3441, 3502))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(tmp_path / "watchdog.db")) as connection:
        yield connection


def process(key: ProcKey, at: float, hot_since: float | None = None) -> ProcessRecord:
    return ProcessRecord(key, WORK, json.dumps(["tesseract", "--key=***"]), at, hot_since)


@pytest.fixture
def story(store: sqlite3.Connection) -> sqlite3.Connection:
    """A burner that was killed twice and came back twice."""
    records.put_process(store, process(A, 100.0, 105.0), 106.0)
    records.put_death(store, Death(A, 200.0, exact=True, ending=Ending(signal=9)))
    records.put_return(store, Return(B, A, 200.5, 0.5), process(B, 200.5), 201.0)
    records.put_death(store, Death(B, 300.0, exact=False))
    records.put_return(store, Return(C, B, 303.0, 3.0), process(C, 303.0), 304.0)
    return store


def incident(number: int = 1, at: float = 150.0, key: ProcKey | None = A) -> IncidentRecord:
    pid, ticks = (key.pid, key.start_ticks) if key else (None, None)
    return IncidentRecord(number, WORK, "sustained-cpu", "warning", "tesseract burns", at, 99.7, 300.0, pid, ticks)


def test_history_tells_every_death_and_who_came_after(story: sqlite3.Connection) -> None:
    """Returns, the shortest and the longest delay, deaths with successors newest first, PIDs in their order."""
    known = queries.by_key(story, B)
    assert known is not None
    lineage = queries.lineage(story, known.lineage_id)
    assert lineage is not None
    assert (lineage.key, lineage.group, lineage.name) == WORK
    assert queries.lineage_history(story, lineage.id) == History(
        returns_seen=2,
        shortest_s=0.5,
        longest_s=3.0,
        deaths=(SeenDeath(3441, 200.5, 300.0, 3502, 3.0), SeenDeath(3355, 100.0, 200.0, 3441, 0.5, Ending(signal=9))),
        pids=(3355, 3441, 3502),
    )


def test_an_unknown_lineage_has_no_history(store: sqlite3.Connection) -> None:
    """Nothing seen is zeros, not an error."""
    assert queries.lineage_history(store, 7) == History()
    assert queries.lineage(store, 7) is None
    assert queries.lineage_id_of(store, "nobody") is None


def test_a_dead_pid_is_found_with_its_fate(story: sqlite3.Connection) -> None:
    """`explain <old pid>`: when it died, how exactly that is known, and who does its work now."""
    (old,) = queries.processes_by_pid(story, 3355)
    assert (old.key, old.died_at, old.death_exact) == (A, 200.0, True)
    assert old.cmdline == ("tesseract", "--key=***")
    newest = queries.newest_process(story, old.lineage_id)
    assert newest is not None
    assert (newest.key, newest.died_at, newest.predecessor_pid, newest.return_delay_s) == (C, None, 3441, 3.0)


def test_a_reused_pid_has_both_stories(story: sqlite3.Connection) -> None:
    """Newest first, other boots included."""
    again = ProcKey("next boot", 3355, 5)
    records.put_process(story, process(again, 9000.0), 9000.0)
    assert [each.key for each in queries.processes_by_pid(story, 3355)] == [again, A]


def test_writing_twice_is_writing_once(story: sqlite3.Connection) -> None:
    """A transaction that is repeated does not double anything, and a known heat stays known."""
    records.put_process(story, process(A, 100.0), 400.0)
    stored = queries.by_key(story, A)
    assert stored is not None
    assert stored.hot_since == 105.0
    records.open_incident(story, incident())
    records.open_incident(story, incident())
    assert len(queries.incidents(story)) == 1


def test_the_watchs_own_figure_is_told_while_it_is_fresh(story: sqlite3.Connection) -> None:
    """An old figure is none."""
    assert queries.cpu_record(story, C, 0.0) is None
    records.put_cpu(story, (CpuRecord(C, 99.5, 2.0),), 500.0)
    assert queries.cpu_record(story, C, 490.0) == CpuShare(99.5, 2.0)
    assert queries.cpu_record(story, C, 500.1) is None


def test_incidents_are_listed_by_state(story: sqlite3.Connection) -> None:
    """Newest first; a group's incident has no PID."""
    records.open_incident(story, incident(1, 150.0))
    records.open_incident(story, incident(2, 250.0, key=None))
    records.resolve_incident(story, 1, 400.0)
    records.resolve_incident(story, 1, 500.0)
    assert [(each.id, each.state, each.pid) for each in queries.incidents(story)] == [
        (2, "open", None), (1, "resolved", 3355),
    ]  # fmt: skip
    assert [each.id for each in queries.incidents(story, "open")] == [2]
    first = queries.incident(story, 1)
    assert first is not None
    assert (first.resolved_at, first.lineage_key, first.cpu_percent) == (400.0, WORK.key, 99.7)
    assert queries.incident(story, 3) is None
    newest = queries.open_incident_of(story, first.lineage_id)
    assert newest is not None
    assert newest.id == 2


def test_a_case_keeps_its_newest_explanation(story: sqlite3.Connection) -> None:
    """One for each lineage; and it may name the incident better than the watch could."""
    lineage_id = queries.lineage_id_of(story, WORK.key)
    assert lineage_id is not None
    assert queries.case_file(story, lineage_id) is None
    queries.save_case_file(story, lineage_id, "{}", 1.0)
    queries.save_case_file(story, lineage_id, '{"schema_version": 1}', 2.0)
    assert queries.case_file(story, lineage_id) == (2.0, '{"schema_version": 1}')
    records.open_incident(story, incident())
    queries.set_summary(story, 1, "ocr/worker burns")
    found = queries.incident(story, 1)
    assert found is not None
    assert found.summary == "ocr/worker burns"


def test_the_beat_is_the_last_one(store: sqlite3.Connection) -> None:
    """One row, whoever wrote it."""
    assert last_liveness(store) is None
    put_liveness(store, Liveness(1, 10.0, 20.0, 5, 0))
    put_liveness(store, Liveness(2, 30.0, 40.0, 6, 1, 35.0))
    assert last_liveness(store) == (2, 30.0, 40.0, 6, 1, 35.0)


def test_a_restarted_watch_finds_what_was_open(story: sqlite3.Connection) -> None:
    """Incidents of this boot go on; those of an earlier one ended with it; numbers are not used twice."""
    records.open_incident(story, incident(4, 50.0, ProcKey("earlier", 3355, 99)))
    records.open_incident(story, incident(5, 150.0))
    left = records.resume(story, "boot", 100.0, 1000.0, 10)
    assert left.next_incident == 6
    assert left.incidents == (incident(5, 150.0),)
    assert left.processes == ((C, WORK, 304.0),)
    ended = queries.incident(story, 4)
    assert ended is not None
    assert (ended.state, ended.resolved_at) == ("resolved", 1000.0)
    assert records.resume(story, "another boot", 100.0, 1000.0, 10).processes == ()


def test_a_restarted_watch_knows_since_when_no_heartbeat_arrives(store: sqlite3.Connection) -> None:
    """From the last sign of life of the one before it."""
    assert records.resume(store, "boot", 100.0, 1000.0, 10).heartbeat_failed_at is None
    put_liveness(store, Liveness(1, 10.0, 20.0, 5, 0, 15.0))
    assert records.resume(store, "boot", 100.0, 1000.0, 10).heartbeat_failed_at == 15.0


def test_a_message_is_due_until_it_is_sent(store: sqlite3.Connection) -> None:
    """One row for each channel, as they were written; the same row twice is one."""
    for _ in range(2):
        outbox.enqueue(store, 1, "opened", "slack", "{}", 10.0)
    outbox.enqueue(store, 1, "opened", "mailto(example.org)", "{}", 9.0)
    assert [row.channel for row in outbox.due(store, 10.0)] == ["slack", "mailto(example.org)"]
    assert outbox.due(store, 9.5, "slack") == ()
    assert outbox.due_channels(store, 10.0) == ("mailto(example.org)", "slack")
    (row,) = outbox.due(store, 10.0, "slack")
    outbox.mark_failed(store, row.id, "timeout " * 1000, 30.0)
    assert outbox.due(store, 29.0, "slack") == ()
    (row,) = outbox.due(store, 30.0, "slack")
    assert row.attempts == 1
    outbox.mark_sent(store, row.id, 31.0)
    assert outbox.due(store, 1e9, "slack") == ()
    assert store.execute("SELECT max(length(last_error)) FROM outbox").fetchone()[0] is None


def test_an_end_comes_after_what_was_told_before_it(store: sqlite3.Connection) -> None:
    """The outbox knows it by the beginning; it is sent last all the same, and kept until it was tried."""
    for kind, at in (("opened", 10.0), ("escalated", 20.0), ("reminder", 30.0), ("resolved", 10.0)):
        outbox.enqueue(store, 1, kind, "slack", "{}", at)
    rows = outbox.due(store, 40.0)
    assert [row.kind for row in rows] == ["opened", "escalated", "reminder", "resolved"]
    for row in rows:
        outbox.mark_failed(store, row.id, "no route", 1e6)
    prune(store, 1e6, 100.0)
    assert len(outbox.due(store, 1e6)) == 4


@settings(deadline=None)
@given(st.integers(0, 10**6))
def test_pauses_double_up_to_a_day(attempts: int) -> None:
    """10 s, 20 s, 40 s … never longer than a day, never shorter than before."""
    assert outbox.retry_after(0) == 10.0
    assert outbox.retry_after(attempts) <= 86400.0
    assert outbox.retry_after(attempts + 1) in (outbox.retry_after(attempts) * 2, 86400.0)
