"""The sender: what is due goes out in order, what fails is written down, and nothing tells a URL."""

import io
import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from runaway_watchdog.alerts import pacing, send
from runaway_watchdog.alerts.answers import Delivered, Refused, seconds
from runaway_watchdog.render.message import Message, plain
from runaway_watchdog.store import outbox
from runaway_watchdog.store.database import connect

URL = "json://me:HUNTER2@127.0.0.1/x"
Answer = Delivered | Refused


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "watchdog.db"


@pytest.fixture
def config(store: Path) -> Iterator[int]:
    """The compiled configuration as the watch hands it over: a memfd whose offset somebody else has moved."""
    compiled = {"alerts": {"urls": [URL], "channels": ["json(127.0.0.1)"]}, "store": {"path": str(store)}}
    descriptor = os.memfd_create("configuration")
    os.write(descriptor, json.dumps(compiled).encode())
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[str, str]]]:
    """Takes the service's place: answers as told, and keeps what it was given."""

    def answering(*answers: Answer) -> list[tuple[str, str]]:
        given: list[tuple[str, str]] = []
        rest = iter(answers)

        def deliver(url: str, message: Message, _name: str = "") -> Answer:
            given.append((url, message.subject))
            return next(rest, Delivered())

        monkeypatch.setattr(send, "deliver", deliver)
        return given

    return answering


def put(store: Path, *subjects: str, channel: str = "json(127.0.0.1)") -> None:
    with closing(connect(store)) as connection:
        for number, subject in enumerate(subjects):
            at = time.time() - 100 + number
            outbox.enqueue(connection, None, "opened", channel, plain(subject, "text").to_json(), at)


