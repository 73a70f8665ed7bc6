"""cp, install and mv: what of the target is written over, and what is there afterwards under another name."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import Arguments, of, shown
from runaway_watchdog.effects.host import asked, backups, places, uses
from runaway_watchdog.effects.host.losing import SINKS, overwritten
from runaway_watchdog.effects.host.targets import Target, absolute, existing
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.world import World
from runaway_watchdog.world.paths import Entry, Tree, under

UPDATE = ("-u", "--update")
WALK_LIMIT = 20_000
REMEMBERED = 500
"""Files of a copied folder that are known by name afterwards."""


class Pair(NamedTuple):
    """A source, and the path that it will have. Folders of the path may be links."""

    source: Target
    into: str


def _copy(command: Command, host: HostState, world: World) -> Outcome:
    """cp and install: a file of that name in the target is written over, whatever the source is."""
    words = of(command, "-t --target-directory -S --suffix" + (INSTALL if command.program == "install" else ""))
    if command.program == "install" and words.has("-d", "--directory"):
        for path in existing(words.operands, command, places.tree(host, world), follow=True).absent:
            host = places.with_made(host, path, "folder")
        return Outcome((), host)
    found, unknown = pairs(words, command, host, world)
    if words.has("--attributes-only"):
        return Outcome((), host, tuple(unknown))
    deep = words.has("-r", "-R", "-a", "--recursive", "--archive")
    host, over, more = _copied(found, host, world, deep=deep, links=deep or words.has("-P", "-d", "--no-dereference"))
    if asked.keeps(words, command) or _refuses_links(words, command):
        over = []
    if words.has(*UPDATE):
        over = [(source, into) for source, into in over if source.written_at > into.entry.written_at]
    if backups.asked_for(words, command):
        return _backed_up(over, words, command, Outcome((), host, (*unknown, *more)), world)
    names = [Word(into.real, into.real) for _, into in over]
    outcome = overwritten(names, command, host, world, f"{command.program} overwrites it")
    return outcome._replace(unknown=(*unknown, *more, *outcome.unknown))


def _backed_up(
    over: list[tuple[Entry, Target]], words: Arguments, command: Command, before: Outcome, world: World
) -> Outcome:
    effects: list[Effect] = []
    unknown = list(before.unknown)
    host = before.host
    for source, into in over:
        outcome = backups.kept(into.real, words, command, host, world)
        effects += outcome.effects
        unknown += outcome.unknown
        host = places.with_made(outcome.host, into.real, "file", source.size)
    return Outcome(tuple(effects), host, tuple(unknown))


def _refuses_links(words: Arguments, command: Command) -> bool:
    """cp -l and -s make links in the place of copies: not where something is, without -f."""
    links = command.program == "cp" and words.has("-l", "--link", "-s", "--symbolic-link")
    return links and not words.has("-f", "--force", "--remove-destination")


INSTALL = " -m --mode -o --owner -g --group --strip-program"


def _copied(
    found: list[Pair], host: HostState, world: World, *, deep: bool, links: bool
) -> tuple[HostState, list[tuple[Entry, Target]], list[str]]:
    """The host with what is new in it; each file that is written over, after what comes in its place; and doubts."""
    over: list[tuple[Entry, Target]] = []
    unknown: list[str] = []
    for source, into in found:
        tree = places.tree(host, world)
        real, entry = source.real, source.entry
        if entry.kind == "link" and not links:
            real = tree.real(source.real)
            followed = tree.entry(real)
            if followed is None:
                continue  # it points to nothing: nothing is copied
            entry = followed
        if entry.kind == "folder" and (not deep or tree.real(into) == real):
            continue
        parts = [("", entry), *_below(real, tree)] if entry.kind == "folder" else [("", entry)]
        if len(parts) > WALK_LIMIT:
            unknown.append(f"{real} holds more files than could be looked at")
        for below, each in parts:
            target = tree.real(into + below)
            there = tree.entry(target)
            if there is None:
                if below.count("/") < 2 or len(host.made) < REMEMBERED:
                    host = places.with_made(host, target, each.kind if each.kind == "folder" else "file", each.size)
            elif there.kind != "folder" and each.kind != "folder" and target != real + below:
                over.append((each, Target(target, target, there)))
    return host, over, unknown


def _below(real: str, tree: Tree) -> Iterator[tuple[str, Entry]]:
    return ((path[len(real.rstrip("/")) :], entry) for path, entry in islice(tree.below(real, WALK_LIMIT), WALK_LIMIT))


def _move(command: Command, host: HostState, world: World) -> Outcome:
    """mv: the source has another name from then on, and a file of that name in the target is lost."""
    words = of(command, "-t --target-directory -S --suffix")
    found, unknown = pairs(words, command, host, world)
    keeps = asked.keeps(words, command, "-f", "--force")
    effects: list[Effect] = []
    among = uses.table(world) if len(found) > 1 else None
    for source, into in found:
        tree = places.tree(host, world)
        real = tree.real(into, follow_last=False)
        over = tree.entry(real)
        if real == source.real or under(real, source.real) or (over is not None and _stays(words, source, over, keeps)):
            continue
        if SINKS.fullmatch(real):
            effects += places.lost(source.real, source.entry, f"it is put in the place of {real}", host, world, among)
            host = places.without(host, source.real)
            continue
        if over is not None and over.kind == "folder" and (source.entry.kind != "folder" or tree.names(real)):
            continue  # refused: not a folder, or not empty
        if over is not None and over.kind != "folder":
            if source.entry.kind == "folder":
                continue  # refused too
            if backups.asked_for(words, command):
                outcome = backups.kept(real, words, command, host, world)
                effects += outcome.effects
                unknown += outcome.unknown
                host = outcome.host
            else:
                effects += places.lost(real, over, f"{source.written} takes its place", host, world, among)
                host = places.without(host, real)
        effects.append(_named_anew(source, real, host, world))
        host = places.renamed(host, source.real, real)
    return Outcome(tuple(effects), host, tuple(unknown))


def _stays(words: Arguments, source: Target, over: Entry, keeps: bool) -> bool:
    return keeps or (words.has(*UPDATE) and over.written_at >= source.entry.written_at)


def _named_anew(source: Target, real: str, host: HostState, world: World) -> Effect:
    what, users = (None, ()) if source.real in host.made else places.meaning(source.real, source.entry, host, world)
    why = f"it is called {real} from then on" + (f": {what}" if what else "")
    return Effect("change", "path", source.real, False, why, None, users)


def pairs(words: Arguments, command: Command, host: HostState, world: World) -> tuple[list[Pair], list[str]]:
    """Every source that is there, with the path that it will have; and what is not known of either."""
    tree = places.tree(host, world)
    into = words.value("-t", "--target-directory")
    operands = words.operands
    last = Word(into, into) if into is not None else operands[-1] if len(operands) > 1 else None
    sources = operands if into is not None else operands[:-1]
    target = None if last is None else absolute(last, command)
    if last is None:
        return [], [] if words.complete and len(operands) < 2 else [_where(command)]
    if target is None:
        return [], [_where(command)]
    folder = tree.entry(tree.real(target))
    inside = folder is not None and folder.kind == "folder" and not words.has("-T", "--no-target-directory")
    found: list[Pair] = []
    unknown: list[str] = []
    if not inside and (len(sources) > 1 or words.has("--parents") or into is not None):
        return [], []  # refused: several need a folder
    for word in sources:
        for source in _sources(word, command, tree, unknown, inside=inside):
            found.append(Pair(source, _name(target, source.written, word, words) if inside else target))
    return found, unknown


def _where(command: Command) -> str:
    return f"where `{shown(command)}` writes to is only known when it runs"


def _sources(word: Word, command: Command, tree: Tree, unknown: list[str], *, inside: bool) -> list[Target]:
    """What a word names. One whose name is not known is written over a file all the same."""
    path = absolute(word, command)
    if path is None and not inside:
        return [Target(word.raw, "", Entry("other", 0, places.LATER, 0))]
    if path is not None and SINKS.fullmatch(path):
        return [Target(path, path, Entry("device", 0, places.LATER, 0))]
    there = existing([word], command, tree)
    unknown += there.unknown
    return list(there.found)


def _name(folder: str, written: str, word: Word, words: Arguments) -> str:
    """`cp -r a/. b` copies what is in a into b itself; `--parents` keeps the whole path."""
    plain = written.rstrip("/")
    last = plain.rpartition("/")[2]
    if last in (".", ".."):
        return folder
    return f"{folder.rstrip('/')}/{(word.text or '').strip('/') if words.has('--parents') else last}"


BY_PROGRAM: Mapping[str, Callable[[Command, HostState, World], Outcome]] = {
    "cp": _copy, "install": _copy, "mv": _move,
}  # fmt: skip
