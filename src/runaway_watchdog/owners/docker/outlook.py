"""What becomes of a container, of each of its processes, and what holds it. Restart semantics as observed on Engine
20.10 and 28.5; the rig confirms them again."""

from runaway_watchdog.model.owner import Action, Certainty, Outlook, Reason
from runaway_watchdog.model.plan import Containment
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.common import siblings
from runaway_watchdog.owners.common.ending import Ending, ending
from runaway_watchdog.owners.docker import containment, controllers, start, swarm
from runaway_watchdog.owners.docker.container import SHIM, shim_of
from runaway_watchdog.owners.docker.details import ContainerOwner, Init
from runaway_watchdog.owners.interface import Unread
from runaway_watchdog.owners.steps import single

FIRST_DELAY_S, STABLE_AFTER_S = 0.1, 10.0
"""The engine waits 100 ms before a restart, doubles that each time, and begins anew after 10 s of life."""


def outlook(owner: ContainerOwner | Unread, facts: Facts, action: Action) -> Outlook:
    if isinstance(owner, Unread):
        return _unread(owner, facts, action)
    if action in ("owner-daemon-restart", "reboot"):
        return start.outlook(owner, facts, action, main=is_main(owner, facts) or is_shim(facts))
    if not owner.details.main_pid:
        return _down(owner, action)
    if action == "owner-stop":
        return _stopped(owner, facts)
    end = _ending(owner, facts, action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    if is_shim(facts):
        return _shims(owner, action, end)
    if not is_main(owner, facts):
        return _not_main(owner, facts, action, end)
    return _ended(owner, action, end)


def _ended(owner: ContainerOwner, action: Action, end: Ending) -> Outlook:
    """The container ended with its main process."""
    if owner.details.swarm is not None:
        return swarm.outlook(owner.details.swarm, action, end)
    return controllers.started_again(owner.details, _policy(owner, action, end))


def is_shim(facts: Facts) -> bool:
    """Whether it is no process of the container, but its shim."""
    return shim_of(facts.process) is not None


def _shims(owner: ContainerOwner, action: Action, end: Ending) -> Outlook:
    """containerd finds its shim gone, and kills what that looked after (seen on Engine 20.10)."""
    container = owner.details.container
    if end.how == "own":
        why = f"it is the shim of container {container}, which is killed when the shim ends"
        return Outlook.not_known(action, (end.reason, why))
    why = f"{end.why}; it is the shim of container {container}, which is killed with it, without a shutdown"
    return _ended(owner, action, end._replace(how="sigkill", why=why))._replace(after_s=None)


def is_main(owner: ContainerOwner, facts: Facts) -> bool:
    """Whether the container lives and dies with this process: its main one, or the one that its init started."""
    init = owner.details.init
    return facts.process.pid in (owner.details.main_pid, None if init is None else init.child)


def _ending(owner: ContainerOwner, facts: Facts, action: Action) -> Ending:
    """As the process itself takes it; an init as PID 1 waits for signals with sigwait, and passes them on."""
    end = ending(facts.process, action)
    init = owner.details.init
    if init is None or not is_main(owner, facts):
        return end
    if facts.process.pid == init.child:
        return end._replace(
            certainty=end.certainty if init.certain or not end.ends else "likely",
            why=f"{end.why}, and {init.program} exits with it" if end.ends else end.why,
        )
    return _passed_on(init, facts) if action == "sigterm" else end


def _passed_on(init: Init, facts: Facts) -> Ending:
    certainty: Certainty = "certain" if init.certain else "likely"
    passed = f"{init.program} passes {facts.process.signal} on to {init.child}"
    return {
        "handled": Ending(True, "own", "likely", f"{passed}, which handles it: how that exits is its own choice"),
        "ignored": Ending(False, "own", certainty, f"{passed}, which ignores it"),
        "default": Ending(True, "sigterm", certainty, f"{passed}, which ends by it"),
    }.get(init.child_sigterm, Ending(True, "own", "unknown", passed))


def _unread(owner: Unread, facts: Facts, action: Action) -> Outlook:
    why = f"the restart policy of {owner.name} could not be read"
    if action not in ("owner-stop", "owner-daemon-restart", "reboot"):
        end = ending(facts.process, action)
        if not end.ends:
            return Outlook.goes_on(action, end.certainty, end.why)
    return Outlook.not_known(action, why)


def _down(owner: ContainerOwner, action: Action) -> Outlook:
    """A container without a process: between two attempts of the engine, or stopped."""
    if owner.details.state != "restarting":
        why = f"it is {owner.details.state}: it has no process, and nothing starts it while the engine goes on"
        return controllers.started_again(owner.details, Outlook.stays_away(action, "certain", why))
    if action == "owner-stop":
        why = "`docker stop` ends the engine's attempts, and its restart policy does not act on that"
        return controllers.started_again(owner.details, Outlook.stays_away(action, "certain", why))
    why = f"it is dead at this moment; {owner.policy} starts it again when the engine's delay is over"
    return Outlook.comes_back(action, "docker", "certain", why)


def _stopped(owner: ContainerOwner, facts: Facts) -> Outlook:
    if owner.details.swarm is not None:
        return swarm.stopped(owner.details.swarm, facts)
    why = f"`docker stop` ends the container, and its restart policy does not act on that{start.later(owner)}"
    return controllers.started_again(owner.details, Outlook.stays_away("owner-stop", "certain", why))


def _policy(owner: ContainerOwner, action: Action, end: Ending) -> Outlook:
    """What the restart policy makes of the end of the container's main process."""
    name, _, limit = owner.policy.partition(":")
    certainty: Certainty = "likely" if end.how == "own" else end.certainty
    if name in ("always", "unless-stopped"):
        return _back(owner, action, (end.reason, f"restart policy {name} starts the container again"), certainty)
    if name == "no":
        gone = ", and --rm removes the container" if owner.details.auto_remove else ""
        return Outlook.stays_away(action, certainty, (end.reason, f"restart policy no leaves it stopped{gone}"))
    if limit and owner.details.restart_count >= int(limit):
        why = (end.reason, f"the {limit} restarts that {owner.policy} allows are used up (`docker start` counts anew)")
        return Outlook.stays_away(action, certainty, why)
    if end.how == "own":
        why = (end.reason, f"{owner.policy} restarts it only if that is not 0")
        return Outlook.not_known(action, why, by="docker")
    if end.how == "clean":
        why = (end.reason, f"{owner.policy} does not act on exit code 0")
        return Outlook.stays_away(action, certainty, why)
    return _back(owner, action, (end.reason, f"{owner.policy} starts the container again"), certainty)


def _back(owner: ContainerOwner, action: Action, why: tuple[Reason | str, ...], certainty: Certainty) -> Outlook:
    """The first restart comes after 100 ms; a container that dies young waits twice as long each time. How long by
    now the engine does not tell: its count of restarts goes on when its delay begins anew."""
    if owner.details.up_s >= STABLE_AFTER_S or not owner.details.restart_count:
        return Outlook.comes_back(action, "docker", certainty, why, after_s=FIRST_DELAY_S)
    waits = f"it was up for less than {STABLE_AFTER_S:g} s, so the engine waits longer before each restart"
    why = (*why, waits)
    return Outlook.comes_back(action, "docker", "likely" if certainty == "certain" else certainty, why)


def _not_main(owner: ContainerOwner, facts: Facts, action: Action, end: Ending) -> Outlook:
    """A process beside the main one: the engine does not act, but something inside the container may."""
    main = owner.details.main_pid
    beside = f"{end.why}; it is not the container's main process ({main})"
    if is_stray(owner, facts):
        return _put_there(owner, facts, action, end.certainty, beside)
    parent = facts.ancestors[0]
    init = owner.details.init
    if parent.pid == main and init is not None:
        why = f"{beside} but an orphan that its init {init.program} took in, so nobody starts it again"
        return Outlook.stays_away(action, end.certainty, why)
    parent = siblings.may_start(facts) or parent
    why = f"{beside}; whether its parent {parent.name} ({parent.pid}) inside the container starts it again is not known"
    return Outlook.not_known(action, why)


def is_stray(owner: ContainerOwner, facts: Facts) -> bool:
    """Whether it does not descend from the main process: `docker exec` put it there, or a health check is it."""
    main = owner.details.main_pid
    return facts.process.pid != main and main not in (ancestor.pid for ancestor in facts.ancestors)


def _put_there(owner: ContainerOwner, facts: Facts, action: Action, certainty: Certainty, beside: str) -> Outlook:
    check, parent = owner.details.health_check, siblings.may_start(facts)
    if check is None and parent is not None:
        why = f"whether its parent {parent.name} ({parent.pid}), no child of that, starts it again is not known"
        return Outlook.not_known(action, f"{beside}; {why}")
    if check is None:
        why = f"{beside} but one that `docker exec` put there, so nobody starts it again"
        return Outlook.stays_away(action, certainty, why)
    words = [" ".join(each.cmdline) for each in (facts.process, *facts.ancestors) if not each.name.startswith(SHIM)]
    if any(" ".join(check.test[1:]) in each for each in words):
        why = f"{beside} but its health check, which the engine starts every {check.every_s:g} s"
        return Outlook.comes_back(action, "docker", "likely", why, after_s=check.every_s)
    why = f"{beside} but one that `docker exec` put there, or a part of the container's health check"
    return Outlook.not_known(action, why)


def contain(owner: ContainerOwner | Unread, facts: Facts) -> Containment:
    """The container, for its main process and what an init only passes on; any other process by itself alone."""
    if isinstance(owner, Unread) or is_main(owner, facts) or is_shim(facts):
        return containment.contain(owner, facts)
    killed = outlook(owner, facts, "sigkill")
    if killed.returns is False:
        goal = f"Hold this one process still, then end it: {owner.name} itself goes on, and nothing starts it again"
        return Containment(goal, (*single.relieve(facts.process), single.end(facts.process)))
    held, check = f"Hold this one process still: {owner.name} itself goes on", owner.details.health_check
    if killed.returns and check is not None:
        doors = (f"the health check of {owner.name}, every {check.every_s:g} s and when this one times out",)
        goal = f"{held}. It is its health check: make it anew with a cheaper check, or a longer interval"
        return Containment(goal, single.relieve(facts.process), doors)
    return Containment(f"{held}; whether something starts it again is not known", single.relieve(facts.process))
