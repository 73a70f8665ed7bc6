"""What is foretold of a Docker command is what happens when it is really run: nothing missed, nothing invented.

Engine 20.10 with Compose 2.26, the newest engine and Compose of Debian, and Compose 1.29 on both.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from e2e import docker_truth as truth
from e2e.docker_lines import CASES, OLD_CASES, Case
from e2e.docker_scene import GROUPS, KEPT, OLD_GROUPS, RUNNING, WRITTEN, Scene, Seen, look, prepare
from e2e.docker_truth import ENGINES
from e2e.rig.box import Box, MakeBox
from truth.preflight_rows import Row

pytestmark = pytest.mark.truth  # 95 lines on two engines, really run: ten minutes


def check(scene: Scene, case: Case, versions: Mapping[str, str], row: Row) -> None:
    """Foretell, do it, and hold the one against the other."""
    before = scene.fresh()
    said = truth.foretold(scene.box, case)
    assert look(scene.box) == before, "foretelling changed something"
    # As a user types it: what is refused does not keep the next command from running.
    typed = [f"cd {case.folder}", *(f"export {name}={shlex.quote(value)}" for name, value in case.environment.items())]
    scene.box.run("; ".join([*typed, case.line]), check=False, timeout=120)
    after = look(scene.box)
    really, foreseen = truth.compared(said, before, after)
    if foreseen != really:  # docker kill comes back before a signal has done its work
        after = settled(scene, said, before)
        really, foreseen = truth.compared(said, before, after)
    row(
        str(case),
        truth.used(versions, case),
        truth.summary(foreseen, whole=not case.unknown),
        truth.summary(really),
    )

    assert bool(said.document["unknown"]) == case.unknown, said.document["unknown"]
    assert foreseen == really
    assert said.lost == {name for kind, name in really.removed if kind == "volume"} - KEPT
    for each in said.effects:
        if each["name"] in WRITTEN:
            assert each["size"]["bytes"] == WRITTEN[each["name"]]
            assert each["size"]["at_least"] is False and each["size"]["last_write"] is not None
    if said.document["read"]:
        check_state(said.document, before, after)


def settled(scene: Scene, said: truth.Told, before: Seen) -> Seen:
    """A look at what stays: within five seconds as foretold, and a second later still."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        time.sleep(0.25)
        really, foreseen = truth.compared(said, before, look(scene.box))
        if really == foreseen:
            time.sleep(1)
            break
    return look(scene.box)


def check_state(document: Mapping[str, Any], before: Seen, after: Seen) -> None:
    """What the next command would be judged on is what is really there."""
    there = {name: each[1] in RUNNING for name, each in after.containers.items() if name in before.containers}
    thought = {name: status in RUNNING for name, status in document["containers"].items() if name in before.containers}
    assert thought == there
    assert set(document["volumes"]) == after.volumes & before.volumes
    assert set(document["networks"]) & before.networks == after.networks & before.networks
    assert set(document["images"]) - {"<none>:<none>"} == (after.images & before.images) - {"<none>:<none>"}


@pytest.fixture(scope="module", params=ENGINES)
def engine(make_box: MakeBox, request: pytest.FixtureRequest) -> Iterator[Box]:
    """A box with one of the engines; it ends before the next one boots."""
    box = make_box(extras=ENGINES[request.param])
    prepare(box)
    yield box
    box.stop()


@pytest.fixture(scope="module")
def versions(engine: Box) -> dict[str, str]:
    return truth.versions(engine)


@pytest.fixture(scope="module")
def scene(engine: Box) -> Scene:
    return Scene(engine, GROUPS)


@pytest.fixture(scope="module")
def old_scene(engine: Box) -> Iterator[Scene]:
    """The same box, emptied, with a project that Compose 1 made."""
    engine.run("docker ps -aq | xargs -r docker rm -fv; docker volume ls -q | xargs -r docker volume rm", timeout=120)
    engine.run("docker network prune -f")
    yield Scene(engine, OLD_GROUPS)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_foretold_is_what_happens(scene: Scene, versions: dict[str, str], row: Row, case: Case) -> None:
    """Every line, on each engine with the Compose 2 beside it."""
    check(scene, case, versions, row)


@pytest.mark.parametrize("case", OLD_CASES, ids=str)
def test_the_same_holds_for_compose_1(old_scene: Scene, versions: dict[str, str], row: Row, case: Case) -> None:
    """Compose 1.29, and Compose 2 on what 1.29 made."""
    check(old_scene, case, versions, row)


def test_what_is_in_memory_goes_with_the_last_container(engine: Box) -> None:
    """A tmpfs volume keeps its data while any container that uses it runs, and is empty after a stop of the last."""
    engine.run("docker volume create -o type=tmpfs -o device=tmpfs fleeting")
    for name in ("one", "two"):
        engine.run(f"docker run -d --init --name {name} -v fleeting:/data bb:1 sleep 1000000")
    held = "docker exec {} ls /data"
    engine.run("docker exec one touch /data/rows && docker stop one")
    assert engine.run(held.format("two")).stdout.split() == ["rows"]
    engine.run("docker restart two")
    assert engine.run(held.format("two")).stdout.split() == []
    engine.run("docker rm -f one two && docker volume rm fleeting")
