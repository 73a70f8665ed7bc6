"""Podman containers: who claims what, and whether conmon, a unit or nobody brings them back."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from support.builders import CONTAINER_ID, make_facts, make_process, make_service
from support.made_world import Made, made_world

from runaway_watchdog import owners
from runaway_watchdog.model.owner import Action
from runaway_watchdog.owners import Layer
from runaway_watchdog.owners.interface import Read
from runaway_watchdog.owners.podman import container as podman
from runaway_watchdog.owners.podman.details import ContainerDetails, ContainerOwner

CONMON = make_process(900, name="conmon", cgroup="/system.slice/web.service", sigterm="handled")
USERS = "/user.slice/user-1000.slice/user@1000.service"


def container(policy: str = "no", **changes: Any) -> ContainerOwner:
    """A container with the process of `make_process` as its main one; nobody runs it."""
    values: dict[str, Any] = {
        "container": "web", "image": "bb:1", "policy": policy, "state": "running", "restart_count": 0, "main_pid": 3355,
        "up_s": 60.0, "auto_remove": False, "stop_signal": "15", "pod": "", "run_by": None, "unit_label": None,
        "conmon_pid": 900, "user": None, "uid": 0,
        "restart_unit_enabled": False, "started_at_boot": False,
    }  # fmt: skip
    return Read("podman-container", "web", CONTAINER_ID, policy, ContainerDetails(**(values | changes)), ())


@pytest.mark.parametrize(
    "path",
    [
        f"/machine.slice/libpod-{CONTAINER_ID}.scope/container",
        f"/machine.slice/machine-libpod_pod_{CONTAINER_ID}.slice/libpod-{CONTAINER_ID}.scope",
        f"/system.slice/web.service/libpod-payload-{CONTAINER_ID}",
        f"{USERS}/user.slice/libpod-{CONTAINER_ID}.scope",
        f"{USERS}/app.slice/web.service/libpod-payload-{CONTAINER_ID}",
        f"/libpod_parent/libpod-{CONTAINER_ID}",
    ],
)
def test_a_container_is_claimed_by_its_cgroup(path: str) -> None:
    """Also inside the group of the unit that runs it, as Quadlet has it."""
    claim = podman.claim(make_facts(make_process(cgroup=path)))
    assert claim is not None
    assert claim.ref == CONTAINER_ID
    assert owners.claimed(make_facts(make_process(cgroup=path))).kind == "podman-container"


@pytest.mark.parametrize(
    "path",
    [
        f"/payload/machine.slice/libpod-{CONTAINER_ID}.scope",
        "/system.slice/podman.service",
        f"/system.slice/web.service/libpod-payload-{CONTAINER_ID[:12]}",
        "/system.slice/web.service/runtime",
    ],
)
def test_a_near_miss_is_not_a_container(path: str) -> None:
    """Another machine's container, Podman's own service, what a unit started."""
    assert podman.claim(make_facts(make_process(cgroup=path))) is None


RETURNS: list[tuple[str, dict[str, Any], Action, bool]] = [
    ("no", {}, "sigkill", False),
    ("always", {}, "clean-exit", True),
    ("always", {}, "owner-stop", False),
    ("on-failure", {}, "clean-exit", False),
    ("on-failure", {}, "sigkill", True),
    ("on-failure:2", {"restart_count": 2}, "sigkill", False),
    ("unless-stopped", {}, "sigkill", True),
    ("always", {}, "reboot", False),
    ("always", {"started_at_boot": True}, "reboot", True),
]


@pytest.mark.parametrize(("policy", "changes", "action", "returns"), RETURNS)
def test_the_policy_decides_what_returns(policy: str, changes: dict[str, Any], action: Action, returns: bool) -> None:
    """Without a unit nobody else does; a boot only with podman-restart.service."""
    outlook = podman.outlook(container(policy, **changes), make_facts(), action)
    assert (outlook.ends, getattr(outlook, "returns", None)) == (True, returns)


def test_conmon_is_left_alone() -> None:
    """It holds the container's output: whoever ends it takes away who would start the container again."""
    facts = make_facts(make_process(900, name="conmon", cgroup=f"/machine.slice/libpod-conmon-{CONTAINER_ID}.scope"))
    assert podman.claim(facts) is not None
    assert getattr(podman.outlook(container("always"), facts, "sigkill"), "returns", True) is None
    containment = podman.contain(container("always"), facts)
    assert containment is not None
    assert "podman logs" in containment.goal
    assert not any("kill" in step.command for step in containment.steps)


