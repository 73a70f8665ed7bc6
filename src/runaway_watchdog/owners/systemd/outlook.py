"""What systemd makes of the end of a service's process: `Restart=`, its overrides, and whatever else starts it again.

As observed on systemd 252; the rig confirms it again. Pure, and the same for the system's units and for those of
users: `Manager` says who acts and what a boot brings.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from runaway_watchdog.model.owner import Action, Certainty, Outlook, Reason, Why, reasons
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.common.ending import Ending, How, ending
from runaway_watchdog.owners.common.exit_propagation import passed_on
from runaway_watchdog.owners.common.siblings import not_main
from runaway_watchdog.owners.interface import Read, Unread
from runaway_watchdog.owners.systemd import boot, frozen
from runaway_watchdog.owners.systemd.details import End, Service, Trigger
from runaway_watchdog.owners.systemd.manager import Manager
from runaway_watchdog.world.units import Statuses

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


def of_service(owner: Read[Service], facts: Facts, action: Action, manager: Manager) -> Outlook:
    """Of a service that could be read."""
    found = _of_running(owner, facts, action, manager)
    unit = owner.details
    return frozen.adapted(found, owner.name, unit, facts.process, action) if unit.freezer else found


def _of_running(owner: Read[Service], facts: Facts, action: Action, manager: Manager) -> Outlook:
    if action == "owner-daemon-restart" and manager.restart is not None:
        return manager.restart
    if action in ("reboot", "owner-daemon-restart"):
        return boot.outlook(owner.details, facts, action, manager)
    if action == "owner-stop":
        return _stopped(owner, facts)
    end = ending(facts.process, action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    role = owner.details.role_of(facts.process.pid)
    if role in ("beside", "left"):
        return _not_main(owner, facts, action, end, manager)
    if role == "control":
        return _control(owner, action, end, manager)
    if role == "last":  # systemd learns only that the unit is empty now, and takes that for a success
        end = end._replace(how="clean", why=f"{end.why}, and {owner.name} is empty then")
    return _restart(owner, facts, action, end, manager)


def _not_main(owner: Read[Service], facts: Facts, action: Action, end: Ending, manager: Manager) -> Outlook:
    """systemd acts on the main process only; this one's end may end that one too, or its own parent may act."""
    main = owner.details.main_pid
    above = [each.pid for each in facts.ancestors]
    if main in above and len(above) > above.index(main) + 1:
        passed = passed_on(facts, above[above.index(main) + 1], end)
        if passed is not None:
            return _restart(owner, facts, action, passed, manager)
    if owner.details.role_of(facts.process.pid) == "left":
        where = f"{owner.name} itself has stopped, and this process was left behind by it"
    else:
        where = f"it is not the main process of {owner.name} ({main or 'none is known'}), so systemd does not act"
    if facts.ancestors and facts.ancestors[0].name == "systemd":  # a user's manager takes in orphans, as PID 1 does
        return Outlook.stays_away(action, "likely", (end.reason, f"{where}, and its parent is gone"))
    return not_main(facts, action, end, where)


def of_unread(owner: Unread, facts: Facts, action: Action, restart: Outlook | None) -> Outlook:
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


def _control(owner: Read[Service], action: Action, end: Ending, manager: Manager) -> Outlook:
    """One of ExecStartPre= and the like: its failure is the start's, a death by SIGTERM too; no list counts."""
    if end.how == "clean":
        return Outlook.stays_away(action, "likely", (end.reason, f"then {owner.name} goes on starting"))
    fails = f"that fails the start of {owner.name}"
    if end.how == "own" or (end.how == "sigterm" and owner.details.sub_state == "start"):
        return Outlook.not_known(action, (end.reason, f"{fails}, or not: how it exits decides"))
    found: Class = "failure" if end.how == "failure" else "signal"
    if found not in RESTARTS.get(owner.policy, frozenset()) or owner.details.restart_after_s is None:
        why = (end.reason, fails, f"Restart={owner.policy} does not act on that")
        return started_again(owner, action, why, "likely")
    why = (end.reason, fails, f"Restart={owner.policy} starts it again")
    return Outlook.comes_back(action, manager.by, "likely", why, after_s=owner.details.restart_after_s)


def _restart(owner: Read[Service], facts: Facts, action: Action, end: Ending, manager: Manager) -> Outlook:
    """What `Restart=` and its overrides make of the end."""
    host = _host_ends(owner, facts, action, end, manager)
    if host is not None:
        return host
    answers = {restarts(owner, how, code) for how, code in _possible(owner.details, end.how)}
    policy = f"Restart={owner.policy}"
    if len(answers) > 1:
        return Outlook.not_known(action, end.reason.with_more(f", and {policy} depends on it"))
    certainty: Certainty = "likely" if end.how == "own" else end.certainty
    if answers == {False}:
        return _not_restarted(owner, action, end, certainty)
    delay = owner.details.restart_after_s
    if delay is None:
        waits = f"{policy} acts on that, but RestartSec=infinity: it waits for ever"
        return started_again(owner, action, (end.reason, waits), certainty)
    if limit := _start_limit(owner):
        return Outlook.not_known(action, (end.reason, f"{policy} acts on that, but {limit}"), by=manager.by)
    if certainty == "certain" and _young(owner):
        certainty = "likely"  # starts by hand count for the limit too, and are not counted anywhere
    why = (end.reason, f"{policy} starts it again{_gives_up(owner)}")
    return Outlook.comes_back(action, manager.by, certainty, why, after_s=delay)


