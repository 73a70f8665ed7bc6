"""Words as a command would be given them, as far as that is known without running anything.

The order is bash's: braces, tilde, parameters and substitutions, splitting, and (left to whoever looks at the host)
the names that match.
"""

import re
from collections.abc import Callable, Sequence
from typing import Literal

from runaway_watchdog.model.command import Script, Word
from runaway_watchdog.preflight import braces, patterns
from runaway_watchdog.preflight.budget import FIELDS, TEXT, Budget
from runaway_watchdog.preflight.state import UNKNOWN, UNSET, ShellState, Value
from runaway_watchdog.preflight.words import CHANGING, Letter, Opaque, Parameter, Piece, Pieces, Substitution

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_EXTENDED = re.compile(r"[?*+@!]\(")  # `shopt -s extglob`, on in most interactive shells
_HELD = "\ue000"  # stands for a quoted letter where only unquoted ones count
_SPACES = " \t\n"


def _has_brackets(text: str) -> bool:
    """`[…]`, not empty."""
    at = text.find("[")
    return at >= 0 and text.find("]", at + 2) >= 0


Tilde = Literal["word", "value", "argument"]
"""Where bash looks for a ~: at the start, in an assignment's value, or in an argument that looks like an assignment."""

Answer = Callable[[Substitution], Value]
"""Reads the commands of a substitution; its value is their output, where that is known."""


class _Field:
    """A word in the making."""

    __slots__ = ("answers", "exists", "globbing", "known", "pieces", "plain", "text", "whole")

    def __init__(self) -> None:
        self.text: list[str] = []
        self.plain: list[str] = []  # the same, quoted letters held back
        self.known = True
        self.exists = False  # quoted, or not empty
        self.globbing = False
        self.pieces = 0
        self.answers: Script | None = None
        self.whole = False

    def add(self, letter: str, *, quoted: bool) -> None:
        self.text.append(letter)
        self.plain.append(_HELD * len(letter) if quoted else letter)
        self.exists = True
        self.pieces += bool(letter)

    def unknown(self, answers: Script | None = None, *, whole: bool = False) -> None:
        self.known = False
        self.exists = True
        self.answers = answers
        self.whole = whole
        self.pieces += 1

    def word(self, raw: str, *, patterns: bool) -> Word:
        text = "".join(self.text)
        plain = "".join(self.plain) if patterns else ""
        globbing = self.globbing or "*" in plain or "?" in plain or _has_brackets(plain)
        if not self.known:
            answers = self.answers if self.pieces == 1 else None
            return Word(None, raw, answers=answers, whole=self.whole and answers is not None)
        if len(text) > TEXT or _EXTENDED.search(plain) or (globbing and plain and self._ambiguous(text, plain)):
            return Word(None, raw)
        return Word(text, raw, globbing=globbing)

    def _ambiguous(self, text: str, plain: str) -> bool:
        """A pattern that also holds quoted letters which would mean something in a pattern: no text can say both."""
        quoted = {letter for letter, held in zip(text, plain, strict=True) if held == _HELD}
        return bool(quoted & set("*?[]\\")) or ("[" in plain and bool(quoted & set("-!^:")))


