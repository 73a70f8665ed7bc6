"""compose down: a whole project, or by the version of Compose the services that are named, and what -v takes along."""

from collections.abc import Collection, Sequence

from runaway_watchdog.effects import Docker, Outcome
from runaway_watchdog.effects.compose import project as projects
from runaway_watchdog.effects.compose.plan import PROJECT, WHY
from runaway_watchdog.effects.compose.project import SERVICE, Compose, Project, Refused
from runaway_watchdog.effects.docker import state, volumes
from runaway_watchdog.effects.docker.call import variable
from runaway_watchdog.effects.docker.containers import removal
from runaway_watchdog.effects.docker.images import removing
from runaway_watchdog.engines.model import Container
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.world import World

TAKES_SERVICES = (2, 19, 0)  # docker/compose 93bd27a0c
REFUSES_WORDS = (2, 5, 1)  # docker/compose 147c2d8fa
KEEPS_OTHERS = (2, 30, 0)  # docker/compose abcc91e2b
TRUE = ("1", "t", "T", "true", "TRUE", "True", "y", "yes", "on")


def wanted(
    version: tuple[int, int, int], asked: Sequence[str], known: Collection[str], *, from_files: bool
) -> tuple[str, ...]:
    """The services that `down ARG…` takes; () is the whole project. Raises Refused where it does nothing. Pure.

    Compose 1 takes no words; 2.0 to 2.5.0 ignore them and take the whole project; up to 2.18 they are an unknown
    command. From 2.19 on a word is a service. One that does not exist is an error where a file says so; without a
    file it is left out, and with nothing left versions before 2.30 take the whole project.
    """
    if not asked:
        return ()
    if version < (2,) or REFUSES_WORDS <= version < TAKES_SERVICES:
        raise Refused(f"down takes no services in Compose {version[0]}.{version[1]}")
    if version < REFUSES_WORDS:
        return ()
    missing = [each for each in asked if each not in known]
    if missing and from_files:
        raise Refused(f"no such service: {missing[0]}")
    if len(missing) == len(asked) and version >= KEEPS_OTHERS:
        raise Refused("none of the services runs in the project")
    return tuple(each for each in asked if each in known)


def down(compose: Compose) -> Outcome:
    """Raises Refused, Unclear and Unanswered."""
    call = compose.call
    asked = call.options.operands
    version = compose.version if asked else (0, 0, 0)
    if asked and (version < REFUSES_WORDS or version < TAKES_SERVICES):
        wanted(version, asked, (), from_files=True)
        asked = ()
    project = projects.find(compose, asked)
    chosen = wanted(version, asked, project.services, from_files=project.from_files) if asked else ()
    orphans = _orphans(compose, project)
    found = _leaving(compose, project, chosen)
    effects, docker = removal(call.world, call.docker, found, with_volumes=call.options.has("volumes"))
    more, docker = removal(call.world, docker, orphans, with_volumes=False, why="no service of the project is its")
    networks, docker = _networks(docker, project)
    images, docker = _images(compose, project, docker) if call.options.has("rmi") else ((), docker)
    lost: tuple[Effect, ...] = ()
    if call.options.has("volumes"):
        lost, docker = declared_volumes(call.world, docker, project)
    return call.outcome((*effects, *more, *lost, *networks, *images), docker)


def _leaving(compose: Compose, project: Project, chosen: Sequence[str]) -> list[Container]:
    """The containers of the services that go, and of those that depend on them."""
    one_off = compose.old or _removes_orphans(compose)
    services = projects.dependents(project, chosen) if chosen else project.services
    return projects.of_services(projects.containers(compose.call.docker, project.name, one_off=one_off), services)


def _removes_orphans(compose: Compose) -> bool:
    options = compose.call.options
    if options.given.get("remove-orphans"):
        return options.has("remove-orphans")
    return variable(compose.call.command, compose.call.world, "COMPOSE_REMOVE_ORPHANS") in TRUE and not compose.old


def _orphans(compose: Compose, project: Project) -> list[Container]:
    """Containers of the project whose service is in no file, those of profiles that are switched off not counted."""
    if not _removes_orphans(compose) or not project.from_files:
        return []
    known = projects.every_service(compose) | set(project.services)
    found = projects.containers(compose.call.docker, project.name, one_off=not compose.old)
    return [each for each in found if each.labels.get(SERVICE) not in known]


def _networks(docker: Docker, project: Project) -> tuple[tuple[Effect, ...], Docker]:
    doomed = [each for each in docker.networks if each.name in project.networks and not state.connected(docker, each)]
    why = f"it belongs to project {project.name}"
    effects = tuple(Effect("remove", "network", each.name, False, why) for each in doomed)
    return effects, state.without_networks(docker, {each.id for each in doomed})


def declared_volumes(world: World, docker: Docker, project: Project) -> tuple[tuple[Effect, ...], Docker]:
    """All of the project's own volumes that no container refers to, whichever services were named."""
    free = {each.name for each in state.unreferenced(docker)}
    doomed = free & set(project.volumes)
    users = [each for each in (*docker.containers, *docker.removed) if set(each.volumes) & doomed]
    return volumes.deleted(world, docker, doomed, WHY, among=users), state.without_volumes(docker, doomed)


def _images(compose: Compose, project: Project, docker: Docker) -> tuple[tuple[Effect, ...], Docker]:
    """`--rmi all`: every image of the services; `local`: those that were built and given no name of their own."""
    separator = "_" if compose.old else "-"
    built = {f"{project.name}{separator}{name}" for name, each in project.services.items() if not each.image}
    named = {each.image for each in project.services.values() if each.image}
    if not project.from_files:  # labels do not tell which images were built
        built = set()
    labelled = {
        each.tags[0]
        for each in docker.images
        if each.labels.get(PROJECT) == project.name
        and each.tags
        and (each.labels.get(SERVICE) in project.services or _removes_orphans(compose))
    }
    doomed = built | (labelled if not compose.old else set())
    if compose.call.options.value("rmi") == "all":
        doomed |= named
    effects: list[Effect] = []
    for reference in sorted({state.full_tag(each) for each in doomed}):
        found, docker = removing(docker, reference, force=False)
        effects += found
    return tuple(effects), docker
