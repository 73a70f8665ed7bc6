"""A command inside a container (`docker exec db rm -rf /data`): judged as on a host, over the container's own files.

What it would lose is then told by where it lies: through a mount in a volume or a folder of the host, else in the
container's own layer, which is data as `effects.docker.layer` has it.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from shlex import join
from typing import NamedTuple, Protocol

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.docker import layer
from runaway_watchdog.effects.docker.call import Room
from runaway_watchdog.effects.host import databases, places, signalled, signals
from runaway_watchdog.effects.programs import DATABASES
from runaway_watchdog.engines import docker
from runaway_watchdog.engines.model import Inspected
from runaway_watchdog.linux import status
from runaway_watchdog.model.command import Command
from runaway_watchdog.model.effect import Effect, LowRisk
from runaway_watchdog.model.shells import POSIX_SHELLS
from runaway_watchdog.preflight.container_view import GAP, Inner, world_of
from runaway_watchdog.world import Unanswered, World, processes
from runaway_watchdog.world.paths import under
from runaway_watchdog.world.procfs import PROC

IMAGE_SHELLS = POSIX_SHELLS - {"zsh", "ksh"}  # what images bring along
UNSEEN = frozenset(
    (
        "pkill", "killall", "killall5", "skill", "fuser", "crontab", "at", "batch", "atrm", "systemctl", "service",
        "rc-service", "supervisorctl", "reboot", "shutdown", "poweroff", "halt", "init", "docker", "docker-compose",
        "podman", "kubectl", "mount", "umount", "chroot", "nsenter",
    )
)  # fmt: skip
"""They act on what is not looked at from outside: processes, services and engines that the container reaches."""
COPY = frozenset(("cp", "mv", "rsync", "install", "ln"))
"""They bring files along, under names that are only known where their source is looked at."""

First = Callable[[Command, HostState], Outcome | None]
"""Judges a command of the container before the families do; None where it is theirs."""


class Within(Protocol):
    """Judges in a world of its own, with the families of the host (`sequence`)."""

    def __call__(self, given: Command | str, world: World, host: HostState, room: Room, first: First) -> Outcome: ...


class _Judged(NamedTuple):
    """The container that a command runs in."""

    room: Room
    inner: Inner
    known: Inspected | None  # None: it is made by the command itself
    host: HostState
    world: World
    until: float

    @property
    def name(self) -> str:
        return self.room.container.name if self.room.container is not None else "the new container"


def effects(
    command: Command, room: Room, host: HostState, world: World, within: Within, given: str | None = None
) -> Outcome | None:
    """What it would do; None where that cannot be judged. `given` is its standard input. Raises Unanswered."""
    known = None if room.container is None else docker.container(world, room.container.id)
    if room.container is not None and known is None:
        return None
    mounts, root = room.mounts, None
    if known is not None:
        mounts, root = known.mounts, f"{PROC}/{known.pid}/root"
    judged = _Judged(room, Inner(mounts, root), known, host, world, layer.deadline(world))
    if known is not None:
        environment = dict(each.partition("=")[::2] for each in known.environment)
        room = room._replace(folder=room.folder or known.folder or "/", environment={**environment, **room.environment})
    what = _text(command, given)
    if what is None and _reads_input(command):
        typed = command.reads is None
        return (
            Outcome((), host, (LowRisk(f"what is typed into a shell in {judged.name} is not known"),))
            if typed
            else None
        )
    seen = world_of(judged.inner, room.environment, host.deleted, world)
    start = HostState(docker=host.docker._replace(containers=(), volumes=(), gap=GAP))
    outcome = within(command if what is None else what, seen, start, room, _first(judged))
    return _outside(outcome, judged)


def _text(command: Command, given: str | None) -> str | None:
    """The command as a shell would read it, with what it wraps; None where one of its words is not known."""
    texts = [word.text for word in command.words if word.text is not None]
    if _reads_input(command):
        return given if given is not None else command.here
    if (command.here is not None or command.reads is not None) and command.program in DATABASES:
        return None  # what comes over standard input would not be in the text
    return join(texts) if len(texts) == len(command.words) else None


def _reads_input(command: Command) -> bool:
    """A shell that is given neither a script nor a text."""
    options = [word.text or "" for word in command.words[1:]]
    plain = all(each.startswith("-") and not re.fullmatch(r"-[abd-z]*+c[a-z]*+", each) for each in options)
    return command.program in IMAGE_SHELLS and (plain or "-s" in options)


def _first(judged: _Judged) -> First:
    def first(command: Command, host: HostState) -> Outcome | None:
        program = command.program or ""
        if program in DATABASES and program != "sqlite3":
            outcome = databases.effects_inside(command, host, judged.world)
            return outcome._replace(effects=tuple(_of_database(each, judged) for each in outcome.effects))
        if program == "kill" and judged.known is not None:
            killed = _kill(command, judged.known, judged.host, judged.world)
            if killed is not None:
                return killed._replace(host=host)
        if program in UNSEEN or program == "kill":
            return Outcome((), host, (f"what `{command.text or program}` does inside {judged.name} is not known",))
        if program in COPY and judged.known is None and _of_the_image(command, judged):
            return Outcome((), host, (f"what `{command.text or program}` takes from the image is not known",))
        return None

    return first


def _of_database(effect: Effect, judged: _Judged) -> Effect:
    if effect.type != "database":
        return effect
    return effect._replace(name=f"{effect.name} in {judged.name}", used_by=(judged.name,))


def _of_the_image(command: Command, judged: _Judged) -> bool:
    """Whether a word names something that is in no mount, or is not known; a device aside."""
    for word in command.words[1:]:
        if word.text is None:
            return True
        path = word.text if word.text.startswith("/") else f"{command.folder or ''}/{word.text}"
        if not word.text.startswith("-") and judged.inner.mount(path) is None and not under(path, "/dev"):
            return True
    return False


# --- where it lies ----------------------------------------------------------------------------------------------------


def _outside(outcome: Outcome, judged: _Judged) -> Outcome:
    found: dict[tuple[str, str], Effect] = {}
    for effect in outcome.effects:
        for each in _told(effect, judged):
            before = found.get((each.type, each.name))
            if before is None or (each.data_lost and not before.data_lost):
                found[each.type, each.name] = each
    gone = filter(None, map(judged.inner.outside, outcome.host.deleted))
    after = judged.host._replace(deleted=judged.host.deleted | frozenset(gone))
    return Outcome(tuple(found.values()), after, tuple(_unknown(each, judged) for each in outcome.unknown))


def _unknown(sentence: str, judged: _Judged) -> str:
    """The sentence with where it is; its risk stays."""
    told = f"inside {judged.name}: {sentence}"
    return LowRisk(told) if isinstance(sentence, LowRisk) else told


def _told(effect: Effect, judged: _Judged) -> Iterator[Effect]:
    """The same effect in the host's terms."""
    if effect.type != "path" or not effect.name.startswith("/"):  # what is elsewhere is the same from everywhere
        yield effect
        return
    path = effect.name.partition(" and ")[0] if effect.more else effect.name
    mount = judged.inner.mount(path)
    if mount is not None:
        yield from _in_a_mount(effect, path, judged) if mount.writable else ()
    elif judged.known is not None:
        yield _in_the_layer(effect, path, judged.known, judged)
    if effect.verb == "delete":
        for mount in judged.inner.mounts:
            if mount.writable and under(mount.target, path) and mount.target != path:
                yield from _lost(mount.source, effect, judged)


