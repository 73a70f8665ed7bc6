"""A program's options, as getopt reads them: which words belong to the wrapper, and where the command inside starts."""

from typing import NamedTuple

from runaway_watchdog.effects.long_options import whole
from runaway_watchdog.model.command import Word
from runaway_watchdog.preflight.grammar import Unread

Words = tuple[Word, ...]


class Options(NamedTuple):
    """The options that a program knows before its operands. One that is not listed makes the command unreadable."""

    flags: str = ""  # short, without a value
    valued: str = ""  # short, with one
    long_flags: frozenset[str] = frozenset()
    long_valued: frozenset[str] = frozenset()
    numeric: bool = False  # -19, as nice takes it


class Taken:
    """What was chosen: option (without dashes) -> its last value, None for a flag; and the words that are left."""

    __slots__ = ("chosen", "rest")

    def __init__(self) -> None:
        self.chosen: dict[str, Word | None] = {}
        self.rest: Words = ()

    def has(self, *names: str) -> bool:
        return any(name in self.chosen for name in names)

    def value(self, *names: str) -> Word | None:
        return next((self.chosen[name] for name in names if name in self.chosen), None)


class Inner(NamedTuple):
    """What a wrapper runs: a command, or a text that a shell reads."""

    words: Words = ()
    script: Word | None = None
    positional: Words = ()  # the script's $1, $2 …
    assigned: tuple[tuple[str, str | None], ...] = ()
    user: str | None = None  # who runs it then, "" where that is not known; None: who has run it so far
    filters: bool = False  # another user's environment: what is exported may not get through
    settled: bool = False  # HOME, USER and LOGNAME are that user's own
    cleared: bool = False  # env -i
    moved: bool = False  # to a folder that is `folder`
    folder: str | None = None
    repeated: bool = False  # may run never, once or often
    remote: bool = False
    detached: bool = False  # it goes on in the background, or may: what follows does not wait for it
    writes: Word | None = None  # a file that the wrapper itself writes over
    in_shell: bool = False  # the shell itself goes on: its builtins and functions count (`command`, `time`)


def take(words: Words, options: Options) -> Taken:
    """The options after the program's own name. Raises Unread for one that is not known."""
    taken = Taken()
    position = 1
    while position < len(words):
        text = known(words, position)
        if text == "--":
            position += 1
            break
        if not text.startswith("-") or text == "-":
            break
        if text.startswith("--"):
            position = _long(words, position, options, taken)
        else:
            position = _short(words, position, options, taken)
    taken.rest = words[position:]
    return taken


def known(words: Words, position: int) -> str:
    """A word that decides what is run. Raises Unread where it is not known."""
    word = words[position]
    if word.text is None:
        raise Unread(_shown(words), f"what {word.raw or 'comes after it'} stands for is only known when it runs")
    return word.text


def _long(words: Words, position: int, options: Options, taken: Taken) -> int:
    written, equals, value = known(words, position)[2:].partition("=")
    name = whole(written, options.long_flags | options.long_valued)
    if name in options.long_flags and not equals:
        taken.chosen[name] = None
        return position + 1
    if name not in options.long_valued:
        raise Unread(_shown(words), f"the option --{name} is not known here")
    if equals:
        taken.chosen[name] = Word(value, words[position].raw)
        return position + 1
    return _with_next(words, position, name, taken)


def _short(words: Words, position: int, options: Options, taken: Taken) -> int:
    letters = known(words, position)[1:]
    if options.numeric and letters.isdigit():
        return position + 1
    for index, letter in enumerate(letters):
        if letter in options.flags:
            taken.chosen[letter] = None
        elif letter not in options.valued:
            raise Unread(_shown(words), f"the option -{letter} is not known here")
        elif value := letters[index + 1 :]:
            taken.chosen[letter] = Word(value, words[position].raw)
            return position + 1
        else:
            return _with_next(words, position, letter, taken)
    return position + 1


def _with_next(words: Words, position: int, name: str, taken: Taken) -> int:
    if position + 1 >= len(words):
        raise Unread(_shown(words), f"the option {name} has no value")
    taken.chosen[name] = words[position + 1]
    return position + 2


def _shown(words: Words) -> str:
    return " ".join(word.raw for word in words)
