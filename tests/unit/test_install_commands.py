"""The commands `install` and `uninstall`: what they refuse, what they print, and with which exit code."""

import argparse
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from unit.test_install_plan import BARE, INSTALLED, NAME

from runaway_watchdog import cli
from runaway_watchdog.cli import install, uninstall
from runaway_watchdog.install import host, location, plan, selftest, unit
from runaway_watchdog.install.execute import StepError
from runaway_watchdog.install.location import Fault
from runaway_watchdog.install.steps import Action, Already, RunProgram

Taken = list[Action]


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Taken:
    """Root on a bare host with systemd; the actions that were taken, none of them for real."""
    program = tmp_path / "runaway-watchdog"
    program.touch()
    actions: Taken = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(host, "own_program", lambda: program)
    monkeypatch.setattr(host, "is_booted_by_systemd", lambda: True)
    monkeypatch.setattr(host, "survey", lambda *_: BARE)
    monkeypatch.setattr(location, "faults", lambda _: ())
    monkeypatch.setattr(install, "perform", lambda action, _: actions.append(action))
    passed = selftest.SelfTestResult(2.9, 3.8, "runaway-watchdog-burn.service", 4.6)
    monkeypatch.setattr(selftest, "run", lambda *_: passed)
    monkeypatch.setattr(host, "CONFIG", str(tmp_path / "config.toml"))
    state = unit.UnitState("loaded", "active", "running", main_pid=42, status="watching\x1b[2J", started_at=0.0)
    monkeypatch.setattr(unit, "await_active", lambda *_, **__: state)
    monkeypatch.setattr(unit, "last_words", lambda _run, _name: "sampling.intervall: unknown key\x1b[31m")
    return actions


