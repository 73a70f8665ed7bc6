"""rm, mv, cp, truncate, dd, mkfs, shred, chmod … and every redirection that empties a file."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import of, shown
from runaway_watchdog.effects.host import asked, places
from runaway_watchdog.effects.host.losing import appended, overwritten, removed
from runaway_watchdog.effects.host.targets import Target, existing, paths, spread
from runaway_watchdog.effects.programs import FILES
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.world import Unanswered, World

Judge = Callable[[Command, HostState, World], Outcome]


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """What a command of this family does to files."""
    command = spread(command, places.tree(host, world))
    return _judge(command.program or "")(command, host, world)


def _judge(program: str) -> Judge:
    """The function of its own file, which is read for it alone."""
    if program in _OWN:
        return _OWN[program]
    if program.startswith(("mkfs", "mke2fs")):
        from runaway_watchdog.effects.host import devices

        return devices.mkfs
    judge: Judge = import_module(f"{__package__}.{FILES[program]}").BY_PROGRAM[program]
    return judge


def truncated(words: Sequence[Word], command: Command, host: HostState, world: World) -> Outcome:
    """`> file`: the file stays, its content goes. A pattern that matches several is refused by bash, not by zsh."""
    certain: list[Word] = []
    unknown: list[str] = []
    for word in words:
        matched = paths(word, command, places.tree(host, world)) if word.globbing else None
        if matched is not None and len(matched) > 1:
            unknown.append(
                f"{word.raw} stands for {len(matched)} files: bash refuses that, other shells empty them all"
            )
        else:
            certain.append(word)
    outcome = overwritten(certain, command, host, world, "a redirection empties it")
    return outcome._replace(unknown=(*outcome.unknown, *unknown))


def _rm(command: Command, host: HostState, world: World) -> Outcome:
    """`rm -r link/` empties the folder behind the link and then complains (seen with coreutils 9.1)."""
    words = of(command)
    recursive = words.has("-r", "-R", "--recursive")
    if asked.refused(words, command):
        return Outcome((), host)
    tidies = words.has("-d", "--dir")
    tree = places.tree(host, world)
    targets = existing(words.operands, command, tree)
    doomed: list[Target] = []
    unknown = list(targets.unknown)
    for target in targets.found:
        last = target.written.rstrip("/").rpartition("/")[2]
        folder = target.entry.kind == "folder"
        if last in (".", "..") or (folder and not recursive and not (tidies and not tree.names(target.real))):
            continue
        if target.real == "/" and not (words.has("--no-preserve-root") or _is_small(world)):
            if recursive:
                unknown.append(f"GNU rm refuses `{shown(command)}`; any other rm deletes everything")
            continue
        doomed.append(target)
    found, host = removed(doomed, "it is deleted", host, world)
    return Outcome(found, host, tuple(unknown))


def _is_small(world: World) -> bool:
    """Whether rm is one of the programs for all names, as small images have them: these delete / as they are told."""
    for path in ("/bin/rm", "/usr/bin/rm"):
        try:
            program = world.files.target(path).rpartition("/")[2]
        except (OSError, Unanswered):
            continue
        if program.startswith(("busybox", "toybox")):
            return True
    return False


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


def _touch(command: Command, host: HostState, world: World) -> Outcome:
    words = of(command, "-d --date -r --reference -t")
    absent = () if words.has("-c", "--no-create") else words.operands
    return Outcome((), appended(absent, command, host, world))


def _mkdir(command: Command, host: HostState, world: World) -> Outcome:
    words = of(command, "-m --mode")
    for path in existing(words.operands, command, places.tree(host, world), follow=True).absent:
        host = _with_folder(path, host, world)
    return Outcome((), host)


def _with_folder(path: str, host: HostState, world: World) -> HostState:
    """With the folders above it."""
    while path not in ("", "/") and places.tree(host, world).entry(path) is None:
        host = places.with_made(host, path, "folder")
        path = path.rpartition("/")[0]
    return host


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


_OWN: Mapping[str, Judge] = {
    "rm": _rm, "rmdir": _rmdir, "unlink": _unlink, "touch": _touch, "mkdir": _mkdir,
    "chmod": _modes, "chown": _modes, "chgrp": _modes,
}  # fmt: skip
