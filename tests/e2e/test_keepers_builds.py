"""Steps of an image build by the BuildKit in dockerd: whose they are, what ends them, and the plan, really done."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from e2e.rig import docker, foretold, plans
from e2e.rig.box import Box, MakeBox

from runaway_watchdog.watch.ordinary import kind_of_work

BURNS = "while :; do :; done; echo built"


@pytest.fixture(scope="module", params=["systemd", pytest.param("cgroupfs", marks=pytest.mark.truth)])
def builder(make_box: MakeBox, request: pytest.FixtureRequest) -> Box:
    """By the engine's driver of control groups."""
    box = make_box(docker_up=False)
    box.write("/etc/docker/daemon.json", json.dumps({"exec-opts": [f"native.cgroupdriver={request.param}"]}))
    box.run("systemctl start docker")
    docker.import_image(box)
    box.run(f"docker tag {docker.IMAGE} app:1")
    return box


class Building:
    """A `docker build` whose second step never ends."""

    def __init__(self, box: Box) -> None:
        self.box = box
        box.write("/root/b/Dockerfile", f"FROM {docker.IMAGE}\nRUN date > /tmp/x\nRUN sh -c '{BURNS}'; true\n")
        box.run("rm -f /root/b/rc")
        build = "DOCKER_BUILDKIT=1 docker build --no-cache -t app:1 ."
        box.run(f"cd /root/b; setsid sh -c '{build}; echo $? >rc' >/dev/null 2>&1 </dev/null &")
        self.first, self.burning = box.wait_for("the step", self._both)

    def _both(self) -> tuple[int, int] | None:
        found = self.box.pids(f"^(/bin/)?sh -c.*{BURNS}")
        return (found[0], found[1]) if len(found) == 2 else None

    def over(self) -> bool:
        """Whether its programs are gone, and the build has failed."""
        self.box.wait_for("the end of the build", lambda: self.box.exists("/root/b/rc"), timeout=20)
        return not self.box.pids(BURNS) and self.box.read("/root/b/rc").strip() != "0"


@pytest.fixture
def building(builder: Box) -> Iterator[Building]:
    before = builder.run("docker image inspect -f '{{.Id}}' app:1").stdout
    made = Building(builder)
    yield made
    builder.run(["kill", "-9", str(made.first)], check=False)
    assert builder.run("docker image inspect -f '{{.Id}}' app:1").stdout == before


def test_it_is_a_step_of_a_build(building: Building) -> None:
    """Neither an unknown container nor a child of runc's that nobody keeps; the watch takes it for ordinary work."""
    for pid in (building.first, building.burning):
        document = foretold.explained(building.box, pid)
        assert [each["kind"] for each in document["owners"]] == ["image-build"]
        assert document["owners"][0]["facts"]["first_pid"] == building.first
    lines = building.box.read(f"/proc/{building.burning}/cgroup").splitlines()
    group = next(line[3:] for line in lines if line.startswith("0::"))
    assert kind_of_work(group, "sh", terminal=False, genuine=lambda: False) == "build of an image"


def test_the_plan_ends_the_build_and_nothing_else(building: Building) -> None:
    """The image that had this name is as it was."""
    plans.carry_out(building.box, foretold.explained(building.box, building.burning)["plan"]["steps"])
    assert building.over()


@pytest.mark.parametrize(("action", "command"), [("sigkill", "kill -9 {}"), ("sigterm", "kill {}")])
def test_what_is_foretold_of_it_comes_true(building: Building, action: str, command: str) -> None:
    """Of the process that the step began with: SIGTERM does nothing to it."""
    fate = foretold.fate_of(foretold.explained(building.box, building.first), action)
    building.box.run(command.format(building.first))
    assert (fate["ends"], fate["returns"], fate["certainty"]) == (action == "sigkill", False, "certain")
    building.box.run("sleep 2")
    assert building.over() if action == "sigkill" else building.box.pids(BURNS)


def test_a_restart_of_docker_leaves_the_step(building: Building) -> None:
    """Its build has failed, and it burns on: told, and ended by the same plan."""
    fate = foretold.fate_of(foretold.explained(building.box, building.burning), "owner-daemon-restart")
    assert (fate["ends"], fate["certainty"]) == (False, "likely")
    building.box.run("systemctl restart docker")
    building.box.wait_for("the end of the build", lambda: building.box.exists("/root/b/rc"))
    building.box.run("sleep 2")
    assert building.box.pids(BURNS)
    plans.carry_out(building.box, foretold.explained(building.box, building.burning)["plan"]["steps"])
    assert building.over()
