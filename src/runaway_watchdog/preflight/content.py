"""What a file would hold that the line itself writes, and what a crontab is given: lines, as far as they are known.

Where not all of them can be known, those that are surely among them are told: of what is in the table now, each one
that is among what comes in its place stays.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from runaway_watchdog.effects import HostState, Outcome, filters
from runaway_watchdog.effects.arguments import of
from runaway_watchdog.effects.host import places
from runaway_watchdog.effects.host.targets import absolute
from runaway_watchdog.effects.known_programs import changes_nothing
from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.model.command import Command, Script, Word
from runaway_watchdog.preflight import temporary
from runaway_watchdog.world import World

Lines = tuple[str, ...]
Writers = tuple[tuple[Command, HostState], ...]
LARGEST = 1 << 20
_LEAVING = frozenset(("crontab", "chmod", "chown", "chgrp", "mv"))
"""Programs that leave a file's text as it is, beside those that only read."""


class Printing(NamedTuple):
    """How the output of commands is found."""

    exact: Callable[[Script, HostState], Lines | None]
    one: Callable[[Command, HostState], Lines | None]


def with_written(command: Command, before: HostState, outcome: Outcome, world: World) -> HostState:
    """The host, with what this command prints remembered for the file that it prints into.

    What was remembered of a file holds until something else may have written it: a program that names it, or one of
    which is not known what it does.
    """
    after = outcome.host
    if (new := temporary.of_command(command)) is not None:
        after = places.with_made(after, new, "file")
        return after._replace(written={**after.written, new: ()})
    emptied = set(filter(None, (_real(word, command, after, world) for word in command.truncates)))
    for word in command.appends:
        path = _real(word, command, before, world)
        if path is not None and path not in before.made and path in after.made:
            emptied.add(path)
    written = {} if outcome.unknown else _still(command, before, after, world)
    written |= dict.fromkeys(emptied, ())
    into = None if command.prints_to is None else _real(command.prints_to, command, after, world)
    if command.unordered:  # what it has written by then is not known
        written = {path: what for path, what in written.items() if path not in {*emptied, into}}
    elif into is not None and into in written:
        plain = command._replace(truncates=(), appends=())
        written[into] = (*written[into], (plain, before))
    return after._replace(written=written) if written or after.written else after


def _still(command: Command, before: HostState, after: HostState, world: World) -> dict[str, Writers]:
    """What is remembered from before, under the name that the file has now."""
    names = {id(what): path for path, what in after.made.items()}
    found = {names.get(id(before.made.get(path)), ""): what for path, what in before.written.items()}
    if not (changes_nothing(command.program) or command.program in _LEAVING):
        named = {_real(word, command, before, world) for word in command.words[1:]}
        found = {path: what for path, what in found.items() if path not in named}
    return {path: what for path, what in found.items() if path}


def _real(word: Word, command: Command, host: HostState, world: World) -> str | None:
    path = absolute(word, command)
    try:
        return None if path is None else places.tree(host, world).real(path)
    except OSError:
        return None


def for_crontab(command: Command, host: HostState, world: World, printing: Printing) -> Command:
    """The command with the lines that come in the place of the table as what it reads."""
    words = of(command, "-u --user")
    if command.here is not None or words.has("-l", "-r", "-e"):
        return command
    file = next((word for word in words.operands if word.text != "-"), None)
    if file is None:
        found = None if command.reads is None else _surely([(each, host) for each in _ends(command.reads)], printing)
        exact = None if command.reads is None else printing.exact(command.reads, host)
        return _with(command, exact if exact is not None else found or None, command.reads)
    path = _real(file, command, host, world)
    if path is not None and path in host.written:
        writers = [(_surely_run(each, command), at) for each, at in host.written[path]]
        script = Script(tuple(each for each, _ in writers))
        return _with(command, _surely(writers, printing) or None, script)
    text = None if path is None or path in host.made else places.text(path, host, world, LARGEST)
    return _with(command, None if text is None else tuple(lines_of(text)), None)


def _surely_run(writer: Command, reader: Command) -> Command:
    """What has written, known to have run where its success is needed for the reader to run."""
    return writer._replace(conditional=False) if writer.number in reader.succeeded else writer


def _with(command: Command, lines: Lines | None, reads: Script | None) -> Command:
    if lines is None:
        return command
    return command._replace(here="".join(f"{line}\n" for line in lines), reads=reads)


def _ends(script: Script) -> list[Command]:
    """Those whose output is the script's own, and not what another of them reads."""
    feeding = [each for command in script.commands if command.reads for each in command.reads.commands]
    return [command for command in script.commands if command not in feeding]


def _surely(writers: Iterable[tuple[Command, HostState]], printing: Printing) -> Lines:
    return tuple(line for command, host in writers for line in _least(command, host, printing))


def _least(command: Command, host: HostState, printing: Printing) -> Lines:
    """Lines that the command surely prints."""
    if command.conditional or command.remote:
        return ()
    exact = printing.one(command, host)
    if exact is not None:
        return exact
    if command.reads is None:
        return ()
    given = _surely([(each, host) for each in _ends(command.reads)], printing)
    if filters.keeps_every_line(command):
        return given
    return filters.passed(command, given) or () if filters.line_by_line(command) else ()
