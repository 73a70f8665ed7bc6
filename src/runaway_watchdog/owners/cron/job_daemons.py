"""What cron and atd share: jobs that outlive a stop of the daemon that started them. Pure, but for `unit_of`."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from runaway_watchdog.model.owner import Action, Deferred, Outlook
from runaway_watchdog.model.process import Process
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.world import Unanswered, World
from runaway_watchdog.world.units import Unit

LEAVES = ("process", "none")
"""KillMode= with which a stop of the unit leaves the daemon's jobs running."""


class DaemonUnit(NamedTuple):
    """Whether the daemon runs, its unit, and what a stop of that does to its jobs."""

    daemon_runs: bool
    daemon_unit: str  # "": it has none
    survives_stop: bool | None  # a stop of the unit leaves the job running; None: it has no unit, or none that is known
    daemon: str | None
    stopped_as: str  # what is stopped when the daemon is

    def shown(self) -> Mapping[str, Any]:
        return self._asdict()


def unit_of(daemon: Process | None, job: Process, world: World) -> DaemonUnit:
    """The unit of the daemon, or of its job where that is all that is left; none of this host's in a container."""
    whose = daemon or job
    unit = (whose.control_group.unit or None) if len(whose.namespace_pids) == 1 else None
    known = None if unit is None else _unit(unit, world)
    return DaemonUnit(
        _runs(daemon, known),
        unit or "",
        None if known is None else _survives(known, daemon, job),
        None if unit is None else unit.removesuffix(".service"),
        unit or "its container",
    )


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


def stop_outlook(unit: DaemonUnit, action: Action, then: Outlook, *, in_container: bool) -> Outlook | Deferred:
    """A stop or a restart of the daemon; `then` is what follows a restart that ends the job."""
    verb = "stop" if action == "owner-stop" else "restart"
    if unit.survives_stop is None:
        # The daemon has no unit of its own: what ends it is the end of its container.
        return Deferred(action, True, f"it ends with the {'container' if in_container else 'daemon'}")
    if unit.survives_stop:
        why = f"`systemctl {verb} {unit.daemon_unit}` leaves running jobs alone"
        return Outlook.goes_on(action, "certain", why)
    if action == "owner-stop":
        why = f"`systemctl stop {unit.daemon_unit}` ends its jobs too, and starts no other one"
        return Outlook.stays_away(action, "likely", why)
    return then
