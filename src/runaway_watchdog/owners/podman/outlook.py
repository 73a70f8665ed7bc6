"""What becomes of a Podman container, of each of its processes, and what holds it. As observed on Podman 4.3."""

from collections.abc import Mapping

from runaway_watchdog.model.owner import Action, Certainty, Deferred, Outlook
from runaway_watchdog.model.plan import Containment
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.common import siblings
from runaway_watchdog.owners.common.ending import Ending, How, ending
from runaway_watchdog.owners.interface import Unread
from runaway_watchdog.owners.podman import containment
from runaway_watchdog.owners.podman.container import RESTART_UNIT
from runaway_watchdog.owners.podman.details import ContainerOwner
from runaway_watchdog.owners.steps import single

FIRST_DELAY_S = 0.3
"""From the death of the main process to the new one: the clean-up is a start of the podman program."""
ANEW_S = 0.9
"""What `podman rm` and `podman run` take when a unit starts a container anew."""
_BY_EXIT: Mapping[How, Action] = {"clean": "clean-exit", "own": "sigterm"}
"""What conmon does to its unit: it ends with the container's exit code; "its own choice" is told as of one that
handles SIGTERM. Every signal's is a failure (137, 143)."""


def outlook(owner: ContainerOwner | Unread, facts: Facts, action: Action) -> Outlook | Deferred:
    if action == "owner-daemon-restart":
        return Outlook.goes_on(action, "certain", "Podman has no daemon: its containers go on")
    if isinstance(owner, Unread):
        return _unread(owner, facts, action)
    if action == "reboot":
        return _reboot(owner, facts)
    if action == "owner-stop":
        return _stopped(owner, facts)
    end = ending(facts.process, action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    if is_conmon(owner, facts):
        why = (end.reason, "it looks after the container, which nobody would start again without it")
        return Outlook.not_known(action, why)
    if facts.process.pid != owner.details.main_pid:
        return _not_main(owner, facts, action, end)
    return _policy(owner, action, end)


def is_conmon(owner: ContainerOwner, facts: Facts) -> bool:
    """Whether it is the process that holds the container's output and waits for its end."""
    return facts.process.pid == owner.details.conmon_pid


def _unread(owner: Unread, facts: Facts, action: Action) -> Outlook:
    why = f"the restart policy of {owner.name} could not be read"
    if action not in ("owner-stop", "reboot"):
        end = ending(facts.process, action)
        if not end.ends:
            return Outlook.goes_on(action, end.certainty, end.why)
    return Outlook.not_known(action, why)


def _policy(owner: ContainerOwner, action: Action, end: Ending) -> Outlook | Deferred:
    name, _, limit = owner.policy.partition(":")
    certainty: Certainty = "likely" if end.how == "own" else end.certainty
    if name in ("always", "unless-stopped"):
        why = f"{end.why}; restart policy {name} starts the container again"
        return Outlook.comes_back(action, "podman", certainty, why, after_s=FIRST_DELAY_S)
    if name == "no":
        return _left(owner, action, end, certainty, f"{end.why}; restart policy no leaves it stopped")
    if limit and owner.details.restart_count >= int(limit):
        why = f"{end.why}; the {limit} restarts that {owner.policy} allows are used up"
        return _left(owner, action, end, certainty, why)
    if end.how == "own":
        why = f"{end.why}; {owner.policy} restarts it only if that is not 0"
        return Outlook.not_known(action, why, by="podman")
    if end.how == "clean":
        return _left(owner, action, end, certainty, f"{end.why}; {owner.policy} does not act on exit code 0")
    return Outlook.comes_back(
        action, "podman", certainty, (end.reason, f"{owner.policy} starts it again"), after_s=FIRST_DELAY_S
    )


def _left(owner: ContainerOwner, action: Action, end: Ending, certainty: Certainty, why: str) -> Outlook | Deferred:
    """Podman leaves it stopped; where a unit runs it, conmon's end is the end of that unit's main process."""
    unit = owner.details.run_by
    if unit is None:
        gone = ", and --rm removes the container" if owner.details.auto_remove else ""
        return Outlook.stays_away(action, certainty, why + gone)
    why = f"{why}, and conmon, which {unit} runs, ends with it"
    return Deferred(_BY_EXIT.get(end.how, "failure-exit"), True, why, ends=True, more_s=ANEW_S)


def _stopped(owner: ContainerOwner, facts: Facts) -> Outlook | Deferred:
    """`podman stop`: the policy does not act on that, and a unit does as on any end."""
    end = ending(facts.process, "sigterm")
    if owner.details.stop_signal not in ("15", "SIGTERM"):
        end = end._replace(how="own", certainty="likely")
    elif not end.ends:
        end = Ending(True, "sigkill", "certain", "")
    why = "`podman stop` ends the container, and its restart policy does not act on that"
    return _left(owner, "owner-stop", end, "certain", why)


def _not_main(owner: ContainerOwner, facts: Facts, action: Action, end: Ending) -> Outlook:
    main = owner.details.main_pid
    beside = f"{end.why}; it is not the container's main process ({main})"
    if main not in (ancestor.pid for ancestor in facts.ancestors) and siblings.may_start(facts) is None:
        why = f"{beside} but one that `podman exec` put there, so nobody starts it again"
        return Outlook.stays_away(action, end.certainty, why)
    parent = facts.ancestors[0]
    why = f"{beside}; whether its parent {parent.name} ({parent.pid}) inside the container starts it again is not known"
    return Outlook.not_known(action, why)


def _reboot(owner: ContainerOwner, facts: Facts) -> Outlook | Deferred:
    if facts.process.pid != owner.details.main_pid:
        why = "whether a boot brings the container back, and this process with it, is not known"
        return Outlook.not_known("reboot", why)
    if owner.details.run_by is not None:
        return Deferred("reboot", True, f"{owner.details.run_by} runs it", ends=True)
    name, starts = owner.policy.partition(":")[0], owner.details.started_at_boot
    if starts is None and name != "no":
        why = f"whether {RESTART_UNIT} of that user is enabled was not looked up"
        return Outlook.not_known("reboot", why)
    if starts:
        why = f"{RESTART_UNIT} is enabled: it starts every container with policy {name}, also a stopped one"
        return Outlook.comes_back("reboot", RESTART_UNIT, "certain", why)
    not_by = f"does not start policy {name}" if owner.details.restart_unit_enabled else "is not enabled"
    why = f"no unit runs it, and {RESTART_UNIT} {not_by}"
    return Outlook.stays_away("reboot", "certain" if name == "no" else "likely", why)


def contain(owner: ContainerOwner | Unread, facts: Facts) -> Containment | None:
    """The container for its main process, by its unit where that is what brings it back; else the process alone."""
    if isinstance(owner, Unread):
        return Containment("Hold it still until its Podman can be asked what it is", single.relieve(facts.process))
    if facts.process.pid == owner.details.main_pid:
        return containment.contain(owner)
    if is_conmon(owner, facts):
        goal = f"Leave it: it carries what {owner.name} writes, look at that: {containment.logs(owner)}"
        return Containment(goal, single.renice(facts.process))
    killed = outlook(owner, facts, "sigkill")
    if isinstance(killed, Outlook) and killed.returns is False:
        goal = f"Hold this one process still, then end it: {owner.name} itself goes on, and nothing starts it again"
        return Containment(goal, (*single.relieve(facts.process), single.end(facts.process)))
    goal = f"Hold this one process still: {owner.name} itself goes on; whether something starts it again is not known"
    return Containment(goal, single.relieve(facts.process))
