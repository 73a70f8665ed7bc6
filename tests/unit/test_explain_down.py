"""A container without a process is explained by its name: no PID is ever told, and none appears in a command."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.builders import CONTAINER_ID
from support.made_world import NOW, made_world

from runaway_watchdog.engines import docker
from runaway_watchdog.explain import down
from runaway_watchdog.explain.records import NoRecords
from runaway_watchdog.render.document import from_json, to_json
from runaway_watchdog.render.text import text

UNIT = {"docker.service": {"Id": "docker.service", "UnitFileState": "enabled", "WantedBy": ["multi-user.target"]}}


def container(status: str, policy: str, **changes: Any) -> dict[str, Any]:
    """Inspect JSON, as far as it is read."""
    state = {"Status": status, "Pid": 0, "ExitCode": 3, "StartedAt": "2026-11-18T11:00:00.123456789Z"} | changes
    return {
        "Id": CONTAINER_ID, "Name": "/loop", "Path": "/bin/worker", "Args": ["--password", "hunter2"], "State": state,
        "RestartCount": 7, "Config": {"Image": "bb:1", "Labels": {}, "User": ""}, "Mounts": [],
        "HostConfig": {"RestartPolicy": {"Name": policy, "MaximumRetryCount": 0}, "AutoRemove": False},
    }  # fmt: skip


class Engine:
    """An engine with this one container."""

    def __init__(self, only: dict[str, Any]) -> None:
        self._only = only

    def container(self, reference: str) -> dict[str, Any] | None:
        return self._only if reference == self._only["Id"] else None

    def containers(self) -> list[dict[str, Any]]:
        return [{"Id": self._only["Id"], "Names": ["/loop"], "State": self._only["State"]["Status"]}]

    def info(self) -> dict[str, Any]:
        return {"DockerRootDir": "/var/lib/docker"}

    def endpoint(self) -> None:
        return None

    def volumes(self) -> list[dict[str, Any]]:
        return []


def told(status: str, policy: str, **changes: Any) -> tuple[dict[str, Any], str]:
    found = container(status, policy, **changes)
    world = made_world([], units=UNIT, engine=Engine(found))
    inspected = docker.container(world, CONTAINER_ID)
    assert inspected is not None
    case = down.of_container(world, NoRecords(), inspected)
    return to_json(case), text(case, now=NOW)


@pytest.mark.parametrize(
    ("status", "policy", "soon", "boot"),
    [("restarting", "always", True, True), ("exited", "always", False, True), ("exited", "no", False, False)],
)
def test_what_becomes_of_it_is_told(status: str, policy: str, soon: bool, boot: bool) -> None:
    """In JSON its PID is null, and what was stored is read back."""
    document, _ = told(status, policy)
    assert document["process"]["pid"] is document["asked_pid"] is None
    outlooks = {each["action"]: each["returns"] for each in document["prognosis"]}
    assert (outlooks["sigkill"], outlooks["owner-stop"], outlooks["reboot"]) == (soon, False, boot)
    assert document["gaps"] == []
    assert to_json(from_json(json.loads(json.dumps(document)))) == document


def test_the_text_speaks_of_the_container() -> None:
    """No PID, nothing that could be killed, no secret; it fits a screen."""
    _, shown = told("restarting", "always")
    assert shown.startswith("loop on vps is restarting (restart 7): it has no process now, it exited with 3")
    assert "PID 0" not in shown
    assert "kill" not in shown
    assert "hunter2" not in shown
    assert "docker stop loop" in shown
    assert len(shown.splitlines()) < 38


@pytest.mark.parametrize("started", ["", "0001-01-01T00:00:00Z", "nonsense"])
def test_an_odd_time_does_no_harm(started: str) -> None:
    """A container that was never started has the engine's zero time."""
    _, shown = told("created", "always", StartedAt=started, ExitCode=0)
    assert "it exited" not in shown
