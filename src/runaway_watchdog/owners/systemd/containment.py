"""Stopping a systemd service and keeping it stopped, reversibly. Pure, for the system's units and for those of users.

The outermost trap comes first: what would start it again is stopped in the same command. Where that is no unit that
could be stopped (another one upholds it, a D-Bus call starts it), a drop-in with a condition turns every start into
nothing. `mask --runtime` would not do: it has no effect on a unit whose file is in /etc, and says nothing about it.
"""

import shlex
from collections.abc import Callable
from shlex import quote

from runaway_watchdog.model.plan import Containment, Prints, Step, Succeeds
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.interface import Read
from runaway_watchdog.owners.steps import single
from runaway_watchdog.owners.systemd import drop_ins
from runaway_watchdog.owners.systemd.details import Service, Trigger
from runaway_watchdog.owners.systemd.drop_ins import SYSTEM, Words
from runaway_watchdog.patterns import Pattern

RELIEVED_PERCENT = 20
TRANSIENT = "/run/systemd/transient"
ESSENTIAL = Pattern(
    r"(docker|snap\.docker\.dockerd|containerd|dbus|dbus-broker|ssh|sshd|systemd-[a-z]+|user@[0-9]+)\.service"
)
"""Stopping one of these takes the host's containers, its logins or its log away, and is never the remedy."""


NOT_STILL = "; it is not frozen: the watchdog of its unit (WatchdogSec=) takes a standstill for a hang, and ends it"


Stop = Callable[[Read[Service], Words, str], Step]
"""The step that stops a unit, with the words that thaw it first."""


def of_service(owner: Read[Service], facts: Facts, words: Words) -> Containment:
    """Stop the unit, or, where a stop could not be undone, hold it still."""
    aside = _aside(owner, facts)
    if aside is not None:
        return aside
    limit, freeze = _limit(owner, words), _freeze(owner, words)
    why_not = _cannot_be_stopped(owner)
    if why_not:
        return _held(owner, facts, words, why_not)
    if ESSENTIAL.fullmatch(owner.name):
        needs = "all that this user runs" if owner.name.startswith("user@") else "the whole host"
        goal = f"Find who makes {owner.name} work so hard: {needs} needs it, stopping it is no way out"
        slower = "" if limit else ", and this host enforces no CPU limit that would slow it down"
        return Containment(goal + slower, limit, calm=True)
    relief, doors = limit or freeze, _open_doors(owner)
    goal = _goal(owner, doors) + _not_frozen(owner, limit)
    calm = bool(owner.details.freezer or owner.details.watchdog_s)
    if owner.details.upheld_by or owner.details.bus_name:
        return Containment(goal, (*relief, _thawed(owner, words, limit, _stop_and_bar)), doors, calm)
    steps = (*relief, *_save(owner), _thawed(owner, words, limit, _stop), *_disable(owner, words))
    return Containment(goal, steps, doors, calm)


def of_snap(owner: Read[Service], facts: Facts, service: str) -> Containment:
    """Through snapd, which would write its unit's state anew at the next refresh."""
    if _aside(owner, facts) is not None or ESSENTIAL.fullmatch(owner.name):
        return of_service(owner, facts, SYSTEM)
    flag = "--disable " if owner.details.unit_file_state == "enabled" else ""
    back = "--enable " if flag else ""
    limit = _limit(owner, SYSTEM)
    step = Step(
        "Stop it",
        f"snap stop {flag}{quote(service)}",
        f"snapd stops the service{' and no longer starts it at boot' if flag else ''}; Restart= does not act on a stop",
        "interrupts",
        f"snap start {back}{quote(service)}{_frozen_again(owner, SYSTEM)}",
        Prints(f"systemctl is-active {_units(owner.name)}", ("inactive", "failed")),
    )
    goal = f"Stop {owner.name} for good: over a reboot and a refresh of the snap too{_not_frozen(owner, limit)}"
    calm = bool(owner.details.freezer or owner.details.watchdog_s)
    stop = _thawed(owner, SYSTEM, limit, lambda _, __, thaw: step._replace(command=f"{thaw}{step.command}"))
    return Containment(goal, (*(limit or _freeze(owner, SYSTEM)), stop), calm=calm)


