"""A port that a service needs at its start and another process holds: most often what its own last life left behind.

The service starts, finds the port taken (EADDRINUSE), ends and is started again, for ever; the orphan goes on. What a
service said in its log is its own word: the port, and who listens on it, are the kernel's.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from runaway_watchdog import owners as ownership
from runaway_watchdog.explain import last_end
from runaway_watchdog.hostile import clean
from runaway_watchdog.linux import net
from runaway_watchdog.linux.text import lines
from runaway_watchdog.model.plan import Plan, Prints, Step
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners import Layer
from runaway_watchdog.owners.interface import Owner, Read
from runaway_watchdog.owners.steps import single
from runaway_watchdog.owners.systemd.details import Service, plain_service_of
from runaway_watchdog.patterns import Pattern
from runaway_watchdog.world import Files, Unanswered, World, processes, procfs
from runaway_watchdog.world.sockets import sockets

_SAID: Final = Pattern(
    r"EADDRINUSE|address (?:is )?(?:already )?in use|port \S{1,8} (?:is|was) (?:already )?in use", re.IGNORECASE
)
_PORT: Final = Pattern(r"(?:\bport\b\W{1,3}|:)(\d{1,5})(?!\d)", re.IGNORECASE)
"""`:::3002`, `0.0.0.0:80`, `port: 3002`."""
NOT_TOLD: Final = 0
LINES, AFTER = 200, 12
"""Lines of a log that are looked at, and after the word in which the port may stand."""
FRESH_S: Final = 120.0
MOST_LOGS: Final = 64


class Taken(NamedTuple):
    """Who waits for which port, and who has it."""

    port: int
    by: Process
    needs: str  # as people call it
    orphan: bool  # nobody waits for who has it


def needed(world: World, layers: Sequence[Layer]) -> Taken | None:
    """By the service that the innermost layer is; None: it says of no port that it is taken."""
    owner, process = layers[0].owner, layers[0].facts.process
    try:
        port = port_of(_log(world, layers[0]))
        by = None if port is None else _listener(world.files, port) if port else _left_in(world, owner, process)
        if port is None or by is None or _is_its_own(world.files, by, layers[0].facts):
            return None
        port = port or min(sockets(world.files, by.pid).ports)
        return Taken(port, by, owner.name, orphan=_is_left(world, by, process.uid))
    except (OSError, Unanswered, procfs.NoSuchProcessError):
        return None


def held(world: World, layers: Sequence[Layer]) -> Taken | None:
    """By the process itself, an orphan that listens; None: nobody is known to need its port."""
    owner, facts = layers[0].owner, layers[0].facts
    if facts.process.ppid != 1 or not _is_beside(owner, facts.process):
        return None
    ports = sockets(world.files, facts.process.pid).ports
    try:
        complaints = (
            [*_logs_of_pm2(world, facts.mark("PM2_HOME")), (owner.name, _log(world, layers[0]))] if ports else []
        )
    except Unanswered:
        return None
    for name, said in complaints:
        port = port_of(said)
        if port in ports or (port == NOT_TOLD and name == owner.name):
            return Taken(port or min(ports), facts.process, name, orphan=True)
    return None


def port_of(said: Sequence[str]) -> int | None:
    """The one that a log says is in use, by its last word about that; NOT_TOLD where that names none, as Python's does
    not. None: it says of none."""
    last = next((at for at in reversed(range(len(said))) if _SAID.search(said[at])), None)
    for line in () if last is None else said[last : last + AFTER]:
        if (found := _PORT.search(line)) is not None:
            return int(found[1])
    return None if last is None else NOT_TOLD


def _left_in(world: World, owner: Owner, process: Process) -> Process | None:
    """The orphan in the service's own group that listens."""
    unit = plain_service_of(owner)
    for pid in () if unit is None else processes.members(world.files, process.control_group.path):
        if unit is not None and pid != unit.main_pid and sockets(world.files, pid).ports:
            found = procfs.process(world.files, pid)[0]
            if found.ppid == 1:
                return found
    return None


def _log(world: World, layer: Layer) -> tuple[str, ...]:
    """Of one that is started again and again. Raises Unanswered."""
    owner, unit = layer.owner, plain_service_of(layer.owner)
    if unit is not None:
        restarting = unit.restarts_counted and _is_restarting(unit)
        return last_end.journal(world, f"_SYSTEMD_UNIT={owner.name}", LINES) if restarting else ()
    home = layer.facts.mark("PM2_HOME")
    return _fresh(world, f"{home}/logs/{owner.name}-error.log") if home and "/" not in owner.name else ()


