"""docker service, stack, node, secret, config, swarm. A swarm replaces what stops: its own commands alone end its work.

What makes tasks anew takes what they wrote outside of volumes. Secrets and configs are asked of no engine: each is told
as the command names it, where no service holds it.
"""

import re
from collections.abc import Collection, Iterable, Sequence

from runaway_watchdog.effects import Docker, Outcome
from runaway_watchdog.effects.docker import state, volumes
from runaway_watchdog.effects.docker.call import Call
from runaway_watchdog.effects.docker.containers import removal
from runaway_watchdog.engines import docker as engine
from runaway_watchdog.engines.kept import Service
from runaway_watchdog.engines.model import Container
from runaway_watchdog.model.effect import Effect, LowRisk

NAMESPACE = "com.docker.stack.namespace"
EITHER_WAY = (
    "which of its tasks' anonymous volumes go is not known: the swarm's agent deletes them with a container, the "
    "engine keeps them, and either may be the first"
)
"""Seen on Engine 20.10 and 28.5: of three such volumes two went, of one none."""
OTHER_NODES = "what it ends on the swarm's other nodes is not known here"
LEAVES_TASKS = re.compile(r"replicas|label-(?:add|rm)|update-.*|rollback-.*|rollback|detach|quiet|max-concurrent|help")
"""Options of `docker service update` with which tasks that run go on; every other one is a new task's."""


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


def token(call: Call) -> Outcome:
    """join-token, unlock-key and ca show something; with --rotate what they showed before is of no use any more."""
    if not call.docker.swarm or not call.options.has("rotate"):
        return call.outcome()
    named = " ".join((call.name.removeprefix("docker "), *call.options.operands))
    why = "there is another one from then on; whoever kept the old one cannot use it any more, and the nodes stay"
    return call.outcome([Effect("change", "host", named, False, why)])


def service_update(call: Call) -> Outcome:
    """Every option but those about the service itself makes new tasks: the old ones are removed with their volumes."""
    names = services(call, call.options.operands)
    changing = [each for each in call.options.given if not LEAVES_TASKS.fullmatch(each)]
    wanted = call.options.value("replicas")
    if not names or (not changing and not call.options.values("replicas") and not call.options.has("rollback")):
        return call.outcome()
    if not changing and not call.options.has("rollback") and wanted != "0":
        return _replicas_changed(call, names, wanted)
    effects, after = ending(call, call.docker, names)
    return call.outcome(effects, after, several_nodes(call))


def _replicas_changed(call: Call, names: list[str], wanted: str) -> Outcome:
    tasks = [each for each in call.docker.containers if each.labels.get(state.SWARM_SERVICE) in names]
    if wanted.isdecimal() and int(wanted) >= len(tasks):
        return call.outcome()
    return call.not_known(f"which tasks of {', '.join(names)} are ended is the swarm's choice")


def service_rollback(call: Call) -> Outcome:
    """The tasks of the settings before take the place of those that run."""
    names = services(call, call.options.operands)
    effects, after = ending(call, call.docker, names)
    return call.outcome(effects, after, several_nodes(call) if names else ())


def stack_deploy(call: Call) -> Outcome:
    """Services whose settings changed get new tasks: which these are, the file says and the swarm decides."""
    here = [each.name for each in call.docker.services if each.labels.get(NAMESPACE) in call.options.operands]
    effects, _ = ending(call, call.docker, here)
    if not here:
        return call.outcome()
    sentence = f"{call.name}: which tasks of {', '.join(here)} it makes anew is only known when it runs"
    loses = any(each.data_lost for each in effects)
    return call.outcome(unknown=(sentence if loses else LowRisk(sentence),))


def node_remove(call: Call) -> Outcome:
    """A node that is down, or any with --force; its volumes stay on it."""
    if call.docker.swarm != "manager":
        return call.outcome()
    why = "the swarm forgets this node and ends its tasks on it; volumes stay there"
    return call.outcome(Effect("remove", "host", f"node {each}", False, why) for each in call.options.operands)


def node_update(call: Call) -> Outcome:
    """--availability drain moves every task away from the node."""
    if call.docker.swarm != "manager" or call.options.value("availability") != "drain":
        return call.outcome()
    own = [each for each in call.options.operands if each in ("self", call.world.host)]
    every = {each.labels[state.SWARM_SERVICE] for each in call.docker.containers if state.SWARM_SERVICE in each.labels}
    effects, after = ending(call, call.docker, every) if own else ((), call.docker)
    others = [each for each in call.options.operands if each not in own]
    return call.outcome(effects, after, [f"{call.name}: {OTHER_NODES}"] if others else ())


def _unless_held(call: Call, kind: str, used: Iterable[str], why: str) -> Outcome:
    """The swarm refuses to remove what a service holds."""
    if call.docker.swarm != "manager":
        return call.outcome()
    held = set(used)
    gone = [each for each in call.options.operands if each not in held]
    return call.outcome(Effect("delete", "host", f"{kind} {each}", True, why) for each in gone)


def secret_remove(call: Call) -> Outcome:
    used = [name for each in call.docker.services for name in each.secrets]
    return _unless_held(call, "secret", used, "no swarm tells a secret: only what it was made from brings it back")


def config_remove(call: Call) -> Outcome:
    used = [name for each in call.docker.services for name in each.configs]
    return _unless_held(call, "config", used, "only the file that it was made from brings it back")
