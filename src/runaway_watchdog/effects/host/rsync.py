"""rsync: which files of its target it deletes, and which it replaces.

Replaced is what rsync's own quick check replaces: a file of the same name with another size or time (rsync(1)).
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from posixpath import normpath

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import Arguments, of, shown
from runaway_watchdog.effects.host import places, precious, uses
from runaway_watchdog.effects.host.targets import Target, absolute, existing
from runaway_watchdog.model.command import Command
from runaway_watchdog.model.effect import Effect, LowRisk, Size
from runaway_watchdog.world import World
from runaway_watchdog.world.paths import Entry, Tree

WALK_LIMIT = 20_000
VALUED = (
    "-e --rsh --exclude --include --exclude-from --include-from --files-from -f --filter -T --temp-dir --backup-dir "
    "--suffix --bwlimit --port --password-file --chmod --chown --rsync-path -B --block-size --max-size --min-size "
    "--timeout --contimeout --log-file --log-file-format --partial-dir --compare-dest --copy-dest --link-dest "
    "--usermap --groupmap --out-format --max-delete --modify-window --compress-level --skip-compress --info --debug "
    "--address --sockopts --iconv --checksum-choice --protocol -M --remote-option"
)
ONLY_LOOKS = ("-n", "--dry-run", "--list-only", "--version", "--help")
BACKUP = ("-b", "--backup", "--backup-dir")
CHOOSES = (
    "--include", "--exclude-from", "--include-from", "--files-from", "-f", "--filter", "-F", "-C", "--cvs-exclude",
    "--max-size", "--min-size", "--max-delete", "--compare-dest", "-M", "--remote-option",
)  # fmt: skip
"""Options whose choice of files is not followed: it may be less than what is told."""
RECURSIVE = ("-a", "--archive", "-r", "--recursive", "--old-dirs", "-d", "--dirs")
Files = list[tuple[str, Entry]]


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """Known from one folder of this host to another; what another host sends is not."""
    words = of(command, VALUED)
    if words.has(*ONLY_LOOKS):
        return Outcome((), host)
    remote = [word for word in words.operands if word.text is not None and _remote(word.text)]
    if words.operands and words.operands[-1] in remote:
        sentence = f"what `{shown(command)}` changes on the other host is not looked up"
        deletes = words.has("--remove-source-files") or any(name.startswith("--del") for name, _ in words.options)
        return Outcome((), host, (sentence if deletes or not words.complete else LowRisk(sentence),))
    if not words.complete or (len(words.operands) < 2 and not remote):
        return Outcome((), host, (f"what `{shown(command)}` changes is not looked up",))
    if len(words.operands) < 2:
        return Outcome((), host)  # it lists what is there
    tree = places.tree(host, world)
    targets = existing(words.operands[-1:], command, tree, follow=True)
    if not targets.found:
        made = targets.absent[:1]
        return Outcome((), places.with_made(host, made[0], "folder") if made else host, targets.unknown)
    into = targets.found[0]
    if remote:
        doubt = f"which files of {into.real} `{shown(command)}` replaces or deletes is only known when it runs"
        return Outcome((), host, (doubt,))
    return _from_here(words, into, command, host, world)


def _from_here(words: Arguments, into: Target, command: Command, host: HostState, world: World) -> Outcome:
    tree = places.tree(host, world)
    sent = _sent(command, words, tree)
    there = list(tree.below(into.real, WALK_LIMIT)) if into.entry.kind == "folder" else [(into.real, into.entry)]
    if len(sent) >= WALK_LIMIT or len(there) >= WALK_LIMIT:
        return Outcome((), host, (f"{into.real} holds more files than could be looked at",))
    excluded = [value for name, value in words.options if name == "--exclude"]
    roots = _roots(sent) if _deletes(words) else ()
    if None in excluded:
        roots = ()
    patterns = [each for each in excluded if each is not None]
    kept = [] if words.has("--delete-excluded") else patterns
    gone = [each for each in _extraneous(sent, there, into, roots) if not _left_out(each[0], into, kept)]
    chosen = {name: entry for name, entry in sent.items() if not _left_out(f"{into.real}/{name}", into, patterns)}
    replaced = _replaced(words, chosen, there, into)
    if words.has(*BACKUP):
        return Outcome((), host)
    doubts: tuple[str, ...] = ()
    if None in excluded or (words.has(*CHOOSES) and (gone or replaced)):
        doubts = (f"which files `{shown(command)}` leaves out is not looked up: it may be less",)
    outcome = _lost(gone, replaced, into, host, world)
    host = outcome.host
    for name, entry in list(chosen.items())[:REMEMBERED]:
        path = f"{into.real}/{name}".rstrip("/")
        if into.entry.kind == "folder" and places.tree(host, world).entry(path) is None:
            host = places.with_made(host, path, entry.kind if entry.kind == "folder" else "file", entry.size)
    return Outcome(outcome.effects, host, (*outcome.unknown, *doubts))


REMEMBERED = 500
"""Files that are new in the target and known by name afterwards."""


def _deletes(words: Arguments) -> bool:
    given = any(name.startswith("--del") for name, _ in words.options)
    return given and not words.has("--no-delete") and words.has(*RECURSIVE)


def _remote(text: str) -> bool:
    return ":" in text.partition("/")[0]


def _sent(command: Command, words: Arguments, tree: Tree) -> dict[str, Entry]:
    """What is sent, by the name that it will have in the target: `a/`, `a/.` and `.` send what is in them, `a` the
    folder itself, with -R under the whole path as it is written, or from `/./` on; a list, what is in the source."""
    listed = words.has("--files-from")
    found: dict[str, Entry] = {}
    for word in words.operands[:-1]:
        written = word.text or ""
        for source in existing([word], command, tree, follow=True).found:
            if source.entry.kind == "folder" and not (listed or words.has(*RECURSIVE)):
                continue
            last = (absolute(word, command) or "").rpartition("/")[2]
            prefix = "" if listed or last in ("", ".", "..") else f"{last}/"
            if words.has("-R", "--relative") and not listed:
                prefix = f"{normpath(written.partition('/./')[2] or written)}/".lstrip("./")
            found[prefix.rstrip("/")] = source.entry
            for path, entry in tree.below(source.real, WALK_LIMIT) if source.entry.kind == "folder" else ():
                found[prefix + path[len(source.real.rstrip("/")) + 1 :]] = entry
    return found


def _roots(sent: dict[str, Entry]) -> tuple[str, ...]:
    """--delete looks only into the folders that are sent."""
    return tuple(f"{name}/" if name else "" for name, entry in sent.items() if entry.kind == "folder")


def _extraneous(sent: dict[str, Entry], there: Files, into: Target, roots: tuple[str, ...]) -> Files:
    return [
        (path, entry)
        for path, entry in there
        if (below := _name(path, into)) not in sent and entry.kind != "folder" and below.startswith(roots)
    ]


def _name(path: str, into: Target) -> str:
    return path[len(into.real.rstrip("/")) + 1 :]


def _left_out(path: str, into: Target, patterns: Sequence[str]) -> bool:
    """Whether an --exclude fits the path or a folder above it: "/" at its start holds it to the top (rsync(1))."""
    parts = _name(path, into).split("/")
    for pattern in patterns:
        anchored, plain = pattern.startswith("/"), pattern.strip("/")
        for end in range(1, len(parts) + 1):
            above = "/".join(parts[:end])
            if pattern.endswith("/") and end == len(parts):
                continue  # a folder alone, and files are what counts here
            subject = above if anchored or "/" in plain else parts[end - 1]
            if fnmatchcase(subject, plain) or (not anchored and "/" in plain and fnmatchcase(subject, f"*/{plain}")):
                return True
    return False


def _replaced(words: Arguments, sent: dict[str, Entry], there: Files, into: Target) -> Files:
    """By the quick check; with -c by content, and so whatever has another content: what is as long may be the same."""
    if words.has("--ignore-existing"):
        return []
    found = []
    for path, entry in there:
        name = _name(path, into) if into.entry.kind == "folder" else next(iter(sent), "")
        other = sent.get(name)
        if entry.kind != "file" or other is None or other.kind == "folder":
            continue
        older = words.has("-u", "--update") and _second(other) <= _second(entry)
        if not older and _differs(words, other, entry):
            found.append((path, entry))
    return found


def _differs(words: Arguments, other: Entry, entry: Entry) -> bool:
    if other.size != entry.size or words.has("-I", "--ignore-times"):
        return True
    if words.has("--size-only"):
        return False
    made = places.LATER in (other.written_at, entry.written_at)
    return made or words.has("-c", "--checksum") or _second(other) != _second(entry)


def _second(entry: Entry) -> float:
    """rsync compares whole seconds; what the line itself writes has no time yet."""
    return entry.written_at if entry.written_at == places.LATER else float(int(entry.written_at))


def _lost(gone: Files, replaced: Files, into: Target, host: HostState, world: World) -> Outcome:
    doomed = [*gone, *replaced]
    if not doomed:
        return Outcome((), host)
    parts = [f"deletes {_count(gone)} in it that the source does not have" if gone else ""]
    parts.append(f"replaces {_count(replaced)} in it" if replaced else "")
    told = "rsync " + " and ".join(filter(None, parts))
    own = [(path, entry) for path, entry in doomed if path not in host.made and entry.kind == "file" and entry.size]
    after = places.without(host, *(path for path, _ in gone))
    what, users = places.meaning(into.real, into.entry, host, world)
    if not own or (what is None and not any(not places.passing(places.on_disk(path, host), world) for path, _ in own)):
        return Outcome((), after)
    used = uses.of(into.real, world)
    tree = places.tree(after, world)
    looked = (precious.what(path, entry, tree, world) for path, entry in own[: precious.LOOKED_AT])
    what = what or next((each for each in looked if each is not None), None)
    size = Size(sum(entry.size for _, entry in own), False, max(entry.written_at for _, entry in own))
    effect = Effect(
        "delete", "path", into.real, size.bytes != 0, f"{told}: {what}" if what else told, size, (*users, *used.by),
        places.in_use(what, users, used),
    )  # fmt: skip
    return Outcome((effect,), after)


def _count(files: Files) -> str:
    return f"{len(files)} file{'' if len(files) == 1 else 's'}"
