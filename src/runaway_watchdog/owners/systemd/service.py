"""systemd services and scopes of the system's manager, and what is a service with another tool in front of it.

A unit that was made from a script in /etc/init.d is a `sysv-service`, one that snapd wrote is a `snap-service`:
systemd keeps both, by the same rules.
"""

import re
from shlex import quote

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Claim, KindName, Outlook
from runaway_watchdog.model.plan import Containment
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners import unmanaged
from runaway_watchdog.owners.interface import Kind, Owner, Read, Unread
from runaway_watchdog.owners.steps import single
from runaway_watchdog.owners.systemd import containment, reading
from runaway_watchdog.owners.systemd.advice import advice
from runaway_watchdog.owners.systemd.details import Service
from runaway_watchdog.owners.systemd.drop_ins import SYSTEM
from runaway_watchdog.owners.systemd.manager import Manager, Source
from runaway_watchdog.owners.systemd.outlook import of_service, of_unread
from runaway_watchdog.world import Unanswered, World

KINDS = (
    Kind("systemd-service", "systemd service", setting="Restart={policy}", marks=("INVOCATION_ID",), advice=advice),
    Kind("systemd-scope", "systemd scope", setting="Restart={policy}", waits=False),
    Kind("sysv-service", "sysv service", advice=advice),
    Kind("snap-service", "snap service"),
)
SERVICES = frozenset({"systemd-service", "sysv-service", "snap-service"})
SNAP = re.compile(r"snap\.(?P<name>[^.]+\.[^.]+)\.service")
BOOT_TARGETS = frozenset(
    f"{name}.target"
    for name in ("default", "multi-user", "graphical", "basic", "sysinit", "sockets", "timers", "paths", "getty")
)
"""What an ordinary boot reaches. Another target may or may not be among it."""
LINGER = "/var/lib/systemd/linger"
USERS_MANAGER = re.compile(r"user@(?P<uid>\d+)\.service")
BUS_FOLDERS = tuple(f"{share}/dbus-1/system-services" for share in ("/usr/local/share", "/usr/share", "/lib"))
SURVIVES = "systemd keeps its services running when it re-executes itself"
MANAGER = Manager(by="systemd", restart=Outlook.goes_on("owner-daemon-restart", "certain", SURVIVES), boots=None)


def claim(facts: Facts) -> Claim | None:
    """By the unit that is right below the slices; of a user's manager too, whose init.scope holds that itself."""
    group = facts.process.control_group
    evidence = (f"/proc/{facts.process.pid}/cgroup: {group.path}",)
    own = group.users_own
    if own is not None and own.unit.endswith(".scope") and not own.unit.startswith("init."):
        return Claim("systemd-scope", f"{group.unit}/{own.unit}", evidence)
    return Claim(_kind(group.unit), group.unit, evidence) if group.unit else None


def _kind(unit: str) -> KindName:
    if unit.endswith(".scope"):
        return "systemd-scope"
    return "snap-service" if SNAP.fullmatch(unit) else "systemd-service"


def outer(owner: Owner) -> Claim | None:
    """systemd is the outermost manager there is; a user's own one is a service of it."""
    manager, _, scope = owner.id.rpartition("/")
    return Claim("systemd-service", manager, (f"{scope} is kept by {manager}",)) if manager else None


def inspect(claim: Claim, facts: Facts, world: World) -> Owner:
    """Read the unit and whatever would start it again. Raises Unanswered."""
    if "/" in claim.ref:  # of a user's scope its manager knows no more than the path says
        name = claim.ref.rpartition("/")[2]
        return Read(claim.kind, name, claim.ref, "none", unmanaged.started_by(facts), claim.evidence)
    unit = world.manager.unit(claim.ref)
    if unit is None:
        raise Unanswered(
            Gap("systemd", f"systemd has no unit {claim.ref} loaded", f"look: systemctl status {quote(claim.ref)}")
        )
    if claim.kind == "systemd-scope":
        return Read(claim.kind, claim.ref, claim.ref, "none", unmanaged.started_by(facts), claim.evidence)
    source = source_of(world)
    kind, found = claim.kind, reading.read(unit, source, world)
    if found.source.startswith("/etc/init.d/"):
        kind, found = "sysv-service", found._replace(unit_file=found.source)
    users = USERS_MANAGER.fullmatch(claim.ref)
    if users and world.files.exists(f"{LINGER}/{world.files.user(int(users['uid']))}"):
        found = found._replace(booted_by="systemd-logind.service")  # for users who linger
    evidence = (*claim.evidence, *reading.evidence(claim.ref, unit))
    return Read(kind, claim.ref, claim.ref, unit.restart, found, evidence)


def source_of(world: World) -> Source:
    def version() -> int | None:  # asked of what is frozen alone
        return world.manager.version()

    return Source(world.manager.unit, BOOT_TARGETS, BUS_FOLDERS, trusted=True, version=version)


def outlook(owner: Owner, facts: Facts, action: Action) -> Outlook:
    if owner.kind not in SERVICES:
        return _scope(owner, facts, action)
    if isinstance(owner, Unread):
        return of_unread(owner, facts, action, MANAGER.restart)
    if owner.kind == "sysv-service" and action == "owner-stop" and not owner.details.freezer:
        return _stopped_by_script(owner)
    return of_service(owner, facts, action, MANAGER)


def _stopped_by_script(owner: Read[Service]) -> Outlook:
    why = f"`systemctl stop {owner.name}` runs `{owner.details.source} stop`, which is made to end it"
    return Outlook.stays_away("owner-stop", "likely", why)


def _scope(owner: Owner, facts: Facts, action: Action) -> Outlook:
    """systemd starts no scope again; a stop ends all that is in it, with SIGKILL where SIGTERM does not."""
    if facts.process.pid == 1 or action not in ("owner-stop", "owner-daemon-restart"):
        return unmanaged.outlook(owner, facts, action)
    if action == "owner-stop":
        return Outlook.stays_away(action, "likely", f"`systemctl stop {owner.name}` ends all that is in it")
    return Outlook.goes_on(action, "certain", "systemd keeps its scopes when it re-executes itself")


def contain(owner: Owner, facts: Facts) -> Containment:
    if owner.kind not in SERVICES:
        return unmanaged.contain(owner, facts)
    if isinstance(owner, Unread):
        return single.until_read(owner.name, facts.process)
    snap = SNAP.fullmatch(owner.name) if owner.kind == "snap-service" else None
    if snap:
        return containment.of_snap(owner, facts, snap["name"])
    return containment.of_service(owner, facts, SYSTEM)
