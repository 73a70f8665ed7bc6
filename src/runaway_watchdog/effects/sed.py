"""sed, as far as it edits line by line: deletes, prints and substitutes by number or by pattern.

Nothing is run: a script that holds anything else is not read, and then what comes out is not known.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from runaway_watchdog.patterns import given

Lines = tuple[str, ...]
_MARKS = "#|,@%~:;!"
_MARKED = "|".join(rf"\\[{each}](?:\\.|[^{each}\\])*+[{each}]" for each in _MARKS)
_EMPTY = {"//", *(rf"\{each}{each}" for each in _MARKS)}
_ADDRESS = rf"(?:\d+|\$|(?:/(?:\\.|[^/\\])*+/|{_MARKED})I?)"
_COMMAND = re.compile(rf"[\s;]*+(?P<first>{_ADDRESS})?(?:,(?P<last>{_ADDRESS}))?\s*+(?P<not>!?)\s*+(?P<rest>[dpsai]|$)")
_SUBSTITUTE = re.compile(
    r"(?P<mark>[^\w\s\\])(?P<from>(?:\\.|(?!(?P=mark))[^\\])*)(?P=mark)(?P<to>(?:\\.|(?!(?P=mark))[^\\])*)(?P=mark)"
    r"(?P<flags>[gIi]*)"
)
_ADDED = re.compile(r"(?:\\(?!\s)|\s*)(?P<text>[^\n]*)")
_END = re.compile(r"\s*(?:[;\n]|$)")


class Edit(NamedTuple):
    """One command, with the lines that it is for."""

    first: str | None
    last: str | None
    others: bool  # `!`: for all but those
    action: str  # d, p, s, a or i
    replace: Callable[[str], str] | None = None
    text: str = ""  # of a line that comes before (i) or after (a)


class UnreadableError(ValueError):
    """The script does more than is read here."""


def edited(scripts: list[str], lines: Lines, *, extended: bool, quiet: bool) -> Lines:
    """What sed prints of the lines. Raises UnreadableError, re.error."""
    edits = [edit for script in scripts for edit in _read(script, extended=extended)]
    inside = [edit.first == "0" for edit in edits]  # `0,/re/`: its first line may end it
    out: list[str] = []
    for number, line in enumerate(lines, start=1):
        deleted, now = False, line
        after: list[str] = []
        for at, edit in enumerate(edits):
            chosen, inside[at] = _meant(edit, now, number, len(lines), within=inside[at], extended=extended)
            if chosen == edit.others:
                continue
            if edit.action == "d":
                deleted = True
                break
            if edit.replace is not None:
                now = edit.replace(now)
            elif edit.action == "a":
                after.append(edit.text)
            else:
                out.append(edit.text if edit.action == "i" else now)
        out += ([] if deleted or quiet else [now]) + after
    return tuple(out)


def line_by_line(scripts: list[str], *, extended: bool) -> bool:
    """Whether each line is edited for itself, whatever stands before and after it."""
    edits = [edit for script in scripts for edit in _read(script, extended=extended)]
    return all(edit.last is None and (edit.first is None or edit.first[0] in "/\\") for edit in edits)


def expression(pattern: str, *, extended: bool) -> str:
    """A POSIX regular expression in Python's form. Raises UnreadableError for what is not alike."""
    parts = [found[0] for found in _TOKENS.finditer(pattern)]
    out: list[str] = []
    begins, repeated = True, False  # whether a part stands where an expression begins, or behind a repeat
    for at, part in enumerate(parts):
        kind = _kind(part, extended=extended)
        if kind in _REPEATS:
            if repeated or (out and out[-1] in _NOWHERE) or (begins and (extended or kind != "*")):
                raise UnreadableError(pattern)  # undefined there, and another thing in Python: `*+`, `(?`
            kind = "\\*" if begins else kind
        elif kind in ("^", "$") and not extended:
            ends = at + 1 == len(parts) or parts[at + 1] in ("\\)", "\\|")
            kind = kind if ((begins and out[-1:] != ["^"]) if kind == "^" else ends) else f"\\{kind}"
        if extended and kind in (")", "|") and (begins or out[-1:] == ["|"]):
            raise UnreadableError(pattern)  # an alternative that is empty: mawk takes none
        begins = kind in ("(", "|") or (begins and kind == "^")
        repeated = kind in _REPEATS or (kind == "}" and "{" in out)
        out.append(kind)
    if extended and out[-1:] == ["|"]:
        raise UnreadableError(pattern)
    return "".join(out)


_TOKENS = re.compile(r"\[\^?+\]?+(?:\[:[a-z]*+:\]|[^\]])*+(?:\]|\Z)|\\.|.|\\\Z", re.DOTALL)
_REPEATS = ("*", "+", "?", "{")
_CLASSES = {
    "space": r" \t\n\r\f\v", "blank": r" \t", "digit": "0-9", "alpha": "A-Za-z", "alnum": "A-Za-z0-9",
    "upper": "A-Z", "lower": "a-z", "punct": r"!-/:-@\[-`{-~",
}  # fmt: skip
_NOWHERE = ("$", r"\b", r"\B", r"\b(?=\w)", r"\b(?<=\w)")
_WORDS = {"\\<": r"\b(?=\w)", "\\>": r"\b(?<=\w)"}


