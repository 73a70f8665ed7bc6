"""Filters in a pipe: what grep, awk '{print $2}', head, tail, sort … make of the lines that they are given."""

import re
from collections.abc import Callable

from runaway_watchdog.effects.arguments import of
from runaway_watchdog.model.command import Command, Word

Lines = tuple[str, ...]
_PRINT = re.compile(
    r"\s*(?:(?P<not>!?)(?:\$(?P<in>\d+)\s*~\s*)?/(?P<match>[^/]*)/|NR\s*>\s*(?P<skip>\d+)"
    r"|\$(?P<column>\d+)\s*(?P<same>[=!]=)\s*\"(?P<value>[^\"\\]*)\"|)"
    r"\s*\{\s*print\s+\$(?P<field>\d+|NF)\s*;?\s*\}\s*"
)
_SUBSTITUTE = re.compile(
    r"s(?P<mark>[/|#,@:])(?P<from>(?:(?!(?P=mark)).)+)(?P=mark)(?P<to>[^\\&]*?)(?P=mark)(?P<all>g?)"
)
_VALUED = {
    "grep": "-e -m -A -B -C", "egrep": "-e -m", "fgrep": "-e -m", "awk": "-F -v -f", "gawk": "-F -v -f",
    "mawk": "-F -v -f", "head": "-n --lines -c --bytes", "tail": "-n --lines -c --bytes", "sort": "-k -t -o",
    "cut": "-d --delimiter -f --fields -c -b", "sed": "-e -f",
}  # fmt: skip
"""Options with a value."""


def passed(command: Command, lines: Lines) -> Lines | None:
    """The lines that come out; None where the filter is not known well enough."""
    made = _FILTERS.get(command.program or "")
    if made is None or any(word.text is None for word in command.words):
        return None
    try:
        return made(command, lines)
    except re.error:
        return None


def parted(command: Command) -> tuple[Command, tuple[Word, ...]] | None:
    """A filter that names its files (`head -1 FILE`): the filter without them, and the files. None: it names none."""
    program = command.program or ""
    if program not in _FILTERS or program in ("cat", "uniq", "tr"):
        return None
    words = of(command, _VALUED.get(program, ""))
    first = program in ("grep", "egrep", "fgrep", "awk", "gawk", "mawk", "sed") and not words.has("-e", "-f")
    files = words.operands[1 if first else 0 :]
    if not files or not words.complete:
        return None
    places = {id(each) for each in files}
    return command._replace(words=tuple(each for each in command.words if id(each) not in places)), files


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
    out = []
    for number, line in enumerate(lines, start=1):
        fields = line.split(separator)
        if number > int(found["skip"] or 0) and _chosen(found, line, fields):
            out.append(_column(line, fields, found["field"]))
    return tuple(out)


def _column(line: str, fields: list[str], number: str) -> str:
    if number == "0":
        return line
    at = -1 if number == "NF" else int(number) - 1
    return fields[at] if fields and at < len(fields) else ""


def _chosen(found: re.Match[str], line: str, fields: list[str]) -> bool:
    """Whether awk's pattern takes the line."""
    if found["match"] is not None:
        subject = line if found["in"] is None else _column(line, fields, found["in"])
        return bool(re.search(found["match"], subject)) != (found["not"] == "!")
    if found["column"] is not None:
        return (_column(line, fields, found["column"]) == found["value"]) == (found["same"] == "==")
    return True


def _cut(command: Command, lines: Lines) -> Lines | None:
    """cut -f 1, at tabs or what -d names; how many spaces a program puts between its columns is not told here."""
    words = of(command, "-f --fields -d --delimiter")
    field = words.value("-f", "--fields") or ""
    mark = words.value("-d", "--delimiter") or "\t"
    odd = {name for name, _ in words.options} - {"-f", "--fields", "-d", "--delimiter"}
    if words.operands or odd or not field.isdecimal() or len(mark) != 1 or mark == " ":
        return None
    rows = [line.split(mark) for line in lines]
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
    options = {word.text for word in command.words[1:]}
    alike = all(re.fullmatch(r"[0-9a-z]*", line) for line in lines)
    if "-n" in options:
        alike = alike and len({len(line) for line in lines}) <= 1
    if not alike or options - {"-u", "-n"}:
        return None
    return tuple(sorted(set(lines) if len(command.words) > 1 else lines))


def _unique(command: Command, lines: Lines) -> Lines | None:
    return tuple(dict.fromkeys(lines)) if len(command.words) == 1 else None


def _translate(command: Command, lines: Lines) -> Lines | None:
    """tr -d x, tr x y: single letters; a new line among them joins or parts lines."""
    texts = [(word.text or "").replace("\\n", "\n") for word in command.words[1:]]
    whole = "".join(f"{line}\n" for line in lines)
    if len(texts) == 2 and texts[0] == "-d" and len(texts[1]) == 1:
        made = whole.replace(texts[1], "")
    elif len(texts) == 2 and all(len(text) == 1 for text in texts):
        made = whole.replace(texts[0], texts[1])
    else:
        return None
    return tuple(made.removesuffix("\n").split("\n")) if made else ()


def _substitute(command: Command, lines: Lines) -> Lines | None:
    """sed 's/a/b/'."""
    words = of(command, "-e")
    scripts = [value for name, value in words.options if name == "-e"] or list(words.texts)
    found = _SUBSTITUTE.fullmatch(scripts[0] or "") if len(scripts) == 1 else None
    extended = words.has("-E", "-r")
    if found is None or {name for name, _ in words.options} - {"-e", "-E", "-r"}:
        return None
    expression = re.compile(found["from"] if extended else _basic(found["from"]))
    return tuple(expression.sub(lambda _: found["to"], line, count=0 if found["all"] else 1) for line in lines)


def _same(command: Command, lines: Lines) -> Lines | None:
    return lines if len(command.words) == 1 else None


_FILTERS: dict[str, Callable[[Command, Lines], Lines | None]] = {
    "grep": _grep, "egrep": _grep, "fgrep": _grep, "awk": _awk, "gawk": _awk, "mawk": _awk, "head": _head,
    "tail": _tail, "sort": _sort, "uniq": _unique, "cat": _same, "cut": _cut, "tr": _translate, "sed": _substitute,
}  # fmt: skip
