"""`status`, and what `doctor` says of the watch itself: from a store and a host that are written here."""

import argparse
import json
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from runaway_watchdog.cli import diagnosis, status, vitals
from runaway_watchdog.cli.vitals import UNIT, Cost, Vitals
from runaway_watchdog.linux.unlisted import Unlisted
from runaway_watchdog.store import outbox, records
from runaway_watchdog.store.database import connect
from runaway_watchdog.store.liveness import Liveness, put_liveness
from runaway_watchdog.world import World
from runaway_watchdog.world.recorded import replay

NOW = 2_000_000.0
PID = 321
FOLDER = f"/sys/fs/cgroup/system.slice/{UNIT}"
GONE = {"errno": 2}
STATUS = f"files.read /proc/{PID}/status"
SERVICE = {
    f"files.read /proc/{PID}/cmdline": "/opt/bin/python\0-m\0runaway_watchdog.watch\0",
    f"files.read /proc/{PID}/cgroup": f"0::/system.slice/{UNIT}\n",
    f"files.exists {FOLDER}/cpu.stat": True,
    f"files.exists {FOLDER}/memory.stat": True,
    f"files.read {FOLDER}/cpu.stat": "usage_usec 5000000\nuser_usec 1\n",
    f"files.read {FOLDER}/memory.stat": "anon 20971520\nfile 999999999\nkernel 1048576\n",
}
SHOWN = {"files.read /proc/self/mounts": "proc /proc proc rw 0 0\n"}
RIGHTS = f"{1 << 19 | 1 << 2:016x}"


def host(answers: Mapping[str, Any], now: float = NOW) -> World:
    """A host that gives these values, errors and gaps."""
    asked = {question: [_answer(answer)] for question, answer in {**answers, "clock.now": now}.items()}
    return replay({"host": "h", "asked": asked})


def _answer(answer: Any) -> Any:
    return answer if isinstance(answer, dict) and answer.keys() & {"errno", "gap"} else {"value": answer}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = connect(tmp_path / "watchdog.db")
    yield connection
    connection.close()


def looked(store: sqlite3.Connection, ago: float = 4.0) -> None:
    put_liveness(store, Liveness(PID, NOW - 1000, NOW - ago, 500, 0))


def test_a_service_costs_what_its_group_uses(store: sqlite3.Connection) -> None:
    """5 s of CPU in 1000 s; the cache of files is no cost."""
    looked(store)
    seen = vitals.look(store, host(SERVICE))
    assert (seen.pulse, seen.waiting) == ("alive", ())
    assert seen.cost == Cost(0.5, 5.0, 21 << 20, whole_service=True)


def test_a_host_without_the_memory_controller(store: sqlite3.Connection) -> None:
    """Its processes are added up."""
    looked(store)
    without = {
        f"files.exists {FOLDER}/memory.stat": False,
        f"files.read {FOLDER}/cgroup.procs": "321\n322\n",
        STATUS: "VmRSS:\t  20480 kB\n",
        "files.read /proc/322/status": "VmRSS:\t  1024 kB\n",
    }
    assert vitals.look(store, host({**SERVICE, **without})).cost == Cost(0.5, 5.0, 21 << 20, whole_service=True)


def test_a_watch_in_a_terminal_costs_what_it_uses(store: sqlite3.Connection) -> None:
    """Without a unit of its own: the process, with its children that have ended."""
    looked(store)
    ticks = f"{PID} (a) b) S 1 1 1 0 -1 0 0 0 0 0 100 50 30 20 20 0 1 0 5 0"
    alone = {
        f"files.read /proc/{PID}/cgroup": "0::/user.slice/session-1.scope\n",
        f"files.read /proc/{PID}/stat": ticks,
        STATUS: "Name:\tpython\nVmRSS:\t  20480 kB\n",
    }
    assert vitals.look(store, host({**SERVICE, **alone})).cost == Cost(0.2, 2.0, 20 << 20, whole_service=False)


@pytest.mark.parametrize(
    ("cmdline", "ago", "pulse"),
    [
        (SERVICE[f"files.read /proc/{PID}/cmdline"], 59.0, "alive"),
        (SERVICE[f"files.read /proc/{PID}/cmdline"], 61.0, "silent"),
        ("/usr/sbin/cron\0", 4.0, "ended"),
    ],
)
def test_the_pulse(store: sqlite3.Connection, cmdline: str, ago: float, pulse: str) -> None:
    """A PID that another program has now is not the watch, and one that does not look is not alive."""
    looked(store, ago)
    assert vitals.look(store, host({**SERVICE, f"files.read /proc/{PID}/cmdline": cmdline})).pulse == pulse