def _aside(owner: Read[Service], facts: Facts) -> Containment | None:
    """A process that is not the whole of the unit's work; None where it is."""
    role = owner.details.role_of(facts.process.pid)
    if role == "left":
        goal = f"Hold it still, then end it: {owner.name} left it behind when it stopped, and nothing starts it again"
        return Containment(goal, (*single.relieve(facts.process), single.end(facts.process)))
    if role in ("main", "last", "control") or owner.details.wholly_its:
        return None
    why = f"it is not the main process of {owner.name}, which the others may need"
    if owner.details.freezer:
        return Containment(f"It stands still already, with all of its unit: {why}", (), calm=True)
    if owner.details.watchdog_s:
        return Containment(f"Slow this one process down: {why}{NOT_STILL}", single.renice(facts.process), calm=True)
    return Containment(f"Hold this one process still: {why}", single.relieve(facts.process))


def _held(owner: Read[Service], facts: Facts, words: Words, why_not: str) -> Containment:
    """What can only be kept from using CPU."""
    limit = _limit(owner, words)
    if owner.details.freezer:
        return Containment(f"{owner.name} stands still already, and stays so: {why_not}", (), calm=True)
    if owner.details.watchdog_s:
        steps = limit or single.renice(facts.process)
        return Containment(f"Slow {owner.name} down: {why_not}{NOT_STILL}", steps, calm=True)
    still = single.held_still(limit, _freeze(owner, words) or single.relieve(facts.process))
    return Containment(f"Hold {owner.name} still: {why_not}", still, calm=True)


def _cannot_be_stopped(owner: Read[Service]) -> str | None:
    """Why no start could undo its stop, or why it refuses."""
    if owner.details.transient and not _can_be_saved(owner):
        return "it is a transient unit, stopping it would forget its definition"
    if owner.details.load_state == "not-found":
        return "its unit file is gone, nothing could start it again"
    if owner.details.refuse_manual_stop:
        return "it refuses to be stopped by hand"
    if owner.details.freezer == "frozen-by-parent":
        return "a slice around it is frozen, and systemd neither thaws nor stops it before that slice is thawed"
    connection = next((each.unit for each in owner.details.triggered_by if each.one_connection), None)
    if connection:
        return f"it serves one connection of {connection}, which its end would break off"
    return None


def _goal(owner: Read[Service], doors: tuple[str, ...]) -> str:
    """For how long it holds, and which door stays open."""
    if owner.details.upheld_by or owner.details.bus_name:
        return f"Stop {owner.name} until the next boot, also against {_upholder(owner)}, which would start it again"
    if booting := _booting(owner):
        return f"Stop {owner.name} until the next boot, when {booting[0]} may start it again"
    if owner.details.transient:
        return f"Stop {owner.name} until somebody makes it anew: the next boot forgets it anyway"
    if doors:
        first = _starters(owner)[0]
        return f"Stop {owner.name}, over a reboot too, until {first} is started again, which starts it along"
    return f"Stop {owner.name} for good: over a reboot too"


def _open_doors(owner: Read[Service]) -> tuple[str, ...]:
    """What would still bring it back, once all steps are done."""
    if owner.details.upheld_by or owner.details.bus_name:
        return (f"the next boot, which forgets the bar; then {_upholder(owner)} starts it again",)
    if owner.details.transient:
        return (f"whoever made {owner.name} with systemd-run, or as it does, may make it anew",)
    booting = tuple(f"the next boot, when {name} may start it again" for name in _booting(owner))
    return (*booting, *(f"a start of {name}, which starts it along" for name in _starters(owner)))


def _upholder(owner: Read[Service]) -> str:
    return ", ".join(owner.details.upheld_by) or f"a D-Bus call to {owner.details.bus_name}"


def _booting(owner: Read[Service]) -> list[str]:
    """Who starts it at boot and cannot be disabled: `disable` acts only on what is enabled."""
    doors = [each.unit for each in owner.details.triggered_by if each.at_boot and not _is_enabled(each)]
    asked = owner.details.booted_by if not _is_enabled(owner.details) and owner.kind != "sysv-service" else None
    return doors or ([asked] if asked else [])


def _starters(owner: Read[Service]) -> list[str]:
    """Other units that start it along."""
    return [name for name in owner.details.wanted_by if not name.endswith(".target")]


def _is_enabled(unit: Service | Trigger) -> bool:
    return unit.unit_file_state in ("enabled", "enabled-runtime")


