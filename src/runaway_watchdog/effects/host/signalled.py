"""Processes that a signal ends: whose they are, what goes down with them, and which of them would come back."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runaway_watchdog import owners
from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.docker.policy import carried
from runaway_watchdog.effects.host import signals
from runaway_watchdog.engines import docker as engine
from runaway_watchdog.engines.model import RUNNING, Container
from runaway_watchdog.hostile import clean
from runaway_watchdog.model.container import DOCKER_KINDS
from runaway_watchdog.model.effect import Effect, Target, Verb
from runaway_watchdog.model.owner import Outlook, reasons
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.docker.container import shim_of
from runaway_watchdog.owners.interface import Owner, Unread
from runaway_watchdog.owners.systemd.details import service_of
from runaway_watchdog.world import Unanswered, World, processes, procfs

if TYPE_CHECKING:
    from runaway_watchdog.owners.docker.details import ContainerOwner
    from runaway_watchdog.owners.starters.details import Starter

LIMIT = 200
"""More processes than this are not told one by one: each costs a few questions."""


def by_signal(pids: Sequence[int], value: int, host: HostState, world: World, *, from_inside: bool = False) -> Outcome:
    """What signal `value` to these processes does. Raises Unanswered.

    `from_inside`: the sender is in their PID namespace; the kernel keeps even SIGKILL from PID 1 then
    (pid_namespaces(7)).
    """
    found: list[Effect] = []
    unknown: list[str] = []
    if len(pids) > LIMIT:
        unknown.append(f"{len(pids)} processes match; only the first {LIMIT} were looked at")
    for pid in pids[:LIMIT]:
        if pid in host.ended:
            continue
        try:
            facts, _ = owners.facts(world, pid)
        except procfs.NoSuchProcessError:
            continue
        if from_inside and facts.process.is_namespace_init and value in (signals.KILL, *signals.STOPS):
            why = "it is PID 1 in there: the kernel keeps this signal from it"
            found.append(_of("change", facts, why))
            continue
        outcome = _one(facts, value, host, world)
        found += outcome.effects
        unknown += outcome.unknown
        host = outcome.host
    return Outcome(_distinct(found), host, tuple(dict.fromkeys(unknown)))


def _distinct(found: list[Effect]) -> tuple[Effect, ...]:
    """A container or unit is told once, however many of its processes are ended."""
    return tuple({(each.verb, each.type, each.name): each for each in found}.values())


def _of(verb: Verb, facts: Facts, why: str, users: tuple[str, ...] = ()) -> Effect:
    return Effect(verb, "process", name(facts), False, why, None, users, pid=facts.process.pid)


def name(facts: Facts) -> str:
    """As an effect names a process."""
    return f"{clean(facts.process.name, 40)} ({facts.process.pid})"


def _one(facts: Facts, value: int, host: HostState, world: World) -> Outcome:
    found, gaps = owners.layers(facts, world)
    layers = owners.with_starters(carried(found, host), world)
    owner = layers[0].owner
    users = (clean(owner.name),) if owners.KINDS[owner.kind].owned else ()
    if value in signals.HARMLESS:
        return Outcome((), host)
    if value in signals.STOPS:
        why = f"{signals.named(value)} freezes it; it keeps what it knows, and SIGCONT lets it go on"
        return Outcome((_of("stop", facts, why, users),), host)
    met = signals.met(facts, value, world.files)
    outlook = owners.outlook((layers[0]._replace(facts=met.facts), *layers[1:]), met.action)
    if not outlook.ends:
        why = f"nothing happens to it: {met.end.why}"
        host = _with_outlook(host, facts, outlook._replace(reasons=reasons(why)))
        return Outcome((_of("change", facts, why, users),), host)
    killed = _of("kill", facts, outlook.why, users)
    unknown = tuple(f"{gap.problem}; {gap.fix}" for gap in gaps)
    host = _with_outlook(host._replace(ended=host.ended | {facts.process.pid}), facts, outlook)
    started = tuple(each._replace(starters=tuple(filter(_starts_the_unit, each.starters))) for each in layers)
    own = owners.outlook((started[0]._replace(facts=met.facts), *started[1:]), met.action)
    beyond, host = _beyond(owner, facts, own, host, world)
    return Outcome((killed, *beyond), host, unknown)


def _starts_the_unit(starter: "Starter") -> bool:
    """And not only its program, which then runs as another one's: the unit itself stays down."""
    return starter.starts == "unit"