def test_a_store_without_a_watch(store: sqlite3.Connection) -> None:
    """Made, and nobody has looked yet."""
    assert vitals.look(store, host({})) == Vitals("never", None, None, ())


@pytest.fixture
def shown(store: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> argparse.Namespace:
    """A host whose service is alive, with two incidents open and a message that waits."""
    looked(store)
    lineage = records.LineageRecord("key", "/a", "burn")
    for number, opened in ((1, NOW - 7200), (2, NOW - 60)):
        records.open_incident(
            store,
            records.IncidentRecord(number, lineage, "r", "warning", "burn\x1b[2J burns", opened, 99.0, 300.0, 5, 6),
        )
    outbox.enqueue(store, 1, "opened", "mailto(example.org)", "{}", NOW - 3600)
    outbox.mark_failed(store, 1, "no\x1b[2J route", NOW + 60)
    outbox.failed(store, "slack", NOW - 7200, "error=401\x1b[2J", wait_s=None, permanent=True)
    monkeypatch.setattr(status, "live", lambda: host(SERVICE))
    monkeypatch.setattr(status, "_unlisted", lambda _: Unlisted(62.4, or_short_lived=False))
    config = tmp_path / "config.toml"
    config.write_text(f'[store]\npath = "{tmp_path}/watchdog.db"\n')
    return argparse.Namespace(json=False, no_color=True, config=config)


def test_status_in_words(shown: argparse.Namespace, capsys: pytest.CaptureFixture[str]) -> None:
    """Alive, what it costs, what is open, what waits; nothing escapes to the terminal."""
    assert status.run(shown) == 0
    out = capsys.readouterr().out
    assert out.startswith("watching since ")
    assert "(PID 321), last look 4 s ago\n" in out
    assert "costs    0.5 % of a core since it was started, 21.0 MiB (beside it cases and senders come and go)\n" in out
    assert "open     2: warning, since " in out
    assert "`runaway-watchdog explain --incident 2`" in out
    assert "waiting  1 for mailto(example.org), the oldest for 1 h; it said: no route\n" in out
    assert "refused  slack has taken nothing for 2 h: error=401\n  -> mend its URL" in out
    assert "hidden   62 % of a core is used by nobody that /proc lists; incident 2 and 1 more are open: `sudo" in out
    assert "\x1b" not in out


def test_status_as_a_document(shown: argparse.Namespace, capsys: pytest.CaptureFixture[str]) -> None:
    """The same, for scripts."""
    shown.json = True
    assert status.run(shown) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema_version"] == 1
    assert document["watch"]["pulse"] == "alive"
    assert document["watch"]["last_look"] == "1970-01-24T03:33:16+00:00"
    assert document["cost"] == {"cpu_percent": 0.5, "cpu_s": 5.0, "memory_bytes": 21 << 20, "whole_service": True}
    assert [each["id"] for each in document["open"]] == [2, 1]
    assert [(each["channel"], each["messages"]) for each in document["waiting"]] == [("mailto(example.org)", 1)]
    assert [(each["channel"], each["reason"]) for each in document["refusing"]] == [("slack", "error=401")]
    assert document["unlisted"] == {"percent": 62.4, "or_short_lived": False}
    assert document["gaps"] == []


def test_status_of_a_watch_that_the_outside_service_does_not_hear(
    shown: argparse.Namespace, store: sqlite3.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    """That service says the host is dead: here it stands why, in words and for scripts."""
    put_liveness(store, Liveness(PID, NOW - 1000, NOW - 4, 500, 0, NOW - 300))
    assert status.run(shown) == 0
    assert "unheard  no heartbeat has arrived for 5 min: see alerts.heartbeat_url" in capsys.readouterr().out
    shown.json = True
    status.run(shown)
    assert json.loads(capsys.readouterr().out)["watch"]["heartbeat_failed_at"] == "1970-01-24T03:28:20+00:00"


@pytest.mark.parametrize(
    ("answers", "word"), [({f"files.read /proc/{PID}/cmdline": GONE, **SHOWN}, "no watch"), (SERVICE, "silent")]
)
def test_a_watch_that_does_not_look_is_exit_code_1(
    shown: argparse.Namespace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answers: Mapping[str, Any],
    word: str,
) -> None:
    """Gone, or there and silent: each with what to do."""
    monkeypatch.setattr(status, "live", lambda: host(answers, NOW + 600))
    assert status.run(shown) == 1
    out = capsys.readouterr().out
    assert out.startswith(word)
    assert "  -> " in out


def test_no_store_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Not an empty status: nobody has watched. The document says so too."""
    monkeypatch.setattr(status, "live", lambda: host({}))
    config = tmp_path / "config.toml"
    config.write_text(f'[store]\npath = "{tmp_path}/none/watchdog.db"\n')
    assert status.run(argparse.Namespace(json=True, no_color=True, config=config)) == 1
    output = capsys.readouterr()
    document = json.loads(output.out)
    assert document["watch"] is None
    assert "nothing has been watched yet" in document["gaps"][0]["problem"]
    assert "nothing has been watched yet" in output.err


def states(checks: Iterator[diagnosis.Check]) -> dict[str, str]:
    """What is ok and what is not; whatever is missing has its mend."""
    found = list(checks)
    assert all(check.fix for check in found if check.state == "missing")
    return {check.subject: check.state for check in found}


ALIVE = Vitals("alive", Liveness(PID, NOW - 1000, NOW, 500, 0), None, ())


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (ALIVE, {"watch": "ok"}),
        (ALIVE._replace(pulse="silent"), {"watch": "missing"}),
        (ALIVE._replace(pulse="ended"), {"watch": "missing"}),
        (Vitals("never", None, None, ()), {"watch": "missing"}),
        (ALIVE._replace(liveness=Liveness(PID, NOW, NOW, 5, 3)), {"watch": "ok", "history": "note"}),
        (ALIVE._replace(liveness=Liveness(PID, NOW, NOW, 5, 0, NOW - 60)), {"watch": "ok", "heartbeat": "note"}),
        (ALIVE._replace(liveness=Liveness(PID, NOW, NOW, 5, 0, NOW - 300)), {"watch": "ok", "heartbeat": "missing"}),
    ],
)
def test_doctor_feels_the_pulse(seen: Vitals, told: dict[str, str]) -> None:
    """A watch that does not look makes it blind, an unheard one is taken for dead; lost writes are worth a word."""
    assert states(diagnosis.of_watch(seen, host({STATUS: GONE}))) == told


CASE = "/etc/systemd/system/runaway-watchdog-case@.service.d"


@pytest.mark.parametrize(
    ("groups", "capabilities", "uid", "told"),
    [
        ("5 999", RIGHTS, 998, {"rights": "ok"}),
        ("5", RIGHTS, 998, {"rights": "ok", "docker group": "missing"}),
        ("5", RIGHTS, 0, {"rights": "ok"}),
        ("5 999", f"{1 << 19:016x}", 998, {"rights": "missing"}),
        ("5 999", "0" * 16, 998, {"rights": "missing"}),
    ],
)
def test_doctor_looks_at_the_watchs_own_rights(groups: str, capabilities: str, uid: int, told: dict[str, str]) -> None:
    """What the service may see counts, and not what whoever asks may."""
    text = f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}\nGroups:\t{groups} \nCapEff:\t{capabilities}\n"
    group = "root:x:0:\ndocker:x:999:\n"
    asked = {STATUS: text, "files.read /etc/group": group, "files.exists /run/docker.sock": True}
    asked[f"files.read /proc/{PID}/cmdline"] = "python\0-m\0runaway_watchdog.watch\0--config-fd\x003\0"
    assert states(diagnosis.of_rights(host(asked), PID)) == told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, {"rights": "ok"}),
        ({"files.exists /run/runaway-watchdog-handover/send.sock": False}, {"rights": "ok", "helpers": "missing"}),
        ({STATUS: "Uid:\t998\t998\nCapEff:\t0\n"}, {"rights": "missing"}),
        ({f"files.names {CASE}": ["override.conf"]}, {"rights": "ok", "docker group": "missing"}),
        ({f"files.read {CASE}/override.conf": "SupplementaryGroups=\n"}, {"rights": "ok", "docker group": "missing"}),
        ({f"files.names {CASE}": {"errno": 2, "text": "gone"}}, {"rights": "ok", "docker group": "missing"}),
        ({f"files.names {CASE}": {"errno": 13, "text": "not yours"}}, {"rights": "ok"}),
        ({f"files.read {CASE}/override.conf": {"errno": 13, "text": "not yours"}}, {"rights": "ok"}),
    ],
)
def test_doctor_looks_at_the_service_and_at_what_explains_for_it(change: dict[str, Any], told: dict[str, str]) -> None:
    """The watch itself needs no group; the unit of its cases has it, unless a drop-in takes it away."""
    asked = {
        STATUS: f"Uid:\t998\t998\nGroups:\t998 \nCapEff:\t{1 << 19:016x}\n",
        f"files.read /proc/{PID}/cmdline": "python\0-m\0watch\0--units\0/run/runaway-watchdog-handover\0",
        "files.exists /run/runaway-watchdog-handover/case.sock": True,
        "files.exists /run/runaway-watchdog-handover/send.sock": True,
        "files.read /etc/group": "root:x:0:\ndocker:x:999:\n",
        "files.exists /run/docker.sock": True,
        f"files.names {CASE}": ["docker.conf", "override.conf"],
        f"files.read {CASE}/docker.conf": "[Service]\nSupplementaryGroups=docker\n",
        f"files.read {CASE}/override.conf": "[Service]\nCPUWeight=9\n",
    }
    assert states(diagnosis.of_rights(host({**asked, **change}), PID)) == told


def test_doctor_finds_a_mute_channel() -> None:
    """A message that waits for minutes is one that nobody reads; one of a moment ago is on its way."""
    fresh = outbox.Backlog("slack", 1, NOW - 20, None)
    late = outbox.Backlog("mailto(example.org)", 3, NOW - 900, "refused\x1b[2J")
    assert states(diagnosis.of_outbox(ALIVE._replace(waiting=(fresh,)), NOW)) == {}
    (check,) = diagnosis.of_outbox(ALIVE._replace(waiting=(fresh, late)), NOW)
    assert (check.state, "it said: refused" in check.told, "\x1b" in check.told) == ("missing", True, False)
    assert "test-alert" in check.fix


def test_doctor_finds_a_channel_that_refuses() -> None:
    """At once, with the service's reason, and as one line with what waits for it; one that is only away is not told."""
    held = outbox.Backlog("slack", 1, NOW - 20, "error=401")
    refusing = outbox.Health("slack", 1, NOW - 20, NOW + 3600, "error=401\x1b[2J", NOW - 7200)
    away = outbox.Health("json", 1, NOW - 20, NOW + 20, "timed out", None)
    (check,) = diagnosis.of_outbox(ALIVE._replace(waiting=(held,), channels=(away, refusing)), NOW)
    assert (check.state, check.told) == (
        "missing", "slack has refused alerts for 2 h: error=401 (1 message kept for it)",
    )  # fmt: skip
    assert "test-alert" in check.fix


def test_doctor_finds_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The history stops there."""
    assert states(diagnosis.of_disk(tmp_path / "watchdog.db")) == {}
    monkeypatch.setattr(diagnosis, "LEAST_FREE", 1 << 62)
    assert states(diagnosis.of_disk(tmp_path / "watchdog.db")) == {"disk": "missing"}


LOADED = {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled", "NeedDaemonReload": False}


@pytest.mark.parametrize(
    ("unit", "state"),
    [
        (LOADED, "ok"),
        ({**LOADED, "UnitFileState": "disabled"}, "missing"),
        ({**LOADED, "NeedDaemonReload": True}, "note"),
        ({**LOADED, "LoadState": "not-found"}, "missing"),
        (None, "missing"),
    ],
)
def test_doctor_looks_at_the_unit(unit: Mapping[str, Any] | None, state: str) -> None:
    """Installed, and there after the next boot."""
    assert states(diagnosis.of_unit(host({f"manager.unit {UNIT}": unit}))) == {"service": state}


def test_a_store_that_cannot_be_read_is_missing(tmp_path: Path) -> None:
    """With the mend that the store itself knows."""
    assert states(diagnosis.of_store(tmp_path / "none.db", host({}))) == {"watch": "missing"}


def test_doctor_looks_at_the_whole_of_it(store: sqlite3.Connection, tmp_path: Path) -> None:
    """Watch, rights, outbox and disk, from one store."""
    looked(store)
    outbox.enqueue(store, 1, "opened", "slack", "{}", NOW - 3600)
    answers = {**SERVICE, STATUS: f"CapEff:\t{RIGHTS}\n", "files.read /etc/group": GONE}
    told = states(diagnosis.of_store(tmp_path / "watchdog.db", host(answers)))
    assert told == {"watch": "ok", "rights": "ok", "outbox": "missing"}


def test_the_gap_of_a_journal_is_a_note() -> None:
    """It is told in part without: whoever keeps the process is asked, and not the journal."""
    (check,) = diagnosis.of_journal(host({"journal.entries ('_PID=1',) 1": {"gap": ["journal", "hidden", "use sudo"]}}))
    assert (check.state, check.fix) == ("note", "use sudo")