def _limit(owner: Read[Service], words: Words) -> tuple[Step, ...]:
    """A CPU quota, where the host can enforce one: without a cpu controller it is accepted and limits nothing."""
    if not owner.details.cpu_controller or owner.details.load_state in ("not-found", "masked"):
        return ()
    if owner.details.freezer:
        return ()
    old = owner.details.cpu_quota_percent
    if old is not None and old <= RELIEVED_PERCENT:
        return ()
    unit, systemctl = _units(owner.name), words.systemctl
    return (
        Step(
            "Take the pressure off",
            f"{systemctl} set-property --runtime {unit} CPUQuota={RELIEVED_PERCENT}%",
            f"it goes on with {RELIEVED_PERCENT} % of a core until the next boot",
            "slows",
            f"{systemctl} set-property --runtime {unit} CPUQuota={'' if old is None else f'{old:g}%'}",
            Prints(f"{systemctl} show -p CPUQuotaPerSecUSec {unit}", ("200ms",)),
            phase="relieve",
        ),
    )


def _freeze(owner: Read[Service], words: Words) -> tuple[Step, ...]:
    """All its processes at once; nothing where systemd cannot (cgroup v1), or has no file of the unit, where it stands
    still already, or must not: systemd was seen to end it for a missed watchdog, 252 by a freeze, 257 too by SIGSTOP.
    """
    if not owner.details.can_freeze or owner.details.load_state in ("not-found", "masked"):
        return ()
    if owner.details.freezer or owner.details.watchdog_s:
        return ()
    unit, systemctl = _units(owner.name), words.systemctl
    return (
        Step(
            "Freeze it",
            f"{systemctl} freeze {unit}",
            "all its processes stand still and keep what they know",
            "interrupts",
            f"! {systemctl} is-active -q {unit} || {systemctl} thaw {unit}",
            Prints(f"{systemctl} show -p FreezerState {unit}", ("frozen",)),
            phase="relieve",
        ),
    )


def _thawed(owner: Read[Service], words: Words, limit: tuple[Step, ...], stop: Stop) -> Step:
    """Before a stop: systemd refuses to stop a frozen unit since 256. `limit`: what takes the pressure off instead.
    A thaw of what is not frozen may fail, as while it reloads."""
    thaw = f"{words.systemctl} thaw {_units(owner.name)} && "
    if owner.details.freezer:
        return stop(owner, words, thaw)
    plain = stop(owner, words, "")
    if limit or not _freeze(owner, words):
        return plain
    return stop(owner, words, thaw)._replace(unfrozen=plain.command)


def _frozen_again(owner: Read[Service], words: Words) -> str:
    """After a start: what was frozen before the plan is so after its undo."""
    return f" && {words.systemctl} freeze {_units(owner.name)}" if owner.details.freezer else ""


def _not_frozen(owner: Read[Service], limit: tuple[Step, ...]) -> str:
    """Why it is not frozen before it is stopped, where that would have been the first step."""
    return NOT_STILL if owner.details.watchdog_s and not limit and not owner.details.freezer else ""


def _can_be_saved(owner: Read[Service]) -> bool:
    """A unit of the system that systemd wrote down itself: the file is all that there is to it."""
    return owner.kind != "systemd-user-service" and owner.details.unit_file == f"{TRANSIENT}/{owner.name}"


def _save(owner: Read[Service]) -> tuple[Step, ...]:
    """What a stop would make systemd forget: the definitions of a transient unit, and of a transient timer of it.

    systemd 252 escapes each ";" of a command in a way that it does not read back itself: seen, and mended here.
    """
    if not owner.details.transient:
        return ()
    names = [each.unit for each in owner.details.triggered_by if each.unit_file_state == "transient"]
    copy = _copy(owner)
    return (
        Step(
            "Save its definition",
            f"mkdir -p -m 700 {copy} && for unit in {shlex.join((owner.name, *names))} ; do"
            f""" sed '/^Exec/s/\\\\;/;/g' "{TRANSIENT}/$unit" >{copy}/"$unit" || exit; done""",
            f"{copy} keeps what systemd forgets when a transient unit stops; nothing changes now",
            "none",
            None,
            Succeeds(f"ls {copy}/{quote(owner.name)}"),
            phase="save",
        ),
    )


def _copy(owner: Read[Service]) -> str:
    return quote(f"/root/{owner.name}.saved")