def rows(store: Path) -> list[sqlite3.Row]:
    with closing(connect(store)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute("SELECT * FROM outbox ORDER BY created_at").fetchall()


def run(config: int, *more: str, channel: str = "json(127.0.0.1)") -> int:
    return send.main(["--config-fd", str(config), "--channel", channel, *more])


def test_due_messages_go_out_oldest_first(
    store: Path, config: int, service: Callable[..., list[tuple[str, str]]]
) -> None:
    """Each once, to the URL behind the label; a second run has nothing to do."""
    given = service()
    put(store, "first", "second")
    put(store, "other", channel="slack")
    assert run(config) == 0
    assert given == [(URL, "first"), (URL, "second")]
    assert run(config) == 0
    assert len(given) == 2
    assert [row["sent_at"] is None for row in rows(store)].count(True) == 1


def health(store: Path, channel: str = "json(127.0.0.1)") -> outbox.Health:
    with closing(connect(store)) as connection:
        return next(each for each in outbox.health(connection) if each.channel == channel)


def due(store: Path, after_s: float) -> tuple[str, ...]:
    with closing(connect(store)) as connection:
        return outbox.due_channels(connection, time.time() + after_s)


def test_a_channel_that_fails_waits_and_keeps_its_order(
    store: Path, config: int, service: Callable[..., list[tuple[str, str]]]
) -> None:
    """What comes after the message that failed is not sent before it; each wait is twice as long."""
    given = service(*[Refused(permanent=False, reason="timed out")] * 2)
    put(store, "first", "second")
    assert run(config) == 0
    first, second = rows(store)
    assert (first["sent_at"], first["last_error"], first["attempts"]) == (None, "timed out", 1)
    assert (second["sent_at"], second["attempts"]) == (None, 0)
    assert (due(store, 5), due(store, 11)) == ((), ("json(127.0.0.1)",))
    assert run(config) == 0
    assert 15 < health(store).not_before - time.time() <= 20
    assert run(config) == 0
    assert [subject for _, subject in given] == ["first", "first", "first", "second"]
    assert (health(store).failures, health(store).problem) == (0, None)


def test_a_message_that_is_refused_does_not_hold_up_the_next(
    store: Path, config: int, service: Callable[..., list[tuple[str, str]]]
) -> None:
    """The service took no offence at the others."""
    service(Refused(permanent=True, reason="error=413", of_message=True))
    put(store, "first", "second")
    assert run(config) == 0
    first, second = rows(store)
    assert first["next_at"] - time.time() > 3500
    assert second["sent_at"] is not None


def test_a_channel_that_refuses_everything_is_told(store: Path, service: Callable[..., list[tuple[str, str]]]) -> None:
    """Some services answer a wrong address as they answer a message that they do not like."""
    service(*[Refused(permanent=True, reason="error=400 chat not found", of_message=True)] * 5)
    alerts = {"urls": [URL, "slack://x"], "channels": ["json(127.0.0.1)", "slack"]}
    told: list[int] = []
    for number in range(5):
        put(store, f"subject {number}")
        with closing(connect(store)) as connection:
            send.send_due(connection, "json(127.0.0.1)", URL, {"alerts": alerts})
        told.append([row["kind"] for row in rows(store)].count("refusal"))
    assert told == [0, 0, 1, 1, 1]
    assert health(store).refused_at is not None
    assert health(store).not_before <= time.time(), "a message that it likes still gets through"


def test_a_refusal_for_good_is_told_once_through_the_other_channels(
    store: Path, service: Callable[..., list[tuple[str, str]]]
) -> None:
    """A bad token: the other channel says so, with the reason; asking again is no news."""
    service(*[Refused(permanent=True, reason="error=401 Unauthorized")] * 2)
    compiled = {"alerts": {"urls": [URL, "slack://x"], "channels": ["json(127.0.0.1)", "slack"]}}
    descriptor = os.memfd_create("configuration")
    os.write(descriptor, json.dumps(compiled | {"store": {"path": str(store)}}).encode())
    put(store, "first")
    try:
        assert [run(descriptor), run(descriptor)] == [0, 0]
    finally:
        os.close(descriptor)
    (told,) = [row for row in rows(store) if row["channel"] == "slack"]
    assert told["kind"] == "refusal"
    assert "error=401 Unauthorized" in json.loads(told["message"])["text"]
    assert health(store).refused_at is not None
    assert health(store).not_before - time.time() > 3500


def test_after_an_outage_one_message_tells_of_all(
    store: Path, config: int, service: Callable[..., list[tuple[str, str]]]
) -> None:
    """Eighty that waited: one is sent, with the newest subjects, and none of them is sent again."""
    given = service()
    put(store, *(f"subject {number}" for number in range(80)))
    assert run(config) == 0
    assert run(config) == 0
    ((_, subject),) = given
    assert "80 messages" in subject
    assert all(row["sent_at"] for row in rows(store))


def test_a_service_that_keeps_states_gets_each(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alertmanager gathers by itself: one message for many would leave all of them as they were."""
    given: list[Message] = []

    def deliver(_: str, message: Message, _name: str = "") -> Answer:
        given.append(message)
        return Delivered()

    monkeypatch.setattr(send, "deliver", deliver)
    with closing(connect(store)) as connection:
        for number, kind in enumerate(["opened", "opened", "opened", "resolved"]):
            outbox.enqueue(connection, number % 3 + 1, kind, "am", plain(kind, "x").to_json(), time.time() - 9 + number)
        send.send_due(connection, "am", "alertmanager://127.0.0.1", {"alerts": {"channels": ["am"], "urls": ["x"]}})
    assert [each.subject for each in given] == ["opened", "opened", "opened", "resolved"]


def test_what_a_service_asks_for_is_waited(
    store: Path, config: int, service: Callable[..., list[tuple[str, str]]]
) -> None:
    """429 with Retry-After: not even what is new is tried before."""
    service(Refused(permanent=False, reason="error=429", retry_after_s=600.0))
    put(store, "first")
    assert run(config) == 0
    assert 595 < health(store).not_before - time.time() <= 600
    put(store, "second")
    assert (due(store, 301), due(store, 599), due(store, 601)) == ((), (), ("json(127.0.0.1)",))


def test_a_new_message_is_worth_a_try_of_its_own(store: Path) -> None:
    """A channel that waits for hours is tried for something new after five minutes."""
    with closing(connect(store)) as connection:
        for _ in range(12):
            outbox.failed(connection, "slack", 1000.0, "down", wait_s=None, permanent=False)
        outbox.enqueue(connection, 1, "opened", "slack", "{}", 900.0)
        (row,) = outbox.due(connection, 1000.0)
        outbox.mark_failed(connection, row.id, "down", row.next_at)
        assert outbox.due_channels(connection, 1000.0 + 600) == ()
        outbox.enqueue(connection, 2, "opened", "slack", "{}", 1001.0)
        assert outbox.due_channels(connection, 1000.0 + 299) == ()
        assert outbox.due_channels(connection, 1000.0 + 301) == ("slack",)


def test_quiet_hours_hold_all_but_what_is_critical(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits until they end, over midnight too."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    night = 1_000_000_000.0 - 1_000_000_000.0 % 86400 + 23.5 * 3600
    with closing(connect(store)) as connection:
        outbox.enqueue(connection, 1, "opened", "slack", "{}", night - 10)
        outbox.enqueue(connection, 2, "opened", "slack", "{}", night - 5, urgent=True)
        waiting = outbox.due(connection, night, "slack")
        sent = pacing.allowed(connection, "slack", waiting, {"quiet": [1320, 420]}, night)
        assert [row.incident_id for row in sent] == [2]
        assert [row.incident_id for row in outbox.due(connection, night + 7.4 * 3600)] == [2]
        assert len(outbox.due(connection, night + 7.5 * 3600)) == 2
        day = night + 8 * 3600
        assert len(pacing.allowed(connection, "slack", waiting, {"quiet": [1320, 420]}, day)) == 2


@pytest.mark.parametrize("limits", [{"per_hour": 5}, {"per_hour": 500, "per_hour_in_all": 5}])
def test_only_so_many_an_hour(store: Path, limits: dict[str, int]) -> None:
    """The sixth waits until the first is an hour old, and what is critical does not."""
    with closing(connect(store)) as connection:
        for number in range(7):
            outbox.enqueue(connection, number, "opened", "slack", "{}", 100.0 + number, urgent=number == 6)
        for number, row in enumerate(outbox.due(connection, 200.0)[:5]):
            outbox.mark_sent(connection, row.id, 200.0 + number)
        left = outbox.due(connection, 300.0, "slack")
        assert [row.incident_id for row in pacing.allowed(connection, "slack", left, limits, 300.0)] == [6]
        assert [row.incident_id for row in outbox.due(connection, 3799.0, "slack")] == [6]
        assert [row.incident_id for row in outbox.due(connection, 3800.0, "slack")] == [5, 6]


@pytest.mark.parametrize(
    ("header", "waits"),
    [("30", 30.0), ("0.5", 0.5), ("Wed, 21 Oct 2026 07:28:00 GMT", 60.0), ("1e12", 86400.0)]
    + [(bad, None) for bad in (None, "", "soon", "-1", "nan", "Wed, 99 Oct 2026 07:28:00 GMT")],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, waits: float | None) -> None:
    """And never more than a day."""
    assert seconds(header, 1792567620.0) == waits


def test_terminal_channel_needs_no_url(store: Path, config: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Without any channel the alert is printed."""
    put(store, "hello there", channel="terminal")
    assert run(config, channel="terminal") == 0
    assert "hello there" in capsys.readouterr().out


def test_damaged_message_is_a_refusal(store: Path, config: int) -> None:
    """It is written down, and does not end the sender."""
    with closing(connect(store)) as connection:
        outbox.enqueue(connection, None, "opened", "json(127.0.0.1)", "{}", time.time() - 1)
    assert run(config) == 0
    (row,) = rows(store)
    assert row["last_error"] == "not a message: a message is a JSON object with `subject` and `text`"


def test_what_waits_for_a_channel_that_is_gone_goes_through_the_others(
    store: Path, config: int, service: Callable[..., list[tuple[str, str]]]
) -> None:
    """Whoever writes another URL in place of one that refuses loses nothing; what the other channel has had, it has
    once."""
    given, now = service(), time.time()
    with closing(connect(store)) as connection:
        for number, channel in ((1, "slack"), (1, "json(127.0.0.1)"), (2, "slack")):
            message = plain(f"incident {number}", "text").to_json()
            outbox.enqueue(connection, number, "opened", channel, message, now - 100 + number)
        outbox.enqueue(connection, None, "digest", "slack", plain("yesterday", "text").to_json(), now - 80)
        outbox.enqueue(connection, None, "refusal", "slack", plain("json refuses", "text").to_json(), now - 90)
        outbox.failed(connection, "slack", now - 50, "error=401", wait_s=None, permanent=True)
    assert run(config, channel="slack") == 0
    assert run(config) == 0
    assert given == [(URL, "incident 1"), (URL, "incident 2"), (URL, "yesterday")]
    with closing(connect(store)) as connection:
        assert [each.channel for each in outbox.health(connection)] == ["json(127.0.0.1)"]
        assert outbox.backlog(connection) == ()


def test_store_that_cannot_be_used_is_told_with_its_mend(
    tmp_path: Path, config: int, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1 and one line, no traceback."""
    store.write_bytes(b"not a database at all, but some other file" * 100)
    assert run(config) == 1
    assert "level=warning" in capsys.readouterr().err


def test_a_log_that_takes_nothing_undoes_no_delivery(
    store: Path, config: int, service: Callable[..., list[tuple[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Standard error on a full disk: what the service took is sent, what it refused is tried again."""
    given = service(Delivered(), Delivered(but="you@example.org"), Refused(permanent=False, reason="busy"))
    put(store, "first", "second", "third")
    with open("/dev/full", "wb", buffering=0) as full:
        stderr = io.TextIOWrapper(full, write_through=True)
        monkeypatch.setattr(sys, "stderr", stderr)
        for _ in range(2):
            assert run(config) == 0
        monkeypatch.undo()
        with suppress(OSError):
            stderr.close()
    assert [subject for _, subject in given] == ["first", "second", "third", "third"]
    assert [(row["sent_at"] is not None, row["attempts"]) for row in rows(store)] == [(True, 1), (True, 1), (True, 2)]


def test_the_store_is_free_while_a_line_is_logged(
    store: Path, config: int, service: Callable[..., list[tuple[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads the log may take his time (a stopped journald): the watch writes its store meanwhile."""

    class Reader(io.StringIO):
        def write(self, text: str) -> int:
            with closing(sqlite3.connect(store, timeout=0, isolation_level=None)) as watch:
                watch.execute("BEGIN IMMEDIATE")
            return super().write(text)

    service(Delivered(), Refused(permanent=True, reason="no", of_message=True), Refused(permanent=True, reason="no"))
    put(store, "first", "second", "third")
    reader = Reader()
    monkeypatch.setattr(sys, "stderr", reader)
    assert run(config) == 0
    logged = reader.getvalue()
    assert all(f"event={event}" in logged for event in ("sent", "message-refused", "not-sent"))


def test_direct_message_needs_no_store(
    config: int,
    store: Path,
    service: Callable[..., list[tuple[str, str]]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On a full disk the alert goes out from memory; it is tried three times, and no log line has the URL."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    for answers, code, tries in (
        ([], 0, 1),
        ([Refused(permanent=False, reason="busy")] * 3, 1, 3),
        ([Refused(permanent=True, reason="no")], 1, 1),
    ):
        given = service(*answers)
        standard_input = io.TextIOWrapper(io.BytesIO(plain("now", "text").to_json().encode()))
        monkeypatch.setattr(sys, "stdin", standard_input)
        assert run(config, "--direct") == code
        assert len(given) == tries
    assert not store.exists()
    logged = capsys.readouterr().err
    assert 'channel="json(127.0.0.1)"' in logged
    assert "HUNTER2" not in logged
