"""systemd services, scopes and sessions.

The matrix of `Restart=` against every kind of end, the overrides, the triggers and their undo are those that were
observed on systemd 252; the rig confirms them again.
"""

import re
from collections.abc import Mapping
from typing import Any

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Claim, Fate, Kind, Owner
from runaway_watchdog.model.plan import Held
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners import single, systemd_hold, unmanaged
from runaway_watchdog.owners.ending import Ending, How, ending
from runaway_watchdog.world import Unanswered, World, procfs

KINDS = ("systemd-service", "systemd-scope", "session")
UNIT = re.compile(r"(?:/[^/]+\.slice)*/(?P<unit>[^/]+\.(?:service|scope))(?:/.*)?")
NEVER_US = 2**64 - 1  # systemd's "infinity"
SIGTERM, SIGKILL = 15, 9
BOOT_TARGETS = frozenset(
    f"{name}.target"
    for name in ("default", "multi-user", "graphical", "basic", "sysinit", "sockets", "timers", "paths", "getty")
)
"""What an ordinary boot reaches. Another target may or may not be among it."""

RESTARTS: Mapping[str, frozenset[How]] = {
    "no": frozenset(),
    "on-success": frozenset({"clean", "sigterm"}),
    "on-failure": frozenset({"failure", "sigkill"}),
    "on-abnormal": frozenset({"sigkill"}),
    "on-watchdog": frozenset(),
    "on-abort": frozenset({"sigkill"}),
    "always": frozenset({"clean", "failure", "sigterm", "sigkill"}),
}
"""Which ends of the main process `Restart=` answers. A death by SIGTERM counts as clean."""


def claim(facts: Facts) -> Claim | None:
    """Anchored at the start of the path: a unit's name further down is some container's, not this host's."""
    found = UNIT.fullmatch(facts.process.cgroup)
    if not found:
        return None
    unit = found["unit"]
    return Claim(_kind(unit), unit, (f"/proc/{facts.process.pid}/cgroup: {facts.process.cgroup}",))


def _kind(unit: str) -> Kind:
    if unit.endswith(".service"):
        return "systemd-service"
    return "session" if unit.startswith("session-") else "systemd-scope"


def outer(owner: Owner) -> Claim | None:  # noqa: ARG001 - systemd is the outermost manager there is
    return None


def inspect(claim: Claim, facts: Facts, world: World) -> Owner:
    """Read the unit and whatever would start it again. Raises Unanswered."""
    unit = world.manager.unit(claim.ref)
    if unit is None:
        raise Unanswered(
            Gap("systemd", f"systemd has no unit {claim.ref} loaded", f"look: systemctl status {claim.ref}")
        )
    if claim.kind != "systemd-service":
        return Owner(claim.kind, claim.ref, claim.ref, "none", unmanaged.parent_facts(facts), claim.evidence)
    return Owner(
        claim.kind,
        claim.ref,
        claim.ref,
        str(unit.get("Restart", "no")),
        _facts(unit, world),
        (*claim.evidence, *(f"D-Bus {claim.ref}: {name}={unit[name]}" for name in _EVIDENCE if name in unit)),
    )


_EVIDENCE = ("Restart", "RestartUSec", "MainPID", "UnitFileState", "TriggeredBy", "UpheldBy", "FragmentPath")


