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
    }


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
        return unmanaged.fate(owner, facts, action)
    if not owner.facts:
        return _unread(owner, facts, action)
    if action == "reboot":
        return _reboot(owner)
    if action == "owner-daemon-restart":
        why = "systemd keeps its services running when it re-executes itself"
        return Fate(action, False, False, None, None, "certain", why)
    if action == "owner-stop":
        return _started_again(owner, action, f"`systemctl stop {owner.name}` ends it; Restart= does not act on a stop")
    end = ending(facts.process, action)
    if not end.ends:
        return Fate(action, False, False, None, None, end.certainty, end.why)
    if facts.process.pid != owner.facts["main_pid"]:
        return _not_main(owner, facts, action, end)
    return _restart(owner, action, end)


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
    if answers == {True}:
        why = f"{end.why}; {policy} starts it again"
        return Fate(action, True, True, "systemd", owner.facts["restart_after_s"], certainty, why)
    return _started_again(owner, action, f"{end.why}; {policy} does not act on that", certainty)


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
    if state == "enabled" or owner.facts["wanted_by"]:
        by = owner.facts["wanted_by"][0] if owner.facts["wanted_by"] else "its installation"
        return Fate("reboot", True, True, "systemd", None, "certain", f"it is started at boot ({by})")
    for trigger in owner.facts["triggered_by"]:
        if trigger["unit_file_state"] == "enabled":
            why = f"{trigger['unit']} is enabled: it is there after a reboot and starts it when its time comes"
            return Fate("reboot", True, True, trigger["unit"], None, "likely", why)
    why = f"its unit file is {state or 'not installed'} and nothing that starts at boot asks for it"
    return Fate("reboot", True, False, None, None, "likely", why)


def hold(owner: Owner, facts: Facts) -> Held:
    if owner.kind != "systemd-service":
        return unmanaged.hold(owner, facts)
    if not owner.facts:
        return Held(
            f"Hold it still until {owner.name} can be read",
            (*single.renice(facts.process), single.freeze(facts.process)),
        )
    if facts.process.pid != owner.facts["main_pid"]:
        goal = f"Hold this one process still: it is not the main process of {owner.name}, which the others may need"
        return Held(goal, (*single.renice(facts.process), single.freeze(facts.process)))
    return systemd_hold.hold(owner)
