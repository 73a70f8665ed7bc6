"""What belongs to a manager that is recognised by its cgroup and not read yet.

Their cgroups hold paths that look like units of this host ("/payload/system.slice/dbus.service"): claimed here, so
that no unit of this host is ever blamed for them. Nothing is said about the future of something that was not asked.
"""

import re
from typing import NamedTuple

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Claim, Fate, Kind, Owner
from runaway_watchdog.model.plan import Held
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.ending import ending
from runaway_watchdog.world import Unanswered, World


class Manager(NamedTuple):
    """A cgroup path's beginning, and how a person asks the manager that owns it."""

    kind: Kind
    path: re.Pattern[str]
    ask: str


MANAGERS = (
    Manager(
        "systemd-user-service",
        re.compile(
            r"/user\.slice/user-(?P<uid>\d+)\.slice/user@\d+\.service/(?:[^/]+\.slice/)*(?P<name>[^/]+\.(?:service|scope))(?:/.*)?"
        ),
        "systemctl --user -M USER@ status NAME, as root",
    ),
    Manager("podman-container", re.compile(r".*/libpod-(?P<name>[0-9a-f]{64})\.scope(?:/.*)?"), "podman inspect NAME"),
    Manager("kubernetes-pod", re.compile(r"/kubepods(?:\.slice)?/(?:.*/)?(?P<name>[^/]+)"), "crictl ps"),
    Manager("lxc-container", re.compile(r"/lxc\.payload[./](?P<name>[^/]+)(?:/.*)?"), "incus list, or lxc-ls"),
    Manager("vm-guest", re.compile(r"/machine\.slice/machine-qemu(?P<name>[^/]+)\.scope(?:/.*)?"), "virsh list"),
    Manager(
        "nspawn-machine",
        re.compile(
            r"/(?:machine\.slice/(?:machine-|systemd-nspawn@)(?P<name>[^/]+)\.(?:scope|service)|payload)(?:/.*)?"
        ),
        "machinectl list",
    ),
)
KINDS = tuple(manager.kind for manager in MANAGERS)
BY_KIND = {manager.kind: manager for manager in MANAGERS}


def claim(facts: Facts) -> Claim | None:
    path = facts.process.cgroup
    for manager in MANAGERS:
        found = manager.path.fullmatch(path)
        if found:
            name = found.groupdict().get("name") or path
            return Claim(manager.kind, name, (f"/proc/{facts.process.pid}/cgroup: {path}",))
    return None


def inspect(claim: Claim, facts: Facts, world: World) -> Owner:  # noqa: ARG001
    """Raises Unanswered always: this manager is not asked yet, and saying so is the honest answer."""
    problem = f"this belongs to a {claim.kind.replace('-', ' ')}, whose manager this version does not ask"
    raise Unanswered(Gap(claim.kind, problem, f"ask it yourself: {BY_KIND[claim.kind].ask}"))


def outer(owner: Owner) -> Claim | None:  # noqa: ARG001
    return None


def fate(owner: Owner, facts: Facts, action: Action) -> Fate:
    asked = f"the {owner.kind}'s manager was not asked"
    if action in ("owner-stop", "owner-daemon-restart", "reboot"):
        return Fate(action, action != "owner-daemon-restart", None, None, None, "unknown", asked)
    end = ending(facts.process, action)
    if not end.ends:
        return Fate(action, False, False, None, None, end.certainty, end.why)
    return Fate(action, True, None, None, None, "unknown", f"{end.why}; {asked}")


def hold(owner: Owner, facts: Facts) -> Held:  # noqa: ARG001
    return Held(f"Ask its own manager first: {BY_KIND[owner.kind].ask}", ())
