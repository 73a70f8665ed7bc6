"""What Podman holds, in the types that Docker's families use, so that their decisions serve here too."""

from collections.abc import Collection

from runaway_watchdog.effects import Docker, HostState, Podman
from runaway_watchdog.effects.docker import state
from runaway_watchdog.engines import podman as engine
from runaway_watchdog.engines.kept import Image, Pod
from runaway_watchdog.world import Unanswered, World

UNIT_LABEL = "PODMAN_SYSTEMD_UNIT"
"""Says which unit runs the container (quadlet, `podman generate systemd --new`)."""
LOCAL = "localhost/"


def current(host: HostState, world: World) -> Podman:
    """Podman as the commands so far would have left it; asked when the first command speaks of it."""
    return read(world) if host.podman is None else host.podman


def read(world: World) -> Podman:
    """Never raises: what could not be asked, or answers nonsense, is the state's `gap`."""
    try:
        docker = Docker(
            podman=True,
            containers=engine.containers(world),
            volumes=engine.volumes(world),
            images=engine.images(world),
            networks=engine.networks(world),
        )
        return Podman(docker, engine.pods(world), rootless=world.podman.rootless())
    except Unanswered as unanswered:
        return Podman(Docker(gap=unanswered.gap))


# --- what a word of a command means ---------------------------------------------------------------------------------


def image(docker: Docker, reference: str) -> Image | None:
    """By ID or its start, or by name: "bb:1" is also "localhost/bb:1" and "docker.io/library/bb:1"."""
    tag = state.full_tag(reference)
    for wanted in (tag, LOCAL + tag, f"docker.io/library/{tag}", f"docker.io/{tag}"):
        found = next((each for each in docker.images if wanted in each.tags), None)
        if found is not None:
            return found
    return state.image(docker, reference)


def pod(podman: Podman, reference: str) -> Pod | None:
    exact = next((each for each in podman.pods if reference in (each.id, each.name)), None)
    short = [each for each in podman.pods if reference and each.id.startswith(reference)]
    return exact or (short[0] if len(short) == 1 else None)


def in_pods(podman: Podman) -> frozenset[str]:
    """The IDs of all containers that are in a pod."""
    return frozenset[str]().union(*(each.members for each in podman.pods))


def infra(podman: Podman) -> frozenset[str]:
    """The containers that only hold a pod's namespaces; they go with their pod and never alone."""
    return frozenset(each.infra for each in podman.pods if each.infra)


def without_pods(podman: Podman, ids: Collection[str]) -> Podman:
    return podman._replace(pods=tuple(each for each in podman.pods if each.id not in ids))
