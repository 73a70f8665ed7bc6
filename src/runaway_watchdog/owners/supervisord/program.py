"""Programs of supervisord.

Which ends it answers stands in `autorestart`, which its API does not tell: it is read from the configuration files.
Observed on 4.2.5: a death by any signal counts as unexpected (exit status -1), supervisord looks once a second, and
after `supervisorctl stop` a program stays stopped until supervisord itself starts anew.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from runaway_watchdog.model.owner import Action, Claim, Deferred, Outlook
from runaway_watchdog.model.plan import Advice, Containment
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common import exit_propagation, identity
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.interface import Kind, Owner, Read, Unread
from runaway_watchdog.owners.steps import single
from runaway_watchdog.world import World

if TYPE_CHECKING:
    from runaway_watchdog.owners.supervisord.details import LeftBehind, Program


def advice(owner: Owner, world: World) -> Iterable[Advice]:  # noqa: ARG001
    """An end to its restarts; what outlived its supervisord has no section."""
    if isinstance(owner, Unread):
        return ()
    from runaway_watchdog.owners.supervisord import containment
    from runaway_watchdog.owners.supervisord.details import Program

    program = owner.details
    place = program.place if isinstance(program, Program) else None
    return () if place is None else (containment.advice(place, owner.name),)


KINDS = (
    Kind(
        "supervisord-program",
        "supervisord program",
        line="supervisord program, {policy}",
        marks=("SUPERVISOR_ENABLED", "SUPERVISOR_GROUP_NAME", "SUPERVISOR_PROCESS_NAME", "SUPERVISOR_SERVER_URL"),
        advice=advice,
    ),
)
NAME_MARK = "SUPERVISOR_PROCESS_NAME"
"""What supervisord writes into the environment of its programs."""


def claim(facts: Facts) -> Claim | None:
    """Its parent is supervisord, by the name of its script: the program that runs is Python."""
    parent = facts.ancestors[0] if facts.ancestors else None
    if parent is None or parent.pid == 1 or not is_supervisord(parent):
        return _left_behind(facts)
    if not identity.may_start(parent, facts.process):
        return None
    pid = facts.process.pid
    return Claim(
        "supervisord-program", str(pid), (f"/proc/{pid}/stat: its parent {parent.pid} is supervisord",), parent.pid
    )


def _left_behind(facts: Facts) -> Claim | None:
    """By the mark in its environment: its parent is PID 1 by now."""
    name = facts.mark(NAME_MARK)
    if not name or not facts.ancestors or facts.ancestors[0].pid != 1:
        return None
    return Claim("supervisord-program", name, (f"/proc/{facts.process.pid}/environ: {NAME_MARK}={name}",))


def is_supervisord(process: Process) -> bool:
    named = process.name == "supervisord" or "supervisord" in (base(word) for word in process.cmdline[:3])
    return named and identity.runs(process, identity.PYTHON, "supervisord")


def inspect(claim: Claim, facts: Facts, world: World) -> "Read[Program] | Read[LeftBehind] | None":
    """Read its configuration, and ask it. Raises Unanswered where the configuration cannot be read."""
    from runaway_watchdog.owners.supervisord import left_behind, reading  # only where supervisord owns

    if claim.manager_pid is None:
        return left_behind.inspect(claim, facts, world)
    return reading.inspect(claim, claim.manager_pid, facts, world)


def outlook(owner: "Read[Program | LeftBehind] | Unread", facts: Facts, action: Action) -> Outlook | Deferred:
    """By autorestart for an end; by autostart for whatever starts supervisord anew."""
    if isinstance(owner, Unread):
        return exit_propagation.unread(facts, action, "supervisord's configuration could not be read")
    from runaway_watchdog.owners.supervisord import left_behind, outlook
    from runaway_watchdog.owners.supervisord.details import Program

    details = owner.details
    if isinstance(details, Program):
        return outlook.outlook(details, owner.name, facts, action)
    return left_behind.outlook(details, facts, action)


def contain(owner: "Read[Program | LeftBehind] | Unread", facts: Facts) -> Containment | None:
    if isinstance(owner, Unread):
        return Containment("Hold it still until supervisord's configuration can be read", single.relieve(facts.process))
    from runaway_watchdog.owners.supervisord import containment, left_behind
    from runaway_watchdog.owners.supervisord.details import Program

    details = owner.details
    if isinstance(details, Program):
        return containment.contain(details, owner.name, facts)
    return left_behind.contain(owner.name, facts)
