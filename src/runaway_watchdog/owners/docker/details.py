"""What the Docker Engine tells of one container, in the words that its outlook and its plan need."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from runaway_watchdog.engines import docker
from runaway_watchdog.engines.fields import moment
from runaway_watchdog.engines.model import Container, HealthCheck, Info, Inspected, Mount
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.common.rooms import INIT_NAMES, first_child
from runaway_watchdog.owners.docker import compose, controllers, swarm
from runaway_watchdog.owners.docker.compose import Membership
from runaway_watchdog.owners.docker.containment import client
from runaway_watchdog.owners.docker.controllers import Acting
from runaway_watchdog.owners.docker.swarm import Restart
from runaway_watchdog.owners.interface import Read
from runaway_watchdog.world import Unanswered, World

SNAP_ROOT = "/var/snap/docker/"
SOCKETS = ("/var/run/docker.sock", "/run/docker.sock")
HEALTH_CHECKS = ("CMD", "CMD-SHELL")


class Init(NamedTuple):
    """An init as PID 1, and the program that it was started for: the container lives and dies with that one."""

    program: str
    child: int
    child_sigterm: str
    certain: bool  # it is the engine's own, and not one that only has the name of an init

    def shown(self) -> Mapping[str, Any]:
        return {
            "init": self.program,
            "init_child": self.child,
            "init_child_sigterm": self.child_sigterm,
            "init_certain": self.certain,
        }


class ContainerDetails(NamedTuple):
    """One container, the engine that it runs on, and who else acts on it."""

    container: str  # its name
    image: str
    policy: str  # its own restart policy, which a swarm does not heed
    state: str
    exit_code: int
    restart_count: int
    main_pid: int  # 0: it has no process now
    up_s: float
    auto_remove: bool
    live_restore: bool
    cpu_limit: bool  # this host enforces one
    nano_cpus: int
    cpu_quota: int
    cpu_period: int
    stop_signal: str
    health: str | None
    health_check: HealthCheck | None
    network_of: tuple[str, ...]  # containers that share its network
    memory_only: tuple[str, ...]  # folders
    engine_unit: str | None  # None for a rootless engine, which is a unit of its user
    engine_at_boot: bool | None  # None where it cannot be told
    socket_holders: tuple[str, ...]  # containers that could tell the engine what to do
    init: Init | None = None
    compose: Membership | None = None
    controllers: tuple[Acting, ...] = ()
    swarm: Restart | None = None
    # what is not shown
    client: str = "docker"  # the command that talks to this engine, ready for a shell
    mounts: tuple[Mount, ...] = ()
    created_at: float = 0.0
    image_file: str = ""  # a pattern for the file that the engine wrote when the image came; "" where it writes none

    def shown(self) -> Mapping[str, Any]:
        check = self.health_check
        return {
            **dict(zip(self._fields[:ALONE], self, strict=False)),
            "health_check": None if check is None else {"command": list(check.test[1:]), "every_s": check.every_s},
            "network_of": list(self.network_of),
            "memory_only": list(self.memory_only),
            "socket_holders": list(self.socket_holders),
            **({} if self.init is None else self.init.shown()),
            **({} if self.compose is None else self.compose.shown()),
            "controllers": [each.told for each in self.controllers],
            **({} if self.swarm is None else {"swarm": self.swarm._asdict()}),
        }


ALONE = ContainerDetails._fields.index("init")
"""How many of the fields are shown under their own names."""
ContainerOwner = Read[ContainerDetails]


def service_of_project(owner: ContainerOwner) -> Membership | None:
    """Whose service it is, for one that Compose made; a swarm's task is the swarm's."""
    return owner.details.compose if owner.kind == "compose-service" else None


def read(container: Inspected, info: Info, facts: Facts, world: World) -> ContainerDetails:
    """From its inspection, the list of all containers and `info`. Raises Unanswered."""
    others = [each for each in docker.containers(world) if each.id != container.id]
    unit = _engine_unit(info)
    found = ContainerDetails(
        container=container.name,
        image=container.image,
        policy=container.policy,
        state=container.state,
        exit_code=container.exit_code,
        restart_count=container.restart_count,
        main_pid=container.pid,
        up_s=round(max(0.0, world.clock.now() - moment(container.started)), 1),
        auto_remove=container.auto_remove,
        live_restore=info.live_restore,
        cpu_limit=info.cpu_limit,
        nano_cpus=container.nano_cpus,
        cpu_quota=container.cpu_quota,
        cpu_period=container.cpu_period,
        stop_signal=container.stop_signal,
        health=container.health,
        health_check=_health_check(container),
        network_of=_sharing_its_network(container, others),
        memory_only=_memory_only(container),
        engine_unit=unit,
        engine_at_boot=_at_boot(unit, world),
        socket_holders=tuple(each.name for each in others if holds_the_socket(each)),
        init=_init(container, facts, world),
        compose=_compose(container, others, world),
        client=client(world),
        mounts=container.mounts,
        created_at=moment(container.created),
        image_file=_image_file(container, info),
    )
    acting = controllers.acting_on(container, found, others, world)
    known = {each.name for each in acting}
    return found._replace(
        controllers=acting,
        socket_holders=tuple(each for each in found.socket_holders if each not in known),
        swarm=_swarm(container, info, world),
    )


def holds_the_socket(listed: Container) -> bool:
    """Whether a container of the list could tell this very engine what to do. A read-only mount does not hinder it."""
    return listed.state == "running" and any(each in SOCKETS for each in listed.sources)


def _sharing_its_network(container: Inspected, others: Sequence[Container]) -> tuple[str, ...]:
    return tuple(each.name for each in others if each.network_mode == f"container:{container.id}")


def _memory_only(container: Inspected) -> tuple[str, ...]:
    mounted = (each.target for each in container.mounts if each.type == "tmpfs")
    return tuple(sorted({*container.in_memory, *mounted}))


def _health_check(container: Inspected) -> HealthCheck | None:
    """The command that the engine starts inside the container again and again, and how often."""
    check = container.health_check
    return check if check is not None and len(check.test) > 1 and check.test[0] in HEALTH_CHECKS else None


def _engine_unit(info: Info) -> str | None:
    """The unit of the engine itself; None for a rootless one, which is a unit of its user."""
    if info.root.startswith(SNAP_ROOT):
        return "snap.docker.dockerd.service"
    return None if info.rootless else "docker.service"


def _image_file(container: Inspected, info: Info) -> str:
    """A pattern for the file that the engine wrote when the image came; containerd's image store has none."""
    kind, _, digest = container.image_id.partition(":")
    return f"{info.root}/image/*/imagedb/content/{kind}/{digest}" if info.root and digest.isalnum() else ""