def test_nothing_is_restarted_with_podman() -> None:
    """There is no daemon."""
    outlook = podman.outlook(container(), make_facts(), "owner-daemon-restart")
    assert (outlook.ends, getattr(outlook, "certainty", "")) == (False, "certain")


UNITS: list[tuple[str, dict[str, Any], Action, bool | None]] = [
    ("always", {}, "sigkill", True),
    ("on-failure", {}, "sigkill", True),
    ("on-failure", {}, "clean-exit", False),
    ("on-failure", {"namespace_pids": (3355, 1)}, "owner-stop", True),  # killed in the end: 137
    ("on-failure", {"sigterm": "handled"}, "owner-stop", None),
    ("no", {}, "sigkill", False),
]


@pytest.mark.parametrize(("restart", "process", "action", "returns"), UNITS)
def test_a_unit_decides_by_the_end_of_conmon(
    restart: str, process: dict[str, Any], action: Action, returns: bool | None
) -> None:
    """Its main process, which ends with the container's exit code: `podman stop` is answered too."""
    inner = Layer(container(run_by="web.service"), make_facts(make_process(**process), CONMON))
    outer = Layer(make_service(restart, main_pid=900), make_facts(CONMON))
    outlook = owners.outlook((inner, outer), action)
    assert (outlook.ends, outlook.returns) == (True, returns)


def test_a_unit_is_stopped_by_systemd() -> None:
    """`podman stop` would be answered by Restart=; one created with --rm is paused, since any stop deletes it."""
    facts = make_facts(parent=CONMON)
    inner = Layer(container(run_by="web.service"), facts)
    outer = Layer(make_service("always", main_pid=900), make_facts(CONMON))
    commands = [step.command for step in owners.contain((inner, outer)).steps]
    assert any(command.startswith("systemctl stop") for command in commands)
    removed = Layer(container(run_by="web.service", auto_remove=True), facts)
    assert owners.contain((removed, outer)).steps[-1].command == "podman pause web"


@pytest.mark.parametrize("name", ["a b", "x'; reboot", "$(reboot)", "line\nbreak"])
def test_a_hostile_name_stays_one_word(name: str) -> None:
    """Podman itself takes no such name; a container's inspect JSON is still others' text."""
    containment = podman.contain(container(container=name), make_facts())
    assert containment is not None
    assert shlex.split(containment.steps[-1].command) == ["podman", "unpause", f"{name};", "podman", "stop", name]
    rootless = podman.contain(container(container=name, user="alice", uid=1000), make_facts())
    assert rootless is not None
    words = shlex.split(rootless.steps[-1].command)
    assert words[:4] == ["runuser", "-l", "alice", "-c"]
    assert shlex.split(words[4])[-1] == name


class Asked:
    """root's Podman, which knows no container."""

    def container(self, reference: str) -> None:  # noqa: ARG002
        return None

    def rootless(self) -> bool:
        return False


def test_another_users_container_is_a_gap_with_its_name() -> None:
    """conmon's command line tells the name; the mend asks as that user."""
    path = f"0::{USERS}/user.slice/libpod-{CONTAINER_ID}.scope\n"
    conmon = Made(900, 1, "conmon", ("conmon", "-c", CONTAINER_ID, "-n", "shop"), f"0::{USERS}/user.slice/x.scope\n")
    world = made_world(
        [conmon, Made(901, 900, "worker", ("/app",), path, (1,), uid=1000)], users={1000: "alice"}, podman=Asked()
    )
    facts, _ = owners.facts(world, 901)
    layers, (gap,) = owners.layers(facts, world)
    assert layers[0].owner.kind == "podman-container"
    assert gap.problem == "container shop is alice's own, and only alice's Podman knows it"
    assert gap.fix.endswith("-l alice -c 'XDG_RUNTIME_DIR=/run/user/1000 runaway-watchdog explain 901'")
    assert owners.outlook(layers, "sigkill").returns is None
