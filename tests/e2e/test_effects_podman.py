"""Podman's commands: what preflight foretells, held against what Podman then does, each from a fresh state.

The scene: a container that runs, one that has ended, one that was only created, one that is removed when it ends, one
in a pod; each with a volume of its own, some with one that has no name; a volume and a network that nobody uses.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest
from e2e.rig import host_lines as lines
from e2e.rig.box import Box, MakeBox
from truth.preflight_rows import NOT_TOLD, Row, told

pytestmark = pytest.mark.truth  # some seconds for each line

IMAGE = """
set -e
d=$(mktemp -d)
mkdir -p $d/bin $d/data
cp /bin/busybox $d/bin/
for applet in sh sleep rm; do ln -s busybox $d/bin/$applet; done
tar -C $d -c . | podman import --change 'ENV PATH=/bin' - bb:1
rm -rf $d
"""
SCENE = """
podman pod rm -fa; podman rm -fa -v; podman volume rm -fa; podman network prune -f
podman image exists bb:1 || { IMAGE }
set -e
podman volume create spare; podman network create idle
podman run -d --stop-timeout 0 --name=runs -v data:/data -v /unnamed bb:1 sleep 100000
podman run -d --stop-timeout 0 --name=always --restart=always bb:1 sleep 100000
podman run -d --stop-timeout 0 --rm --name=passing -v passingdata:/data -v /unnamed bb:1 sleep 100000
podman run --name=ended -v endeddata:/data -v /unnamed bb:1 sh -c 'echo x > /data/x'
podman create --name=created -v createddata:/data bb:1 sh
podman pod create --infra=false --share= --name=pod
podman run -d --stop-timeout 0 --pod=pod --name=inpod -v poddata:/data -v /unnamed bb:1 sleep 100000
podman pod create --infra=false --share= --name=idlepod
podman create --pod=idlepod --name=inidle -v /unnamed bb:1 sh
for volume in spare data passingdata createddata poddata; do
    echo "$volume" > "$(podman volume inspect -f '{{.Mountpoint}}' "$volume")/rows"
done
"""
STORAGE = '[storage]\ndriver = "overlay"\nrunroot = "/run/containers/storage"\ngraphroot = "/run/graph"\n'
"""As users have it: of a box's own disk, an overlay itself, Podman makes whole copies (vfs)."""
UNNAMED = 40
"""A name of this length and more is one that Podman made."""


@pytest.fixture(scope="module")
def box(make_box: MakeBox) -> Box:
    made = make_box(docker_up=False, extras=("podman",))
    made.write("/etc/containers/storage.conf", STORAGE)
    made.run(IMAGE)
    return made


class Held(NamedTuple):
    """All that Podman has: a container's state, and everything else by name."""

    containers: Mapping[str, str]
    volumes: frozenset[str]
    images: frozenset[str]
    networks: frozenset[str]


def held(box: Box) -> Held:
    """Asked for in Podman's own words, beside the product's reading of its JSON."""
    listed = box.run(["podman", "ps", "-a", "--format", "{{.Names}} {{.State}}"]).stdout.splitlines()
    return Held(
        {name: state.split()[0].lower() for name, _, state in (line.partition(" ") for line in listed)},
        frozenset(box.run(["podman", "volume", "ls", "-q"]).stdout.split()),
        frozenset(box.run(["podman", "images", "-q", "--no-trunc"]).stdout.split()),
        frozenset(box.run(["podman", "network", "ls", "-q"]).stdout.split()),
    )


def changed(before: Held, after: Held) -> dict[str, set[str]]:
    """What the line did to what was there before it."""
    gone = set(before.containers) - set(after.containers)
    left = set(before.containers) & set(after.containers)
    return {
        "stops": {name for name in left if before.containers[name] == "up" != after.containers[name]},
        "removes": gone,
        "deletes": {f"volume {short(name)}" for name in before.volumes - after.volumes},
        "removes_images": {"bb:1"} if before.images - after.images else set(),
        "removes_networks": set(before.networks - after.networks),
    }


def foretold(document: dict[str, Any]) -> dict[str, set[str]]:
    """The same of the preflight's document."""
    removed = lines.names(document, "container", "remove")
    return {
        "stops": lines.names(document, "container", "stop", "kill") - removed,
        "removes": removed,
        "deletes": {f"volume {short(name)}" for name in lines.names(document, "volume", "delete")},
        "removes_images": {"bb:1"} if lines.names(document, "image", "remove") else set(),
        "removes_networks": lines.names(document, "network", "remove"),
    }


def short(name: str) -> str:
    """Volumes without a name of their own differ from run to run."""
    return f"unnamed {name[:6]}" if len(name) > UNNAMED else name


