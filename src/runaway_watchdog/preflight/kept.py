"""What a line keeps a copy of before it changes it: nothing is lost then, if the copy is still there at its end.

A copy counts for what runs only if it was made (`cp f f.bak && …`, `cp f f.bak || exit 1`, `set -e`), or where making
it surely succeeds. It counts no more once anything writes over it, adds to it, takes it away, or may have.
"""

from collections.abc import Iterator, Sequence

from runaway_watchdog.effects import Copy, HostState, Outcome
from runaway_watchdog.effects.arguments import of
from runaway_watchdog.effects.host import archives, copies, places
from runaway_watchdog.effects.host.losing import SINKS
from runaway_watchdog.effects.host.targets import absolute, existing, spread
from runaway_watchdog.effects.known_programs import EDITORS
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.world import World, procfs
from runaway_watchdog.world.paths import under

SMALL = 1 << 20
"""Bytes of a file that a disk has room for."""
IN_MEMORY = ("/dev", "/run", "/proc", "/sys")
_NOT_ALL = (
    "-n", "--no-clobber", "-u", "--update", "-l", "--link", "-s", "--symbolic-link", "-i", "--interactive",
    "--attributes-only", "--strip", "--parents",
)  # fmt: skip
"""Options with which cp or install may leave out what it is given, or makes no copy of it."""
_TAR_PLAIN = frozenset(
    ("-c", "--create", "-f", "--file", "-z", "--gzip", "-j", "--bzip2", "-J", "--xz", "--zstd", "-a", "--auto-compress",
     "-v", "--verbose", "-p", "--preserve-permissions", "-C", "--directory", "-P", "--absolute-names", "--acls",
     "--xattrs", "--numeric-owner", "-h", "--dereference")
)  # fmt: skip
_DUMP_PLAIN = frozenset(
    ("-F", "--format", "-f", "--file", "-r", "--result-file", "-U", "--username", "-u", "-p", "--user", "--password",
     "-v", "--verbose", "-Z", "--compress", "-O", "--no-owner", "-x", "--no-privileges", "-b", "--blobs", "-c",
     "--clean", "-C", "--create", "-w", "--no-password", "--single-transaction", "--routines", "--triggers", "--events",
     "--quick", "-d", "--dbname")
)  # fmt: skip
_DUMP_VALUED = "-F --format -f --file -r --result-file -U --username -u --user -Z --compress -d --dbname -h --host"


def seen(command: Command, before: HostState, outcome: Outcome, world: World) -> Outcome:
    """The outcome with the copies that are there after it; each loss with the copy that was there before it."""
    effects = tuple(_marked(effect, command, before, world) for effect in outcome.effects)
    still = _whole(command, before, outcome, world)
    copies_it = command.number and not (command.remote or outcome.unknown)
    made = tuple(_made(command, before, outcome.host, world)) if copies_it else ()
    return outcome._replace(effects=effects, host=outcome.host._replace(copies=(*still, *made)))


def settled(effects: Sequence[Effect], host: HostState, world: World) -> tuple[Effect, ...]:
    """At the end of the line: a copy that is still there keeps the loss away; packed up, or in a place where it may
    go, it is told."""
    return tuple(_settled(effect, host, world) if effect.kept_in else effect for effect in effects)


def _settled(effect: Effect, host: HostState, world: World) -> Effect:
    copy = next((each for each in host.copies if _covers(each, effect)), None)
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
    return effect._replace(kept_in=copy.at)


def _of_a_database(path: str, world: World) -> bool:
    """A copy of a live one is none: its log and its tables are of different moments."""
    entry = places.tree(HostState(), world).entry(path)
    return entry is None or places.database(path, entry, world) is not None


def _covers(copy: Copy, effect: Effect) -> bool:
    if copy.type != effect.type or effect.more:
        return False
    return under(effect.name, copy.of) if copy.type == "path" else effect.name == copy.of


# --- whether a copy is still whole ------------------------------------------------------------------------------------


def _whole(command: Command, before: HostState, outcome: Outcome, world: World) -> Iterator[Copy]:
    if not before.copies or outcome.unknown:  # whatever is not known of a command may be that it writes there
        return
    after = outcome.host
    names = {id(what): path for path, what in after.made.items()}
    touched = _touched(command, before, outcome, world)
    for copy in before.copies:
        made = before.made.get(copy.at)
        at = copy.at if made is None else names.get(id(made), "")
        if (
            at
            and _is_there(at, after, world)
            and not any(under(each, copy.at) or under(copy.at, each) for each in touched)
        ):
            yield copy._replace(at=at)


def _is_there(path: str, host: HostState, world: World) -> bool:
    try:
        return places.tree(host, world).entry(path) is not None
    except OSError:
        return False


def _touched(command: Command, before: HostState, outcome: Outcome, world: World) -> set[str]:
    """Real paths that are deleted, written over, added to, or given to a program that may write them."""
    after = outcome.host
    found = {*(after.deleted - before.deleted), *(after.edited - before.edited)}
    kept = {id(what) for what in after.made.values()}
    found |= {path for path, what in before.made.items() if id(what) not in kept}
    known = {id(what) for what in before.made.values()}
    found |= {path for path, what in after.made.items() if id(what) not in known and path in before.made}
    words = list(command.appends)
    if command.program in EDITORS:
        words += command.words[1:]
    found |= {path for word in words if (path := _real(word, command, before, world)) is not None}
    return found


def _real(word: Word | None, command: Command, host: HostState, world: World) -> str | None:
    path = None if word is None else absolute(word, command)
    try:
        return None if path is None else places.tree(host, world).real(path)
    except OSError:
        return None


