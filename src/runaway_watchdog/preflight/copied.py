"""What makes a copy that counts: a program whose every option is known to leave nothing out.

Whether it succeeds is never assumed (a disk may be full, a file unreadable): each copy has the number of the command
that makes it, and counts for what runs only after its success.
"""

from collections.abc import Iterator
from importlib import import_module

from runaway_watchdog.effects import Copy, HostState
from runaway_watchdog.effects.arguments import Arguments, of
from runaway_watchdog.effects.host import archives, copies, places
from runaway_watchdog.effects.host.getopt import given, listed
from runaway_watchdog.effects.host.losing import SINKS
from runaway_watchdog.effects.host.targets import absolute, existing, spread
from runaway_watchdog.effects.programs import DATABASES
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.world import World
from runaway_watchdog.world.paths import under

IN_MEMORY = ("/dev", "/run", "/proc", "/sys")
_BOTH = "-v --verbose -t --target-directory -T --no-target-directory -b --backup -S --suffix -Z --context --debug"
WHOLE = {
    "cp": listed(
        f"{_BOTH} -a --archive -r -R --recursive -p --preserve --no-preserve -f --force --remove-destination -L "
        "--dereference -H -d -P --no-dereference --reflink --sparse"
    ),
    "install": listed(
        f"{_BOTH} -m --mode -o --owner -g --group -p --preserve-timestamps -D -C --compare --preserve-context"
    ),
    "tar": listed(
        "-c --create -f --file -z --gzip -j --bzip2 -J --xz --zstd -a --auto-compress -v --verbose -p "
        "--preserve-permissions -C --directory -P --absolute-names --acls --xattrs --numeric-owner -h --dereference"
    ),
    "crontab": listed("-l -u --user"),
    "at": listed("-c"),
    "cat": listed(""),
}
"""Options with which a program takes in all that it is given. One that is not among them, or is cut short, may leave
something out, make a link in the place of a copy, or do nothing at all."""
_STEERS = ("TAR_OPTIONS", "PATH")
"""Variables that change what one of these programs does."""


SERVERS = ("postgres", "mysql")
"""Databases whose dumps count."""


def made(command: Command, before: HostState, after: HostState, world: World) -> Iterator[Copy]:
    """The copies that a command makes, if it succeeds."""
    program = command.program or ""
    steered = any(name in _STEERS for name, _ in command.environment)
    if steered or command.or_folders:
        return
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


def takes_all(program: str, words: Arguments) -> bool:
    """Whether these options are known to leave nothing out."""
    return words.complete and {name for name, _ in words.options} <= WHOLE.get(program, frozenset())


def words_of(command: Command) -> Arguments:
    """The words of cp and install."""
    return of(command, "-t --target-directory -S --suffix" + (copies.INSTALL if command.program == "install" else ""))


def _copied(command: Command, before: HostState, after: HostState, world: World) -> Iterator[Copy]:
    words = words_of(command)
    if not takes_all(command.program or "", words):
        return
    deep = words.has("-r", "-R", "-a", "--recursive", "--archive")
    found, unknown = copies.pairs(words, command, before, world)
    for source, into in () if unknown else found:
        kind = source.entry.kind
        if kind not in ("file", "folder", "link") or (kind == "link" and not _follows(words, command, deep=deep)):
            continue
        tree = places.tree(before, world)
        real = tree.real(source.real)
        entry = tree.entry(real)
        if entry is not None and (entry.kind == "file" or (entry.kind == "folder" and deep)):
            yield from _path(real, places.tree(after, world).real(into), command, before, after, world)


def _follows(words: Arguments, command: Command, *, deep: bool) -> bool:
    """Whether what a link points to is copied, and not the link. Where one option says so and another one does not,
    their order decides: then it is not relied on."""
    if words.has("-a", "--archive", "-d", "-P", "--no-dereference"):
        return False
    return command.program == "install" or not deep or words.has("-L", "--dereference", "-H")


def _printed(command: Command, before: HostState, after: HostState, world: World) -> Iterator[Copy]:
    """`cat f > copy`, `crontab -l > copy`, `at -c 7 > copy`: alone in the file, and not behind what was there."""
    at = real(command.prints_to, command, after, world)
    program = command.program or ""
    words = of(command, "-u --user")
    if at is None or command.prints_to not in command.truncates or not (_lasts(at) and takes_all(program, words)):
        return
    if program == "crontab" and words.has("-l"):
        from runaway_watchdog.effects.host import crontab

        if (user := crontab.owner(command, words, world)) is not None and user not in before.tables:
            yield Copy("crontab", user, at, at, number=command.number)
    elif program == "at" and words.has("-c") and len(words.texts) == 1:
        yield Copy("crontab", f"at job {words.texts[0]}", at, at, number=command.number)
    elif program == "cat" and len(words.operands) == 1:
        there = existing(words.operands, command, places.tree(before, world), follow=True)
        for each in there.found:
            if each.entry.kind == "file":
                yield from _path(each.real, at, command, before, after, world)


