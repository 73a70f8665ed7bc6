"""What is told of a service, and all that its fate and its hold need: read from the unit's properties.

One reading for the system's units and for those of users: a `Source` says who is asked, and where boots begin.
"""

from collections.abc import Sequence
from typing import Any

from runaway_watchdog.owners.systemd import triggers as systemd_triggers
from runaway_watchdog.owners.systemd.unit import Properties, Source
from runaway_watchdog.world import World, procfs
from runaway_watchdog.world.processes import members
from runaway_watchdog.world.systemd import NEVER_US

MOST_STEPS_UP = 16
"""Units looked at on the way from a unit to a target of the boot."""


def facts(unit: Properties, source: Source, world: World) -> dict[str, Any]:
    """Shown as `owners[].facts`. Raises Unanswered."""
    wanted_by = [*unit.get("WantedBy", []), *unit.get("RequiredBy", [])]
    path = str(unit.get("FragmentPath", ""))
    masked = unit.get("LoadState") == "masked"  # then the path is that of the mask
    return {
        **_state(unit),
        **_restarts(unit, world),
        **_processes(unit, world),
        "unit_file": "" if masked else path,
        "unit_file_state": unit.get("UnitFileState", ""),
        "source": unit.get("SourcePath", ""),
        "drop_ins": unit.get("DropInPaths", []),
        "transient": unit.get("Transient", False),
        "bus_name": bus_activated(unit, source, world),
        "wanted_by": wanted_by,
        "booted_by": booted_by(wanted_by, source),
        "upheld_by": _active(unit.get("UpheldBy", []), source),
        "upheld_at_boot": [each for each in unit.get("UpheldBy", []) if _booted(each, source)],
        "triggered_by": systemd_triggers.read(unit, source, world),
        "cpu_quota_percent": _quota(unit),
        "cpu_controller": procfs.cpu_controller(world.files),
        "refuse_manual_stop": unit.get("RefuseManualStop", False),
        "can_freeze": _unified(world),
        "stops_with_it": _stops_with_it(unit, source),
        "link_target": None if masked else _link_target(path, world),
        "forgets": _forgets(unit),
    }


def _state(unit: Properties) -> dict[str, Any]:
    return {
        "type": unit.get("Type", ""),
        "load_state": unit.get("LoadState", "loaded"),
        "active_state": unit.get("ActiveState", ""),
        "sub_state": unit.get("SubState", ""),
        "kill_mode": unit.get("KillMode", ""),
        "stop_command": bool(unit.get("ExecStop", 0)),
        "remain_after_exit": unit.get("RemainAfterExit", False),
        "on_failure": unit.get("OnFailure", []),
        "failure_action": unit.get("FailureAction", "none"),
        "success_action": unit.get("SuccessAction", "none"),
    }


def _restarts(unit: Properties, world: World) -> dict[str, Any]:
    """`restart_after_s` is None where RestartSec=infinity; since systemd 254 it may grow, and RestartUSecNext tells."""
    delay = unit.get("RestartUSecNext", unit.get("RestartUSec", 0))
    begun = _seconds(unit.get("InactiveExitTimestamp", 0)) or _seconds(unit.get("ActiveEnterTimestamp", 0))
    return {
        "restart_after_s": None if delay == NEVER_US else delay / 1e6,
        "restarts_counted": unit.get("NRestarts", 0),
        "prevent": unit.get("RestartPreventExitStatus", [[], []]),
        "force": unit.get("RestartForceExitStatus", [[], []]),
        "success": unit.get("SuccessExitStatus", [[], []]),
        "start_limit_burst": unit.get("StartLimitBurst", 0),
        "start_limit_interval_s": _seconds(unit.get("StartLimitIntervalUSec", 0)),
        "up_s": round(max(0.0, world.clock.now() - begun), 1) if begun else None,
    }


def _processes(unit: Properties, world: World) -> dict[str, Any]:
    """The main process; where none is known, how many processes the unit has."""
    main, control = unit.get("MainPID", 0), unit.get("ControlPID", 0)
    group = str(unit.get("ControlGroup", ""))
    count = None if main or ".." in group.split("/") else len(members(world.files, group))
    return {"main_pid": main, "control_pid": control, "processes": count}


def _unified(world: World) -> bool:
    """Whether `systemctl freeze` works: only on cgroup v2. The unit's own CanFreeze says yes on v1 too."""
    try:
        world.files.read("/sys/fs/cgroup/cgroup.controllers")
    except OSError:
        return False
    return True


def _quota(unit: Properties) -> float | None:
    quota = unit.get("CPUQuotaPerSecUSec", NEVER_US)
    return None if quota == NEVER_US else quota / 1e4


def _seconds(microseconds: int) -> float:
    return 0.0 if microseconds in (0, NEVER_US) else microseconds / 1e6


def booted_by(wanted_by: Sequence[str], source: Source) -> str | None:
    """The unit that asks for it when the manager starts: a target of every boot, or what such a target asks for."""
    direct = next((name for name in wanted_by if name in source.boot_targets), None)
    return direct or next((name for name in wanted_by if _booted(name, source)), None)


def _booted(name: str, source: Source) -> bool:
    """Whether an ordinary start reaches a unit, by who wants or requires it."""
    pending, seen = [name], set[str]()
    while pending and len(seen) < MOST_STEPS_UP:
        each = pending.pop(0)
        if each in source.boot_targets:
            return True
        if each not in seen:
            seen.add(each)
            unit = source.unit(each) or {}
            pending += [str(name) for name in (*unit.get("WantedBy", []), *unit.get("RequiredBy", []))]
    return False


def _active(names: Sequence[str], source: Source) -> list[str]:
    return [name for name in names if (source.unit(name) or {}).get("ActiveState") == "active"]


def _stops_with_it(unit: Properties, source: Source) -> list[str]:
    """Active units that a stop of this one stops too, and that nothing would start again after it."""
    names = dict.fromkeys((*unit.get("RequiredBy", []), *unit.get("BoundBy", []), *unit.get("ConsistsOf", [])))
    # A target that requires it is stopped too, and nothing but its own name is lost by that.
    return _active([name for name in names if not name.endswith(".target")], source)


def bus_activated(unit: Properties, source: Source, world: World) -> str:
    """The D-Bus name that a call to would start it again; "" where there is none.

    TriggeredBy= does not tell it. The name is the unit's own (Type=dbus) or its alias (dbus-NAME.service).
    """
    aliases = [str(name) for name in unit.get("Names", []) if str(name).startswith("dbus-")]
    names = [str(unit["BusName"])] if unit.get("BusName") else []
    names += [each.removeprefix("dbus-").removesuffix(".service") for each in aliases]
    for name in names:
        if "/" not in name and any(world.files.exists(f"{folder}/{name}.service") for folder in source.bus_folders):
            return name
    return ""


def _link_target(path: str, world: World) -> str | None:
    """Where a unit that was enabled by its path really lies: `disable` removes the link, and its name with it."""
    try:
        target = world.files.target(path) if path.startswith("/etc/") else None
    except OSError:
        return None
    return target if target is not None and target.startswith("/") and not target.startswith("/dev/") else None


def _forgets(unit: Properties) -> list[str]:
    """Folders that systemd deletes when the unit stops."""
    kept = unit.get("RuntimeDirectoryPreserve", "no") in ("yes", "restart")
    folders = [] if kept else [f"/run/{name}" for name in unit.get("RuntimeDirectory", [])]
    return [*folders, "its private /tmp"] if unit.get("PrivateTmp") else folders
