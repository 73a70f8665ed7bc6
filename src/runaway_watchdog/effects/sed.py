"""sed, as far as it edits line by line: deletes, prints and substitutes by number or by pattern.

Nothing is run: a script that holds anything else is not read, and then what comes out is not known.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from runaway_watchdog.patterns import given

Lines = tuple[str, ...]
_ADDRESS = r"(?:\d+|\$|/(?:\\.|[^/\\])*/I?)"
_COMMAND = re.compile(rf"[\s;]*+(?P<first>{_ADDRESS})?(?:,(?P<last>{_ADDRESS}))?\s*+(?P<not>!?)\s*+(?P<rest>[dpsai]|$)")
_SUBSTITUTE = re.compile(
    r"(?P<mark>[^\w\s\\])(?P<from>(?:\\.|(?!(?P=mark))[^\\])*)(?P=mark)(?P<to>(?:\\.|(?!(?P=mark))[^\\])*)(?P=mark)"
    r"(?P<flags>[gIi]*)"
)
_ADDED = re.compile(r"\\?\s*(?P<text>[^\n]*)")
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
    inside = [False] * len(edits)
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
    return all(edit.last is None and (edit.first is None or edit.first.startswith("/")) for edit in edits)


def expression(pattern: str, *, extended: bool) -> str:
    """A POSIX regular expression in Python's form. Raises UnreadableError for what is not alike."""
    text = pattern if extended else _basic(pattern)
    if re.search(r"\\[A-Za-z0-9]", _WORDS.sub("", text)):
        raise UnreadableError(pattern)
    for name, letters in _CLASSES.items():
        text = text.replace(f"[:{name}:]", letters)
    if "[:" in text or "[." in text or "[=" in text:
        raise UnreadableError(pattern)
    return _WORDS.sub(lambda found: {"<": r"\b(?=\w)", ">": r"\b(?<=\w)"}.get(found[1], found[0]), text)


_CLASSES = {
    "space": r" \t\n\r\f\v", "blank": r" \t", "digit": "0-9", "alpha": "A-Za-z", "alnum": "A-Za-z0-9",
    "upper": "A-Z", "lower": "a-z", "punct": r"!-/:-@\[-`{-~",
}  # fmt: skip
_WORDS = re.compile(r"\\([<>bBwWsS])")


def _basic(pattern: str) -> str:
    r"""A basic regular expression as an extended one: there \| \( \) \{ \} \+ \? are the special ones, and a `*` that
    nothing stands before is itself."""
    text = re.sub(r"(^\^?|\\\(\^?|\\\|\^?)\*", r"\1\\*", pattern)
    return re.sub(
        r"(\[[^\]]*+\]?)|\\([|(){}+?])|([|(){}+?])", lambda found: found[1] or found[2] or f"\\{found[3]}", text
    )


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
        replace, text = None, ""
        if command["rest"] in ("a", "i"):
            added = _ADDED.match(script, position)
            if added is None or "\\" in added["text"]:
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


def _substitution(found: re.Match[str], *, extended: bool) -> Callable[[str], str]:
    mark = found["mark"]
    pattern, text = found["from"].replace(f"\\{mark}", mark), found["to"].replace(f"\\{mark}", mark)
    if not pattern or re.search(r"\\[^\d&\\]", text):
        raise UnreadableError(found[0])
    flags = re.IGNORECASE if set(found["flags"]) & set("Ii") else 0
    compiled = given(expression(pattern, extended=extended), flags)
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
    return True, not _at(edit.last or "$", line, number, count, extended=extended)


def _at(address: str, line: str, number: int, count: int, *, extended: bool) -> bool:
    if address == "$":
        return number == count
    if address.isdigit():
        return number == int(address)
    pattern, _, flag = address[1:].rpartition("/")
    compiled = given(expression(pattern.replace("\\/", "/"), extended=extended), re.IGNORECASE if flag else 0)
    return compiled.search(line) is not None
