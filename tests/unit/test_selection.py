"""Which process is meant: whom `--name` leaves out, whom `--container` asks."""

import argparse
import os
import sys
from typing import Any

import pytest

from runaway_watchdog.cli import selection
from runaway_watchdog.explain import down, named
from runaway_watchdog.explain.records import GroupIncident, NoRecords
from runaway_watchdog.world import Unanswered, World
from runaway_watchdog.world.recorded import replay

WORDS = ["explain", "--name", "import-orders"]


def host(processes: dict[int, tuple[int, str, list[str]]]) -> World:
    """Processes by PID: their parent, name and command line; a zombie has none."""
    asked: dict[str, Any] = {"files.names /proc": [{"value": [str(pid) for pid in processes]}]}
    for pid, (parent, name, words) in processes.items():
        stat = f"{pid} ({name}) S {parent} 1 1 0 -1 0 0 0 0 0 0 1 1 0 0 20 0 1 0 5 0"
        asked[f"files.read /proc/{pid}/stat"] = [{"value": stat}]
        asked[f"files.read /proc/{pid}/cmdline"] = [{"value": "\0".join(words) + "\0"}]
        if not words:
            asked[f"files.read /proc/{pid}/stat"] = [{"value": stat.replace(") S", ") Z")}]
    asked["files.read /proc/self/mounts"] = [{"value": "proc /proc proc rw 0 0\n"}]
    return replay({"host": "h", "asked": asked})


@pytest.fixture
def under_sudo(monkeypatch: pytest.MonkeyPatch) -> dict[int, tuple[int, str, list[str]]]:
    """A terminal's sudo: one process that was asked, one that watches the terminal, and us."""
    monkeypatch.setattr(sys, "argv", ["runaway-watchdog", *WORDS])
    sudo = ["sudo", "runaway-watchdog", *WORDS]
    monkeypatch.setattr(os, "getpid", lambda: 103)
    monkeypatch.setattr(os, "getppid", lambda: 102)
    return {
        100: (1, "bash", ["-bash"]),
        101: (100, "sudo", sudo),
        102: (101, "sudo", sudo),
        103: (102, "python3", ["python3", "/usr/local/bin/runaway-watchdog", *WORDS]),
    }


def test_sudo_is_not_what_is_looked_for(under_sudo: dict[int, tuple[int, str, list[str]]]) -> None:
    """Its processes bear the pattern because we do."""
    job = (1, "php", ["php", "import-orders.php"])
    assert selection._by_name(host({**under_sudo, 200: job}), "import-orders") == 200


def test_a_job_that_started_us_is_what_is_looked_for(under_sudo: dict[int, tuple[int, str, list[str]]]) -> None:
    """Only whoever was started with all of our words is left out."""
    under_sudo[100] = (1, "import-orders", ["import-orders", "--then-explain"])
    assert selection._by_name(host(under_sudo), "import-orders") == 100


def test_the_dead_are_not_meant_where_a_living_one_fits(under_sudo: dict[int, tuple[int, str, list[str]]]) -> None:
    """A zombie keeps its name until its parent asks for its exit code."""
    one = {**under_sudo, 201: (1, "import-orders", list[str]())}
    assert selection._by_name(host(one), "import-orders") == 201
    assert selection._by_name(host({**one, 200: (1, "import-orders", ["import-orders"])}), "import-orders") == 200


NO_ENGINE = {"gap": ["docker", "no Docker Engine answers", "start Docker"]}
NO_PODMAN = {"gap": ["podman", "no Podman here", "install it"]}


def containers(docker: Any, podman: Any) -> World:
    """What the two answer when asked for `web`."""
    return replay({"host": "h", "asked": {"engine.container web": [docker], "podman.container web": [podman]}})


@pytest.mark.parametrize("docker", [{"value": None}, NO_ENGINE])
def test_a_container_of_podman_is_found(docker: Any) -> None:
    """With and without Docker beside it."""
    assert selection._by_container(containers(docker, {"value": {"State": {"Pid": 77}}}), "web") == 77
    with pytest.raises(selection.SelectionError, match="does not run"):
        selection._by_container(containers(docker, {"value": {"State": {"Pid": 0}}}), "web")


