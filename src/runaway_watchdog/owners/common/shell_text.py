"""A shell script's text, read for one question: does a loop in it start this program again? Pure.

No grammar of a whole shell is needed for that, and the explanation has no time to load one: words, the marks between
commands, and the keywords of loops. What it cannot make out it says it cannot, it never guesses.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

Mode = Literal["always", "until-success", "while-success", "items", "condition"]
"""When a loop goes round again: for ever; until or while the program itself succeeds; for each of its items; as long
as something else holds."""

TEXT_LIMIT = 1 << 16
"""Characters that are read; a longer script's loop is usually at its end, so the end is kept as well."""


DEEPEST = 16
"""Loops within loops that are followed."""


class Loop(NamedTuple):
    """One loop that runs the program."""

    mode: Mode
    head: str  # as it is written, such as `while sleep 5`
    pause_s: float | None  # what it sleeps in each round; None: not to be told
    leaves: bool  # it may be left from inside, by break, exit or return
    leaves_on_failure: bool  # `|| break`, or a shell with -e: a program that fails ends the loop


class Reading(NamedTuple):
    """`loop`: the one that runs the program. `other`: there is a loop, and whether it runs the program is not
    written down (a function, a variable)."""

    loop: Loop | None
    other: bool


class _Frame:
    """A loop in the making."""

    __slots__ = ("body", "head", "in_body", "inner", "keyword")

    def __init__(self, keyword: str) -> None:
        self.keyword = keyword
        self.head: list[str] = []
        self.body: list[str] = []
        self.in_body = False
        self.inner = False  # another loop is inside


_TOKEN = re.compile(
    r"\\\n|(?P<blank>[ \t\r]+)|(?P<comment>(?:(?<=[\s;&|()])|^)\#[^\n]*)"
    r"|(?P<mark>\n|;;|&&|\|\||[;&|(){}`](?=\s|$)|[;&|()`]|\$\()"
    r"|(?P<word>(?:\\.|'[^']*'|\"(?:\\.|[^\"\\])*\"|[^\s;&|()`'\"\\]|[\"'\\])+)",
    re.DOTALL | re.MULTILINE,
)
_HEREDOC = re.compile(r"(?<!<)<<-?[ \t]*([\"']?)(?P<end>[A-Za-z_]\w*)\1")
_SEPARATORS = frozenset({"\n", ";", ";;", "&", "&&", "|", "||", "(", ")", "{", "}", "`", "$("})
_OPENERS = frozenset({"while", "until", "for", "select"})
_BEFORE_A_COMMAND = frozenset({"do", "then", "else", "elif", "if", "!", "{", "time", "while", "until"})
_LEAVING = frozenset({"break", "exit", "return"})
_ALWAYS = (("true",), (":",), ("/bin/true",), ("[", "1", "]"), ("[", "true", "]"), ("((1))",), ("1",))
_UNIT_S = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PIECES = re.compile(r"[^\w./+-]+")
_SLEEP = re.compile(r"(?P<figure>\d+(?:\.\d+)?)(?P<unit>[smhd]?)")


def read(text: str, names: Sequence[str], *, errexit: bool = False) -> Reading:
    """The loop in `text` that runs a program called by one of `names` (file names, without folders).

    Of several loops around it, one that goes on for ever tells the most, then the innermost.
    """
    kept = text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT // 2] + "\n" + text[-TEXT_LIMIT // 2 :]
    tokens = list(_tokens(kept))
    errexit = errexit or _sets_errexit(tokens)
    frames = list(_loops(tokens))
    around = [loop for frame in frames if (loop := _of(frame, frozenset(names), errexit=errexit)) is not None]
    if around:
        return Reading(next((loop for loop in around if loop.mode == "always"), around[0]), other=False)
    named = any(_named(word, frozenset(names)) for word in tokens)
    hidden = not named or "()" in kept or "function" in tokens
    return Reading(None, other=bool(frames) and hidden)


def has_loop(text: str) -> bool:
    """Whether anything in it goes round at all."""
    return next(_loops(list(_tokens(text))), None) is not None


def _tokens(text: str) -> Iterator[str]:
    """Words and marks; comments and what a heredoc holds are left out."""
    for found in _TOKEN.finditer(_without_heredocs(text)):
        if found["mark"] is not None or found["word"] is not None:
            yield found[0]