class Expander:
    """Expands words in one state of the shell."""

    def __init__(self, state: ShellState, budget: Budget, answer: Answer) -> None:
        self._state = state
        self._budget = budget
        self._answer = answer
        self.assigned: dict[str, Value] = {}
        """What `${X:=word}` sets while words are expanded."""

    def words(self, pieces: Pieces, raw: str) -> tuple[Word, ...]:
        """The words that one word of a command becomes: none, one or many. `text` None may stand for any number."""
        try:
            spread = braces.expand(pieces)
        except braces.TooManyWords:
            self._run_all(pieces)
            return (Word(None, raw),)
        found: list[Word] = []
        for one in spread if len(spread) == 1 else map(_rejoined, spread):
            fields = self._fields(self._tilde(one, "argument" if is_assignment(one) else "word"))
            found.extend(self._globbed(each.word(raw, patterns=True)) for each in fields)
        return tuple(found)

    def single(self, pieces: Pieces, raw: str, tilde: Tilde = "word") -> Word:
        """A value that is neither split nor matched against files: an assignment's, a here-string's, a file's name."""
        current = _Field()
        for piece in self._tilde(pieces, tilde):
            self._put(current, piece)
        return current.word(raw, patterns=False)

    def target(self, pieces: Pieces, raw: str) -> Word:
        """A redirection's file: one word or the shell refuses."""
        words = self.words(pieces, raw)
        return words[0] if len(words) == 1 else Word(None, raw)

    def _globbed(self, word: Word) -> Word:
        return word if not word.globbing or self._state.plain_globs else word._replace(text=None, globbing=False)

    def _fields(self, pieces: Sequence[Piece]) -> list[_Field]:
        if any(_is_dollar(piece) for piece in pieces) and any(isinstance(piece, Parameter) for piece in pieces):
            self._run_all(pieces)
            return [_unknown_field()]
        fields = [_Field()]
        for piece in pieces:
            if isinstance(piece, Parameter) and {piece.name, piece.element} & {"@", "*"} and not piece.operator:
                self._positional(fields, piece)
            elif isinstance(piece, Parameter | Substitution) and not piece.quoted:
                self._split(fields, piece)
            else:
                self._put(fields[-1], piece)
            if len(fields) > FIELDS:
                return [_unknown_field()]
        return [each for each in fields if each.exists]

    def _put(self, current: _Field, piece: Piece) -> None:
        """A piece that stays inside the word that is being made."""
        if isinstance(piece, Letter):
            current.add(piece.text, quoted=piece.quoted)
            return
        value = self._value(piece)
        self._budget.characters(len(value.text or ""))
        if value.text is None:
            current.unknown(value.answers, whole=value.whole)
        else:
            current.add(value.text, quoted=not value.globbing)
            current.globbing |= value.globbing

    def _split(self, fields: list[_Field], piece: Parameter | Substitution) -> None:
        """An unquoted parameter or output: its value is cut at white space, and its * and ? match files."""
        if isinstance(piece, Parameter) and piece.operator and self._takes_word(piece):
            self._remember(piece)
            for each in self._tilde(piece.word, "word"):  # `${X:-a b}` is two words, its quotes count
                if isinstance(each, Letter) and not each.quoted and each.text in _SPACES:
                    _next(fields)
                elif isinstance(each, Parameter) and not each.quoted:
                    self._split(fields, each)
                else:
                    self._put(fields[-1], each)
            return
        value = self._value(piece)
        self._budget.characters(len(value.text or ""))
        if value.text is None or (value.text and "IFS" in self._state.variables):
            fields[-1].unknown(value.answers)
        elif value.globbing:
            fields[-1].add(value.text, quoted=False)
            fields[-1].globbing = True
        else:
            _cut(fields, value.text)

    def _positional(self, fields: list[_Field], piece: Parameter) -> None:
        arguments = self._named(piece.name).items if piece.element else self._state.positional
        if arguments is None:
            fields[-1].unknown()
            return
        if piece.quoted and "*" in {piece.name, piece.element}:
            texts = [each.text for each in arguments]
            joined = " ".join(text for text in texts if text is not None)
            fields[-1].add(joined, quoted=True) if None not in texts else fields[-1].unknown()
            return
        for index, argument in enumerate(arguments):
            if index:
                _next(fields)
            self._budget.characters(1 + len(argument.text or ""))
            if argument.text is None:
                fields[-1].unknown(argument.answers, whole=argument.whole and piece.quoted)
            elif piece.quoted:
                fields[-1].add(argument.text, quoted=not argument.globbing)
                fields[-1].globbing |= argument.globbing
            else:
                _cut(fields, argument.text)

    def _value(self, piece: Piece) -> Value:
        if isinstance(piece, Parameter):
            return self._parameter(piece)
        if isinstance(piece, Substitution):
            return self._answer(piece)
        if isinstance(piece, Opaque):
            self.assigned.update(dict.fromkeys(piece.changes, Value(None)))
            for each in piece.inside:
                self._answer(each)
        return Value(None)

    def _parameter(self, piece: Parameter) -> Value:
        value = self._named(piece.name)
        if piece.element:
            return _element(value, piece.element)
        if not piece.operator:
            return value
        if piece.operator in CHANGING:
            return self._changed(value, piece)
        if self._takes_word(piece):
            self._remember(piece)
            word = self.single(piece.word, "")
            return Value(word.text, word.answers, whole=word.whole)
        if value.text is None or (piece.operator[-1] == "?" and _missing(value, piece.operator)):
            self._run_all(piece.word)
            return Value(None)
        return Value("") if piece.operator[-1] == "+" else value

    def _changed(self, value: Value, piece: Parameter) -> Value:
        """`${X##*/}`: X with a part of it taken off or replaced."""
        pattern: list[tuple[str, bool]] = []
        for each in piece.word:
            text = each.text if isinstance(each, Letter) else self._value(each).text
            if text is None or value.globbing:
                return UNKNOWN
            pattern += [(letter, each.quoted) for letter in text]
        return UNKNOWN if value.text is None else Value(patterns.changed(value.text, piece.operator, pattern))

    def _takes_word(self, piece: Parameter) -> bool:
        """`${X:-word}` where X is known to be unset (with the colon: or empty), `${X:+word}` where it is not.

        An unknown X may be set in the person's shell without being exported: then neither is known.
        """
        value = self._named(piece.name)
        if value.text is None:
            return False
        missing = _missing(value, piece.operator)
        return missing if piece.operator[-1] in "-=" else piece.operator[-1] == "+" and not missing

    def _remember(self, piece: Parameter) -> None:
        """`${X:=word}` sets X."""
        if piece.operator[-1] == "=":
            word = self.single(piece.word, "")
            self.assigned[piece.name] = Value(word.text, word.answers, whole=word.whole)

    def _named(self, name: str) -> Value:
        if not name.isdigit():
            return self.assigned.get(name) or self._state.value(name)
        arguments = self._state.positional
        if arguments is None or name == "0":
            return Value(None)
        if int(name[:6]) > len(arguments):
            return Value("", is_set=False)
        before = arguments[: int(name[:6])]
        if any(each.text is None and not each.whole for each in before):
            return Value(None)  # `$(…)` before it, or itself, may be any number of words
        return Value(before[-1].text, before[-1].answers, before[-1].globbing, whole=before[-1].whole)

    def _run_all(self, pieces: Sequence[Piece]) -> None:
        """What runs in a part whose value is not known."""
        for piece in pieces:
            if isinstance(piece, Substitution):
                self._answer(piece)
            elif isinstance(piece, Opaque):
                self._value(piece)
            elif isinstance(piece, Parameter):
                self._run_all(piece.word)

    def _tilde(self, pieces: Pieces, mode: Tilde) -> Pieces:
        """`~` at the word's start; in a value also after each colon, in `NAME=value` after the = too."""
        found: list[Piece] = []
        position = 0
        opens, in_value = True, mode == "value"
        while position < len(pieces):
            piece = pieces[position]
            letter = piece.text if isinstance(piece, Letter) and not piece.quoted else None
            if letter == "~" and opens:
                position, replaced = self._home(pieces, position, colons=in_value)
                found.extend(replaced)
                opens = False
                continue
            starts_value = mode == "argument" and not in_value and letter == "="
            opens = starts_value or (in_value and letter == ":")
            in_value = in_value or starts_value
            found.append(piece)
            position += 1
        return tuple(found)

    def _home(self, pieces: Pieces, start: int, *, colons: bool) -> tuple[int, Pieces]:
        end = start + 1
        name = ""
        while end < len(pieces):
            piece = pieces[end]
            if not isinstance(piece, Letter) or piece.quoted:
                return start + 1, (Letter("~", quoted=False),)
            if piece.text in "/:":
                break
            name += piece.text
            end += 1
        known = {"": self._state.value("HOME"), "+": self._state.value("PWD"), "-": self._state.value("OLDPWD")}
        value = known.get(name, Value(None))
        at_colon = end < len(pieces) and isinstance(ends := pieces[end], Letter) and ends.text == ":" and not colons
        if value.text is None or not value.is_set or at_colon:  # (at a colon bash also changes what follows)
            return end, (Opaque(quoted=True),)
        return end, (Letter(value.text, quoted=True),)