LINES = [
    "podman rm runs",
    "podman rm ended created",
    "podman rm -f runs",
    "podman rm -f -v runs",
    "podman rm -v ended",
    "podman rm -a",
    "podman rm -fa",
    "podman rm -f passing",
    "podman rm -f $(podman ps -aq)",
    "podman stop passing runs",
    "podman stop -a",
    "podman kill always",
    "podman kill -s WINCH always",
    "podman restart runs",
    "podman pause runs; podman rm runs",
    "podman stop runs && podman rm -v runs && podman volume rm data",
    "podman volume rm spare data",
    "podman volume rm -f endeddata",
    "podman volume rm -f data",
    "podman volume rm -a",
    "podman volume prune -f",
    "podman volume prune -f --filter label=none",
    "podman container prune -f",
    "podman container prune -f && podman volume prune -f",
    "podman system prune -f",
    "podman system prune -f --volumes",
    "podman system prune -a -f",
    "podman pod rm pod",
    "podman pod rm -f pod",
    "podman pod rm idlepod",
    "podman pod stop pod; podman pod prune -f",
    "podman pod prune -f",
    "podman rmi bb:1",
    "podman rmi -f bb:1",
    "podman image prune -a -f",
    "podman network rm idle",
    "podman network rm -f podman",
    "podman network prune -f",
    "podman ps -a",
    "podman system reset -f",
]


RACES = {"podman rm -fa", "podman rm -f passing", "podman rm -f $(podman ps -aq)", "podman rmi -f bb:1"}


@pytest.mark.parametrize("line", LINES)
def test_podman_does_what_was_foretold(box: Box, row: Row, line: str) -> None:
    """Containers, volumes, images and networks: what is said to go goes, and nothing else does."""
    box.run(SCENE.replace("IMAGE", IMAGE), timeout=120)
    document = lines.preflight(box, line)
    before = held(box)
    box.run(["bash", "-c", line], check=False, timeout=60)
    really = changed(before, held(box))
    version = box.run("podman --version").stdout.split()[-1]
    expected = foretold(document)
    row(line, {"podman": version}, NOT_TOLD if document["unknown"] else told(**expected), told(**really))
    if line in RACES:  # whose clean-up comes first, ours or its own, is decided by chance
        assert [each for each in document["unknown"] if "its unnamed volumes" not in each] == []
        assert document["unknown"] and expected["deletes"] <= really["deletes"]
        return
    assert document["unknown"] == []
    assert expected == really
    lost = {f"volume {short(each['name'])}" for each in document["effects"] if each["data_lost"]}
    assert lost == really["deletes"]


def test_what_a_line_deletes_inside_a_container_is_told(box: Box) -> None:
    """By its place on the host."""
    box.run(SCENE.replace("IMAGE", IMAGE), timeout=120)
    rows = box.run("podman volume inspect -f '{{.Mountpoint}}' data").stdout.strip() + "/rows"
    line = "podman exec runs sh -c 'rm -rf /data/*'"
    document = lines.preflight(box, line)
    assert (document["verdict"], set(lines.lost(document))) == ("destroys-data", {rows})
    box.run(["sh", "-c", line])
    assert not box.exists(rows)


def test_another_users_podman_is_not_guessed(box: Box) -> None:
    """Root's line for another user, another place, and podman-compose are said to be unknown."""
    for line in (
        "sudo -u nobody podman system reset -f",
        "podman --root /srv/other volume prune -f",
        "CONTAINER_HOST=ssh://elsewhere podman volume prune -f",
        "podman-compose down -v",
    ):
        assert lines.preflight(box, line)["verdict"] == "unknown", line


def test_asking_changes_nothing(box: Box) -> None:
    """On a host where Podman was never used, not even its folders are made."""
    box.run("podman system reset -f; rm -rf /var/lib/containers /run/containers", check=False)
    assert lines.preflight(box, "podman volume prune -f")["verdict"] == "safe"
    assert not box.exists("/var/lib/containers")


def test_what_is_lost_is_told_with_its_users(box: Box) -> None:
    """The volume's size, and the containers that use it."""
    box.run(SCENE.replace("IMAGE", IMAGE), timeout=120)
    document = lines.preflight(box, "podman volume rm -f data")
    (volume,) = (each for each in document["effects"] if each["type"] == "volume")
    assert (volume["used_by"], volume["size_bytes"]) == (["runs"], len("data\n"))
    assert json.dumps(document).count("runs") > 1


def test_the_copy_that_is_proposed_holds_the_data(box: Box) -> None:
    """Taken from where Podman keeps the volume, once the container that writes to it has stopped."""
    box.run(SCENE.replace("IMAGE", IMAGE), timeout=120)
    (proposal,) = lines.preflight(box, "podman volume rm -f data")["safer"]
    box.run(f"mkdir -p /var/backups && {proposal['command']}")
    assert box.run("tar -xOf /var/backups/data.tar ./rows").stdout == "data\n"
    assert held(box).containers["runs"] == "exited"
