"""What is foretold of a Docker command is what happens when it is really run: nothing missed, nothing invented.

One box holds several projects, plain containers and things that nobody uses; after each case only what it changed is
made anew. Engine 20.10, Compose 2.26 and 1.29.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from e2e.rig.box import Box, MakeBox

pytestmark = pytest.mark.truth  # 72 lines, really run: five minutes

PYTHON = "/opt/runaway-watchdog/bin/python"
INSIDE = "/opt/rig/effects_inside.py"
RUNNING = ("running", "paused", "restarting")
WRITTEN = {"loose": 6, "acme_pgdata": 5, "acme_jobdata": 5, "globex-prod_data": 5}
"""Bytes that the volumes hold; `init: true` and a shell that writes "rows" before it sleeps."""
SLEEP = ["sh", "-c", "echo rows > /data/rows; exec sleep 1000000"]


def service(*volumes: str, **more: Any) -> dict[str, Any]:
    return {"image": "bb:1", "init": True, "command": SLEEP, "volumes": list(volumes), **more}


ACME = {
    "services": {
        "web": service("/data", "./site:/site", "shared:/shared", depends_on=["db"]),
        "db": service("pgdata:/data"),
        "job": service("jobdata:/data", "/anon", "ext:/ext", profiles=["batch"]),
    },
    "volumes": {
        "pgdata": {},
        "jobdata": {},
        "unused": {},
        "shared": {"name": "common"},
        "ext": {"external": True, "name": "extvol"},
    },
}
OLD = {"services": {"old": service("olddata:/data", "/anon")}, "volumes": {"olddata": {}}}
GLOBEX = {
    "name": "globex-prod",
    "services": {
        "api": service("data:/data", "shared:/shared", networks=["inner"]),
        "tool": {"image": "${TOOL_IMAGE}", "init": True, "command": ["sleep", "1000000"], "networks": ["inner"]},
    },
    "volumes": {"data": {}, "shared": {"name": "common"}},
    "networks": {"inner": {}},
}
INITECH = {
    "version": "3.9",
    "services": {"db": service("data:/data", "/anon"), "web": service("/data", depends_on=["db"])},
    "volumes": {"data": {}, "spare": {}},
}
FILES = {
    "/srv/acme/compose.yaml": json.dumps(ACME),
    "/srv/acme/old.yaml": json.dumps(OLD),
    "/srv/acme/sub/deep/x": "",
    "/srv/globex/docker-compose.yml": json.dumps(GLOBEX),
    "/srv/globex/.env": "TOOL_IMAGE=spare:1\n",
    "/srv/initech/docker-compose.yml": json.dumps(INITECH),
    "/srv/elsewhere/x": "",
    "/srv/bound/x": "",
}
WIPE = """
ids=$(docker ps -aq --no-trunc --filter label=com.docker.compose.project={project})
test -z "$ids" || docker rm -fv $ids
docker volume rm -f {volumes}
"""
GROUPS = {
    "loose": """
docker image inspect bb:1 bb:alias || docker load -i /srv/bb.tar
for volume in $(docker volume ls -qf dangling=true); do docker volume rm $volume; done
docker volume create extvol; docker volume create loose
docker run --rm --network none -v loose:/l bb:1 sh -c 'echo loose > /l/x'
docker volume create -o type=none -o o=bind -o device=/srv/bound bound
docker volume create
docker network inspect lonely || docker network create lonely
docker image inspect bb:1 || docker tag bb:alias bb:1
docker tag bb:1 bb:alias
docker image inspect spare:1 || tar -c -C /srv/bound . | docker import - spare:1
docker image inspect spare:2 || tar -c -C /srv/acme . | docker import - spare:2
""",
    "acme": WIPE.format(project="acme", volumes="acme_pgdata acme_jobdata acme_olddata common")
    + """
cd /srv/acme
docker volume create extvol
docker compose -f compose.yaml -f old.yaml --profile batch up -d
docker compose run -d --name acme-once --no-deps web
""",
    "globex": WIPE.format(project="globex-prod", volumes="globex-prod_data common")
    + """
docker tag bb:1 tool:1
cd /srv/globex && TOOL_IMAGE=tool:1 docker compose up -d && docker compose stop
""",
    "plain": """
