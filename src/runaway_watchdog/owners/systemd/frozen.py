"""What becomes of a service whose processes are frozen (`systemctl freeze`). Pure.

The kernel lets SIGKILL end a frozen process, and so any signal that the program does not handle; a handled one waits.
What systemd makes of that end depends on its release: see `units.REFUSES_FROZEN`.
"""

from runaway_watchdog.model.owner import Action, Outlook, Reason
from runaway_watchdog.model.process import Process
from runaway_watchdog.owners.systemd.details import Service

STUCK = "it stays down and frozen, and refuses thaw, start and stop until the next boot"


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
    return Outlook.stays_away(
        action, found.certainty, (*ends, f"{name} is frozen, and systemd starts no frozen unit: {STUCK}")
    )


def _stopped(found: Outlook, name: str, unit: Service) -> Outlook:
    if not unit.refuses_frozen:
        return (
            found
            if unit.refuses_frozen is False
            else Outlook.all_unknown(
                "owner-stop", f"{name} is frozen: whether its systemd stops a frozen unit is not known"
            )
        )
    by_slice = unit.freezer == "frozen-by-parent"
    first = "the slice that it is frozen with has to be thawed first" if by_slice else "it has to be thawed first"
    return Outlook.goes_on(
        "owner-stop", "certain", f"{name} is frozen, and its systemd refuses to stop a frozen unit: {first}"
    )
