"""Every prediction is checked by really doing it: explain, end it, and watch what comes back."""

from typing import NamedTuple

import pytest
from e2e.rig import foretold
from e2e.rig.box import Box, MakeBox
from e2e.rig.workloads import Action, How, Keeper, running


class Case(NamedTuple):
    """A program under a keeper, and what is done to it."""

    keeper: Keeper
    how: How
    action: Action

    def __str__(self) -> str:
        return f"{self.keeper} {self.policy} {self.action}"

    @property
    def policy(self) -> str:
        """The keeper's, and how the program takes SIGTERM."""
        policy = self.how.get("restart") or " ".join(self.how.get("service_lines", ())) or "-"
        on_term = self.how.get("on_term", "default")
        return policy if on_term == "default" else f"{policy}, SIGTERM: {on_term}"


SAMPLE = [
    Case("docker-run", {"restart": "always"}, "sigterm"),  # PID 1 without a handler: nothing happens
    Case("docker-run", {"restart": "always"}, "sigkill"),
    Case("docker-run", {"restart": "always", "on_term": "exit-0"}, "owner-stop"),
    Case("compose", {"restart": "always", "on_term": "exit-1"}, "sigterm"),
    Case("systemd", {"service_lines": ["Restart=always", "RestartSec=1"]}, "sigkill"),
    Case("unmanaged", {}, "sigterm"),
    Case("session", {}, "sigkill"),
]
"""One of each kind, for `make test`; what a keeper does in full is in its own module (test_keepers_…)."""

CASES = [
    Case("docker-run", {"restart": "no", "on_term": "exit-0"}, "sigkill"),
    Case("docker-run", {"restart": "always", "on_term": "exit-0"}, "sigterm"),
    Case("docker-run", {"restart": "always", "on_term": "exit-0"}, "owner-daemon-restart"),
    Case("docker-run", {"restart": "unless-stopped"}, "sigkill"),
    Case("docker-run", {"restart": "on-failure"}, "sigkill"),
    Case("docker-run", {"restart": "on-failure:3"}, "sigkill"),
    Case("docker-run", {"restart": "no", "on_term": "exit-0"}, "owner-daemon-restart"),
    Case("compose", {"restart": "always", "compose_version": 1}, "sigkill"),
    Case("systemd", {"service_lines": ["Restart=always"]}, "owner-stop"),
    Case("systemd", {"service_lines": ["Restart=on-failure"], "on_term": "ignore"}, "sigterm"),
    Case("unmanaged", {"on_term": "ignore"}, "sigterm"),
    Case("unmanaged", {}, "sigkill"),
]
KINDS = {
    "docker-run": "docker-container",
    "compose": "compose-service",
    "systemd": "systemd-service",
    "unmanaged": "unmanaged",
    "session": "session",
}


def check(box: Box, case: Case) -> None:
    how: How = {**case.how, "work": "sleep"}
    with running(box, case.keeper, **how) as workload:
        foretold.check(box, workload, case.action, kind=KINDS[case.keeper], policy=case.policy)


@pytest.mark.parametrize("case", SAMPLE, ids=str)
def test_what_is_foretold_is_what_happens(box: Box, case: Case) -> None:
    """On cgroup v2."""
    check(box, case)


@pytest.mark.truth
@pytest.mark.parametrize("case", CASES, ids=str)
def test_more_that_is_foretold(box: Box, case: Case) -> None:
    """On cgroup v2."""
    check(box, case)


@pytest.fixture(scope="module")
def box_v1(make_box: MakeBox) -> Box:
    return make_box("v1")


@pytest.mark.truth
@pytest.mark.parametrize("case", [SAMPLE[1], SAMPLE[3], SAMPLE[4], CASES[8]], ids=str)
def test_the_same_holds_on_cgroup_v1(box_v1: Box, case: Case) -> None:
    """There Docker uses its own cgroup driver, and units have no group of the unified hierarchy."""
    check(box_v1, case)
