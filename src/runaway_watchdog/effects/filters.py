"""Filters in a pipe: what grep, awk '{print $2}', head, tail, sort … make of the lines that they are given."""

import re
from collections.abc import Callable

from runaway_watchdog.effects.arguments import of
from runaway_watchdog.model.command import Command

Lines = tuple[str, ...]
_PRINT = re.compile(
    r"\s*(?:/(?P<match>[^/]*)/|NR\s*>\s*(?P<skip>\d+)|)\s*\{\s*print\s+\$(?P<field>\d+|NF)\s*;?\s*\}\s*"
)


def passed(command: Command, lines: Lines) -> Lines | None:
    """The lines that come out; None where the filter is not known well enough."""
    made = _FILTERS.get(command.program or "")
    if made is None or any(word.text is None for word in command.words):
        return None
    try:
        return made(command, lines)
    except re.error:
        return None


def _grep(command: Command, lines: Lines) -> Lines | None:
    words = of(command, "-e -m")
    if {name for name, _ in words.options} - {"-v", "-i", "-E", "-F", "-w", "-x", "-e", "-a", "--"}:
        return None
    pattern = words.value("-e") or next(iter(words.texts), None)
    if pattern is None or len(words.operands) > (0 if words.has("-e") else 1):
        return None
    fixed = words.has("-F") or command.program == "fgrep"
    extended = words.has("-E") or command.program == "egrep"
    text = re.escape(pattern) if fixed else pattern if extended else _basic(pattern)
    text = rf"(?<!\w)(?:{text})(?!\w)" if words.has("-w") else text
    expression = re.compile(text, re.IGNORECASE if words.has("-i") else 0)
    fits = expression.fullmatch if words.has("-x") else expression.search
    return tuple(line for line in lines if bool(fits(line)) != words.has("-v"))


def _basic(pattern: str) -> str:
    r"""A basic regular expression as an extended one: there \| \( \) \{ \} \+ \? are the special ones."""
    return re.sub(r"\\([|(){}+?])|([|(){}+?])", lambda found: found[1] or f"\\{found[2]}", pattern)


def _awk(command: Command, lines: Lines) -> Lines | None:
    """awk '{print $2}', '/re/ {print $2}', 'NR>1 {print $1}'."""
    words = of(command, "-F")
    found = _PRINT.fullmatch(words.texts[0]) if len(words.texts) == 1 else None
    separator = words.value("-F")
    if found is None or {name for name, _ in words.options} - {"-F"} or (separator is not None and len(separator) != 1):
        return None
    expression = re.compile(found["match"]) if found["match"] is not None else None
    out = []
    for number, line in enumerate(lines, start=1):
        if number <= int(found["skip"] or 0) or (expression is not None and not expression.search(line)):
            continue
        fields = line.split(separator)
        at = -1 if found["field"] == "NF" else int(found["field"]) - 1
        out.append(line if found["field"] == "0" else fields[at] if at < len(fields) and fields else "")
    return tuple(out)


def _cut(command: Command, lines: Lines) -> Lines | None:
    """cut -f 1, at tabs: how many spaces a program puts between its columns is not told here."""
    words = of(command, "-f --fields")
    field = words.value("-f", "--fields") or ""
    if words.operands or {name for name, _ in words.options} - {"-f", "--fields"} or not field.isdecimal():
        return None
    rows = [line.split("\t") for line in lines]
    at = int(field) - 1
    return tuple(row[at] for row in rows) if all(0 <= at < len(row) and len(row) > 1 for row in rows) else None


def _count(command: Command, default: int = 10) -> tuple[str, int] | None:
    """head's and tail's number: -n N, -N, -n +N."""
    for word in command.words[1:]:
        if re.fullmatch(r"-\d+", word.text or ""):
            return "", int((word.text or "")[1:])
    words = of(command, "-n --lines")
    if words.operands or {name for name, _ in words.options} - {"-n", "--lines"}:
        return None
    found = re.fullmatch(r"([+-]?)(\d+)", words.value("-n", "--lines") or str(default))
    return None if found is None else (found[1], int(found[2]))


def _head(command: Command, lines: Lines) -> Lines | None:
    wanted = _count(command)
    if wanted is None or wanted[0] == "+":
        return None
    return lines[: -wanted[1]] if wanted[0] == "-" and wanted[1] else lines[: wanted[1]]


def _tail(command: Command, lines: Lines) -> Lines | None:
    wanted = _count(command)
    if wanted is None:
        return None
    if wanted[0] == "+":
        return lines[max(0, wanted[1] - 1) :]
    return lines[-wanted[1] :] if wanted[1] else ()


def _sort(command: Command, lines: Lines) -> Lines | None:
    """Only where every locale sorts alike: numbers of one length, IDs."""
    alike = all(re.fullmatch(r"[0-9a-f]*", line) for line in lines) and len({len(line) for line in lines}) <= 1
    if not alike or {word.text for word in command.words[1:]} - {"-u", "-n"}:
        return None
    return tuple(sorted(set(lines) if len(command.words) > 1 else lines))


def _unique(command: Command, lines: Lines) -> Lines | None:
    return tuple(dict.fromkeys(lines)) if len(command.words) == 1 else None


def _same(command: Command, lines: Lines) -> Lines | None:
    return lines if len(command.words) == 1 else None


_FILTERS: dict[str, Callable[[Command, Lines], Lines | None]] = {
    "grep": _grep, "egrep": _grep, "fgrep": _grep, "awk": _awk, "gawk": _awk, "mawk": _awk, "head": _head,
    "tail": _tail, "sort": _sort, "uniq": _unique, "cat": _same, "cut": _cut,
}  # fmt: skip
