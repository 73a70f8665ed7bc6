"""tar, zip, unzip, gzip and its kin: what an archive is written over, what it takes in, and what comes out over files.

A small archive of this disk is read for the names in it; of any other it is only known when it runs what it replaces.
"""

import posixpath
from collections.abc import Callable, Mapping, Sequence

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import Arguments, of, shown
from runaway_watchdog.effects.host import asked, places
from runaway_watchdog.effects.host.losing import overwritten, removed
from runaway_watchdog.effects.host.targets import absolute, existing
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.world import World
from runaway_watchdog.world.paths import Tree

MOST = 20_000
LARGEST = 1 << 20
"""Bytes of an archive that is read."""
TAR_VALUED = (
    "-f --file -C --directory -T --files-from -X --exclude-from -b --blocking-factor -V --label -g "
    "--listed-incremental -I --use-compress-program -K --starting-file -N --newer -H --format -L --tape-length "
    "--exclude --transform --xform --strip-components --owner --group --mode --mtime --sort --to-command "
    "--checkpoint-action -F --info-script --new-volume-script --suffix"
)
RUNS = (
    "-I", "--use-compress-program", "--to-command", "--checkpoint-action", "-F", "--info-script", "--new-volume-script"
)  # fmt: skip
"""Options of tar that run another program."""
KEEPS = ("-k", "--keep-old-files", "--skip-old-files", "-O", "--to-stdout")
_OLD_STYLE_VALUED = "fCTXbVgIKNHLF"


def _tar(command: Command, host: HostState, world: World) -> Outcome:
    command = new_style(command)
    words = of(command, TAR_VALUED)
    if words.has("-t", "--list", "--version", "--help", "-d", "--diff", "--compare"):
        return Outcome((), host)
    if words.has(*RUNS):
        return _unsure(command, host)
    if words.has("-c", "--create"):
        return _created(words, command, host, world)
    if words.has("-x", "--extract", "--get"):
        return _extracted(words, command, host, world)
    return _unsure(command, host)


def new_style(command: Command) -> Command:
    """`tar cfC a b` is `tar -c -f a -C b`: in the old style the values stand in the order of their letters."""
    first = command.words[1] if len(command.words) > 1 else None
    if first is None or not first.text or first.text.startswith("-"):
        return command
    rest = list(command.words[2:])
    found: list[Word] = []
    for letter in first.text:
        found.append(Word(f"-{letter}", first.raw))
        if letter in _OLD_STYLE_VALUED and rest:
            found.append(rest.pop(0))
    return command._replace(words=(command.words[0], *found, *rest))


def _archive(command: Command) -> Word | None:
    """The word that names tar's archive; None where there is none."""
    words = command.words
    for at, word in enumerate(words):
        text = word.text or word.raw
        if text.startswith("--file="):
            return Word(None if word.text is None else text[7:], word.raw)
        if word.text == "--file" or (text[:1] == "-" and text[:2] != "--" and "f" in text):
            rest = text.partition("f")[2] if text[:2] != "--" else ""
            if rest:
                return Word(None if word.text is None else rest, word.raw)
            return words[at + 1] if at + 1 < len(words) else None
    return None


def creation(command: Command) -> tuple[Command, Arguments, Word | None]:
    """A tar in the new style, its words, and the one that names the archive."""
    command = new_style(command)
    return command, of(command, TAR_VALUED), _archive(command)


def _created(words: Arguments, command: Command, host: HostState, world: World) -> Outcome:
    """An archive of that name is written over; with --remove-files what goes in has no other place any more."""
    archive = _archive(command)
    if not words.operands and not words.has("-T", "--files-from"):
        return Outcome((), host)  # it refuses to make an empty one
    if archive is None or archive.text == "-":
        outcome = Outcome((), host)
    else:
        outcome = overwritten([archive], command, host, world, "tar writes over it")
    if not words.has("--remove-files"):
        return outcome
    if archive is None or archive.text in (None, "-"):
        lost = f"whether the archive keeps what `{shown(command)}` removes is only known when it runs"
        return outcome._replace(unknown=(*outcome.unknown, lost))
    inside = command._replace(folder=folder_of(words, command))
    return taken_in(words.operands, inside, outcome, world, kept=archive.text != "/dev/null")


