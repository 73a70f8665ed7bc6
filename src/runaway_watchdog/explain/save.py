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

if TYPE_CHECKING:
    from runaway_watchdog.owners.docker.details import ContainerDetails

FOLDER = "/root"
IN_MEMORY = ("redis", "valkey")
REDIS_PORT = 6379
ON_THIS_HOST = DOCKER_KINDS - REPLACED_KINDS  # Docker commands here reach it; a task's container is the Swarm's


def saved(containment: Containment, layer: Layer) -> tuple[Step, ...]:
    """The steps of `held` with the dump before those that hold, if one of them ends anything. `layer` is the
    innermost."""
    dump = _dump(layer.owner, layer.facts) if any(map(_ends, containment.steps)) else None
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


def redis_port(process: Process) -> int:
    """As the server's title says it, `redis-server 127.0.0.1:7000`; the default where it says none."""
    port = next(iter(" ".join(process.cmdline).split()[1:]), "").rpartition(":")[2]
    return int(port) if port.isascii() and port.isdigit() else REDIS_PORT


def _dump(owner: Owner, facts: Facts) -> Step | None:
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
        port = redis_port(facts.process)
        command = dumps.of_host(found, file, "" if port == REDIS_PORT else f" -p {port}")
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
