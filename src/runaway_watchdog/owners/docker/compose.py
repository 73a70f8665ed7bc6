"""What a container's Compose labels and its project's files tell: which project, and whether `down` would take it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from runaway_watchdog.engines.model import Container
from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.world import Unanswered, World

PREFIX = "com.docker.compose"
PROJECT = f"{PREFIX}.project"
SERVICE = f"{PREFIX}.service"
ONE_OFF = f"{PREFIX}.oneoff"
WORKING_DIR = f"{PREFIX}.project.working_dir"
CONFIG_FILES = f"{PREFIX}.project.config_files"

_KEY = re.compile(r"(?P<indent>[ ]*)(?P<quote>[\"']?)(?P<name>[A-Za-z0-9._-]+)(?P=quote)\s*:(?:\s|$)")


class Membership(NamedTuple):
    """The project of a container, and whether that still has it."""

    project: str
    service: str
    config_files: tuple[str, ...]
    missing_files: tuple[str, ...]
    working_dir: str  # "" where its labels do not tell it
    replicas: int  # other running containers of the same service
    one_off: bool  # of `compose run`
    in_files: bool | None  # whether a file has its service; None where that could not be found out
    namesakes: tuple[str, ...]  # folders of other projects with the same name
    down: tuple[str, ...]  # why `docker compose down` leaves it running, or ends it from elsewhere

    def shown(self) -> Mapping[str, Any]:
        """Tuples as lists."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in zip(self._fields, self, strict=True)
        }


def read(labels: Mapping[str, str], others: Sequence[Container], world: World) -> Membership:
    """Of a container with a project's label; `others` are the engine's other containers, as listed."""
    project, service, folder = labels[PROJECT], labels.get(SERVICE, ""), labels.get(WORKING_DIR, "")
    files = config_files(labels)
    texts = [_text(path, world) for path in files]
    one_off = labels.get(ONE_OFF, "").lower() == "true"
    in_files = None if not texts or None in texts else _is_in(labels, files, [text or "" for text in texts], world)
    namesakes = _namesakes(project, folder, others)
    return Membership(
        project,
        service,
        tuple(files),
        tuple(path for path, text in zip(files, texts, strict=True) if text is None),
        folder,
        0 if one_off else _replicas(labels, others),
        one_off,
        in_files,
        namesakes,
        tuple(_down(service, project, namesakes, one_off=one_off, in_files=in_files)),
    )


def config_files(labels: Mapping[str, str]) -> list[str]:
    """The label joins paths with commas, which a path may hold too; Compose v1 wrote them as they were typed."""
    folder = labels.get(WORKING_DIR, "")
    text = labels.get(CONFIG_FILES, "")
    parts = re.split(r",(?=/)", text) if text.startswith("/") else text.split(",")
    return [part if part.startswith("/") else f"{folder}/{part}" for part in parts if part]


def _down(service: str, project: str, namesakes: Sequence[str], *, one_off: bool, in_files: bool | None) -> list[str]:
    """Why `docker compose down` leaves it running, or where else it would be ended. Seen with Compose 2.26 and 2.40."""
    told = []
    if one_off:
        told.append(f"`docker compose down` skips it: it is a one-off of `compose run {service}`")
    elif in_files is False:
        told.append(f"`docker compose down` skips it: no file of the project has a service {service} any more")
    if namesakes:
        where = " and ".join(namesakes)
        told.append(f"another project in {where} has the same name {project}: its `up` and `down` see this one too")
    return told


def _namesakes(project: str, folder: str, others: Sequence[Container]) -> tuple[str, ...]:
    """Other folders whose project has the same name: by default a project is named after its folder."""
    found = {each.labels.get(WORKING_DIR, "") for each in others if each.labels.get(PROJECT) == project}
    return tuple(sorted(found - {folder, ""}))


def _replicas(labels: Mapping[str, str], others: Sequence[Container]) -> int:
    """How many other running containers do the same service; one-offs do it besides."""
    wanted = {name: labels.get(name) for name in (PROJECT, SERVICE)}
    return sum(
        each.state == "running"
        and all(each.labels.get(name) == value for name, value in wanted.items())
        and each.labels.get(ONE_OFF, "").lower() != "true"
        for each in others
    )


def _text(path: str, world: World) -> str | None:
    try:
        return world.files.read(path)
    except OSError:
        return None


def _is_in(labels: Mapping[str, str], files: Sequence[str], texts: Sequence[str], world: World) -> bool | None:
    """Whether the project's files still have the service. What the text does not show, Compose itself is asked:
    `include`, `extends` and anchors bring services in from elsewhere."""
    service = labels.get(SERVICE, "")
    if any(service in services(text) for text in texts):
        return True
    from runaway_watchdog.engines import compose  # seldom needed

    words = [word for path in files for word in ("--file", path)]
    words += ["--project-name", labels[PROJECT], "--profile", "*", "config"]
    old = labels.get(f"{PREFIX}.version", "").startswith("1.")
    try:
        found = compose.files(
            world,
            "docker-compose" if old else "docker compose",
            [word for word in words if word not in ("--profile", "*")] if old else [*words, "--format", "json"],
            labels.get(WORKING_DIR) or "/",
        )
    except Unanswered:
        return None
    return None if found.error is not None else service in found.services


def services(text: str) -> frozenset[str]:
    """The names right below `services:` in a Compose file that is written in the ordinary, indented way.

    A name that is found is there; one that is not is asked of Compose itself. To load PyYAML for it would cost every
    explanation of a Compose service 40 ms and 2.5 MiB, and Compose would still have to be asked about `include`.
    """
    return frozenset(_services(text))


def _services(text: str) -> Iterator[str]:
    inside, level = False, 0
    for line in lines_of(text):
        found = _KEY.match(line)
        if not found or line.lstrip().startswith("#"):
            continue
        indent = len(found["indent"])
        if indent == 0:
            inside, level = found["name"] == "services", 0
        elif inside and level in (0, indent):
            level = indent
            yield found["name"]
