"""Controllers as layers: what acts on a container beside the engine. The container's own file tells what follows."""

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Claim, Deferred, Outlook
from runaway_watchdog.model.plan import Containment
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.docker import container as docker, controllers, details as docker_facts
from runaway_watchdog.owners.interface import Bag, Kind, Owner, Read
from runaway_watchdog.world import Unanswered, World

KINDS = (Kind("controller", "controller", line="acts on it too: {policy}"),)


def claim(facts: Facts) -> Claim | None:  # noqa: ARG001 - no process is a controller's own: it is a container's layer
    return None


def inspect(claim: Claim, facts: Facts, world: World) -> Owner:
    """One of those that act on the process's container, and those after it. Raises Unanswered."""
    contained = docker.claim(facts)
    container = None if contained is None else world.engine.container(contained.ref)
    if container is None:
        raise Unanswered(Gap("docker", f"what {claim.ref} acts on is gone", "ask again"))
    found = docker_facts.read(container, world.engine.info(), facts, world)
    acting = controllers.acting_on(container, found, world)
    at = next((index for index, each in enumerate(acting) if each.name == claim.ref), len(acting) - 1)
    this = acting[at]
    shown = {"acts_on": found["container"], "unit": this.unit or None}
    raw = {"more": acting[at + 1 :], "engine_unit": docker.engine_unit(found)}
    return Read("controller", this.name, this.name, this.does, Bag(shown, raw), claim.evidence)


def outer(owner: Owner) -> Claim | None:
    return controllers.claim(owner.raw.get("more", ()), owner.raw.get("engine_unit", "docker.service"))


def outlook(owner: Owner, facts: Facts, action: Action) -> Outlook | Deferred:  # noqa: ARG001 - the container has answered
    return Deferred(action, None, f"what {owner.name} makes of that is its own affair")


def contain(owner: Owner, facts: Facts) -> Containment | None:  # noqa: ARG001
    return None
