"""A sample of what preflight foretells, really done; the whole of it is in the truth runs beside this file."""

import json
import time
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


MEASURED = """
import json, resource, subprocess, sys, time
began = time.monotonic()
done = subprocess.run(["runaway-watchdog", "preflight", sys.argv[1], "--json"], stdout=subprocess.PIPE, check=False)
used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps([done.returncode, json.loads(done.stdout), time.monotonic() - began, used // 1024]))
"""
QUICK_S = 4.0
"""Compose is not asked at all, or answers."""
MOST_MIB = 2100
"""As much as any program that is asked may take of its own."""
FILE = "compose.yaml"
ONE = f"echo 'services: {{db: {{image: bb:1}}}}' > {FILE}"


@pytest.mark.parametrize(
    ("make", "said", "within_s"),
    [
        (f"mkfifo {FILE}", "compose.yaml is a pipe", QUICK_S),
        (f"ln -s /dev/zero {FILE}", "compose.yaml is a device", QUICK_S),
        (f"ln -s /proc/interrupts {FILE}", "compose.yaml is a file of the kernel", QUICK_S),
        (f"truncate -s 3G {FILE}", "compose.yaml is larger", QUICK_S),
        (f"{ONE}; mkfifo compose.override.yaml", "compose.override.yaml is a pipe", QUICK_S),
        (f"{ONE}; mkfifo .env", ".env is a pipe", QUICK_S),
        ("mkfifo other.yaml; echo COMPOSE_FILE=other.yaml > .env", "other.yaml is a pipe", QUICK_S),
        # what only Compose knows: its own time and memory are bounded
        (f"mkfifo inner; echo 'include: [inner]' > {FILE}", "did not answer", 30.0),
        (f"echo 'services: {{db: {{image: bb:1, env_file: /dev/zero}}}}' > {FILE}", "docker compose", 30.0),
    ],
)
def test_a_projects_file_that_never_ends_is_not_read(box: Box, make: str, said: str, within_s: float) -> None:
    """Whoever owns the folder decides what root's question to Compose would read: it is answered in time, with why."""
    box.run(f"rm -rf /srv/trap; mkdir /srv/trap; cd /srv/trap; {make}")
    done = box.run(["python3", "-c", MEASURED, "cd /srv/trap && docker compose down -v"], timeout=120)
    code, document, seconds, mebibytes = json.loads(done.stdout)
    assert code == 30, document
    assert said in json.dumps(document["unknown"])
    assert seconds < within_s
    assert mebibytes < MOST_MIB


def test_an_ordinary_place_without_variables_is_no_trap(box: Box) -> None:
    """`--env-file /dev/null`, and a folder that is called as the file of variables."""
    box.run(f"rm -rf /srv/trap; mkdir -p /srv/trap/.env; cd /srv/trap; {ONE}")
    for options in ("--env-file /dev/null", ""):
        code, _, _ = judged(box, f"cd /srv/trap && docker compose {options} down -v")
        assert code in (0, 10)


@pytest.mark.parametrize("swapped", ["mkfifo docker-compose.yml", "ln -s /dev/zero docker-compose.yml"])
def test_a_project_whose_file_was_exchanged_is_explained_all_the_same(shop: Box, swapped: str) -> None:
    """Its container's label names the path; what is there now is not opened, and not taken for the project's."""
    shop.run(f"cd /srv/shop && mv docker-compose.yml kept && {swapped}")
    try:
        began = time.monotonic()
        pid = docker.info(shop, "shop-db-1").pid
        found = json.loads(shop.run(["runaway-watchdog", "explain", str(pid), "--json"], timeout=60).stdout)
        assert time.monotonic() - began < 15
    finally:
        shop.run("cd /srv/shop && mv -f kept docker-compose.yml")
    (compose,) = [each["facts"] for each in found["owners"] if each["kind"] == "compose-service"]
    assert compose["missing_files"] == ["/srv/shop/docker-compose.yml"]
    assert compose["in_files"] is None
