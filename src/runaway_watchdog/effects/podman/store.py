"""podman volume, image and network, and every prune: what Podman keeps, and what it deletes with it."""

from collections.abc import Sequence

from runaway_watchdog.effects import Docker, Outcome, Podman
from runaway_watchdog.effects.docker import state, volumes
from runaway_watchdog.effects.docker.containers import removal
from runaway_watchdog.effects.docker.filters import Filters
from runaway_watchdog.effects.docker.images import removed as removed_image
from runaway_watchdog.effects.docker.prune import removed_network
from runaway_watchdog.effects.podman import state as podman
from runaway_watchdog.effects.podman.call import Call, Change, filters_of, unsure_of, with_docker
from runaway_watchdog.effects.podman.commands import pruned_pods
from runaway_watchdog.engines.model import IMAGE_ID, RUNNING
from runaway_watchdog.model.effect import Effect, Size

DEFAULT_NETWORK = "podman"


def volume_remove(call: Call) -> Outcome:
    """Refused while a container refers to it; with -f those containers are removed first, their other volumes stay."""
    docker = call.now.docker
    named = call.options.operands
    doomed = {each.name for each in docker.volumes if call.options.has("all") or _named(each.name, docker, named)}
    users = [each for each in docker.containers if doomed & set(each.volumes)]
    gone: tuple[Effect, ...] = ()
    if call.options.has("force"):
        gone, docker = removal(call.world, docker, users, with_volumes=False, why="it uses a volume that is deleted")
    else:
        doomed -= {name for each in users for name in each.volumes}
    lost = volumes.deleted(call.world, docker, doomed, f"{call.name} deletes it")
    return call.outcome((*gone, *lost), with_docker(call.now, state.without_volumes(docker, doomed)))


def _named(name: str, docker: Docker, references: Sequence[str]) -> bool:
    """By its name, or the only one that begins so."""
    names = [each.name for each in docker.volumes]
    return any(
        name == each or (each not in names and [one for one in names if one.startswith(each)] == [name])
        for each in references
        if each
    )


def volume_prune(call: Call) -> Outcome:
    filters = filters_of(call)
    if unsure := unsure_of(filters):
        return call.not_known(unsure)
    effects, after = _volumes(call, call.now.docker, filters)
    return call.outcome(effects, with_docker(call.now, after))


def _volumes(call: Call, docker: Docker, filters: Filters) -> Change:
    """Every volume that no container refers to, those with a name too."""
    doomed = {each.name for each in state.unreferenced(docker) if filters.passes(each.labels)}
    lost = volumes.deleted(call.world, docker, doomed, "no container refers to it any more")
    return lost, state.without_volumes(docker, doomed)


# --- images and networks ----------------------------------------------------------------------------------------------


def image_remove(call: Call) -> Outcome:
    """Refused while a container is made of it; with -f those containers are removed first, running ones too."""
    docker = call.now.docker
    references = call.options.operands
    if call.options.has("all"):
        references = tuple(each.id for each in docker.images)
    effects: list[Effect] = []
    for reference in references:
        image = podman.image(docker, reference)
        if image is None:
            continue
        names = image.tags
        if len(names) > 1 and not image.id.removeprefix(IMAGE_ID).startswith(reference):
            return call.not_known(f"{reference} has several names; what goes with one of them is not known")
        users = [each for each in docker.containers if each.image_id == image.id]
        if users and not call.options.has("force"):
            continue
        gone, docker = removal(call.world, docker, users, with_volumes=False, why="it is made of an image that goes")
        effects += (*gone, *removed_image(image, f"{call.name} removes it"))
        docker = state.without_images(docker, {image.id})
    return call.outcome(effects, with_docker(call.now, docker))


def image_prune(call: Call) -> Outcome:
    filters = filters_of(call)
    if unsure := unsure_of(filters):
        return call.not_known(unsure)
    effects, after = _images(call.now.docker, filters, every=call.options.has("all"))
    return call.outcome(effects, with_docker(call.now, after))


def _images(docker: Docker, filters: Filters, *, every: bool) -> Change:
    """Those without a name, or with -a every one that no container is made of."""
    used = {each.image_id for each in docker.containers}
    doomed = [
        each
        for each in docker.images
        if each.id not in used and (every or not each.tags) and filters.passes(each.labels, each.created)
    ]
    effects = tuple(effect for each in doomed for effect in removed_image(each, "no container is made of it"))
    return effects, state.without_images(docker, {each.id for each in doomed})


