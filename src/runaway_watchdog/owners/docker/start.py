"""What the start of a Docker Engine brings back, as told from a container's present state. Pure.

Observed on Engine 20.10 and 28.5, by a restart of the engine and by a reboot, with and without live-restore:

    no               nothing
    always           every container, also one that somebody stopped
    unless-stopped   what was not stopped by hand
    on-failure[:N]   what ended with another exit code than 0, also by hand (`docker stop` of a program without a
                     handler: 137), while its N restarts are not used up; the engine keeps that count
    a swarm's task   as the swarm decides, whatever its container's policy

An engine that stops ends its containers as `docker stop` does. With live-restore they outlive it; a boot then finds
them dead, with exit code 255.
"""

from runaway_watchdog.model.owner import Action, Certainty, Outlook
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.common import rooms
from runaway_watchdog.owners.docker import controllers, swarm
from runaway_watchdog.owners.docker.details import ContainerOwner


def outlook(owner: ContainerOwner, facts: Facts, action: Action, *, main: bool) -> Outlook:
    """`action` is owner-daemon-restart or reboot; `main`: the process is the one that the container lives by."""
    down = not owner.details.main_pid
    if action == "owner-daemon-restart" and owner.details.live_restore and not down:
        return Outlook.goes_on(action, "certain", "live-restore: containers outlive the engine")
    if owner.details.swarm is not None:
        return swarm.engine_starts(owner.details.swarm, facts, action)
    if action == "reboot" and owner.details.engine_at_boot is False:
        why = f"{owner.details.engine_unit} is not started at boot"
        return Outlook.stays_away(action, "likely", why)
    found = _stopped(owner, action) if down else _running(owner, facts, action)
    if not main:
        return _beside(owner, facts, action) if found.returns else found
    started = controllers.started_at_boot if action == "reboot" else controllers.started_again
    return started(owner.details, found)


def _at(action: Action) -> str:
    return "at the next boot" if action == "reboot" else "when the engine starts"


def _sure(owner: ContainerOwner, action: Action) -> Certainty:
    return "certain" if action != "reboot" or owner.details.engine_at_boot else "likely"


def _back(owner: ContainerOwner, action: Action, sure: Certainty, why: str = "") -> Outlook:
    told = why or f"restart policy {owner.policy}: it is started again {_at(action)}"
    return Outlook.comes_back(action, "docker", sure, told)


def _away(action: Action, why: str, sure: Certainty = "certain") -> Outlook:
    return Outlook.stays_away(action, sure, why)


def used_up(owner: ContainerOwner) -> bool:
    """Whether on-failure:N has no restart left."""
    limit = owner.policy.partition(":")[2]
    return bool(limit) and owner.details.restart_count >= int(limit)


def _running(owner: ContainerOwner, facts: Facts, action: Action) -> Outlook:
    name = owner.policy.partition(":")[0]
    if name == "no":
        gone = ", and --rm removes it" if owner.details.auto_remove else ""
        return _away(action, f"restart policy no: it is not started {_at(action)}{gone}")
    if name != "on-failure":
        return _back(owner, action, _sure(owner, action))
    if used_up(owner):
        return _away(action, f"the restarts that {owner.policy} allows are used up, and the engine remembers that")
    if owner.details.live_restore:  # so this is a reboot: it is found dead, exit code 255
        return _back(owner, action, _sure(owner, action))
    if killed_by_a_stop(owner, facts):
        return _back(owner, action, _sure(owner, action))
    why = f"{owner.policy}: it is started again {_at(action)} unless it exits with 0 when the engine stops it"
    return Outlook.not_known(action, why, by="docker")


def killed_by_a_stop(owner: ContainerOwner, facts: Facts) -> bool:
    """Whether `docker stop` has to kill it in the end (exit code 137), since its stop signal does nothing."""
    init, process = owner.details.init, facts.process
    lives_by = (owner.details.main_pid, None if init is None else init.child)
    if owner.details.stop_signal not in ("SIGTERM", "15") or process.pid not in lives_by:
        return False
    if init is not None:
        return init.child_sigterm in ("default", "ignored")  # 143, or 137
    return process.sigterm == "ignored" or (process.sigterm == "default" and process.is_namespace_init)


def _stopped(owner: ContainerOwner, action: Action) -> Outlook:
    """One that does not run now. Whether it was stopped by hand the engine does not tell."""
    name, state = owner.policy.partition(":")[0], owner.details.state
    if state == "created":
        return _away(action, "it was never started, so the engine does not start it either")
    if name == "no":
        return _away(action, f"restart policy no: it is not started {_at(action)}")
    if name == "always":
        why = f"restart policy always: it is started again {_at(action)}, also when somebody stopped it"
        return _back(owner, action, _sure(owner, action), "" if state == "restarting" else why)
    if name == "unless-stopped" and state != "restarting":
        return _away(action, "unless-stopped: somebody stopped it, or it would run", "likely")
    if name == "unless-stopped":
        return _back(owner, action, _sure(owner, action))
    code = owner.details.exit_code
    if code == 0:
        return _away(action, f"{owner.policy}: it exited with 0")
    if used_up(owner):
        return _away(action, f"the restarts that {owner.policy} allows are used up, and the engine remembers that")
    why = f"{owner.policy}: it exited with {code}, so it is started again {_at(action)}, also when somebody stopped it"
    return _back(owner, action, _sure(owner, action), why)


def _beside(owner: ContainerOwner, facts: Facts, action: Action) -> Outlook:
    """The container comes back; does that bring a process with it that is not its main one?"""
    comes = rooms.comes_with(facts, owner.details.main_pid)
    stray = owner.details.main_pid not in (each.pid for each in facts.ancestors)
    if comes:
        why = f"the container starts again {_at(action)}, and its main program starts it then, as it did the last time"
        return Outlook.comes_back(action, "docker", "likely", why)
    if comes is None or (stray and owner.details.health_check is not None):
        why = f"the container starts again {_at(action)}; whether that brings this process with it is not known"
        return Outlook.not_known(action, why, by="docker")
    if stray:
        return _away(action, "`docker exec` put it there: the container comes back without it")
    why = "its main program did not start it, and who did is gone: the container comes back without it"
    return _away(action, why, "likely")


def later(owner: ContainerOwner) -> str:
    """What a stop alone leaves to be done: the engine's next start; "" where it stays stopped."""
    name = owner.policy.partition(":")[0]
    if name == "always":
        return "; but the engine's next start brings it back (policy always)"
    if name == "on-failure" and not used_up(owner):
        return f"; but the engine's next start brings it back where it ended with another code than 0 ({owner.policy})"
    return ""
