"""find with -delete or -exec: many files at once."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import shown
from runaway_watchdog.effects.host import places, precious, rsync, uses
from runaway_watchdog.effects.host.find_tests import EXECUTES, WRITES, Expression, Seen, evaluated, parse
from runaway_watchdog.effects.host.losing import overwritten
from runaway_watchdog.effects.host.targets import Target, existing, spread
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import Effect, Size
from runaway_watchdog.world import World
from runaway_watchdog.world.paths import Entry, Tree

WALK_LIMIT = 20_000
NAMED = 5
"""So many files are named one by one; of more, the folder is named and the number."""
PRINTS = frozenset(("-print", "-print0"))


class Matched(NamedTuple):
    """A file that find does something to."""

    written: str  # as find prints it
    real: str
    entry: Entry
    certain: bool  # every test was evaluated


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """What find or rsync deletes."""
    command = spread(command, places.tree(host, world))
    return rsync.effects(command, host, world) if command.program == "rsync" else _find(command, host, world)


def _find(command: Command, host: HostState, world: World) -> Outcome:
    """-delete; what -exec runs is a command of its own, and was told apart before."""
    options, starts, words = _split(command.words[1:])
    expression = parse(words)
    if expression.actions & EXECUTES:
        return Outcome((), host, (f"what `{shown(command)}` does to the files that it finds is not judged",))
    before = _lists(words, command, host, world) if expression.actions & WRITES else Outcome((), host)
    if "-delete" not in expression.actions or _refuses(words, expression):
        return before
    found: list[Effect] = []
    host = before.host
    targets = existing(starts or [Word(".", ".")], command, places.tree(host, world), follow=_follows(options, starts))
    unknown = [*before.unknown, *targets.unknown]
    for start in targets.found:
        tree = places.tree(host, world)
        doomed = list(_matching(start, expression, frozenset(("-delete",)), tree, world, everywhere="-L" in options))
        if len(doomed) >= WALK_LIMIT:
            unknown.append(f"{start.written} holds more files than could be looked at")
        gone, host = _gone(start, doomed, host, world)
        found += gone
        if gone and not all(each.certain for each in doomed):
            unknown.append(f"some tests of `{shown(command)}` are not evaluated: it may be less")
    return Outcome((*before.effects, *found), host, tuple(dict.fromkeys(unknown)))


def _refuses(words: Sequence[Word], expression: Expression) -> bool:
    """-delete goes through a folder before it comes to the folder itself, and so -prune is in vain: find says so."""
    return "-prune" in expression.actions and not any(word.text in ("-depth", "-d") for word in words)


def _lists(words: Sequence[Word], command: Command, host: HostState, world: World) -> Outcome:
    """-fprint and its like write over the file that they are given."""
    names = [words[at + 1] for at, word in enumerate(words[:-1]) if word.text in WRITES]
    return overwritten(names, command, host, world, "find writes its list over it")


def answer(command: Command, host: HostState, world: World) -> tuple[str, ...] | None:
    """What find would print; None where a test is not evaluated or the files are too many."""
    options, starts, words = _split(command.words[1:])
    expression = parse(words)
    if not expression.complete or expression.actions - PRINTS - {"-prune", "-true", "-false"}:
        return None
    if not expression.actions & PRINTS:
        expression = parse([Word("(", "("), *words, Word(")", ")"), Word("-print", "-print")])
    tree = places.tree(host, world)
    targets = existing(starts or [Word(".", ".")], command, tree, follow=_follows(options, starts))
    if targets.unknown:
        return None
    found: list[str] = []
    for start in targets.found:
        matching = list(_matching(start, expression, PRINTS, tree, world, everywhere="-L" in options))
        if len(matching) >= WALK_LIMIT or not all(each.certain for each in matching):
            return None
        found += [each.written for each in matching]
    return tuple(found)


def _split(words: Sequence[Word]) -> tuple[frozenset[str], list[Word], list[Word]]:
    """-H, -L or -P; the starting points; and the expression: from the first word that starts with "-", "(" or "!"."""
    pending = list(words)
    options: list[str] = []
    while pending and ((pending[0].text or "") in ("-H", "-L", "-P") or (pending[0].text or "")[:2] in ("-O", "-D")):
        options.append(pending.pop(0).text or "")
        if options[-1] == "-D" and pending:
            pending.pop(0)
    at = next((i for i, word in enumerate(pending) if (word.text or "")[:1] in ("-", "(", "!", ")")), len(pending))
    if any(word.text == "-follow" for word in pending[at:]):
        options.append("-L")
    last = [each for each in options if each in ("-H", "-L", "-P")][-1:]
    return frozenset(last), pending[:at], pending[at:]


def _follows(options: frozenset[str], starts: Sequence[Word]) -> bool:  # noqa: ARG001 - for each of them alike
    return bool(options & {"-H", "-L"})


def _matching(
    start: Target, expression: Expression, actions: frozenset[str], tree: Tree, world: World, *, everywhere: bool
) -> Iterator[Matched]:
    """Each file to which one of these actions happens, or may; `everywhere`: links are followed below the start too.

    Of a link that is followed the tests see the file behind it; what is deleted is the link.
    """
    now = world.clock.now()
    pending = [(start.written, start.real, start.entry, 0, frozenset[str]())]
    looked = 0
    while pending and looked < WALK_LIMIT:
        written, path, own, depth, above = pending.pop(0)
        looked += 1
        real, entry = _followed(path, own, tree) if everywhere and own.kind == "link" else (path, own)
        names = _names(real, tree) if entry.kind == "folder" and depth < expression.most else []
        pruned = False
        if depth >= expression.least:
            is_empty = None if names is None else not names
            done = evaluated(expression, Seen(written, entry, is_empty, now, world.files.user))
            pruned = done.pruned
            happened = [certain for action, certain in done.actions if action in actions]
            if happened:
                yield Matched(written, path, own, any(happened))
        if pruned or names is None or real in above:
            continue  # a link that leads back into itself
        for name in names:
            below = f"{real.rstrip('/')}/{name}"
            found = tree.entry(below)
            if found is not None:
                pending.append((f"{written.rstrip('/')}/{name}", below, found, depth + 1, above | {real}))


def _names(folder: str, tree: Tree) -> list[str] | None:
    try:
        return tree.names(folder)
    except OSError:
        return None


def _followed(path: str, link: Entry, tree: Tree) -> tuple[str, Entry]:
    """Where a link leads; itself where that is nowhere."""
    try:
        real = tree.real(path)
        entry = tree.entry(real)
    except OSError:
        return path, link
    return (path, link) if entry is None else (real, entry)


def _gone(
    start: Target, matching: Sequence[Matched], host: HostState, world: World
) -> tuple[tuple[Effect, ...], HostState]:
    """The deletion of what matches: a few files by name, or the folder and their number."""
    why = "find deletes it"
    files = [each for each in matching if each.entry.kind != "folder"]
    if not files:
        return (), host
    after = places.without(host, *(each.real for each in files))
    among = uses.table(world)
    if len(files) <= NAMED:
        lost: list[Effect] = []
        for each in files:
            lost += places.lost(each.real, each.entry, why, host, world, among)
            host = places.without(host, each.real)
        return tuple(lost), host
    own = [each for each in files if each.real not in host.made]
    size = _together(own or files)
    what, users = places.meaning(start.real, start.entry, host, world)
    used = uses.of(start.real, world, among)
    passing = what is None and all(places.passing(places.on_disk(each.real, host), world) for each in own)
    what = what or _precious(own, after, world)
    told = f"find deletes {len(files)} files in it" + (f": {what}" if what else "")
    needed = places.in_use(what, users, used)
    data_lost = size.bytes != 0 and bool(own) and not passing
    return (Effect("delete", "path", start.real, data_lost, told, size, (*users, *used.by), needed),), after


def _precious(files: Sequence[Matched], after: HostState, world: World) -> str | None:
    tree = places.tree(after, world)
    found = (precious.what(each.real, each.entry, tree, world) for each in files[: precious.LOOKED_AT])
    return next((each for each in found if each is not None), None)


def _together(files: Sequence[Matched]) -> Size:
    newest = max(each.entry.written_at for each in files)
    return Size(sum(each.entry.size for each in files), len(files) >= WALK_LIMIT, newest)
