"""How Compose reads its files, as it says itself (`docker compose config`)."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from runaway_watchdog.engines.fields import UNREADABLE, Json, items, text
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.world import Unanswered, World


class Service(NamedTuple):
    """A service as far as commands care."""

    name: str
    image: str = ""  # "" where it is built and given no name
    depends_on: frozenset[str] = frozenset()
    volumes: frozenset[str] = frozenset()  # in a project by their names in the engine, else as the file has them
    container_name: str = ""
    built: bool = False  # its files say how


class Declared(NamedTuple):
    """A volume or a network."""

    name: str  # in the engine; "" where its project gives it one
    external: bool  # it is there without the project, and stays


class Files(NamedTuple):
    """What the files say; or `error`, why Compose refuses them."""

    name: str  # of the project; "" from Compose 1, which does not tell it
    services: Mapping[str, Service]
    volumes: Mapping[str, Declared]
    networks: Mapping[str, Declared]
    error: str | None = None


def files(
    world: World, program: str, arguments: Sequence[str], folder: str, environment: Sequence[tuple[str, str]] = ()
) -> Files:
    """See `world.Clients.compose_config`. Raises Unanswered, also where nobody could read what it answers."""
    answer = world.clients.compose_config(program, arguments, folder, environment)
    try:
        return _files(answer)
    except UNREADABLE as fault:
        raise Unanswered(Gap(program, "its answer cannot be read", f"check it: {program} config")) from fault


def _files(answer: Json) -> Files:
    if "error" in answer:
        return Files("", {}, {}, {}, str(answer["error"]))
    return Files(
        text(answer, "name"),
        {str(name): _service(str(name), each) for name, each in answer["services"].items()},
        {str(name): _declared(each) for name, each in answer["volumes"].items()},
        {str(name): _declared(each) for name, each in answer["networks"].items()},
    )


def _declared(found: Json | None) -> Declared:
    known = found or {}
    return Declared(text(known, "name"), bool(known.get("external")))


def _service(name: str, found: Json) -> Service:
    """`volumes` are mappings in Compose 2's answer and text in Compose 1's; `depends_on` is a mapping in both."""
    return Service(
        name,
        text(found, "image"),
        frozenset(map(str, found.get("depends_on") or ())),
        frozenset(map(_source, items(found, "volumes"))),
        text(found, "container_name"),
        bool(found.get("build")),
    )


def _source(volume: Any) -> str:
    return text(volume, "source") if isinstance(volume, dict) else str(volume).partition(":")[0]
