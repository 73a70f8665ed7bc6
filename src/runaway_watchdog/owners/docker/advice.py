"""What makes a container's return harmless: lines for its Compose file, words for the command that makes it."""

import re
from collections.abc import Iterator
from shlex import quote
from typing import TYPE_CHECKING

from runaway_watchdog.model.plan import Advice
from runaway_watchdog.owners.common.advice import BOTH, CPUS, ENOUGH, LIMIT, TRIES
from runaway_watchdog.owners.interface import Owner, Unread
from runaway_watchdog.world import World

if TYPE_CHECKING:
    from runaway_watchdog.owners.docker.details import ContainerOwner

CLEAN_STAYS = "what exits with 0, as when the host shuts down, then stays down"


def advice(owner: "ContainerOwner | Unread", world: World) -> Iterator[Advice]:
    if owner.kind == "swarm-task":
        yield _swarm(owner)
    elif owner.kind == "compose-service" and not isinstance(owner, Unread):
        yield from _compose(owner, world)
    elif not isinstance(owner, Unread):
        yield from remade(owner, "docker run", limited=bool(owner.details.nano_cpus) or not owner.details.cpu_limit)


def _swarm(owner: Owner) -> Advice:
    words = f"docker service update --limit-cpu {CPUS} --restart-max-attempts {TRIES} {quote(owner.name)}"
    return Advice(BOTH, "a shell of a manager; it replaces the service's tasks", (words,))


def _compose(owner: "ContainerOwner", world: World) -> Iterator[Advice]:
    """For that file; a health check only as a hint, since nobody but its author knows when the service is well."""
    container = owner.details
    if container.compose is None or not container.compose.config_files:
        return
    file = container.compose.config_files[0]
    where = f"{file}, under services: {container.compose.service}:"
    limited = not container.cpu_limit or container.nano_cpus or container.cpu_quota
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


def remade(owner: Owner, program: str, *, limited: bool) -> Iterator[Advice]:
    """For the command that makes it, Podman's too."""
    restart = _restart(owner)
    words = " ".join((*(() if limited else (f"--cpus={CPUS}",)), *((f"--restart={restart}",) if restart else ())))
    if words:
        what = BOTH if " " in words else ENOUGH if limited else LIMIT
        yield Advice(f"{what}{_stays_down(owner, restart)}", f"the `{program}` that makes it", (words,))