@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_root_is_needed(command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The message is the command that works."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(host, "own_program", lambda: Path("/opt/my tools/bin/runaway-watchdog"))
    assert cli.main([command]) == 1
    assert capsys.readouterr().err == (
        f"runaway-watchdog {command}: needs root: sudo '/opt/my tools/bin/runaway-watchdog' {command}\n"
    )
    assert cli.main([command, "--dry-run"]) == 1
    assert capsys.readouterr().err.endswith(f" {command} --dry-run\n"), "it must not do more as root"


def test_what_was_asked_for_is_kept_as_root(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also what was asked not to be done."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert cli.main(["install", "--metrics", "--no-self-test"]) == 1
    assert capsys.readouterr().err.endswith(" install --metrics --no-self-test\n")


def test_systemd_is_needed(taken: Taken, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Elsewhere the watchdog runs in the foreground."""
    monkeypatch.setattr(host, "is_booted_by_systemd", lambda: False)
    assert cli.main(["install"]) == 1
    assert "in the foreground: runaway-watchdog run" in capsys.readouterr().err
    assert taken == []


def test_a_bad_place_is_told_with_its_mend(
    taken: Taken, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is changed, every reason is named, and the commands stand alone on their lines."""
    monkeypatch.setattr(location, "faults", lambda _: (Fault("/root", "no place"), Fault("/x\x1b[2J", "open")))
    assert cli.main(["install"]) == 1
    said = capsys.readouterr().err
    assert "\n  /root: no place\n  /x: open\n" in said
    assert "\n  /opt/runaway-watchdog/bin/runaway-watchdog install\n" in said
    assert taken == []


def test_a_dry_run_prints_the_real_runs_steps(taken: Taken, capsys: pytest.CaptureFixture[str]) -> None:
    """Word for word, but for the first one; it takes none of them."""
    assert cli.main(["install", "--dry-run"]) == 0
    dry, _, end = capsys.readouterr().out.partition("\n\n")
    assert taken == []
    assert "Nothing was changed" in end
    assert cli.main(["install"]) == 0
    real, _, _ = capsys.readouterr().out.partition("\n\n")
    assert [line[9:] for line in dry.splitlines()] == [line[9:] for line in real.splitlines()]
    assert {line[:8].strip() for line in dry.splitlines()} == {"would"}
    assert {line[:8].strip() for line in real.splitlines()} == {"done"}


def test_it_says_what_it_saw_and_what_comes_next(taken: Taken, capsys: pytest.CaptureFixture[str]) -> None:
    """The service's state and PID, its own words cleaned, and the two checks that remain to be made."""
    assert cli.main(["install"]) == 0
    said = capsys.readouterr().out
    assert f"{NAME} is active (running), PID 42, since 1970-" in said
    assert "it says: watching\n" in said
    assert "runaway-watchdog test-alert" in said
    assert "runaway-watchdog doctor" in said
    assert RunProgram(("systemctl", "start", NAME), 90) in taken


def test_a_service_that_does_not_start_is_quoted(
    taken: Taken, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its last words say why; the steps before are told as done."""

    def perform(action: Action, _: object) -> None:
        if action == unit.systemctl("start"):
            raise StepError("Job failed")

    monkeypatch.setattr(install, "perform", perform)
    assert cli.main(["install"]) == 1
    output = capsys.readouterr()
    assert "could not start runaway-watchdog.service\n  Job failed\n  | sampling.intervall: unknown key\n" in output.err
    assert f"check-config {host.CONFIG}" in output.err
    assert "done     start" not in output.out


def test_a_step_that_fails_ends_it(
    taken: Taken, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No later step is tried, and running it again is the way on."""

    def perform(action: Action, _: object) -> None:
        raise StepError("/etc: Read-only file system")

    monkeypatch.setattr(install, "perform", perform)
    assert cli.main(["install"]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert "Read-only file system" in output.err
    assert "run it again" in output.err


def test_a_service_that_gives_up_is_a_failure(
    taken: Taken, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`systemctl start` may succeed for a program that ends a moment later."""
    monkeypatch.setattr(unit, "await_active", lambda *_, **__: unit.UnitState("loaded", "failed", "failed"))
    assert cli.main(["install"]) == 1
    assert "installed, but the service is failed (failed)" in capsys.readouterr().err


def test_a_silent_systemd_is_a_sentence(
    taken: Taken, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both commands end with a message, never with a traceback."""

    def survey(*_: object) -> host.HostSurvey:
        raise unit.SystemdError("systemctl show: Failed to connect to bus")

    monkeypatch.setattr(host, "survey", survey)
    for command in ("install", "uninstall"):
        assert cli.main([command]) == 1
        assert capsys.readouterr().err == f"runaway-watchdog {command}: systemctl show: Failed to connect to bus\n"


def test_uninstall_takes_its_steps(
    taken: Taken, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a dry run none; else all, and what stays is named."""
    monkeypatch.setattr(host, "survey", lambda *_: replace(INSTALLED))
    assert cli.main(["uninstall", "--purge", "--dry-run"]) == 0
    assert taken == []
    assert cli.main(["uninstall"]) == 0
    assert unit.systemctl("stop") in taken
    assert "kept: the history" in capsys.readouterr().out


def test_help_names_the_options() -> None:
    """Both take --dry-run, and uninstall --purge."""
    for module, wanted in ((install, {"dry_run", "metrics", "self_test"}), (uninstall, {"dry_run", "purge"})):
        parser = argparse.ArgumentParser()
        module.arguments(parser)
        assert set(vars(parser.parse_args([]))) == wanted


def test_the_self_test_is_told_with_its_moments(taken: Taken, capsys: pytest.CaptureFixture[str]) -> None:
    """How long each stage took, and then which rules send a message and which do not."""
    assert cli.main(["install"]) == 0
    said = capsys.readouterr().out
    assert "found after 2.9 s, explained after 3.8 s (kept by runaway-watchdog-burn.service), told" in said
    assert re.search(r"sustained-cpu +90 % of a core for 5 min +sends a message, severity by the harm", said)
    assert re.search(r"slow-burn +40 % of a core for 1 h +no message of its own: in the digest of 08:00", said)
    assert "Messages go to the journal alone" in said


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (
            selftest.SelfTestResult(problem="systemctl start: no answer"),
            "could not be started: systemctl start: no answer",
        ),
        (selftest.SelfTestResult(), "the burn was not found within 30 s"),
        (selftest.SelfTestResult(3.0), "found, and not explained within 30 s"),
        (selftest.SelfTestResult(3.0, 4.0, "nobody", 5.0), "explained as kept by nobody, which is wrong"),
        (selftest.SelfTestResult(3.0, 4.0, "runaway-watchdog-burn.service"), "no alert was written within 30 s"),
    ],
)
def test_a_self_test_that_fails_says_how_far_it_came(
    taken: Taken,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    outcome: selftest.SelfTestResult,
    words: str,
) -> None:
    """Exit code 1, though the service runs; the rules are told all the same."""
    monkeypatch.setattr(selftest, "run", lambda *_: outcome)
    assert cli.main(["install"]) == 1
    output = capsys.readouterr()
    assert words in output.err
    assert "The rules in force" in output.out


def test_the_self_test_can_be_chosen(taken: Taken, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs after a change; --self-test asks for it in any case, --no-self-test never."""
    ran: list[object] = []

    def run(*arguments: object) -> selftest.SelfTestResult:
        ran.append(arguments)
        return selftest.SelfTestResult()

    monkeypatch.setattr(selftest, "run", run)
    assert cli.main(["install", "--no-self-test"]) == 0
    assert not ran
    monkeypatch.setattr(plan, "install", lambda *_, **__: (Already("all of it"),))
    assert cli.main(["install"]) == 0
    assert not ran
    assert cli.main(["install", "--self-test"]) == 1
    assert ran


def test_a_faulty_configuration_is_told_at_the_end(taken: Taken, capsys: pytest.CaptureFixture[str]) -> None:
    """A service that runs goes on with what it had: nobody would notice."""
    Path(host.CONFIG).write_text("[sampling]\nintervall = '2s'\n")
    assert cli.main(["install"]) == 0
    assert "The configuration has faults" in capsys.readouterr().out
