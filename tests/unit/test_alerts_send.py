"""The sender: what is due goes out in order, what fails is written down, and nothing tells a URL."""

import io
import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from runaway_watchdog.alerts import send
from runaway_watchdog.alerts.channels import Delivered, Refused
from runaway_watchdog.alerts.render import Message, plain
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

        def deliver(url: str, message: Message) -> Answer:
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


def test_failure_is_written_down_and_tried_later(
    store: Path, config: int, service: Callable[..., list[tuple[str, str]]]
) -> None:
    """The reason is kept, the next message is not held up, and what was refused for good waits an hour."""
    service(Refused(permanent=False, reason="timed out"), Refused(permanent=True, reason="error=401"), Delivered())
    put(store, "first", "second", "third")
    assert run(config) == 0
    first, second, third = rows(store)
    assert (first["sent_at"], first["last_error"], first["attempts"]) == (None, "timed out", 1)
    assert 0 < first["next_at"] - time.time() < 60
    assert second["next_at"] - time.time() > 3500
    assert third["sent_at"] is not None


def test_terminal_channel_needs_no_url(store: Path, config: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Without any channel the alert is printed."""
    put(store, "hello there", channel="terminal")
    assert run(config, channel="terminal") == 0
    assert "hello there" in capsys.readouterr().out


def test_channel_that_is_gone_and_damaged_message_are_refusals(store: Path, config: int) -> None:
    """Both are written down; neither ends the sender."""
    put(store, "x", channel="slack")
    with closing(connect(store)) as connection:
        outbox.enqueue(connection, None, "opened", "json(127.0.0.1)", "{}", time.time() - 1)
    assert run(config, channel="slack") == 0
    assert run(config) == 0
    assert [row["last_error"] for row in rows(store)] == [
        "the configuration no longer has this channel",
        "not a message: a message is a JSON object with `subject` and `text`",
    ]


def test_store_that_cannot_be_used_is_told_with_its_mend(
    tmp_path: Path, config: int, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1 and one line, no traceback."""
    store.write_bytes(b"not a database at all, but some other file" * 100)
    assert run(config) == 1
    assert "level=warning" in capsys.readouterr().err


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
    assert "channel=json(127.0.0.1)" in logged
    assert "HUNTER2" not in logged