# --- what makes a copy ------------------------------------------------------------------------------------------------


def _made(command: Command, before: HostState, after: HostState, world: World) -> Iterator[Copy]:
    program = command.program or ""
    command = spread(command, places.tree(before, world))
    try:
        if program in ("cp", "install"):
            yield from _copied(command, before, after, world)
        elif program in ("tar", "bsdtar"):
            yield from _packed(command, before, after, world)
        elif program in ("pg_dump", "mysqldump", "mariadb-dump"):
            yield from _dumped(command, after, world)
        elif command.prints_to is not None and command.reads is None:
            yield from _printed(command, before, after, world)
    except OSError:
        return


def _copied(command: Command, before: HostState, after: HostState, world: World) -> Iterator[Copy]:
    words = of(command, "-t --target-directory -S --suffix" + (copies.INSTALL if command.program == "install" else ""))
    if words.has(*_NOT_ALL) or not words.complete or (words.has("-d") and command.program == "install"):
        return
    deep = words.has("-r", "-R", "-a", "--recursive", "--archive")
    found, unknown = copies.pairs(words, command, before, world)
    for source, into in () if unknown else found:
        if source.entry.kind not in ("file", "folder", "link"):
            continue
        tree = places.tree(before, world)
        real = tree.real(source.real)
        entry = tree.entry(real)
        at = places.tree(after, world).real(into)
        if entry is None or entry.kind not in ("file", "folder") or (entry.kind == "folder" and not deep):
            continue
        small = entry.kind == "file" and entry.size <= SMALL
        yield from _path(real, at, command, before, after, world, small=small)


def _printed(command: Command, before: HostState, after: HostState, world: World) -> Iterator[Copy]:
    """`cat f > copy`, `crontab -l > copy`, `at -c 7 > copy`: alone in the file, and not behind what was there."""
    at = _real(command.prints_to, command, after, world)
    if at is None or command.prints_to not in command.truncates or not _lasts(at):
        return
    words = of(command, "-u --user")
    number = None if _sure(command, at, after, world) else command.number
    if command.program == "crontab" and words.has("-l"):
        from runaway_watchdog.effects.host import crontab

        if (user := crontab.owner(command, words, world)) is not None and user not in before.tables:
            yield Copy("crontab", user, at, number=number)
    elif command.program == "at" and words.has("-c") and len(words.texts) == 1:
        yield Copy("crontab", f"at job {words.texts[0]}", at, number=number)
    elif command.program == "cat" and not words.options and len(words.operands) == 1:
        there = existing(words.operands, command, places.tree(before, world), follow=True)
        for each in there.found:
            small = each.entry.size <= SMALL
            if each.entry.kind == "file":
                yield from _path(each.real, at, command, before, after, world, small=small)


def _packed(command: Command, before: HostState, after: HostState, world: World) -> Iterator[Copy]:
    """tar of whole files and folders; with any option that may leave something out it is none."""
    command, words, archive = archives.creation(command)
    at = _real(archive, command, after, world)
    if at is None or archive is None or archive.text == "-" or {name for name, _ in words.options} - _TAR_PLAIN:
        return
    folder = archives.folder_of(words, command)
    inside = command._replace(folder=folder)
    there = existing(words.operands, inside, places.tree(before, world))
    if folder is None or not words.has("-c", "--create") or there.unknown or there.absent:
        return
    for each in there.found:
        if not under(at, each.real) and each.entry.kind in ("file", "folder"):
            for copy in _path(each.real, at, command, before, after, world, small=False):
                yield copy._replace(packed=True)


def _dumped(command: Command, after: HostState, world: World) -> Iterator[Copy]:
    """A dump of one database, whole, of the server that a client speaks to by itself."""
    words = of(command, _DUMP_VALUED)
    into = words.value("-f", "--file", "-r", "--result-file")
    word = command.prints_to if into is None else Word(into, into)
    at = _real(word, command, after, world)
    odd = any(name not in _DUMP_PLAIN and name[:2] != "-p" for name, _ in words.options)
    name = words.value("-d", "--dbname") or next(iter(words.texts), None)
    if at is None or odd or name is None or len(words.operands) > 1 or not _lasts(at) or "=" in name or "/" in name:
        return
    if into is None and command.prints_to not in command.truncates:
        return
    yield Copy("database", name, at, packed=True, number=command.number)


def _path(
    real: str, at: str, command: Command, before: HostState, after: HostState, world: World, *, small: bool
) -> Iterator[Copy]:
    """A copy of what is on the disk."""
    entry = places.tree(before, world).entry(real)
    changed = any(under(each, real) for each in (*before.made, *before.deleted))
    if changed or at == real or under(at, real) or not _lasts(at) or entry is None:
        return
    name = places.on_disk(real, before)
    if places.tree(after, world).entry(at) is None:
        return
    sure = small and _sure(command, at, after, world)
    yield Copy("path", name, at, number=None if sure else command.number)


def _lasts(at: str) -> bool:
    return not SINKS.fullmatch(at) and not any(under(at, each) for each in IN_MEMORY)


def _sure(command: Command, at: str, host: HostState, world: World) -> bool:
    """Whether nothing stands against it: it runs, and the folder is there and open to whoever runs it."""
    if command.conditional or command.user not in (None, "root"):
        return False
    folder = places.tree(host, world).entry(at.rpartition("/")[0] or "/")
    uid = 0 if command.user == "root" else procfs.own_uid(world.files)
    return folder is not None and folder.kind == "folder" and uid is not None and uid in (0, folder.uid)