def folder_of(words: Arguments, command: Command) -> str | None:
    """Where tar looks for what it is given."""
    into = words.value("-C", "--directory")
    if into is None:
        return None if words.has("-C", "--directory") else command.folder
    return absolute(Word(into, into), command)


def taken_in(operands: Sequence[Word], command: Command, before: Outcome, world: World, *, kept: bool) -> Outcome:
    """These files are gone from where they are used: into the archive, and from then on they are nowhere else."""
    targets = existing(operands, command, places.tree(before.host, world))
    why = "it is deleted, and is only in the archive from then on" if kept else "it is deleted, and no archive is kept"
    found, host = removed(targets.found, why, before.host, world)
    return Outcome((*before.effects, *found), host, (*before.unknown, *targets.unknown))


def _extracted(words: Arguments, command: Command, host: HostState, world: World) -> Outcome:
    if words.has(*KEEPS):
        return Outcome((), host)
    folder = folder_of(words, command)
    archive = _archive(command)
    into = None if folder is None else _real(folder, host, world)
    if into is not None and _is_bare(into, host, world):
        return Outcome((), host)
    names = None if archive is None else _members(archive, command, host, world, _tar_names)
    strip = words.value("--strip-components") or "0"
    if into is None or names is None or not strip.isdigit() or words.has("--transform", "--xform", "-T", "-U"):
        return _unsure(command, host)
    wanted = [text.rstrip("/") for text in words.texts]
    chosen = [each for each in names if not wanted or any(f"{each}/".startswith(f"{one}/") for one in wanted)]
    cut = ["/".join(each.split("/")[int(strip) :]) for each in chosen]
    return _written_out([each for each in cut if each], into, command, host, world)


def _real(folder: str, host: HostState, world: World) -> str | None:
    try:
        return places.tree(host, world).real(folder)
    except OSError:
        return None


def _is_bare(folder: str, host: HostState, world: World) -> bool:
    """Nothing is there that could be written over."""
    tree = places.tree(host, world)
    try:
        return tree.entry(folder) is None or not tree.names(folder)
    except OSError:
        return False


def _written_out(names: Sequence[str], into: str, command: Command, host: HostState, world: World) -> Outcome:
    tree = places.tree(host, world)
    files = [Word(path, path) for each in names if not _is_there_as_folder(path := f"{into}/{each}", tree)]
    return overwritten(files, command, host, world, f"{command.program} writes what is in the archive over it")


def _is_there_as_folder(path: str, tree: Tree) -> bool:
    entry = tree.entry(tree.real(path))
    return entry is not None and entry.kind == "folder"


def _members(
    archive: Word, command: Command, host: HostState, world: World, names: Callable[[bytes], list[str]]
) -> list[str] | None:
    """The files in an archive; None where it is too large, or not read."""
    if archive.text in ("-", "/dev/stdin"):
        return _piped(command, host, world)
    there = existing([archive], command, places.tree(host, world), follow=True)
    if len(there.found) != 1 or there.found[0].entry.kind != "file" or there.found[0].real in host.made:
        return [] if there.absent else None
    if there.found[0].entry.size > LARGEST:
        return None
    try:
        text = world.files.read(places.on_disk(there.found[0].real, host))
        return names(text.encode("utf-8", "surrogateescape"))
    except (OSError, ValueError):
        return None


_PLAIN = frozenset(
    [
        "-c",
        "--create",
        "-f",
        "--file",
        "-C",
        "--directory",
        "-z",
        "-j",
        "-J",
        "-v",
        "-p",
        "-P",
        "--gzip",
        "--verbose",
        "-h",
        "--dereference",
    ]
)
"""Options of a tar whose operands are what comes out of its pipe."""


