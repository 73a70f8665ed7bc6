"""What makes the return harmless: a limit, an end to its restarts, as lines for the file that its owner reads."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from runaway_watchdog.hostile import clean
from runaway_watchdog.model.container import DOCKER_KINDS
from runaway_watchdog.model.plan import Advice
from runaway_watchdog.owners import KINDS, Layer
from runaway_watchdog.owners.interface import Read
from runaway_watchdog.world import Unanswered, World

if TYPE_CHECKING:
    from runaway_watchdog.owners.docker.details import ContainerOwner

MOST_NEIGHBOURS = 6


def advice(layers: Sequence[Layer], world: World) -> tuple[Advice, ...]:
    """For the innermost layer that has a file of its own, then who shares the host. A supervisor's or the engine's own
    unit is not to be limited for the sake of one of its children."""
    ways = ((layer.owner, KINDS[layer.owner.kind].advice) for layer in layers)
    found = next((tuple(advise(owner, world)) for owner, advise in ways if advise is not None), ())
    containers = (layer.owner for layer in layers if layer.owner.kind in DOCKER_KINDS)
    container = next((owner for owner in containers if isinstance(owner, Read)), None)
    return (*found, *(() if container is None else _neighbours(container, world)))


def _neighbours(owner: "ContainerOwner", world: World) -> Iterator[Advice]:
    """The other projects and containers that run on this host: whom it takes the CPU from."""
    from runaway_watchdog.engines import docker  # what no other owner needs
    from runaway_watchdog.owners.docker.compose import PROJECT

    try:
        listed = docker.containers(world)
    except Unanswered:
        return  # the container's own owner has told the gap
    own = None if owner.details.compose is None else owner.details.compose.project
    counts: dict[str, int] = {}
    for each in listed:
        if each.state != "running" or each.id == owner.id:
            continue
        project = each.labels.get(PROJECT)
        if not project or project != own:
            name = f"project {project}" if project else each.name
            counts[name] = counts.get(name, 0) + 1
    if not counts:
        return
    told = [clean(name, 60) + (f" ({count} containers)" if count > 1 else "") for name, count in sorted(counts.items())]
    more = f" and {len(told) - MOST_NEIGHBOURS} more" if len(told) > MOST_NEIGHBOURS else ""
    yield Advice(f"it shares this host with {', '.join(told[:MOST_NEIGHBOURS])}{more}", None, ())