def _possible(service: Service, how: How) -> list[tuple[How, int | None]]:
    """Every way in which it may end; a program that handles SIGTERM may exit with 0, or with any other code."""
    if how != "own":
        return [(how, None)]
    listed = {code for each in (service.prevent, service.force, service.success) for code in each[0]}
    return [("clean", None), ("failure", None), *(("failure", code) for code in sorted(listed - {0, 1}))]


def classed(service: Service, how: How, code: int | None = None) -> Class:
    """As systemd takes it: a death by SIGTERM is clean but for Type=oneshot; what SuccessExitStatus= lists is too."""
    if _listed(service.success, how, code) or how == "clean":
        return "clean"
    if how == "sigterm":
        return "signal" if service.type == "oneshot" else "clean"
    return "signal" if how == "sigkill" else "failure"


def restarts(owner: Read[Service], how: How, code: int | None = None) -> bool:
    """`Restart=` with its overrides: RestartPreventExitStatus= wins, then RestartForceExitStatus=.

    With RemainAfterExit=yes a clean end leaves the unit active, and nothing else is asked.
    """
    found = classed(owner.details, how, code)
    if found == "clean" and owner.details.remain_after_exit:
        return False
    if _listed(owner.details.prevent, how, code):
        return False
    return _listed(owner.details.force, how, code) or found in RESTARTS.get(owner.policy, frozenset())


def _listed(statuses: Statuses, how: How, code: int | None) -> bool:
    codes, signals = statuses
    if how in SIGNALS:
        return SIGNALS[how] in signals
    return (CODES.get(how) if code is None else code) in codes


def _young(owner: Read[Service]) -> bool:
    """Whether this life began within the interval over which systemd counts starts."""
    interval_s, up_s = owner.details.start_limit_interval_s, owner.details.up_s
    if not owner.details.start_limit_burst or not interval_s or up_s is None:
        return False
    return up_s + (owner.details.restart_after_s or 0.0) <= interval_s


def _start_limit(owner: Read[Service]) -> str | None:
    """Why systemd may give up instead."""
    burst, interval_s = owner.details.start_limit_burst, owner.details.start_limit_interval_s
    if not _young(owner) or owner.details.restarts_counted + 1 < burst:
        return None
    return f"after {burst} starts within {interval_s:g} s systemd gives it up (StartLimitBurst=)"


def _gives_up(owner: Read[Service]) -> str:
    """When it would not: only ends in quick succession reach the limit."""
    burst, interval_s = owner.details.start_limit_burst, owner.details.start_limit_interval_s
    if not burst or not interval_s or (owner.details.restart_after_s or 0.0) * burst >= interval_s:
        return ", however often it ends"
    return f", unless it ends {burst} times within {interval_s:g} s"


def ends_of(service: Service, facts: Facts, action: Action) -> frozenset[End]:
    """How the whole unit may end by that, as systemd takes it; a stop is a SIGTERM to its main process.

    Seen on 252: a stop that its program answers with exit 1 has failed, and OnFailure= acts on it.
    """
    role = service.role_of(facts.process.pid)
    if role == "left" or (action != "owner-stop" and role not in ("main", "last")):
        return frozenset()
    line = (facts.process, *facts.ancestors)
    main = next((each for each in line if each.pid == (service.main_pid or facts.process.pid)), None)
    if main is None or (action == "owner-stop" and service.stop_command):
        return frozenset(("failure", "success"))
    end = ending(main, "sigterm" if action == "owner-stop" else action)
    how: How = "clean" if role == "last" and action != "owner-stop" else end.how
    found: set[End] = {
        "success" if classed(service, each, code) == "clean" else "failure" for each, code in _possible(service, how)
    }
    return frozenset(found - ({"success"} if service.remain_after_exit and action != "owner-stop" else set()))


def _not_restarted(owner: Read[Service], action: Action, end: Ending, certainty: Certainty) -> Outlook:
    classes = {classed(owner.details, how, code) for how, code in _possible(owner.details, end.how)}
    if classes == {"clean"} and owner.details.remain_after_exit:
        stays = f"RemainAfterExit=yes: {owner.name} stays active without it, and Restart= does not act"
        return Outlook.stays_away(action, certainty, (end.reason, stays))
    gone = GONE.get(owner.details.load_state, "")
    why = reasons((end.reason, f"Restart={owner.policy}{gone} does not act on that"))
    ends: set[End] = {"success" if each == "clean" else "failure" for each in classes}
    return _handled(owner, action, why, certainty, ends)