def _piped(command: Command, host: HostState, world: World) -> list[str] | None:
    """What another tar puts into the pipe; None where it is no tar, or is told to choose."""
    feeding = () if command.reads is None else command.reads.commands
    if len(feeding) != 1 or feeding[0].program not in ("tar", "bsdtar") or feeding[0].remote or feeding[0].reads:
        return None
    source = new_style(feeding[0])
    words = of(source, TAR_VALUED)
    names = [name for name, _ in words.options]
    plain = (
        set(names) <= _PLAIN
        and words.has("-c", "--create")
        and sum(name in ("-C", "--directory") for name in names) < 2
    )
    if not plain or not words.complete:
        return None
    tree = places.tree(host, world)
    there = existing(words.operands, source._replace(folder=folder_of(words, source)), tree)
    if there.unknown or there.absent:
        return None
    before = "" if (folder := folder_of(words, source)) is None else f"{folder.rstrip('/')}/"
    found: list[str] = []
    for each in there.found:
        name = posixpath.normpath(each.written.removeprefix(before)).lstrip("/")
        below = [(path[len(each.real) :], entry) for path, entry in tree.below(each.real, MOST)]
        if len(below) >= MOST:
            return None
        parts = [("", each.entry), *below]
        found += [posixpath.normpath(name + path) for path, entry in parts if entry.kind != "folder"]
    return found


def _tar_names(data: bytes) -> list[str]:
    """Raises ValueError for what is no archive that is read here."""
    import io
    import tarfile

    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            return [each.name.removeprefix("./") for each in archive.getmembers() if not each.isdir()]
    except (tarfile.TarError, EOFError) as fault:
        raise ValueError(str(fault)) from fault


def _zip_names(data: bytes) -> list[str]:
    """Raises ValueError for what is no archive that is read here."""
    import io
    import zipfile

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [each for each in archive.namelist() if not each.endswith("/")]
    except zipfile.BadZipFile as fault:
        raise ValueError(str(fault)) from fault


def _zip(command: Command, host: HostState, world: World) -> Outcome:
    """The archive is written anew; -m moves files into it, -d takes members out of it."""
    words = of(command, "-b -i -n -P -s -t -tt -x -O --out --exclude --include --password --suffixes --temp-path")
    if words.has("-T", "--test", "-h", "--help", "-v", "-L", "-sf", "--show-files") and len(words.operands) < 2:
        return Outcome((), host)
    if not words.operands or words.operands[0].text == "-":
        return _unsure(command, host) if words.has("-m", "--move") else Outcome((), host)
    into = words.value("-O", "--out")
    archive = Word(into, into) if into is not None else words.operands[0]
    if archive.text is not None and "." not in archive.text.rpartition("/")[2]:
        archive = Word(f"{archive.text}.zip", archive.raw)
    outcome = overwritten([archive], command, host, world, "zip writes it anew")
    if any((word.text or "").startswith(("-TT", "--unzip-command")) for word in command.words[1:]):
        outcome = outcome._replace(unknown=(*outcome.unknown, f"`{shown(command)}` runs a command that is not judged"))
    if not words.has("-m", "--move"):
        return outcome
    return taken_in(words.operands[1:], command, outcome, world, kept=archive.text != "/dev/null")


def _unzip(command: Command, host: HostState, world: World) -> Outcome:
    """-n keeps what is there; without -o it asks, and a person answers unless the line does."""
    words = of(command, "-d -P -x")
    if words.has("-l", "-t", "-v", "-p", "-c", "-Z", "-z", "-n", "-h"):
        return Outcome((), host)
    if not words.has("-o") and not asked.answered(command):
        return Outcome((), host)
    folder = words.value("-d")
    target = command.folder if folder is None and not words.has("-d") else folder
    path = None if target is None else absolute(Word(target, target), command)
    into = None if path is None else _real(path, host, world)
    if into is not None and _is_bare(into, host, world):
        return Outcome((), host)
    archive = words.operands[0] if words.operands else None
    if archive is not None and archive.text is not None and not archive.text.endswith(".zip"):
        archive = Word(f"{archive.text}.zip", archive.raw)
    names = None if archive is None else _members(archive, command, host, world, _zip_names)
    if into is None or names is None or len(words.operands) > 1 or words.has("-x"):
        return _unsure(command, host)
    return _written_out(names, into, command, host, world)


