"""What makes the return harmless: a limit, an end to its restarts, as lines for the file that its owner reads."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from shlex import quote

from runaway_watchdog.hostile import clean
from runaway_watchdog.model.container import DOCKER_KINDS
from runaway_watchdog.model.plan import Advice
from runaway_watchdog.owners import KINDS, Layer
from runaway_watchdog.owners.common.advice import BOTH, CPUS, ENOUGH, LIMIT, TRIES
from runaway_watchdog.owners.docker import compose as compose_facts
from runaway_watchdog.owners.interface import Owner
from runaway_watchdog.world import Unanswered, World

MOST_NEIGHBOURS = 6
CLEAN_STAYS = "what exits with 0, as when the host shuts down, then stays down"


def advice(layers: Sequence[Layer], world: World) -> tuple[Advice, ...]:
    """For the innermost layer that has a file of its own, then who shares the host. A supervisor's or the engine's own
    unit is not to be limited for the sake of one of its children."""
    ways = ((layer.owner, _TOLD.get(layer.owner.kind) or KINDS[layer.owner.kind].advice) for layer in layers)
    found = next((tuple(advise(owner, world)) for owner, advise in ways if advise is not None), ())
    container = next((layer.owner for layer in layers if layer.owner.kind in DOCKER_KINDS and layer.owner.facts), None)
    return (*found, *(() if container is None else _neighbours(container, world)))


def _compose(owner: Owner, world: World) -> Iterator[Advice]:
    """For that file; a health check only as a hint, since nobody but its author knows when the service is well."""
    if not owner.facts or not owner.facts["config_files"]:
        return
    file = str(owner.facts["config_files"][0])
    where = f"{file}, under services: {owner.facts['service']}:"
    limited = not owner.facts["cpu_limit"] or owner.facts["nano_cpus"] or owner.facts["cpu_quota"]
    restart = _restart(owner)
    lines = (*(() if limited else (_cpus(file, world),)), *((f"restart: {restart}",) if restart else ()))
    if lines:
        hint = "; a healthcheck: besides, where its author knows how to tell that it is well"
        what = BOTH if len(lines) > 1 else ENOUGH if restart else LIMIT
        yield Advice(f"{what}{_stays_down(owner, restart)}{hint}", where, lines)
    yield Advice("to keep it out of the next `up` until it is mended", where, ('profiles: ["held"]',))


def _cpus(file: str, world: World) -> str:
    """A file of version 3 read by Compose v1 knows `deploy:` alone, and heeds it with --compatibility."""
    try:
        old = re.search(r"^version:\s*[\"']?3", world.files.read(file), re.MULTILINE) is not None
    except OSError:
        old = False
    if old:
        return f'deploy: {{resources: {{limits: {{cpus: "{CPUS}"}}}}}}'
    return f"cpus: {CPUS}"


def _restart(owner: Owner) -> str:
    return f"on-failure:{TRIES}" if owner.policy in ("always", "unless-stopped", "on-failure") else ""


def _stays_down(owner: Owner, restart: str) -> str:
    """What it costs whoever relied on a policy that knows no end."""
    return f" ({CLEAN_STAYS})" if restart and owner.policy != "on-failure" else ""


def _container(owner: Owner, world: World) -> Iterator[Advice]:  # noqa: ARG001
    if not owner.facts:
        return
    limited = owner.facts.get("nano_cpus") or not owner.facts.get("cpu_limit", True)
    restart = _restart(owner)
    words = " ".join((*(() if limited else (f"--cpus={CPUS}",)), *((f"--restart={restart}",) if restart else ())))
    if words:
        program = "podman run" if owner.kind == "podman-container" else "docker run"
        what = BOTH if " " in words else ENOUGH if limited else LIMIT
        yield Advice(f"{what}{_stays_down(owner, restart)}", f"the `{program}` that makes it", (words,))


def _swarm(owner: Owner, world: World) -> Iterator[Advice]:  # noqa: ARG001
    words = f"docker service update --limit-cpu {CPUS} --restart-max-attempts {TRIES} {quote(owner.name)}"
    yield Advice(BOTH, "a shell of a manager; it replaces the service's tasks", (words,))


_TOLD: Mapping[str, Callable[[Owner, World], Iterator[Advice]]] = {
    "compose-service": _compose,
    "docker-container": _container,
    "podman-container": _container,
    "swarm-task": _swarm,
}


def _neighbours(owner: Owner, world: World) -> Iterator[Advice]:
    """The other projects and containers that run on this host: whom it takes the CPU from."""
    try:
        listed = world.engine.containers()
    except Unanswered:
        return  # the container's own owner has told the gap
    own = owner.facts.get("project")
    counts: dict[str, int] = {}
    for each in listed:
        if each.get("State") != "running" or each.get("Id") == owner.id:
            continue
        labels = each.get("Labels") or {}
        project = str(labels.get(compose_facts.PROJECT) or "")
        name = f"project {project}" if project else str((each.get("Names") or [each["Id"][:12]])[0]).lstrip("/")
        if not project or project != own:
            counts[name] = counts.get(name, 0) + 1
    if not counts:
        return
    told = [clean(name, 60) + (f" ({count} containers)" if count > 1 else "") for name, count in sorted(counts.items())]
    more = f" and {len(told) - MOST_NEIGHBOURS} more" if len(told) > MOST_NEIGHBOURS else ""
    yield Advice(f"it shares this host with {', '.join(told[:MOST_NEIGHBOURS])}{more}", None, ())
