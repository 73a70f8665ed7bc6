"""What the Docker programs would print, told from the state: `docker rm $(docker ps -aq)` without running either.

Only the forms that people put into other commands: quiet lists, with the filters that decide which names come out.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from runaway_watchdog.effects import Docker, HostState
from runaway_watchdog.effects.compose import command as compose
from runaway_watchdog.effects.docker import options, state
from runaway_watchdog.effects.docker.call import elsewhere
from runaway_watchdog.effects.docker.grammar import GLOBAL, subcommand
from runaway_watchdog.effects.docker.options import Options
from runaway_watchdog.engines.kept import Network
from runaway_watchdog.engines.model import IMAGE_ID, RUNNING, Container
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.container import SHORT_ID
from runaway_watchdog.world import Unanswered, World

Words = tuple[str, ...]
MIN_COLUMN, COLUMN_GAP = 10, 3
"""Of the tables that the docker command prints (docker/cli, cli/command/formatter)."""
_ONE_LABEL = re.compile(r"\{\{\s*\.Label\s+[\"`]([\w.-]+)[\"`]\s*\}\}")


def answer(command: Command, host: HostState, world: World) -> Words | None:
    """The words that the command would print, in its order; None where that is not known. Never raises."""
    try:
        return _answer(command, host, world)
    except Unanswered:
        return None


def _answer(command: Command, host: HostState, world: World) -> Words | None:
    if command.remote:
        return None
    if command.program == "docker-compose":
        return _compose("docker-compose", command.words[1:], command, host, world)
    if command.program != "docker":
        return None
    given = options.read(command.words[1:], GLOBAL, stops=True)
    if given.refused or not given.rest or elsewhere(given, command, world) is not None:
        return None
    if given.rest[0].text == "compose":
        return _compose("docker compose", given.rest[1:], command, host, world)
    found = subcommand(given.rest)
    return None if found is None else _told(*found, host, world)


def _told(name: str, words: Sequence[Word], host: HostState, world: World) -> Words | None:
    if name in ("inspect", "container inspect"):
        return _inspected(words, state.current(host, world))
    listing = LISTINGS.get(name)
    if listing is None:
        return None
    asked = options.read(words, listing.options)
    now = state.current(host, world)
    if asked.refused or asked.unread or asked.operands or asked.has("help") or now.gap is not None:
        return None
    return listing.printed(asked, now)


def _containers(asked: Options, now: Docker) -> Words | None:
    """Newest first, as `docker ps` lists them."""
    found = [each for each in now.containers if asked.has("all") or _all_states(asked) or each.state in RUNNING]
    for key, value in _filters(asked):
        passes = CONTAINER_FILTERS.get(key)
        if passes is None:
            return None
        found = [each for each in found if passes(each, value)]
    found.sort(key=lambda each: -each.created)
    if asked.has("latest") or asked.values("last"):
        return None
    if asked.has("quiet") and not asked.values("format"):
        return tuple(each.id if asked.has("no-trunc") else each.id[:SHORT_ID] for each in found)
    if label := _ONE_LABEL.fullmatch(asked.value("format")):
        return tuple(each.labels.get(label[1], "") for each in found)
    return _formatted(asked, [{"Names": each.name, "ID": each.id[:SHORT_ID], "Image": each.image} for each in found])


def _all_states(asked: Options) -> bool:
    """A filter for a state that is not running asks for stopped containers too."""
    return any(key in ("status", "exited") for key, _ in _filters(asked))


def _name_matches(container: Container, value: str) -> bool:
    """The engine takes the value as a regular expression, over the name with and without its slash."""
    plain = value.strip("^$").removeprefix("/")
    if not plain.replace("-", "").replace("_", "").replace(".", "").isalnum():
        return False
    name = container.name
    starts, ends = value.startswith("^"), value.endswith("$")
    if starts and ends:
        return name == plain
    if starts:
        return name.startswith(plain)
    return name.endswith(plain) if ends else plain in name


def _labelled(container: Container, value: str) -> bool:
    name, equals, wanted = value.partition("=")
    return name in container.labels and (not equals or container.labels[name] == wanted)


CONTAINER_FILTERS: Mapping[str, Callable[[Container, str], bool]] = {
    "status": lambda each, value: each.state == value,
    "label": _labelled,
    "name": _name_matches,
    "id": lambda each, value: each.id.startswith(value),
    "volume": lambda each, value: value in each.volumes or value in each.binds,
    "network": lambda each, value: value in each.networks,
}


def _volumes(asked: Options, now: Docker) -> Words | None:
    """In the order of their names."""
    found = list(now.volumes)
    free = {each.name for each in state.unreferenced(now)}
    for key, value in _filters(asked):
        if key == "dangling":
            wanted = value in ("1", "true")
            found = [each for each in found if (each.name in free) == wanted]
        elif key == "name":
            found = [each for each in found if value in each.name]
        elif key == "driver":
            found = [each for each in found if each.driver == value]
        elif key == "label":
            name, equals, wanted_value = value.partition("=")
            found = [
                each for each in found if name in each.labels and (not equals or each.labels[name] == wanted_value)
            ]
        else:
            return None
    names = sorted(each.name for each in found)
    if asked.has("quiet"):
        return tuple(names)
    if asked.values("format"):
        return _formatted(asked, [{"Name": name} for name in names])
    width = max(MIN_COLUMN, *(len(each.driver) + COLUMN_GAP for each in found)) if found else MIN_COLUMN
    drivers = {each.name: each.driver for each in found}
    return (f"{'DRIVER':{width}}VOLUME NAME", *(f"{drivers[name]:{width}}{name}" for name in names))


def _images(asked: Options, now: Docker) -> Words | None:
    found = list(now.images)
    for key, value in _filters(asked):
        if key != "dangling":
            return None
        found = [each for each in found if bool(each.tags) != (value in ("1", "true"))]
    if not asked.has("quiet"):
        return None
    ids = [each.id for each in found for _ in each.tags or ("",)]
    return tuple(each if asked.has("no-trunc") else each.removeprefix(IMAGE_ID)[:SHORT_ID] for each in ids)


def _networks(asked: Options, now: Docker) -> Words | None:
    if not asked.has("quiet"):
        return None
    found: Sequence[Network] = now.networks
    for key, value in _filters(asked):
        if key == "name":
            found = [each for each in found if value in each.name]
        elif key == "driver":
            found = [each for each in found if each.driver == value]
        elif key == "type":
            found = [each for each in found if (each.name in state.PREDEFINED) == (value == "builtin")]
        else:
            return None
    ordered = sorted(found, key=lambda each: each.name)
    return tuple(each.id if asked.has("no-trunc") else each.id[:SHORT_ID] for each in ordered)


def _filters(asked: Options) -> list[tuple[str, str]]:
    pairs = (each.partition("=") for each in asked.values("filter"))
    return [(key, value) for key, _, value in pairs]


def _formatted(asked: Options, rows: Sequence[Mapping[str, str]]) -> Words | None:
    """`--format '{{.Names}}'`, one field alone; a table is nobody's operand."""
    wanted = asked.value("format").replace(" ", "")
    if not wanted.startswith("{{.") or not wanted.endswith("}}"):
        return None
    name = wanted[3:-2]
    return tuple(row[name] for row in rows) if all(name in row for row in rows) else None


