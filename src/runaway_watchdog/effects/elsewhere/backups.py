"""restic, borg, rclone and other keepers of copies: what they forget, and what a mirror deletes at its other end."""

from collections.abc import Mapping

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import Arguments, of, shown
from runaway_watchdog.effects.host import places
from runaway_watchdog.effects.host.losing import removed
from runaway_watchdog.effects.host.targets import existing
from runaway_watchdog.effects.subcommands import ASKS_NOTHING, Grammar, Loss, judged
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import Effect, LowRisk
from runaway_watchdog.world import World

VALUED = (
    "-r --repo --repository-file -p --password-file --password-command --keep-last -l --keep-hourly -H --keep-daily -d "
    "--keep-weekly -w --keep-monthly -m --keep-yearly -y --keep-within --tag --host --path -P --prefix -a "
    "--glob-archives --group-by -c --config -o"
)
_FORGOTTEN = "copies of the past are deleted for good"
RESTIC = Grammar(
    reads=frozenset(
        [
            "snapshots",
            "ls",
            "find",
            "diff",
            "dump",
            "stats",
            "check",
            "cat",
            "list",
            "mount",
            "version",
            "help",
            "key",
            "cache",
            "features",
        ]
    ),
    works=frozenset(
        [
            "backup",
            "init",
            "restore",
            "copy",
            "tag",
            "unlock",
            "migrate",
            "recover",
            "repair",
            "self-update",
            "rebuild-index",
        ]
    ),
    destroys={
        "forget": Loss("path", _FORGOTTEN, "snapshots of the restic repository"),
        "prune": Loss(
            "path", "data that no snapshot holds is deleted", "unused data of the restic repository", lost=False
        ),
        "rewrite": Loss("path", "snapshots are made anew without some files", "snapshots of the restic repository"),
    },
    valued=VALUED,
    dry=("--dry-run", "-n"),
)
BORG = Grammar(
    reads=frozenset(
        [
            "list",
            "info",
            "check",
            "diff",
            "mount",
            "umount",
            "export-tar",
            "version",
            "help",
            "key",
            "serve",
            "benchmark",
            "rlist",
            "rinfo",
        ]
    ),
    works=frozenset(
        [
            "create",
            "init",
            "extract",
            "upgrade",
            "recreate",
            "rename",
            "with-lock",
            "compact",
            "break-lock",
            "config",
            "rcreate",
        ]
    ),
    destroys={
        "delete": Loss("path", _FORGOTTEN, "the borg repository"),
        "rdelete": Loss("path", _FORGOTTEN, "the borg repository"),
        "prune": Loss("path", _FORGOTTEN, "archives of the borg repository"),
    },
    valued=VALUED,
    dry=("--dry-run", "-n"),
)
OTHERS: Mapping[str, Grammar] = {
    "borgmatic": Grammar(
        frozenset(["list", "info", "check", "rlist", "rinfo", "config"]),
        frozenset(["create", "extract", "mount", "restore"]),
        {"prune": Loss("path", _FORGOTTEN, "archives of borgmatic"), "delete": Loss("path", _FORGOTTEN, "archives")},
    ),
    "kopia": Grammar(
        frozenset(["list", "ls", "show", "status", "verify", "diff"]),
        frozenset(("restore", "create", "connect")),
        {
            "snapshot delete": Loss("path", _FORGOTTEN, "snapshots"),
            "snapshot expire": Loss("path", _FORGOTTEN, "snapshots"),
        },
    ),
    "duplicity": Grammar(
        frozenset(["collection-status", "list-current-files", "verify"]),
        frozenset(["full", "incremental", "restore"]),
        dict.fromkeys(
            ("remove-older-than", "remove-all-but-n-full", "remove-all-inc-of-but-n-full", "cleanup"),
            Loss("path", _FORGOTTEN, "copies of the past"),
        ),
    ),
    "tmutil": Grammar(frozenset(("listbackups", "status")), destroys={"delete": Loss("path", _FORGOTTEN, "backups")}),
}
RCLONE_VALUED = (
    "--include --exclude --filter --filter-from --min-age --max-age --min-size --max-size --config --transfers -P "
    "--checkers --backup-dir --bwlimit --log-file --log-level --suffix --max-depth"
)
LEAVES = ("--ignore-existing", "--immutable", "--backup-dir")
RCLONE_DELETES = frozenset(("delete", "purge", "deletefile", "cleanup", "rmdirs", "rmdir"))
RCLONE_READS = frozenset(
    [
        "ls",
        "lsd",
        "lsl",
        "lsf",
        "lsjson",
        "size",
        "check",
        "cryptcheck",
        "cat",
        "tree",
        "about",
        "md5sum",
        "sha1sum",
        "hashsum",
        "listremotes",
        "version",
        "config",
        "ncdu",
        "mount",
        "serve",
        "help",
        "link",
        "rcd",
    ]
)


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """What a keeper of copies deletes."""
    if command.program in ("restic", "borg") and (back := _put_back(command, host, world)) is not None:
        return back
    match command.program:
        case "restic":
            return judged(RESTIC, command, host)
        case "borg":
            return judged(BORG, command, host)
        case "rclone":
            return _rclone(command, host, world)
    return judged(OTHERS[command.program or ""], command, host)