def _without_heredocs(text: str) -> str:
    lines = text.split("\n")
    last = {line.strip("\t"): number for number, line in enumerate(lines)}
    kept: list[str] = []
    end: str | None = None
    for number, line in enumerate(lines):
        if end is not None:
            end = None if line.strip("\t") == end else end
            continue
        kept.append(line)
        found = _HEREDOC.search(line)
        if found is not None and last.get(found["end"], -1) > number:  # else it is no heredoc: a shift, or cut off
            end = found["end"]
    return "\n".join(kept)


def _loops(tokens: Sequence[str]) -> Iterator[_Frame]:
    """Every loop, the inner ones first."""
    open_: list[_Frame] = []
    command = True  # the next word would be a command's name
    for word in tokens:
        if command and word == "done" and open_:
            closed = open_.pop()
            for outer in open_:
                outer.inner = True
            yield closed
        elif command and word == "do" and open_ and not open_[-1].in_body:
            open_[-1].in_body = True
        else:
            for frame in open_:
                (frame.body if frame.in_body else frame.head).append(word)
            if command and word in _OPENERS and len(open_) < DEEPEST:
                open_.append(_Frame(word))
        command = word in _SEPARATORS or (command and word in _BEFORE_A_COMMAND)


def _of(frame: _Frame, names: frozenset[str], *, errexit: bool) -> Loop | None:
    """The loop, if it runs the program in its body or as its condition."""
    in_body = any(_named(word, names) for word in frame.body)
    in_head = frame.keyword in ("while", "until") and any(_named(word, names) for word in frame.head)
    if not (in_body or in_head):
        return None
    condition = [word for word in frame.head if word not in ("\n", ";")]
    return Loop(
        _mode(frame.keyword, condition, of_condition=in_head and not in_body),
        " ".join([frame.keyword, *condition])[:120],
        _pause(frame, names),
        any(word in _LEAVING for word in frame.body),
        (errexit and not in_head) or _leaves_on_failure(frame.body),
    )


def _mode(keyword: str, condition: list[str], *, of_condition: bool) -> Mode:
    if keyword in ("for", "select"):
        endless = "".join(condition).replace(" ", "").startswith("((;;")
        return "always" if endless else "items"
    negated = (keyword == "until") != (condition[:1] == ["!"])
    if of_condition:
        return "until-success" if negated else "while-success"
    plain = tuple(condition[1:] if condition[:1] == ["!"] else condition)
    if negated:
        return "always" if plain in (("false",), ("/bin/false",)) else "condition"
    return "always" if plain in _ALWAYS or _paren(plain) or _only_sleeps(plain) else "condition"


def _paren(words: tuple[str, ...]) -> bool:
    return "".join(words) in ("((1))", "((true))", "[[1]]", "[[true]]")


def _only_sleeps(words: tuple[str, ...]) -> bool:
    """`while sleep 5; do`: the condition is the pause, and it holds."""
    return len(words) == 2 and words[0].rpartition("/")[2] == "sleep" and _SLEEP.fullmatch(words[1]) is not None


def _pause(frame: _Frame, names: frozenset[str]) -> float | None:
    """What it sleeps in one round, where that is written plainly and nothing else takes its turn."""
    if frame.inner or "sleep" in names:
        return None
    words = [*frame.head, *frame.body]
    total = 0.0
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word.rpartition("/")[2] in ("sleep", "usleep"):
            told = _SLEEP.fullmatch(following) if not word.endswith("usleep") else None
            if told is None:
                return None
            total += float(told["figure"]) * _UNIT_S[told["unit"]]
    return total


def _leaves_on_failure(body: Sequence[str]) -> bool:
    return any(mark == "||" and word in _LEAVING for mark, word in pairwise(body))


def _sets_errexit(tokens: Sequence[str]) -> bool:
    return any(first == "set" and re.fullmatch(r"-[a-df-z]*+e[a-z]*+", second) for first, second in pairwise(tokens))


def _named(word: str, names: frozenset[str]) -> bool:
    """Whether a word of the script names the program: by its path, quoted or not, or inside a `"$(…)"`."""
    pieces = _PIECES.split(word) if "$(" in word or "`" in word else [word.strip("\"'").replace("\\", "")]
    return any(piece.rpartition("/")[2] in names for piece in pieces)
