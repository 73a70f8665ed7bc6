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
from runaway_watchdog.owners.interface import Kind, Owner, Read, Unread
from runaway_watchdog.owners.steps import single
from runaway_watchdog.owners.systemd import containment, drop_ins, reading, service
from runaway_watchdog.owners.systemd.advice import advice
from runaway_watchdog.owners.systemd.details import Service, User, UsersService
from runaway_watchdog.owners.systemd.manager import Manager, Source
from runaway_watchdog.owners.systemd.outlook import of_service, of_unread
from runaway_watchdog.world import Unanswered, World

KINDS = (
    Kind(
        "systemd-user-service",
        "systemd service of a user",
        setting="Restart={policy}",
        daemon="the user's systemd",
        marks=("MANAGERPID",),
        advice=advice,
    ),
)
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


def inspect(claim: Claim, _facts: Facts, world: World) -> Owner:
    """Ask the user's own manager. Raises Unanswered."""
    uid, name = _parts(claim.ref)
    unit = world.users.unit(uid, name)
    user = world.files.user(uid)
    if unit is None:
        look = f"look: systemctl --user -M {_machine(user, uid)} status {quote(name)}"
        raise Unanswered(Gap("systemd", f"the systemd of {user} has no unit {name} loaded", look))
    found = reading.read(unit, source_of(uid, world), world)._replace(cpu_controller=_delegated(uid, world))
    details = UsersService(found, User(user, uid, world.files.exists(f"{service.LINGER}/{user}")))
    evidence = (*claim.evidence, *reading.evidence(f"{name} of {user}", unit))
    return Read("systemd-user-service", name, claim.ref, unit.restart, details, evidence)


def source_of(uid: int, world: World) -> Source:
    """The manager of that user."""
    return Source(
        lambda each: world.users.unit(uid, each),
        BOOT_TARGETS,
        _bus_folders(uid),
        trusted=False,
        version=lambda: world.users.version(uid),
    )


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


def outlook(owner: Read[UsersService] | Unread, facts: Facts, action: Action) -> Outlook:
    if isinstance(owner, Unread):
        return of_unread(owner, facts, action, None)
    return of_service(_service(owner), facts, action, _manager(owner.details.whose))


def _service(owner: Read[UsersService]) -> Read[Service]:
    """The same, without whose it is."""
    return Read(owner.kind, owner.name, owner.id, owner.policy, owner.details.service, owner.evidence)


def _manager(whose: User) -> Manager:
    user = whose.user
    boots = None if whose.lingers else f"{user} does not linger: nothing of it runs before {user} logs in"
    return Manager(by=f"systemd of {user}", restart=None, boots=boots)


def contain(owner: Read[UsersService] | Unread, facts: Facts) -> Containment:
    if isinstance(owner, Unread):
        return single.until_read(owner.name, facts.process)
    user, uid, _ = owner.details.whose
    return containment.of_service(_service(owner), facts, words_of(user, uid))


def words_of(user: str, uid: int) -> drop_ins.Words:
    """That manager, as root types to it."""
    return drop_ins.of_user(systemctl_of(user, uid), user, uid)


def systemctl_of(user: str, uid: int) -> str:
    """How root asks the manager of that user."""
    return f"systemctl --user -M {_machine(user, uid)}"


def _machine(user: str, uid: int) -> str:
    return f"{user if PLAIN_NAME.fullmatch(user) else uid}@"