def _compose(container: Inspected, others: Sequence[Container], world: World) -> Membership | None:
    return compose.read(container.labels, others, world) if container.labels.get(compose.PROJECT) else None


def _swarm(container: Inspected, info: Info, world: World) -> Restart | None:
    """A label alone is anybody's word: only in a swarm it makes a task."""
    if not container.labels.get(controllers.SWARM_SERVICE) or not info.swarm:
        return None
    return swarm.restart(container.labels, world)


def _at_boot(unit: str | None, world: World) -> bool | None:
    """Whether the engine is started at boot; None where that cannot be told, as for one that its socket starts."""
    try:
        found = world.manager.unit(unit) if unit is not None else None
    except Unanswered:  # the engine's own layer asks the same, and tells it
        return None
    if found is None:
        return None
    if found.unit_file_state == "enabled":
        return True
    return None if found.triggered_by else False


def _init(container: Inspected, facts: Facts, world: World) -> Init | None:
    """It is the init's first child: whatever the init adopted later descends from that one, or from `docker exec`."""
    seen = next((each for each in (facts.process, *facts.ancestors) if each.pid == container.pid), None)
    if container.pid <= 0 or not (container.init or (seen is not None and seen.name in INIT_NAMES)):
        return None
    child = first_child(container.pid, world)
    if child is None:
        return None
    program = "docker-init" if container.init or seen is None else seen.name
    return Init(program, child.pid, child.sigterm, container.init)