def _facts(unit: Mapping[str, Any], world: World) -> dict[str, Any]:
    """What is shown, and all that fate() and hold() need."""
    quota = unit.get("CPUQuotaPerSecUSec", NEVER_US)
    return {
        "main_pid": unit.get("MainPID", 0),
        "type": unit.get("Type", ""),
        "active_state": unit.get("ActiveState", ""),
        "restart_after_s": unit.get("RestartUSec", 0) / 1e6,
        "restarts_counted": unit.get("NRestarts", 0),
        "prevent": unit.get("RestartPreventExitStatus", [[], []]),
        "force": unit.get("RestartForceExitStatus", [[], []]),
        "success": unit.get("SuccessExitStatus", [[], []]),
        "unit_file": unit.get("FragmentPath", ""),
        "unit_file_state": unit.get("UnitFileState", ""),
        "drop_ins": unit.get("DropInPaths", []),
        "transient": unit.get("Transient", False),
        "kill_mode": unit.get("KillMode", ""),
        "bus_name": unit.get("BusName", ""),
        "wanted_by": [*unit.get("WantedBy", []), *unit.get("RequiredBy", [])],
        "upheld_by": unit.get("UpheldBy", []),
        "triggered_by": [_trigger(name, world) for name in unit.get("TriggeredBy", [])],
        "cpu_quota_percent": None if quota == NEVER_US else quota / 1e4,
        "cpu_controller": procfs.cpu_controller(world.files),
        "refuse_manual_stop": unit.get("RefuseManualStop", False),
        "start_limit_burst": unit.get("StartLimitBurst", 0),
        "start_limit_interval_s": _seconds(unit.get("StartLimitIntervalUSec", 0)),
        "up_s": _up_s(unit, world),
        "stops_with_it": _stops_with_it(unit, world),
        "link_target": _link_target(str(unit.get("FragmentPath", "")), world),
        "forgets": _forgets(unit),
    }


def _seconds(microseconds: int) -> float:
    return 0.0 if microseconds in (0, NEVER_US) else microseconds / 1e6


def _up_s(unit: Mapping[str, Any], world: World) -> float | None:
    entered = _seconds(unit.get("ActiveEnterTimestamp", 0))
    return round(max(0.0, world.clock.now() - entered), 1) if entered else None


def _stops_with_it(unit: Mapping[str, Any], world: World) -> list[str]:
    """Active units that a stop of this one stops too, and that nothing would start again after it."""
    names = dict.fromkeys((*unit.get("RequiredBy", []), *unit.get("BoundBy", []), *unit.get("ConsistsOf", [])))
    # A target that requires it is stopped too, and nothing but its own name is lost by that.
    units = [name for name in names if not name.endswith(".target")]
    return [name for name in units if (world.manager.unit(name) or {}).get("ActiveState") == "active"]


def _link_target(path: str, world: World) -> str | None:
    """Where a unit that was enabled by its path really lies: `disable` removes the link, and its name with it."""
    try:
        target = world.files.target(path) if path.startswith("/etc/") else None
    except OSError:
        return None
    return target if target is not None and target.startswith("/") and not target.startswith("/dev/") else None


def _forgets(unit: Mapping[str, Any]) -> list[str]:
    """Folders that systemd deletes when the unit stops."""
    kept = unit.get("RuntimeDirectoryPreserve", "no") in ("yes", "restart")
    folders = [] if kept else [f"/run/{name}" for name in unit.get("RuntimeDirectory", [])]
    return [*folders, "its private /tmp"] if unit.get("PrivateTmp") else folders


def _trigger(name: str, world: World) -> dict[str, Any]:
    """A timer, socket or path unit that would start the service; `next_in_s` only where a timer knows it."""
    unit = world.manager.unit(name) or {}
    next_in: float | None = None
    realtime = unit.get("NextElapseUSecRealtime", 0)
    monotonic = unit.get("NextElapseUSecMonotonic", 0)
    if realtime not in (0, NEVER_US):
        next_in = max(0.0, realtime / 1e6 - world.clock.now())
    elif monotonic not in (0, NEVER_US):
        next_in = max(0.0, monotonic / 1e6 - world.clock.monotonic())
    return {
        "unit": name,
        "active": unit.get("ActiveState") == "active",
        "unit_file_state": unit.get("UnitFileState", ""),
        "next_in_s": None if next_in is None else round(next_in, 1),
    }


