"""A unit as systemd's manager tells it. Pure; what is asked, and of which type, is in world/systemd.py."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from runaway_watchdog.linux import cgroup
from runaway_watchdog.linux.text import lines
from runaway_watchdog.patterns import Pattern

if TYPE_CHECKING:
    from runaway_watchdog.world import Files

_SUFFIX = Pattern(r"\.(?:service|socket|timer|path|target|mount|automount|swap|slice|scope|device)\Z")
NEVER_US = 2**64 - 1
"""systemd's "infinity"."""
Statuses = Sequence[Sequence[int]]
"""Exit codes, then signals: as `SuccessExitStatus=` and its like have them."""


def full_name(name: str) -> str:
    """As systemctl takes it: whatever does not end in a type of unit is a service, dots or none (systemctl(1))."""
    return name if _SUFFIX.search(name) else f"{name}.service"


class Unit(NamedTuple):
    """The properties that are used, each with what stands for it where the manager does not answer it: an older
    systemd, a unit of another type. Times in microseconds: since the epoch, since the boot (`…_monotonic`), or long."""

    answered: Mapping[str, object]
    """The same as it came, for the evidence and for a recording."""
    id: str = ""
    load_state: str = "loaded"
    active_state: str = ""
    sub_state: str = ""
    unit_file_state: str = ""
    fragment_path: str = ""
    source_path: str = ""
    drop_in_paths: Sequence[str] = ()
    names: Sequence[str] = ()
    triggered_by: Sequence[str] = ()
    upheld_by: Sequence[str] = ()
    wanted_by: Sequence[str] = ()
    required_by: Sequence[str] = ()
    bound_by: Sequence[str] = ()
    requisite_of: Sequence[str] = ()
    consists_of: Sequence[str] = ()
    propagates_stop_to: Sequence[str] = ()
    on_failure: Sequence[str] = ()
    on_success: Sequence[str] = ()
    failure_action: str = "none"
    success_action: str = "none"
    need_daemon_reload: bool = False
    transient: bool = False
    refuse_manual_stop: bool = False
    freezer_state: str = ""
    """frozen, frozen-by-parent, freezing, thawing, running; since systemd 246. 252 goes on saying "frozen" of what it
    has started again since (seen), so the unit's control group is looked at too."""
    active_enter: int = 0
    inactive_exit: int = 0
    inactive_exit_monotonic: int = 0
    start_limit_burst: int = 0
    start_limit_interval: int = 0
    # of a service
    type: str = ""
    restart: str = "no"
    restart_delay: int = 0
    restart_delay_next: int | None = None
    """Since systemd 254, where it may grow."""
    kill_mode: str = ""
    bus_name: str = ""
    control_group: str = ""
    cpu_quota_per_second: int = NEVER_US
    prevent: Statuses = ((), ())
    force: Statuses = ((), ())
    success: Statuses = ((), ())
    main_pid: int = 0
    control_pid: int = 0
    restarts: int = 0
    exec_main_code: int = 0  # how the main process ended, as wait(2) has it: CLD_EXITED, CLD_KILLED, CLD_DUMPED
    exec_main_status: int = 0  # its exit code, or the signal's number
    remain_after_exit: bool = False
    private_tmp: bool = False
    runtime_directory: Sequence[str] = ()
    runtime_directory_preserve: str = "no"
    stop_commands: int = 0
    watchdog: int = NEVER_US
    """`WatchdogSec=`; 0 and infinity: none."""
    # of a timer
    next_elapse: int = 0
    last_trigger_monotonic: int = 0
    accuracy: int = 0
    randomized_delay: int = 0
    timers_calendar: Sequence[tuple[str, str, int]] = ()
    """Base, expression, next time."""
    timers_monotonic: Sequence[tuple[str, int, int]] = ()
    """Base, how long after it, next time."""
    # of a socket, and of a path unit
    accept: bool = False
    paths: Sequence[tuple[str, str]] = ()
    """Condition and path."""


NOT_LOADED = Unit({})
REFUSES_FROZEN = 256
"""From this release on systemd refuses to stop, start and restart a frozen unit, and to thaw one that is not active:
whose main process is ended while it is frozen stays down and frozen until a boot. Before, a stop thaws it. Seen on 252
and 257; the release notes of 256."""
_FIELDS: Mapping[str, str] = {
    "Id": "id", "LoadState": "load_state", "ActiveState": "active_state", "SubState": "sub_state",
    "UnitFileState": "unit_file_state", "FragmentPath": "fragment_path", "SourcePath": "source_path",
    "DropInPaths": "drop_in_paths", "Names": "names", "TriggeredBy": "triggered_by", "UpheldBy": "upheld_by",
    "WantedBy": "wanted_by", "RequiredBy": "required_by", "BoundBy": "bound_by", "RequisiteOf": "requisite_of",
    "ConsistsOf": "consists_of", "PropagatesStopTo": "propagates_stop_to", "OnFailure": "on_failure",
    "OnSuccess": "on_success",
    "FailureAction": "failure_action", "SuccessAction": "success_action", "NeedDaemonReload": "need_daemon_reload",
    "Transient": "transient", "RefuseManualStop": "refuse_manual_stop", "ActiveEnterTimestamp": "active_enter",
    "InactiveExitTimestamp": "inactive_exit", "InactiveExitTimestampMonotonic": "inactive_exit_monotonic",
    "FreezerState": "freezer_state", "WatchdogUSec": "watchdog",
    "StartLimitBurst": "start_limit_burst", "StartLimitIntervalUSec": "start_limit_interval",
    "Type": "type", "Restart": "restart", "RestartUSec": "restart_delay", "RestartUSecNext": "restart_delay_next",
    "KillMode": "kill_mode", "BusName": "bus_name", "ControlGroup": "control_group",
    "CPUQuotaPerSecUSec": "cpu_quota_per_second", "RestartPreventExitStatus": "prevent",
    "RestartForceExitStatus": "force", "SuccessExitStatus": "success", "MainPID": "main_pid",
    "ControlPID": "control_pid", "NRestarts": "restarts",
    "ExecMainCode": "exec_main_code", "ExecMainStatus": "exec_main_status", "RemainAfterExit": "remain_after_exit",
    "PrivateTmp": "private_tmp", "RuntimeDirectory": "runtime_directory",
    "RuntimeDirectoryPreserve": "runtime_directory_preserve", "ExecStop": "stop_commands",
    "NextElapseUSecRealtime": "next_elapse", "LastTriggerUSecMonotonic": "last_trigger_monotonic",
    "AccuracyUSec": "accuracy", "RandomizedDelayUSec": "randomized_delay", "TimersCalendar": "timers_calendar",
    "TimersMonotonic": "timers_monotonic", "Accept": "accept", "Paths": "paths",
}  # fmt: skip


def frozen(unit: Unit, files: "Files") -> str:
    """frozen, or frozen-by-parent where a slice around it is; "" where it runs.

    The kernel's word goes before systemd's; a unit without a control group has only that.
    """
    if unit.freezer_state in ("", "running"):
        return ""
    for hierarchy in cgroup.UNIFIED if unit.control_group else ():
        try:
            events = files.read(f"{cgroup.MOUNT}{hierarchy}{unit.control_group}/cgroup.events")
        except OSError:
            continue
        if "frozen 1" not in lines(events):
            return ""
    return unit.freezer_state if unit.freezer_state == "frozen-by-parent" else "frozen"


def parse(answered: Mapping[str, Any]) -> Unit:
    """From a manager's properties, whose types were looked at when they came in.."""
    return Unit(answered, **{_FIELDS[name]: value for name, value in answered.items() if name in _FIELDS})
