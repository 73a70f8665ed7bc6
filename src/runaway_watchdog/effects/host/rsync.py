"""rsync: which files of its target it deletes, and which it replaces.

Replaced is what rsync's own quick check replaces: a file of the same name with another size or time (rsync(1)).
"""

from collections.abc import Sequence

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import Arguments, of, shown
from runaway_watchdog.effects.host import places, uses
from runaway_watchdog.effects.host.targets import Target, existing
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import Effect, Size
from runaway_watchdog.world import World
from runaway_watchdog.world.paths import Entry, Tree

WALK_LIMIT = 20_000
VALUED = (
    "-e --rsh --exclude --include --exclude-from --include-from --files-from -f --filter -T --temp-dir --backup-dir "
    "--suffix --bwlimit --port --password-file --chmod --chown --rsync-path"
)
ONLY_LOOKS = ("-n", "--dry-run", "--list-only", "--version", "--help")
PLAIN = frozenset(
    (
        "-a", "--archive", "-r", "--recursive", "-v", "--verbose", "-z", "--compress", "-h", "--human-readable", "-P",
        "--progress", "--partial", "-t", "--times", "-l", "--links", "-p", "--perms", "-o", "--owner", "-g", "--group",
        "-D", "-A", "--acls", "-X", "--xattrs", "-H", "--hard-links", "-q", "--quiet", "--stats", "-i",
        "--itemize-changes", "--info", "--delete", "--del", "--delete-before", "--delete-during", "--delete-delay",
        "--delete-after", "--numeric-ids", "--bwlimit", "-x", "-S", "--sparse", "-W", "--whole-file", "--force",
    )
)  # fmt: skip
"""Options that leave the quick check and the choice of files alone."""
Files = list[tuple[str, Entry]]


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """Known from one folder of this host to another; with another host or a choice of files it is unknown."""
    words = of(command, VALUED)
    if words.has(*ONLY_LOOKS):
        return Outcome((), host)
    if not words.complete or len(words.operands) < 2 or _remote(words.texts[-1]):
        return Outcome((), host, (f"what `{shown(command)}` changes is not looked up",))
    tree = places.tree(host, world)
    into = existing(words.operands[-1:], command, tree, follow=True).found
    if not into:
        return Outcome((), host)  # a new folder: nothing is there to lose
    if any(map(_remote, words.texts[:-1])) or not _plain(words):
        doubt = f"which files of {into[0].real} `{shown(command)}` replaces or deletes is only known when it runs"
        return Outcome((), host, (doubt,))
    sent = _sent(command, words.operands[:-1], tree)
    there = list(tree.below(into[0].real, WALK_LIMIT))
    if len(sent) >= WALK_LIMIT or len(there) >= WALK_LIMIT:
        return Outcome((), host, (f"{into[0].real} holds more files than could be looked at",))
    gone = _extraneous(sent, there, into[0]) if any(name.startswith("--del") for name, _ in words.options) else []
    return _lost(gone, _replaced(sent, there, into[0]), into[0], host, world)


def _remote(text: str) -> bool:
    return ":" in text.partition("/")[0]


def _plain(words: Arguments) -> bool:
    given = {name for name, _ in words.options}
    return given <= PLAIN and bool(given & {"-a", "--archive", "-r", "--recursive"})


def _sent(command: Command, sources: Sequence[Word], tree: Tree) -> dict[str, Entry]:
    """What is sent, by the name that it will have in the target; `a/` sends what is in a, `a` the folder itself."""
    found: dict[str, Entry] = {}
    for source in existing(sources, command, tree, follow=True).found:
        prefix = "" if source.written.endswith("/") else f"{source.written.rpartition('/')[2]}/"
        found[prefix.rstrip("/")] = source.entry
        for path, entry in tree.below(source.real, WALK_LIMIT) if source.entry.kind == "folder" else ():
            found[prefix + path[len(source.real) + 1 :]] = entry
    return found


def _extraneous(sent: dict[str, Entry], there: Files, into: Target) -> Files:
    """--delete looks only into the folders that are sent."""
    roots = tuple(f"{name}/" if name else "" for name, entry in sent.items() if entry.kind == "folder")
    return [
        (path, entry)
        for path, entry in there
        if (below := path[len(into.real) + 1 :]) not in sent and entry.kind != "folder" and below.startswith(roots)
    ]


def _replaced(sent: dict[str, Entry], there: Files, into: Target) -> Files:
    found = []
    for path, entry in there:
        other = sent.get(path[len(into.real) + 1 :])
        same = other is None or (other.size == entry.size and int(other.written_at) == int(entry.written_at))
        if entry.kind == "file" and not same:
            found.append((path, entry))
    return found


def _lost(gone: Files, replaced: Files, into: Target, host: HostState, world: World) -> Outcome:
    doomed = [*gone, *replaced]
    if not doomed:
        return Outcome((), host)
    parts = [f"deletes {_count(gone)} in it that the source does not have" if gone else ""]
    parts.append(f"replaces {_count(replaced)} in it" if replaced else "")
    told = "rsync " + " and ".join(filter(None, parts))
    what, users = places.meaning(into.real, into.entry, host, world)
    used = uses.of(into.real, world)
    size = Size(sum(entry.size for _, entry in doomed), False, max(entry.written_at for _, entry in doomed))
    effect = Effect(
        "delete", "path", into.real, size.bytes != 0, f"{told}: {what}" if what else told, size, (*users, *used.by),
        places.in_use(what, users, used),
    )  # fmt: skip
    return Outcome((effect,), host._replace(deleted=host.deleted | {path for path, _ in gone}))


def _count(files: Files) -> str:
    return f"{len(files)} file{'' if len(files) == 1 else 's'}"
