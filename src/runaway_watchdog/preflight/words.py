"""One word of the shell's language, letter by letter: what is quoted, and what is put in when the line runs.

Bash's manual, "Quoting" and "Shell Parameter Expansion". The grammar tells only where a `$(…)` or `${…}` ends.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from runaway_watchdog.preflight.budget import DEPTH
from runaway_watchdog.preflight.grammar import Nested, Source, Unread

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!_-]")
_BROKEN = re.compile(r"\\\n\S")
_BRACED = re.compile(
    r"\$\{([A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*])(?:\[([@*]|[0-9]{1,4})\])?"
    r"(?:(:?[-+=?]|##?|%%?|//?|\^\^?|,,?|:(?=\s*-?[0-9]))|(?=\}))"
)
CHANGING = frozenset(("#", "##", "%", "%%", "/", "//", "^", "^^", ",", ",,", ":"))
"""Operators that change a value: what stands after them is a pattern."""
_HISTORY = re.compile(r"![A-Za-z0-9!$?#^*:%_./-]")
_ASSIGNS = re.compile(r"=|\+\+|--")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_ANSI = re.compile(
    r"\\(?:(?P<octal>[0-7]{1,3})|x(?P<hex>[0-9A-Fa-f]{1,2})|u(?P<short>[0-9A-Fa-f]{1,4})|U(?P<long>[0-9A-Fa-f]{1,8})"
    r"|c(?P<control>[\s\S])|(?P<letter>[\s\S]))"
)
_ANSI_LETTERS = {
    "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip
ENDS_WORD = frozenset(" \t\n|&;()<>")


class Letter(NamedTuple):
    """One character as it stands; "" quoted is what `''` leaves behind: a word, though an empty one."""

    text: str
    quoted: bool


class Parameter(NamedTuple):
    """`$name`, `${name}`, `${name[1]}`, or `${name:-word}` and its like."""

    name: str
    quoted: bool
    operator: str = ""
    word: tuple["Piece", ...] = ()
    braced: bool = True  # `${name}`: what follows is not part of the name
    element: str = ""  # of an array: a number, "@" or "*"


class Substitution(NamedTuple):
    """`$(…)`, backquotes or `<(…)`: the text that a shell would run."""

    script: str
    quoted: bool
    is_file: bool = False  # <(…): the word is the name of a pipe


class Opaque(NamedTuple):
    """Something whose value is only known when the line runs; `inside`: what runs for it."""

    quoted: bool
    inside: tuple[Substitution, ...] = ()
    changes: frozenset[str] = frozenset()  # variables that it may set: `$((i++))`


Piece = Letter | Parameter | Substitution | Opaque
Pieces = tuple[Piece, ...]


class Lexer:
    """Reads words out of one source."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._text = source.text
        self._depth = 0

    def word(self, start: int, limit: int) -> tuple[Pieces, int]:
        """The word that starts here, and where it ends: at a blank, an operator or `limit`. Raises Unread."""
        pieces, position = self._until(start, limit, quoted=False, stop=lambda at: self._text[at] in ENDS_WORD)
        if position > limit:
            raise Unread(self._text[start:position], "the shell grammar ends this word elsewhere")
        return pieces, position

    def document(self, start: int, end: int) -> Pieces:
        """A here-document's body: expanded as in double quotes, which themselves mean nothing in it. Raises Unread."""
        return self._until(start, end, quoted=True, stop=lambda _: False, document=True)[0]

    def _until(
        self, position: int, limit: int, *, quoted: bool, stop: Callable[[int], bool], document: bool = False
    ) -> tuple[Pieces, int]:
        pieces: list[Piece] = []
        while position < limit:
            nested = self._source.nested_at(position)
            if not quoted and nested is not None and nested.kind == "process_substitution":
                pieces.append(Substitution(self._text[position + 2 : nested.end - 1], quoted, is_file=True))
                position = nested.end
                continue
            if stop(position):
                break
            found, position = self._piece(position, limit, quoted=quoted, document=document)
            pieces.extend(found)
        return tuple(pieces), position

    def _piece(self, at: int, limit: int, *, quoted: bool, document: bool) -> tuple[Pieces, int]:
        letter = self._text[at]
        if letter == "\\":
            return self._backslash(at, limit, quoted=quoted, document=document)
        if letter == "$":
            return self._dollar(at, limit, quoted=quoted)
        if letter == "`":
            return self._backquotes(at, quoted=quoted, in_quotes=quoted and not document)
        if letter == '"' and not document:
            return self._double(at, limit)
        if letter == "'" and not quoted:
            end = self._find("'", at + 1, limit, at)
            return _letters(self._text[at + 1 : end]), end + 1
        if letter == "!" and not document and self._is_history(at):
            return (Opaque(quoted),), at + 1
        return (Letter(letter, quoted),), at + 1

    def _backslash(self, at: int, limit: int, *, quoted: bool, document: bool) -> tuple[Pieces, int]:
        following = self._text[at + 1 : at + 2] if at + 1 < limit else ""
        if following == "\n":
            return (), at + 2
        if not following and self._text[at + 1 : at + 2] == "\n":
            if at + 2 < len(self._text):
                raise Unread(self._text[at:], "the shell grammar ends this line elsewhere")
            return (), limit
        if not following or (quoted and following not in ('$`\\"' if not document else "$`\\")):
            return (Letter("\\", quoted or not following),), at + 1
        return (Letter(following, quoted=True),), at + 2

    def _double(self, at: int, limit: int) -> tuple[Pieces, int]:
        pieces, end = self._until(at + 1, limit, quoted=True, stop=lambda here: self._text[here] == '"')
        if end >= limit:
            raise Unread(self._text[at:], "a quotation mark is not closed")
        return (Letter("", quoted=True), *pieces), end + 1

    def _dollar(self, at: int, limit: int, *, quoted: bool) -> tuple[Pieces, int]:
        following = self._text[at + 1 : at + 2] if at + 1 < limit else ""
        if following in {"(", "{", "["} and following:
            return self._nested(at, quoted=quoted)
        if following == "'" and not quoted:
            end = self._closing_ansi(at, limit)
            return _ansi(self._text[at + 2 : end]), end + 1
        if following == '"' and not quoted:
            return self._double(at + 1, limit)
        name = _NAME.match(self._text, at + 1, limit)
        if _BROKEN.match(self._text, name.end() if name else at + 1):
            raise Unread(self._text[at:], "a name is broken by the end of a line")
        if name is None:
            return (Letter("$", quoted),), at + 1
        return (Parameter(name.group(), quoted, braced=False),), name.end()

    def _nested(self, at: int, *, quoted: bool) -> tuple[Pieces, int]:
        nested = self._source.nested_at(at)
        if nested is None:
            raise Unread(self._text[at:], "where this ends was not found")
        if nested.kind == "command_substitution":
            return (Substitution(self._text[at + 2 : nested.end - 1], quoted),), nested.end
        if nested.kind == "expansion":
            return (self._expansion(nested, quoted=quoted),), nested.end
        return (self._opaque(nested, quoted=quoted),), nested.end

    def _expansion(self, nested: Nested, *, quoted: bool) -> Piece:
        braced = _BRACED.match(self._text, nested.start, nested.end)
        if braced is None:
            return self._opaque(nested, quoted=quoted)
        name, index, operator = braced.group(1), braced.group(2) or "", braced.group(3) or ""
        if index and operator:
            return self._opaque(nested, quoted=quoted)
        if not operator:
            return Parameter(name, quoted, element=index)
        inner = nested.end - 1
        if quoted and "'" in self._text[braced.end() : inner]:
            return self._opaque(nested, quoted=quoted)  # what a ' means in here differs from shell to shell
        if self._depth > DEPTH:
            raise Unread(self._text[nested.start : nested.end], "it is nested too deep to be read")
        self._depth += 1
        plain = quoted and operator not in CHANGING  # a pattern is one in double quotes too
        word, _ = self._until(braced.end(), inner, quoted=plain, stop=lambda _: False)
        self._depth -= 1
        return Parameter(name, quoted, operator, word)

    def _opaque(self, nested: Nested, *, quoted: bool) -> Opaque:
        text = self._text[nested.start : nested.end]
        return Opaque(quoted, self.inside(nested.start + 1, nested.end), changed_names(text))

    def inside(self, start: int, end: int) -> tuple[Substitution, ...]:
        """The substitutions of a part that is not read further: they run all the same. Raises Unread."""
        found: list[Substitution] = []
        for each in self._source.substitutions(start, end):
            if self._text[each.start] == "`":
                pieces, _ = self._backquotes(each.start, quoted=True, in_quotes=False)
                found.extend(piece for piece in pieces if isinstance(piece, Substitution))
            else:
                found.append(Substitution(self._text[each.start + 2 : each.end - 1], quoted=True))
        return tuple(found)

    def _backquotes(self, at: int, *, quoted: bool, in_quotes: bool) -> tuple[Pieces, int]:
        """In backquotes a backslash before $, ` or \\ (in double quotes also ") is taken off before the shell reads."""
        end = at + 1
        while end < len(self._text) and self._text[end] != "`":
            end += 2 if self._text[end] == "\\" else 1
        nested = self._source.nested_at(at)
        if end >= len(self._text) or (nested is not None and nested.end != end + 1):
            raise Unread(self._text[at:], "where these backquotes end was not found")
        script = re.sub(r'\\([$`\\"])' if in_quotes else r"\\([$`\\])", r"\1", self._text[at + 1 : end])
        return (Substitution(script, quoted),), end + 1

    def _closing_ansi(self, at: int, limit: int) -> int:
        end = at + 2
        while end < limit and self._text[end] != "'":
            end += 2 if self._text[end] == "\\" else 1
        if end >= limit:
            raise Unread(self._text[at:], "a quotation mark is not closed")
        return end

    def _find(self, mark: str, start: int, limit: int, at: int) -> int:
        end = self._text.find(mark, start, limit)
        if end < 0:
            raise Unread(self._text[at:], "a quotation mark is not closed")
        return end

    def _is_history(self, at: int) -> bool:
        """`!!`, `!$`, `!docker`: an interactive shell puts an earlier line here (bash: not after [, $ or {)."""
        return _HISTORY.match(self._text, at) is not None and self._text[at - 1 : at] not in {"[", "$", "{"}


