"""Stopping a systemd service and keeping it stopped, reversibly."""

import re
from shlex import quote

from runaway_watchdog.model.owner import Owner
from runaway_watchdog.model.plan import Held, Step

RELIEVED_PERCENT = 20
ESSENTIAL = re.compile(r"(docker|containerd|dbus|dbus-broker|ssh|sshd|systemd-[a-z]+|user@[0-9]+)\.service")
"""Stopping one of these takes the host's containers, its logins or its log away, and is never the remedy."""


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
    if owner.facts.get("refuse_manual_stop"):
        goal = f"Hold {owner.name} still: it refuses to be stopped by hand"
        return Held(goal, (*_relieve(owner, unit), _freeze(unit)))
    if ESSENTIAL.fullmatch(owner.name):
        goal = f"Find who makes {owner.name} work so hard: the whole host needs it, stopping it is no way out"
        return Held(goal, _relieve(owner, unit))
    return Held(_goal(owner), (*_relieve(owner, unit), _stop(owner), *_disable(owner)))


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


def _stop(owner: Owner) -> Step:
    """One command for the unit and for what would start it again, so that neither the stop nor its undo leaves a
    moment between them: a socket unit cannot be started while its service runs."""
    triggers = [trigger["unit"] for trigger in owner.facts["triggered_by"] if trigger["active"]]
    names = " ".join(quote(name) for name in (*triggers, owner.name))
    others = list(owner.facts.get("stops_with_it", []))
    back = " ".join(quote(name) for name in (*triggers, owner.name, *others))
    also = f", and {' and '.join(triggers)} can no longer start it" if triggers else ""
    if others:
        also += f"; {', '.join(others)} stops with it, because it needs it"
    if owner.facts.get("forgets"):
        also += f"; systemd then deletes {' and '.join(owner.facts['forgets'])}, as at every stop"
    return Step(
        "Stop it" + (" together with what would start it again" if triggers else ""),
        f"systemctl stop {names}",
        f"systemd ends the service, and Restart= does not act on a stop{also}",
        "interrupts",
        f"systemctl start {back}",
        f"`systemctl is-active {names}` prints inactive or failed",
    )


def _disable(owner: Owner) -> tuple[Step, ...]:
    """What is enabled at present, and only that, so that the undo restores just what was."""
    states = {owner.name: owner.facts["unit_file_state"]}
    states |= {trigger["unit"]: trigger["unit_file_state"] for trigger in owner.facts["triggered_by"]}
    steps = []
    for state, flag in (("enabled", ""), ("enabled-runtime", " --runtime")):
        enabled = [name for name in states if states[name] == state]
        if enabled:
            names = " ".join(quote(name) for name in enabled)
            again = " ".join(quote(_to_enable(owner, name)) for name in enabled)
            steps.append(
                Step(
                    "Keep it stopped over a reboot",
                    f"systemctl disable{flag} {names}",
                    "it is no longer started at boot",
                    "none",
                    f"systemctl enable{flag} {again}",
                    f"`systemctl is-enabled {names}` prints disabled",
                )
            )
    return tuple(steps)


def _to_enable(owner: Owner, name: str) -> str:
    """A unit that was enabled by its path has lost its name with the link: it is enabled by its path again."""
    target = owner.facts.get("link_target")
    return target if target is not None and name == owner.name else name
