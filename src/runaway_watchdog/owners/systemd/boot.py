"""What a boot brings back of a service, and what the start of a user's own systemd does."""

from runaway_watchdog.model.owner import Action, Certainty, Outlook, Reason
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.systemd.details import Service
from runaway_watchdog.owners.systemd.manager import Manager


def outlook(unit: Service, facts: Facts, action: Action, manager: Manager) -> Outlook:
    """Of a process, told from the present state."""
    found = _unit(unit, action, manager)
    if not found.returns or unit.role_of(facts.process.pid) in ("main", "last") or unit.wholly_its:
        return found
    why = (*found.reasons, Reason("whether that brings this process with it is not known"))
    return Outlook.not_known(action, why, by=found.by)


def _unit(unit: Service, action: Action, manager: Manager) -> Outlook:
    never = _never(unit, action, manager)
    if never is not None:
        return never
    when = "at boot" if action == "reboot" else "then"
    if unit.booted_by:
        back = f"{unit.booted_by} starts it {when}"
        if unit.unit_file_state == "masked-runtime":
            return Outlook.comes_back(action, manager.by, "likely", f"its mask is gone with the boot, and {back}")
        sure: Certainty = "certain" if unit.booted_by.endswith(".target") else "likely"
        return Outlook.comes_back(action, manager.by, sure, back)
    if unit.upheld_at_boot:
        holder = unit.upheld_at_boot[0]
        return Outlook.comes_back(action, holder, "likely", f"{holder}, which upholds it, is started {when}")
    why = f"its unit file is {unit.unit_file_state or 'not installed'} and nothing that starts {when} asks for it"
    return _by_a_door(unit, action, manager) or Outlook.stays_away(action, "likely", why)


def _never(unit: Service, action: Action, manager: Manager) -> Outlook | None:
    """What keeps it away, whatever asks for it."""
    certainty: Certainty = "certain"
    if action == "reboot" and manager.boots is not None:
        why, certainty = manager.boots, "likely"
    elif unit.transient:
        why = "a transient unit: a reboot forgets it" if action == "reboot" else "a transient unit: it is forgotten"
    elif unit.load_state == "not-found":
        why = "its unit file is gone, so nothing can start it again"
    elif unit.unit_file_state == "masked":
        why = "it is masked, so nothing can start it"
    elif unit.unit_file_state == "enabled-runtime":
        why, certainty = "it is enabled until the next boot only", "likely"
    else:
        return None
    return Outlook.stays_away(action, certainty, why)


def _by_a_door(unit: Service, action: Action, manager: Manager) -> Outlook | None:
    """What does not start it at boot by itself, and yet brings it back, or may."""
    for trigger in unit.triggered_by:
        if trigger.at_boot and not trigger.one_connection:
            when = "when its time comes" if trigger.unit.endswith(".timer") else "as soon as it is asked for"
            why = f"{trigger.unit} is there after a boot too, and starts it {when}"
            return Outlook.comes_back(action, trigger.unit, "likely", why)
    if unit.unit_file_state == "enabled" and not unit.wanted_by:
        why = "it is enabled, but what it is enabled for is not loaded: whether a boot reaches that is not known"
        return Outlook.not_known(action, why, by=manager.by)
    if unit.wanted_by:
        why = f"{unit.wanted_by[0]} asks for it; whether that is started at boot is not known"
        return Outlook.not_known(action, why, by=manager.by)
    if unit.bus_name:
        why = f"nothing starts it at boot, but a D-Bus call to {unit.bus_name} does"
        return Outlook.not_known(action, why, by="dbus")
    return None
