"""Swarm commands: what they end and delete on the only node of a swarm, foretold and then really done."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from e2e import docker_truth as truth
from e2e.docker_lines import Case
from e2e.docker_scene import Happened, Seen, look, prepare
from e2e.docker_truth import ENGINES, Told
from e2e.rig.box import Box, MakeBox
from truth.preflight_rows import Row

pytestmark = pytest.mark.truth  # nine lines on two engines, each with a swarm of its own: five minutes

SLEEP = ["sleep", "1000000"]
STACK = {
    "version": "3.8",
    "services": {
        "web": {
            "image": "bb:1", "init": True, "command": SLEEP, "networks": ["inner"], "secrets": ["key"],
            "volumes": ["data:/data", "/anon"],
        },
        "db": {"image": "bb:1", "init": True, "command": SLEEP},
    },
    "volumes": {"data": {}},
    "networks": {"inner": {}},
    "secrets": {"key": {"file": "/srv/key"}},
}  # fmt: skip
CLEAR = """
docker swarm leave --force
docker ps -aq | xargs -r docker rm -fv
docker volume ls -q | xargs -r docker volume rm
"""
MAKE = """
docker swarm init --advertise-addr 127.0.0.1
docker run -d --init --name alone -v alonedata:/data bb:1 sleep 1000000
docker stack deploy --resolve-image never -c /srv/stack.yml shop
docker service create -d --init --no-resolve-image --name api --replicas 2 \
    --mount type=volume,source=apidata,target=/data --mount type=volume,target=/anon bb:1 sleep 1000000
"""
OVERLAY = {"ingress", "shop_default", "shop_inner"}
RUNNING = 5
"""The four tasks, and the container that belongs to nobody."""
SETTLED_S = 40
"""The swarm removes the containers of tasks a while after they have ended."""
QUIET_S = 5
"""Where nothing was foretold, nothing must happen for so long."""
CASES = [
    Case("docker service rm api"),
    Case("docker service scale api=0"),
    Case("docker service scale -d api=1", unknown=True),
    Case("docker stack rm shop"),
    Case("docker stack rm nosuch; docker service rm nosuch"),
    Case("docker rm -f TASK"),
    Case("docker rm -fv TASK"),
    Case("docker swarm leave"),
    Case("docker swarm leave --force", unknown=True),
]


@dataclass
class Swarm:
    """A box that is a swarm by itself."""

    box: Box

    def fresh(self) -> Seen:
        """A new swarm, all of its tasks running."""
        self.box.run(CLEAR, check=False, timeout=120)
        self.box.wait_for("the end of the old networks", self._is_empty, timeout=SETTLED_S)
        self.box.run(MAKE, timeout=120)
        return self.box.wait_for("the tasks", self._ready, timeout=SETTLED_S)

    def _is_empty(self) -> bool:
        now = look(self.box)
        return not now.containers and not now.volumes and not now.networks & OVERLAY

    def _ready(self) -> Seen | None:
        now = look(self.box)
        running = [name for name, each in now.containers.items() if each[1] == "running"]
        return now if len(running) == len(now.containers) == RUNNING and now.networks >= OVERLAY else None

    def secrets(self) -> set[str]:
        return set(self.box.run(["docker", "secret", "ls", "--format", "{{.Name}}"], check=False).stdout.split())


def settled(swarm: Swarm, before: Seen, said: Told) -> Happened:
    """What became of things as soon as it is what was foretold, or when the swarm has had its time."""
    end = time.monotonic() + SETTLED_S
    while True:
        really, foreseen = truth.compared(said, before, look(swarm.box))
        quiet = time.monotonic() > end - SETTLED_S + QUIET_S
        if time.monotonic() > end or (foreseen == really and (said.gone or quiet)):
            return really
        if said.document["unknown"] and quiet and foreseen.removed <= really.removed:
            return really
        time.sleep(1)


@pytest.fixture(scope="module", params=ENGINES)
def swarm(make_box: MakeBox, request: pytest.FixtureRequest) -> Iterator[Swarm]:
    """One with each engine; it ends before the next one boots."""
    box = make_box(extras=ENGINES[request.param])
    prepare(box)
    box.write("/srv/stack.yml", json.dumps(STACK))
    box.write("/srv/key", "unlock")
    yield Swarm(box)
    box.stop()


@pytest.fixture(scope="module")
def versions(swarm: Swarm) -> dict[str, str]:
    return truth.versions(swarm.box)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_a_swarm_loses(swarm: Swarm, versions: dict[str, str], row: Row, case: Case) -> None:
    """Containers, volumes, networks and secrets, once the swarm has settled."""
    before, secrets = swarm.fresh(), swarm.secrets()
    task = next(name for name in before.containers if name.startswith("api.1."))
    ready = case._replace(line=case.line.replace("TASK", task))
    said = truth.foretold(swarm.box, ready)
    swarm.box.run(ready.line, check=False, timeout=60)
    really = settled(swarm, before, said)
    foreseen = truth.foreseen(said, really)
    row(
        str(case),
        truth.used(versions, case),
        truth.summary(foreseen, whole=not case.unknown),
        truth.summary(really),
    )
    assert bool(said.document["unknown"]) == case.unknown, said.document["unknown"]
    if case.unknown:
        assert foreseen.removed <= really.removed
        return
    assert foreseen == really
    lost = {each["name"] for each in said.effects if each["data_lost"] and each["type"] == "volume"}
    assert lost == {name for kind, name in really.removed if kind == "volume"}
    erased = any(each["data_lost"] for each in said.effects if each["type"] == "host")
    assert erased == (swarm.secrets() != secrets)
