"""systemd services and scopes of the system's manager, and what is a service with another tool in front of it.

A unit that was made from a script in /etc/init.d is a `sysv-service`, one that snapd wrote is a `snap-service`:
systemd keeps both, by the same rules.
"""

import re
from shlex import quote

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Claim, Kind, Outlook
from runaway_watchdog.model.plan import Containment
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners import unmanaged
from runaway_watchdog.owners.interface import Bag, Owner, Read
from runaway_watchdog.owners.systemd import (
    containment as systemd_hold,
    details as systemd_facts,
    outlook as systemd_fate,
)
from runaway_watchdog.owners.systemd.unit import Manager, Properties, Source
from runaway_watchdog.world import Unanswered, World

KINDS = ("systemd-service", "systemd-scope", "sysv-service", "snap-service")
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
EVIDENCE = ("Restart", "RestartUSec", "MainPID", "UnitFileState", "TriggeredBy", "UpheldBy", "FragmentPath")


def claim(facts: Facts) -> Claim | None:
    """By the unit that is right below the slices; of a user's manager too, whose init.scope holds that itself."""
    group = facts.process.control_group
    evidence = (f"/proc/{facts.process.pid}/cgroup: {group.path}",)
    own = group.users_own
    if own is not None and own.unit.endswith(".scope") and not own.unit.startswith("init."):
        return Claim("systemd-scope", f"{group.unit}/{own.unit}", evidence)
    return Claim(_kind(group.unit), group.unit, evidence) if group.unit else None


def _kind(unit: str) -> Kind:
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
        return Read(claim.kind, name, claim.ref, "none", Bag(unmanaged.parent_facts(facts)), claim.evidence)
    unit = world.manager.unit(claim.ref)
    if unit is None:
        raise Unanswered(
            Gap("systemd", f"systemd has no unit {claim.ref} loaded", f"look: systemctl status {quote(claim.ref)}")
        )
    if claim.kind == "systemd-scope":
        return Read(claim.kind, claim.ref, claim.ref, "none", Bag(unmanaged.parent_facts(facts)), claim.evidence)
    source = Source(world.manager.unit, BOOT_TARGETS, BUS_FOLDERS, trusted=True)
    found = systemd_facts.facts(unit, source, world)
    evidence = (*claim.evidence, *told(claim.ref, unit))
    kind, policy = claim.kind, str(unit.get("Restart", "no"))
    if str(found["source"]).startswith("/etc/init.d/"):
        kind, found["unit_file"] = "sysv-service", found["source"]
    users = USERS_MANAGER.fullmatch(claim.ref)
    if users and world.files.exists(f"{LINGER}/{world.files.user(int(users['uid']))}"):
        found["booted_by"] = "systemd-logind.service"  # for users who linger
    return Read(kind, claim.ref, claim.ref, policy, Bag(found), evidence)


def told(name: str, unit: Properties) -> tuple[str, ...]:
    """What the manager said of a unit."""
    return tuple(f"D-Bus {name}: {each}={unit[each]}" for each in EVIDENCE if each in unit)


def outlook(owner: Owner, facts: Facts, action: Action) -> Outlook:
    if owner.kind not in SERVICES:
        return _scope(owner, facts, action)
    if not owner.facts:
        return systemd_fate.unread(owner, facts, action, MANAGER.restart)
    found = systemd_fate.outlook(owner, facts, action, MANAGER)
    if owner.kind == "sysv-service" and action == "owner-stop":
        why = f"`systemctl stop {owner.name}` runs `{owner.facts['source']} stop`, which is made to end it"
        return Outlook.stays_away(action, "likely", why)
    return found


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
    snap = SNAP.fullmatch(owner.name)
    if owner.kind == "snap-service" and snap and owner.facts:
        return systemd_hold.hold_snap(owner, facts, snap["name"])
    return systemd_hold.contain(owner, facts, systemd_hold.SYSTEM)
