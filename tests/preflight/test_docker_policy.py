"""A restart policy that the line itself changes, and what the line leaves running: whether it helps."""

from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Any

import pytest
from hypothesis import given, strategies as st
from preflight.docker_world import FakeEngine, foretell, make_container, make_host, make_world
from preflight.host_world import FakeHost

from runaway_watchdog.effects.docker.policy import POLICY
from runaway_watchdog.preflight.helps import helps

HOT = "a" * 64
PID = 10


class OneContainer:
    """An engine with one container, `hot`, whose main process is PID 10."""

    def __init__(self, policy: str, *, auto_remove: bool = False) -> None:
        self._host = {"RestartPolicy": {"Name": policy}, "AutoRemove": auto_remove}

    def endpoint(self) -> str | None:
        return None

    def version(self) -> Mapping[str, Any]:
        return {"ApiVersion": "1.41"}

    def info(self) -> Mapping[str, Any]:
        return {}

    def containers(self) -> Sequence[Mapping[str, Any]]:
        net: Mapping[str, Any] = {"Networks": {"net": {}}}
        return [{"Id": HOT, "Names": ["/hot"], "State": "running", "Labels": {}, "NetworkSettings": net}]

    def changes(self, reference: str) -> Sequence[Mapping[str, Any]]:  # noqa: ARG002 - as `Engine` has it
        return ()

    def sized(self, reference: str) -> Mapping[str, Any] | None:  # noqa: ARG002
        return {}

    def container(self, reference: str) -> Mapping[str, Any] | None:
        state = {"Status": "running", "Pid": PID, "StartedAt": "2026-01-01T00:00:00Z"}
        return {"Id": reference, "Name": "/hot", "State": state, "HostConfig": self._host, "Config": {}}

    def networks(self) -> Sequence[Mapping[str, Any]]:
        return [{"Name": "net", "Id": "1"}]

    def volumes(self) -> Sequence[Mapping[str, Any]]:
        return []

    images = volumes


def running(policy: str, **more: Any) -> FakeHost:
    host = FakeHost(engine=OneContainer(policy, **more))
    host.process(PID, "burner", cgroup=f"/system.slice/docker-{HOT}.scope")
    return host


@pytest.mark.parametrize(
    ("line", "returns"), [("docker restart hot", False), ("docker stop hot; docker start hot", False)]
)
def test_the_start_brings_back_no_stray(line: str, returns: bool | None) -> None:
    """An intruder's, or one of `docker exec`: only the main process and what that starts comes back."""
    host = running("always")
    host.process(5, "containerd-shim-runc-v2", comm="containerd-shim")
    host.process(60, "miner", ppid=5, cgroup=f"/system.slice/docker-{HOT}.scope")
    assert helps(host.judge(line), 60, host.world).returns is returns
    assert helps(host.judge(line), PID, host.world).returns is True


def test_the_end_of_a_shim_is_told_as_its_containers() -> None:
    """By name, and with whatever of the container ends with it; nothing else of the shim's own group does."""
    host = running("always")
    engine = "/system.slice/docker.service"
    shim = f"/usr/bin/containerd-shim-runc-v2 -namespace moby -id {HOT}"
    host.process(5, shim, comm="containerd-shim", cgroup=engine)
    host.process(6, "dockerd", cgroup=engine)
    host.process(PID, "burner", ppid=5, cgroup=f"/system.slice/docker-{HOT}.scope")
    host.files.add("/proc/5/task/5/children", f"{PID} ")
    judged = host.judge("kill -9 5")
    assert ("restart", "container", "hot") in [(each.verb, each.type, each.name) for each in judged.effects]
    assert helps(judged, PID, host.world).returns is True
    assert 6 not in judged.host.ended


@pytest.mark.parametrize(
    ("line", "ends", "returns"),
    [
        ("kill -9 10", True, True),
        ("docker update --restart=no hot && kill -9 10", True, False),
        ("docker update --restart no --cpus 1 hot; kill -9 10", True, False),
        ("docker update --restart=no hot && docker kill hot", True, False),
        ("docker update --restart=no hot; docker update --restart=always hot; kill -9 10", True, True),
        ("docker update --restart=always:3 hot; kill -9 10", True, True),  # refused
        ("docker update --restart=sometimes hot; kill -9 10", True, True),
        ("docker update --restart=no cold; kill -9 10", True, True),
        ("docker update --restart=no hot", False, None),
        ("docker stop hot", True, False),
        ("docker rm -f hot", True, False),
        ("docker restart hot", True, True),
        ("docker stop hot; docker start hot", True, True),
        ("kill -9 10; docker stop hot", True, False),
        ("docker pause hot", False, None),
        ("docker pause hot; docker kill hot", True, False),
        ("docker network disconnect -f net hot", False, None),
        ("docker restart hot; docker network disconnect -f net hot", True, True),
        ("docker restart hot; docker stop hot", True, False),
        ("docker stop hot; docker rm hot", True, False),
    ],
)
def test_whether_the_whole_line_helps(line: str, ends: bool, returns: bool | None) -> None:
    """Answered from what the line leaves behind: its last word on the container counts."""
    host = running("always")
    found = helps(host.judge(line), PID, host.world)
    assert (found.ends, found.returns) == (ends, returns), found.why


def test_a_policy_that_the_line_gives_brings_it_back() -> None:
    """It had none before."""
    host = running("no")
    assert helps(host.judge("kill -9 10"), PID, host.world).returns is False
    assert helps(host.judge("docker update --restart=always hot; kill -9 10"), PID, host.world).returns is True


def test_a_policy_for_a_container_with_rm_is_refused() -> None:
    """The engine removes it at its end, whatever is asked for."""
    host = make_host(make_container("once"))
    inspection = {"HostConfig": {"AutoRemove": True}}
    world = make_world(engine=FakeEngine(inspections={host.docker.containers[0].id: inspection}))
    assert not foretell("docker update --restart=always once", host, world).effects
    assert foretell("docker update --cpus 1 once", host, world).effects


@given(st.text())
def test_any_policy_has_an_answer(policy: str) -> None:
    """Taken or refused, and what is taken is one that the engine knows."""
    outcome = foretell(f"docker update --restart={quote(policy)} up", make_host(make_container("up")))
    given_to = outcome.host.docker.containers[0].policy
    assert given_to is None or POLICY.fullmatch(given_to)
