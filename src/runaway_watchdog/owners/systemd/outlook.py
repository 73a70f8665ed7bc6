"""What systemd makes of the end of a service's process: `Restart=`, its overrides, and whatever else starts it again.

As observed on systemd 252; the rig confirms it again. Pure, and the same for the system's units and for those of
users: `Manager` says who acts and what a boot brings.
"""

from collections.abc import Mapping
from typing import Any, Literal

from runaway_watchdog.model.owner import Action, Certainty, Outlook, reasons
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.common import siblings as beside
from runaway_watchdog.owners.common.ending import Ending, How, ending
from runaway_watchdog.owners.common.exit_propagation import passed_on
from runaway_watchdog.owners.interface import Owner
from runaway_watchdog.owners.systemd import boot as systemd_boot
from runaway_watchdog.owners.systemd.unit import Manager, role_of

SIGTERM, SIGKILL = 15, 9
Class = Literal["clean", "failure", "signal"]
"""How systemd takes an end: exit 0 and the like, another exit code, or a signal that is no ordinary way to end."""

RESTARTS: Mapping[str, frozenset[Class]] = {
    "no": frozenset(),
    "on-success": frozenset({"clean"}),
    "on-failure": frozenset({"failure", "signal"}),
    "on-abnormal": frozenset({"signal"}),
    "on-watchdog": frozenset(),
    "on-abort": frozenset({"signal"}),
    "always": frozenset({"clean", "failure", "signal"}),
}
"""Which ends `Restart=` answers."""
CODES: Mapping[How, int] = {"clean": 0, "failure": 1}
SIGNALS: Mapping[How, int] = {"sigterm": SIGTERM, "sigkill": SIGKILL}
HOST_BOOTS = frozenset({"reboot", "reboot-force", "reboot-immediate", "soft-reboot", "soft-reboot-force"})
GONE = {
    "masked": " (it is masked, so its own policy is gone)",
    "not-found": " (its file is gone, and its policy with it)",
}
AT_ONCE_S = 0.1
"""Within which systemd starts what is upheld, or what a path unit's condition already holds for."""


