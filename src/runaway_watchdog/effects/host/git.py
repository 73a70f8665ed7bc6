"""git: what of the work tree it would throw away. Asked of the index itself; git is never run.

The index holds every tracked file with the size and the time that it had when git last looked at it
(gitformat-index(5)): a file that differs has changes that no commit need hold.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import of, read, shown
from runaway_watchdog.effects.host import places, uses
from runaway_watchdog.effects.host.targets import absolute
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import Effect, Size
from runaway_watchdog.world import World
from runaway_watchdog.world.paths import under

GLOBAL = "-C -c --git-dir --work-tree --namespace --exec-path --super-prefix --config-env"
READS = frozenset(
    (
        "status", "log", "diff", "show", "blame", "grep", "ls-files", "ls-tree", "rev-parse", "describe", "shortlog",
        "cat-file", "version", "help", "reflog", "whatchanged", "rev-list", "name-rev", "count-objects", "fsck",
    )
)  # fmt: skip
ADDS = frozenset(("add", "fetch", "init", "tag", "notes", "bisect", "bundle", "archive"))
WALK_LIMIT = 20_000
INDEX_HEADER = struct.Struct(">4sII")
FIXED_LENGTH = 62
"""Bytes of an index entry before its path, in versions 2 and 3."""


class Tracked(NamedTuple):
    path: str  # below the work tree
    written_at: int
    size: int


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """What a git command does to the files of its work tree."""
    words = of(command, GLOBAL, stops=True)
    verb = words.operands[0].text if words.operands else "help"
    rest = words.operands[1:]
    if verb in READS or verb in ADDS:
        return Outcome((), host)
    folder = words.value("-C") or command.folder
    if folder is not None and not folder.startswith("/"):
        folder = f"{command.folder}/{folder}" if command.folder else None
    local = command._replace(folder=folder, words=(command.words[0], *rest))
    if folder is not None and verb == "clean":
        return _clean(local, command, host, world)
    if folder is not None and _throws_away(verb, rest):
        return _changes(verb or "", local, host, world)
    return Outcome((), host, (f"what `{shown(command)}` does is not judged",))


def _throws_away(verb: str | None, rest: tuple[Word, ...]) -> bool:
    words = read(rest, "-b -B --orphan --source -s --pathspec-from-file")
    if verb == "reset":
        return words.has("--hard", "--merge")
    if verb == "checkout":
        return words.has("-f", "--force") or any(word.text in ("--", ".") for word in rest)
    return verb == "restore" and not (words.has("--staged", "-S") and not words.has("--worktree", "-W"))


def _root(folder: str, host: HostState, world: World) -> str | None:
    """The work tree around a folder; None: there is none."""
    tree = places.tree(host, world)
    at = tree.real(folder)
    while True:
        if tree.entry(f"{at.rstrip('/')}/.git") is not None:
            return at
        if at == "/":
            return None
        at = at.rpartition("/")[0] or "/"


def index(root: str, world: World) -> dict[str, Tracked] | None:
    """The tracked files by their path; None where the index cannot be read (too large, another version)."""
    try:
        text = world.files.read(f"{root}/.git/index")
    except OSError:
        return None
    try:
        return {each.path: each for each in _entries(text.encode("utf-8", "surrogateescape"))}
    except (struct.error, ValueError):
        return None


def _entries(data: bytes) -> Iterator[Tracked]:
    """Raises struct.error and ValueError on what is no index of version 2 or 3."""
    magic, version, count = INDEX_HEADER.unpack_from(data)
    if magic != b"DIRC" or version not in (2, 3):
        raise ValueError("another version of the index")
    at = INDEX_HEADER.size
    for _ in range(count):
        written_at = struct.unpack_from(">I", data, at + 8)[0]
        size, flags = struct.unpack_from(">I", data, at + 36)[0], struct.unpack_from(">H", data, at + 60)[0]
        start = at + FIXED_LENGTH + (2 if flags & 0x4000 else 0)
        end = data.index(b"\0", start)
        yield Tracked(data[start:end].decode("utf-8", "surrogateescape"), written_at, size)
        at += (end - at + 8) // 8 * 8  # padded with 1 to 8 NUL bytes


def _clean(local: Command, command: Command, host: HostState, world: World) -> Outcome:
    """git clean: untracked files go; without -f it refuses, unless it is configured not to."""
    words = of(local, "-e --exclude")
    root = _root(local.folder or "/", host, world)
    if words.has("-n", "--dry-run") or root is None:
        return Outcome((), host)
    if words.has("-i", "--interactive") or not words.has("-f", "--force"):
        return Outcome((), host, (f"whether `{shown(command)}` deletes anything depends on its configuration",))
    tracked = index(root, world)
    if tracked is None:
        return Outcome((), host, (f"which files of {root} git tracks could not be read",))
    start = places.tree(host, world).real(local.folder or root)
    doomed = list(_untracked(start, root, tracked, host, world, folders=words.has("-d")))
    if not doomed:
        return Outcome((), host)
    unknown: tuple[str, ...] = ()
    if not words.has("-x", "-X"):
        unknown = (f"which of the untracked files of {root} .gitignore keeps is not looked up",)
    if words.has("-e", "--exclude", "-X") or words.operands:
        unknown = (f"which of the untracked files of {root} `{shown(command)}` leaves is not looked up",)
    total = sum(size for _, size in doomed)
    why = f"git clean deletes {len(doomed)} untracked file{'' if len(doomed) == 1 else 's'} in it: no commit holds them"
    used = uses.of(start, world)
    needed = places.in_use(None, (), used)
    effect = Effect("delete", "path", start, total > 0, why, Size(total, bool(unknown)), used.by, needed)
    return Outcome((effect,), places.without(host, *(path for path, _ in doomed)), unknown)


def _untracked(
    start: str, root: str, tracked: dict[str, Tracked], host: HostState, world: World, *, folders: bool
) -> Iterator[tuple[str, int]]:
    """Untracked files, with their size; those in wholly untracked folders only where git was told so (-d)."""
    held = {path.rpartition("/")[0] for path in tracked}
    for path in list(held):
        while path:
            held.add(path)
            path = path.rpartition("/")[0]  # noqa: PLW2901 - up to the root
    held.add("")
    for path, entry in places.tree(host, world).below(start, WALK_LIMIT):
        below = path[len(root) :].lstrip("/")
        if entry.kind == "folder" or below in tracked or under(path, f"{root}/.git"):
            continue
        if folders or below.rpartition("/")[0] in held:
            yield path, entry.size


def _changes(verb: str, local: Command, host: HostState, world: World) -> Outcome:
    """reset --hard, checkout --, restore: tracked files that were changed since git last looked."""
    root = _root(local.folder or "/", host, world)
    if root is None:
        return Outcome((), host)
    tracked = index(root, world)
    if tracked is None:
        return Outcome((), host, (f"which files of {root} git tracks could not be read",))
    chosen = _chosen(verb, local, root)
    tree = places.tree(host, world)
    found: list[Effect] = []
    for each in tracked.values():
        path = f"{root}/{each.path}"
        entry = tree.entry(path)
        if entry is None or entry.kind != "file" or not any(under(path, one) for one in chosen):
            continue
        if entry.size != each.size or int(entry.written_at) != each.written_at:
            found += places.lost(path, entry, f"git {verb} puts the committed one in its place", host, world)
    staged = (f"changes of {root} that are staged and not committed go too, and are not looked up",)
    return Outcome(tuple(found), host, staged if verb == "reset" else ())


def _chosen(verb: str, local: Command, root: str) -> list[str]:
    """The paths that it is limited to: after `--`, or all operands of restore."""
    words = [word for word in local.words[1:] if word.text != "--"]
    named = [word for word in words if word.text and not word.text.startswith("-")] if verb != "reset" else []
    found = [path.rstrip("/.") or "/" for word in named if (path := absolute(word, local)) is not None]
    return found or [root]
