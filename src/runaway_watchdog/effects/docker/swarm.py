"""docker service, stack and swarm. A swarm replaces what stops: only its own commands end its work."""

from collections.abc import Collection, Sequence

from runaway_watchdog.effects import Docker, Outcome
from runaway_watchdog.effects.docker import state, volumes
from runaway_watchdog.effects.docker.call import Call
from runaway_watchdog.effects.docker.containers import removal
from runaway_watchdog.engines import docker as engine
from runaway_watchdog.engines.kept import Service
from runaway_watchdog.engines.model import Container
from runaway_watchdog.model.effect import Effect

NAMESPACE = "com.docker.stack.namespace"
EITHER_WAY = (
    "which of its tasks' anonymous volumes go is not known: the swarm's agent deletes them with a container, the "
    "engine keeps them, and either may be the first"
)
"""Seen on Engine 20.10 and 28.5: of three such volumes two went, of one none."""
OTHER_NODES = "what it ends on the swarm's other nodes is not known here"


def services(call: Call, references: Collection[str]) -> list[str]:
    """The names of the services that are meant: by name, ID, or the only ID that begins so."""
    found = []
    for reference in references:
        exact = [each for each in call.docker.services if reference in (each.name, each.id)]
        near = [each for each in call.docker.services if each.id.startswith(reference)]
        found += exact or (near if len(near) == 1 else [])
    return [each.name for each in found]


def _tasks(docker: Docker, names: Collection[str]) -> list[Container]:
    return [each for each in docker.containers if each.labels.get(state.SWARM_SERVICE) in names]


def ending(
    call: Call, docker: Docker, names: Collection[str], *, with_volumes: bool = True
) -> tuple[tuple[Effect, ...], Docker]:
    """The swarm's agent removes its containers with their unnamed volumes; named ones stay."""
    why = f"the swarm ends the tasks of {', '.join(sorted(names))}"
    return removal(call.world, docker, _tasks(docker, names), with_volumes=with_volumes, why=why)


def several_nodes(call: Call) -> tuple[str, ...]:
    return (f"{call.name}: {OTHER_NODES}",) if engine.info(call.world).nodes > 1 else ()


def service_remove(call: Call) -> Outcome:
    names = services(call, call.options.operands)
    effects, after = ending(call, call.docker, names)
    return call.outcome(effects, state.without_services(after, names), several_nodes(call) if names else ())


def service_scale(call: Call) -> Outcome:
    """`docker service scale SERVICE=0`. Which task goes when fewer are left is the swarm's choice."""
    effects: list[Effect] = []
    docker, unknown = call.docker, list[str]()
    for operand in call.options.operands:
        reference, _, wanted = operand.partition("=")
        for found in services(call, [reference]):
            tasks = _tasks(docker, [found])
            if wanted == "0":
                gone, docker = ending(call, docker, [found])
                effects += gone
            elif not wanted.isdecimal() or int(wanted) < len(tasks):
                unknown.append(f"{call.name}: which tasks of {found} are ended is the swarm's choice")
    return call.outcome(effects, docker, (*unknown, *several_nodes(call)))


def stack_remove(call: Call) -> Outcome:
    """A stack's services, networks, secrets and configs; its volumes stay."""
    stacks = call.options.operands
    doomed_services = [each for each in call.docker.services if each.labels.get(NAMESPACE) in stacks]
    names = [each.name for each in doomed_services]
    effects, docker = ending(call, call.docker, names)
    doomed = [each for each in docker.networks if each.labels.get(NAMESPACE) in stacks]
    networks = (Effect("remove", "network", each.name, False, "it belongs to the stack") for each in doomed)
    after = state.without_networks(state.without_services(docker, names), {each.id for each in doomed})
    erased = (_erased(each, doomed_services) for each in sorted({each.labels[NAMESPACE] for each in doomed_services}))
    return call.outcome((*erased, *effects, *networks), after, several_nodes(call) if names else ())


def _erased(stack: str, services: Sequence[Service]) -> Effect:
    """The stack's own secrets and configs, as far as its services use them; the engine is asked for no secret."""
    used = frozenset[str]().union(*(each.secrets | each.configs for each in services))
    own = sorted(each for each in used if each.startswith(f"{stack}_"))
    why = "its services are erased, and with them the secrets and configs that it declared"
    if own:
        why += f" ({', '.join(own)}): no swarm tells a secret, so only the files they were made from bring them back"
    return Effect("delete", "host", f"stack {stack}", bool(own), why)


def leave(call: Call) -> Outcome:
    """A manager refuses to leave without --force; with it, and as the last one, it erases the swarm."""
    if not call.docker.swarm or (call.docker.swarm == "manager" and not call.options.has("force")):
        return call.outcome()
    every = {each.labels[state.SWARM_SERVICE] for each in call.docker.containers if state.SWARM_SERVICE in each.labels}
    tasks = _tasks(call.docker, every)
    effects, docker = ending(call, call.docker, every, with_volumes=False)
    overlay = [each for each in docker.networks if each.scope == "swarm"]
    networks = (Effect("remove", "network", each.name, False, "it belongs to the swarm") for each in overlay)
    lost: tuple[Effect, ...] = ()
    if call.docker.swarm == "manager":
        why = "services, secrets and configs of the swarm are erased on this manager; without another manager for good"
        lost = (Effect("delete", "host", "swarm state", True, why),)
    after = state.left_swarm(state.without_networks(docker, {each.id for each in overlay}))
    unnamed = any(volumes.unnamed(each, call.docker) for each in tasks)
    unknown = (f"{call.name}: {EITHER_WAY}",) if unnamed else ()
    return call.outcome((*lost, *effects, *networks), after, unknown)