def _with_outlook(host: HostState, facts: Facts, outlook: Outlook) -> HostState:
    return host._replace(outlooks={**host.outlooks, facts.process.pid: outlook})


def _beyond(
    owner: Owner, facts: Facts, outlook: Outlook, host: HostState, world: World
) -> tuple[tuple[Effect, ...], HostState]:
    """What goes down with a main process: its container, or its unit."""
    if isinstance(owner, Unread):
        return (), host
    if owner.kind in DOCKER_KINDS:
        return _container(owner, facts, outlook, host, world)
    unit = service_of(owner)
    if unit is None or facts.process.pid != unit.main_pid:
        return (), host
    verb: Verb = "restart" if outlook.returns else "stop"
    gone: tuple[Effect, ...] = ()
    if owner.id == "docker.service":  # not one of a user
        gone, host = engine_ends(host, world, starts_again=bool(outlook.returns))
    if unit.kill_mode in ("control-group", "mixed"):
        host = host._replace(ended=host.ended | set(processes.members(world.files, facts.process.cgroup)))
    if not outlook.returns:
        host = host._replace(stopped_units=host.stopped_units | {owner.id})
    return (_with_main_process(verb, "unit", owner.id, outlook.why), *gone), host


def _with_main_process(verb: Verb, what: Target, called: str, why: str, by: str = "main process") -> Effect:
    return Effect(verb, what, called, False, f"its {by} ends: {why}", cause="main-process-ends")


def _container(
    owner: "ContainerOwner", facts: Facts, outlook: Outlook, host: HostState, world: World
) -> tuple[tuple[Effect, ...], HostState]:
    """The container that the process is the main one of, or the shim."""
    main = owner.details.main_pid
    shims = shim_of(facts.process) is not None
    if facts.process.pid != main and not (shims and main):
        return (), host
    group = procfs.process(world.files, main)[0].cgroup if shims else facts.process.cgroup
    host = host._replace(ended=host.ended | set(processes.members(world.files, group)))
    why = "; ".join(each.text for each in outlook.reasons if shims or each.of != "end") or outlook.why
    verb: Verb = "restart" if outlook.returns else "stop"
    stopped = _with_main_process(verb, "container", owner.details.container, why, "shim" if shims else "main process")
    gone: tuple[Effect, ...] = ()
    if not outlook.returns:
        gone, host = container_ended(owner.id, host, world)
    return (stopped, *gone), host


def container_ended(identifier: str, host: HostState, world: World) -> tuple[tuple[Effect, ...], HostState]:
    """A container that stopped for good: one that was created with --rm goes, and its anonymous volumes with it.

    Raises Unanswered.
    """
    from runaway_watchdog.effects.docker import containers, state

    docker = state.current(host, world)
    stopped = [each for each in docker.containers if each.id == identifier]
    effects, docker = containers.stopping(world, docker, stopped)
    gone = tuple(each for each in effects if each.verb not in ("stop", "kill"))  # its end was told already
    return gone, host._replace(docker=docker)


def engine_ends(host: HostState, world: World, *, starts_again: bool) -> tuple[tuple[Effect, ...], HostState]:
    """Every running container, as the engine's stop or restart leaves it; none is touched where live-restore is on."""
    try:
        if engine.info(world).live_restore:
            return (), host
    except Unanswered:
        return (), host  # the gap is told by whoever read the engine's state
    from runaway_watchdog.effects.docker import state

    host = host._replace(docker=state.current(host, world))
    found: list[Effect] = []
    for container in [each for each in host.docker.containers if each.state in RUNNING]:
        policy = restart_policy(container, world)
        back = starts_again and policy not in ("no", "")
        if back:
            why = f"it ends with the engine, which starts it again (restart policy {policy})"
            found.append(Effect("restart", "container", container.name, False, why))
            continue
        why = "it ends with the engine" + ("; restart policy no leaves it stopped" if starts_again else "")
        found.append(Effect("stop", "container", container.name, False, why))
        gone, host = container_ended(container.id, host, world)
        found += gone
    return tuple(found), host


def restart_policy(container: Container, world: World) -> str:
    """Without its count; "" where the engine does not tell."""
    if container.policy is not None:
        return container.policy.partition(":")[0]
    try:
        found = engine.container(world, container.id)
    except Unanswered:
        return ""
    return "" if found is None else found.policy.partition(":")[0]
