"""What no manager claimed: started by a person, a script, or something that is gone."""

from typing import Any, NamedTuple

from runaway_watchdog.model.owner import Action, Certainty, Claim, Outlook
from runaway_watchdog.model.plan import Containment
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common.ending import ending
from runaway_watchdog.owners.common.shells import base, shell
from runaway_watchdog.owners.common.siblings import lets_go_on, waits_for_one
from runaway_watchdog.owners.interface import Kind, Owner, Read, Unread
from runaway_watchdog.owners.steps import single
from runaway_watchdog.world import World

KINDS = (Kind("unmanaged", "no manager claims it", owned=False, starts=False, waits=False),)


class Started(NamedTuple):
    """What is known of a process that no manager would start again."""

    parent: Process | None = None  # None: an orphan
    nothing_again: bool = False  # whether that parent starts nothing by itself
    typed: Process | None = None  # the shell above it that somebody types into: a loop may have been typed there

    def shown(self) -> dict[str, Any]:
        """As `owners[].facts` has it."""
        if self.parent is None:
            return {}
        found = {"parent": self.parent.name, "parent_pid": self.parent.pid}
        return {**found, "parent_starts_nothing_again": True} if self.nothing_again else found


ORPHAN = Started()


def claim(facts: Facts) -> Claim:
    evidence = f"/proc/{facts.process.pid}/cgroup: {facts.process.cgroup or 'no cgroup'}"
    return Claim("unmanaged", facts.process.name, (evidence,))


def inspect(claim: Claim, facts: Facts, _world: World) -> Owner:
    return Read("unmanaged", claim.ref, str(facts.process.pid), "none", started_by(facts), claim.evidence)


def started_by(facts: Facts) -> Started:
    """By its parent; PID 1 is only who adopted it."""
    if not facts.ancestors or facts.ancestors[0].pid == 1:
        return ORPHAN
    parent = facts.ancestors[0]
    return Started(parent, starts_nothing_again(parent), _typed(facts))


def _typed(facts: Facts) -> Process | None:
    """Through whatever only waits for the one program that it runs, as `timeout`."""
    above = next((each for each in facts.ancestors if not waits_for_one(each)), None)
    started = None if above is None else shell(above)
    return above if started is not None and started.way == "typed" else None


def starts_nothing_again(parent: Process) -> bool:
    """A shell that is typed into, one whose line has no loop, a waiting `timeout`, a terminal's
    server, and who only adopts orphans."""
    started = shell(parent)
    if started is None:
        return waits_for_one(parent) or base(parent.exe) == "systemd" or lets_go_on(parent)
    if started.way != "line":
        return started.way == "typed"
    from runaway_watchdog.owners.common import shell_text  # 4 ms, only where it is needed

    return not shell_text.has_loop(started.text)


def outlook(owner: Read[Started] | Unread, facts: Facts, action: Action) -> Outlook:
    return outlook_of(ORPHAN if isinstance(owner, Unread) else owner.details, facts, action)


def outlook_of(started: Started, facts: Facts, action: Action) -> Outlook:
    """Nobody restarts an orphan. A living parent may: whether it does is not for us to guess."""
    if facts.process.pid == 1:
        return _init(action)
    if action == "reboot":
        why = "it belongs to no service and no job of cron; whether @reboot or a script starts another one is not known"
        return Outlook.stays_away(action, "likely", why)
    if action == "owner-daemon-restart":
        return Outlook.goes_on(action, "certain", "it has no owner that could be restarted")
    end = ending(facts.process, "sigterm" if action == "owner-stop" else action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    certainty: Certainty = "likely" if end.certainty == "certain" else end.certainty
    if started.parent is None:
        return Outlook.stays_away(action, certainty, (end.reason, "no manager claims it and its parent is gone"))
    parent = f"{started.parent.name} ({started.parent.pid})"
    if started.nothing_again:
        nothing = f"no manager claims it, and its parent {parent} starts nothing by itself"
        if started.typed is not None:
            nothing += f", unless somebody typed a loop into {started.typed.name} ({started.typed.pid})"
        return Outlook.stays_away(action, certainty, (end.reason, nothing))
    return Outlook.not_known(action, (end.reason, f"whether its parent {parent} starts it again is not known"))


def contain(owner: Read[Started] | Unread, facts: Facts) -> Containment:
    return contain_of(ORPHAN if isinstance(owner, Unread) else owner.details, facts)


def contain_of(started: Started, facts: Facts) -> Containment:
    """Freeze first. Ending it is proposed only where nobody would start it again."""
    process = facts.process
    if process.pid == 1:
        return Containment(
            "Find who makes it work so hard: PID 1 can be neither slowed nor stopped, all else needs it", ()
        )
    if process.state == "zombie":
        who = "PID 1" if started.parent is None else started.parent.name
        return Containment(f"Nothing: it is dead already, and goes when its parent {who} asks for its exit code", ())
    if started.parent is not None and not started.nothing_again:
        goal = "Hold it still, reversibly, until you know whether its parent would start it again"
        return Containment(
            goal, single.relieve(process), ("its parent, once it is ended: whether it does is not known",)
        )
    if started.parent is not None and lets_go_on(started.parent):
        goal = f"End it: {started.parent.name} lets go on at once what is only frozen, and starts nothing again"
        return Containment(goal, (*single.renice(process), single.end(process)), calm=True)
    goal = "Hold it still, then end it: nobody was found who would start it again"
    return Containment(goal, (*single.relieve(process), single.end(process)), _loop(started))


def _loop(started: Started) -> tuple[str, ...]:
    """What a shell that somebody types into shows of the line that it runs is nothing: bash and dash begin the next
    round of a loop also when this one is frozen (seen), and Ctrl-C there ends it."""
    typed = started.typed
    return () if typed is None else (f"a loop, if one was typed into {typed.name} ({typed.pid}): Ctrl-C there ends it",)


def _init(action: Action) -> Outlook:
    if action == "reboot":
        return Outlook.comes_back(action, "kernel", "certain", "PID 1 is the first that every boot starts")
    return Outlook.goes_on(action, "certain", "PID 1 is the host's init: nothing ends it but a reboot")
