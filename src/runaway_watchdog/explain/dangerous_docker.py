"""Docker's part of the commands never to run: what each would destroy, or end, of this container and of others."""

from collections.abc import Iterator
from shlex import quote

from runaway_watchdog.effects import Docker, HostState
from runaway_watchdog.effects.compose import plan
from runaway_watchdog.effects.docker import containers, prune, state
from runaway_watchdog.effects.docker.filters import Filters
from runaway_watchdog.effects.docker.volumes import deleted, unnamed
from runaway_watchdog.effects.host import places, signalled, uses
from runaway_watchdog.engines import docker as engine
from runaway_watchdog.engines.model import RUNNING, Container, Volume
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.model.plan import Dangerous
from runaway_watchdog.owners.docker.compose import Membership
from runaway_watchdog.owners.docker.containment import reference
from runaway_watchdog.owners.docker.details import ContainerOwner, service_of_project
from runaway_watchdog.world import World

FIRST_WITH_ALL = 23
"""The first engine whose `volume prune` wants -a for named volumes (API 1.42)."""
NO_DATA = ("/etc", "/proc", "/sys", "/dev", "/run", "/var/run", "/usr", "/lib", "/tmp")  # noqa: S108
"""Bind mounts below these are settings, sockets and the like, and nobody reaches for `rm -rf` of them."""
NOT_ASKED = uses.Table((), (), (), complete=False)
"""Who else has files open there: each process would have to be asked, and whose data it is says enough."""


def dangers(owner: ContainerOwner, world: World) -> Iterator[Dangerous]:
    """Two lists of the engine are asked for, and no container is inspected. Raises Unanswered."""
    docker = Docker(containers=engine.containers(world), volumes=engine.volumes(world))
    program = owner.details.client
    if (own := service_of_project(owner)) is not None:
        yield _compose(own, program, world)
    yield from _remove(owner, program, docker, world)
    yield from _prune(program, docker, world)
    yield from _bind_mount(owner, docker, world)
    yield from _engine(owner, docker, world)


def _compose(own: Membership, program: str, world: World) -> Dangerous:
    """`docker compose down -v`: the command that people paste when it came back once more."""
    project = own.project
    line = plan.command(world, program, project, own.config_files, "down -v")
    effects = plan.down_volumes(world, line, project)
    number = sum(effect.type == "container" for effect in effects.effects)
    count = f"{number} containers" if number > 1 else "its only container"
    loss = "and deletes this data for good" if effects.lost else "with what was written outside volumes"
    return Dangerous(line, f"it removes the whole project {project} ({count}) {loss}", effects.lost)


def _remove(owner: ContainerOwner, program: str, docker: Docker, world: World) -> Iterator[Dangerous]:
    """`docker rm -fv`; for one that was created with --rm a mere stop."""
    name = reference(owner)
    this = next((each for each in docker.containers if each.id == owner.id), None)
    if this is None:
        return
    this = this._replace(unnamed=_unnamed(owner, this, docker))
    known = docker._replace(containers=tuple(this if each.id == this.id else each for each in docker.containers))
    effects, _ = containers.removal(world, known, [this], with_volumes=True, layers=False)
    lost = tuple(each for each in effects if _matters(each))
    if owner.details.auto_remove:
        why = "it was created with --rm: a stop deletes it, with all that it wrote outside volumes"
        yield Dangerous(f"{program} stop {name}", why, lost)
    elif lost:
        yield Dangerous(f"{program} rm -fv {name}", "it deletes the container and the volumes that have no name", lost)


def _unnamed(owner: ContainerOwner, this: Container, docker: Docker) -> frozenset[str]:
    """By their looks, less those that another container uses too: these keep it from removal."""
    mounted = {each.name for each in owner.details.mounts if each.type == "volume"}
    return frozenset(name for name in unnamed(this._replace(unnamed=None), docker) if name in mounted)


def _prune(program: str, docker: Docker, world: World) -> Iterator[Dangerous]:
    """What no container refers to: a database whose container was removed, or stopped, a moment ago."""
    api = (1, 42) if _major(world) >= FIRST_WITH_ALL else (1, 41)
    idle = {each.id for each in docker.containers if each.state in prune.NOT_RUNNING}
    left = state.without_containers(docker, idle)
    why = "it deletes every container that is stopped, and the volumes that no other one refers to"
    lost = _lost(left, prune.doomed_volumes(left, api, Filters(), every=False), world)
    if lost:
        yield Dangerous(f"{program} system prune -af --volumes", why, lost)
    why = "it deletes the volumes that no container refers to, those of any project"
    lost = _lost(docker, prune.doomed_volumes(docker, api, Filters(), every=True), world)
    if lost:
        yield Dangerous(f"{program} volume prune {'-af' if api >= prune.KEEPS_NAMED else '-f'}", why, lost)


def _lost(docker: Docker, doomed: tuple[Volume, ...], world: World) -> tuple[Effect, ...]:
    names = [each.name for each in doomed]
    told = deleted(world, docker, names, "no container refers to it any more")
    return tuple(each for each in told if _matters(each))


def _matters(effect: Effect) -> bool:
    """An empty volume is deleted too, and nobody misses it."""
    return effect.data_lost and (effect.size is None or effect.size.bytes != 0)


def _major(world: World) -> int:
    version = engine.info(world).version.partition(".")[0]
    return int(version) if version.isdecimal() else 0


def _bind_mount(owner: ContainerOwner, docker: Docker, world: World) -> Iterator[Dangerous]:
    """The folder of its data."""
    host = HostState(docker=docker)
    for mount in owner.details.mounts:
        path = mount.source
        if mount.type != "bind" or not mount.writable or _is_no_data(path):
            continue
        try:
            entry = places.tree(host, world).entry(path)
        except OSError:
            continue
        if entry is None or entry.kind != "folder":
            continue
        lost = tuple(filter(_matters, places.lost(path, entry, "it is deleted", host, world, NOT_ASKED)))
        if lost:
            yield Dangerous(f"rm -rf {quote(path)}", "it is where the container keeps its data", lost)


def _is_no_data(path: str) -> bool:
    return path in ("", "/") or any(path == each or path.startswith(f"{each}/") for each in NO_DATA)


def _engine(owner: ContainerOwner, docker: Docker, world: World) -> Iterator[Dangerous]:
    """A stop of the whole engine for the sake of one container."""
    unit = owner.details.engine_unit
    others = [each for each in docker.containers if each.state in RUNNING and each.id != owner.id]
    if unit is None or not others or owner.details.live_restore:
        return
    # Known policies and volumes: so no container is inspected for an answer that tells their names alone.
    known = tuple(each._replace(policy="no", unnamed=frozenset()) for each in others)
    left = HostState(docker=docker._replace(api=(1, 41), containers=known))
    effects, _ = signalled.engine_ends(left, world, starts_again=False)
    hit = tuple(each for each in effects if each.verb == "stop")
    if hit:
        why = f"it ends {len(hit)} other container{'s' if len(hit) > 1 else ''}: {state.names(others)}"
        yield Dangerous(f"systemctl stop {quote(unit.removesuffix('.service'))}", why, hit)
