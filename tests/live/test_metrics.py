"""`metrics`: the text format, what is told and what never is, the textfile and the endpoint."""

import argparse
import asyncio
import itertools
import os
import shlex
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from prometheus_client.parser import text_string_to_metric_families
from support.ports import free_port

from runaway_watchdog.cli import metrics
from runaway_watchdog.metrics import endpoint, families
from runaway_watchdog.metrics.exposition import Family, Sample, exposition
from runaway_watchdog.store import outbox, records
from runaway_watchdog.store.database import connect
from runaway_watchdog.store.liveness import Liveness, put_liveness

SYSTEMD = Path(__file__).resolve().parents[2] / "systemd"
NOW = 2_000_000.0
WATCH = families.Watch(looks=True, cpu_s=5.25, memory_bytes=21 << 20)
HOSTILE = 'a"}\n\\ {x="1"} 5\n# TYPE y \x1b[2J\u202e'


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_label_cannot_leave_its_quotes(value: str) -> None:
    """Whatever is in it, it is one line, and what Prometheus' own library reads back is what was there."""
    text = exposition([Family("x", "gauge", "help", (Sample(1, (("name", value),)),))])
    assert text.removeprefix("# HELP x help\n# TYPE x gauge\n").count("\n") == 1
    (family,) = text_string_to_metric_families(text)
    assert (family.name, family.type, family.documentation) == ("x", "gauge", "help")
    assert [(each.name, each.labels, each.value) for each in family.samples] == [("x", {"name": value}, 1.0)]


def test_figures_are_exact() -> None:
    """Whole numbers without a dot, times to the millisecond, a family without a figure not at all."""
    samples = (Sample(3), Sample(1763856000.1234), Sample(0), Sample(0.5))
    text = exposition([Family("x", "counter", "a\\b\nc", samples), Family("y", "gauge", "", ())])
    assert text == "# HELP x a\\\\b\\nc\n# TYPE x counter\nx 3\nx 1763856000.123\nx 0\nx 0.5\n"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = connect(tmp_path / "watchdog.db")
    yield connection
    connection.close()


def opened(store: sqlite3.Connection, number: int, severity: str, name: str = "burn") -> None:
    lineage = records.LineageRecord(f"key{number}", f"/{name}", name)
    incident = records.IncidentRecord(number, lineage, "r", severity, f"{name} burns", NOW, 99.0, 300.0, 5, 6)
    records.open_incident(store, incident)


def told(store: sqlite3.Connection, watch: families.Watch = WATCH) -> dict[str, float]:
    """Each series with its value."""
    lines = exposition(families.families(store, watch)).splitlines()
    values = (line.removeprefix("runaway_watchdog_").rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in values}


def test_a_watch_that_lives(store: sqlite3.Connection) -> None:
    """Its sign of life, its cost, and every kind of incident, also those that are none now."""
    put_liveness(store, Liveness(321, NOW - 1000, NOW - 4, 500, 7))
    opened(store, 1, "warning")
    opened(store, 2, "critical")
    opened(store, 3, "critical")
    records.resolve_incident(store, 3, NOW)
    seen = told(store)
    assert {name: value for name, value in seen.items() if not name.startswith("build_info")} == {
        "store_readable": 1, "up": 1, "last_look_timestamp_seconds": NOW - 4, "start_timestamp_seconds": NOW - 1000,
        "looks_total": 500, "writes_lost_total": 7, "cpu_seconds_total": 5.25, "memory_bytes": 21 << 20,
        'incidents{state="open",severity="info"}': 0, 'incidents{state="open",severity="warning"}': 1,
        'incidents{state="open",severity="critical"}': 1, 'incidents{state="acknowledged",severity="info"}': 0,
        'incidents{state="acknowledged",severity="warning"}': 0,
        'incidents{state="acknowledged",severity="critical"}': 0,
    }  # fmt: skip


def test_what_is_not_known_is_not_told(store: sqlite3.Connection) -> None:
    """A watch that never looked has no time of its last look, and one that is gone has no cost: not 0, nothing."""
    seen = told(store, families.Watch(looks=False, cpu_s=None, memory_bytes=None))
    assert seen["up"] == 0
    assert not [name for name in seen if name.startswith(("last_look", "start", "looks", "cpu", "memory"))]