docker rm -fv solo idle temp frozen
docker volume rm -f solodata idledata tempdata
docker run -d --init --name solo -v solodata:/data -v /anon bb:1 sleep 1000000
docker run --name idle --label keep=no -v idledata:/data -v /anon bb:1 true
docker run -d --rm --init --name temp -v tempdata:/data -v /anon bb:1 sleep 1000000
docker run -d --init --name frozen --label keep=yes bb:1 sleep 1000000; docker pause frozen
""",
}
OLD_GROUPS = {
    "loose": GROUPS["loose"],
    "initech": WIPE.format(project="initech", volumes="initech_data initech_spare")
    + "cd /srv/initech && docker-compose up -d",
}
CONTAINER_LINE = (
    "C {{.Name}} {{.Id}} {{.State.Status}} {{.State.StartedAt}}"
    '{{range .Mounts}}{{if eq .Type "volume"}} {{.Name}}{{end}}{{end}}'
)
LOOK = f"""
docker ps -aq --no-trunc | xargs -r docker inspect --type container -f {shlex.quote(CONTAINER_LINE)}
docker volume ls -q | sed 's/^/V /'
docker network ls --format 'N {{{{.Name}}}}'
docker image ls -a --format 'I {{{{.Repository}}}}:{{{{.Tag}}}}'
"""


@dataclass
class Seen:
    """What the engine holds at one moment."""

    containers: dict[str, tuple[str, ...]] = field(default_factory=dict)  # name -> id, status, started at, volumes
    volumes: set[str] = field(default_factory=set)
    networks: set[str] = field(default_factory=set)
    images: set[str] = field(default_factory=set)


def look(box: Box) -> Seen:
    seen = Seen()
    for line in box.run(LOOK).stdout.splitlines():
        kind, name, *more = line.split()
        if kind == "C":
            seen.containers[name.lstrip("/")] = (*more[:3], *sorted(more[3:]))
        else:
            {"V": seen.volumes, "N": seen.networks, "I": seen.images}[kind].add(name)
    return seen


class Case(NamedTuple):
    """Commands, in a folder, that are foretold and then run."""

    line: str  # commands between "; "
    folder: str = "/srv/elsewhere"
    environment: Mapping[str, str] = {}
    unknown: bool = False

    def __str__(self) -> str:
        return f"{self.line} ({self.folder.rpartition('/')[2]}{', env' if self.environment else ''})"


ACME_FOLDER, GLOBEX_FOLDER = "/srv/acme", "/srv/globex"
CASES = [
    # docker rm, stop, kill …
    Case("docker rm solo"),
    Case("docker rm idle"),
    Case("docker rm -f solo idle"),
    Case("docker rm -fv solo idle temp frozen nosuch"),
    Case("docker container rm --force --volumes acme-web-1"),
    Case("docker stop -t 5 solo idle temp frozen"),
    Case("docker kill solo temp"),
    Case("docker kill -s HUP acme-db-1"),
    Case("docker kill -s WINCH acme-db-1"),
    Case("docker restart -t 1 solo temp"),
    Case("docker pause solo; docker rm solo"),
    Case("docker start globex-prod-api-1; docker update --restart=no globex-prod-api-1"),
    # images
    Case("docker rmi bb:alias"),
    Case("docker rmi bb:1 spare:1 spare:2 nosuch"),
    Case("docker rmi -f bb:alias bb:1"),
    Case("docker image rm tool:1"),
    Case("docker image prune -f"),
    Case("docker image prune -af"),
    # volumes
    Case("docker volume rm loose idledata acme_pgdata nosuch"),
    Case("docker volume rm -f solodata loose bound nosuch"),
    Case("docker volume prune -f"),
    Case("docker volume prune -af"),
    Case("docker volume prune -f --filter label=nosuch"),
    # networks and the rest
    Case("docker network rm lonely acme_default globex-prod_inner bridge"),
    Case("docker network prune -f"),
    Case("docker container prune -f"),
    Case("docker container prune -f --filter label=keep"),
    Case("docker container prune -f --filter until=24h"),
    Case("docker system prune -f"),
    Case("docker system prune -af"),
    Case("docker system prune -f --volumes"),
    Case("docker --log-level error system prune -af --volumes --filter label!=keep"),
    Case("docker builder prune -f"),
    # Compose 2
    Case("docker compose stop", ACME_FOLDER),
    Case("docker compose stop web", "/srv/acme/sub/deep"),
    Case("docker compose kill db job", ACME_FOLDER),
    Case("docker compose restart -t 1 db", ACME_FOLDER),
    Case("docker compose down", ACME_FOLDER),
    Case("docker compose down -v", ACME_FOLDER),
    Case("docker compose down -v --remove-orphans", ACME_FOLDER),
    Case("docker compose --profile batch down -v -t 1", ACME_FOLDER),
    Case("docker compose down -v web", ACME_FOLDER),
    Case("docker compose rm -sf db; docker compose down -v web", ACME_FOLDER),
    Case("docker compose down -v nosuch", ACME_FOLDER),
    Case("docker compose -p acme down -v nosuch"),
    Case("docker compose -p acme down -v db"),
    Case("docker compose -p acme down -v --rmi all"),
    Case("docker compose -p nosuch down -v"),
    Case("docker compose down -v"),
    Case("docker compose -p globex-prod down -v", ACME_FOLDER),
    Case("docker compose down -v", ACME_FOLDER, {"COMPOSE_PROJECT_NAME": "globex-prod"}),
    Case("docker compose down -v", "/srv/elsewhere", {"COMPOSE_PROJECT_NAME": "globex-prod"}),
    Case("docker compose down -v", "/srv/elsewhere", {"COMPOSE_FILE": "/srv/acme/compose.yaml:/srv/acme/old.yaml"}),
    Case("docker compose -f /srv/acme/compose.yaml -f /srv/acme/old.yaml rm -sfv"),
    Case("docker compose --project-directory /srv/globex down -v --rmi local"),
    Case("docker compose down --rmi all", GLOBEX_FOLDER),
    Case("docker compose down -v; docker compose -p acme down -v", GLOBEX_FOLDER),
    Case("docker compose up -d --force-recreate web", ACME_FOLDER),
    Case("docker compose up -d --force-recreate -V web", ACME_FOLDER),
    Case("docker compose up -d --force-recreate web; docker rm -fv acme-web-1", ACME_FOLDER),
    Case("docker compose up -d --remove-orphans", ACME_FOLDER),
    Case("docker compose down; docker compose up -d; docker volume prune -f", ACME_FOLDER),
    Case("docker compose stop; docker system prune -f; docker volume prune -f", ACME_FOLDER),
    Case("docker compose ps -aq; docker ps -aq; docker compose down -v --dry-run", ACME_FOLDER),
]
OLD_CASES = [
    Case("docker-compose stop", "/srv/initech"),
    Case("docker-compose down -v db", "/srv/initech"),
    Case("docker-compose down", "/srv/initech"),
    Case("docker-compose down -v", "/srv/initech"),
    Case("docker-compose rm -sfv db", "/srv/initech"),
    Case("docker-compose -p initech -f /srv/initech/docker-compose.yml down -v --rmi all"),
    Case("docker-compose -p initech down -v"),
    Case("docker compose down -v", "/srv/initech"),
]


class Host:
    """The box, what it should hold, and how what a case changed is made anew."""

    def __init__(self, box: Box, groups: Mapping[str, str]) -> None:
        self.box, self.groups = box, groups
        box.write(INSIDE, (Path(__file__).parent / "effects_inside.py").read_text())
        for path, text in FILES.items():
            box.write(path, text)
        box.run("docker save -o /srv/bb.tar bb:1")
        self.base = Seen()
        self._make(list(groups))

    def _make(self, names: Sequence[str]) -> None:
        """Make groups anew: first what nobody uses, then the others side by side."""
        ordered = [name for name in self.groups if name in names]
        for step in (ordered[:1], ordered[1:]) if ordered[:1] == ["loose"] else (ordered,):
            parts = [f"({self.groups[name]}) >/tmp/made-{name} 2>&1 &" for name in step]
            self.box.run("\n".join([*parts, "wait"]), timeout=120)
        self.base = look(self.box)

    def fresh(self) -> Seen:
        """As at the beginning, in all that cases can see."""
        now, dirty = look(self.box), set[str]()
        for name in {*self.base.containers, *now.containers}:
            if now.containers.get(name) != self.base.containers.get(name):
                dirty.add(self._group(name))
        for kind in ("volumes", "networks", "images"):
            dirty |= {self._group(each) for each in getattr(self.base, kind) ^ getattr(now, kind)}
        if dirty:
            extra = [name for name in now.containers if name not in self.base.containers]
            if extra:
                self.box.run(["docker", "rm", "-fv", *extra])
            self._make(["loose", *dirty])
        return self.base

    def _group(self, name: str) -> str:
        found = (group for group, prefixes in PREFIXES.items() if name.startswith(prefixes) and group in self.groups)
        return next(found, "loose")


PREFIXES = {
    "acme": ("acme", "common"),
    "globex": ("globex-prod", "common", "tool:1"),
    "initech": ("initech",),
    "plain": ("solo", "idle", "temp", "frozen"),
}


@dataclass
class Happened:
    """What really became of what was there before."""

    removed: set[tuple[str, str]]
    stopped: set[str]
    restarted: set[str]


def happened(before: Seen, after: Seen) -> Happened:
    removed = {("container", name) for name in before.containers if name not in after.containers}
    removed |= {("volume", name) for name in before.volumes - after.volumes}
    removed |= {("network", name) for name in before.networks - after.networks}
    removed |= {("image", name) for name in before.images - after.images}
    both = [name for name in before.containers if name in after.containers]
    return Happened(
        removed,
        {name for name in both if before.containers[name][1] != after.containers[name][1] in ("exited", "paused")},
        {
            name
            for name in both
            if before.containers[name][1] in RUNNING
            and after.containers[name][1] in RUNNING
            and before.containers[name][2] != after.containers[name][2]
        },
    )


def foretold(box: Box, case: Case) -> dict[str, Any]:
    commands = [
        {"argv": shlex.split(each), "folder": case.folder, "environment": dict(case.environment)}
        for each in case.line.split("; ")
    ]
    found: dict[str, Any] = json.loads(box.run([PYTHON, INSIDE], input=json.dumps(commands)).stdout)
    return found


def check(host: Host, case: Case) -> None:
    """Foretell, do it, and hold the one against the other."""
    before = host.fresh()
    told = foretold(host.box, case)
    assert look(host.box) == before, "foretelling changed something"
    # As a user types it: what is refused does not keep the next command from running.
    host.box.run(f"cd {case.folder}; {case.line}", check=False, env=case.environment, timeout=120)
    after = look(host.box)
    really = happened(before, after)
    effects = told["effects"]
    assert bool(told["unknown"]) == case.unknown, told["unknown"]

    gone = {(each["type"], each["name"]) for each in effects if each["verb"] in ("remove", "delete")}
    # What goes and is made again by the same line is another container under the same name.
    again = {name for kind, name in gone if kind == "container" and name in after.containers}
    assert all(before.containers[name][0] != after.containers[name][0] for name in again)
    really.removed.update(("container", name) for name in again)
    really.restarted -= again
    short = {name for kind, name in gone if kind == "image" and ":" not in name}  # a dangling image goes by its ID
    nameless = {("image", "<none>:<none>")}
    assert really.removed - nameless == {each for each in gone if each[1] not in short}
    stopped = {each["name"] for each in effects if each["verb"] in ("stop", "kill")}
    assert really.stopped == {name for name in stopped if ("container", name) not in gone}
    restarts = {each["name"] for each in effects if each["verb"] == "restart"}
    assert restarts - {name for _, name in gone} <= really.restarted
    may_restart = {each["name"] for each in effects if each["verb"] == "change"}
    assert really.restarted <= restarts | may_restart

    lost = {each["name"] for each in effects if each["data_lost"]}
    assert lost == {name for kind, name in really.removed if kind == "volume"} - {"bound"}
    for each in effects:
        if each["name"] in WRITTEN:
            assert each["size"]["bytes"] == WRITTEN[each["name"]]
            assert each["size"]["at_least"] is False and each["size"]["last_write"] is not None
    if told["read"]:
        check_state(told, before, after)


def check_state(told: Mapping[str, Any], before: Seen, after: Seen) -> None:
    """What the next command would be judged on is what is really there."""
    there = {name: each[1] in RUNNING for name, each in after.containers.items() if name in before.containers}
    thought = {name: status in RUNNING for name, status in told["containers"].items() if name in before.containers}
    assert thought == there
    assert set(told["volumes"]) == after.volumes & before.volumes
    assert set(told["networks"]) & before.networks == after.networks & before.networks
    assert set(told["images"]) - {"<none>:<none>"} == (after.images & before.images) - {"<none>:<none>"}


@pytest.fixture(scope="module")
def host(box: Box) -> Host:
    return Host(box, GROUPS)


@pytest.fixture(scope="module")
def old_host(make_box: MakeBox) -> Host:
    """One with a project that Compose 1 made."""
    return Host(make_box(), OLD_GROUPS)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_foretold_is_what_happens(host: Host, case: Case) -> None:
    """Engine 20.10, Compose 2.26."""
    check(host, case)


@pytest.mark.parametrize("case", OLD_CASES, ids=str)
def test_the_same_holds_for_compose_1(old_host: Host, case: Case) -> None:
    """Compose 1.29, and Compose 2.26 on what 1.29 made."""
    check(old_host, case)
