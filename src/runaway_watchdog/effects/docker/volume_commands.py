"""docker volume rm. (docker volume prune is in `prune`.)"""

from runaway_watchdog.effects import Outcome
from runaway_watchdog.effects.docker import state, volumes
from runaway_watchdog.effects.docker.call import Call


def remove(call: Call) -> Outcome:
    """Refused, with -f too, while any container refers to the volume, even one that is stopped."""
    named = set(call.options.operands)
    doomed = {each.name for each in state.unreferenced(call.docker) if each.name in named}
    lost = volumes.deleted(call.world, call.docker, doomed, "docker volume rm deletes it")
    return call.outcome(lost, state.without_volumes(call.docker, doomed))
