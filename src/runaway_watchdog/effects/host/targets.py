"""The files that a command names: its operands, expanded and followed as the shell and the kernel would."""

from collections.abc import Sequence
from typing import NamedTuple

from runaway_watchdog.effects.arguments import shown
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.world.paths import Entry, Tree

GLOB_LIMIT = 20_000


class Target(NamedTuple):
    """One existing name that a command was given."""

    written: str  # absolute, as the command would pass it on
    real: str  # folders above it resolved; the last link only where the command follows it
    entry: Entry


class Targets(NamedTuple):
    found: tuple[Target, ...]
    unknown: tuple[str, ...]


def absolute(word: Word, command: Command) -> str | None:
    """The word as an absolute path; None where the word or the folder is not known."""
    if word.text is None or not word.text:
        return None
    if word.text.startswith("/"):
        return word.text
    return None if command.folder is None else f"{command.folder.rstrip('/')}/{word.text}"


def paths(word: Word, command: Command, tree: Tree) -> tuple[str, ...] | None:
    """What the shell makes of one word: the names that a pattern matches, else the word itself."""
    path = absolute(word, command)
    if path is None:
        return None
    if word.globbing:
        return tuple(tree.glob(path)[:GLOB_LIMIT]) or (path,)
    return (path,)


def existing(words: Sequence[Word], command: Command, tree: Tree, *, follow: bool = False) -> Targets:
    """Those of the words that are there. A link that ends in "/" is followed, as the kernel does."""
    found: dict[str, Target] = {}
    unknown: list[str] = []
    for word in words:
        names = paths(word, command, tree)
        if names is None:
            unknown.append(_which(word, command))
            continue
        for name in names:
            try:
                real = tree.real(name, follow_last=follow or name.endswith("/"))
                entry = tree.entry(real)
            except OSError as fault:
                unknown.append(f"{name} cannot be looked at ({fault.strerror}); run it with sudo")
                continue
            if entry is not None:
                found.setdefault(real, Target(name, real, entry))
    return Targets(tuple(found.values()), tuple(unknown))


def _which(word: Word, command: Command) -> str:
    if word.text:
        return f"which folder `{shown(command)}` runs in is not known, and so not what {word.text} is"
    return f"which file {word.raw} is in `{shown(command)}` is only known when it runs"
