"""A command inside a container (`docker exec db psql -c …`): the same families, with the container's own files.

Its paths lead to the host: through a mount to the volume or folder behind it, else to the container's own root.
"""

from posixpath import join, normpath
from shlex import quote

from runaway_watchdog.effects import HostState, Outcome, harmless, table
from runaway_watchdog.effects.docker.view import View
from runaway_watchdog.effects.host import databases, files, find as finding, places, signalled, signals
from runaway_watchdog.engines import docker
from runaway_watchdog.linux import status
from runaway_watchdog.model.command import Command, Script, Word
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.model.shells import POSIX_SHELLS
from runaway_watchdog.preflight import output, shells
from runaway_watchdog.preflight.grammar import Unread
from runaway_watchdog.preflight.lookup import Lines
from runaway_watchdog.preflight.shell import parse
from runaway_watchdog.world import Unanswered, World, processes
from runaway_watchdog.world.procfs import PROC

IMAGE_SHELLS = POSIX_SHELLS - {"zsh", "ksh"}  # what images bring along


def effects(command: Command, view: View, host: HostState, world: World) -> Outcome | None:
    """What it would do; None where that cannot be judged. Raises Unanswered."""
    line = _line(command, host, world)
    if line is None:
        return None
    host = table.known(host, world)
    script = parse(line, environment={}, folder=view.folder, home="/root", lookup=_Files(view, host, world))
    found: list[Effect] = []
    unknown = list(script.unknown)
    for inner in script.commands:
        if line != command.here and inner.reads is None and inner.here is None:  # its input is that of the whole
            inner = inner._replace(reads=command.reads, here=command.here)  # noqa: PLW2901
        for folder in (inner.folder, *inner.or_folders):
            outcome = _one(inner._replace(folder=folder, or_folders=()), view, host, world)
            if outcome is None and len(script.commands) == 1:
                return None
            if outcome is None:
                unknown.append(f"what `{inner.text}` does inside {view.name} is not known")
                continue
            found += outcome.effects
            unknown += outcome.unknown
            host = outcome.host
    return Outcome(tuple(dict.fromkeys(found)), host, tuple(dict.fromkeys(unknown)))


class _Files:
    """The container's own files (Lookup), as they are before the line."""

    def __init__(self, view: View, host: HostState, world: World) -> None:
        self._view = view
        self._tree = places.tree(host, world)

    def printed(self, script: Script, before: Script) -> Lines | None:  # noqa: ARG002 - as Lookup has it
        return None

    def names(self, pattern: str, before: Script) -> Lines | None:  # noqa: ARG002
        above = pattern.rpartition("/")[0]
        if set(above) & set("*?["):
            return None
        outside = self._view.outside(above or "/").rstrip("/")
        return tuple(above + path.removeprefix(outside) for path in self._tree.glob(self._view.outside(pattern)))

    def is_folder(self, path: str, before: Script) -> bool | None:
        try:
            entry = self._tree.entry(self._tree.real(self._view.outside(path)))
        except OSError:
            return None
        there = path == "/" or (entry is not None and entry.kind == "folder")
        return True if there else None if before.commands or before.unknown else False

    def home(self, user: str) -> str | None:  # noqa: ARG002
        return None


def _line(command: Command, host: HostState, world: World) -> str | None:
    """What runs inside, as a line: the words as the host's shell hands them over, or what a shell is given to read."""
    if command.program in IMAGE_SHELLS:
        try:
            invoked = shells.invoked(command.words)
        except Unread:
            return None
        if invoked.script is None and not invoked.file and not invoked.only_told:
            return command.here if command.reads is None else output.known(command.reads)
    tree = places.tree(host, world)
    texts: list[str] = []
    for word in command.words:
        if word.text is None:
            return None
        above = "" if word.text.startswith("/") else f"{(command.folder or '').rstrip('/')}/"
        names = [each.removeprefix(above) for each in tree.glob(above + word.text)] if word.globbing else []
        texts += names or [word.text]
    return " ".join(map(quote, texts))


def _one(command: Command, view: View, host: HostState, world: World) -> Outcome | None:
    program = command.program
    if program in databases.PROGRAMS and program != "sqlite3":
        outcome = databases.effects_inside(command, host, world)
        told = tuple(
            each._replace(name=f"{each.name} in {view.name}", used_by=(view.name,)) for each in outcome.effects
        )
        return outcome._replace(effects=told)
    if table.of(command) in (files.effects, finding.effects) or command.truncates or program == "sqlite3":
        return _on_files(command, view, host, world)
    if program == "kill":
        return _kill(command, view, host, world)
    judged = harmless.effects(command, host, world)
    return None if judged.unknown else judged


def _on_files(command: Command, view: View, host: HostState, world: World) -> Outcome:
    words = [_outside(word, command, view) for word in command.words[1:]]
    if command.program == "rm":
        operands = [word.text or "" for word in command.words[1:] if not (word.text or "-").startswith("-")]
        inner = [_absolute(each, command) for each in operands]
        words += [Word(each, each) for path in inner if path is not None for each in view.below(path)]
    folder = None if command.folder is None else view.outside(command.folder)
    truncates = tuple(_outside(word, command, view) for word in command.truncates)
    appends = tuple(_outside(word, command, view) for word in command.appends)
    moved = command._replace(
        words=(command.words[0], *words), folder=folder, truncates=truncates, appends=appends, user=None
    )
    return table.effects(moved, host, world)


def _absolute(path: str, command: Command) -> str | None:
    if path.startswith("/"):
        return normpath(path)
    return None if command.folder is None else normpath(join(command.folder, path))


def _outside(word: Word, command: Command, view: View) -> Word:
    """A path of the container as one of the host. A relative one stays, unless it leads through a mount."""
    if word.text is None:
        return word
    text = word.text
    name, equals, path = text.partition("=")
    if equals and path.startswith("/") and "/" not in name:  # of=/data/rows, --target-directory=/data
        return word._replace(text=f"{name}={view.outside(path)}")
    if text.startswith("/"):
        slash = "/" if text.endswith("/") and len(text) > 1 else ""
        return word._replace(text=view.outside(text) + slash)
    if text.startswith("-") or command.folder is None or not text:
        return word
    there = view.outside(join(command.folder, text))
    return word if there == normpath(join(view.outside(command.folder), text)) else word._replace(text=there)


def _kill(command: Command, view: View, host: HostState, world: World) -> Outcome | None:
    """`docker exec C kill 1`: PIDs are those of the container's own namespace."""
    words = [word.text for word in command.words[1:]]
    value: int | None = signals.TERM
    if words and words[0] is not None and words[0].startswith("-") and words[0] not in ("-l", "-L"):
        given = words.pop(0)
        value = signals.number(words.pop(0) if given == "-s" and words else (given or "")[1:])
    if value is None or not words or any(text is None or not text.isascii() or not text.isdigit() for text in words):
        return None
    if view.container is None:
        return None
    found = docker.container(world, view.container.id)
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
