"""docker service update, stack deploy, node, secret, config, context, plugin, checkpoint: what people seldom type.

What recreates a swarm's tasks takes what they wrote outside of volumes. What a swarm keeps for itself (secrets,
configs) is asked of no engine: it is told as the command names it, where a service does not hold it.
"""

import re
from collections.abc import Iterable

from runaway_watchdog.effects import Outcome
from runaway_watchdog.effects.docker import state
from runaway_watchdog.effects.docker.call import Call
from runaway_watchdog.effects.docker.containers import stopping
from runaway_watchdog.effects.docker.swarm import NAMESPACE, OTHER_NODES, ending, services, several_nodes
from runaway_watchdog.engines.model import RUNNING
from runaway_watchdog.model.effect import Effect, LowRisk

LEAVES_TASKS = re.compile(r"replicas|label-(?:add|rm)|update-.*|rollback-.*|rollback|detach|quiet|max-concurrent|help")
"""Options of `docker service update` with which tasks that run go on; every other one is a new task's."""


def service_update(call: Call) -> Outcome:
    """Every option but those about the service itself makes new tasks: the old ones are removed with their volumes."""
    names = services(call, call.options.operands)
    changing = [each for each in call.options.given if not LEAVES_TASKS.fullmatch(each)]
    wanted = call.options.value("replicas")
    if not names or (not changing and not call.options.values("replicas") and not call.options.has("rollback")):
        return call.outcome()
    if not changing and not call.options.has("rollback") and wanted != "0":
        return _scaled(call, names, wanted)
    effects, after = ending(call, call.docker, names)
    return call.outcome(effects, after, several_nodes(call))


def _scaled(call: Call, names: list[str], wanted: str) -> Outcome:
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


def _kept(call: Call, kind: str, used: Iterable[str], why: str) -> Outcome:
    """The swarm refuses to remove what a service holds."""
    if call.docker.swarm != "manager":
        return call.outcome()
    held = set(used)
    gone = [each for each in call.options.operands if each not in held]
    return call.outcome(Effect("delete", "host", f"{kind} {each}", True, why) for each in gone)


def secret_remove(call: Call) -> Outcome:
    used = [name for each in call.docker.services for name in each.secrets]
    return _kept(call, "secret", used, "no swarm tells a secret: only what it was made from brings it back")


def config_remove(call: Call) -> Outcome:
    used = [name for each in call.docker.services for name in each.configs]
    return _kept(call, "config", used, "only the file that it was made from brings it back")


def context_remove(call: Call) -> Outcome:
    why = "the address of another engine is forgotten, with the copies of its certificates"
    return call.outcome(Effect("delete", "host", f"context {each}", False, why) for each in call.options.operands)


def plugin_remove(call: Call) -> Outcome:
    """One that volumes or networks use is refused without --force; what it keeps in its own folder goes with it."""
    return call.not_known("what the plugin keeps goes with it, and is not looked at")


def checkpoint_remove(call: Call) -> Outcome:
    if len(call.options.operands) != 2 or state.container(call.docker, call.options.operands[0]) is None:
        return call.outcome()
    container, checkpoint = call.options.operands
    why = "the state of its processes at that moment is deleted; nothing brings it back"
    return call.outcome([Effect("delete", "container", f"checkpoint {checkpoint} of {container}", True, why)])


def checkpoint_create(call: Call) -> Outcome:
    """The container stops at it, without --leave-running."""
    found = state.container(call.docker, (call.options.operands or ("",))[0])
    if found is None or found.state not in RUNNING or call.options.has("leave-running"):
        return call.outcome()
    return call.outcome(*stopping(call.world, call.docker, [found]))


def builder_remove(call: Call) -> Outcome:
    """A builder goes with its cache, which is made again."""
    why = "the builder and its cache go; the cache is made again"
    return call.outcome(Effect("prune", "image", f"builder {each}", False, why) for each in call.options.operands)
