"""What the Docker Engine holds, read with one list call for each kind of thing, and as commands then change it.

Everything here is pure but for `read` and `inspected`.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from runaway_watchdog.effects import Docker, HostState
from runaway_watchdog.effects.docker.volumes import anonymous
from runaway_watchdog.engines import docker as engine
from runaway_watchdog.engines.model import IMAGE_ID, RUNNING, Container, Volume
from runaway_watchdog.world import Unanswered, World

if TYPE_CHECKING:
    from runaway_watchdog.engines.kept import Image, Network

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


def _read(world: World) -> Docker:
    role = engine.info(world).swarm
    return Docker(
        api=engine.api(world),
        containers=engine.containers(world),
        volumes=engine.volumes(world),
        images=engine.images(world),
        networks=engine.networks(world),
        services=engine.services(world) if role == "manager" else (),
        swarm=role,
    )


def inspected(docker: Docker, ids: Collection[str], world: World) -> Docker:
    """The same with `auto_remove` and `unnamed` of these containers known. Raises Unanswered."""
    return docker._replace(
        containers=tuple(_inspect(each, docker, world) if each.id in ids else each for each in docker.containers),
    )


def _inspect(container: Container, docker: Docker, world: World) -> Container:
    if container.unnamed is not None:
        return container
    found = engine.container(world, container.id)
    if found is None:
        return container
    own = frozenset(container.volumes) - found.given
    if found.volumes_from:  # it has the other container's named volumes too, and they stay
        looks_unnamed = {each.name for each in docker.volumes if anonymous(each)}
        own &= looks_unnamed
    return container._replace(auto_remove=found.auto_remove, unnamed=own)


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


def network(docker: Docker, reference: str) -> "Network | None":
    exact = [each for each in docker.networks if reference in (each.id, each.name)]
    return (
        exact[0] if exact else _only([each for each in docker.networks if reference and each.id.startswith(reference)])
    )


def full_tag(reference: str) -> str:
    """ "bb" is "bb:latest"; a registry's port is no tag, and its default name is not shown."""
    bare = reference.removeprefix("docker.io/").removeprefix("library/")
    return bare if "@" in bare or ":" in bare.rpartition("/")[2] else f"{bare}:latest"


def image(docker: Docker, reference: str) -> "Image | None":
    """By a tag, a digest, or an ID or the only one that begins so."""
    tagged = [each for each in docker.images if full_tag(reference) in each.tags or reference in each.digests]
    if tagged:
        return tagged[0]
    digits = reference.removeprefix(IMAGE_ID)
    return _only([each for each in docker.images if digits and each.id.removeprefix(IMAGE_ID).startswith(digits)])


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


def without_networks(docker: Docker, ids: Collection[str]) -> Docker:
    return docker._replace(networks=tuple(each for each in docker.networks if each.id not in ids))


def without_images(docker: Docker, ids: Collection[str]) -> Docker:
    return docker._replace(images=tuple(each for each in docker.images if each.id not in ids))


def unreferenced(docker: Docker) -> tuple[Volume, ...]:
    """Volumes that no container refers to."""
    used = {name for each in docker.containers for name in each.volumes}
    return tuple(each for each in docker.volumes if each.name not in used)


def connected(docker: Docker, network: "Network") -> bool:
    """Whether a container that runs is on a network; a stopped one does not keep it from removal."""
    return any(network.name in each.networks and each.state in RUNNING for each in docker.containers)


def names(found: Iterable[Container]) -> str:
    """ "a, b and 3 more"."""
    listed = sorted(each.name for each in found)
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")


def renamed(docker: Docker, container_id: str, name: str) -> Docker:
    changed = (each._replace(name=name) if each.id == container_id else each for each in docker.containers)
    return docker._replace(containers=tuple(changed))


def without_services(docker: Docker, names: Collection[str]) -> Docker:
    left = tuple(each for each in docker.services if each.name not in names)
    return docker._replace(services=left)


def left_swarm(docker: Docker) -> Docker:
    return docker._replace(services=(), swarm="")


def with_network(docker: Docker, container_id: str, name: str, *, joined: bool) -> Docker:
    def changed(each: Container) -> Container:
        left = tuple(one for one in each.networks if one != name)
        return each._replace(networks=(*left, name) if joined else left)

    return docker._replace(
        containers=tuple(changed(each) if each.id == container_id else each for each in docker.containers)
    )
