"""What goes in and out of the watch as text: the compiled configuration, log lines, systemd's notifications."""

import json
import os
import pty
import select
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from runaway_watchdog.logfmt import logfmt_line
from runaway_watchdog.model.sampling import Rule
from runaway_watchdog.watch.configuration import ConfigurationError, parse_configuration, read_configuration
from runaway_watchdog.watch.log import Log, terminal_line
from runaway_watchdog.watch.notify import Notifier

SECRET = "mailto://user:hunter2@example.org"


def compiled() -> dict[str, Any]:
    return {
        "interval_s": 2.0,
        "rules": [
            {
                "name": "sustained-cpu",
                "kind": "cpu",
                "cpu": 90,
                "for_s": 300,
                "times": 5,
                "severity": "warning",
                "by_harm": False,
                "push": True,
                "only": {},
            },
            {
                "name": "busy",
                "kind": "cpu",
                "cpu": 50,
                "for_s": 3600,
                "times": 5,
                "severity": "info",
                "by_harm": True,
                "push": False,
                "only": {"unit": "a*"},
            },
        ],
        "alerts": {"urls": [SECRET], "channels": ["mailto(example.org)"], "remind_after_s": 3600.0},
        "store": {"path": "/var/lib/x/watchdog.db", "keep_s": 7776000.0},
        "sources": [],
    }


def handed_over(content: bytes) -> int:
    fd = os.memfd_create("test")
    os.write(fd, content)
    return fd


def test_the_compiled_configuration_is_read_without_its_secrets() -> None:
    """The watch keeps labels; URLs stay in the file, whose offset it leaves alone for others."""
    fd = handed_over(json.dumps(compiled()).encode())
    offset = os.lseek(fd, 0, os.SEEK_CUR)
    configuration = read_configuration(fd)
    assert configuration.rules == (
        Rule("sustained-cpu", 90.0, 300.0, "warning", times=5),
        Rule("busy", 50.0, 3600.0, "info", times=5, by_harm=True, push=False, only=(("unit", "a*"),)),
    )  # fmt: skip
    assert configuration.lowest == 50.0
    assert configuration.channels == ("mailto(example.org)",)
    assert "hunter2" not in repr(configuration)
    assert os.lseek(fd, 0, os.SEEK_CUR) == offset
    os.close(fd)


def test_without_a_channel_the_terminal_is_one() -> None:
    """Somebody always hears of it."""
    data = compiled()
    del data["alerts"]["channels"]
    assert parse_configuration(data).channels == ("terminal",)


@pytest.mark.parametrize("content", [b"", b"not JSON", b"[]", b"{}", b'{"rules": 1}', b"\xff"])
def test_a_broken_handover_is_an_error_that_quotes_nothing(content: bytes) -> None:
    """It may hold secrets."""
    fd = handed_over(content + SECRET.encode() if content == b"not JSON" else content)
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(fd)
    assert "hunter2" not in str(caught.value)
    os.close(fd)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_configuration(fd)


@pytest.mark.parametrize("change", [{"rules": []}, {"interval_s": 0}, {"rules": [{"name": "r"}]}, {"store": None}])
def test_a_configuration_that_would_watch_nothing_is_refused(change: dict[str, Any]) -> None:
    """No rule, no interval, half a rule."""
    with pytest.raises(ConfigurationError):
        parse_configuration(compiled() | change)


# --- log ---


def test_a_line_is_logfmt() -> None:
    """Plain values bare, others quoted, absent ones left out."""
    values: dict[str, object] = {"pid": 7, "name": 'a "b" c', "delay_s": 0.254, "group": None}
    assert logfmt_line("info", "came-back", values) == r'level=info event=came-back pid=7 name="a \"b\" c" delay_s=0.3'


def test_a_line_on_a_terminal_is_plain() -> None:
    """For people, with the time."""
    line = terminal_line("warning", "runaway", {"incident": 1, "group": None, "summary": "x burns"}, "14:02:11")
    assert line == "14:02:11  warning: runaway  (incident 1, summary x burns)"


