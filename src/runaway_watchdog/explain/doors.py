"""By which way an intruder's program may have come into its container or onto this host, and what of the host it
reaches from there."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from runaway_watchdog.engines.model import Inspected, Published
from runaway_watchdog.hostile import clean
from runaway_watchdog.linux import net
from runaway_watchdog.model.casefile import Sign
from runaway_watchdog.model.container import DOCKER_KINDS
from runaway_watchdog.model.process import Process
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.interface import Owner
from runaway_watchdog.patterns import Pattern
from runaway_watchdog.world import Unanswered, World, processes, procfs
from runaway_watchdog.world.sockets import sockets

EVERYBODY: Final = ("", "0.0.0.0", "::")  # noqa: S104
SOCKETS: Final = Pattern(r"/(?:var/)?run/(?:docker|containerd/containerd|podman/podman)\.sock")
MOST_PROCESSES: Final = 64


class _Door(NamedTuple):
    what: str
    program: Pattern  # the file name of whoever listens


DOORS: Final = {
    2375: _Door("the Docker API without a password", Pattern(r"dockerd|docker-proxy|socat|haproxy")),
    3306: _Door("MySQL", Pattern(r"mysqld|mariadbd")),
    5432: _Door("PostgreSQL", Pattern(r"postgres(?:ql)?|postmaster")),
    6379: _Door("Redis", Pattern(r"(?:redis|valkey|keydb)-(?:server|sentinel|check-rdb)")),
    8088: _Door("Hadoop's YARN", Pattern(r"java")),
    9000: _Door("PHP-FPM", Pattern(r"php-fpm[\d.]*")),
    9200: _Door("Elasticsearch", Pattern(r"java")),
    11211: _Door("memcached", Pattern(r"memcached")),
    27017: _Door("MongoDB", Pattern(r"mongo[ds]")),
}
"""By the port inside the container, or of the host. What worms knock at; none of them asks for a password unless it
was set up to. 8080 is not one of them: what answers there is anybody's application as often as somebody's admin page.
"""


def doors(world: World, owners: Sequence[Owner]) -> Iterator[Sign]:
    """Ports of its containers that the whole network reaches, and what of the host its containers were given."""
    for owner in owners:
        if owner.kind not in DOCKER_KINDS:
            continue
        from runaway_watchdog.engines import docker  # what no other sign needs

        try:
            container = docker.container(world, owner.id)
        except Unanswered:
            continue
        if container is not None:
            yield from (_open(each) for each in container.published if _is_open(each, container, world))
            yield from _of_the_host(container)


def of_host(world: World, process: Process) -> Iterator[Sign]:
    """Ports of a service of this host that runs as the same user: what was put in by that door has its rights."""
    if process.uid == 0 or len(process.namespace_pids) != 1:
        return
    tables = (_text(world, f"{procfs.PROC}/1/net/{name}") for name in ("tcp", "tcp6"))
    found = {
        each.port: each
        for table in tables
        for each in net.parse_tcp(table)
        if each.port in DOORS and each.uid == process.uid and each.host in EVERYBODY
    }
    for pid in processes.pids(world.files) if found else ():
        program = base(processes.executable(world.files, pid))
        mine = [port for port in found if DOORS[port].program.fullmatch(program)]
        for port in set(mine) & sockets(world.files, pid).ports if mine else ():
            told = f"port {port}, {DOORS[port].what}, is open to everybody and runs as {process.user} too"
            evidence = f"{program} ({pid}) listens at {found.pop(port).host}:{port}"
            yield Sign("door", f"{told}: the host would be entered again", evidence, port=port, of_host=True)


def _text(world: World, path: str) -> str:
    try:
        return world.files.read(path)
    except OSError:
        return ""


def _is_open(port: Published, container: Inspected, world: World) -> bool:
    """Only where that program listens: port 9000 of a development server is no PHP-FPM."""
    door = DOORS.get(port.inner)
    if door is None or port.address not in EVERYBODY or container.pid <= 1:
        return False
    group = procfs.owner_cgroup(world.files, container.pid)
    pids = processes.members(world.files, group)[:MOST_PROCESSES] or (container.pid,)
    return any(
        door.program.fullmatch(base(processes.executable(world.files, pid)))
        and port.inner in sockets(world.files, pid).ports
        for pid in pids
    )


def _open(port: Published) -> Sign:
    at = f"port {port.outer}" if port.outer == port.inner else f"port {port.outer} (its own {port.inner})"
    told = f"{at}, {DOORS[port.inner].what}, is open to everybody: a new container would be entered again"
    return Sign(
        "door", told, f"Ports of the container: {port.inner} at {port.address or '*'}:{port.outer}", port=port.outer
    )


def _of_the_host(container: Inspected) -> Iterator[Sign]:
    """A way out of the container: with either, whoever is root in it is root of the host."""
    for mount in container.mounts:
        source = mount.source.rstrip("/")
        if mount.type == "bind" and (source == "" and mount.writable):
            yield Sign("host", "its container can write to the whole host", f"mount {clean(mount.target, 80)}: /")
        elif mount.type == "bind" and SOCKETS.fullmatch(source):
            told = "its container holds the engine's socket: it can start containers that own the host"
            yield Sign("host", told, f"mount {clean(mount.target, 80)}: {clean(source, 80)}")