def _letters(text: str) -> Pieces:
    return (Letter("", quoted=True), *(Letter(letter, quoted=True) for letter in text))


def _ansi(text: str) -> Pieces:
    """The inside of $'…'. A number past ASCII may be half a letter, or one that the locale does not have: not known."""
    letters: list[str] = []
    position = 0
    for found in _ANSI.finditer(text):
        letters.append(text[position : found.start()])
        position = found.end()
        letter = _ansi_letter(found)
        if letter is None:
            return (Opaque(quoted=True),)
        if letter == "\0":  # bash ends the string here
            return _letters("".join(letters))
        letters.append(letter)
    return _letters("".join(letters) + text[position:])


def _ansi_letter(found: re.Match[str]) -> str | None:
    if plain := found["letter"]:
        return _ANSI_LETTERS.get(plain, found.group())
    if control := found["control"]:
        return chr(ord(control.upper()) & 0x1F) if control.isascii() and control != "\\" else None
    if number := found["octal"] or found["hex"]:
        code = int(number, 8 if found["octal"] else 16) & 0xFF
        return chr(code) if code < 0x80 else None
    code = int(found["short"] or found["long"], 16)
    return chr(code) if code < 0x80 else None


def changed_names(arithmetic: str) -> frozenset[str]:
    """Every name in it, where anything in it assigns."""
    assigns = _ASSIGNS.search(arithmetic) is not None
    return frozenset(_IDENTIFIER.findall(arithmetic)) if assigns else frozenset()
