"""What is read of a service's unit, and of what would start that again.

One reading for the system's units and for those of users: a `Source` says who is asked, and where boots begin.
"""

from collections.abc import Sequence

from runaway_watchdog.owners.systemd import triggers
from runaway_watchdog.owners.systemd.details import Service
from runaway_watchdog.owners.systemd.manager import Source
from runaway_watchdog.world import Unanswered, World, procfs, units
from runaway_watchdog.world.processes import members
from runaway_watchdog.world.units import NEVER_US, NOT_LOADED, Unit

MOST_STEPS_UP = 16
"""Units looked at on the way from a unit to a target of the boot."""
EVIDENCE = ("Restart", "RestartUSec", "MainPID", "UnitFileState", "TriggeredBy", "UpheldBy", "FragmentPath")


def read(unit: Unit, source: Source, world: World) -> Service:
    """Raises Unanswered."""
    delay = unit.restart_delay if unit.restart_delay_next is None else unit.restart_delay_next
    begun = _seconds(unit.inactive_exit) or _seconds(unit.active_enter)
    masked = unit.load_state == "masked"  # then the path is that of the mask
    wanted_by = [*unit.wanted_by, *unit.required_by]
    return Service(
        type=unit.type,
        load_state=unit.load_state,
        active_state=unit.active_state,
        sub_state=unit.sub_state,
        kill_mode=unit.kill_mode,
        stop_command=bool(unit.stop_commands),
        remain_after_exit=unit.remain_after_exit,
        on_failure=unit.on_failure,
        on_success=unit.on_success,
        failure_action=unit.failure_action,
        success_action=unit.success_action,
        restart_after_s=None if delay == NEVER_US else delay / 1e6,
        restarts_counted=unit.restarts,
        prevent=unit.prevent,
        force=unit.force,
        success=unit.success,
        start_limit_burst=unit.start_limit_burst,
        start_limit_interval_s=_seconds(unit.start_limit_interval),
        up_s=round(max(0.0, world.clock.now() - begun), 1) if begun else None,
        main_pid=unit.main_pid,
        control_pid=unit.control_pid,
        processes=_processes(unit, world),
        unit_file="" if masked else unit.fragment_path,
        unit_file_state=unit.unit_file_state,
        source=unit.source_path,
        drop_ins=unit.drop_in_paths,
        transient=unit.transient,
        bus_name=_bus_name(unit, source, world),
        wanted_by=wanted_by,
        booted_by=_booted_by(wanted_by, source),
        upheld_by=_active(unit.upheld_by, source),
        upheld_at_boot=[each for each in unit.upheld_by if _booted(each, source)],
        triggered_by=triggers.read(unit, source, world),
        cpu_quota_percent=None if unit.cpu_quota_per_second == NEVER_US else unit.cpu_quota_per_second / 1e4,
        cpu_controller=procfs.cpu_controller(world.files),
        refuse_manual_stop=unit.refuse_manual_stop,
        can_freeze=_unified(world),
        stops_with_it=_stops_with_it(unit, source),
        link_target=None if masked else _link_target(unit.fragment_path, world),
        forgets=_forgets(unit),
        watchdog_s=_seconds(unit.watchdog) or None,
        freezer=(freezer := units.frozen(unit, world.files)),
        refuses_frozen=_refuses_frozen(source) if freezer else None,
    )


def evidence(name: str, unit: Unit) -> tuple[str, ...]:
    """What the manager said of a unit."""
    return tuple(f"D-Bus {name}: {each}={unit.answered[each]}" for each in EVIDENCE if each in unit.answered)


def _processes(unit: Unit, world: World) -> int | None:
    """How many it has, where no main one is known."""
    if unit.main_pid or ".." in unit.control_group.split("/"):
        return None
    return len(members(world.files, unit.control_group))


def _unified(world: World) -> bool:
    """Whether `systemctl freeze` works: only on cgroup v2. The unit's own CanFreeze says yes on v1 too."""
    try:
        world.files.read("/sys/fs/cgroup/cgroup.controllers")
    except OSError:
        return False
    return True


def _refuses_frozen(source: Source) -> bool | None:
    try:
        version = source.version()
    except Unanswered:
        version = None
    return None if version is None else version >= units.REFUSES_FROZEN


def _seconds(microseconds: int) -> float:
    return 0.0 if microseconds in (0, NEVER_US) else microseconds / 1e6


def _booted_by(wanted_by: Sequence[str], source: Source) -> str | None:
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
            unit = source.unit(each) or NOT_LOADED
            pending += (*unit.wanted_by, *unit.required_by)
    return False


def _active(names: Sequence[str], source: Source) -> list[str]:
    return [name for name in names if (source.unit(name) or NOT_LOADED).active_state == "active"]


def _stops_with_it(unit: Unit, source: Source) -> list[str]:
    """Active units that a stop of this one stops too, and that nothing would start again after it."""
    names = dict.fromkeys((*unit.required_by, *unit.bound_by, *unit.consists_of))
    # A target that requires it is stopped too, and nothing but its own name is lost by that.
    return _active([name for name in names if not name.endswith(".target")], source)


def _bus_name(unit: Unit, source: Source, world: World) -> str:
    """The D-Bus name that a call to would start it again; "" where there is none.

    TriggeredBy= does not tell it. The name is the unit's own (Type=dbus) or its alias (dbus-NAME.service).
    """
    aliases = [each.removeprefix("dbus-").removesuffix(".service") for each in unit.names if each.startswith("dbus-")]
    for name in (*([unit.bus_name] if unit.bus_name else []), *aliases):
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


def _forgets(unit: Unit) -> list[str]:
    """Folders that systemd deletes when the unit stops."""
    kept = unit.runtime_directory_preserve in ("yes", "restart")
    folders = [] if kept else [f"/run/{name}" for name in unit.runtime_directory]
    return [*folders, "its private /tmp"] if unit.private_tmp else folders
