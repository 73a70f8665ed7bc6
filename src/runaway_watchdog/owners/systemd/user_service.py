"""Services of a user's own systemd (`systemctl --user`), which lives inside the system's `user@UID.service`.

The system's manager knows none of them: it answers `user@UID.service` for each of their processes, and stopping that
one would end everything the user runs. With lingering they run, and start at boot, without any login.
"""

import re
from shlex import quote

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Claim, Outlook
from runaway_watchdog.model.plan import Containment
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.interface import Bag, Owner, Read
from runaway_watchdog.owners.systemd import (
    containment as systemd_hold,
    details as systemd_facts,
    outlook as systemd_fate,
    service as systemd,
)
from runaway_watchdog.owners.systemd.unit import Manager, Source
from runaway_watchdog.world import Unanswered, World

KINDS = ("systemd-user-service",)
BOOT_TARGETS = frozenset(f"{name}.target" for name in ("default", "basic", "sockets", "timers", "paths"))
PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_-]*")
"""A user's name that `systemctl -M NAME@` takes as it is; for any other one the number stands in."""


def claim(facts: Facts) -> Claim | None:
    group = facts.process.control_group
    own = group.users_own
    if own is None or not own.unit.endswith(".service"):
        return None
    reference = f"{group.unit}/{own.unit}"
    return Claim("systemd-user-service", reference, (f"/proc/{facts.process.pid}/cgroup: {group.path}",))


def inspect(claim: Claim, facts: Facts, world: World) -> Owner:  # noqa: ARG001
    """Ask the user's own manager. Raises Unanswered."""
    uid, name = _parts(claim.ref)
    unit = world.users.unit(uid, name)
    user = world.files.user(uid)
    if unit is None:
        look = f"look: systemctl --user -M {_machine(user, uid)} status {quote(name)}"
        raise Unanswered(Gap("systemd", f"the systemd of {user} has no unit {name} loaded", look))
    source = Source(lambda each: world.users.unit(uid, each), BOOT_TARGETS, _bus_folders(uid), trusted=False)
    found = systemd_facts.facts(unit, source, world)
    found |= {
        "user": user,
        "uid": uid,
        "lingers": world.files.exists(f"{systemd.LINGER}/{user}"),
        "cpu_controller": _delegated(uid, world),
    }
    policy = str(unit.get("Restart", "no"))
    evidence = (*claim.evidence, *systemd.told(f"{name} of {user}", unit))
    return Read("systemd-user-service", name, claim.ref, policy, Bag(found), evidence)


def _bus_folders(uid: int) -> tuple[str, ...]:
    shares = ("/usr/local/share", "/usr/share", f"/run/user/{uid}")
    return tuple(f"{share}/dbus-1/services" for share in shares)


def _delegated(uid: int, world: World) -> bool:
    """Whether the user's manager may limit CPU at all: on cgroup v2, and only where it was given the controller."""
    path = f"/sys/fs/cgroup/user.slice/user-{uid}.slice/user@{uid}.service/cgroup.controllers"
    try:
        return "cpu" in world.files.read(path).split()
    except OSError:
        return False


def _parts(reference: str) -> tuple[int, str]:
    """The uid and the unit's name, of a claim's `user@UID.service/NAME`."""
    manager, _, name = reference.partition("/")
    return int(manager.removeprefix("user@").removesuffix(".service")), name


def outer(owner: Owner) -> Claim | None:
    uid, _ = _parts(owner.id)
    return Claim("systemd-service", f"user@{uid}.service", (f"the systemd of uid {uid} is a service of the system's",))


def outlook(owner: Owner, facts: Facts, action: Action) -> Outlook:
    if not owner.facts:
        return systemd_fate.unread(owner, facts, action, None)
    return systemd_fate.outlook(owner, facts, action, _manager(owner))


def _manager(owner: Owner) -> Manager:
    user = owner.facts["user"]
    boots = None if owner.facts["lingers"] else f"{user} does not linger: nothing of it runs before {user} logs in"
    return Manager(by=f"systemd of {user}", restart=None, boots=boots)


def contain(owner: Owner, facts: Facts) -> Containment:
    uid, _ = _parts(owner.id)
    systemctl = f"systemctl --user -M {_machine(str(owner.facts.get('user', uid)), uid)}"
    words = systemd_hold.Words(systemctl, f"/run/user/{uid}/systemd/user", "%t/systemd/user")
    return systemd_hold.contain(owner, facts, words)


def _machine(user: str, uid: int) -> str:
    return f"{user if PLAIN_NAME.fullmatch(user) else uid}@"
