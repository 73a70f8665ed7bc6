"""What is saved before a step that could lose it.

Where the line is drawn: a stop, a pause, an edited file and a process that is asked to exit lose nothing that is on a
disk, and a database has what it acknowledged in its log, also where a stop ends in SIGKILL: no dump is needed for
these. A stop does lose what is in memory alone. So a database is dumped first where it may keep its data there: Redis
and its kin (their snapshots can be off), and any kind whose container keeps folders in memory. A transient unit's
definition, a crontab and pm2's list are saved by their own owners' steps, and whoever wrote into a container that was
created with --rm is never stopped at all. Whatever is dumped must answer: it is not frozen before, only slowed.
"""

from shlex import quote
from typing import TYPE_CHECKING

from runaway_watchdog.model.container import DOCKER_KINDS, REPLACED_KINDS
from runaway_watchdog.model.plan import Containment, Prints, Step
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners import Layer
from runaway_watchdog.owners.docker.containment import named
from runaway_watchdog.owners.interface import Owner, Read
from runaway_watchdog.owners.steps import single
from runaway_watchdog.world import Files
from runaway_watchdog.world.sockets import in_network_of_host, sockets

if TYPE_CHECKING:
    from runaway_watchdog.owners.docker.details import ContainerDetails

FOLDER = "/root"
IN_MEMORY = ("redis", "valkey")
REDIS_PORT = 6379
_LOCAL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
"""Where whoever listens on every address is reached."""
ON_THIS_HOST = DOCKER_KINDS - REPLACED_KINDS  # Docker commands here reach it; a task's container is the Swarm's


def saved(containment: Containment, layer: Layer, files: Files) -> tuple[Step, ...]:
    """The steps of `held` with the dump before those that hold, if one of them ends anything. `layer` is the
    innermost."""
    dump = _dump(layer.owner, layer.facts, files) if any(map(_ends, containment.steps)) else None
    if dump is None:
        return containment.steps
    first = next(at for at, step in enumerate(containment.steps) if step.phase == "hold")
    before, after = containment.steps[:first], containment.steps[first:]
    if any(_freezes(step) for step in before):
        slower = single.renice(layer.facts.process)
        before = (*slower, *(step for step in before if not _freezes(step)))
    return (*before, dump, *after)


def _ends(step: Step) -> bool:
    return step.phase == "hold" and step.risk == "interrupts"


def _freezes(step: Step) -> bool:
    return step.phase == "relieve" and step.risk == "interrupts"


def redis_options(process: Process, files: Files) -> str | None:
    """By which its client reaches this very server: the address of its title (`redis-server 127.0.0.1:7000`) or a path,
    where it listens there itself. None: only its name is known to be a server's."""
    title = next(iter(" ".join(process.cmdline).split()[1:]), "").rpartition(":")[2]
    port = int(title) if title.isascii() and title.isdigit() else REDIS_PORT
    found = sockets(files, process.pid)
    host = next((each.host for each in found.listeners if each.port == port), None)
    if host is not None:
        return f" -h {_LOCAL.get(host, host)} -p {port}"
    path = next((each for each in found.paths if each.startswith("/")), None)
    return None if path is None else f" -s {quote(path)}"


def _dump(owner: Owner, facts: Facts, files: Files) -> Step | None:
    if owner.kind not in ON_THIS_HOST and not facts.process.name.startswith(IN_MEMORY):
        return None
    from runaway_watchdog.effects.host import dumps  # what no other owner needs

    if owner.kind in ON_THIS_HOST and isinstance(owner, Read):
        container: ContainerDetails = owner.details
        found = dumps.seems((container.image, container.container))
        if found is None or not (found.in_memory or container.memory_only):
            return None
        name = named(container.container, owner.id)
        file = dumps.file(found, name, FOLDER)
        command = dumps.command(found, name, FOLDER, container.client)
    else:
        found = dumps.seems((facts.process.name,))
        if found is None or not found.in_memory or len(facts.process.namespace_pids) > 1:
            return None
        file = dumps.file(found, f"{found.name.lower()}-{facts.process.pid}", FOLDER)
        reached = redis_options(facts.process, files) if in_network_of_host(files, facts.process.pid) else None
        command = None if reached is None else dumps.of_host(found, file, reached)
    if command is None:
        return None
    return Step(
        f"Dump its {found.name} database",
        f"umask 077; {command}",
        f"{file} holds what it may keep in memory alone; nothing changes",
        "none",
        None,
        Prints(f"test -s {quote(file)} && echo saved", ("saved",)),
        phase="save",
    )