class Listing(NamedTuple):
    printed: Callable[[Options, Docker], Words | None]
    options: str


LIST = "-f --filter F, --format S, --no-trunc, -q --quiet"
LISTINGS: Mapping[str, Listing] = {
    "container ls": Listing(_containers, f"-a --all, -n --last N, -l --latest, -s --size, {LIST}"),
    "volume ls": Listing(_volumes, LIST),
    "image ls": Listing(_images, f"--digests, {LIST}"),
    "network ls": Listing(_networks, LIST),
}


_LABEL = re.compile(r"index \.Config\.Labels [\"`]([\w.-]+)[\"`]")
_INSPECTED: Mapping[str, Callable[[Container], str]] = {
    ".Id": lambda each: each.id,
    ".ID": lambda each: each.id,
    ".Name": lambda each: f"/{each.name}",
    ".Config.Image": lambda each: each.image,
    ".Image": lambda each: each.image_id,
    ".State.Status": lambda each: each.state,
}


def _inspected(words: Sequence[Word], now: Docker) -> Words | None:
    """`docker inspect -f '{{.Id}}' C …`: one field, or one label, of each container."""
    asked = options.read(words, "-f --format S, -s --size, --type S")
    found = [state.container(now, each) for each in asked.operands]
    wanted = re.fullmatch(r"\{\{-?(.*?)-?\}\}", asked.value("format"), re.DOTALL)
    if asked.refused or asked.unread or wanted is None or now.gap is not None or None in found:
        return None
    field = wanted[1].strip()
    label = _LABEL.fullmatch(field)
    if label is not None:
        return tuple(each.labels.get(label[1], "") for each in found if each is not None)
    read = _INSPECTED.get(field)
    return None if read is None else tuple(read(each) for each in found if each is not None)


def _compose(program: str, words: Sequence[Word], command: Command, host: HostState, world: World) -> Words | None:
    projects = compose.projects_listed(words, host, world) if program == "docker compose" else None
    if projects is not None:
        return projects
    found = compose.listed(program, words, command, host, world)
    return None if found is None else tuple(each.id for each in found)