@settings(deadline=None)
@given(st.text(max_size=300))
def test_hostile_text_stays_in_its_value(text: str) -> None:
    """No new line, no new pair, no terminal escape."""
    line = logfmt_line("info", "died", {"name": text, "end": 1})
    assert not any(ord(letter) < 0x20 or 0x7F <= ord(letter) < 0xA0 for letter in line)
    assert line.startswith("level=info event=died name=")
    assert line.endswith(" end=1")
    assert len(line) < 900


def test_a_secret_is_in_no_line_of_the_log() -> None:
    """A process may be named by its password; the journal is read by more people than its command line."""
    values: dict[str, object] = {"name": "app --token HUNTER2", "problem": "https://me:HUNTER2@h/ is gone", "pid": 7}
    for line in (logfmt_line("info", "died", values), terminal_line("info", "died", values, "10:00:00")):
        assert "HUNTER2" not in line
        assert "7" in line


def written(journal: bool) -> bytes:
    reading, writing = os.pipe()
    status = os.fstat(writing)
    log = Log(writing, f"{status.st_dev}:{status.st_ino}" if journal else "1:1")
    log.fault("store-not-writable", problem="full")
    os.close(writing)
    text = os.read(reading, 4096)
    os.close(reading)
    return text


def test_the_journal_gets_priorities() -> None:
    """Only where standard error really is the journal's socket."""
    assert written(journal=True) == b"<3>level=error event=store-not-writable problem=full\n"
    assert written(journal=False) == b"level=error event=store-not-writable problem=full\n"


def test_a_terminal_gets_words() -> None:
    """No logfmt for people."""
    here, there = pty.openpty()
    Log(there, "").notice("came-back", pid=7)
    assert b"came back  (pid 7)" in os.read(here, 4096)
    os.close(here)
    os.close(there)


def test_a_reader_that_hangs_does_not_hold_the_watch_up() -> None:
    """A full pipe costs lines, not ticks."""
    reading, writing = os.pipe()
    log = Log(writing, "")
    for _ in range(5000):
        log.warning("case-failed", problem="x" * 100)
    assert log.dropped > 0
    os.close(reading)
    os.close(writing)


def test_a_flood_of_events_is_cut_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash loop does not fill the journal; warnings are always told."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    reading, writing = os.pipe()
    log = Log(writing, "")
    for number in range(100):
        log.info("died", pid=number)
    for _ in range(30):
        log.warning("case-failed")
    now[0] += 61
    log.info("died", pid=100)
    lines = os.read(reading, 65536).decode().splitlines()
    assert [line for line in lines if "event=died" in line][-2:] == [
        "level=info event=died pid=19", "level=info event=died pid=100",
    ]  # fmt: skip
    assert sum("case-failed" in line for line in lines) == 30
    assert "level=info event=not-shown lines=80 of=died" in lines
    os.close(reading)
    os.close(writing)


# --- notify ---


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    address = str(tmp_path / "notify") if request.param == "path" else f"@runaway-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind("\0" + address[1:] if address.startswith("@") else address)
        door.setblocking(False)
        yield address, door


def heard(door: socket.socket) -> list[str]:
    found = []
    while select.select([door], [], [], 0)[0]:
        found.append(door.recv(4096).decode())
    return found


def test_systemd_hears_how_the_watch_is(systemd: tuple[str, socket.socket]) -> None:
    """Readiness, signs of life with the status where it changed, reload and stop."""
    address, door = systemd
    notifier = Notifier({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())})
    assert notifier.period_s == 30.0
    notifier.ready()
    notifier.alive("0 open incidents")
    notifier.alive("0 open incidents")
    notifier.reloading(12.5)
    notifier.stopping()
    assert heard(door) == [
        "READY=1",
        "WATCHDOG=1\nSTATUS=0 open incidents",
        "WATCHDOG=1",
        "RELOADING=1\nMONOTONIC_USEC=12500000",
        "STOPPING=1",
    ]


def test_without_systemd_nothing_is_sent(tmp_path: Path) -> None:
    """No socket, a socket that is gone, or a period that is meant for another process: all the same."""
    Notifier({}).ready()
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()
    assert Notifier({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}).period_s is None
    assert Notifier({"WATCHDOG_USEC": "soon"}).period_s is None
    assert Notifier({"WATCHDOG_USEC": "0"}).period_s is None
