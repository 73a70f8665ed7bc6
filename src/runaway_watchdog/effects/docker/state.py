"""What the Docker Engine holds, read with one list call for each kind of thing, and as commands then change it.

Everything here is pure but for `read` and `inspected`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from runaway_watchdog.effects import Container, Docker, HostState, Volume
from runaway_watchdog.effects.docker.volumes import anonymous
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.world import Unanswered, World

RUNNING = ("running", "paused", "restarting")
"""States in which a container refuses to be removed without force."""
IMAGE_ID = "sha256:"
PREDEFINED = ("bridge", "host", "none")
SWARM_SERVICE = "com.docker.swarm.service.name"
Thing = TypeVar("Thing")


def current(host: HostState, world: World) -> Docker:
    """The engine as the commands so far would have left it; asked when the first command speaks of it."""
    untouched = host.docker.gap is None and host.docker.api == (0, 0)
    return read(world) if untouched else host.docker


def read(world: World) -> Docker:
    """Never raises: what could not be asked, or answers nonsense, is the state's `gap`."""
    try:
        return _read(world)
    except Unanswered as unanswered:
        return Docker(gap=unanswered.gap)
    except (AttributeError, LookupError, TypeError, ValueError) as fault:
        problem = f"the Docker Engine's answer cannot be read ({type(fault).__name__})"
        return Docker(gap=Gap("docker", problem, "check it: docker version"))


def _read(world: World) -> Docker:
    engine = world.engine
    major, minor = str(engine.version()["ApiVersion"]).split(".")[:2]
    swarm = engine.info().get("Swarm") or {}
    role = "" if swarm.get("LocalNodeState") != "active" else "manager" if swarm.get("ControlAvailable") else "worker"
    return Docker(
        api=(int(major), int(minor)),
        containers=containers(engine.containers()),
        volumes=volumes(engine.volumes()),
        images=tuple(engine.images()),
        networks=tuple(engine.networks()),
        services=tuple(engine.services()) if role == "manager" else (),
        swarm=role,
    )


def containers(listed: Sequence[Mapping[str, Any]]) -> tuple[Container, ...]:
    """From `GET /containers/json?all=1`."""
    return tuple(_container(each) for each in listed)


def _container(listed: Mapping[str, Any]) -> Container:
    mounts = listed.get("Mounts") or []
    networks = (listed.get("NetworkSettings") or {}).get("Networks") or {}
    names = listed.get("Names") or [listed["Id"][:12]]
    return Container(
        id=str(listed["Id"]),
        name=str(min(names, key=lambda name: name.count("/"))).lstrip("/"),  # links show as /other/alias
        image=str(listed.get("Image", "")),
        image_id=str(listed.get("ImageID", "")),
        state=str(listed.get("State", "")),
        labels={str(key): str(value) for key, value in (listed.get("Labels") or {}).items()},
        volumes=tuple(str(each["Name"]) for each in mounts if each.get("Type") == "volume" and each.get("Name")),
        binds=tuple(str(each["Source"]) for each in mounts if each.get("Type") == "bind"),
        networks=tuple(map(str, networks)),
        created=float(listed.get("Created") or 0),
    )


def volumes(listed: Sequence[Mapping[str, Any]]) -> tuple[Volume, ...]:
    """From `GET /volumes`."""
    return tuple(
        Volume(
            str(each["Name"]),
            str(each.get("Driver", "")),
            str(each.get("Mountpoint", "")),
            dict(each.get("Labels") or {}),
            dict(each.get("Options") or {}),
        )
        for each in listed
    )


def inspected(docker: Docker, ids: Collection[str], world: World) -> Docker:
    """The same with `auto_remove` and `unnamed` of these containers known. Raises Unanswered."""
    return docker._replace(
        containers=tuple(_inspect(each, docker, world) if each.id in ids else each for each in docker.containers),
    )


def _inspect(container: Container, docker: Docker, world: World) -> Container:
    if container.unnamed is not None:
        return container
    found = world.engine.container(container.id)
    if found is None:
        return container
    host = found.get("HostConfig") or {}
    named = {str(bind).partition(":")[0] for bind in host.get("Binds") or []}
    named |= {str(mount.get("Source", "")) for mount in host.get("Mounts") or []}
    own = frozenset(container.volumes) - named
    if host.get("VolumesFrom"):  # it has the other container's named volumes too, and they stay
        looks_unnamed = {each.name for each in docker.volumes if anonymous(each)}
        own &= looks_unnamed
    return container._replace(auto_remove=bool(host.get("AutoRemove")), unnamed=own)


# --- what a word of a command means ------------------------------------------------------------------------------