def test_channels_that_take_nothing(store: sqlite3.Connection) -> None:
    """What waits and since when, how often it failed; one that works is there with 0."""
    outbox.enqueue(store, None, "opened", "mailto(example.org)", "{}", NOW - 900)
    outbox.failed(store, "mailto(example.org)", NOW, "no route", wait_s=None, permanent=False)
    outbox.worked(store, "slack", NOW)
    seen = told(store)
    assert seen['messages_waiting{channel="mailto(example.org)"}'] == 1
    assert seen['oldest_message_timestamp_seconds{channel="mailto(example.org)"}'] == NOW - 900
    assert seen['channel_failures{channel="mailto(example.org)"}'] == 1
    assert (seen['messages_waiting{channel="slack"}'], seen['channel_failures{channel="slack"}']) == (0, 0)
    assert 'oldest_message_timestamp_seconds{channel="slack"}' not in seen


def test_names_of_others_make_no_series(store: sqlite3.Connection) -> None:
    """A hundred incidents with names of their own make as many series as one, and no name is told."""
    opened(store, 1, "info")
    before = set(told(store))
    for number in range(2, 102):
        opened(store, number, "info", f"{HOSTILE}{number}")
    assert set(told(store)) == before
    assert told(store)['incidents{state="open",severity="info"}'] == 101


def test_a_channels_name_is_cleaned(store: sqlite3.Connection) -> None:
    """It comes from a configuration; it is one line, and what a terminal would obey is gone."""
    outbox.worked(store, HOSTILE, NOW)
    lines = exposition(families.families(store, WATCH)).splitlines()
    (line,) = (each for each in lines if each.startswith("runaway_watchdog_channel_failures{"))
    assert "\x1b" not in line
    assert "\u202e" not in line
    assert line.endswith(" 0")


@pytest.fixture
def config(tmp_path: Path, store: sqlite3.Connection) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(f'[store]\npath = "{tmp_path}/watchdog.db"\n')
    return file