def _stop(owner: Read[Service], words: Words, thaw: str) -> Step:
    """One command for the unit and for what would start it again, so that neither the stop nor its undo leaves a
    moment between them: a socket unit cannot be started while its service runs."""
    triggers = _triggers(owner)
    names = _units(*triggers, owner.name)
    also = f", and {' and '.join(triggers)} can no longer start it" if triggers else ""
    return Step(
        "Stop it" + (" together with what would start it again" if triggers else ""),
        f"{thaw}{words.systemctl} stop {names}",
        f"systemd ends the service, and Restart= does not act on a stop{also}{_side_effects(owner)}",
        "interrupts",
        _start(owner, words),
        Prints(f"{words.systemctl} is-active {names}", ("inactive", "failed")),
    )


def _stop_and_bar(owner: Read[Service], words: Words, thaw: str) -> Step:
    """As long as the drop-in is there, every start does nothing."""
    bar, unbar = drop_ins.barred(owner.name, words)
    return Step(
        "Stop it, and bar every start",
        f"{bar} && {thaw}{words.systemctl} stop {_units(*_triggers(owner), owner.name)}",
        f"a drop-in turns every start into nothing until the next boot; systemd ends the service{_side_effects(owner)}",
        "interrupts",
        f"{unbar} && {_start(owner, words)}",
        Prints(f"{words.systemctl} is-active {_units(owner.name)}", ("inactive", "failed"), "also after a minute"),
    )


def _start(owner: Read[Service], words: Words) -> str:
    """What undoes a stop; a masked unit is started between its unmasking and its masking."""
    systemctl, unit, again = words.systemctl, _units(owner.name), _frozen_again(owner, words)
    start = f"{systemctl} start {_units(*_triggers(owner), owner.name, *owner.details.stops_with_it)}{again}"
    if owner.details.transient:
        return f"cp -p {_copy(owner)}/* {words.runtime}/ && {systemctl} daemon-reload && {start}"
    if owner.details.load_state != "masked":
        return start
    flag = " --runtime" if owner.details.unit_file_state == "masked-runtime" else ""
    return f"{systemctl} unmask{flag} {unit} && {start} && {systemctl} mask{flag} {unit}"


def _triggers(owner: Read[Service]) -> list[str]:
    return [trigger.unit for trigger in owner.details.triggered_by if trigger.active]


def _units(*names: str) -> str:
    """Names of units for systemctl. One may begin with a dash, and any user may give it: `-Hx.service` is an option."""
    ends = ("--",) if any(name.startswith("-") for name in names) else ()
    return shlex.join((*ends, *names))


def _side_effects(owner: Read[Service]) -> str:
    told = ""
    others = owner.details.stops_with_it
    if others:
        told += f"; {', '.join(others)} stops with it, because it needs it"
    if owner.details.forgets:
        told += f"; systemd then deletes {' and '.join(owner.details.forgets)}, as at every stop"
    return told


def _disable(owner: Read[Service], words: Words) -> tuple[Step, ...]:
    """What is enabled at present, and only that, so that the undo restores just what was."""
    states = {owner.name: owner.details.unit_file_state}
    states |= {trigger.unit: trigger.unit_file_state for trigger in owner.details.triggered_by}
    if owner.kind == "sysv-service" and owner.details.booted_by:
        states[owner.name] = "enabled"  # systemd says "generated", and hands both commands on to the old tool
    steps = []
    for state, flag in (("enabled", ""), ("enabled-runtime", " --runtime")):
        enabled = [name for name in states if states[name] == state]
        if enabled:
            names = _units(*enabled)
            by_path = [_to_enable(owner, name) for name in enabled]
            again = _units(*by_path)
            # With its link its name is gone: systemctl then says so on its standard error, or "not-found".
            answers = ("disabled",) if by_path == enabled else ("disabled", "not-found", "nothing")
            steps.append(
                Step(
                    "Keep it stopped over a reboot",
                    f"{words.systemctl} disable{flag} {names}",
                    "it is no longer started at boot",
                    "none",
                    f"{words.systemctl} enable{flag} {again}",
                    Prints(f"{words.systemctl} is-enabled {names}", answers),
                    phase="close",
                )
            )
    return tuple(steps)


def _to_enable(owner: Read[Service], name: str) -> str:
    """A unit that was enabled by its path has lost its name with the link: it is enabled by its path again."""
    target = owner.details.link_target
    return target if target is not None and name == owner.name else name