def _in_a_mount(effect: Effect, path: str, judged: _Judged) -> Iterable[Effect]:
    outside = judged.inner.outside(path) or path
    users = () if judged.room.container is None else (judged.name,)
    if effect.verb == "delete" and not effect.more:
        return _lost(outside, effect, judged)
    name = effect.name.replace(path, outside, 1)
    return (
        effect._replace(name=name, used_by=(*users, *effect.used_by), data_lost=effect.data_lost or bool(effect.more)),
    )


def _lost(outside: str, effect: Effect, judged: _Judged) -> tuple[Effect, ...]:
    """The end of what is at a path of the host, with what it is here and who uses it."""
    tree = places.tree(judged.host, judged.world)
    try:
        real = tree.real(outside, follow_last=False)
        entry = tree.entry(real)
    except OSError:
        entry = None
    if entry is None:  # the line itself made it
        return (effect._replace(name=outside),) if not effect.data_lost else (effect._replace(name=outside, size=None),)
    why = f"{_end(effect)} inside {judged.name}"
    return tuple(each._replace(cause=effect.cause) for each in places.lost(real, entry, why, judged.host, judged.world))


def _end(effect: Effect) -> str:
    return "it is overwritten" if effect.cause == "overwritten" else "it is deleted"


def _in_the_layer(effect: Effect, path: str, known: Inspected, judged: _Judged) -> Effect:
    if effect.verb != "delete":
        return Effect("change", "container", judged.name, False, f"{path} in it: {effect.why}")
    why = f"{path} in it: {_end(effect)}"
    written = layer.data(known, judged.host.docker, judged.world, judged.until, path)
    if written is None:
        why += ", which its image brings along, or makes again"
        return Effect("change", "container", judged.name, False, why)
    why += f", outside volumes, so that nothing but a backup brings it back ({written.told})"
    return Effect("change", "container", judged.name, True, why, written.size, (judged.name,), cause=effect.cause)


def _kill(command: Command, known: Inspected, host: HostState, world: World) -> Outcome | None:
    """`docker exec C kill 1`: PIDs are those of the container's own namespace."""
    words = [word.text for word in command.words[1:]]
    value: int | None = signals.TERM
    if words and words[0] is not None and words[0].startswith("-") and words[0] not in ("-l", "-L"):
        given = words.pop(0)
        value = signals.number(words.pop(0) if given == "-s" and words else (given or "")[1:])
    if value is None or not words or any(text is None or not text.isascii() or not text.isdigit() for text in words):
        return None
    group = processes.cgroup_of(world.files, known.pid)
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
