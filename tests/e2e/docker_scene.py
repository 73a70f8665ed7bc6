"""A box full of Docker: several projects, plain containers and things that nobody uses, and how it is made anew.

After each case only what that case changed is made anew, so that a matrix of hundreds of lines stays affordable.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2e.rig.box import Box

RUNNING = ("running", "paused", "restarting")
WRITTEN = {"loose": 6, "acme_pgdata": 5, "acme_jobdata": 5, "globex-prod_data": 5}
"""Bytes that the volumes hold: their services write "rows" before they sleep."""
KEPT = {"bound", "ramdata"}
"""Volumes of which only the name goes: the data is in a folder of the host, or was in memory and went with the stop."""
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
docker rm -fv solo idle temp frozen memory
docker volume rm -f solodata idledata tempdata ramdata
docker run -d --init --name solo -v solodata:/data -v /anon bb:1 sleep 1000000
docker run --name idle --label keep=no -v idledata:/data -v /anon bb:1 true
docker run -d --rm --init --name temp -v tempdata:/data -v /anon bb:1 sleep 1000000
docker run -d --init --name frozen --label keep=yes bb:1 sleep 1000000; docker pause frozen
docker volume create -o type=tmpfs -o device=tmpfs ramdata
docker run -d --init --name memory -v ramdata:/data bb:1 sh -c 'echo rows > /data/rows; exec sleep 1000000'
""",
}
OLD_GROUPS = {
    "loose": GROUPS["loose"],
    "initech": WIPE.format(project="initech", volumes="initech_data initech_spare")
    + "cd /srv/initech && docker-compose up -d",
}
LOOK, INSIDE = "/opt/rig/docker_look.py", "/opt/rig/effects_inside.py"


@dataclass
class Seen:
    """What the engine holds at one moment."""

    containers: dict[str, tuple[str, ...]] = field(default_factory=dict)  # name -> id, status, started at, volumes
    volumes: set[str] = field(default_factory=set)
    networks: set[str] = field(default_factory=set)
    images: set[str] = field(default_factory=set)


def look(box: Box) -> Seen:
    """What is there now; `prepare` comes first."""
    found = json.loads(box.run(["python3", LOOK]).stdout)
    containers = {name: tuple(values) for name, values in found["containers"].items()}
    return Seen(containers, *(set(found[kind]) for kind in ("volumes", "networks", "images")))


def prepare(box: Box) -> None:
    """Put the programs that look and that foretell into the box."""
    for program, name in ((LOOK, "docker_look.py"), (INSIDE, "effects_inside.py")):
        box.write(program, (Path(__file__).parent / name).read_text())


STATES = {
    "loose": {},
    "acme": dict.fromkeys(("acme-web-1", "acme-db-1", "acme-job-1", "acme-old-1", "acme-once"), "running"),
    "globex": dict.fromkeys(("globex-prod-api-1", "globex-prod-tool-1"), "exited"),
    "plain": {"solo": "running", "idle": "exited", "temp": "running", "frozen": "paused", "memory": "running"},
    "initech": dict.fromkeys(("initech_db_1", "initech_web_1"), "running"),
}
"""What a scene must hold before a line is run: one that came up incomplete would prove too little."""
FREE = {"loose", "bound"}
"""Volumes that nobody uses."""
PREFIXES = {
    "acme": ("acme", "common"),
    "globex": ("globex-prod", "common", "tool:1"),
    "initech": ("initech",),
    "plain": ("solo", "idle", "temp", "frozen", "memory", "ramdata"),
}
"""Which group a thing belongs to, by its name; whatever else there is belongs to "loose"."""


class Scene:
    """The box, what it should hold, and how what a case changed is made anew."""

    def __init__(self, box: Box, groups: Mapping[str, str]) -> None:
        self.box, self.groups = box, groups
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
        states = {name: each[1] for name, each in self.base.containers.items()}
        wanted = {name: status for group in self.groups for name, status in STATES[group].items()}
        assert states == wanted and self.base.volumes >= FREE, self.box.run("tail -n 20 /tmp/made-*").stdout

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


@dataclass
class Happened:
    """What really became of what was there before."""

    removed: set[tuple[str, str]]
    stopped: set[str]
    restarted: set[str]


def happened(before: Seen, after: Seen) -> Happened:
    """The difference between two looks, for what was there at the first."""
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
