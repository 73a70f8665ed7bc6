"""ln, rename: another name for what is there, and the file that had the name before."""

from collections.abc import Callable, Mapping

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import of, shown
from runaway_watchdog.effects.host import asked, backups, places
from runaway_watchdog.effects.host.losing import removed
from runaway_watchdog.effects.host.targets import Target, absolute, existing
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.world import World


def _link(command: Command, host: HostState, world: World) -> Outcome:
    """ln: with -f the file that has the name is lost; without it ln refuses."""
    words = of(command, "-t --target-directory -S --suffix")
    into = words.value("-t", "--target-directory")
    operands = words.operands
    sources, last = (operands, Word(into, into)) if into is not None else (operands[:-1], (operands or (None,))[-1])
    if len(operands) == 1 and into is None:
        sources, last = operands, Word(".", ".")
    target = None if last is None else absolute(last, command)
    if target is None:
        return Outcome((), host, (f"where `{shown(command)}` makes its link is only known when it runs",))
    tree = places.tree(host, world)
    straight = words.has("-n", "--no-dereference", "-T", "--no-target-directory")
    folder = tree.entry(tree.real(target, follow_last=not straight))
    inside = folder is not None and folder.kind == "folder" and not words.has("-T", "--no-target-directory")
    outcome = Outcome((), host)
    if len(sources) > 1 and not inside:
        return outcome  # refused: several need a folder
    for source in sources:
        name = (source.text or source.raw).rstrip("/").rpartition("/")[2]
        if inside and source.text is None:
            return outcome._replace(unknown=(f"what `{shown(command)}` makes a link of is only known when it runs",))
        outcome = _linked(source, f"{target}/{name}" if inside else target, command, outcome, world)
    return outcome


def _linked(source: Word, name: str, command: Command, before: Outcome, world: World) -> Outcome:
    words = of(command, "-t --target-directory -S --suffix")
    host = before.host
    tree = places.tree(host, world)
    real = tree.real(name, follow_last=False)
    over = tree.entry(real)
    effects, unknown = before.effects, before.unknown
    soft = words.has("-s", "--symbolic")
    if over is not None:
        forced = words.has("-f", "--force") or (words.has(*asked.ASKS) and asked.answered(command))
        own = absolute(source, command)
        itself = None if own is None else tree.real(own, follow_last=False)
        there = None if itself is None else tree.entry(itself)
        if itself == real or (own is not None and not soft and (there is None or there.kind == "folder")):
            return before  # the same file, or none that a hard link can be made of
        backed = backups.asked_for(words, command)
        if over.kind == "folder" or not (forced or backed):
            return before  # refused
        if backed:
            outcome = backups.kept(real, words, command, host, world)
            effects, host, unknown = (*effects, *outcome.effects), outcome.host, (*unknown, *outcome.unknown)
        else:
            found, host = removed([Target(real, real, over)], "a link takes its place", host, world)
            effects = (*effects, *found)
    points = source.text if soft else absolute(source, command)
    return Outcome(effects, places.with_made(host, real, "link", 0, points or ""), unknown)


def _rename(command: Command, host: HostState, world: World) -> Outcome:
    """util-linux's `rename FROM TO FILE…`, which writes over what is there; Perl's takes an expression and refuses."""
    words = of(command)
    if words.has("-n", "-v", "--no-act", "--nono") and words.has("-n", "--no-act", "--nono"):
        return Outcome((), host)
    texts = words.texts
    perl = bool(texts) and any(mark in texts[0] for mark in "/|$#^{")
    if perl and not words.has("-f", "--force"):
        return Outcome((), host)  # it writes over nothing, and loses nothing
    if perl or not words.complete or len(texts) < 3:
        return Outcome((), host, (f"what `{shown(command)}` calls its files is only known when it runs",))
    found: list[Effect] = []
    for target in existing(words.operands[2:], command, places.tree(host, world)).found:
        folder, _, name = target.real.rpartition("/")
        into = f"{folder}/{name.replace(texts[0], texts[1], 1)}"
        over = places.tree(host, world).entry(into)
        if into == target.real or (over is not None and (over.kind == "folder" or words.has("-o", "--no-overwrite"))):
            continue
        if over is not None:
            found += places.lost(into, over, f"{target.written} takes its place", host, world)
            host = places.without(host, into)
        found.append(Effect("change", "path", target.real, False, f"it is called {into} from then on"))
        host = places.renamed(host, target.real, into)
    return Outcome(tuple(found), host)


BY_PROGRAM: Mapping[str, Callable[[Command, HostState, World], Outcome]] = {
    "ln": _link, "rename": _rename, "rename.ul": _rename, "prename": _rename, "file-rename": _rename,
}  # fmt: skip
