"""docker … prune: what counts as unused, by the API version that client and engine agree on."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from runaway_watchdog.effects import Docker, Outcome
from runaway_watchdog.effects.docker import filters, state, volumes
from runaway_watchdog.effects.docker.call import Call, client_version, variable
from runaway_watchdog.effects.docker.containers import removal
from runaway_watchdog.effects.docker.filters import Filters
from runaway_watchdog.effects.docker.images import registry_name, removed as removed_image, removing
from runaway_watchdog.engines.fields import moment
from runaway_watchdog.engines.model import Volume
from runaway_watchdog.model.effect import Effect

if TYPE_CHECKING:
    from runaway_watchdog.engines.kept import Network

KEEPS_NAMED = (1, 42)
"""From this API version on (Engine 23.0) `volume prune` takes anonymous volumes only, unless it is told `-a`."""
FIRST_CLIENT = 23
"""The first docker command that speaks it. An older one asks a new engine in the old way, and gets the old answer."""
TRUE = ("1", "true")
NOT_RUNNING = ("created", "exited", "dead")
Pruned = tuple[tuple[Effect, ...], Docker]


def agreed_api(call: Call) -> tuple[int, int] | None:
    """The API version of the request; None where the docker command does not tell its own."""
    pinned = variable(call.command, call.world, "DOCKER_API_VERSION")
    if pinned is not None:
        return version(pinned)
    if call.docker.api < KEEPS_NAMED:
        return call.docker.api
    client = client_version(call.world)
    if client is None:
        return None
    return call.docker.api if client >= FIRST_CLIENT else (1, 41)


def version(text: str) -> tuple[int, int] | None:
    major, _, minor = text.partition(".")
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else None


def doomed_volumes(docker: Docker, api: tuple[int, int], filters: Filters, *, every: bool) -> tuple[Volume, ...]:
    """What `volume prune` takes. Pure: before API 1.42 every volume that no container refers to; after it only those
    with the engine's own label for anonymous ones, which volumes made before 23.0 lack, or with -a again every one.
    """
    every = every or api < KEEPS_NAMED or any(key == "all" and value in TRUE for key, value in filters.others)
    return tuple(
        each
        for each in state.unreferenced(docker)
        if (every or volumes.ANONYMOUS_LABEL in each.labels)
        and each.driver == "local"  # the engine prunes no other driver's volumes, and none with options of its own
        and not each.options
        and filters.passes(each.labels)
    )


def volume_prune(call: Call) -> Outcome:
    filters = _filters(call)
    api = agreed_api(call)
    if api is None:
        return call.not_known(
            "whether it takes named volumes depends on the docker command's version, which it does not tell"
        )
    every = call.options.has("all") or any(key == "all" for key, _ in filters.others)
    if every and api < KEEPS_NAMED:
        return call.outcome()  # the docker command refuses -a there, and the engine the filter that it stands for
    if unsure := _unsure(filters, ("all",)):
        return call.not_known(unsure)
    effects, after = _volumes(
        call, call.docker, doomed_volumes(call.docker, api, filters, every=call.options.has("all"))
    )
    return call.outcome(effects, after)


def _volumes(call: Call, docker: Docker, doomed: Iterable[Volume]) -> Pruned:
    names = {each.name for each in doomed}
    why = "no container refers to it any more"
    return volumes.deleted(call.world, docker, names, why), state.without_volumes(docker, names)


def container_prune(call: Call) -> Outcome:
    filters = _filters(call)
    if unsure := _unsure(filters):
        return call.not_known(unsure)
    return call.outcome(*_containers(call, call.docker, filters))


def _containers(call: Call, docker: Docker, filters: Filters) -> Pruned:
    doomed = [
        each for each in docker.containers if each.state in NOT_RUNNING and filters.passes(each.labels, each.created)
    ]
    return removal(call.world, docker, doomed, with_volumes=False, why="it does not run")


def network_prune(call: Call) -> Outcome:
    filters = _filters(call)
    if unsure := _unsure(filters):
        return call.not_known(unsure)
    return call.outcome(*_networks(call.docker, filters))


def _networks(docker: Docker, filters: Filters) -> Pruned:
    """Those that no running container is on; one that is stopped cannot be started again without its network."""
    doomed = [
        each
        for each in docker.networks
        if each.name not in state.PREDEFINED
        and not each.ingress
        and not state.connected(docker, each)
        and filters.passes(each.labels, moment(each.created))
    ]
    effects = tuple(removed_network(docker, each) for each in doomed)
    return effects, state.without_networks(docker, {each.id for each in doomed})


def removed_network(docker: Docker, network: "Network") -> Effect:
    stranded = [each for each in docker.containers if network.name in each.networks]
    why = "no container that runs is on it"
    if stranded:
        why += f"; {state.names(stranded)} cannot be started again without it"
    return Effect("remove", "network", network.name, False, why, None, tuple(each.name for each in stranded))


def image_prune(call: Call) -> Outcome:
    filters = _filters(call)
    if unsure := _unsure(filters, ("dangling",)):
        return call.not_known(unsure)
    every = call.options.has("all") or ("dangling", "false") in filters.others
    return call.outcome(*_images(call.docker, filters, every=every))


def _images(docker: Docker, filters: Filters, *, every: bool) -> Pruned:
    """Without names, or with -a whatever no container needs. Seen on Engine 20.10: -a goes name by name, so an image
    in use that has several loses all but the last one in the alphabet.
    """
    doomed = [each for each in docker.images if filters.passes(each.labels, each.created)]
    used = {each.image_id for each in docker.containers}
    effects: list[Effect] = []
    for image in doomed:
        if not image.tags and image.id not in used:
            effects += removed_image(image, "no container is made of it")
            docker = state.without_images(docker, {image.id})
        for tag in sorted(image.tags, key=registry_name) if every else ():
            found, docker = removing(docker, tag, force=False)
            effects += found
    return tuple(effects), docker


def system_prune(call: Call) -> Outcome:
    """Containers first: what they alone kept from removal goes right after them."""
    filters = _filters(call)
    if unsure := _unsure(filters):
        return call.not_known(unsure)
    with_volumes = call.options.has("volumes")
    if with_volumes and any(each.startswith("until") for each in call.options.values("filter")):
        return call.outcome()  # refused: volumes know no "until"
    api = agreed_api(call) if with_volumes else call.docker.api
    effects, docker = _containers(call, call.docker, filters)
    networks, docker = _networks(docker, filters)
    lost: tuple[Effect, ...] = ()
    if with_volumes and api is not None:
        lost, docker = _volumes(call, docker, doomed_volumes(docker, api, filters, every=False))
    images, docker = _images(docker, filters, every=call.options.has("all"))
    unknown = (
        () if api else (f"{call.name}: whether --volumes takes named ones depends on the docker command's version",)
    )
    return call.outcome((*effects, *networks, *lost, *images, BUILD_CACHE), docker, unknown)


BUILD_CACHE = Effect("prune", "image", "build cache", False, "the next build starts anew; no image or data needs it")


def builder_prune(call: Call) -> Outcome:
    return call.outcome([BUILD_CACHE])


def _filters(call: Call) -> Filters:
    return filters.read(call.options.values("filter"), call.world.clock.now())


def _unsure(filters: Filters, understood: tuple[str, ...] = ()) -> str:
    """A filter that is not understood: nothing can be told of what it leaves."""
    odd = [f"what --filter {key}={value} leaves out" for key, value in filters.others if key not in understood]
    found = (*filters.unknown, *odd)
    return f"{found[0]} is not known" if found else ""
