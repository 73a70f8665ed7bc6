"""A command inside a container (`docker exec db psql -c …`): the same families, with the container's own files.

Its paths lead to the host: through a mount to the volume or folder behind it, else to the container's own root.
"""

from runaway_watchdog.effects import HostState, Outcome, harmless, table
from runaway_watchdog.effects.host import databases, files, signalled, signals
from runaway_watchdog.engines import docker
from runaway_watchdog.engines.model import Container, Inspected
from runaway_watchdog.linux import status
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.model.shells import POSIX_SHELLS
from runaway_watchdog.preflight.shell import parse
from runaway_watchdog.world import Unanswered, World, processes
from runaway_watchdog.world.paths import under
from runaway_watchdog.world.procfs import PROC

IMAGE_SHELLS = POSIX_SHELLS - {"zsh", "ksh"}  # what images bring along
ON_FILES = frozenset(("rm", "rmdir", "unlink", "truncate", "shred"))


def effects(command: Command, container: Container, host: HostState, world: World) -> Outcome | None:
    """What it would do; None where that cannot be judged. Raises Unanswered."""
    program = command.program
    if program in IMAGE_SHELLS:
        return _shell(command, container, host, world)
    if program in databases.PROGRAMS and program != "sqlite3":
        outcome = databases.effects_inside(command, host, world)
        told = tuple(
            each._replace(name=f"{each.name} in {container.name}", used_by=(container.name,))
            for each in outcome.effects
        )
        return outcome._replace(effects=told)
    if program in ON_FILES or command.truncates:
        return _files(command, container, host, world)
    if program == "kill":
        return _kill(command, container, host, world)
    judged = harmless.effects(command, host, world)
    return None if judged.unknown else judged


def _shell(command: Command, container: Container, host: HostState, world: World) -> Outcome | None:
    """`sh -c LINE`: each command of the line, with nothing known of the variables in there."""
    texts = [word.text for word in command.words]
    if len(texts) < 3 or texts[1] not in ("-c", "-lc", "-ec") or texts[2] is None:
        return None
    script = parse(texts[2], environment={}, folder=None, home="/")
    found: list[Effect] = []
    unknown = list(script.unknown)
    for inner in script.commands:
        outcome = effects(inner, container, host, world)
        if outcome is None:
            unknown.append(f"what `{inner.text}` does inside {container.name} is not known")
            continue
        found += outcome.effects
        unknown += outcome.unknown
        host = outcome.host
    return Outcome(tuple(found), host, tuple(unknown))


def _files(command: Command, container: Container, host: HostState, world: World) -> Outcome | None:
    known = docker.container(world, container.id)
    if known is None:
        return None
    words = (command.words[0], *(_outside(word, known) for word in command.words[1:]))
    moved = command._replace(words=words, truncates=tuple(_outside(word, known) for word in command.truncates))
    host = table.known(host, world)
    outcome = files.truncated(moved.truncates, moved, host, world)
    if command.program not in ON_FILES:
        return outcome
    after = files.effects(moved, outcome.host, world)
    return Outcome((*outcome.effects, *after.effects), after.host, (*outcome.unknown, *after.unknown))


def _outside(word: Word, known: Inspected) -> Word:
    """A path of the container as one of the host; options stay."""
    if word.text is None or word.text.startswith("-"):
        return word
    path = word.text if word.text.startswith("/") else f"{known.folder.rstrip('/')}/{word.text}"
    for mount in sorted(known.mounts, key=lambda mount: -len(mount.target)):
        target = mount.target.rstrip("/")
        if target and under(path, target):
            return word._replace(text=mount.source + path[len(target) :])
    return word._replace(text=f"{PROC}/{known.pid}/root{path}")


def _kill(command: Command, container: Container, host: HostState, world: World) -> Outcome | None:
    """`docker exec C kill 1`: PIDs are those of the container's own namespace."""
    words = [word.text for word in command.words[1:]]
    value: int | None = signals.TERM
    if words and words[0] is not None and words[0].startswith("-") and words[0] not in ("-l", "-L"):
        given = words.pop(0)
        value = signals.number(words.pop(0) if given == "-s" and words else (given or "")[1:])
    if value is None or not words or any(text is None or not text.isascii() or not text.isdigit() for text in words):
        return None
    found = docker.container(world, container.id)
    group = processes.cgroup_of(world.files, 0 if found is None else found.pid)
    inner = {_inner(each, world): each for each in processes.members(world.files, group)}
    pids = [inner[int(text)] for text in words if text is not None and int(text) in inner]
    try:
        return signalled.by_signal(pids, value, host, world, from_inside=True)
    except Unanswered:
        return None


def _inner(pid: int, world: World) -> int:
    """The PID that a process has in its innermost namespace; 0 where it cannot be read."""
    try:
        numbers = status.parse(world.files.read(f"{PROC}/{pid}/status")).get("NSpid", "0").split()
    except OSError:
        return 0
    return int(numbers[-1]) if numbers and numbers[-1].isdigit() else 0
