"""What a plan saves before its first stop: dumped as printed, deleted, loaded, and all keys are there again."""

import json
from typing import Any

import pytest
from e2e.rig.box import Box, MakeBox
from e2e.rig.workloads import REDIS_IMAGE

pytestmark = pytest.mark.truth

KEYS = {"a": "1", "b": "a word\nand another"}
IN_CONTAINER = ["docker", "exec", "cache", "redis-cli"]
ON_HOST = ["redis-cli"]


@pytest.fixture(scope="module")
def host(make_box: MakeBox) -> Box:
    box = make_box(extras=("databases",))
    box.run("systemctl start redis-server")
    box.run(REDIS_IMAGE)
    for cli in (ON_HOST, IN_CONTAINER):
        answers(box, cli)
    return box


def answers(box: Box, cli: list[str]) -> None:
    """Wait until it does: while it loads a dump, it refuses."""
    box.wait_for("Redis", lambda: box.run([*cli, "PING"], check=False).stdout == "PONG\n")


def dump_of(box: Box, selection: str) -> dict[str, Any]:
    """The plan's only step that saves; it stands before all that stop anything."""
    told = json.loads(box.run(f"runaway-watchdog plan {selection} --json", check=False).stdout)
    steps = told["plan"]["steps"]
    (dump,) = (step for step in steps if step["phase"] == "save")
    stops = [step for step in steps if step["phase"] == "hold" and step["risk"] == "interrupts"]
    assert stops
    assert steps.index(dump) < steps.index(stops[0])
    return dict(dump)


def emptied_after(box: Box, cli: list[str], dump: dict[str, Any]) -> str:
    """Write the keys, dump them as the step says, see that its check is true, delete them; the dump's path."""
    for key, value in KEYS.items():
        box.run([*cli, "SET", key, value])
    box.run(dump["command"])
    assert box.run(dump["verify"].partition("`")[2].partition("`")[0]).stdout == "saved\n"
    box.run([*cli, "FLUSHALL"])
    assert keys(box, cli) == dict.fromkeys(KEYS, "")
    path = str(dump["command"].rpartition("> ")[2])
    assert box.run(["stat", "-c", "%a", path]).stdout == "600\n"
    return path


def keys(box: Box, cli: list[str]) -> dict[str, str]:
    return {key: box.run([*cli, "GET", key]).stdout.removesuffix("\n") for key in KEYS}


def test_a_dump_of_redis_in_a_container_brings_its_keys_back(host: Box) -> None:
    """Loaded by a start with the dump as its file."""
    path = emptied_after(host, IN_CONTAINER, dump_of(host, "--container cache"))
    host.run("docker stop cache")
    host.run(["docker", "cp", path, "cache:/data/dump.rdb"])
    host.run("docker start cache")
    answers(host, IN_CONTAINER)
    assert keys(host, IN_CONTAINER) == KEYS


def test_a_dump_of_redis_on_the_host_brings_its_keys_back(host: Box) -> None:
    """Of Debian's own unit, by root."""
    path = emptied_after(host, ON_HOST, dump_of(host, "--unit redis-server"))
    host.run("systemctl stop redis-server")
    host.run(["install", "-o", "redis", "-g", "redis", "-m", "660", path, "/var/lib/redis/dump.rdb"])
    host.run("systemctl start redis-server")
    answers(host, ON_HOST)
    assert keys(host, ON_HOST) == KEYS
