"""A sample of what preflight foretells, really done; the whole of it is in the truth runs beside this file."""

import json
from collections.abc import Iterator

import pytest
from e2e.rig import docker
from e2e.rig.box import Box

SLEEP = ["sh", "-c", "echo rows > /data/rows; exec sleep 1000000"]
SERVICES = {"db": {"image": docker.IMAGE, "command": SLEEP, "volumes": ["pgdata:/data", "/cache"]}}
PROJECT = json.dumps({"services": SERVICES, "volumes": {"pgdata": {}}})


@pytest.fixture
def shop(box: Box) -> Iterator[Box]:
    """A project with a named and an anonymous volume, fresh for each line."""
    docker.compose_up(box, "/srv/shop", PROJECT)
    yield box
    box.run("cd /srv/shop && docker compose down -v", timeout=60)


def judged(box: Box, line: str) -> tuple[int, dict[str, object], set[str]]:
    """Exit code, document, and the names of the volumes that would be lost."""
    done = box.run(["runaway-watchdog", "preflight", line, "--json"], check=False)
    document = json.loads(done.stdout)
    lost = {each["name"] for each in document["effects"] if each["data_lost"] and each["type"] == "volume"}
    return done.returncode, document, lost


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("docker compose -p shop ps", 0),
        ("docker compose -p shop stop", 10),
        ("docker compose -p shop down", 10),
        ("docker compose -p shop down -v", 20),
        ("docker rm -fv shop-db-1", 20),
        ("docker compose -p shop stop && docker system prune -f && docker volume prune -f", 20),
        ("docker rm -f $(docker ps -aq)", 10),
        ("systemctl restart cron", 10),
        ("frobnicate --all", 30),
    ],
)
def test_what_would_be_lost_is_lost(shop: Box, line: str, code: int) -> None:
    """The line is judged, then run: exactly the predicted volumes are gone, and nothing ran before."""
    before = set(docker.volumes(shop))
    found, document, lost = judged(shop, line)
    assert found == code, document
    assert set(docker.volumes(shop)) == before
    shop.run(line, check=False, timeout=90)
    assert before - set(docker.volumes(shop)) == lost