def fate(owner: Owner, facts: Facts, action: Action) -> Fate:
    if owner.kind != "systemd-service":
        return _scope(owner, facts, action)
    if not owner.facts:
        return _unread(owner, facts, action)
    if action == "reboot":
        return _reboot(owner)
    if action == "owner-daemon-restart":
        why = "systemd keeps its services running when it re-executes itself"
        return Fate(action, False, False, None, None, "certain", why)
    if action == "owner-stop":
        return _stopped(owner, facts)
    end = ending(facts.process, action)
    if not end.ends:
        return Fate(action, False, False, None, None, end.certainty, end.why)
    if facts.process.pid != owner.facts["main_pid"]:
        return _not_main(owner, facts, action, end)
    return _restart(owner, action, end)


def _scope(owner: Owner, facts: Facts, action: Action) -> Fate:
    """systemd starts no scope again; a stop ends all that is in it, with SIGKILL where SIGTERM does not."""
    if facts.process.pid == 1 or action not in ("owner-stop", "owner-daemon-restart"):
        return unmanaged.fate(owner, facts, action)
    if action == "owner-stop":
        return Fate(action, True, False, None, None, "likely", f"`systemctl stop {owner.name}` ends all that is in it")
    return Fate(action, False, False, None, None, "certain", "systemd keeps its scopes when it re-executes itself")


def _stopped(owner: Owner, facts: Facts) -> Fate:
    """`systemctl stop`, which not every unit obeys, and which KillMode= keeps from some of its processes."""
    mode = owner.facts["kill_mode"]
    if owner.facts.get("refuse_manual_stop"):
        why = f"{owner.name} refuses to be stopped by hand (RefuseManualStop=yes)"
        return Fate("owner-stop", False, False, None, None, "certain", why)
    if mode == "none" or (mode == "process" and facts.process.pid != owner.facts["main_pid"]):
        why = f"KillMode={mode}: `systemctl stop {owner.name}` leaves this process running"
        return Fate("owner-stop", False, False, None, None, "certain", why)
    why = f"`systemctl stop {owner.name}` ends it; Restart= does not act on a stop"
    return _started_again(owner, "owner-stop", why)


def _unread(owner: Owner, facts: Facts, action: Action) -> Fate:
    ends = action != "owner-daemon-restart" and (
        action in ("owner-stop", "reboot") or ending(facts.process, action).ends
    )
    return Fate(action, ends, None, None, None, "unknown", f"{owner.name} could not be read")


def _restart(owner: Owner, action: Action, end: Ending) -> Fate:
    """What `Restart=` and its overrides make of the main process's end."""
    possible: tuple[How, ...] = ("clean", "failure") if end.how == "own" else (end.how,)
    answers = {restarts(owner, how) for how in possible}
    policy = f"Restart={owner.policy}"
    if len(answers) > 1:
        why = f"{end.why}, and {policy} depends on it"
        return Fate(action, True, None, None, None, "unknown", why)
    certainty = "likely" if end.how == "own" else end.certainty
    if answers == {True} and (limit := _start_limit(owner)):
        return Fate(action, True, None, "systemd", None, "unknown", f"{end.why}; {policy} acts on that, but {limit}")
    if answers == {True}:
        why = f"{end.why}; {policy} starts it again"
        return Fate(action, True, True, "systemd", owner.facts["restart_after_s"], certainty, why)
    return _started_again(owner, action, f"{end.why}; {policy} does not act on that", certainty)


def _start_limit(owner: Owner) -> str | None:
    """Why systemd may give up instead: it counts the starts within an interval, and this one's life is inside it."""
    burst, interval_s = owner.facts.get("start_limit_burst", 0), owner.facts.get("start_limit_interval_s", 0.0)
    up_s = owner.facts.get("up_s")
    if not burst or not interval_s or up_s is None or up_s > interval_s:
        return None
    if owner.facts["restarts_counted"] + 1 < burst:
        return None
    return f"after {burst} starts within {interval_s:g} s systemd gives it up (StartLimitBurst=)"