def asked(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    metrics.arguments(parser)
    return parser.parse_args(words)


def test_the_textfile_is_written_whole(config: Path, tmp_path: Path) -> None:
    """For every reader, in place of the old one, and nothing is left beside it."""
    folder = tmp_path / "textfiles"
    folder.mkdir()
    file = folder / "runaway-watchdog.prom"
    file.write_text("old")
    assert metrics.run(asked("--textfile", str(file), "--config", str(config))) == 0
    assert "runaway_watchdog_store_readable 1\n" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert os.listdir(folder) == [file.name]


def test_a_textfile_without_its_folder_is_told(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No folder is made: node_exporter reads another one."""
    assert metrics.run(asked("--textfile", f"{tmp_path}/none/x.prom", "--config", str(config))) == 1
    assert f"{tmp_path}/none/x.prom: No such file or directory" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_store_that_cannot_be_read_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the metrics, on standard error and by the exit code; of incidents nothing is said."""
    config = tmp_path / "other.toml"
    config.write_text(f'[store]\npath = "{tmp_path}/none.db"\n')
    assert metrics.run(asked("--config", str(config))) == 1
    said = capsys.readouterr()
    assert "runaway_watchdog_store_readable 0\n" in said.out
    assert "runaway_watchdog_incidents" not in said.out
    assert "runaway_watchdog_up" not in said.out
    assert "nothing has been watched yet" in said.err


@pytest.mark.parametrize(
    ("word", "read"),
    [
        ("9764", ("127.0.0.1", 9764)), ("10.0.0.1:9764", ("10.0.0.1", 9764)), ("[::1]:1", ("::1", 1)),
        ("", None), ("0", None), ("65536", None), ("localhost:9764", None), ("::1", None), ("1:x", None),
        ("\u0661", None), ("127.0.0.1:", None), ("x\x1b[2J:5", None),
    ],
)  # fmt: skip
def test_addresses(word: str, read: tuple[str, int] | None) -> None:
    """A port alone is one of the loopback; a name could mean any address, and is refused."""
    if read is not None:
        assert metrics.address(word) == read
        return
    with pytest.raises(argparse.ArgumentTypeError, match="is not PORT or ADDRESS:PORT") as refused:
        metrics.address(word)
    assert "\x1b" not in str(refused.value)


def test_answers() -> None:
    """The metrics at their place, for GET and HEAD alone."""
    head, _, body = endpoint.answer(b"GET /metrics?x=1 HTTP/1.1\r\nHost: h\r\n\r\n", lambda: "x 1\n").partition(
        b"\r\n\r\n"
    )
    assert head.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n")
    assert b"Content-Length: 4\r\n" in head
    assert body == b"x 1\n"
    assert endpoint.answer(b"HEAD /metrics HTTP/1.1\r\n\r\n", lambda: "x 1\n").endswith(b"Connection: close\r\n\r\n")
    assert endpoint.answer(b"GET / HTTP/1.1\r\n\r\n", lambda: "").startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert endpoint.answer(b"POST /metrics HTTP/1.1\r\n\r\n", lambda: "").startswith(b"HTTP/1.1 405 ")


@given(st.binary(max_size=200))
def test_any_request_has_an_answer(request: bytes) -> None:
    """What is no request is answered as one for something that is not there."""
    assert endpoint.answer(request, lambda: "x 1\n").startswith(b"HTTP/1.1 ")


def test_figures_are_read_once_a_second() -> None:
    """However many ask."""
    clock, readings = [0.0], itertools.count()
    fresh = endpoint._once_a_second(lambda: str(next(readings)), lambda: clock[0])
    seen = []
    for clock[0] in (0.0, 0.5, 0.99, 1.0, 1.5, 5.0):
        seen.append(fresh())
    assert seen == ["0", "0", "0", "1", "1", "2"]


def until_cut_off(port: int, piece: bytes) -> float:
    """Send a piece ten times a second, and no whole request; how long that was suffered."""
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", port)) as connection, suppress(ConnectionError):
        while time.monotonic() - begun < 5:
            connection.sendall(piece)
            time.sleep(0.1)
    return time.monotonic() - begun


def test_who_asks_slowly_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte for byte within the time of each read, or without an end: others are answered meanwhile."""
    monkeypatch.setattr(endpoint, "_ASKING_S", 0.5)
    port = free_port()

    async def scene() -> tuple[float, float, str]:
        serving = asyncio.create_task(endpoint._serve("127.0.0.1", port, lambda: "x 1\n"))
        await asyncio.sleep(0.05)
        drip, flood, asked = await asyncio.gather(
            asyncio.to_thread(until_cut_off, port, b"G"),
            asyncio.to_thread(until_cut_off, port, b"x" * 20_000),
            asyncio.to_thread(scraped, port),
        )
        signal.raise_signal(signal.SIGTERM)
        await asyncio.wait_for(serving, 5)
        return drip, flood, asked

    drip, flood, asked = asyncio.run(scene())
    assert asked == "x 1\n"
    assert 0.4 < drip < 3
    assert flood < 3


def test_the_endpoint_answers_and_ends(config: Path) -> None:
    """On the loopback, as a process of its own, until SIGTERM; a second one on the same port says why it cannot."""
    port = free_port()
    argv = [sys.executable, "-m", "runaway_watchdog", "metrics", "--listen", str(port), "--config", str(config)]
    child = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
    try:
        assert "runaway_watchdog_store_readable 1\n" in scraped(port)
        second = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
        assert second.returncode == 1
        assert f"127.0.0.1 port {port}: " in second.stderr
        assert "in use" in second.stderr
        assert "Traceback" not in second.stderr
        child.terminate()
        assert child.communicate(timeout=20)[1] == ""
        assert child.returncode == 0
    finally:
        if child.poll() is None:
            child.kill()
            child.communicate()


def scraped(port: int) -> str:
    until = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                return str(answer.read().decode())
        except urllib.error.URLError:
            assert time.monotonic() < until
            time.sleep(0.1)


def test_the_watch_knows_nothing_of_it() -> None:
    """It costs the resident watch nothing: not a module of this is loaded there."""
    code = (
        "import sys, runaway_watchdog.watch.loop; "
        "print([each for each in sys.modules if 'metrics' in each or each == 'asyncio'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"


def settings(name: str) -> dict[str, list[str]]:
    """What a unit of systemd/ says, by key."""
    lines = (SYSTEMD / name).read_text().splitlines()
    found: dict[str, list[str]] = {}
    for key, _, value in (line.partition("=") for line in lines if line and not line.startswith(("#", "["))):
        found.setdefault(key, []).append(value)
    return found


def test_its_unit_may_do_less_than_the_watch() -> None:
    """It runs a line that this program takes, signals nobody, has no capability and answers this host alone."""
    own, watch = settings("runaway-watchdog-metrics.service"), settings("runaway-watchdog.service")
    program, command, *words = shlex.split(own["ExecStart"][0])
    assert (program, command) == (own["ConditionFileIsExecutable"][0], "metrics")
    assert asked(*words).listen == ("127.0.0.1", 9764)
    (signals,) = (each for each in watch["SystemCallFilter"] if "rt_sigqueueinfo" in each)
    assert signals in own["SystemCallFilter"]
    assert own["User"] == watch["User"]
    assert (own["CapabilityBoundingSet"], own["IPAddressDeny"], own["IPAddressAllow"]) == ([""], ["any"], ["localhost"])
    assert not {"AmbientCapabilities", "StateDirectory", "ReadWritePaths", "SupplementaryGroups"} & set(own)
