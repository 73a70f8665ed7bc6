"""What Podman tells, from its own JSON, which differs from the Docker Engine's in names, letters and types.

Seen on Podman 4.3. Everything raises Unanswered, as in `docker`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from runaway_watchdog.engines import docker
from runaway_watchdog.engines.fields import UNREADABLE, Json, labels, number, part, required, seconds, text, texts
from runaway_watchdog.engines.model import IMAGE_ID, Container, Inspected, Volume
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.world import Engine, Podman, Unanswered, World

if TYPE_CHECKING:
    from runaway_watchdog.engines.kept import Image, Network, Pod

STATES: Mapping[str, str] = {"configured": "created", "stopped": "exited", "initialized": "created"}
"""Podman's words for what Docker's families call otherwise."""
Parsed = TypeVar("Parsed")


def containers(world: World) -> tuple[Container, ...]:
    """Every container, the stopped ones too, with what an inspection of each adds."""
    listed, volumes = world.podman.containers(), world.podman.volumes()
    found = [(each, world.podman.container(identifier)) for each, identifier in _parsed(_with_ids, listed)]
    return _parsed(lambda both: _containers(both, volumes), found)


def container(world: World, reference: str) -> Inspected | None:
    found = world.podman.container(reference)
    return None if found is None else _parsed(_inspected, found)


def volumes(world: World) -> tuple[Volume, ...]:
    return _parsed(_each(docker.volume), world.podman.volumes())


def images(world: World) -> "tuple[Image, ...]":
    """Those without a name too."""
    return _parsed(_each(_image), world.podman.images())


def networks(world: World) -> "tuple[Network, ...]":
    return _parsed(_each(_network), world.podman.networks())


def pods(world: World) -> "tuple[Pod, ...]":
    containers = world.podman.containers()
    return _parsed(lambda listed: tuple(_pod(each, containers) for each in listed), world.podman.pods())


def _each(parse: Callable[[Json], Parsed]) -> Callable[[Any], tuple[Parsed, ...]]:
    return lambda listed: tuple(map(parse, listed))


def _parsed(parse: Callable[[Any], Parsed], answer: Any) -> Parsed:
    try:
        return parse(answer)
    except UNREADABLE as fault:
        problem = f"its answer cannot be read ({type(fault).__name__})"
        raise Unanswered(Gap("podman", problem, "check it: podman version")) from fault


def _id(listed: Json) -> str:
    return required(listed, "Id")


def _with_ids(listed: Sequence[Json]) -> list[tuple[Json, str]]:
    return [(each, _id(each)) for each in listed]


def _containers(both: Sequence[tuple[Json, Json | None]], volumes: Sequence[Json]) -> tuple[Container, ...]:
    unnamed = frozenset(required(each, "Name") for each in volumes if each.get("Anonymous"))
    return tuple(_container(listed, found, unnamed) for listed, found in both)


def _container(listed: Json, found: Json | None, unnamed: frozenset[str]) -> Container:
    if found is None:
        raise LookupError(_id(listed))  # it went away between the two questions
    known = _inspected(found)
    volumes = tuple(each.name for each in known.mounts if each.type == "volume")
    status = required(listed, "State").lower()
    return Container(
        id=_id(listed),
        name=(texts(listed, "Names") or (_id(listed)[:12],))[0],
        image=text(listed, "Image"),
        image_id=_image_id(text(listed, "ImageID")),
        state=STATES.get(status, status),
        labels=labels(listed),
        volumes=volumes,
        binds=tuple(each.source for each in known.mounts if each.type == "bind"),
        networks=known.networks,
        auto_remove=bool(listed.get("AutoRemove")),
        unnamed=unnamed & frozenset(volumes),
        created=seconds(listed, "Created"),
    )


def _inspected(found: Json) -> Inspected:
    """Without what may hold secrets, which is not asked for."""
    return docker.inspected({"HostConfig": {}, "Config": {}, **found}, stop_signal="15")._replace(
        image=text(found, "ImageName"),
        pod=text(found, "Pod"),
        conmon_pid=number(part(found, "State"), "ConmonPid"),
    )


def _image_id(known: str) -> str:
    return known if not known or known.startswith(IMAGE_ID) else IMAGE_ID + known


def _image(listed: Json) -> "Image":
    from runaway_watchdog.engines.kept import Image

    names = texts(listed, "Names") or texts(listed, "RepoTags")
    return Image(_image_id(_id(listed)), names, (), labels(listed), seconds(listed, "Created"))


def _network(listed: Json) -> "Network":
    """Keys are in small letters since 4.0."""
    from runaway_watchdog.engines.kept import Network

    name = text(listed, "name") or required(listed, "Name")
    return Network(text(listed, "id") or text(listed, "Id") or name, name, labels(listed, "labels"))


def _pod(listed: Json, containers: Sequence[Json]) -> "Pod":
    from runaway_watchdog.engines.kept import Pod

    own = _id(listed)
    members = (each for each in containers if each.get("Pod") and own.startswith(text(each, "Pod")))
    return Pod(own, required(listed, "Name"), frozenset(map(_id, members)), text(listed, "InfraId"))


class _AsDocker:
    """See `world.Engine`: the one question that a command inside a container asks of it, put to Podman."""

    def __init__(self, podman: Podman) -> None:
        self._podman = podman

    def container(self, reference: str) -> Mapping[str, Any] | None:
        found = self._podman.container(reference)
        return None if found is None else {"HostConfig": {}, "Config": {}, **found}

    def __getattr__(self, question: str) -> Any:
        def unanswered(*_: Any) -> Any:
            problem = "what a container wrote outside of its volumes is not asked of it"
            raise Unanswered(Gap("podman", problem, "see it with: podman diff CONTAINER"))

        return unanswered


def as_docker(world: World) -> World:
    """The world with Podman in Docker's place."""
    return world._replace(engine=cast(Engine, _AsDocker(world.podman)))
