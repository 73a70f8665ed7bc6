"""What cron and atd share: jobs that outlive a stop of the daemon that started them. Pure, but for `unit_facts`."""

from typing import Any

from runaway_watchdog.model.owner import Action, Deferred, Outlook
from runaway_watchdog.model.process import Process
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.interface import Owner
from runaway_watchdog.world import Unanswered, World
from runaway_watchdog.world.units import Unit

LEAVES = ("process", "none")
"""KillMode= with which a stop of the unit leaves the daemon's jobs running."""


def unit_facts(daemon: Process | None, job: Process, world: World) -> dict[str, Any]:
    """Whether the daemon runs, its unit, and whether a stop of that leaves the job running (None: it has no unit)."""
    unit = (daemon or job).control_group.unit or None
    known = None if unit is None else _unit(unit, world)
    return {
        "daemon_runs": _runs(daemon, known),
        "daemon_unit": unit or "",
        "survives_stop": None if known is None else _survives(known, daemon, job),
        "daemon": None if unit is None else unit.removesuffix(".service"),
        "stopped_as": unit or "its container",
    }


def _unit(name: str, world: World) -> Unit | None:
    try:
        return world.manager.unit(name)
    except Unanswered:
        return None


def _runs(daemon: Process | None, unit: Unit | None) -> bool:
    """The daemon among the ancestors is the one that starts jobs, and not a child of one that is gone: Debian's cron
    and cronie write those in capitals."""
    title = "" if daemon is None else " ".join(daemon.cmdline).partition(" ")[0]
    if daemon is not None and not base(title).isupper():
        return True
    return unit is not None and unit.active_state == "active"


def _survives(unit: Unit, daemon: Process | None, job: Process) -> bool:
    return unit.kill_mode in LEAVES or (daemon is not None and daemon.cgroup != job.cgroup)


def daemon_fate(owner: Owner, action: Action, then: Outlook) -> Outlook | Deferred:
    """A stop or a restart of the daemon; `then` is what follows a restart that ends the job."""
    unit, survives = owner.facts["daemon_unit"], owner.facts["survives_stop"]
    verb = "stop" if action == "owner-stop" else "restart"
    if survives is None:
        # The daemon has no unit of its own: what ends it is the end of its container.
        return Deferred(action, True, f"it ends with the {'container' if owner.facts['in_container'] else 'daemon'}")
    if survives:
        why = f"`systemctl {verb} {unit}` leaves running jobs alone"
        return Outlook.goes_on(action, "certain", why)
    if action == "owner-stop":
        why = f"`systemctl stop {unit}` ends its jobs too, and starts no other one"
        return Outlook.stays_away(action, "likely", why)
    return then