def _is_restarting(unit: Service) -> bool:
    """Whether its last start was just now, or the next one is near: what a log says of earlier ones is over."""
    return unit.sub_state.startswith("auto-restart") or unit.up_s is None or unit.up_s < FRESH_S


def _logs_of_pm2(world: World, home: str | None) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each app that has complained just now: its name, and the end of its `logs/NAME-error.log`."""
    folder = f"{home}/logs"
    try:
        names = [name for name in world.files.names(folder) if name.endswith("-error.log")] if home else []
    except OSError:
        return
    for name in sorted(names)[:MOST_LOGS]:
        yield name.removesuffix("-error.log"), _fresh(world, f"{folder}/{name}")


def _fresh(world: World, path: str) -> tuple[str, ...]:
    """The end of a log that was written just now, and is a plain file. Raises Unanswered."""
    written = world.traces.written(path)
    try:
        if written is None or world.clock.now() - written > FRESH_S or world.files.status(path)[0] != "file":
            return ()
    except OSError:
        return ()
    return tuple(lines(world.traces.tail(path) or "")[-LINES:])


def _listener(files: Files, port: int) -> Process | None:
    """Who listens on it, in the network that is the host's."""
    tables = (files.read(f"{procfs.PROC}/1/net/{name}") for name in ("tcp", "tcp6"))
    inodes = {each.inode for table in tables for each in net.parse_tcp(table) if each.port == port}
    for pid in processes.pids(files) if inodes else ():
        if inodes & {each.inode for each in sockets(files, pid).listeners}:
            return procfs.process(files, pid)[0]
    return None


def _is_its_own(files: Files, by: Process, facts: Facts) -> bool:
    """Whether it is the process itself, or of its line: then the port was taken for a moment only."""
    above = {each.pid for each in (facts.process, *facts.ancestors)}
    return by.pid in above or facts.process.pid in {each.pid for each in procfs.ancestors(files, by)}


def _is_left(world: World, process: Process, uid: int) -> bool:
    """Whether it is the same user's, and nobody waits for it: it has no manager, or is not what its unit is about."""
    if process.ppid != 1 or process.uid != uid:
        return False
    layers, _ = ownership.layers(ownership.facts(world, process.pid)[0], world)
    return _is_beside(layers[0].owner, process)


def _is_beside(owner: Owner, process: Process) -> bool:
    """No manager waits for it. Between two lives of a service no process is what that is about."""
    unit = plain_service_of(owner)
    if unit is None:
        return owner.kind in ("unmanaged", "session")
    return unit.main_pid != process.pid and (unit.main_pid != 0 or unit.sub_state.startswith("auto-restart"))


def told(taken: Taken | None, process: Process) -> tuple[str, ...]:
    """As the process's condition."""
    if taken is None:
        return ()
    needs = clean(taken.needs, 60)
    if taken.by.pid == process.pid:
        return (f"what started it is gone, and it still listens on {taken.port}, which {needs} needs to start",)
    left = ", which an earlier life of it left behind" if taken.orphan else ""
    holder = f"{clean(taken.by.name, 40)} (PID {taken.by.pid})"
    return (f"{needs} cannot start: port {taken.port}, which it needs, is held by {holder}{left}",)


def adapted(plan: Plan, taken: Taken | None, process: Process) -> Plan:
    """`plan`, or the end of the orphan first: then the service starts as it is."""
    if taken is None or not taken.orphan or taken.by.pid == process.pid:
        return plan
    needs, holder = clean(taken.needs, 60), f"{clean(taken.by.name, 40)} ({taken.by.pid})"
    end = Step(
        f"End {holder}, which holds port {taken.port}",
        single.ended(taken.by, patient=True),
        f"its connections end, and {needs} has the port at its next start; there is no undo",
        "interrupts",
        None,
        Prints(f"ps -o state= -p {taken.by.pid}", ("Z", "nothing")),
        final=True,
    )
    rest = tuple(step._replace(last_resort=True) for step in plan.steps if step.phase != "relieve")
    goal = (
        f"End {holder}, left behind by an earlier life of {needs}: it holds port {taken.port}, which {needs} waits for"
    )
    return plan._replace(goal=goal, steps=(end, *rest))


def unfrozen(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """What ends by itself every moment is not there when a freeze comes, and systemd refuses it then."""
    return tuple(layer._replace(owner=_not_frozen(layer.owner)) for layer in layers)


def _not_frozen(owner: Owner) -> Owner:
    if isinstance(owner, Read) and isinstance(owner.details, Service):
        return owner._replace(details=owner.details._replace(can_freeze=False))
    return owner
