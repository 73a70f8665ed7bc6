"""rm, mv, cp, truncate, dd, mkfs, shred, chmod … and every redirection that empties a file.

Deleting or overwriting any existing file is data lost, except where the place itself says that it may go.
"""

import re
from collections.abc import Sequence

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import Arguments, of, shown
from runaway_watchdog.effects.host import places, uses
from runaway_watchdog.effects.host.targets import Target, absolute, existing
from runaway_watchdog.linux import mounts
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import Effect, Size
from runaway_watchdog.world import World
from runaway_watchdog.world.paths import under

SINKS = re.compile(r"/dev/(?:null|zero|full|stdin|stdout|stderr|tty|ptmx|fd/\d+|tty\d*|pts/\d+|tcp/.*|udp/.*)")
KERNEL = ("/proc", "/sys")
NAMED = 20
BACKUP = ("-b", "--backup")
ASKS = ("-i", "--interactive", "-n", "--no-clobber")


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """What a command of this family does to files."""
    program = command.program or ""
    if program.startswith(("mkfs", "mke2fs")):
        return _device(of(command, "-t --type -L -U -b -m -O -E -T -N"), command, host, world, "makes a file system on")
    return _BY_PROGRAM[program](command, host, world)


def truncated(words: Sequence[Word], command: Command, host: HostState, world: World) -> Outcome:
    """`> file`: the file stays, its content goes."""
    return _overwritten(words, command, host, world, "a redirection empties it")


def written(words: Sequence[Word], command: Command, host: HostState, world: World, why: str) -> Outcome:
    """A program opens them for its output: the file stays, its content goes."""
    return _overwritten(words, command, host, world, why)


def removed(targets: Sequence[Target], why: str, host: HostState, world: World) -> tuple[tuple[Effect, ...], HostState]:
    """The end of several files and folders, in order."""
    found: list[Effect] = []
    among = uses.table(world) if len(targets) > 1 else None
    for target in targets[:NAMED]:
        if places.tree(host, world).entry(target.real) is None:
            continue  # it went with the one before
        found += places.lost(target.real, target.entry, why, host, world, among)
        host = places.without(host, target.real)
    if rest := targets[NAMED:]:
        found.append(_many(rest, why))
        host = places.without(host, *(each.real for each in rest))
    return tuple(found), host


def _many(rest: Sequence[Target], why: str) -> Effect:
    """More than anybody reads name by name: their number, and the size of the plain files among them."""
    size = Size(sum(each.entry.size for each in rest), any(each.entry.kind == "folder" for each in rest))
    lost = not all(places.passing(each.real) for each in rest)
    return Effect("delete", "path", f"{rest[0].real} and {len(rest) - 1} more", lost, why, size, more=len(rest) - 1)


def _rm(command: Command, host: HostState, world: World) -> Outcome:
    """`rm -r link/` empties the folder behind the link and then complains (seen with coreutils 9.1)."""
    words = of(command)
    recursive = words.has("-r", "-R", "--recursive")
    targets = existing(words.operands, command, places.tree(host, world))
    doomed: list[Target] = []
    for target in targets.found:
        last = target.written.rstrip("/").rpartition("/")[2]
        folder = target.entry.kind == "folder"
        if last in (".", "..") or (folder and not recursive and not words.has("-d", "--dir")):
            continue
        if target.real == "/" and not words.has("--no-preserve-root"):
            continue  # GNU rm refuses it
        doomed.append(target)
    found, host = removed(doomed, "it is deleted", host, world)
    return Outcome(found, host, targets.unknown)


def _rmdir(command: Command, host: HostState, world: World) -> Outcome:
    """Only an empty folder goes."""
    tree = places.tree(host, world)
    targets = existing(of(command).operands, command, tree)
    empty = [each for each in targets.found if each.entry.kind == "folder" and not tree.names(each.real)]
    found, host = removed(empty, "it is removed", host, world)
    return Outcome(found, host, targets.unknown)


def _unlink(command: Command, host: HostState, world: World) -> Outcome:
    targets = existing(of(command).operands, command, places.tree(host, world))
    found, host = removed([each for each in targets.found if each.entry.kind != "folder"], "it is deleted", host, world)
    return Outcome(found, host, targets.unknown)


def _overwritten(words: Sequence[Word], command: Command, host: HostState, world: World, why: str) -> Outcome:
    """What stands in these files is lost; devices and the kernel's own files are told apart."""
    targets = existing(words, command, places.tree(host, world), follow=True)
    found: list[Effect] = []
    unknown = list(targets.unknown)
    for target in targets.found:
        if SINKS.fullmatch(target.real) or SINKS.fullmatch(target.written) or target.entry.kind == "folder":
            continue
        if any(under(target.real, each) for each in KERNEL):
            unknown.append(f"writing to {target.real} tells the kernel something: what that does is not judged")
        elif target.entry.kind == "device":
            found.append(_disk(target, why, world))
        elif target.entry.kind == "file":
            gone = places.lost(target.real, target.entry, why, host, world)
            found += (each._replace(cause="overwritten") for each in gone)
            host = places.without(host, target.real)
    return Outcome(tuple(found), host, tuple(unknown))


