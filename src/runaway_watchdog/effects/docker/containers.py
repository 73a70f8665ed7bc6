"""docker rm, stop, kill, restart …: what happens to containers, and to the volumes that go with them."""

from collections.abc import Collection, Iterable, Sequence

from runaway_watchdog.effects import Docker, Outcome
from runaway_watchdog.effects.docker import layer, state, volumes
from runaway_watchdog.effects.docker.call import Call
from runaway_watchdog.effects.docker.layer import Written
from runaway_watchdog.effects.docker.policy import POLICY, with_policy
from runaway_watchdog.engines.model import RUNNING, Container
from runaway_watchdog.model.effect import Effect, Verb
from runaway_watchdog.world import World

STAYS = "its restart policy does not bring it back until the engine starts again, or somebody starts it"
DELETED_WITH = "it was created without a name and goes with its container"
IGNORED_SIGNALS = ("CHLD", "CONT", "URG", "WINCH", "17", "18", "23", "28")
"""Signals that do nothing to a program that does not ask for them; every other ends one that does not handle it."""


def named(call: Call, *, wanted: Collection[str] = ()) -> list[Container]:
    """The containers that the operands name, each once; those in another state than `wanted` are left alone."""
    found = (state.container(call.docker, each) for each in call.options.operands)
    each_once = {each.id: each for each in found if each is not None}
    return [each for each in each_once.values() if not wanted or each.state in wanted]


def removal(
    world: World, docker: Docker, doomed: Iterable[Container], *, with_volumes: bool, why: str = "", layers: bool = True
) -> tuple[tuple[Effect, ...], Docker]:
    """Remove containers, and with `with_volumes` the unnamed volumes that nobody else refers to. Raises Unanswered.

    `data_lost` is for the container itself what it wrote outside of volumes, where that is more than churn; it is not
    looked at without `layers`.
    """
    ids = {each.id for each in doomed}
    if with_volumes:
        docker = state.inspected(docker, ids, world)
    gone = [each for each in docker.containers if each.id in ids]
    until = layer.deadline(world) if gone and layers else 0.0
    removed = tuple(
        with_layer(
            Effect("remove", "container", each.name, False, _removed(each, why)),
            layer.of(each, docker, world, until) if layers else None,
            _emptied(each, docker, ids),
        )
        for each in gone
    )
    after = state.without_containers(docker, ids)
    if not with_volumes:
        return removed, after
    kept = {name for each in after.containers for name in each.volumes}
    theirs = frozenset().union(*(volumes.unnamed(each, docker) for each in gone)) - kept
    return (*removed, *volumes.deleted(world, docker, theirs, DELETED_WITH, among=gone)), state.without_volumes(
        after, theirs
    )


def with_layer(effect: Effect, written: Written | None, after: str = "") -> Effect:
    """An effect whose reason says that what a container wrote goes, with what that is; `after` ends the reason."""
    if written is None:
        return effect._replace(why=f"{effect.why}{after}")
    return effect._replace(why=f"{effect.why}: {written.told}{after}", data_lost=True, size=written.size)


def _removed(container: Container, why: str) -> str:
    running = "it runs, and is stopped first; " if container.state in RUNNING else ""
    return f"{why + '; ' if why else ''}{running}{volumes.OUTSIDE}"


def _emptied(container: Container, docker: Docker, stopping: Collection[str]) -> str:
    """What ends with it, beside its own layer: volumes in memory that no other container keeps mounted."""
    if container.state not in RUNNING:
        return ""
    users = [each for each in docker.containers if each.state in RUNNING and each.id not in stopping]
    lost = [
        each.name
        for each in docker.volumes
        if each.name in container.volumes
        and volumes.in_memory(each)
        and not any(each.name in one.volumes for one in users)
    ]
    return f"; what is in memory only (volume {', '.join(lost)}) is gone" if lost else ""


def stopping(
    world: World, docker: Docker, found: Iterable[Container], *, verb: Verb = "stop", why: str = STAYS
) -> tuple[tuple[Effect, ...], Docker]:
    """Stop or kill containers that run; those created with --rm are removed by that. Raises Unanswered."""
    ids = {each.id for each in found if each.state in RUNNING}
    docker = state.inspected(docker, ids, world)
    stopped = [each for each in docker.containers if each.id in ids]
    leaving = [each for each in stopped if each.auto_remove]
    staying = {each.id for each in stopped if not each.auto_remove}
    effects = tuple(
        Effect(verb, "container", each.name, False, f"{why}{_emptied(each, docker, ids)}")
        for each in stopped
        if each.id in staying
    )
    gone, after = removal(world, docker, leaving, with_volumes=True, why="it was created with --rm")
    return (*effects, *gone), state.with_state(after, staying, "exited")


