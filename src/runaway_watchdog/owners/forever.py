"""Apps of forever and of nodemon: each under a Node.js process of its own that waits for it.

Observed with forever 4.0.3 and nodemon 3.1: forever answers every end within a fifth of a second, exit code 0 too,
unless the app lived for less than a second, or `--max` (which no file tells) is used up. nodemon starts its app again
only when a file changes. Both leave their app running when they are killed themselves.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from runaway_watchdog.model.owner import Action, Claim, Deferred, Outlook
from runaway_watchdog.model.plan import Containment, Prints, Step
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common import exit_propagation, identity, siblings
from runaway_watchdog.owners.common.ending import Ending
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.interface import Kind, Read
from runaway_watchdog.owners.steps import single
from runaway_watchdog.world import World, inside

KINDS = (Kind("forever-app", "forever app", line="started again {policy}"),)
FOREVER, NODEMON = "forever", "nodemon"
AT_ONCE_S = 0.2
MONITOR = "/forever/bin/monitor"


class App(NamedTuple):
    """What is known of one app."""

    main_pid: int
    manager_pid: int
    program: str  # forever, or nodemon
    in_container: bool

    def shown(self) -> Mapping[str, Any]:
        return {**self._asdict(), "daemon": self.program, "stopped_as": self.program}


def claim(facts: Facts) -> Claim | None:
    """Its parent is Node.js with one of the two scripts."""
    parent = facts.ancestors[0] if facts.ancestors else None
    if parent is None or parent.pid == 1 or program(parent) is None or not identity.may_start(parent, facts.process):
        return None
    pid = facts.process.pid
    evidence = f"/proc/{parent.pid}/cmdline: {' '.join(parent.cmdline)[:200]}"
    return Claim("forever-app", str(pid), (evidence,), parent.pid)


def program(process: Process) -> str | None:
    """Which of the two it is; None for any other process."""
    scripts = process.cmdline[:3] if identity.runs(process, identity.NODE) else ()
    if any(word.endswith(MONITOR) for word in scripts):
        return FOREVER
    return NODEMON if any(base(word) in ("nodemon", "nodemon.js") for word in scripts) else None


def inspect(claim: Claim, facts: Facts, world: World) -> Read[App] | None:
    """None: its parent is no such program of its user's."""
    manager, main = siblings.manager_and_main(facts, claim.manager_pid)
    if not identity.genuine(manager, world):
        return None
    by = program(manager) or FOREVER
    details = App(main.pid, manager.pid, by, bool(inside.of(world.files, manager).root))
    policy = "after every end" if by == FOREVER else "when a file changes"
    name = base(next((word for word in reversed(main.cmdline) if word.endswith((".js", ".mjs", ".cjs", ".ts"))), ""))
    return Read("forever-app", f"{name or main.name} of {by}", claim.ref, policy, details, claim.evidence)


def outlook(owner: Read[App], facts: Facts, action: Action) -> Outlook | Deferred:
    by, manager = owner.details.program, owner.details.manager_pid
    if action == "reboot":
        return Deferred(action, True, f"{by} starts it, where something starts {by} at boot")
    if action == "owner-daemon-restart":
        why = f"{by} has no daemon: each app has a process of its own that waits for it ({manager})"
        return Outlook.goes_on(action, "certain", why)
    if action == "owner-stop":
        why = f"`forever stop {manager}`" if by == FOREVER else f"the end of nodemon ({manager})"
        return Outlook.stays_away(action, "likely", f"{why} ends it too")
    end = exit_propagation.end_of(owner.details, facts, action, by)
    return end if isinstance(end, Outlook) else _answered(by, action, end)


def _answered(by: str, action: Action, end: Ending) -> Outlook:
    if by == NODEMON:
        why = (end.reason, "nodemon starts it again only when a file of its folder changes")
        return Outlook.stays_away(action, "likely", why)
    why = (end.reason, "forever starts it again after every end, unless its --max is used up, which is not told")
    return Outlook.comes_back(action, FOREVER, "likely", why, after_s=AT_ONCE_S)


def contain(owner: Read[App], facts: Facts) -> Containment | None:
    """Freeze whoever waits for it, then end it: that keeps all the options that it was started with."""
    app = owner.details
    manager = next((each for each in facts.ancestors if each.pid == app.manager_pid), None)
    if app.in_container or manager is None:
        return None
    by = app.program
    goal = f"Keep {by} from starting it again, then end it; until {by} goes on, or the next boot"
    steps = (*single.relieve(facts.process), _freeze(manager, by), single.end(facts.process))
    door = f"the next boot, where something starts {by} then; or {by} itself, once it goes on"
    return Containment(goal, steps, (door,))


def _freeze(manager: Process, by: str) -> Step:
    again = "starts it again" if by == FOREVER else "waits for the next change of a file"
    return Step(
        f"Freeze {by} first",
        single.guarded(manager, f"kill -STOP {manager.pid}"),
        f"it stands still and starts nothing any more; once it goes on, it {again}",
        "none",
        single.undoing(manager, f"kill -CONT {manager.pid}"),
        Prints(f"ps -o state= -p {manager.pid}", ("T",)),
    )