def _disk(target: Target, why: str, world: World) -> Effect:
    mounted = tuple(_mounted(target, world))
    told = f"{why}: a device, with all that is on it"
    return Effect("delete", "path", target.real, True, told, Size(None), mounted, in_use=bool(mounted) or None)


def _mounted(target: Target, world: World) -> list[str]:
    try:
        found = mounts.parse(world.files.read("/proc/self/mounts"))
    except OSError:
        return []
    return [each.target for each in found if each.source.startswith(target.real)]


def _device(words: Arguments, command: Command, host: HostState, world: World, why: str) -> Outcome:
    """mkfs, wipefs, mkswap, blkdiscard: whatever is on the device or in the file goes."""
    return _overwritten(words.operands[:1] or words.operands, command, host, world, f"{command.program} {why} it")


def _wipefs(command: Command, host: HostState, world: World) -> Outcome:
    words = of(command, "-o --offset -t --types -O --output")
    if words.has("-n", "--no-act") or not words.has("-a", "--all", "-o", "--offset"):
        return Outcome((), host)
    return _overwritten(words.operands, command, host, world, "wipefs erases its signatures")


def _blkdiscard(command: Command, host: HostState, world: World) -> Outcome:
    return _device(of(command, "-o -l -p --offset --length --step"), command, host, world, "discards")


def _mkswap(command: Command, host: HostState, world: World) -> Outcome:
    return _device(of(command, "-L -p -U --label --pagesize --uuid"), command, host, world, "makes swap space of")


def _shred(command: Command, host: HostState, world: World) -> Outcome:
    words = of(command, "-n --iterations -s --size --random-source")
    return _overwritten(words.operands, command, host, world, "shred writes over it")


def _truncate(command: Command, host: HostState, world: World) -> Outcome:
    words = of(command, "-s --size -r --reference")
    size = words.value("-s", "--size")
    if size is not None and size.startswith("+"):
        return Outcome((), host)  # it only grows
    targets = existing(words.operands, command, places.tree(host, world), follow=True)
    wanted = _bytes(size)
    shrunk = [each for each in targets.found if wanted is None or each.entry.size > wanted]
    names = [Word(each.real, each.written) for each in shrunk]
    outcome = _overwritten(names, command, host, world, "it is cut short")
    return outcome._replace(unknown=(*targets.unknown, *outcome.unknown))


def _bytes(text: str | None) -> int | None:
    """truncate's absolute sizes; None for relative ones and what is not known: then it may shrink."""
    found = re.fullmatch(r"(\d+)([KMGT]?)(?:iB)?", text or "")
    return None if found is None else int(found[1]) * 1024 ** " KMGT".index(found[2] or " ")


def _dd(command: Command, host: HostState, world: World) -> Outcome:
    into = [word for word in command.words[1:] if (word.text or "").startswith("of=")]
    unknown = [word for word in command.words[1:] if word.text is None]
    names = [Word((word.text or "")[3:], word.raw) for word in into]
    return _overwritten([*names, *unknown], command, host, world, "dd writes over it")


def _tee(command: Command, host: HostState, world: World) -> Outcome:
    words = of(command)
    if words.has("-a", "--append"):
        return Outcome((), host)
    return _overwritten(words.operands, command, host, world, "tee writes over it")


def _tar(command: Command, host: HostState, world: World) -> Outcome:
    """tar c writes over an archive of that name; what x would write over is not looked up."""
    first = command.words[1] if len(command.words) > 1 else None
    if first is not None and first.text and not first.text.startswith("-"):  # the old style: `tar cf`
        command = command._replace(words=(command.words[0], Word(f"-{first.text}", first.raw), *command.words[2:]))
    words = of(command, "-f --file -C --directory -T --files-from -X --exclude-from")
    if words.has("-t", "--list", "--version", "--help"):
        return Outcome((), host)
    odd = words.has("--remove-files", "-I", "--use-compress-program", "--to-command", "--checkpoint-action", "-F")
    archive = words.value("-f", "--file")
    if odd or not words.has("-c", "--create") or archive is None:
        return Outcome((), host, (f"which files `{shown(command)}` writes over is not looked up",))
    return _overwritten([Word(archive, archive)] if archive != "-" else [], command, host, world, "tar writes over it")