def network_remove(call: Call) -> Outcome:
    """Refused while any container is on it; with -f those containers are removed first.

    Their unnamed volumes go with them. The default network is refused too, but only once they are gone (both seen on
    4.3).
    """
    docker = call.now.docker
    effects: list[Effect] = []
    for reference in call.options.operands:
        network = state.network(docker, reference)
        users = [each for each in docker.containers if network is not None and network.name in each.networks]
        if network is None or (users and not call.options.has("force")):
            continue
        why = f"it is on the network {network.name}"
        gone, docker = removal(call.world, docker, users, with_volumes=True, why=why)
        effects += gone
        if network.name != DEFAULT_NETWORK:
            effects.append(removed_network(docker, network))
            docker = state.without_networks(docker, {network.id})
    return call.outcome(effects, with_docker(call.now, docker))


def network_prune(call: Call) -> Outcome:
    filters = filters_of(call)
    if unsure := unsure_of(filters):
        return call.not_known(unsure)
    effects, after = _networks(call.now.docker, filters)
    return call.outcome(effects, with_docker(call.now, after))


def _networks(docker: Docker, filters: Filters) -> Change:
    """Those that no container is on, stopped ones count."""
    used = {name for each in docker.containers for name in each.networks}
    doomed = [
        each
        for each in docker.networks
        if each.name not in used and each.name != DEFAULT_NETWORK and filters.passes(each.labels)
    ]
    effects = tuple(removed_network(docker, each) for each in doomed)
    return effects, state.without_networks(docker, {each.id for each in doomed})


# --- prune and reset --------------------------------------------------------------------------------------------------


def container_prune(call: Call) -> Outcome:
    filters = filters_of(call)
    if unsure := unsure_of(filters):
        return call.not_known(unsure)
    effects, after = _containers(call, call.now, filters)
    return call.outcome(effects, with_docker(call.now, after))


def _containers(call: Call, now: Podman, filters: Filters) -> Change:
    """What does not run and is in no pod; volumes stay, unnamed ones too."""
    doomed = [
        each
        for each in now.docker.containers
        if each.state not in RUNNING
        and each.id not in podman.in_pods(now)
        and filters.passes(each.labels, each.created)
    ]
    return removal(call.world, now.docker, doomed, with_volumes=False, why="it does not run")


def system_prune(call: Call) -> Outcome:
    """Pods, containers, networks, images, and with --volumes volumes: again and again, until nothing more goes."""
    if call.options.has("external") or call.options.has("build"):
        return call.not_known("what is left of interrupted builds is not looked up")
    filters = filters_of(call)
    if unsure := unsure_of(filters):
        return call.not_known(unsure)
    found, now = pruned_pods(call, call.now)
    gone, docker = _containers(call, now, filters)
    networks, docker = _networks(docker, filters)
    images, docker = _images(docker, filters, every=call.options.has("all"))
    lost: tuple[Effect, ...] = ()
    if call.options.has("volumes"):
        lost, docker = _volumes(call, docker, filters)
    return call.outcome((*found, *gone, *networks, *images, *lost), with_docker(now, docker))


def system_reset(call: Call) -> Outcome:
    """Everything of this user: pods, containers, images, networks and volumes, and the folders that they were in."""
    docker = call.now.docker
    everyone = tuple(each.name for each in docker.containers)
    why = f"{call.name} deletes all that Podman has"
    gone, after = removal(call.world, docker, docker.containers, with_volumes=False, why=why)
    lost = volumes.deleted(call.world, after._replace(removed=docker.containers), _names(docker), why)
    images = tuple(effect for each in docker.images for effect in removed_image(each, why))
    networks = tuple(
        Effect("remove", "network", each.name, False, why, Size(None), everyone)
        for each in docker.networks
        if each.name != DEFAULT_NETWORK
    )
    nothing = Docker(removed=after.removed, deleted=docker.volumes)
    return call.outcome((*gone, *lost, *images, *networks), Podman(nothing, (), call.now.rootless))


def _names(docker: Docker) -> frozenset[str]:
    return frozenset(each.name for each in docker.volumes)