def _handled(
    owner: Read[Service], action: Action, why: tuple[Reason, ...], certainty: Certainty, ends: Collection[End]
) -> Outlook:
    """OnFailure= and OnSuccess= start other units then."""
    of_end: dict[End, tuple[str, Sequence[str]]] = {
        "failure": ("OnFailure=", owner.details.on_failure),
        "success": ("OnSuccess=", owner.details.on_success),
    }
    for setting, handlers in (of_end[end] for end in of_end if end in ends):
        if handlers:
            why = (*why, Reason(f"{' and '.join(handlers)} is started then ({setting}), whatever that does"))
            certainty = "likely" if certainty == "certain" else certainty
    return started_again(owner, action, why, certainty)


def _host_ends(owner: Read[Service], facts: Facts, action: Action, end: Ending, manager: Manager) -> Outlook | None:
    """FailureAction= and SuccessAction= come before Restart=: the unit's end takes the host down, or restarts it."""
    settings = {_host_action(owner, how, code) for how, code in _possible(owner.details, end.how)}
    if settings == {"none"}:
        return None
    told = " or ".join(sorted(settings - {"none"}))
    if len(settings) > 1:
        why = (end.reason, f"that decides whether the unit's own setting acts on the whole host: {told}")
        return Outlook.not_known(action, why)
    why = (end.reason, f"then the unit's own setting acts on the whole host: {told}")
    if not settings <= HOST_BOOTS:
        return Outlook.stays_away(action, "likely", why)
    back = boot.outlook(owner.details, facts, "reboot", manager)
    certainty: Certainty = "unknown" if back.returns is None else "likely"
    return back._replace(action=action, ends=True, after_s=None, certainty=certainty, reasons=reasons(why))


def _host_action(owner: Read[Service], how: How, code: int | None) -> str:
    """On its way to a restart the unit is inactive for a moment, and systemd 252 takes that for a success, too."""
    found = classed(owner.details, how, code)
    if found == "clean" and owner.details.remain_after_exit:
        return "none"
    failure, success = owner.details.failure_action, owner.details.success_action
    if found != "clean" and failure != "none":
        return failure
    return success if found == "clean" or restarts(owner, how, code) else "none"


def started_again(owner: Read[Service], action: Action, why: Why, certainty: Certainty) -> Outlook:
    """`Restart=` does not act: does anything else start the unit again by itself?"""
    before = reasons(why)
    if owner.details.upheld_by:
        holder = owner.details.upheld_by[0]
        told = (*before, Reason(f"but {holder} upholds it and starts it at once"))
        return Outlook.comes_back(action, holder, certainty, told, after_s=AT_ONCE_S)
    for trigger in owner.details.triggered_by:
        found = _triggered(trigger, action, before, certainty) if trigger.active else None
        if found is not None:
            return found
    if owner.details.bus_name:
        told = (*before, Reason(f"but a D-Bus call to {owner.details.bus_name} may start it again"))
        return Outlook.not_known(action, told, by="dbus")
    return Outlook.stays_away(action, certainty, why)


def _triggered(trigger: Trigger, action: Action, before: tuple[Reason, ...], certainty: Certainty) -> Outlook | None:
    name = trigger.unit
    if name.endswith(".timer"):
        if not trigger.due:
            return None
        late = f", or up to {trigger.late_s:g} s later" if trigger.late_s >= 1 else ""
        why = (*before, Reason(f"the timer {name} starts it again at its next time{late}"))
        return Outlook.comes_back(action, name, certainty, why, after_s=trigger.next_in_s)
    if trigger.at_once:
        why = (*before, Reason(f"what {name} waits for is there: it starts it at once"))
        return Outlook.comes_back(action, name, certainty, why, after_s=AT_ONCE_S)
    if trigger.one_connection:
        why = (*before, Reason(f"it served one connection of {name}, and only a new client gets a new one"))
        return Outlook.stays_away(action, "likely", why)
    return Outlook.comes_back(
        action, name, "likely", (*before, Reason(f"{name} starts it again as soon as it is asked for"))
    )


def _stopped(owner: Read[Service], facts: Facts) -> Outlook:
    """`systemctl stop`, which not every unit obeys, and which KillMode= keeps from some of its processes."""
    mode, name, role = owner.details.kill_mode, owner.name, owner.details.role_of(facts.process.pid)
    if owner.details.refuse_manual_stop:
        why = f"{name} refuses to be stopped by hand (RefuseManualStop=yes)"
        return Outlook.goes_on("owner-stop", "certain", why)
    if role == "left":
        why = f"{name} has stopped already and left this process behind: a stop does not reach it any more"
        return Outlook.goes_on("owner-stop", "certain", why)
    if mode == "none" or (mode == "process" and role != "main"):
        if owner.details.stop_command:
            why = f"KillMode={mode}: only its own stop command (ExecStop=) may end this process"
            return started_again(owner, "owner-stop", why, "likely")
        why = f"KillMode={mode}: `systemctl stop {name}` leaves this process running"
        return Outlook.goes_on("owner-stop", "certain", why)
    ends = reasons((f"`systemctl stop {name}` ends it", "Restart= does not act on a stop"))
    return _handled(owner, "owner-stop", ends, "certain", ends_of(owner.details, facts, "owner-stop"))
