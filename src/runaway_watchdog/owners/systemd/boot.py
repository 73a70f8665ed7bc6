"""What a boot brings back of a service, and what the start of a user's own systemd does."""

from runaway_watchdog.model.owner import Action, Certainty, Outlook
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.interface import Owner
from runaway_watchdog.owners.systemd.unit import Manager, role_of


def outlook(owner: Owner, facts: Facts, action: Action, manager: Manager) -> Outlook:
    """Of a process, told from the present state."""
    found = _unit(owner, action, manager)
    if not found.returns or role_of(owner, facts.process.pid) in ("main", "last"):
        return found
    if not owner.facts["main_pid"] and owner.facts["active_state"] == "active":
        return found  # no main process is known: its work is all that it started
    why = f"{found.why}; whether that brings this process with it is not known"
    return Outlook.not_known(action, why, by=found.by)


def _unit(owner: Owner, action: Action, manager: Manager) -> Outlook:
    facts, when = owner.facts, "at boot" if action == "reboot" else "then"
    never = _never(owner, action, manager)
    if never is not None:
        return never
    if facts.get("booted_by"):
        back = f"{facts['booted_by']} starts it {when}"
        if facts["unit_file_state"] == "masked-runtime":
            return Outlook.comes_back(action, manager.by, "likely", f"its mask is gone with the boot, and {back}")
        sure: Certainty = "certain" if facts["booted_by"].endswith(".target") else "likely"
        return Outlook.comes_back(action, manager.by, sure, back)
    if facts.get("upheld_at_boot"):
        why = f"{facts['upheld_at_boot'][0]}, which upholds it, is started {when}"
        return Outlook.comes_back(action, facts["upheld_at_boot"][0], "likely", why)
    why = f"its unit file is {facts['unit_file_state'] or 'not installed'} and nothing that starts {when} asks for it"
    return _by_a_door(owner, action, manager) or Outlook.stays_away(action, "likely", why)


def _never(owner: Owner, action: Action, manager: Manager) -> Outlook | None:
    """What keeps it away, whatever asks for it."""
    facts = owner.facts
    certainty: Certainty = "certain"
    if action == "reboot" and manager.boots is not None:
        why, certainty = manager.boots, "likely"
    elif facts["transient"]:
        why = "a transient unit: a reboot forgets it" if action == "reboot" else "a transient unit: it is forgotten"
    elif facts.get("load_state") == "not-found":
        why = "its unit file is gone, so nothing can start it again"
    elif facts["unit_file_state"] == "masked":
        why = "it is masked, so nothing can start it"
    elif facts["unit_file_state"] == "enabled-runtime":
        why, certainty = "it is enabled until the next boot only", "likely"
    else:
        return None
    return Outlook.stays_away(action, certainty, why)


def _by_a_door(owner: Owner, action: Action, manager: Manager) -> Outlook | None:
    """What does not start it at boot by itself, and yet brings it back, or may."""
    facts = owner.facts
    for trigger in facts["triggered_by"]:
        if trigger.get("at_boot") and not trigger.get("one_connection"):
            when = "when its time comes" if trigger["unit"].endswith(".timer") else "as soon as it is asked for"
            why = f"{trigger['unit']} is there after a boot too, and starts it {when}"
            return Outlook.comes_back(action, trigger["unit"], "likely", why)
    if facts["unit_file_state"] == "enabled" and not facts["wanted_by"]:
        why = "it is enabled, but what it is enabled for is not loaded: whether a boot reaches that is not known"
        return Outlook.not_known(action, why, by=manager.by)
    if facts["wanted_by"]:
        why = f"{facts['wanted_by'][0]} asks for it; whether that is started at boot is not known"
        return Outlook.not_known(action, why, by=manager.by)
    if facts["bus_name"]:
        why = f"nothing starts it at boot, but a D-Bus call to {facts['bus_name']} does"
        return Outlook.not_known(action, why, by="dbus")
    return None
