"""Every prediction is checked by really doing it: explain, end it, and watch what comes back.

A sample of the matrix; the whole of it comes with the keepers.
"""

import json
from typing import Any, NamedTuple

import pytest
from e2e.rig.box import Box, MakeBox
from e2e.rig.workloads import Action, How, Keeper, end_and_watch, running

WATCH_S = 2.5
DELAY_GRACE_S = 1.0


class Case(NamedTuple):
    """A program under a keeper, and what is done to it."""

    keeper: Keeper
    how: How
    action: Action

    def __str__(self) -> str:
        policy = self.how.get("restart") or " ".join(self.how.get("service_lines", ())) or "-"
        return f"{self.keeper} {policy} {self.how.get('on_term', 'default')} {self.action}"


CASES = [
    Case("docker-run", {"restart": "no", "on_term": "exit-0"}, "sigkill"),
    Case("docker-run", {"restart": "always"}, "sigterm"),  # PID 1 without a handler: nothing happens
    Case("docker-run", {"restart": "always", "on_term": "exit-0"}, "sigterm"),
    Case("docker-run", {"restart": "always"}, "sigkill"),
    Case("docker-run", {"restart": "always", "on_term": "exit-0"}, "owner-stop"),
    Case("docker-run", {"restart": "always", "on_term": "exit-0"}, "owner-daemon-restart"),
    Case("docker-run", {"restart": "unless-stopped"}, "sigkill"),
    Case("docker-run", {"restart": "on-failure"}, "sigkill"),
    Case("docker-run", {"restart": "on-failure:3"}, "sigkill"),
    Case("docker-run", {"restart": "no", "on_term": "exit-0"}, "owner-daemon-restart"),
    Case("compose", {"restart": "always", "on_term": "exit-1"}, "sigterm"),
    Case("compose", {"restart": "always", "compose_version": 1}, "sigkill"),
    Case("systemd", {}, "sigkill"),
    Case("systemd", {"service_lines": ["Restart=always"]}, "sigterm"),
    Case("systemd", {"service_lines": ["Restart=always", "RestartSec=1"]}, "sigkill"),
    Case("systemd", {"service_lines": ["Restart=on-failure"]}, "sigterm"),
    Case("systemd", {"service_lines": ["Restart=on-failure"]}, "sigkill"),
    Case("systemd", {"service_lines": ["Restart=on-failure"], "on_term": "ignore"}, "sigterm"),
    Case("systemd", {"service_lines": ["Restart=on-success"]}, "sigterm"),
    Case("systemd", {"service_lines": ["Restart=on-success"]}, "sigkill"),
    Case("systemd", {"service_lines": ["Restart=on-abnormal"]}, "sigkill"),
    Case("systemd", {"service_lines": ["Restart=always", "RestartPreventExitStatus=SIGKILL"]}, "sigkill"),
    Case("systemd", {"service_lines": ["RestartForceExitStatus=SIGKILL"]}, "sigkill"),
    Case("systemd", {"service_lines": ["Restart=always"]}, "owner-stop"),
    Case("systemd", {"service_lines": ["Restart=always"]}, "owner-daemon-restart"),
    Case("unmanaged", {}, "sigterm"),
    Case("unmanaged", {"on_term": "ignore"}, "sigterm"),
    Case("unmanaged", {}, "sigkill"),
    Case("session", {}, "sigkill"),
]
KINDS = {
    "docker-run": "docker-container",
    "compose": "compose-service",
    "systemd": "systemd-service",
    "unmanaged": "unmanaged",
    "session": "session",
}


def check(box: Box, case: Case) -> None:
    """Explain, do it, and hold the prediction against what happened."""
    how: How = {**case.how, "work": "sleep"}
    with running(box, case.keeper, **how) as workload:
        explained = box.run(["runaway-watchdog", "explain", str(workload.pid), "--json"], check=False)
        assert explained.returncode == 0, explained.stdout + explained.stderr
        document: dict[str, Any] = json.loads(explained.stdout)
        assert document["owners"][0]["kind"] == KINDS[case.keeper]
        fate = next(each for each in document["prognosis"] if each["action"] == case.action)
        seen = end_and_watch(box, workload, case.action, WATCH_S)
    assert fate["certainty"] != "unknown"
    assert (fate["ends"], fate["returns"]) == (seen.ended, seen.returned), (fate, seen)
    if seen.returned and fate["after_s"] is not None:
        assert seen.delay_s is not None
        assert abs(seen.delay_s - fate["after_s"]) <= max(DELAY_GRACE_S, 0.2 * fate["after_s"]), (fate, seen)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_foretold_is_what_happens(box: Box, case: Case) -> None:
    """On cgroup v2."""
    check(box, case)


@pytest.fixture(scope="module")
def box_v1(make_box: MakeBox) -> Box:
    return make_box("v1")


@pytest.mark.parametrize("case", [CASES[3], CASES[10], CASES[14], CASES[27]], ids=str)
def test_the_same_holds_on_cgroup_v1(box_v1: Box, case: Case) -> None:
    """There Docker uses its own cgroup driver, and units have no group of the unified hierarchy."""
    check(box_v1, case)
