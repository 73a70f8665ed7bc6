"""Which project a Compose command means, and what belongs to it: told by Compose's own `config`, or by labels.

Compose 2 with a project's name and no file (`-p NAME`) never looks at files: it takes what carries the project's
labels. In every other case the files decide, and Compose is asked how it reads them. Read in docker/compose (2.26.1:
cmd/compose/compose.go, pkg/compose/compose.go) and confirmed on the rig.
"""

import os.path
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from runaway_watchdog.effects import Docker
from runaway_watchdog.effects.compose.plan import PROJECT
from runaway_watchdog.effects.docker.call import Call, variable
from runaway_watchdog.effects.docker.options import Options
from runaway_watchdog.engines.compose import Files, Service, files
from runaway_watchdog.engines.model import Container
from runaway_watchdog.hostile import clean
from runaway_watchdog.linux.text import lines as lines_of

SERVICE = "com.docker.compose.service"
ONE_OFF = "com.docker.compose.oneoff"
CONFIG_HASH = "com.docker.compose.config-hash"
DEPENDS_ON = "com.docker.compose.depends_on"
FILE_NAMES = ("docker-compose.yml", "docker-compose.yaml", "compose.yml", "compose.yaml")
NO_FILE = ("no configuration file provided", "Can't find a suitable configuration file")
REFUSALS = (*NO_FILE, "no such service")
"""Complaints that do not depend on who asks: the command itself gets the same, and does nothing."""


class Refused(Exception):  # noqa: N818 - a turn of the story, not a fault of ours
    """Compose refuses the command: nothing happens."""


class Unclear(Exception):  # noqa: N818
    """What it means could not be found out; the text says why."""


class Project(NamedTuple):
    """The services, volumes and networks that a command acts upon; external ones are left out."""

    name: str
    services: Mapping[str, Service]
    volumes: tuple[str, ...]  # names in the engine
    networks: tuple[str, ...]
    from_files: bool


class Compose(NamedTuple):
    """One Compose command: its subcommand's call, its program and its global options."""

    call: Call
    program: str  # "docker compose" or "docker-compose"
    given: Options

    @property
    def by_name_only(self) -> bool:
        return bool(self.given.values("project-name")) and not self.given.values("file") and not self.old

    @property
    def version(self) -> tuple[int, int, int]:
        return parse_version(self.call.world.clients.compose_version(self.program))

    @property
    def old(self) -> bool:
        """Compose 1, the Python program; `docker compose` is always newer. Raises Unanswered."""
        return self.program == "docker-compose" and self.version[0] < 2


def parse_version(text: str) -> tuple[int, int, int]:
    numbers = [int(part) for part in re.findall(r"\d+", text)[:3]]
    major, minor, patch = (*numbers, 0, 0, 0)[:3]
    return major, minor, patch


def find(compose: Compose, services: Sequence[str] = (), *, needs_files: bool = False) -> Project:
    """The project, reduced to `services` (with what they depend on) where the files decide.

    Raises Refused, Unclear and Unanswered.
    """
    if compose.by_name_only and not needs_files:
        return by_labels(compose.call.docker, compose.given.value("project-name").lower())
    asked = () if compose.old else services
    answer = _config(compose, asked)
    if answer.error is not None:
        return _without_files(compose, answer.error, needs_files=needs_files)
    if compose.old:
        project = _model(answer, _old_name(compose), default_network=True)
        if missing := [each for each in services if each not in project.services]:
            raise Refused(missing[0])
        return project
    return _model(answer, answer.name, default_network=False)


def every_service(compose: Compose) -> frozenset[str]:
    """All services of the files, those of profiles that are switched off included: whatever else runs is an orphan."""
    if compose.by_name_only or compose.old:
        return frozenset(find(compose).services)
    answer = _config(compose, (), every_profile=True)
    if answer.error is not None:
        return frozenset(_without_files(compose, answer.error, needs_files=False).services)
    return frozenset(answer.services)


def _without_files(compose: Compose, complaint: str, *, needs_files: bool) -> Project:
    """Compose 2 falls back to the variable's project, whatever is wrong with the files."""
    name = variable(compose.call.command, compose.call.world, "COMPOSE_PROJECT_NAME")
    if name and not needs_files and not compose.old:
        return by_labels(compose.call.docker, name.lower())
    if any(each in complaint for each in REFUSALS):
        raise Refused(complaint)
    last = lines_of(complaint)[-1] if complaint else "no reason given"
    raise Unclear(f"Compose cannot read its files here: {clean(last, 200)}")


def _config(compose: Compose, services: Sequence[str], *, every_profile: bool = False) -> Files:
    folder, environment = _place(compose)
    arguments = [*_globals(compose.given, every_profile=every_profile), "config"]
    arguments += [] if compose.old else ["--format", "json", *services]
    return files(compose.call.world, compose.program, arguments, folder, environment)


def hashes(compose: Compose) -> Mapping[str, str]:
    """Service -> the hash of its definition as its files have it now. Raises Unclear and Unanswered."""
    folder, environment = _place(compose)
    arguments = _globals(compose.given, every_profile=False)
    return compose.call.world.clients.compose_hashes(compose.program, arguments, folder, environment)