PACKED = {
    "gzip": (".gz",), "pigz": (".gz",), "bzip2": (".bz2",), "pbzip2": (".bz2",), "xz": (".xz",), "lzma": (".lzma",),
    "zstd": (".zst",), "lz4": (".lz4",), "lzip": (".lz",), "compress": (".Z",),
}  # fmt: skip
UNPACKS = {
    "gunzip": "gzip", "bunzip2": "bzip2", "unxz": "xz", "unlzma": "lzma", "unzstd": "zstd", "unlz4": "lz4",
    "uncompress": "compress",
}  # fmt: skip
STAYS = frozenset(("zstd", "lz4"))
"""These leave what they pack where it is, unless they are told otherwise."""


def _pack(command: Command, host: HostState, world: World) -> Outcome:
    """gzip and its kin: a file is replaced by the same in another form; one that has that name is lost with -f."""
    program = command.program or ""
    packer = UNPACKS.get(program, program)
    words = of(command, "-S --suffix -o -T --threads -b --blocksize -p --processes -D")
    if words.has("-c", "--stdout", "--to-stdout", "-l", "--list", "-t", "--test", "-h", "--help", "-V", "--version"):
        return Outcome((), host)
    ending = words.value("-S", "--suffix") or PACKED[packer][0]
    unpacks = program in UNPACKS or words.has("-d", "--decompress", "--uncompress")
    keeps = words.has("-k", "--keep") or (packer in STAYS and not words.has("--rm"))
    forced = words.has("-f", "--force") or asked.answered(command)
    targets = existing(words.operands, command, places.tree(host, world))
    outcome = Outcome((), host, targets.unknown)
    for target in targets.found:
        if target.entry.kind == "folder":
            continue
        into = target.real.removesuffix(ending) if unpacks else target.real + ending
        if (given := words.value("-o")) is not None:
            into = absolute(Word(given, given), command) or into
        if into != target.real:
            outcome = _packed(target.real, into, command, outcome, world, keeps=keeps, forced=forced)
    return outcome


def _packed(
    source: str, into: str, command: Command, before: Outcome, world: World, *, keeps: bool, forced: bool
) -> Outcome:
    if places.tree(before.host, world).entry(into) is not None and not forced:
        return before  # it asks
    why = f"{command.program} writes over it"
    outcome = overwritten([Word(into, into)], command, before.host, world, why)
    host = outcome.host
    effects = (*before.effects, *outcome.effects)
    if not keeps:
        effects = (*effects, Effect("change", "path", source, False, f"it is kept as {into} from then on"))
        host = places.renamed(places.without(host, into), source, into)
    return Outcome(effects, host, (*before.unknown, *outcome.unknown))


def _split(command: Command, host: HostState, world: World) -> Outcome:
    """The parts are called PREFIXaa, PREFIXab …: what has such a name is written over."""
    words = of(command, "-a -b -C -l -n -t --suffix-length --bytes --line-bytes --lines --number --filter")
    prefix = words.operands[1] if len(words.operands) > 1 else Word("x", "x")
    path = absolute(prefix, command)
    if path is None or words.has("--filter") or not words.complete:
        return _unsure(command, host)
    ending = "[0-9]" if words.has("-d", "--numeric-suffixes") else "[0-9a-f]" if words.has("-x") else "[a-z]"
    length = int(given) if (given := words.value("-a", "--suffix-length") or "2").isdigit() else 2
    parts = [Word(each, each) for each in places.tree(host, world).glob(path + ending * length)]
    return overwritten(parts, command, host, world, "split writes over it")


def _unsure(command: Command, host: HostState) -> Outcome:
    return Outcome((), host, (f"which files `{shown(command)}` writes over is not looked up",))


BY_PROGRAM: Mapping[str, Callable[[Command, HostState, World], Outcome]] = {
    "tar": _tar, "bsdtar": _tar, "zip": _zip, "unzip": _unzip, "split": _split,
    **dict.fromkeys((*PACKED, *UNPACKS), _pack),
}  # fmt: skip
