"""Stopping a systemd service and keeping it stopped, reversibly."""

from shlex import quote
from typing import Any

from runaway_watchdog.model.owner import Owner
from runaway_watchdog.model.plan import Held, Step

RELIEVED_PERCENT = 20


def hold(owner: Owner) -> Held:
    """Outermost trap first: what would start it again, then the unit itself, then its start at boot.

    A transient unit's definition is gone once it stops, and a start could not undo that: it is frozen instead. An
    upheld unit is started again whatever one does to it.
    """
    unit = quote(owner.name)
    if owner.facts["transient"]:
        goal = f"Hold {owner.name} still: it is a transient unit, stopping it would forget its definition"
        return Held(goal, (*_relieve(owner, unit), _freeze(unit)))
    if owner.facts["upheld_by"]:
        holder = ", ".join(owner.facts["upheld_by"])
        goal = f"Hold {owner.name} still until {holder}, which starts it whenever it stops, no longer upholds it"
        return Held(goal, (*_relieve(owner, unit), _freeze(unit)))
    steps = [*_relieve(owner, unit)]
    steps += [_stop_trigger(trigger) for trigger in owner.facts["triggered_by"] if _alive(trigger)]
    steps.append(_stop(unit))
    if owner.facts["unit_file_state"] in ("enabled", "enabled-runtime"):
        steps.append(_disable(unit, owner.facts["unit_file_state"] == "enabled-runtime"))
    return Held(_goal(owner), tuple(steps))


def _goal(owner: Owner) -> str:
    if owner.facts["bus_name"]:
        return f"Stop {owner.name} until somebody calls {owner.facts['bus_name']} on D-Bus"
    static_but_wanted = owner.facts["wanted_by"] and owner.facts["unit_file_state"] not in (
        "enabled",
        "enabled-runtime",
    )
    if static_but_wanted:
        return f"Stop {owner.name} until the next boot, or until {owner.facts['wanted_by'][0]} is started again"
    return f"Stop {owner.name} and keep it stopped, over a reboot too, until somebody starts it"


def _alive(trigger: dict[str, Any]) -> bool:
    return bool(trigger["active"]) or trigger["unit_file_state"] == "enabled"


def _relieve(owner: Owner, unit: str) -> tuple[Step, ...]:
    """A CPU quota, where the host can enforce one: without a cpu controller it is accepted and limits nothing."""
    if not owner.facts["cpu_controller"]:
        return ()
    old = owner.facts["cpu_quota_percent"]
    if old is not None and old <= RELIEVED_PERCENT:
        return ()
    return (
        Step(
            "Take the pressure off",
            f"systemctl set-property --runtime {unit} CPUQuota={RELIEVED_PERCENT}%",
            f"it goes on with {RELIEVED_PERCENT} % of a core until the next boot",
            "slows",
            f"systemctl set-property --runtime {unit} CPUQuota={'' if old is None else f'{old:g}%'}",
            f"`systemctl show -p CPUQuotaPerSecUSec {unit}` prints 200ms",
        ),
    )


def _freeze(unit: str) -> Step:
    return Step(
        "Freeze it",
        f"systemctl freeze {unit}",
        "all its processes stand still and keep what they know",
        "interrupts",
        f"systemctl thaw {unit}",
        f"`systemctl show -p FreezerState {unit}` prints frozen",
    )


def _stop_trigger(trigger: dict[str, Any]) -> Step:
    name = quote(trigger["unit"])
    enabled = trigger["unit_file_state"] == "enabled"
    return Step(
        f"Close what would start it again: {trigger['unit']}",
        f"systemctl disable --now {name}" if enabled else f"systemctl stop {name}",
        "it no longer starts the service" + (", after a reboot neither" if enabled else ""),
        "interrupts",
        f"systemctl enable --now {name}" if enabled else f"systemctl start {name}",
        f"`systemctl is-active {name}` prints inactive",
    )


def _stop(unit: str) -> Step:
    return Step(
        "Stop it",
        f"systemctl stop {unit}",
        "systemd ends the service and does not start it again: Restart= does not act on a stop",
        "interrupts",
        f"systemctl start {unit}",
        f"`systemctl is-active {unit}` prints inactive or failed",
    )


def _disable(unit: str, runtime: bool) -> Step:
    flag = " --runtime" if runtime else ""
    return Step(
        "Keep it stopped over a reboot",
        f"systemctl disable{flag} {unit}",
        "it is no longer started at boot",
        "none",
        f"systemctl enable{flag} {unit}",
        f"`systemctl is-enabled {unit}` prints disabled",
    )