def _element(value: Value, index: str) -> Value:
    """One item of an array; of a plain variable the first one is its value."""
    if value.items is None:
        return value if index == "0" and value.is_set else UNKNOWN
    if not index.isdigit() or any(each.text is None for each in value.items):
        return UNKNOWN
    at = int(index)
    return Value(value.items[at].text, globbing=value.items[at].globbing) if at < len(value.items) else UNSET


def _is_dollar(piece: Piece) -> bool:
    """A `$` that names nothing: bash then splits nothing in the whole word (5.2; other shells do)."""
    return isinstance(piece, Letter) and not piece.quoted and piece.text == "$"


def _rejoined(pieces: Pieces) -> Pieces:
    """Braces are expanded as text: `$X{1,2}` is `$X1 $X2`, and a `$` may meet its name only then."""
    found: list[Piece] = []
    for piece in pieces:
        before = found[-1] if found else None
        if isinstance(piece, Letter) and not piece.quoted and re.fullmatch(r"\w", piece.text, re.ASCII):
            if isinstance(before, Parameter) and not before.braced and before.name.isidentifier():
                found[-1] = before._replace(name=before.name + piece.text)
                continue
            if before is not None and _is_dollar(before):
                found[-1] = Opaque(quoted=False)
                continue
        found.append(piece)
    return tuple(found)


def _missing(value: Value, operator: str) -> bool:
    return not value.is_set or (operator.startswith(":") and value.text == "")


def is_assignment(pieces: Pieces) -> bool:
    """`NAME=…` as an argument: bash expands tildes in it as in an assignment (`dd of=~/disk`)."""
    text = ""
    for piece in pieces:
        if not isinstance(piece, Letter) or piece.quoted or len(text) > 200:
            return False
        text += piece.text
        if piece.text == "=":
            return _ASSIGNMENT.fullmatch(text) is not None
    return False


def _unknown_field() -> _Field:
    one = _Field()
    one.unknown()
    return one


def _next(fields: list[_Field]) -> None:
    if fields[-1].exists:
        fields.append(_Field())


def _cut(fields: list[_Field], text: str) -> None:
    for index, part in enumerate(re.split(r"[ \t\n]+", text)):
        if index:
            _next(fields)
        if part:
            fields[-1].add(part, quoted=False)
            if len(fields) > FIELDS:
                return