def _packed(command: Command, before: HostState, after: HostState, world: World) -> Iterator[Copy]:
    """tar of whole files and folders, into an archive of this host."""
    command, words, archive = archives.creation(command)
    at = real(archive, command, after, world)
    if at is None or archive is None or archive.text == "-" or ":" in (archive.text or ":"):
        return
    if not takes_all("tar", words) or not words.has("-c", "--create") or not _folder_first(words, command):
        return
    folder = archives.folder_of(words, command)
    there = existing(words.operands, command._replace(folder=folder), places.tree(before, world))
    if folder is None or there.unknown or there.absent:
        return
    for each in there.found:
        if not under(at, each.real) and each.entry.kind in ("file", "folder"):
            for copy in _path(each.real, at, command, before, after, world):
                yield copy._replace(packed=True)


def _folder_first(words: Arguments, command: Command) -> bool:
    """Whether there is one archive, and one -C before all files, for which alone it counts."""
    names = [name for name, _ in words.options]
    folders = [name for name in names if name in ("-C", "--directory")]
    first = min((command.words.index(word) for word in words.operands), default=0)
    before = of(command._replace(words=command.words[:first]), archives.TAR_VALUED)
    once = sum(name in ("-f", "--file") for name in names) == 1 and len(folders) < 2
    return once and (not folders or before.has("-C", "--directory"))


def _path(of_: str, at: str, command: Command, before: HostState, after: HostState, world: World) -> Iterator[Copy]:
    """A copy of what is on the disk."""
    changed = any(under(each, of_) for each in (*before.made, *before.deleted))
    if changed or at == of_ or under(at, of_) or not _lasts(at) or places.tree(before, world).entry(of_) is None:
        return
    if places.tree(after, world).entry(at) is not None:
        yield Copy("path", places.on_disk(of_, before), at, at, number=command.number)


def _lasts(at: str) -> bool:
    return not SINKS.fullmatch(at) and not any(under(at, each) for each in IN_MEMORY)


def real(word: Word | None, command: Command, host: HostState, world: World) -> str | None:
    """The real path of what a word names; None where it is not known."""
    path = None if word is None else absolute(word, command)
    try:
        return None if path is None else places.tree(host, world).real(path)
    except OSError:
        return None


# --- databases --------------------------------------------------------------------------------------------------------


def _dumped(command: Command, after: HostState, world: World) -> Iterator[Copy]:
    """A dump of one database, whole."""
    module = import_module(f"{archives.__package__}.{engine(command)}")
    read = given(command.words[1:], module.GRAMMARS[command.program])
    words = read.arguments
    into = words.value("-f", "--file", "-r", "--result-file")
    word = command.prints_to if into is None else Word(into, into)
    at = real(word, command, after, world)
    name = words.value("-d", "--dbname") or next(iter(words.texts), None)
    odd = read.missing or bool(read.strange) or not {each for each, _ in words.options} <= module.WHOLE
    its = server(command)
    if at is None or odd or its is None or name is None or len(words.operands) > 1 or not _lasts(at):
        return
    if into is not None or command.prints_to in command.truncates:
        yield Copy("database", name, at, at, packed=True, server=its, number=command.number)


def engine(command: Command) -> str:
    """The kind of database whose client it is; "" for any other program."""
    return DATABASES.get(command.program or "", "").partition(".")[0]


def server(command: Command) -> tuple[str, ...] | None:
    """The kind of server that a client of a database speaks to, and all that decides which one; None: not known."""
    kind = engine(command)
    if kind not in SERVERS:
        return None
    module = import_module(f"{archives.__package__}.{kind}")
    grammar = module.GRAMMARS.get(command.program)
    if grammar is None or command.reads is not None:
        return None
    read = given(command.words[1:], grammar)
    if read.missing or read.strange or _goes_elsewhere(read.arguments, command):
        return None
    steering = [f"{name} {value}" for name, value in read.arguments.options if name in module.STEERING]
    named = ("PG", "MYSQL", "MARIADB", "HOME")
    steering += [f"{name}={value}" for name, value in command.environment if name.startswith(named)]
    return (kind, command.user or "", *sorted(steering))


def _goes_elsewhere(words: Arguments, command: Command) -> bool:
    """A connection's own text in the place of a name (`postgres://…`, `host=…`), a script, or a statement that may
    connect anew (`\\connect`)."""
    names = [*words.texts, *(value or "" for name, value in words.options if name in ("-d", "--dbname"))]
    script = command.program == "psql" and words.has("-f", "--file")
    statements = (*(value or "" for _, value in words.options), command.here or "")
    connects = any("\\" in text or "connect" in text.lower() for text in statements)
    return script or connects or any("=" in name or "://" in name for name in names)