def restarts(owner: Owner, how: How) -> bool:
    """`Restart=` with its three overrides. RestartPreventExitStatus wins, then RestartForceExitStatus; what
    SuccessExitStatus lists counts as clean."""

    def listed(name: str) -> bool:
        codes, signals = owner.facts[name]
        return {
            "clean": 0 in codes,
            "failure": 1 in codes,
            "sigterm": SIGTERM in signals,
            "sigkill": SIGKILL in signals,
        }.get(how, False)

    if listed("prevent"):
        return False
    if listed("force"):
        return True
    return ("clean" if listed("success") else how) in RESTARTS.get(owner.policy, frozenset())


def _started_again(owner: Owner, action: Action, why: str, certainty: Any = "certain") -> Fate:
    """`Restart=` does not act: does anything else start the unit again by itself?"""
    if owner.facts["upheld_by"]:
        holder = owner.facts["upheld_by"][0]
        return Fate(
            action, True, True, holder, None, certainty, f"{why}; but {holder} upholds it and starts it at once"
        )
    for trigger in owner.facts["triggered_by"]:
        if not trigger["active"]:
            continue
        if trigger["unit"].endswith(".timer"):
            return Fate(
                action, True, True, trigger["unit"], trigger["next_in_s"], certainty,
                f"{why}; the timer {trigger['unit']} starts it again at its next time",
            )  # fmt: skip
        return Fate(
            action, True, True, trigger["unit"], None, "likely",
            f"{why}; {trigger['unit']} starts it again as soon as it is asked for",
        )  # fmt: skip
    if owner.facts["bus_name"]:
        why = f"{why}; but a D-Bus call to {owner.facts['bus_name']} may start it again"
        return Fate(action, True, None, "dbus", None, "unknown", why)
    return Fate(action, True, False, None, None, certainty, why)


def _not_main(owner: Owner, facts: Facts, action: Action, end: Ending) -> Fate:
    """systemd acts on the main process only; another one's parent may."""
    main = owner.facts["main_pid"]
    where = f"{end.why}; it is not the main process of {owner.name} ({main or 'none'}), so systemd does not act"
    parent = facts.ancestors[0] if facts.ancestors else None
    if parent is None or parent.pid == 1:
        return Fate(action, True, False, None, None, "likely", f"{where}, and its parent is gone")
    why = f"{where}; whether its parent {parent.name} ({parent.pid}) starts it again is not known"
    return Fate(action, True, None, None, None, "unknown", why)


def _reboot(owner: Owner) -> Fate:
    state = owner.facts["unit_file_state"]
    if owner.facts["transient"]:
        return Fate("reboot", True, False, None, None, "certain", "a transient unit: a reboot forgets it")
    wanted_by = owner.facts["wanted_by"]
    booted = next((name for name in wanted_by if name in BOOT_TARGETS), None)
    if state == "enabled-runtime":
        return Fate("reboot", True, False, None, None, "likely", "it is enabled until the next boot only")
    if booted:
        return Fate("reboot", True, True, "systemd", None, "certain", f"{booted} starts it at boot")
    if state == "enabled" and not wanted_by:
        return Fate("reboot", True, True, "systemd", None, "likely", "it is enabled")
    for trigger in owner.facts["triggered_by"]:
        if trigger["unit_file_state"] == "enabled":
            why = f"{trigger['unit']} is enabled: it is there after a reboot and starts it when its time comes"
            return Fate("reboot", True, True, trigger["unit"], None, "likely", why)
    if wanted_by:
        why = f"{wanted_by[0]} asks for it; whether that is started at boot is not known"
        return Fate("reboot", True, None, "systemd", None, "unknown", why)
    why = f"its unit file is {state or 'not installed'} and nothing that starts at boot asks for it"
    return Fate("reboot", True, False, None, None, "likely", why)


def hold(owner: Owner, facts: Facts) -> Held:
    if owner.kind != "systemd-service":
        return unmanaged.hold(owner, facts)
    if not owner.facts:
        return Held(f"Hold it still until {owner.name} can be read", single.still(facts.process))
    if facts.process.pid != owner.facts["main_pid"]:
        goal = f"Hold this one process still: it is not the main process of {owner.name}, which the others may need"
        return Held(goal, single.still(facts.process))
    return systemd_hold.hold(owner)
