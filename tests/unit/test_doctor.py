"""`doctor`: what makes it blind or mute on hosts that are written here, each with its mend."""

import argparse
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from runaway_watchdog.cli import doctor
from runaway_watchdog.cli.diagnosis import Check
from runaway_watchdog.world import World
from runaway_watchdog.world.recorded import replay

NO_ANSWER = {"gap": ["docker", "no permission for /var/run/docker.sock", "run it with sudo"]}
OPTIONS = argparse.Namespace(config=None, json=False, no_color=True)


def host(answers: Mapping[str, Any]) -> World:
    """A host that gives these values, errors and gaps; asked for anything else, the test fails."""
    return replay(
        {
            "host": "h",
            "asked": {
                question: [
                    answer if isinstance(answer, dict) and answer.keys() & {"errno", "gap"} else {"value": answer}
                ]
                for question, answer in answers.items()
            },
        }
    )


CONTROLLERS = "/sys/fs/cgroup/cgroup.controllers"
UNIFIED = "/sys/fs/cgroup/unified/cgroup.procs"
ACCOUNTS = "/sys/fs/cgroup/cpuacct"


def cgroups(there: str, controllers: str = "", *, pressure: bool = True) -> dict[str, Any]:
    """A host where of the three signs of a layout this one is there."""
    exists = {f"files.exists {path}": path == there for path in (CONTROLLERS, UNIFIED, ACCOUNTS)}
    return {**exists, f"files.read {CONTROLLERS}": controllers, "files.exists /proc/pressure/cpu": pressure}


@pytest.mark.parametrize(
    ("answers", "state", "told"),
    [
        (cgroups(CONTROLLERS, "cpuset cpu io\n"), "ok", "version 2; CPU can be limited"),
        (cgroups(CONTROLLERS, "pids\n"), "ok", "version 2; no cpu controller: CPU limits do nothing here"),
        (cgroups(UNIFIED), "ok", "hybrid (version 1 with the unified tree beside it)"),
        (cgroups(ACCOUNTS), "note", "version 1: units without CPU accounting are watched process by process"),
        (cgroups(""), "note", "none: every process is watched by itself, bursts of short ones are not seen"),
    ],
)
def test_layouts_of_control_groups(answers: dict[str, Any], state: str, told: str) -> None:
    """Each by its name, with what cannot be done there."""
    groups, pressure = doctor._cgroups(host(answers), OPTIONS)
    assert (groups.state, groups.told) == (state, told)
    assert pressure == Check("pressure", "ok", "the kernel tells how long others wait for a CPU")


def test_a_kernel_without_pressure() -> None:
    """Not seen, with the way to see it."""
    *_, pressure = doctor._cgroups(host(cgroups(UNIFIED, pressure=False)), OPTIONS)
    assert (pressure.state, pressure.fix) == ("note", "boot it with psi=1 to know the harm to others")


def docker(world: World) -> Check:
    (check,) = doctor._docker(world, OPTIONS)
    return check


def test_an_engine_that_answers() -> None:
    """Its version is told."""
    assert docker(host({"engine.version": {"Version": "20.10", "ApiVersion": "1.41"}})) == Check(
        "docker", "ok", "Engine 20.10 answers, API 1.41"
    )


@pytest.mark.parametrize(
    ("program", "socket", "endpoint", "state"),
    [
        (None, False, "", "note"),
        ("/usr/bin/dockerd", False, "", "missing"),
        (None, True, "", "missing"),
        (None, False, "tcp://127.0.0.1:2375", "missing"),
    ],
)
def test_no_docker_is_not_docker_that_does_not_answer(
    program: str | None, socket: bool, endpoint: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host without it lacks nothing; one that has it somewhere lacks the owners of its containers."""
    monkeypatch.setattr(shutil, "which", lambda _: program)
    answers = {"engine.version": NO_ANSWER, "files.exists /var/run/docker.sock": socket, "engine.endpoint": endpoint}
    check = docker(host(answers))
    assert check.state == state
    assert bool(check.fix) == (state == "missing")


@pytest.mark.parametrize(("booted", "state"), [(True, "missing"), (False, "note")])
def test_systemd_that_does_not_answer(booted: bool, state: str) -> None:
    """A fault where it is PID 1; elsewhere there is nothing to answer."""
    gap = {"gap": ["systemd", "the system bus does not answer", "start dbus"]}
    (check,) = doctor._systemd(host({"manager.unit_of 1": gap, "files.exists /run/systemd/system": booted}), OPTIONS)
    assert (check.state, check.fix) == (state, "start dbus" if state == "missing" else "")


def configured(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Check]:
    """What it says of this configuration, by subject."""
    monkeypatch.delenv("RUNAWAY_WATCHDOG_ALERT_URLS", raising=False)
    file = tmp_path / "config.toml"
    file.write_text(text)
    file.chmod(0o600)  # it may hold passwords
    checks = doctor._configuration(host({}), argparse.Namespace(config=file))
    return {check.subject: check for check in checks}


def test_a_configuration_that_calls_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a channel nor a rule that sends: mute twice, each with its mend."""
    quiet = "[[rule]]\nname = 'x'\ncpu = 90\nfor = '5m'\npush = false\n"
    seen = configured(quiet, tmp_path, monkeypatch)
    assert {subject: check.state for subject, check in seen.items()} == {
        "configuration": "ok", "alerts": "missing", "rules": "missing",
    }  # fmt: skip
    assert all(check.fix for check in seen.values() if check.state == "missing")


def test_a_configuration_that_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The channel's label is told, and no piece of its URL."""
    seen = configured(
        "[alerts]\nurls = ['slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ']\n", tmp_path, monkeypatch
    )
    assert set(seen) == {"configuration", "alerts"}
    assert seen["alerts"].told.startswith("go to slack; ")
    assert not [part for part in ("T1JJ", "A1BR", "TIia") if part in str(seen)]


def test_a_configuration_with_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, and the command that tells them."""
    seen = configured("[sampling]\nintervall = '2s'\n[store]\nkep = 1\n", tmp_path, monkeypatch)
    assert seen == {"configuration": Check("configuration", "missing", "2 faults", "runaway-watchdog check-config")}


@pytest.mark.parametrize("as_json", [False, True])
def test_what_others_wrote_is_cleaned(
    as_json: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An engine chooses the text of its version; a terminal obeys none of it, and one fault decides the exit code."""
    engine = host({"engine.version": {"Version": "20\x1b[2J\n.10", "ApiVersion": "1.41"}})
    monkeypatch.setattr(doctor, "live", lambda: engine)
    lacking = Check("watch", "missing", "no", "mend it")
    monkeypatch.setattr(doctor, "EXAMINATIONS", (doctor._docker, lambda *_: iter((lacking,))))
    assert doctor.run(argparse.Namespace(json=as_json, no_color=True)) == 1
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "Engine 20 .10 answers" in out
    if as_json:
        assert [each["state"] for each in json.loads(out)["checks"]] == ["ok", "missing"]
    else:
        assert out == "ok    docker: Engine 20 .10 answers, API 1.41\nMISS  watch: no\n        -> mend it\n"
