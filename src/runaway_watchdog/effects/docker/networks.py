"""docker network rm, connect and disconnect. (docker network prune is in `prune`.)"""

from runaway_watchdog.effects import Outcome
from runaway_watchdog.effects.docker import state
from runaway_watchdog.effects.docker.call import Call
from runaway_watchdog.effects.docker.prune import removed_network
from runaway_watchdog.engines.model import RUNNING
from runaway_watchdog.model.effect import Effect, Verb


def remove(call: Call) -> Outcome:
    """Refused for the engine's own networks, and while a container that runs is on it."""
    found = (state.network(call.docker, each) for each in call.options.operands)
    doomed = {
        each.id: each
        for each in found
        if each is not None and each.name not in state.PREDEFINED and not state.connected(call.docker, each)
    }
    effects = (removed_network(call.docker, each) for each in doomed.values())
    return call.outcome(effects, state.without_networks(call.docker, set(doomed)))


def connect(call: Call) -> Outcome:
    return _changed(call, joins=True)


def disconnect(call: Call) -> Outcome:
    return _changed(call, joins=False)


def _changed(call: Call, *, joins: bool) -> Outcome:
    """`docker network connect NETWORK CONTAINER`."""
    if len(call.options.operands) != 2:
        return call.outcome()
    network = state.network(call.docker, call.options.operands[0])
    container = state.container(call.docker, call.options.operands[1])
    if network is None or container is None:
        return call.outcome()
    name = network.name
    if (name in container.networks) == joins:
        return call.outcome()
    verb: Verb = "change" if joins or container.state not in RUNNING else "stop"
    what = "it joins" if joins else "it cannot be reached any more over"
    effect = Effect(verb, "container", container.name, False, f"{what} network {name}")
    return call.outcome([effect], state.with_network(call.docker, container.id, name, joined=joins))
