"""The Compose subcommands beside down: which containers of the project they mean, and what happens to these."""

from collections.abc import Collection, Iterable, Sequence

from runaway_watchdog.effects import Docker, Outcome, doubts
from runaway_watchdog.effects.compose import project as projects, renewal
from runaway_watchdog.effects.compose.plan import PROJECT
from runaway_watchdog.effects.compose.project import CONFIG_HASH, SERVICE, Compose, Project
from runaway_watchdog.effects.docker import containers, run as docker_run, state, volumes
from runaway_watchdog.effects.docker.call import Call
from runaway_watchdog.engines.model import RUNNING, Container
from runaway_watchdog.model.effect import Effect, LowRisk


def _chosen(compose: Compose, *, one_off: bool = False) -> list[Container]:
    """The containers of the services that are named, or of all."""
    project = projects.find(compose, compose.call.options.operands)
    found = projects.containers(compose.call.docker, project.name, one_off=one_off)
    asked = compose.call.options.operands
    return projects.of_services(
        found, [each for each in asked if each in project.services] if asked else project.services
    )


def stop(compose: Compose) -> Outcome:
    call = compose.call
    return call.outcome(*containers.stopping(call.world, call.docker, _chosen(compose)))


def kill(compose: Compose) -> Outcome:
    """With --remove-orphans (Compose 2) containers of services that are in no file are killed too."""
    call = compose.call
    found = _chosen(compose, one_off=not compose.old)
    if call.options.has("remove-orphans"):
        project = projects.find(compose)
        found = list(projects.containers(call.docker, project.name, one_off=True))
    return call.outcome(*containers.killing(call, found))


def remove(compose: Compose) -> Outcome:
    """`compose rm`: stopped containers; with -s those that run are stopped first. -v takes their unnamed volumes."""
    call = compose.call
    found = _chosen(compose, one_off=compose.old)
    docker = call.docker
    effects: tuple[Effect, ...] = ()
    if call.options.has("stop"):
        _, docker = containers.stopping(call.world, docker, found)
    left = {each.id for each in docker.containers}
    gone = {each.id for each in found} - left  # created with --rm: stopping them was enough
    effects, _ = containers.removal(
        call.world, call.docker, [each for each in found if each.id in gone], with_volumes=True
    )
    doomed = [each for each in found if each.id in left and (call.options.has("stop") or each.state not in RUNNING)]
    more, docker = containers.removal(call.world, docker, doomed, with_volumes=call.options.has("volumes"))
    return call.outcome((*effects, *more), docker)


def restart(compose: Compose) -> Outcome:
    call = compose.call
    return call.outcome(*containers.restarting(call.docker, _chosen(compose)))


def start(compose: Compose) -> Outcome:
    call = compose.call
    found = [each for each in _chosen(compose) if each.state not in RUNNING]
    effects = (Effect("change", "container", each.name, False, "it is started") for each in found)
    return call.outcome(effects, state.with_state(call.docker, {each.id for each in found}, "running"))


def pause(compose: Compose) -> Outcome:
    return compose.call.outcome(*containers.pausing(compose.call.docker, _chosen(compose)))


def unpause(compose: Compose) -> Outcome:
    return compose.call.outcome(*containers.unpausing(compose.call.docker, _chosen(compose)))


def up(compose: Compose) -> Outcome:
    """Never deletes a volume. Containers are made anew where their definition or image changed, or on request.

    Whether a definition changed is only compared where something would go with the container: it takes another start
    of Compose.
    """
    call, options = compose.call, compose.call.options
    project = projects.find(compose, options.operands, needs_files=True)
    asked = frozenset(each for each in options.operands if each in project.services)
    services = asked if options.has("no-deps") and asked else frozenset(project.services)
    found = projects.of_services(projects.containers(call.docker, project.name), services)
    forced = _forced(compose, asked or services, services)
    effects, unsure = renewal.effects(compose, project, found, forced)
    status = "created" if call.name.endswith(" create") or options.has("no-start") else "running"
    docker = call.docker if status == "created" else state.with_state(call.docker, {each.id for each in found}, status)
    docker = _made_anew(compose, docker, {each.id for each in found if each.labels[SERVICE] in forced})
    why = "no service of the project is its"
    gone, docker = containers.removal(call.world, docker, _orphans(compose, project), with_volumes=False, why=why)
    after = _created(docker, project, services, status)
    return call.outcome((*effects, *gone), after, (*_open_ended(call), *unsure))


