"""Commands that put together other commands from what they are given: xargs from its input, find from what it finds."""

from runaway_watchdog.model.command import Command, Script, Word
from runaway_watchdog.preflight.grammar import Unread
from runaway_watchdog.preflight.options import Options, Words, known, take

_XARGS = Options(
    "0oprtxi", "adEILnPs",
    frozenset(("null", "open-tty", "interactive", "no-run-if-empty", "verbose", "exit", "show-limits")),
    frozenset(("arg-file", "delimiter", "max-args", "max-lines", "max-procs", "max-chars", "replace",
               "process-slot-var")),
)  # fmt: skip
_EXEC = frozenset(("-exec", "-execdir", "-ok", "-okdir"))

_ACTIONS = 20


def xargs(words: Words, given: Words, folder: str | None) -> Words:
    """The command that xargs runs, `given` (what its input becomes) appended or put in place of `-I`'s mark."""
    taken = take(words, _XARGS)
    if taken.has("a", "arg-file"):
        file = taken.value("a", "arg-file")
        given = (Word(None, "", answers=None if file is None else contents(file, folder)),)
    command = taken.rest or (Word("echo", "echo"),)
    mark = taken.value("I", "replace")
    if mark is None and taken.has("i"):
        mark = Word("{}", "{}")
    if mark is None:
        return (*command, *given)
    return tuple(one for word in command for one in _replaced(word, mark.text, given))


def contents(file: Word, folder: str | None) -> Script:
    """What `< file` gives: the output of `cat file`."""
    return Script((Command((Word("cat", "cat"), file), folder=folder, text=f"cat {file.raw}"),))


def find(words: Words, folder: str | None) -> tuple[tuple[str, Words], ...]:
    """What `find … -exec COMMAND {} ;` runs, each with its action's name; `{}` is answered by the find before it."""
    found: list[tuple[str, Words]] = []
    if sum(word.text in _EXEC for word in words) > _ACTIONS:
        raise Unread(" ".join(word.raw for word in words[:_ACTIONS]), "it runs more commands than are read")
    position = 1
    while position < len(words):
        if words[position].text in _EXEC:
            end = _end(words, position)
            given = Word(None, "{}", answers=_before(words[:position], folder))
            command = tuple(one for word in words[position + 1 : end] for one in _replaced(word, "{}", (given,)))
            if command:
                found.append((known(words, position), command))
            position = end
        position += 1
    return tuple(found)


def without_exec(words: Words) -> Words:
    """The find alone: where it looks, and what it does to what it finds by itself."""
    kept: list[Word] = []
    position = 0
    while position < len(words):
        if words[position].text in _EXEC:
            position = _end(words, position)
        else:
            kept.append(words[position])
        position += 1
    return tuple(kept)


def _end(words: Words, start: int) -> int:
    for position in range(start + 1, len(words)):
        if words[position].text == ";" or (words[position].text == "+" and words[position - 1].text == "{}"):
            return position
    raise Unread(" ".join(word.raw for word in words), "where its -exec ends was not found")


def _before(words: Words, folder: str | None) -> Script | None:
    """The same search, printing: what `{}` stands for. None inside brackets, which it would cut in two."""
    tests = without_exec(words)
    if any(word.text in {"(", "-delete"} for word in tests):
        return None
    text = " ".join(word.raw for word in tests)
    return Script((Command((*tests, Word("-print", "-print")), folder=folder, text=text),))


def _replaced(word: Word, mark: str | None, given: Words) -> Words:
    if word.text is not None and mark is not None and mark not in word.text:
        return (word,)
    if word.text == mark and mark is not None and len(given) == 1:
        return (given[0]._replace(raw=word.raw),)
    return (Word(None, word.raw),)
