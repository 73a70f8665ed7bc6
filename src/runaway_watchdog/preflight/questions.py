"""What the reading of a line asks of the host: what a command prints, which names a pattern has, whose home it is.

The answer is of the host as the commands before it would have left it.
"""

from contextlib import suppress
from typing import Protocol

from runaway_watchdog.effects import HostState, Outcome, known_programs
from runaway_watchdog.effects.programs import FILES, RARELY_DESTROY
from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.model.command import Command, Script
from runaway_watchdog.preflight.lookup import Lines, is_folder
from runaway_watchdog.world import World
from runaway_watchdog.world.paths import Tree

LARGEST_SCRIPT = 1 << 18
_MAKING_NONE = (known_programs.READS | FILES.keys() - RARELY_DESTROY) - {
    "mkdir",
    "cp",
    "install",
    "mv",
    "ln",
    "tar",
    "unzip",
}


class Judging(Protocol):
    """Who judges the commands before the one that is read."""

    world: World

    def output(self, script: Script, host: HostState, depth: int) -> Lines | None:
        """The lines that it prints; None: they are only known when it runs."""

    def script(self, script: Script, host: HostState, depth: int) -> Outcome:
        """What its commands do, one after the other."""


class Questions:
    """What the reading of a line asks (Lookup): the host as the commands so far would have left it."""

    def __init__(self, judge: Judging, host: HostState, depth: int) -> None:
        self._judge = judge
        self._depth = depth
        self._start = host
        self._before: tuple[Command, ...] = ()
        self._host = host

    def printed(self, script: Script, before: Script) -> Lines | None:
        return self._judge.output(script, self._after(before), self._depth + 1)

    def names(self, pattern: str, before: Script) -> Lines | None:
        tree = tree_of(self._after(before), self._judge.world)
        found = tree.glob(pattern)
        if not pattern.endswith("/"):
            return tuple(found)
        return tuple(f"{each}/" for each in found if is_folder(each, tree))

    def is_folder(self, path: str, before: Script) -> bool | None:
        found = is_folder(path, tree_of(self._after(before), self._judge.world))
        return None if found is False and (before.unknown or not all(map(_makes_none, before.commands))) else found

    def home(self, user: str) -> str | None:
        try:
            lines = lines_of(self._judge.world.files.read("/etc/passwd"))
        except OSError:
            return None
        rows = [line.split(":") for line in lines]
        return next((row[5] for row in rows if row[0] == user and len(row) > 6 and row[5].startswith("/")), None)

    def _after(self, before: Script) -> HostState:
        """The commands that were asked about last are most often the first of those that are asked about now."""
        known = len(self._before)
        if before.commands[:known] != self._before:
            known, self._host = 0, self._start
        if len(before.commands) > known:
            more = Script(before.commands[known:])
            self._host = self._judge.script(more, self._host, self._depth + 1).host
        self._before = before.commands
        return self._host


def _makes_none(command: Command) -> bool:
    """Whether no folder can come from it that is not told."""
    return not command.remote and command.program in _MAKING_NONE


def tree_of(host: HostState, world: World) -> Tree:
    """The host's files as the line would have left them."""
    from runaway_watchdog.effects.host import places

    return places.tree(host, world)


def text_of(path: str, host: HostState, world: World) -> str | None:
    """A regular file's text, as the line would have left it; None where there is none, or it is too large."""
    from runaway_watchdog.effects.host import places

    return places.text(path, host, world, LARGEST_SCRIPT)


def made(path: str, host: HostState, world: World) -> bool:
    """Whether the line itself has put this file there."""
    with suppress(OSError):
        return tree_of(host, world).real(path) in host.made
    return False