def _copy(command: Command, host: HostState, world: World) -> Outcome:
    """cp and install: a file of that name in the target is overwritten."""
    words = of(command, "-t --target-directory -S --suffix -m --mode -o --owner -g --group")
    if words.has("-d", "--directory") and command.program == "install":
        return Outcome((), host)
    if words.has(*BACKUP, *ASKS):
        return Outcome((), host)
    pairs, unknown = _pairs(words, command, host, world)
    itself = places.tree(host, world)  # cp and install refuse to write a file over itself
    over = [into for source, into in pairs if source.entry.kind != "folder" and itself.real(into) != source.real]
    outcome = _overwritten(
        [Word(path, path) for path in over], command, host, world, f"{command.program} overwrites it"
    )
    tree = places.tree(host, world)
    merged = [
        into for source, into in pairs if source.entry.kind == "folder" and tree.entry(tree.real(into)) is not None
    ]
    unknown += [f"which files of {path} `{shown(command)}` overwrites is not looked up" for path in merged]
    return outcome._replace(unknown=(*unknown, *outcome.unknown))


def _move(command: Command, host: HostState, world: World) -> Outcome:
    """mv: the source has another name from then on, and a file of that name in the target is lost."""
    words = of(command, "-t --target-directory -S --suffix")
    pairs, unknown = _pairs(words, command, host, world)
    found: list[Effect] = []
    for source, into in pairs:
        tree = places.tree(host, world)
        real = tree.real(into, follow_last=False)
        over = tree.entry(real)
        if over is not None and words.has(*ASKS) and not words.has("-f", "--force"):
            continue
        if over is not None and over.kind != "folder" and not words.has(*BACKUP):
            found += places.lost(real, over, f"{source.written} takes its place", host, world)
            host = places.without(host, real)
        what, users = places.meaning(source.real, source.entry, host, world)
        why = f"it is called {real} from then on" + (f": {what}" if what else "")
        found.append(Effect("change", "path", source.real, False, why, None, users))
        host = host._replace(moved=(*host.moved, (real, source.real)))
    return Outcome(tuple(found), host, tuple(unknown))


def _pairs(
    words: Arguments, command: Command, host: HostState, world: World
) -> tuple[list[tuple[Target, str]], list[str]]:
    """Every source that is there, with the path that it will have."""
    tree = places.tree(host, world)
    into = words.value("-t", "--target-directory")
    operands = words.operands
    last = Word(into, into) if into is not None else operands[-1] if operands else None
    sources = operands if into is not None else operands[:-1]
    found = existing(sources, command, tree)
    target = None if last is None else absolute(last, command)
    if last is None or target is None:
        return [], [*found.unknown, f"where `{shown(command)}` writes to is only known when it runs"]
    folder = tree.entry(tree.real(target))
    inside = folder is not None and folder.kind == "folder" and not words.has("-T", "--no-target-directory")
    pairs = [
        (each, f"{target.rstrip('/')}/{each.written.rstrip('/').rpartition('/')[2]}" if inside else target)
        for each in found.found
    ]
    return pairs, list(found.unknown)


def _link(command: Command, host: HostState, world: World) -> Outcome:
    """ln -f: the file that has the name is lost."""
    words = of(command, "-t --target-directory -S --suffix")
    if not words.has("-f", "--force") or len(words.operands) < 2 or words.has(*BACKUP):
        return Outcome((), host)
    targets = existing(words.operands[-1:], command, places.tree(host, world))
    over = [each for each in targets.found if each.entry.kind == "file"]
    found, host = removed(over, "a link takes its place", host, world)
    return Outcome(found, host, targets.unknown)


def _modes(command: Command, host: HostState, world: World) -> Outcome:
    """chmod, chown, chgrp, setfacl, chattr: nothing is lost but the old modes, and who works there may not go on."""
    words = of(command)
    # `chmod -w file`: the mode looks like options, and `--reference` stands in its place
    mode_given = words.has("--reference", *(f"-{letter}" for letter in "rwxXst" if command.program == "chmod"))
    operands = words.operands if mode_given else words.operands[1:]
    targets = existing(operands, command, places.tree(host, world), follow=True)
    deep = words.has("-R", "--recursive")
    found = []
    for target in targets.found:
        what, users = places.meaning(target.real, target.entry, host, world)
        why = f"{command.program} gives {'all that is in ' if deep else ''}it other rights; the old ones are not kept"
        found.append(
            Effect("change", "path", target.real, False, f"{why}: {what}" if what else why, None, users if deep else ())
        )
    return Outcome(tuple(found), host, targets.unknown)


_BY_PROGRAM = {
    "rm": _rm, "rmdir": _rmdir, "unlink": _unlink, "mv": _move, "cp": _copy, "install": _copy, "ln": _link,
    "truncate": _truncate, "dd": _dd, "tee": _tee, "shred": _shred, "wipefs": _wipefs, "blkdiscard": _blkdiscard,
    "mkswap": _mkswap, "chmod": _modes, "chown": _modes, "chgrp": _modes, "tar": _tar,
}  # fmt: skip
PROGRAMS = frozenset(_BY_PROGRAM)
