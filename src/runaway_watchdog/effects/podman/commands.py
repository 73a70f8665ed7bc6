"""podman rm, stop, kill …, and pods: what happens to containers. What Docker's families decide alike is theirs."""

from collections.abc import Callable, Iterable, Sequence

from runaway_watchdog.effects import Docker, Outcome, Podman
from runaway_watchdog.effects.docker import state
from runaway_watchdog.effects.docker.containers import (
    IGNORED_SIGNALS,
    pausing as paused,
    removal,
    restarted,
    stopping as stopped,
    unpausing as unpaused,
)
from runaway_watchdog.effects.podman import state as podman
from runaway_watchdog.effects.podman.call import Call, Change, with_docker
from runaway_watchdog.engines.kept import Pod
from runaway_watchdog.engines.model import RUNNING, Container
from runaway_watchdog.model.effect import Effect, Verb

STAYS = "Podman does not start it again by its restart policy until the next boot, or until somebody starts it"


def _chosen(call: Call) -> list[Container] | str:
    """The containers that the command means, or what is not followed in how it chooses them."""
    options = call.options
    for name in ("filter", "cidfile"):
        if options.values(name):
            return f"which containers --{name} chooses is not looked up"
    everything = [each for each in call.now.docker.containers if each.id not in podman.infra(call.now)]
    if options.has("all"):
        return everything
    if options.has("latest"):
        return [max(everything, key=lambda each: each.created)] if everything else []
    found = (state.container(call.now.docker, each) for each in options.operands)
    return list({each.id: each for each in found if each is not None}.values())


def _each(call: Call, change: Callable[[list[Container]], Change]) -> Outcome:
    found = _chosen(call)
    if isinstance(found, str):
        return call.not_known(found)
    effects, after = change(found)
    return call.outcome(effects, with_docker(call.now, after))


def remove(call: Call) -> Outcome:
    """One that runs is refused without -f. Without -v its volumes stay, those without a name too."""
    if call.options.has("depend"):
        return call.not_known("which containers depend on it is not looked up")
    force = call.options.has("force")

    def change(found: list[Container]) -> Change:
        doomed = [each for each in found if force or each.state not in RUNNING]
        return removal(call.world, call.now.docker, doomed, with_volumes=call.options.has("volumes"))

    return _each(call, change)


def _stopping(call: Call, docker: Docker, found: Iterable[Container], verb: Verb = "stop") -> Change:
    """Those of a unit are told apart: systemd may start them again."""
    effects, after = stopped(call.world, docker, found, verb=verb, why=STAYS)
    units = {
        each.name: each.labels[podman.UNIT_LABEL] for each in docker.containers if podman.UNIT_LABEL in each.labels
    }
    told = tuple(
        each._replace(why=f"{each.why}; it belongs to {units[each.name]}, whose own policy may start it again")
        if each.type == "container" and each.name in units
        else each
        for each in effects
    )
    return told, after


def stop(call: Call) -> Outcome:
    return _each(call, lambda found: _stopping(call, call.now.docker, found))


def kill(call: Call) -> Outcome:
    """Only KILL is sure to end them; whatever may end a container counts as its end."""
    signal = call.options.value("signal", "KILL").upper().removeprefix("SIG")
    if signal in IGNORED_SIGNALS:
        return call.outcome()
    return _each(call, lambda found: _stopping(call, call.now.docker, found, "kill"))


def restart(call: Call) -> Outcome:
    def change(found: list[Container]) -> Change:
        meant = [each for each in found if each.state in RUNNING or not call.options.has("running")]
        ids = {each.id for each in meant}
        return tuple(map(restarted, meant)), state.with_state(call.now.docker, ids, "running")

    return _each(call, change)


def start(call: Call) -> Outcome:
    def change(found: list[Container]) -> Change:
        meant = [each for each in found if each.state not in RUNNING]
        effects = tuple(Effect("change", "container", each.name, False, "it is started") for each in meant)
        return effects, state.with_state(call.now.docker, {each.id for each in meant}, "running")

    return _each(call, change)


def pause(call: Call) -> Outcome:
    def change(found: list[Container]) -> Change:
        return paused(call.now.docker, found, "podman")

    return _each(call, change)


def unpause(call: Call) -> Outcome:
    def change(found: list[Container]) -> Change:
        effects, after = unpaused(call.now.docker, found)
        return tuple(effects), after

    return _each(call, change)


def rename(call: Call) -> Outcome:
    found = state.container(call.now.docker, call.options.operands[0]) if len(call.options.operands) == 2 else None
    new = call.options.operands[-1] if call.options.operands else ""
    if found is None or any(each.name == new for each in call.now.docker.containers):
        return call.outcome()
    effect = Effect("change", "container", found.name, False, f"its name becomes {new}")
    return call.outcome([effect], with_docker(call.now, state.renamed(call.now.docker, found.id, new)))


# --- pods -------------------------------------------------------------------------------------------------------------


def _pods(call: Call) -> tuple[Pod, ...] | str:
    if call.options.values("pod-id-file") or call.options.has("latest"):
        return "which pod is meant is not looked up"
    if call.options.has("all"):
        return call.now.pods
    found = (podman.pod(call.now, each) for each in call.options.operands)
    return tuple({each.id: each for each in found if each is not None}.values())


def _members(pods: Iterable[Pod], docker: Docker) -> list[Container]:
    ids = frozenset[str]().union(*(each.members for each in pods))
    return [each for each in docker.containers if each.id in ids]


def pod_stop(call: Call) -> Outcome:
    found = _pods(call)
    if isinstance(found, str):
        return call.not_known(found)
    verb: Verb = "kill" if call.name.endswith("kill") else "stop"
    effects, after = _stopping(call, call.now.docker, _members(found, call.now.docker), verb)
    return call.outcome(effects, with_docker(call.now, after))


def pod_remove(call: Call) -> Outcome:
    """A pod with a container that runs is refused without -f. Its containers go with their unnamed volumes."""
    found = _pods(call)
    if isinstance(found, str):
        return call.not_known(found)
    docker = call.now.docker
    force = call.options.has("force")
    doomed = [each for each in found if force or not _runs(each, docker)]
    effects, after = _without_pods(call, call.now, doomed)
    return call.outcome(effects, after)


def _states(pod: Pod, docker: Docker) -> set[str]:
    return {each.state for each in _members([pod], docker)}


def _runs(pod: Pod, docker: Docker) -> bool:
    return not _states(pod, docker).isdisjoint(RUNNING)


def _without_pods(call: Call, now: Podman, doomed: Sequence[Pod]) -> tuple[tuple[Effect, ...], Podman]:
    names = ", ".join(each.name for each in doomed)
    members = _members(doomed, now.docker)
    gone, docker = removal(call.world, now.docker, members, with_volumes=True, why=f"it goes with its pod {names}")
    return gone, podman.without_pods(with_docker(now, docker), {each.id for each in doomed})


def pod_prune(call: Call) -> Outcome:
    effects, after = pruned_pods(call, call.now)
    return call.outcome(effects, after)


def pruned_pods(call: Call, now: Podman) -> tuple[tuple[Effect, ...], Podman]:
    """Those of which something has run, and nothing runs any more: one that was only created stays."""
    over = [each for each in now.pods if _states(each, now.docker) & {"exited"} and not _runs(each, now.docker)]
    return _without_pods(call, now, over)
