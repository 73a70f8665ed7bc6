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
    absent: tuple[str, ...] = ()  # real paths of those that are not there yet


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
    return (_matching(path, tree) if word.globbing else ()) or (path,)


def _matching(pattern: str, tree: Tree) -> tuple[str, ...]:
    """With a "/" at its end a pattern names folders alone, each with that "/"."""
    found = tree.glob(pattern)[:GLOB_LIMIT]
    if not pattern.endswith("/"):
        return tuple(found)
    return tuple(f"{each}/" for each in found if _is_folder(each, tree))


def _is_folder(path: str, tree: Tree) -> bool:
    try:
        entry = tree.entry(tree.real(path))
    except OSError:
        return False
    return entry is not None and entry.kind == "folder"


def spread(command: Command, tree: Tree) -> Command:
    """The command with the names that its patterns match in their place: what the shell would give it.

    A pattern that matches nothing stays as it is written, and names a file of that very name.
    """
    if not any(word.globbing for word in command.words):
        return command
    return command._replace(words=tuple(one for word in command.words for one in _spread(word, command, tree)))


def spread_one(command: Command, tree: Tree) -> Command:
    """The same for patterns that match one name: whatever the program makes of its words, that is what it is given."""
    words = []
    for word in command.words:
        names = _spread(word, command, tree) if word.globbing else ()
        words.append(names[0] if len(names) == 1 and names[0].text != word.text else word)
    return command._replace(words=tuple(words))


def _spread(word: Word, command: Command, tree: Tree) -> tuple[Word, ...]:
    path = absolute(word, command)
    if not word.globbing or path is None or word.text is None:
        return (word,)
    above = "" if word.text.startswith("/") else path[: -len(word.text)]
    names = _matching(path, tree) or (path,)
    return tuple(Word(name.removeprefix(above), word.raw) for name in names)


def existing(words: Sequence[Word], command: Command, tree: Tree, *, follow: bool = False) -> Targets:
    """Those of the words that are there. A link that ends in "/" is followed, as the kernel does."""
    found: dict[str, Target] = {}
    absent: list[str] = []
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
            if entry is None:
                absent.append(real)
            else:
                found.setdefault(real, Target(name, real, entry))
    return Targets(tuple(found.values()), tuple(unknown), tuple(absent))


def _which(word: Word, command: Command) -> str:
    if word.text:
        return f"which folder `{shown(command)}` runs in is not known, and so not what {word.text} is"
    return f"which file {word.raw} is in `{shown(command)}` is only known when it runs"
