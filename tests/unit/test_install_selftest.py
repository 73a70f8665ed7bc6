"""The self-test of an installation: its units, and how far it is said to have come."""

import json
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from runaway_watchdog import shipped
from runaway_watchdog.alerts.urls import url_problem
from runaway_watchdog.config.load import load
from runaway_watchdog.install import rules, selftest
from runaway_watchdog.install.selftest import BURN, LIMIT_S, Seen, SelfTestResult
from runaway_watchdog.store import outbox, queries, records
from runaway_watchdog.store.database import connect

PROGRAM = "/opt/runaway-watchdog/bin/runaway-watchdog"


def settings(text: str) -> list[str]:
    return [line for line in text.splitlines() if re.match(r"\w+=", line)]


def test_it_is_confined_as_the_service_is() -> None:
    """The unit differs from the service's in what it runs, where it writes, and that it ends by itself."""
    template = shipped.read(shipped.UNIT)
    unit = selftest.unit(template, PROGRAM)
    service, test = set(settings(template)), set(settings(unit))
    assert {line.split("=")[0] for line in service - test} == {
        "Wants", "After", "ExecStartPre", "ExecStart", "ExecReload", "ExecStopPost", "Restart", "RestartSec",
        "RestartPreventExitStatus", "StateDirectory", "StateDirectoryMode", "RuntimeDirectory", "WantedBy",
    }  # fmt: skip
    assert f"ExecStart={PROGRAM} run --units {selftest.HANDOVER}" in test
    assert f"ExecStartPre=-+{PROGRAM} run --config {selftest.CONFIG} --hand-over {selftest.HANDOVER}" in test
    assert "RuntimeMaxSec=60" in test


@pytest.mark.parametrize("name", shipped.HELPER_UNITS)
def test_what_explains_and_sends_is_confined_as_for_the_service(name: str) -> None:
    """It differs in whom it belongs to and in where the history is, and reaches nothing of the service's."""
    template = shipped.read(name)
    unit = selftest.unit(template, PROGRAM)
    changed = {line.split("=")[0] for line in set(settings(template)) - set(settings(unit))}
    assert changed <= {
        "PartOf", "ListenStream", "StopPropagatedFrom", "Before", "ExecStart", "LoadCredential", "Environment",
        "StateDirectory", "StateDirectoryMode", "RuntimeDirectory", "InaccessiblePaths",
    }  # fmt: skip
    lines = "\n".join(line for line in settings(unit) if "User=" not in line)
    assert not re.search(r"(?<!/)runaway-watchdog(?!-selftest|/bin)", lines.replace(PROGRAM, ""))


def test_its_configuration_is_valid(tmp_path: Path) -> None:
    """One rule, which no other process than the burn can meet; no channel but the journal."""
    file = tmp_path / "selftest.toml"
    file.write_text(selftest._CONFIG)
    configuration = load((file,), env={}, url_problem=url_problem)
    (rule,) = configuration.config.rules
    assert rule.only == {"cmdline": f"*{BURN}"}
    assert configuration.labels == ()
    assert tomllib.loads(selftest._CONFIG)["store"]["path"] == selftest.STORE


class Time:
    """A clock that only sleeping moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def followed(*looks: Seen) -> SelfTestResult:
    """The outcome of these looks, the last of them for ever."""
    time, rest = Time(), list(looks)
    return selftest.follow(lambda: rest.pop(0) if len(rest) > 1 else rest[0], time, time.sleep)


def test_each_stage_has_its_moment() -> None:
    """The first look that shows a stage is its moment."""
    service = f"{BURN}.service"
    outcome = followed(Seen(), Seen(True), Seen(True), Seen(True, service), Seen(True, service, True))
    assert outcome == SelfTestResult(0.2, 0.6, service, 0.8)
    assert outcome.passed


def test_it_gives_up() -> None:
    """After the limit it says how far it came, and a wrong owner is no pass."""
    assert followed(Seen()) == SelfTestResult()
    assert not followed(Seen(True)).passed
    assert not followed(Seen(True, "nobody", True)).passed
    time = Time()
    selftest.follow(Seen, time, time.sleep)
    assert LIMIT_S <= time.now - 1000 < LIMIT_S + 1


def test_it_reads_its_own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found, explained and told are what the store holds; no store yet is nothing seen."""
    path = tmp_path / "watchdog.db"
    monkeypatch.setattr(selftest, "STORE", str(path))
    assert selftest._look() == Seen()
    store = connect(path)
    lineage = records.LineageRecord("key", f"/system.slice/{BURN}.service", "sh")
    records.open_incident(
        store, records.IncidentRecord(1, lineage, selftest.RULE, "warning", "sh burns", 1e9, 99.0, 2.0, 7, 8)
    )
    assert selftest._look() == Seen(True)
    number = queries.lineage_id_of(store, "key")
    assert number is not None
    queries.save_case_file(store, number, json.dumps({"owners": [{"name": f"{BURN}.service"}]}), 1e9)
    outbox.enqueue(store, 1, "opened", "terminal", "{}", 1e9)
    assert selftest._look() == Seen(True, f"{BURN}.service")
    (row,) = outbox.due(store, 2e9)
    outbox.mark_sent(store, row.id, 2e9)
    store.close()
    assert selftest._look() == Seen(True, f"{BURN}.service", True)


def test_nothing_is_left_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where systemd refuses to start it: both units are stopped and their files removed."""
    monkeypatch.setattr(selftest, "UNITS", str(tmp_path / "units"))
    monkeypatch.setattr(selftest, "CONFIG", str(tmp_path / "selftest.toml"))
    asked: list[tuple[str, ...]] = []

    def run(argv: Sequence[str], *, seconds: int) -> SimpleNamespace:
        asked.append(tuple(argv))
        return SimpleNamespace(returncode=int(argv[1] == "start"), stdout="", stderr="no such user")

    units = {name: shipped.read(name) for name in (shipped.UNIT, *shipped.HELPER_UNITS)}
    drop_ins = {"runaway-watchdog-case@.service.d/docker.conf": "[Service]\n"}
    outcome = selftest.run(units, PROGRAM, drop_ins, run)
    assert outcome.problem.endswith("no such user")
    (stopped,) = (argv for argv in asked if argv[1] == "stop")
    ended = (f"{selftest.WATCH}.service", f"{BURN}.service", f"{selftest.WATCH}-case.socket")
    assert stopped[2:] == (*ended, f"{selftest.WATCH}-send.socket")
    assert [path.name for path in tmp_path.rglob("*")] == ["units"]


def test_rules_say_what_they_do(tmp_path: Path) -> None:
    """Each of the default ones, and one that is narrowed down."""
    _, told = rules.in_force(tmp_path / "absent.toml")
    assert [(each.name, each.then.split(",")[0].split(":")[0]) for each in told] == [
        ("sustained-cpu", "sends a message"),
        ("slow-burn", "no message of its own"),
        ("restart-loop", "sends a message"),
        ("pressure", "sends a message"),
        ("steal", "sends a message"),
    ]
    file = tmp_path / "config.toml"
    file.write_text('[alerts]\ndigest = "never"\n[[rule]]\nname = "slow"\npush = false\n')
    _, (slow,) = rules.in_force(file)
    assert slow.then == "no message of its own: recorded and listed"
    file.write_text('[[rule]]\nname = "web"\nunit = "nginx*"\nseverity = "critical"\n')
    _, (web,) = rules.in_force(file)
    assert web == ("web", "90 % of a core for 5 min, unit nginx*", "sends a message, as critical")