@pytest.mark.parametrize("podman", [{"value": None}, NO_PODMAN])
def test_a_container_that_nobody_knows(podman: Any) -> None:
    """An engine that does not answer is told as that."""
    with pytest.raises(selection.SelectionError, match="knows no container 'web'"):
        selection._by_container(containers({"value": None}, podman), "web")
    with pytest.raises(Unanswered):
        selection._by_container(containers(NO_ENGINE, podman), "web")


def unit_of(state: dict[str, Any], release: int | None) -> World:
    """A manager with one service that has no process, and its release."""
    asked: dict[str, Any] = {
        "manager.unit x.service": [{"value": {"Id": "x.service", **state}}],
        "manager.version": [{"value": release}],
    }
    return replay({"host": "h", "asked": asked})


STUCK = {"ActiveState": "activating", "SubState": "auto-restart-queued", "FreezerState": "frozen"}
DOWN = {"ActiveState": "failed", "SubState": "failed", "FreezerState": "frozen"}


@pytest.mark.parametrize(
    ("state", "release", "told"),
    [
        (STUCK, 257, "refuses to thaw, start and stop it until the next boot"),
        (DOWN, 257, "What may help before: systemctl disable x.service; systemctl reset-failed x.service"),
        (DOWN, 252, "what helps: systemctl restart x.service"),
        (DOWN, None, "what may help: systemctl restart x.service"),
    ],
)
def test_a_unit_that_ended_while_it_was_frozen_says_what_still_helps(
    state: dict[str, Any], release: int | None, told: str
) -> None:
    """By systemd's release."""
    with pytest.raises(selection.SelectionError) as raised:
        selection._by_unit(unit_of(state, release), "x")
    assert told in str(raised.value)


def test_a_unit_that_is_down_is_explained_as_that() -> None:
    """Its case is made from what systemd and the journal know of it."""
    with pytest.raises(selection.Down):
        selection._by_unit(unit_of({**DOWN, "FreezerState": "running"}, None), "x")


@pytest.mark.parametrize(
    ("asked", "unit"),
    [
        ("actions.runner.acme-app.vps", "actions.runner.acme-app.vps.service"),
        ("getty@tty1", "getty@tty1.service"),
        ("my.timer-like", "my.timer-like.service"),
        ("x.service", "x.service"),
        ("logrotate.timer", "logrotate.timer"),
    ],
)
def test_a_units_name_is_completed_as_systemctl_does(asked: str, unit: str) -> None:
    """Only a type of unit at its end is one; dots in a name are none."""
    answers = {f"manager.unit {unit}": [{"value": {"Id": unit, "MainPID": 77}}]}
    assert selection._by_unit(replay({"host": "h", "asked": answers}), asked) == 77


class About(NoRecords):
    """A store whose incidents are about groups alone."""

    def __init__(self, about: GroupIncident | None) -> None:
        super().__init__()
        self._about = about

    def incident_group(self, incident: int) -> GroupIncident | None:  # noqa: ARG002
        return self._about


def by_incident(about: GroupIncident | None, busiest: int | None = None) -> int:
    options = argparse.Namespace(pid=None, incident=7)
    world = unit_of({**DOWN, "FreezerState": "running"}, None)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(named, "busiest_now", lambda *_: busiest)
        patched.setattr(down, "of_group", lambda *_: None)
        return selection.pid_of(options, world, About(about))


def test_an_incident_about_a_group_leads_to_who_burns_in_it() -> None:
    """Also one of the host as a whole; a restart loop is about no process that happens to burn."""
    assert by_incident(GroupIncident("/system.slice/x.service", burns=True), 77) == 77
    assert by_incident(GroupIncident("", burns=True), 77) == 77
    with pytest.raises(selection.SelectionError):
        by_incident(GroupIncident("/system.slice/x.service", burns=False), 77)


@pytest.mark.parametrize(
    ("about", "told"),
    [
        (None, "no incident 7 is recorded"),
        (GroupIncident("", burns=True), "is about the host as a whole, where nothing runs now"),
        (
            GroupIncident(f"/system.slice/docker-{'ab' * 32}.scope", burns=True),
            "is about container abababababab, where",
        ),
    ],
)
def test_what_is_left_of_an_incident_is_said_in_words(about: GroupIncident | None, told: str) -> None:
    """No path of a control group, no ID of 64 digits."""
    with pytest.raises(selection.SelectionError) as raised:
        by_incident(about)
    assert told in str(raised.value)
    assert "/system.slice" not in str(raised.value)
