"""Docker's smaller objects: contexts, plugins, checkpoints and builders."""

from runaway_watchdog.effects import Outcome
from runaway_watchdog.effects.docker import state
from runaway_watchdog.effects.docker.call import Call
from runaway_watchdog.effects.docker.containers import stopping
from runaway_watchdog.engines.model import RUNNING
from runaway_watchdog.model.effect import Effect


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


def build_records_remove(call: Call) -> Outcome:
    """What buildx keeps of a build: its log, its times and its provenance. The image stays."""
    named = ("of every build",) if call.options.has("all") else call.options.operands
    why = "the log and the provenance of the build are deleted; its image stays"
    return call.outcome(Effect("delete", "host", f"build record {each}", True, why, in_use=False) for each in named)
