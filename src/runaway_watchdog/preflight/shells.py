"""How a shell, or `exec`, is called: what it is told to run."""

from typing import NamedTuple

from runaway_watchdog.model.command import Word
from runaway_watchdog.preflight.options import Options, Words, known, take

_VALUED = frozenset(("--rcfile", "--init-file"))


class Invoked(NamedTuple):
    """What a shell is told to run: `-c` text, a file with its arguments, or (neither) its standard input."""

    script: Word | None = None
    file: Words = ()
    positional: Words = ()
    only_told: bool = False  # --version, --help


def invoked(words: Words) -> Invoked:
    """`sh [options] [-c TEXT [name [argument…]] | FILE [argument…] | -s [argument…]]`. Raises Unread."""
    position = 1
    letters = ""
    while position < len(words):
        text = known(words, position)
        if text in {"-", "--"}:
            position += 1
            break
        if not text.startswith(("-", "+")):
            break
        if text in {"--version", "--help"}:
            return Invoked(only_told=True)
        if not text.startswith("--"):
            letters += text[1:] if text[0] == "-" else ""
            position += text[-1] in "oO"
        position += 1 + (text in _VALUED)
    rest = words[position:]
    if "c" in letters:
        return Invoked(script=rest[0] if rest else Word("", ""), positional=rest[2:])
    if "s" in letters or not rest:
        return Invoked(positional=rest)
    return Invoked(file=rest)


def executed(words: Words) -> Words:
    """The command of `exec [-cl] [-a name] command`; nothing where it only redirects. Raises Unread."""
    return take(words, Options("cl", "a")).rest