def container(docker: Docker, reference: str) -> Container | None:
    """As the engine resolves it: a full ID, then a name, then the only ID that begins so."""
    by_id = next((each for each in docker.containers if each.id == reference), None)
    name = reference.removeprefix("/")
    return (
        by_id
        or next((each for each in docker.containers if each.name == name), None)
        or _only([each for each in docker.containers if reference and each.id.startswith(reference)])
    )


def _only(found: Sequence[Thing]) -> Thing | None:
    return found[0] if len(found) == 1 else None


def network(docker: Docker, reference: str) -> Mapping[str, Any] | None:
    networks = docker.networks
    exact = [each for each in networks if reference in (each["Id"], each["Name"])]
    return (
        exact[0] if exact else _only([each for each in networks if reference and str(each["Id"]).startswith(reference)])
    )


def tags(image: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(tag) for tag in image.get("RepoTags") or [] if tag != "<none>:<none>")


def digests(image: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(image.get("RepoDigests") or ())


def full_tag(reference: str) -> str:
    """ "bb" is "bb:latest"; a registry's port is no tag, and its default name is not shown."""
    bare = reference.removeprefix("docker.io/").removeprefix("library/")
    return bare if "@" in bare or ":" in bare.rpartition("/")[2] else f"{bare}:latest"


def image(docker: Docker, reference: str) -> Mapping[str, Any] | None:
    """By a tag, a digest, or an ID or the only one that begins so."""
    tagged = [each for each in docker.images if full_tag(reference) in tags(each) or reference in digests(each)]
    if tagged:
        return tagged[0]
    digits = reference.removeprefix(IMAGE_ID)
    return _only(
        [each for each in docker.images if digits and str(each["Id"]).removeprefix(IMAGE_ID).startswith(digits)]
    )


def label(thing: Mapping[str, Any], name: str) -> str | None:
    """A label of an image or network as the API lists them."""
    value = (thing.get("Labels") or {}).get(name)
    return None if value is None else str(value)


# --- what commands make of it --------------------------------------------------------------------------------------


def with_state(docker: Docker, ids: Collection[str], state: str) -> Docker:
    def changed(each: Container) -> Container:
        return each._replace(state=state, stopped=each.stopped or state == "exited")

    return docker._replace(containers=tuple(changed(each) if each.id in ids else each for each in docker.containers))


def without_containers(docker: Docker, ids: Collection[str]) -> Docker:
    gone = tuple(each for each in docker.containers if each.id in ids)
    left = tuple(each for each in docker.containers if each.id not in ids)
    return docker._replace(containers=left, removed=(*docker.removed, *gone))


def without_volumes(docker: Docker, names: Collection[str]) -> Docker:
    gone = tuple(each for each in docker.volumes if each.name in names)
    left = tuple(each for each in docker.volumes if each.name not in names)
    return docker._replace(volumes=left, deleted=(*docker.deleted, *gone))


def without_networks(docker: Docker, ids: Collection[object]) -> Docker:
    return docker._replace(networks=tuple(each for each in docker.networks if each["Id"] not in ids))


def without_images(docker: Docker, ids: Collection[object]) -> Docker:
    return docker._replace(images=tuple(each for each in docker.images if each["Id"] not in ids))


def unreferenced(docker: Docker) -> tuple[Volume, ...]:
    """Volumes that no container refers to."""
    used = {name for each in docker.containers for name in each.volumes}
    return tuple(each for each in docker.volumes if each.name not in used)


def connected(docker: Docker, network: Mapping[str, Any]) -> bool:
    """Whether a container that runs is on a network; a stopped one does not keep it from removal."""
    return any(network["Name"] in each.networks and each.state in RUNNING for each in docker.containers)


def names(found: Iterable[Container]) -> str:
    """ "a, b and 3 more"."""
    listed = sorted(each.name for each in found)
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")


def renamed(docker: Docker, container_id: str, name: str) -> Docker:
    changed = (each._replace(name=name) if each.id == container_id else each for each in docker.containers)
    return docker._replace(containers=tuple(changed))


def without_services(docker: Docker, names: Collection[str]) -> Docker:
    left = tuple(each for each in docker.services if _service_name(each) not in names)
    return docker._replace(services=left)


def _service_name(service: Mapping[str, Any]) -> str:
    return str((service.get("Spec") or {}).get("Name", ""))


def left_swarm(docker: Docker) -> Docker:
    return docker._replace(services=(), swarm="")


def with_network(docker: Docker, container_id: str, name: str, *, joined: bool) -> Docker:
    def changed(each: Container) -> Container:
        left = tuple(one for one in each.networks if one != name)
        return each._replace(networks=(*left, name) if joined else left)

    return docker._replace(
        containers=tuple(changed(each) if each.id == container_id else each for each in docker.containers)
    )
