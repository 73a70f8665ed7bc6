"""One simple command as it is written: assignments, words and redirections, before anything is expanded."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from runaway_watchdog.preflight.grammar import HereDocument, Source, Unread
from runaway_watchdog.preflight.words import Letter, Lexer, Opaque, Piece, Pieces, Substitution

_SKIPPED = re.compile(r"(?:[ \t]|\\\n)*")
_PARTED = re.compile(r"(?:\s|\\\n|(?<=\s)#[^\n]*)*")
_REDIRECTION = re.compile(r"(?P<fd>\d+|\{\w+\})?(?P<operator>&>>|&>|>>|>\||>&|<>|<<<|<<-|<<|<&|>|<)")
_ASSIGNED = re.compile(r"(?P<name>[A-Za-z_]\w*)(?P<index>\[[^\]\s]*\])?(?P<operator>\+?=)", re.ASCII)

DECLARING = frozenset(("declare", "export", "local", "readonly", "typeset"))
"""Builtins whose arguments are assignments: not split, not matched against files."""


class Raw(NamedTuple):
    """A word as it stands, and its pieces."""

    text: str
    pieces: Pieces


class Assignment(NamedTuple):
    """`NAME=value`; `value` None for an array or one element of it: then what runs in it is told, and of an array
    that is a plain list its elements.
    """

    name: str
    value: Raw | None
    appends: bool = False
    inside: tuple[Substitution, ...] = ()
    elements: tuple[Raw, ...] | None = None


class Redirection(NamedTuple):
    """`2> file`; for a here-document the target is its text."""

    fd: str | None
    operator: str
    target: Raw
    document: HereDocument | None = None


class Simple(NamedTuple):
    """One simple command, in the order in which it is written."""

    assignments: tuple[Assignment, ...]
    words: tuple[Raw, ...]
    redirections: tuple[Redirection, ...]
    declared: tuple[Assignment, ...] = ()  # arrays among the arguments of `declare`


class SimpleReader:
    """Reads simple commands out of one source."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lexer = Lexer(source)

    def read(self, spans: Sequence[tuple[int, int]]) -> Simple:
        """The command in these parts of the source: a here-document parts a command. Raises Unread."""
        assignments: list[Assignment] = []
        words: list[Raw] = []
        declared: list[Assignment] = []
        redirections: list[Redirection] = []
        for start, end in _joined(spans):
            position = self._skip(start)
            while position < end:
                if redirection := self._redirection(position, end):
                    redirections.append(redirection[0])
                    position = redirection[1]
                elif not words and (assignment := self.assignment(position, end)):
                    assignments.append(assignment[0])
                    position = assignment[1]
                else:
                    word, position = self._argument(words, position, end, declared)
                    words.append(word)
                position = self._skip(position)
        return Simple(tuple(assignments), tuple(words), tuple(redirections), tuple(declared))

    def words(self, start: int, end: int) -> tuple[Raw, ...]:
        """Nothing but words: those of `for x in …`. Raises Unread."""
        found: list[Raw] = []
        position = self._skip(start)
        while position < end:
            word, position = self.word(position, end)
            found.append(word)
            position = self._skip(position)
        return tuple(found)

    def inside(self, start: int, end: int) -> tuple[Substitution, ...]:
        """What runs in a part that is not read further. Raises Unread."""
        return self._lexer.inside(start, end)

    def _argument(self, words: Sequence[Raw], start: int, end: int, declared: list[Assignment]) -> tuple[Raw, int]:
        """A word; of `declare` and its like it may be an array."""
        if words and words[0].text in DECLARING:
            assignment = self.assignment(start, end)
            if assignment is not None and assignment[0].value is None:
                name = tuple(Letter(letter, quoted=False) for letter in assignment[0].name + "=")
                text = self._source.text[start : assignment[1]]
                declared.append(assignment[0])
                return Raw(text, (*name, Opaque(quoted=True, inside=assignment[0].inside))), assignment[1]
        return self.word(start, end)

    def word(self, start: int, end: int) -> tuple[Raw, int]:
        """The word that starts here, and where it ends. Raises Unread."""
        if self._source.text[start] == "#":
            raise Unread(self._source.text[start:end], "a comment stands where a command goes on")
        pieces, position = self._lexer.word(start, end)
        if position == start:
            raise Unread(self._source.text[start:end], "this does not belong to one command")
        return Raw(self._source.text[start:position], pieces), position

    def assignment(self, start: int, end: int) -> tuple[Assignment, int] | None:
        """The assignment that starts here, if one does, and where it ends. Raises Unread."""
        found = _ASSIGNED.match(self._source.text, start, end)
        if found is None:
            return None
        name, appends = found["name"], found["operator"] == "+="
        array = self._source.nested_at(found.end())
        if array is not None and array.kind == "array":
            inside = self._lexer.inside(array.start, array.end)
            return Assignment(name, None, appends, inside, self._elements(array.start + 1, array.end - 1)), array.end
        pieces, position = self._lexer.word(found.end(), end)
        if found["index"]:
            return Assignment(name, None, appends, self._lexer.inside(found.start(), position)), position
        return Assignment(name, Raw(self._source.text[found.end() : position], pieces), appends), position

    def _elements(self, start: int, end: int) -> tuple[Raw, ...] | None:
        """The words between an array's brackets; None for `[key]=value` and what is no plain word."""
        found: list[Raw] = []
        position = _between(self._source.text, start)
        while position < end:
            if self._source.text[position] == "[":
                return None
            try:
                word, position = self.word(position, end)
            except Unread:
                return None
            found.append(word)
            position = _between(self._source.text, position)
        return tuple(found)

    def _redirection(self, start: int, end: int) -> tuple[Redirection, int] | None:
        found = _REDIRECTION.match(self._source.text, start, end)
        if found is None or self._source.nested_at(found.start("operator")) is not None:
            return None
        operator = found["operator"]
        target_start = self._skip(found.end())
        if target_start >= end:
            raise Unread(self._source.text[start:end], "this redirection names no file")
        target, position = self.word(target_start, end)
        if operator not in {"<<", "<<-"}:
            return Redirection(found["fd"], operator, target), position
        document = self._source.here_document(found.start("operator"))
        return Redirection(found["fd"], operator, self._document(document), document), position

    def _document(self, document: HereDocument) -> Raw:
        text = self._source.text[document.start : document.end]
        if document.literal:
            text = _without_tabs(text) if document.strips_tabs else text
            return Raw(text, (Letter(text, quoted=True),))
        pieces = self._lexer.document(document.start, document.end)
        return Raw(text, _tabless(pieces) if document.strips_tabs else pieces)

    def _skip(self, position: int) -> int:
        found = _SKIPPED.match(self._source.text, position)
        return found.end() if found else position


def _between(text: str, position: int) -> int:
    """Past blanks, new lines and comments: what parts the elements of an array."""
    found = _PARTED.match(text, position)
    return found.end() if found else position


def _joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Parts that touch are one: in `{fd}> file` the grammar cuts a redirection in two."""
    found: list[tuple[int, int]] = []
    for start, end in spans:
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _without_tabs(text: str) -> str:
    return re.sub(r"^\t+", "", text, flags=re.MULTILINE)


def _tabless(pieces: Pieces) -> Pieces:
    """`<<-`: no tabs at the start of a line."""
    kept: list[Piece] = []
    at_start = True
    for piece in pieces:
        is_tab = isinstance(piece, Letter) and piece.text == "\t"
        if not (at_start and is_tab):
            kept.append(piece)
        at_start = (at_start and is_tab) or (isinstance(piece, Letter) and piece.text == "\n")
    return tuple(kept)
