"""Docker containers, Compose services and the tasks of a swarm.

A container's scope is a systemd unit too, but systemd does not act on it: the Docker Engine does, and its own service
is the layer around it. What is here is asked of every process; the rest is loaded for one that is in a container.

details       what the engine tells of a container
outlook       what becomes of it
start         what the engine's start, and a boot, bring back
containment   how a container is stopped for good
advice        what makes its return harmless
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from runaway_watchdog.linux.cgroup import CgroupPath
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Claim, Outlook
from runaway_watchdog.model.plan import Advice, Containment
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.interface import Kind, Read, Unread
from runaway_watchdog.world import Unanswered, World, procfs

if TYPE_CHECKING:
    from runaway_watchdog.owners.docker.details import ContainerOwner


def advice(owner: "ContainerOwner | Unread", world: World) -> Iterator[Advice]:
    from runaway_watchdog.owners.docker import advice

    return advice.advice(owner, world)


KINDS = (
    Kind("docker-container", "Docker container", daemon="Docker", doers=(("docker", "Docker"),), advice=advice),
    Kind("compose-service", "Compose service", daemon="Docker", advice=advice),
    Kind("swarm-task", "task of a Docker swarm", daemon="Docker", doers=(("swarm", "Docker's swarm"),), advice=advice),
)
SCOPE = re.compile(r"docker-(?P<id>[0-9a-f]{64})\.scope")
LONG_ID = re.compile(r"[0-9a-f]{64}")
ENGINE_UNIT = "docker.service"
SHIM = "containerd-shim"
"""Begins the name of whoever is the parent of a container's main process, and waits for its end."""


def claim(facts: Facts) -> Claim | None:
    """Anchored: a `.mount` unit or a file whose name holds a container's ID is not that container."""
    group = facts.process.control_group
    found = container_id(group) or _rootless_id(group)
    if found is None:
        shims = shim_of(facts.process)
        words = (f"/proc/{facts.process.pid}/cmdline: -id {shims}",)
        return None if shims is None else Claim("docker-container", shims, words)
    return Claim("docker-container", found, (f"/proc/{facts.process.pid}/cgroup: {group.path}",))


def shim_of(process: Process) -> str | None:
    """The ID of the container whose shim this is, as containerd starts one for the engine (`-namespace moby`)."""
    if not process.name.startswith(SHIM) or process.uid or len(process.namespace_pids) > 1:
        return None
    options = dict(pairwise(process.cmdline))
    found = options.get("-id", "") if options.get("-namespace") == "moby" else ""
    return found if LONG_ID.fullmatch(found) else None


def container_id(group: CgroupPath) -> str | None:
    """Of the system's engine, by either of its cgroup drivers: `docker-ID.scope` in some slice, or `/docker/ID`."""
    if scope := SCOPE.fullmatch(group.unit):
        return scope["id"]
    found = group.segments[1] if group.segments[:1] == ("docker",) and len(group.segments) > 1 else ""
    return found if LONG_ID.fullmatch(found) else None


def _rootless_id(group: CgroupPath) -> str | None:
    """Of a user's own engine, whose scopes that user's systemd makes."""
    own = group.users_own
    scope = None if own is None else SCOPE.fullmatch(own.unit)
    return None if scope is None else scope["id"]


def inspect(claim: Claim, facts: Facts, world: World) -> "ContainerOwner":
    """Ask the engine for the container, its policy and its Compose labels. Raises Unanswered."""
    from runaway_watchdog.engines import docker
    from runaway_watchdog.owners.docker import controllers, details, swarm

    shims = shim_of(facts.process) == claim.ref
    if not shims and container_id(facts.process.control_group) is None and not _is_asked(facts, world):
        # A user makes groups of any name in there, that of another one's container too.
        problem = f"the group of container {claim.ref[:12]} is a user's own, and this engine is another one"
        raise Unanswered(Gap("docker", problem, _mend(facts)))
    container = docker.container(world, claim.ref)
    if container is None:
        raise Unanswered(Gap("docker", f"this Docker Engine does not know container {claim.ref[:12]}", _mend(facts)))
    if shims and container.pid and facts.process.pid != procfs.stat_of(world.files, container.pid).ppid:
        problem = (
            f"{facts.process.pid} says that it is the shim of {container.name}, whose main process is no child of it"
        )
        raise Unanswered(Gap("docker", problem, f"look: docker top {container.id[:12]}"))
    found = details.read(container, docker.info(world), facts, world)
    evidence = (
        *claim.evidence,
        f"GET /containers/{claim.ref[:12]}/json: RestartPolicy.Name={found.policy}, State.Pid={found.main_pid}, "
        f"RestartCount={found.restart_count}",
    )
    if found.swarm is not None:
        service = container.labels[controllers.SWARM_SERVICE]
        return Read("swarm-task", service, claim.ref, swarm.policy(found.swarm), found, evidence)
    if found.compose is not None:
        name = f"{found.compose.project}/{found.compose.service}"
        return Read("compose-service", name, claim.ref, found.policy, found, evidence)
    return Read("docker-container", found.container, claim.ref, found.policy, found, evidence)


def _is_asked(facts: Facts, world: World) -> bool:
    """Whether the engine that answers here is that of the user whose group the process is in."""
    return world.engine.endpoint() == f"unix:///run/user/{facts.process.control_group.uid}/docker.sock"


def _mend(facts: Facts) -> str:
    group = facts.process.control_group
    if _rootless_id(group):
        return f"ask the engine of that user: DOCKER_HOST=unix:///run/user/{group.uid}/docker.sock"
    return "set DOCKER_HOST to the engine that runs it (rootless, or a Docker inside a container)"


def outer(owner: "ContainerOwner | Unread") -> Claim | None:
    """Who acts on the container beside the engine, then the engine's own unit: of one that was not read the ordinary
    one."""
    from runaway_watchdog.owners.docker import controllers

    if isinstance(owner, Unread):
        return controllers.claim((), ENGINE_UNIT)
    return controllers.claim(owner.details.controllers, owner.details.engine_unit)


def outlook(owner: "ContainerOwner | Unread", facts: Facts, action: Action) -> Outlook:
    from runaway_watchdog.owners.docker import outlook

    return outlook.outlook(owner, facts, action)


def contain(owner: "ContainerOwner | Unread", facts: Facts) -> Containment:
    from runaway_watchdog.owners.docker import outlook

    return outlook.contain(owner, facts)