def _open_ended(call: Call) -> list[str]:
    """What an `up` may still do that is not told."""
    unknown = []
    if call.options.has("scale"):
        unknown.append(f"{call.name}: which containers go when --scale asks for fewer is not told")
    if call.options.has("abort-on-container-exit") or call.options.has("exit-code-from"):
        unknown.append(f"{call.name}: when one container ends, it stops the whole project")
    return unknown


def _orphans(compose: Compose, project: Project) -> Sequence[Container]:
    if not compose.call.options.has("remove-orphans"):
        return ()
    known = projects.every_service(compose) | set(project.services)
    every = projects.containers(compose.call.docker, project.name, one_off=not compose.old)
    return [each for each in every if each.labels.get(SERVICE) not in known]


def _forced(compose: Compose, asked: frozenset[str], services: frozenset[str]) -> frozenset[str]:
    """--force-recreate is for the services that are named; for those that they depend on there is another option."""
    options = compose.call.options
    forced = asked if options.has("force-recreate") else frozenset[str]()
    return forced | (services - asked) if options.has("always-recreate-deps") else forced


def _made_anew(compose: Compose, docker: Docker, ids: Collection[str]) -> Docker:
    """Compose gives the successor its anonymous volumes by name, so `rm -v` keeps them; with -V it gets new ones."""
    docker = state.inspected(docker, ids, compose.call.world)
    renews = compose.call.options.has("renew-anon-volumes")

    def successor(each: Container) -> Container:
        left = set(volumes.unnamed(each, docker)) if renews else set[str]()
        return each._replace(volumes=tuple(name for name in each.volumes if name not in left), unnamed=frozenset())

    anew = tuple(successor(each) if each.id in ids else each for each in docker.containers)
    return docker._replace(containers=anew)


def _created(docker: Docker, project: Project, services: Iterable[str], status: str) -> Docker:
    """The containers that are missing appear: from then on they keep their volumes and networks in use."""
    there = {each.labels.get(SERVICE) for each in projects.containers(docker, project.name)}
    new = tuple(
        Container(
            id=f"new:{project.name}/{name}",
            name=project.services[name].container_name or f"{project.name}-{name}-1",
            image=project.services[name].image,
            image_id=_image_id(docker, project.services[name].image),
            state=status,
            labels={PROJECT: project.name, SERVICE: name, CONFIG_HASH: ""},
            volumes=tuple(project.services[name].volumes),
            binds=(),
            networks=project.networks,
            unnamed=frozenset(),
        )
        for name in sorted(services)
        if name not in there
    )
    return docker._replace(containers=(*docker.containers, *new))


def _image_id(docker: Docker, reference: str) -> str:
    found = state.image(docker, reference)
    return "" if found is None else found.id


def execute(compose: Compose) -> Outcome:
    """`compose exec SERVICE COMMAND`: judged as `docker exec` is."""
    call = compose.call
    if len(call.options.rest) < 2 or call.options.rest[0].text is None:
        return call.not_known("which service it runs in is only known when the line runs")
    service = call.options.rest[0].text
    project = projects.find(compose)
    found = projects.of_services(projects.containers(call.docker, project.name), [service])
    running = [each for each in found if each.state == "running"]
    if not running:
        return call.outcome()  # refused
    return docker_run.within(call, running[0], call.options.rest[1:])


def run(compose: Compose) -> Outcome:
    """A further container of a service, with that service's volumes."""
    call = compose.call
    if len(call.options.rest) > 1 and call.options.rest[0].text is not None:
        project = projects.find(compose)
        found = projects.of_services(projects.containers(call.docker, project.name), [call.options.rest[0].text])
        judged = docker_run.in_a_service(call, found, call.options.rest[1:])
        if judged is not None:
            return judged
    sentence = f"{call.name}: what the new container does in the service's volumes is only known when it runs"
    return call.outcome(unknown=(sentence if doubts.may_delete(call.options.rest[1:]) else LowRisk(sentence),))