def _kind(part: str, *, extended: bool) -> str:
    r"""One part in Python's form; of a basic expression \| \( \) \{ \} \+ \? are the special ones."""
    if part.startswith("["):
        return _bracket(part)
    if part.startswith("\\"):
        if not extended and part[1:] in tuple("|(){}+?"):
            return part[1:]
        if part in _WORDS or part[1:] in tuple("bBwWsS"):
            return _WORDS.get(part, part)
        if part[1:].isalnum() or part[1:] in ("", "'", "`"):
            raise UnreadableError(part)
        return part
    return f"\\{part}" if not extended and part in "|(){}+?" else part


def _bracket(part: str) -> str:
    """`[[:space:].\\]`: nothing in it is escaped."""
    if len(part) < 3 or part[-1] != "]" or "[." in part[1:] or "[=" in part[1:]:
        raise UnreadableError(part)
    negated = "^" if part.startswith("[^") else ""
    pieces = re.split(r"\[:([a-z]*):\]", part[1 + len(negated) : -1])
    if any(name not in _CLASSES for name in pieces[1::2]):
        raise UnreadableError(part)
    made = [_CLASSES[piece] if at % 2 else re.sub(r"([\[\]\\&~|])", r"\\\1", piece) for at, piece in enumerate(pieces)]
    return f"[{negated}{''.join(made)}]"


def _read(script: str, *, extended: bool) -> list[Edit]:
    found: list[Edit] = []
    position = 0
    while position < len(script):
        command = _COMMAND.match(script, position)
        if command is None or (not command["rest"] and command["first"]):
            raise UnreadableError(script)
        position = command.end()
        if not command["rest"]:
            break
        _check(command["first"], command["last"], extended=extended)
        replace, text = None, ""
        if command["rest"] in ("a", "i"):
            added = _ADDED.match(script, position)
            if added is None or "\\" in added["text"] or not added["text"]:
                raise UnreadableError(script)
            text, position = added["text"], added.end()
        if command["rest"] == "s":
            substitute = _SUBSTITUTE.match(script, position)
            if substitute is None:
                raise UnreadableError(script)
            replace, position = _substitution(substitute, extended=extended), substitute.end()
        end = _END.match(script, position)
        if end is None:
            raise UnreadableError(script)
        position = end.end()
        found.append(Edit(command["first"], command["last"], bool(command["not"]), command["rest"], replace, text))
    return found


def _check(first: str | None, last: str | None, *, extended: bool) -> None:
    """Raise for addresses that sed refuses, or that are not read here: then nothing is known to come out."""
    if (first == "0" and (last or "$")[0] not in "/\\") or _EMPTY & {first, last}:
        raise UnreadableError(first or "")
    for address in filter(None, (first, last)):
        _at(address, "", 0, 1, extended=extended)


def _substitution(found: re.Match[str], *, extended: bool) -> Callable[[str], str]:
    mark = found["mark"]
    pattern, text = found["from"].replace(f"\\{mark}", mark), found["to"].replace(f"\\{mark}", mark)
    if not pattern or re.search(r"\\[^\d&\\]", text):
        raise UnreadableError(found[0])
    flags = re.IGNORECASE if set(found["flags"]) & set("Ii") else 0
    compiled = given(expression(pattern, extended=extended), flags)
    # Of several matches at one place POSIX takes the longest, Python the first; and they part where nothing matches.
    repeats = re.findall(r"(?<!\\)[*+?{]", compiled.pattern)
    groups_repeat = len(repeats) > 1 and re.search(r"(?<!\\)\)[*+?{]", compiled.pattern) is not None
    longest = groups_repeat or re.search(r"(?<!\\)\|", compiled.pattern) is not None
    groups = max((int(each) for each in re.findall(r"\\(\d)", text)), default=0)
    if longest or groups > compiled.groups or (mark in r".*[]^$+?(){}|" and f"\\{mark}" in found["from"]):
        raise UnreadableError(found[0])
    if "g" in found["flags"] and compiled.match("") is not None:
        raise UnreadableError(found[0])
    parts = re.split(r"(\\.|&)", text)
    count = 0 if "g" in found["flags"] else 1
    return lambda line: compiled.sub(lambda match: "".join(_part(each, match) for each in parts), line, count=count)


def _part(text: str, match: re.Match[str]) -> str:
    """`&` and `\\1` of what is put in the place of a match."""
    if text == "&":
        return match[0]
    if re.fullmatch(r"\\\d", text):
        return match[int(text[1])] or ""
    return text[1:] if text.startswith("\\") else text


def _meant(edit: Edit, line: str, number: int, count: int, *, within: bool, extended: bool) -> tuple[bool, bool]:
    """Whether the line is one of those that the edit names, and whether its range goes on."""
    if edit.first is None:
        return True, False
    if not within:
        if not _at(edit.first, line, number, count, extended=extended):
            return False, False
        if edit.last is None:
            return True, False
        return True, not (edit.last.isdigit() and int(edit.last) <= number)
    if edit.last is not None and edit.last.isdigit():
        return number <= int(edit.last), number < int(edit.last)
    return True, not _at(edit.last or "$", line, number, count, extended=extended)


def _at(address: str, line: str, number: int, count: int, *, extended: bool) -> bool:
    if address == "$":
        return number == count
    if address.isdigit():
        return number == int(address)
    mark = address[:2].lstrip("\\")[0]
    pattern, _, flag = address.lstrip("\\")[1:].rpartition(mark)
    if mark != "/" and f"\\{mark}" in pattern:
        raise UnreadableError(pattern)
    compiled = given(expression(pattern.replace("\\/", "/"), extended=extended), re.IGNORECASE if flag else 0)
    return compiled.search(line) is not None
