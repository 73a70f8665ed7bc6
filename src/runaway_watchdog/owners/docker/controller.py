"""Controllers as layers: what acts on a container beside the engine. The container's own file tells what follows."""

from typing import TYPE_CHECKING

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Claim, Deferred, Outlook
from runaway_watchdog.model.plan import Containment
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.docker import container
from runaway_watchdog.owners.interface import Kind, Read, Unread
from runaway_watchdog.world import Unanswered, World

if TYPE_CHECKING:
    from runaway_watchdog.owners.docker.controller_details import ControllerDetails

KINDS = (Kind("controller", "controller", line="acts on it too: {policy}"),)


def claim(facts: Facts) -> Claim | None:  # noqa: ARG001 - no process is a controller's own: it is a container's layer
    return None


def inspect(claim: Claim, facts: Facts, world: World) -> "Read[ControllerDetails]":
    """One of those that act on the process's container, and those after it. Raises Unanswered."""
    from runaway_watchdog.engines import docker
    from runaway_watchdog.owners.docker import details
    from runaway_watchdog.owners.docker.controller_details import ControllerDetails

    contained = container.claim(facts)
    inspected = None if contained is None else docker.container(world, contained.ref)
    if inspected is None:
        raise Unanswered(Gap("docker", f"what {claim.ref} acts on is gone", "ask again"))
    found = details.read(inspected, docker.info(world), facts, world)
    acting = found.controllers
    at = next((index for index, each in enumerate(acting) if each.name == claim.ref), len(acting) - 1)
    this = acting[at]
    own = ControllerDetails(found.container, this.unit or None, acting[at + 1 :], found.engine_unit)
    return Read("controller", this.name, this.name, this.does, own, claim.evidence)


def outer(owner: "Read[ControllerDetails] | Unread") -> Claim | None:
    from runaway_watchdog.owners.docker import controllers

    if isinstance(owner, Unread):
        return controllers.claim((), container.ENGINE_UNIT)
    return controllers.claim(owner.details.more, owner.details.engine_unit)


def outlook(owner: "Read[ControllerDetails] | Unread", facts: Facts, action: Action) -> Outlook | Deferred:  # noqa: ARG001 - the container has answered
    return Deferred(action, None, f"what {owner.name} makes of that is its own affair")


def contain(owner: "Read[ControllerDetails] | Unread", facts: Facts) -> Containment | None:  # noqa: ARG001
    return None
