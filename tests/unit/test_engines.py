"""What engines tell, as types: defaults for what is left out, and "could not be read" for what is nonsense."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, strategies as st
from support.made_world import made_world

from runaway_watchdog.engines import compose, docker, podman
from runaway_watchdog.world import Unanswered, World

ID = "ab" * 32
WORDS = st.sampled_from(
    [
        *("Id", "ID", "Name", "Names", "State", "Status", "Pid", "Mounts", "Labels", "HostConfig", "Config", "Type"),
        *("RestartPolicy", "Healthcheck", "Test", "Interval", "Ports", "NetworkSettings", "Networks", "Swarm", "Nodes"),
        *("RepoTags", "Created", "Spec", "TaskTemplate", "Delay", "ApiVersion", "volume", "bind", "CMD", "services"),
        *("volumes", "networks", "external", "depends_on", "source", "Binds", "Tmpfs", "Env", "ConmonPid", "Pod", ""),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=20,
)


class Answering:
    """An engine, and a Compose, that answers everything with the same."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def __getattr__(self, question: str) -> Callable[..., Any]:
        return lambda *_: self._answer


def world(answer: Any) -> World:
    return made_world([], engine=Answering(answer))._replace(podman=Answering(answer), clients=Answering(answer))


QUESTIONS: dict[str, Callable[[World], object]] = {
    "api": docker.api,
    "info": docker.info,
    "containers": docker.containers,
    "container": lambda here: docker.container(here, "x"),
    "volumes": docker.volumes,
    "images": docker.images,
    "networks": docker.networks,
    "services": docker.services,
    "podman's containers": podman.containers,
    "podman's container": lambda here: podman.container(here, "x"),
    "podman's volumes": podman.volumes,
    "podman's images": podman.images,
    "podman's networks": podman.networks,
    "podman's pods": podman.pods,
    "compose's files": lambda here: compose.files(here, "docker compose", ("config",), "/"),
}


@pytest.mark.parametrize("question", QUESTIONS)
@given(answer=JSON)
def test_nonsense_is_told_as_such(question: str, answer: Any) -> None:
    """Whatever answers at a socket: a type, or that it could not be read; nothing else is raised."""
    try:
        QUESTIONS[question](world(answer))
    except Unanswered as unanswered:
        assert "cannot be read" in unanswered.gap.problem


def test_an_inspection_with_the_least() -> None:
    """Nothing is made up: no policy is "no", no health check is none."""
    found = docker.container(world({"Id": ID, "HostConfig": {}, "State": {"Pid": 7}, "Config": {}}), ID)
    assert found is not None
    assert (found.id, found.pid, found.policy, found.stop_signal) == (ID, 7, "no", "SIGTERM")
    assert (found.health, found.health_check, found.mounts, found.environment) == (None, None, (), ())


@pytest.mark.parametrize("missing", ["HostConfig", "State", "Config"])
def test_half_an_inspection_is_none(missing: str) -> None:
    """Without its part on restarts a container's policy is not known, which is not "no"."""
    answer = {"Id": ID, "HostConfig": {}, "State": {}, "Config": {}}
    del answer[missing]
    with pytest.raises(Unanswered):
        docker.container(world(answer), ID)


def test_a_restart_policy_is_told_as_it_is_given() -> None:
    """With its count only where there is one."""
    for policy, told in (
        ({"Name": "on-failure", "MaximumRetryCount": 3}, "on-failure:3"),
        ({"Name": "always", "MaximumRetryCount": 0}, "always"),
        ({"Name": ""}, "no"),
    ):
        answer = {"HostConfig": {"RestartPolicy": policy}, "State": {}, "Config": {}}
        found = docker.container(world(answer), ID)
        assert found is not None and found.policy == told


def test_a_link_is_not_a_name() -> None:
    """A container that another one links to is listed under that one's name too."""
    (found,) = docker.containers(world([{"Id": ID, "Names": ["/web/db", "/shop-db"], "State": "running"}]))
    assert found.name == "shop-db"
    (unnamed,) = docker.containers(world([{"Id": ID, "Names": None, "State": "created"}]))
    assert unnamed.name == ID[:12]


def test_an_image_without_a_name_has_none() -> None:
    """The engine lists it as <none>:<none>."""
    listed = [{"Id": "sha256:1", "RepoTags": ["<none>:<none>"]}, {"Id": "sha256:2", "RepoTags": None}]
    assert [each.tags for each in docker.images(world(listed))] == [(), ()]


def test_a_swarms_role() -> None:
    """A node that left, or never joined, has none."""
    for swarm, role in (
        ({"LocalNodeState": "inactive", "ControlAvailable": True}, ""),
        ({"LocalNodeState": "active"}, "worker"),
        ({"LocalNodeState": "active", "ControlAvailable": True}, "manager"),
        (None, ""),
    ):
        assert docker.info(world({"Swarm": swarm})).swarm == role
