"""What a line keeps a copy of before it changes it: nothing is lost then, if the copy is still there at its end.

A copy counts for what runs only after the success of the command that makes it (`cp f f.bak && …`, `cp f f.bak || exit
1`, `set -e`). It counts no more once anything writes over it, adds to it, takes it away, or may have.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from runaway_watchdog.effects import Copy, HostState, Outcome, table
from runaway_watchdog.effects.arguments import of
from runaway_watchdog.effects.host import archives, places
from runaway_watchdog.effects.known_programs import changes_nothing
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.preflight import copied
from runaway_watchdog.world import World
from runaway_watchdog.world.paths import under

_KNOWN: Final = frozenset(
    ("rm", "rmdir", "unlink", "mv", "mkdir", "touch", "chmod", "chown", "chgrp", "truncate", "tee", "dd", "shred")
)
"""Programs of which every file is known that they write or take away."""
_GENTLE: Final = frozenset(("mkdir", "touch", "chmod", "chown", "chgrp", "cd"))
"""Those that lose nothing of what they name."""
_AT_HAND: Final = frozenset(("host.systemd", "host.kill", "host.power", "host.cron"))
"""Families that touch no file that they do not name."""
_STARTING: Final = frozenset(("run", "exec", "cp", "build", "create"))
"""Commands of a container engine with which a container may write where a line is typed."""
_SUFFIXED: Final = re.compile(r"-[a-zA-Z]*i.|--i[a-z-]*=")
"""sed keeps what it edits under another name, and writes over what is there."""
_PARTS: Final = re.compile(r"[=:,\s'\"]+|(?<=[^/])(?=/)")


def seen(command: Command, before: HostState, outcome: Outcome, world: World) -> Outcome:
    """The outcome with the copies that are there after it; each loss with the copy that was there before it."""
    effects = tuple(_marked(effect, command, before, world) for effect in outcome.effects)
    still = _whole(command, before, outcome, world)
    copies_it = command.number and not (command.remote or outcome.unknown)
    made = tuple(copied.made(command, before, outcome.host, world)) if copies_it else ()
    return outcome._replace(effects=effects, host=outcome.host._replace(copies=(*still, *made)))


def settled(effects: Sequence[Effect], host: HostState, world: World) -> tuple[Effect, ...]:
    """At the end of the line: a copy that is still there keeps the loss away; packed up, or in a place where it may
    go, it is told."""
    return tuple(_settled(effect, host, world) if effect.kept_in else effect for effect in effects)


def _settled(effect: Effect, host: HostState, world: World) -> Effect:
    copy = next((each for each in host.copies if each.first == effect.kept_in and _covers(each, effect)), None)
    if copy is None:
        return effect._replace(kept_in="")
    why = f"{effect.why}; the line itself keeps {'it packed up in' if copy.packed else 'a copy in'} {copy.at} before"
    lasting = not copy.packed and not places.passing(copy.at, world)
    return effect._replace(data_lost=not lasting, why=why, kept_in=copy.at)


def _marked(effect: Effect, command: Command, host: HostState, world: World) -> Effect:
    if not effect.data_lost or effect.kept_in:
        return effect
    valid = (each for each in host.copies if each.number is None or each.number in command.succeeded)
    copy = next((each for each in valid if _covers(each, effect)), None)
    if copy is None or (copy.type == "path" and _of_a_database(effect.name, world)):
        return effect
    if copy.type == "database" and copy.server != copied.server(command):
        return effect
    return effect._replace(kept_in=copy.first)


def _of_a_database(path: str, world: World) -> bool:
    """A copy of a live one is none: its log and its tables are of different moments."""
    entry = places.tree(HostState(), world).entry(path)
    return entry is None or places.database(path, entry, world) is not None


def _covers(copy: Copy, effect: Effect) -> bool:
    if copy.type != effect.type or effect.more:
        return False
    return under(effect.name, copy.of) if copy.type == "path" else effect.name == copy.of


def _whole(command: Command, before: HostState, outcome: Outcome, world: World) -> Iterator[Copy]:
    """The copies that are as they were after the command."""
    if not before.copies or outcome.unknown:  # whatever is not known of a command may be that it writes there
        return
    after = outcome.host
    names = {id(what): path for path, what in after.made.items()}
    touched = _touched(before, after) | _opened(command, before, world)
    if after.copies is before.copies:  # no script was read, each command of which has been looked at
        touched |= _within_reach(command, before, world)
    for copy in before.copies:
        made = before.made.get(copy.at)
        at = copy.at if made is None else names.get(id(made), "")
        beside = not any(under(each, copy.at) or under(copy.at, each) for each in touched)
        if _unkept(copy, command, before, world):
            continue
        if copy in after.copies and at and beside and _is_there(at, after, world):
            yield copy._replace(at=at)


def _unkept(copy: Copy, command: Command, host: HostState, world: World) -> bool:
    """Whether the command may lose what is copied where the copy was not made: what stands before it, and has kept it,
    has not run then either (`cp a b && rm a; rm a`)."""
    program = command.program or ""
    if copy.number is None or copy.number in command.succeeded:
        return False
    if copy.type == "crontab":
        return program in ("crontab", "at", "atrm", "batch") and not of(command).has("-l", "-c")
    if copy.type == "database":
        return copied.engine(command) in copied.SERVERS and "dump" not in program
    words = [*command.truncates, *command.appends]
    if program not in _GENTLE and not changes_nothing(program):
        words += [Word(part, part) for word in command.words[1:] for part in _parts(word.text or "/")]
    named = {copied.real(word, command, host, world) for word in words} | _within_reach(command, host, world)
    return any(under(each, copy.of) or under(copy.of, each) for each in named if each is not None)


def _is_there(path: str, host: HostState, world: World) -> bool:
    try:
        return places.tree(host, world).entry(path) is not None
    except OSError:
        return False


def _touched(before: HostState, after: HostState) -> set[str]:
    """Real paths that are known to be deleted, written over or added to."""
    found = {*(after.deleted - before.deleted), *(after.edited - before.edited)}
    kept = {id(what) for what in after.made.values()}
    found |= {path for path, what in before.made.items() if id(what) not in kept}
    known = {id(what) for what in before.made.values()}
    return found | {path for path, what in after.made.items() if id(what) not in known and path in before.made}


def _opened(command: Command, host: HostState, world: World) -> set[str]:
    """Real paths of what its redirections write: also those of one that runs a script, which does not see them."""
    found = (copied.real(word, command, host, world) for word in (*command.truncates, *command.appends))
    return {path for path in found if path is not None}


def _within_reach(command: Command, host: HostState, world: World) -> set[str]:
    """Real paths that a command may write to without anybody knowing: what its words name, and where it runs.

    Nothing for programs whose files are all known.
    """
    words: list[Word] = []
    folders: list[Word] = []
    if command.or_folders and not changes_nothing(command.program):
        folders.append(Word("/", "/"))
    if command.unordered or not _is_known(command):  # in the background it may find what is there only later
        parts = [part for word in command.words[1:] for part in _parts(word.text or "/")]
        words += [Word(part, part) for part in parts]
        if not _stays_with_its_words(command):
            folders.append(Word(command.folder or "/", ""))
    found = (copied.real(word, command, host, world) for word in (*words, *folders))
    return {path for path in found if path is not None}


def _is_known(command: Command) -> bool:
    program = command.program or ""
    if changes_nothing(program) or program in _KNOWN or copied.engine(command) in copied.SERVERS:
        return True
    if program == "sed":
        return not any(_SUFFIXED.match(word.text or "") for word in command.words[1:])
    if program in ("cp", "install"):
        return copied.takes_all(program, copied.words_of(command))
    return program in ("tar", "bsdtar") and of(archives.new_style(command)).has("-c", "--create")


def _stays_with_its_words(command: Command) -> bool:
    if command.program in table.ENGINES or command.program == "podman":
        return not any(word.text in _STARTING for word in command.words[1:])
    return command.program == "ln" or table.of(command) in _AT_HAND


def _parts(text: str) -> set[str]:
    """What of a word may name a file: `-v/srv:/w`, `of=/srv/f`, `--file=f`."""
    return {text, *(part for part in _PARTS.split(text) if part), *re.findall(r"/[^=:,\s'\"]*", text)}