def outlook(owner: Owner, facts: Facts, action: Action, manager: Manager) -> Outlook:
    """Of a service that could be read."""
    if action == "owner-daemon-restart" and manager.restart is not None:
        return manager.restart
    if action in ("reboot", "owner-daemon-restart"):
        return systemd_boot.outlook(owner, facts, action, manager)
    if action == "owner-stop":
        return _stopped(owner, facts)
    end = ending(facts.process, action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    role = role_of(owner, facts.process.pid)
    if role in ("beside", "left"):
        return _not_main(owner, facts, action, end, manager)
    if role == "control":
        return _control(owner, action, end, manager)
    if role == "last":  # systemd learns only that the unit is empty now, and takes that for a success
        end = end._replace(how="clean", why=f"{end.why}, and {owner.name} is empty then")
    return _restart(owner, facts, action, end, manager)


def _not_main(owner: Owner, facts: Facts, action: Action, end: Ending, manager: Manager) -> Outlook:
    """systemd acts on the main process only; this one's end may end that one too, or its own parent may act."""
    main = owner.facts["main_pid"]
    above = [each.pid for each in facts.ancestors]
    if main in above and len(above) > above.index(main) + 1:
        passed = passed_on(facts, above[above.index(main) + 1], end)
        if passed is not None:
            return _restart(owner, facts, action, passed, manager)
    if role_of(owner, facts.process.pid) == "left":
        where = f"{owner.name} itself has stopped, and this process was left behind by it"
    else:
        where = f"it is not the main process of {owner.name} ({main or 'none is known'}), so systemd does not act"
    if facts.ancestors and facts.ancestors[0].name == "systemd":  # a user's manager takes in orphans, as PID 1 does
        return Outlook.stays_away(action, "likely", (end.reason, f"{where}, and its parent is gone"))
    return beside.not_main(facts, action, end, where)


def unread(owner: Owner, facts: Facts, action: Action, restart: Outlook | None) -> Outlook:
    """Of a service whose manager did not answer; `restart`: see `Manager`."""
    why = f"{owner.name} could not be read"
    if action == "owner-daemon-restart" and restart is not None:
        return restart
    if action in ("owner-stop", "reboot", "owner-daemon-restart"):
        return Outlook.not_known(action, why)
    end = ending(facts.process, action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    return Outlook.not_known(action, why)


def _control(owner: Owner, action: Action, end: Ending, manager: Manager) -> Outlook:
    """One of ExecStartPre= and the like: its failure is the start's, a death by SIGTERM too; no list counts."""
    if end.how == "clean":
        why = f"{end.why}; then {owner.name} goes on starting"
        return Outlook.stays_away(action, "likely", why)
    why = f"{end.why}; that fails the start of {owner.name}"
    if end.how == "own" or (end.how == "sigterm" and owner.facts["sub_state"] == "start"):
        return Outlook.not_known(action, f"{why}, or not: how it exits decides")
    found: Class = "failure" if end.how == "failure" else "signal"
    if found not in RESTARTS.get(owner.policy, frozenset()) or owner.facts["restart_after_s"] is None:
        return started_again(owner, action, f"{why}; Restart={owner.policy} does not act on that", "likely")
    why = f"{why}; Restart={owner.policy} starts it again"
    return Outlook.comes_back(action, manager.by, "likely", why, after_s=owner.facts["restart_after_s"])


def _restart(owner: Owner, facts: Facts, action: Action, end: Ending, manager: Manager) -> Outlook:
    """What `Restart=` and its overrides make of the end."""
    host = _host_ends(owner, facts, action, end, manager)
    if host is not None:
        return host
    answers = {restarts(owner, how, code) for how, code in _possible(owner, end.how)}
    policy = f"Restart={owner.policy}"
    if len(answers) > 1:
        why = f"{end.why}, and {policy} depends on it"
        return Outlook.not_known(action, why)
    certainty: Certainty = "likely" if end.how == "own" else end.certainty
    if answers == {False}:
        return _not_restarted(owner, action, end, certainty)
    delay = owner.facts["restart_after_s"]
    if delay is None:
        why = f"{end.why}; {policy} acts on that, but RestartSec=infinity: it waits for ever"
        return started_again(owner, action, why, certainty)
    if limit := _start_limit(owner):
        why = f"{end.why}; {policy} acts on that, but {limit}"
        return Outlook.not_known(action, why, by=manager.by)
    if certainty == "certain" and _young(owner):
        certainty = "likely"  # starts by hand count for the limit too, and are not counted anywhere
    why = f"{end.why}; {policy} starts it again{_gives_up(owner)}"
    return Outlook.comes_back(action, manager.by, certainty, why, after_s=delay)


def _possible(owner: Owner, how: How) -> list[tuple[How, int | None]]:
    """Every way in which it may end; a program that handles SIGTERM may exit with 0, or with any other code."""
    if how != "own":
        return [(how, None)]
    listed = {code for name in ("prevent", "force", "success") for code in owner.facts[name][0]}
    return [("clean", None), ("failure", None), *(("failure", code) for code in sorted(listed - {0, 1}))]


def classed(owner: Owner, how: How, code: int | None = None) -> Class:
    """As systemd takes it: a death by SIGTERM is clean but for Type=oneshot; what SuccessExitStatus= lists is too."""
    if _listed(owner, "success", how, code) or how == "clean":
        return "clean"
    if how == "sigterm":
        return "signal" if owner.facts["type"] == "oneshot" else "clean"
    return "signal" if how == "sigkill" else "failure"


def restarts(owner: Owner, how: How, code: int | None = None) -> bool:
    """`Restart=` with its overrides: RestartPreventExitStatus= wins, then RestartForceExitStatus=.

    With RemainAfterExit=yes a clean end leaves the unit active, and nothing else is asked.
    """
    found = classed(owner, how, code)
    if found == "clean" and owner.facts.get("remain_after_exit"):
        return False
    if _listed(owner, "prevent", how, code):
        return False
    return _listed(owner, "force", how, code) or found in RESTARTS.get(owner.policy, frozenset())


def _listed(owner: Owner, name: str, how: How, code: int | None) -> bool:
    codes, signals = owner.facts[name]
    if how in SIGNALS:
        return SIGNALS[how] in signals
    return (CODES.get(how) if code is None else code) in codes


def _young(owner: Owner) -> bool:
    """Whether this life began within the interval over which systemd counts starts."""
    interval_s, up_s = owner.facts.get("start_limit_interval_s", 0.0), owner.facts.get("up_s")
    if not owner.facts.get("start_limit_burst") or not interval_s or up_s is None:
        return False
    return bool(up_s + (owner.facts["restart_after_s"] or 0.0) <= interval_s)


def _start_limit(owner: Owner) -> str | None:
    """Why systemd may give up instead."""
    burst, interval_s = owner.facts.get("start_limit_burst", 0), owner.facts.get("start_limit_interval_s", 0.0)
    if not _young(owner) or owner.facts["restarts_counted"] + 1 < burst:
        return None
    return f"after {burst} starts within {interval_s:g} s systemd gives it up (StartLimitBurst=)"


def _gives_up(owner: Owner) -> str:
    """When it would not: only ends in quick succession reach the limit."""
    burst, interval_s = owner.facts.get("start_limit_burst", 0), owner.facts.get("start_limit_interval_s", 0.0)
    if not burst or not interval_s or (owner.facts["restart_after_s"] or 0.0) * burst >= interval_s:
        return ", however often it ends"
    return f", unless it ends {burst} times within {interval_s:g} s"


def _not_restarted(owner: Owner, action: Action, end: Ending, certainty: Certainty) -> Outlook:
    classes = {classed(owner, how, code) for how, code in _possible(owner, end.how)}
    gone = GONE.get(owner.facts.get("load_state", ""), "")
    why = f"{end.why}; Restart={owner.policy}{gone} does not act on that"
    if classes == {"clean"} and owner.facts.get("remain_after_exit"):
        why = f"{end.why}; RemainAfterExit=yes: {owner.name} stays active without it, and Restart= does not act"
        return started_again(owner, action, why, certainty, ended=False)
    handlers = owner.facts.get("on_failure", [])
    if handlers and classes != {"clean"}:
        why += f"; {' and '.join(handlers)} is started then (OnFailure=), whatever that does"
        certainty = "likely" if certainty == "certain" else certainty
    return started_again(owner, action, why, certainty)


def _host_ends(owner: Owner, facts: Facts, action: Action, end: Ending, manager: Manager) -> Outlook | None:
    """FailureAction= and SuccessAction= come before Restart=: the unit's end takes the host down, or restarts it."""
    settings = {_host_action(owner, how, code) for how, code in _possible(owner, end.how)}
    if settings == {"none"}:
        return None
    told = " or ".join(sorted(settings - {"none"}))
    if len(settings) > 1:
        why = (end.reason, f"that decides whether the unit's own setting acts on the whole host: {told}")
        return Outlook.not_known(action, why)
    why = (end.reason, f"then the unit's own setting acts on the whole host: {told}")
    if not settings <= HOST_BOOTS:
        return Outlook.stays_away(action, "likely", why)
    back = systemd_boot.outlook(owner, facts, "reboot", manager)
    return Outlook(
        action, True, back.returns, back.by, None, "likely" if back.returns is not None else "unknown", reasons(why)
    )


def _host_action(owner: Owner, how: How, code: int | None) -> str:
    """On its way to a restart the unit is inactive for a moment, and systemd 252 takes that for a success, too."""
    found = classed(owner, how, code)
    if found == "clean" and owner.facts.get("remain_after_exit"):
        return "none"
    failure, success = (str(owner.facts.get(f"{name}_action", "none")) for name in ("failure", "success"))
    if found != "clean" and failure != "none":
        return failure
    return success if found == "clean" or restarts(owner, how, code) else "none"


def started_again(
    owner: Owner, action: Action, why: str, certainty: Certainty = "certain", *, ended: bool = True
) -> Outlook:
    """`Restart=` does not act: does anything else start the unit again by itself?

    `ended`: whether the unit itself has ended, for what is active is started by nobody.
    """
    if not ended:
        return Outlook.stays_away(action, certainty, why)
    if owner.facts["upheld_by"]:
        holder = owner.facts["upheld_by"][0]
        why = f"{why}; but {holder} upholds it and starts it at once"
        return Outlook.comes_back(action, holder, certainty, why, after_s=AT_ONCE_S)
    for trigger in owner.facts["triggered_by"]:
        found = _triggered(trigger, action, why, certainty) if trigger["active"] else None
        if found is not None:
            return found
    if owner.facts["bus_name"]:
        why = f"{why}; but a D-Bus call to {owner.facts['bus_name']} may start it again"
        return Outlook.not_known(action, why, by="dbus")
    return Outlook.stays_away(action, certainty, why)


def _triggered(trigger: Mapping[str, Any], action: Action, why: str, certainty: Certainty) -> Outlook | None:
    name = str(trigger["unit"])
    if name.endswith(".timer"):
        if not trigger.get("due", True):
            return None
        late = f", or up to {trigger['late_s']:g} s later" if trigger.get("late_s", 0) >= 1 else ""
        told = f"{why}; the timer {name} starts it again at its next time{late}"
        return Outlook.comes_back(action, name, certainty, told, after_s=trigger["next_in_s"])
    if trigger.get("at_once"):
        return Outlook.comes_back(
            action, name, certainty, f"{why}; what {name} waits for is there: it starts it at once", after_s=AT_ONCE_S
        )
    if trigger.get("one_connection"):
        told = f"{why}; it served one connection of {name}, and only a new client gets a new one"
        return Outlook.stays_away(action, "likely", told)
    told = f"{why}; {name} starts it again as soon as it is asked for"
    return Outlook.comes_back(action, name, "likely", told)


def _stopped(owner: Owner, facts: Facts) -> Outlook:
    """`systemctl stop`, which not every unit obeys, and which KillMode= keeps from some of its processes."""
    mode, name, role = owner.facts["kill_mode"], owner.name, role_of(owner, facts.process.pid)
    if owner.facts.get("refuse_manual_stop"):
        why = f"{name} refuses to be stopped by hand (RefuseManualStop=yes)"
        return Outlook.goes_on("owner-stop", "certain", why)
    if role == "left":
        why = f"{name} has stopped already and left this process behind: a stop does not reach it any more"
        return Outlook.goes_on("owner-stop", "certain", why)
    if mode == "none" or (mode == "process" and role != "main"):
        if owner.facts.get("stop_command"):
            why = f"KillMode={mode}: only its own stop command (ExecStop=) may end this process"
            return started_again(owner, "owner-stop", why, "likely")
        why = f"KillMode={mode}: `systemctl stop {name}` leaves this process running"
        return Outlook.goes_on("owner-stop", "certain", why)
    return started_again(owner, "owner-stop", f"`systemctl stop {name}` ends it; Restart= does not act on a stop")
