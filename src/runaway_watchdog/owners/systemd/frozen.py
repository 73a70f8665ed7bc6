"""What becomes of a service whose processes are frozen (`systemctl freeze`). Pure.

The kernel lets SIGKILL end a frozen process, and so any signal that the program does not handle; a handled one waits.
What systemd makes of that end depends on its release: see `units.REFUSES_FROZEN`.
"""

from runaway_watchdog.model.owner import Action, Outlook, Reason
from runaway_watchdog.model.process import Process
from runaway_watchdog.owners.systemd.details import Service


def adapted(found: Outlook, name: str, unit: Service, process: Process, action: Action) -> Outlook:
    """`found` is what would become of it, did it run."""
    if action == "owner-stop":
        return _stopped(found, name, unit)
    if action not in ("sigterm", "sigkill") or not found.ends:
        return found
    if action == "sigterm" and process.sigterm != "default":
        waits = f"{name} is frozen: {process.signal} waits until it is thawed"
        return Outlook.goes_on(action, "likely" if process.sigterm == "unknown" else "certain", Reason(waits, "end"))
    if found.returns is False or unit.refuses_frozen is False or unit.role_of(process.pid) not in ("main", "last"):
        return found
    ends = tuple(each for each in found.reasons if each.of == "end")
    if unit.refuses_frozen is None:
        why = f"{name} is frozen, and whether its systemd starts a frozen unit is not known"
        return Outlook.not_known(action, (*ends, why), by=found.by)
    stuck = "frozen, it stays down until a boot: systemd refuses thaw and start then"
    return Outlook.stays_away(action, found.certainty, (stuck, *ends))


def _stopped(found: Outlook, name: str, unit: Service) -> Outlook:
    if unit.refuses_frozen is None:
        why = f"{name} is frozen: whether its systemd stops a frozen unit is not known"
        return Outlook.all_unknown("owner-stop", why)
    if not unit.refuses_frozen:
        return found
    what = "the slice that it is frozen with" if unit.freezer == "frozen-by-parent" else "it"
    return Outlook.goes_on("owner-stop", "certain", f"refused while {name} is frozen: {what} has to be thawed first")
