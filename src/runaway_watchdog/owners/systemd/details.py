"""What is known of a systemd service, and what a process is to it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from runaway_watchdog.owners.interface import Owner, Read
from runaway_watchdog.world.units import Statuses

STARTING = frozenset({"start-pre", "start", "start-post", "condition"})
Role = Literal["main", "control", "last", "beside", "left"]
"""Of a process in its unit: the main one; one of ExecStartPre= and the like; the only one of a unit without a known
main one; any other one; or one that outlived the unit itself."""
End = Literal["failure", "success"]
"""How systemd takes the end of a unit that it does not restart: OnFailure= acts on one, OnSuccess= on the other."""
_OF_A_TRIGGER: Mapping[str, tuple[str, ...]] = {
    "timer": ("due", "late_s"),
    "socket": ("one_connection",),
    "path": ("at_once",),
}


class Trigger(NamedTuple):
    """A unit that would start the service again."""

    unit: str
    active: bool
    unit_file_state: str
    next_in_s: float | None = None
    """If the service ended now, as far as a timer tells it."""
    at_boot: bool = False
    """Whether a boot brings it back."""
    due: bool = True
    """Of a timer: whether it starts the service again at all."""
    late_s: float = 0.0
    """Of a timer: how much later than its time it may."""
    one_connection: bool = False
    """Of a socket: the service serves one connection, and ends with it."""
    at_once: bool = False
    """Of a path unit: what it waits for is there."""

    def shown(self) -> dict[str, Any]:
        """As `facts.triggered_by` has it."""
        names = ("unit", "active", "unit_file_state", "next_in_s", "at_boot")
        of_its_type = _OF_A_TRIGGER.get(self.unit.rpartition(".")[2], ())
        return {name: getattr(self, name) for name in (*names, *of_its_type)}


class Service(NamedTuple):
    """The names are those of `owners[].facts`."""

    type: str
    load_state: str
    active_state: str
    sub_state: str
    kill_mode: str
    stop_command: bool
    remain_after_exit: bool
    on_failure: Sequence[str]
    on_success: Sequence[str]
    failure_action: str
    success_action: str
    restart_after_s: float | None  # None: RestartSec=infinity
    restarts_counted: int
    prevent: Statuses
    force: Statuses
    success: Statuses
    start_limit_burst: int
    start_limit_interval_s: float
    up_s: float | None
    main_pid: int
    control_pid: int
    processes: int | None  # where no main process is known
    unit_file: str
    unit_file_state: str
    source: str
    drop_ins: Sequence[str]
    transient: bool
    bus_name: str  # a D-Bus call to which starts it; "" where there is none
    wanted_by: Sequence[str]
    booted_by: str | None
    upheld_by: Sequence[str]
    upheld_at_boot: Sequence[str]
    triggered_by: Sequence[Trigger]
    cpu_quota_percent: float | None
    cpu_controller: bool
    refuse_manual_stop: bool
    can_freeze: bool
    stops_with_it: Sequence[str]
    link_target: str | None  # where a unit that was enabled by its path really lies
    forgets: Sequence[str]  # folders that systemd deletes when it stops
    watchdog_s: float | None
    """Within which it must say that it lives (WatchdogSec=), or systemd ends it; None: it need not."""
    freezer: str
    """frozen, or frozen-by-parent where a slice around it is; "" where it runs."""
    refuses_frozen: bool | None
    """Whether its systemd refuses to stop, start and thaw it in that state; None: not frozen, or not known."""

    def shown(self) -> dict[str, Any]:
        """As `owners[].facts` has it: `on_success` only where there is one."""
        shown = {**self._asdict(), "triggered_by": [each.shown() for each in self.triggered_by]}
        return {name: each for name, each in shown.items() if each or name != "on_success"}

    def role_of(self, pid: int) -> Role:
        """What a process of the unit is to it."""
        if pid == self.main_pid:
            return "main"
        if pid == self.control_pid and self.sub_state in STARTING:
            return "control"
        if self.active_state in ("inactive", "failed"):
            return "left"
        alone = not self.main_pid and self.processes == 1
        return "last" if alone and self.sub_state == "running" else "beside"

    @property
    def wholly_its(self) -> bool:
        """Whether the unit's work is all that it started, since no main process is known."""
        return not self.main_pid and self.active_state == "active"

    def handlers(self) -> Mapping[str, frozenset["End"]]:
        """The units that its end starts, each with the ends that do."""
        ends: tuple[tuple[End, Sequence[str]], ...] = (("failure", self.on_failure), ("success", self.on_success))
        names = dict.fromkeys((*self.on_failure, *self.on_success))
        return {name: frozenset(end for end, of in ends if name in of) for name in names}


class User(NamedTuple):
    """Whose own systemd keeps a service."""

    user: str
    uid: int
    lingers: bool


class UsersService(NamedTuple):
    """A service of a user's own systemd."""

    service: Service
    whose: User

    def shown(self) -> dict[str, Any]:
        """As `owners[].facts` has it."""
        return {**self.service.shown(), **self.whose._asdict()}


def service_of(owner: Owner) -> Service | None:
    """What is known of the owner as a service of systemd, whosesoever; None: it is none, or was not read."""
    details = owner.details if isinstance(owner, Read) else None
    if isinstance(details, UsersService):
        return details.service
    return details if isinstance(details, Service) else None


def plain_service_of(owner: Owner) -> Service | None:
    """The same, for a service of the system's manager that no other tool stands in front of."""
    return service_of(owner) if owner.kind == "systemd-service" else None