def _put_back(command: Command, host: HostState, world: World) -> Outcome | None:
    words = of(command, VALUED)
    if (words.texts or ("",))[0] not in ("restore", "extract", "export-tar"):
        return None
    if words.has("-n", "--dry-run", *ASKS_NOTHING):
        return Outcome((), host)
    from runaway_watchdog.effects.host import unpackers

    return unpackers.put_back(words, command, host, world)


def _rclone(command: Command, host: HostState, world: World) -> Outcome:
    words = of(command, RCLONE_VALUED)
    verb = words.texts[0] if words.texts else ""
    if words.has("-n", "--dry-run", "--help", "--version") or verb in RCLONE_READS or not words.operands:
        return Outcome((), host)
    if words.operands[0].text is None or not words.complete:
        return Outcome((), host, (f"what `{shown(command)}` deletes is only known when it runs",))
    if verb in RCLONE_DELETES:
        return gone(words.operands[1:2], "rclone deletes it", words, command, host, world)
    if verb == "sync":
        return gone(
            words.operands[2:3], "rclone deletes in it what the source does not have", words, command, host, world
        )
    ends = words.operands[1:3]
    if verb in ("move", "moveto"):
        moved = gone(ends[:1], "rclone deletes it once it is copied", words, command, host, world, moved=True)
        there = _brought(verb, ends, words, command, moved.host, world) or Outcome((), moved.host)
        return Outcome((*moved.effects, *there.effects), there.host, (*moved.unknown, *there.unknown))
    if (brought := _brought(verb, ends, words, command, host, world)) is not None:
        return brought
    sentence = f"what `{shown(command)}` changes is not looked up"
    return Outcome((), host, (LowRisk(sentence) if verb in ("copy", "copyto", "mkdir", "touch") else sentence,))


def _brought(
    verb: str, ends: tuple[Word, ...], words: Arguments, command: Command, host: HostState, world: World
) -> Outcome | None:
    """What comes here from a remote, as the file of that name or into a folder; None where its target is a remote."""
    if verb not in ("copy", "copyto", "move", "moveto", "copyurl") or len(ends) < 2 or ":" in (ends[1].text or ""):
        return None
    from runaway_watchdog.effects.host import unpackers

    named = verb == "copyurl" and words.has("-a", "--auto-filename")
    names = unpackers.last_names(ends[:1]) if named else [None]
    left = words.has(*LEAVES) or (verb == "copyurl" and words.has("--no-clobber"))
    return Outcome((), host) if left else unpackers.fetched(names, ends[1], command, host, world)


def gone(
    operands: tuple[Word, ...], why: str, words: Arguments, command: Command, host: HostState, world: World, *,
    moved: bool = False,
) -> Outcome:  # fmt: skip
    """On a remote it is told as named; a folder of this host as rm would take it."""
    word = next(iter(operands), None)
    if word is None or word.text is None:
        return Outcome((), host)
    partial = any(
        name.startswith(("--include", "--exclude", "--filter", "--min", "--max")) for name, _ in words.options
    )
    unknown = (f"which of its files `{shown(command)}` leaves is not looked up",) if partial else ()
    if ":" in word.text:
        return Outcome((Effect("delete", "path", word.text, not moved, f"{why}, on another system"),), host, unknown)
    there = existing([word], command, places.tree(host, world))
    found, host = removed(there.found, why, host, world)
    return Outcome(found, host, (*there.unknown, *unknown))
