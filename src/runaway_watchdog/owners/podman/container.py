"""Podman containers: no daemon keeps them, but each one's own `conmon`, and a systemd unit where one runs them.

Observed on Podman 4.3, as root and as a user. When the main process ends, conmon's clean-up starts the container again
by its restart policy, and never after a `podman stop`. Under a unit (generated, or Quadlet's) conmon is the unit's main
process and ends with the container's exit code: then `Restart=` decides, also after a `podman stop`.

What is here is asked of every process; the rest is loaded for one that is in a container.

details       what Podman tells of a container
outlook       what becomes of it
containment   how it is stopped for good
"""

import re
from collections.abc import Iterator
from shlex import quote
from typing import TYPE_CHECKING

from runaway_watchdog.linux.cgroup import CgroupPath
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Claim, Deferred, Outlook
from runaway_watchdog.model.plan import Advice, Containment
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.interface import Kind, Read, Unread
from runaway_watchdog.world import Unanswered, World

if TYPE_CHECKING:
    from runaway_watchdog.owners.podman.details import ContainerOwner


def advice(owner: "ContainerOwner | Unread", world: World) -> Iterator[Advice]:  # noqa: ARG001
    from runaway_watchdog.owners.docker.advice import remade

    return iter(()) if isinstance(owner, Unread) else remade(owner, "podman run", limited=False)


KINDS = (
    Kind(
        "podman-container",
        "Podman container",
        daemon="Podman",
        doers=(("podman", "Podman"),),
        marks=("PODMAN_SYSTEMD_UNIT",),
        advice=advice,
    ),
)
SCOPE = re.compile(r"libpod-(?:conmon-)?(?P<id>[0-9a-f]{64})\.scope")
"""A scope of its own, or that of the conmon that looks after it."""
PAYLOAD = re.compile(r"libpod-payload-(?P<id>[0-9a-f]{64})")
"""Below the unit that runs it (`--cgroups=split`, as Quadlet does)."""
WITHOUT_SYSTEMD = re.compile(r"libpod-(?P<id>[0-9a-f]{64})")
CONMON = "conmon"
RESTART_UNIT = "podman-restart.service"


def claim(facts: Facts) -> Claim | None:
    """Anchored: what another machine's or container's cgroup holds is its own."""
    group = facts.process.control_group
    own = group.users_own
    found = _container_id(group) or (None if own is None else _container_id(own)) or _without_systemd(group)
    if found is None:
        return None
    return Claim("podman-container", found, (f"/proc/{facts.process.pid}/cgroup: {group.path}",))


def _container_id(group: CgroupPath) -> str | None:
    """As the manager that this path begins at knows it."""
    found = SCOPE.fullmatch(group.unit)
    if found is None and group.unit.endswith(".service") and len(group.below) > 1:
        found = PAYLOAD.fullmatch(group.below[1])
    return None if found is None else found["id"]


def _without_systemd(group: CgroupPath) -> str | None:
    inside = group.segments[1] if group.segments[:1] == ("libpod_parent",) and len(group.segments) > 1 else ""
    found = WITHOUT_SYSTEMD.fullmatch(inside)
    return None if found is None else found["id"]


def inspect(claim: Claim, facts: Facts, world: World) -> "ContainerOwner":
    """Ask the Podman of whoever asks; another user's raises Unanswered, as one that does not answer does."""
    from runaway_watchdog.engines import podman
    from runaway_watchdog.owners.podman import details

    # A user makes groups of any name in the user's own, that of a container of root's too.
    users_own = facts.process.control_group.users_own is not None and not world.podman.rootless()
    container = None if users_own else podman.container(world, claim.ref)
    if container is None:
        raise Unanswered(_another_ones(claim, facts, world))
    found = details.read(container, facts, world)
    evidence = (
        *claim.evidence,
        f"podman inspect {claim.ref[:12]}: RestartPolicy={found.policy}, State.Pid={found.main_pid}, "
        f"RestartCount={found.restart_count}",
    )
    return Read("podman-container", found.container, claim.ref, found.policy, found, evidence)


def _another_ones(claim: Claim, facts: Facts, world: World) -> Gap:
    """Each user has a Podman of their own; conmon's command line tells the name all the same."""
    words = next((each.cmdline for each in facts.ancestors if each.name == CONMON), ())
    named = {words[i + 1] for i, word in enumerate(words[:-1]) if word == "-n"}
    name = next(iter(named), claim.ref[:12])
    uid = facts.process.control_group.uid
    if uid is None or world.podman.rootless():
        return Gap("podman", f"this Podman does not know container {name}", "look for it: podman ps -a, as each user")
    login = world.files.user(uid)
    asking = f"XDG_RUNTIME_DIR=/run/user/{uid} runaway-watchdog explain {facts.process.pid}"
    mend = f"ask as that user: runuser -l {quote(login)} -c {quote(asking)}"
    return Gap("podman", f"container {name} is {login}'s own, and only {login}'s Podman knows it", mend)


def outer(owner: "ContainerOwner | Unread") -> Claim | None:
    """The unit that runs it, by its conmon, which is one of the process's ancestors."""
    if isinstance(owner, Unread) or owner.details.run_by is None:
        return None
    unit, conmon = owner.details.run_by, owner.details.conmon_pid
    return Claim("systemd-service", unit, (f"its conmon ({conmon}) is in {unit}",), conmon)


def outlook(owner: "ContainerOwner | Unread", facts: Facts, action: Action) -> Outlook | Deferred:
    from runaway_watchdog.owners.podman import outlook

    return outlook.outlook(owner, facts, action)


def contain(owner: "ContainerOwner | Unread", facts: Facts) -> Containment | None:
    from runaway_watchdog.owners.podman import outlook

    return outlook.contain(owner, facts)