def _place(compose: Compose) -> tuple[str, list[tuple[str, str]]]:
    """The folder that Compose reads its files in, and the variables that the line gives it. Raises Unclear."""
    command = compose.call.command
    if unset := [name for name, value in command.environment if value is None]:
        raise Unclear(f"the value of {unset[0]} is only known when the line runs")
    if compose.given.unread:
        raise Unclear(compose.given.unread[0])
    if "-" in compose.given.values("file"):
        raise Unclear("its file comes over standard input")
    folder = command.folder
    if folder is None:
        if not compose.given.values("file") or not all(each.startswith("/") for each in compose.given.values("file")):
            raise Unclear("which folder it runs in, and so which project it means, is not known")
        folder = "/"
    return folder, [(name, value) for name, value in command.environment if value is not None]


def _globals(given: Options, *, every_profile: bool) -> list[str]:
    """The options that decide what the files mean, as they were given."""
    names = ["file", "project-name", "env-file", "project-directory", "workdir"]
    words = [word for name in names for value in given.values(name) for word in (f"--{name}", value)]
    profiles = ("*",) if every_profile else given.values("profile")
    return words + [word for each in profiles for word in ("--profile", each)]


def _model(answer: Files, name: str, *, default_network: bool) -> Project:
    volumes = {key: each.name or f"{name}_{key}" for key, each in answer.volumes.items()}
    networks = {key: each.name or f"{name}_{key}" for key, each in answer.networks.items() if not each.external}
    if default_network and "default" not in answer.networks:  # Compose 1 does not list it
        networks["default"] = f"{name}_default"
    return Project(
        name,
        {key: _in_the_engine(each, volumes) for key, each in answer.services.items()},
        tuple(volumes[key] for key, each in answer.volumes.items() if not each.external),
        tuple(networks.values()),
        from_files=True,
    )


def _in_the_engine(service: Service, volumes: Mapping[str, str]) -> Service:
    """The service with its volumes by their names in the engine; folders are none."""
    return service._replace(volumes=frozenset(volumes[each] for each in service.volumes if each in volumes))


def _old_name(compose: Compose) -> str:
    """Compose 1 does not tell the project's name: -p, COMPOSE_PROJECT_NAME, `.env`, or the name of the folder."""
    call = compose.call
    given = compose.given.value("project-name") or variable(call.command, call.world, "COMPOSE_PROJECT_NAME")
    here = call.command.folder or "/"
    files = compose.given.values("file") or _named_files(call)
    folder = compose.given.value("project-directory") or (os.path.dirname(files[0]) if files else "")
    base = os.path.normpath(os.path.join(here, folder))
    name = given or _dot_env(call, base) or os.path.basename(base if files or folder else _upwards(call, base))
    return re.sub(r"[^-_a-z0-9]", "", name.lower()) or "default"


def _named_files(call: Call) -> tuple[str, ...]:
    return tuple(filter(None, (variable(call.command, call.world, "COMPOSE_FILE") or "").split(":")))


def _dot_env(call: Call, folder: str) -> str:
    try:
        lines = lines_of(call.world.files.read(f"{folder}/.env"))
    except OSError:
        return ""
    found = [
        line.partition("=")[2].strip() for line in lines if line.partition("=")[0].strip() == "COMPOSE_PROJECT_NAME"
    ]
    return found[-1].strip("'\"") if found else ""


def _upwards(call: Call, folder: str) -> str:
    """The nearest folder, from here to the root, with a file that Compose looks for."""
    at = folder
    while not any(call.world.files.exists(f"{at.rstrip('/')}/{name}") for name in FILE_NAMES):
        if at == "/":
            return folder
        at = os.path.dirname(at)
    return at


# --- by labels -------------------------------------------------------------------------------------------------------


def by_labels(docker: Docker, name: str) -> Project:
    """The project as its containers, volumes and networks show it."""
    services: dict[str, Service] = {}
    for each in containers(docker, name):
        key = each.labels.get(SERVICE, "")
        depends = (part.partition(":")[0] for part in each.labels.get(DEPENDS_ON, "").split(",") if part)
        services.setdefault(key, Service(key, each.image, frozenset(depends), frozenset(each.volumes)))
    return Project(
        name,
        services,
        tuple(each.name for each in docker.volumes if each.labels.get(PROJECT) == name),
        tuple(each.name for each in docker.networks if each.labels.get(PROJECT) == name),
        from_files=False,
    )


def containers(docker: Docker, project: str, *, one_off: bool = False) -> tuple[Container, ...]:
    """A project's containers; those of `compose run` only when they are asked for."""
    return tuple(
        each
        for each in docker.containers
        if each.labels.get(PROJECT) == project
        and CONFIG_HASH in each.labels
        and (one_off or each.labels.get(ONE_OFF, "False").lower() != "true")
    )


def of_services(found: Iterable[Container], services: Iterable[str]) -> list[Container]:
    wanted = frozenset(services)
    return [each for each in found if each.labels.get(SERVICE) in wanted]


def dependents(project: Project, services: Iterable[str]) -> frozenset[str]:
    """These services and all that depend on them."""
    wanted = frozenset(services)
    while True:
        more = {name for name, each in project.services.items() if each.depends_on & wanted} - wanted
        if not more:
            return wanted
        wanted |= more