def remove(call: Call) -> Outcome:
    """`docker rm`: a container that runs is refused without -f. Named volumes stay, whatever the options."""
    if call.options.has("link"):
        return call.not_known("--link removes a name between containers; what depends on it is not known")
    force = call.options.has("force")
    doomed = [each for each in named(call) if force or each.state not in RUNNING]
    return call.outcome(*removal(call.world, call.docker, doomed, with_volumes=call.options.has("volumes")))


def stop(call: Call) -> Outcome:
    return call.outcome(*stopping(call.world, call.docker, named(call)))


def kill(call: Call) -> Outcome:
    return call.outcome(*killing(call, named(call)))


def killing(call: Call, found: Iterable[Container]) -> tuple[tuple[Effect, ...], Docker]:
    """`docker kill`, `compose kill`: only KILL is sure to end them; whatever may end a container counts as its end."""
    signal = call.options.value("signal", "KILL").upper().removeprefix("SIG")
    if signal in ("KILL", "9"):
        return stopping(call.world, call.docker, found, verb="kill")
    running = [each for each in found if each.state in RUNNING]
    if signal in IGNORED_SIGNALS:
        why = f"its main process gets SIG{signal}, which ends no program that does not ask for it"
        return tuple(Effect("change", "container", each.name, False, why) for each in running), call.docker
    why = f"its main process gets SIG{signal}, which ends it unless it handles or ignores that"
    return stopping(call.world, call.docker, running, verb="kill", why=why)


def restart(call: Call) -> Outcome:
    return call.outcome(*restarting(call.docker, named(call)))


def restarting(docker: Docker, found: Sequence[Container]) -> tuple[list[Effect], Docker]:
    """One after the other; what does not run is started."""
    effects = [restarted(each, _emptied(each, docker, {each.id})) for each in found]
    return effects, state.with_state(docker, {each.id for each in found}, "running")


def restarted(container: Container, emptied: str = "") -> Effect:
    if container.state not in RUNNING:
        return Effect("change", "container", container.name, False, "it is started")
    why = f"it is down for that long; nothing is deleted{emptied}"
    return Effect("restart", "container", container.name, False, why)


def start(call: Call) -> Outcome:
    found = named(call, wanted=("created", "exited", "dead"))
    effects = (Effect("change", "container", each.name, False, "it is started") for each in found)
    return call.outcome(effects, state.with_state(call.docker, {each.id for each in found}, "running"))


def pause(call: Call) -> Outcome:
    return call.outcome(*pausing(call.docker, named(call)))


def pausing(docker: Docker, found: Iterable[Container], program: str = "docker") -> tuple[tuple[Effect, ...], Docker]:
    running = [each for each in found if each.state == "running"]
    why = f"all its processes stand still until `{program} unpause`"
    effects = tuple(Effect("stop", "container", each.name, False, why) for each in running)
    return effects, state.with_state(docker, {each.id for each in running}, "paused")


def unpause(call: Call) -> Outcome:
    return call.outcome(*unpausing(call.docker, named(call)))


def unpausing(docker: Docker, found: Iterable[Container]) -> tuple[list[Effect], Docker]:
    paused = [each for each in found if each.state == "paused"]
    effects = [Effect("change", "container", each.name, False, "it goes on") for each in paused]
    return effects, state.with_state(docker, {each.id for each in paused}, "running")


def update(call: Call) -> Outcome:
    """Limits and the restart policy. A policy that does not exist is refused, and so is any for a --rm container."""
    found = named(call)
    settings = ", ".join(f"--{name}" for name in call.options.given if name != "restart")
    told = [f"its settings change ({settings})"] if settings else []
    docker, policy = call.docker, call.options.value("restart")
    if policy:
        docker = state.inspected(docker, {each.id for each in found}, call.world)
        wanted = {each.id for each in found} if POLICY.fullmatch(policy) else frozenset()
        found = [each for each in docker.containers if each.id in wanted and not each.auto_remove]
        docker = with_policy(docker, {each.id for each in found}, policy)
        told.append(f"its restart policy becomes {policy}")
    why = "; ".join([*told, "it goes on as it is"])
    return call.outcome((Effect("change", "container", each.name, False, why) for each in found), docker)


def rename(call: Call) -> Outcome:
    found = state.container(call.docker, call.options.operands[0]) if len(call.options.operands) == 2 else None
    if found is None:
        return call.outcome()
    new = call.options.operands[1].removeprefix("/")
    if any(each.name == new for each in call.docker.containers):
        return call.outcome()
    effect = Effect("change", "container", found.name, False, f"its name becomes {new}")
    return call.outcome([effect], state.renamed(call.docker, found.id, new))


def commit(call: Call) -> Outcome:
    found = named(call)[:1]
    why = "it stands still while its layer is copied into an image"
    return call.outcome(
        Effect("change", "container", each.name, False, why) for each in found if each.state == "running"
    )
