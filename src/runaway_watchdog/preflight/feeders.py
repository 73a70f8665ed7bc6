"""Commands that put together other commands from what they are given: xargs from its input, find from what it finds."""

import shlex
from collections.abc import Sequence
from typing import NamedTuple

from runaway_watchdog.model.command import Command, Script, Word
from runaway_watchdog.preflight.budget import TURNS
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


class Xargs(NamedTuple):
    """How xargs is called. `mark` is what -I puts each line in place of; `at_most` how many words one run is given."""

    command: Words
    mark: Word | None
    file: Word | None
    at_most: int | None
    by_lines: bool  # -L: `at_most` is of lines
    whole_lines: bool  # -0, -d '\\n': a line is one word
    not_empty: bool  # -r: without input it runs nothing
    plain: bool  # how it parts its input is told here


def xargs(words: Words) -> Xargs:
    """Raises Unread for an option that is not known."""
    taken = take(words, _XARGS)
    mark = taken.value("I", "replace")
    if mark is None and (taken.has("i") or taken.has("replace")):
        mark = Word("{}", "{}")
    counted = taken.value("n", "max-args", "L", "max-lines", "l")
    delimiter = taken.value("d", "delimiter")
    text = None if counted is None else counted.text
    return Xargs(
        taken.rest or (Word("echo", "echo"),),
        mark,
        taken.value("a", "arg-file"),
        int(text) if text is not None and text.isascii() and text.isdigit() and text != "0" else None,
        taken.has("L", "max-lines", "l"),
        taken.has("0", "null") or (delimiter is not None and delimiter.text == "\\n"),
        taken.has("r", "no-run-if-empty"),
        (delimiter is None or delimiter.text == "\\n")
        and not taken.has("E", "e")
        and (counted is None or text is not None),
    )


def fed(read: Xargs, lines: Sequence[str] | None, source: Script | None) -> Sequence[Words]:
    """The commands that xargs runs of these lines; of lines that are not known one that stands for all."""
    if lines is None or not read.plain or (read.mark is not None and (read.mark.text is None or len(lines) > TURNS)):
        return [_unfed(read, source)]
    if read.mark is not None:
        marked = [line.lstrip() for line in lines if line.strip()]
        return [tuple(_put(word, read.mark.text or "", line) for word in read.command) for line in marked]
    rows = [[line] for line in lines if line] if read.whole_lines else [row for row in map(_parts, lines) if row != []]
    parts = [row for row in rows if row is not None]
    if len(parts) < len(rows):
        return [_unfed(read, source)]
    units = parts if read.by_lines else [[each] for row in parts for each in row]
    size = read.at_most or max(1, len(units))
    size = size if len(units) <= TURNS * size else len(units)  # more runs than are read: as if it were one
    runs = [units[at : at + size] for at in range(0, len(units), size)] or ([] if read.not_empty else [[]])
    return [(*read.command, *(Word(each, each) for unit in run for each in unit)) for run in runs]


def _unfed(read: Xargs, source: Script | None) -> Words:
    given = (Word(None, "", answers=source),)
    if read.mark is None:
        return (*read.command, *given)
    return tuple(one for word in read.command for one in _replaced(word, read.mark.text, given))


def _parts(line: str) -> list[str] | None:
    """The words of one line of input; None where its quotation marks do not match."""
    try:
        return shlex.split(line)
    except ValueError:
        return None


def _put(word: Word, mark: str, line: str) -> Word:
    if word.text is None or mark not in word.text:
        return word if word.text is not None else Word(None, word.raw)
    return Word(word.text.replace(mark, line), word.raw)


def contents(file: Word, folder: str | None) -> Script:
    """What `< file` gives: the output of `cat file`."""
    return Script((Command((Word("cat", "cat"), file), folder=folder, text=f"cat {file.raw}"),))


class Action(NamedTuple):
    """What one `-exec COMMAND {} ;` of find runs; `before` is the search that answers what `{}` stands for."""

    command: Words
    before: Script | None
    each: bool  # once for each file; with + for all of them together
    in_folder: bool  # -execdir: in the folder of the file

    def of(self, *paths: str) -> Words:
        """The command for these files."""
        if not self.each:
            given = tuple(Word(path, "{}") for path in paths)
            return tuple(one for word in self.command for one in (given if word.text == "{}" else (word,)))
        return tuple(_put(word, "{}", paths[0]) for word in self.command)

    def spread(self) -> Words:
        """The command with all that is found, which is not known yet, in place of `{}`."""
        given = (Word(None, "{}", answers=self.before),)
        return tuple(one for word in self.command for one in _replaced(word, "{}", given))


def find(words: Words, folder: str | None) -> tuple[Action, ...]:
    """What `find … -exec COMMAND {} ;` runs."""
    found: list[Action] = []
    if sum(word.text in _EXEC for word in words) > _ACTIONS:
        raise Unread(" ".join(word.raw for word in words[:_ACTIONS]), "it runs more commands than are read")
    position = 1
    while position < len(words):
        if words[position].text in _EXEC:
            end = _end(words, position)
            command = words[position + 1 : end]
            if command:
                in_folder = known(words, position).endswith("dir")
                found.append(Action(command, _before(words[:position], folder), words[end].text == ";", in_folder))
            position = end
        position += 1
    return tuple(found)


def parted(path: str, folder: str | None) -> tuple[str | None, str]:
    """The folder and the name of a file that find prints."""
    above, _, name = path.rpartition("/")
    if path.startswith("/"):
        return above or "/", name
    return None if folder is None else f"{folder.rstrip('/')}/{above}".rstrip("/"), name


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
