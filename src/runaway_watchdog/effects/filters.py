"""Filters in a pipe: what grep, awk '{print $2}', head, tail, sort … make of the lines that they are given."""

import re
from collections.abc import Callable
from itertools import groupby

from runaway_watchdog import patterns as expressions
from runaway_watchdog.effects.arguments import Arguments, of
from runaway_watchdog.model.command import Command, Word

Lines = tuple[str, ...]
_PRINT = re.compile(
    r"\s*+(?:(?:(?P<not>!?)\s*|\$(?P<in>\d+)\s*(?P<unlike>!?)~\s*)/(?P<match>(?:\\.|[^/\\])*+)/|NR\s*>\s*(?P<skip>\d+)"
    r"|\$(?P<column>\d+)\s*(?P<same>[=!]=)\s*\"(?P<value>[^\"\\]*)\"|)"
    r"\s*(?P<action>\{\s*print(?:\s+\$(?P<field>\d+|NF))?\s*;?\s*\})?\s*"
)
_ONCE = re.compile(r"\s*!\s*\w+\[\$0\]\+\+\s*")
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
    except (re.error, ValueError):
        return None


def parted(command: Command) -> tuple[Command, tuple[Word, ...]] | None:
    """A filter that names its files (`head -1 FILE`): the filter without them, and the files. None: it names none."""
    program = command.program or ""
    if program not in _FILTERS or program in ("cat", "uniq", "tr", "tee", "sponge"):
        return None
    words = of(command, _VALUED.get(program, ""))
    first = program in ("grep", "egrep", "fgrep", "awk", "gawk", "mawk", "sed") and not words.has("-e", "-f")
    files = words.operands[1 if first else 0 :]
    if not files or not words.complete:
        return None
    places = {id(each) for each in files}
    return command._replace(words=tuple(each for each in command.words if id(each) not in places)), files


def _grep(command: Command, lines: Lines) -> Lines | None:
    from runaway_watchdog.effects.sed import expression

    words = of(command, "-e -m --regexp")
    if {name for name, _ in words.options} - _OF_GREP:
        return None
    given = [value for name, value in words.options if name in ("-e", "--regexp")]
    patterns = given or [next(iter(words.texts), None)]
    if None in patterns or len(words.operands) > (0 if given else 1):
        return None
    fixed = words.has("-F", "--fixed-strings") or command.program == "fgrep"
    extended = words.has("-E", "--extended-regexp") or command.program == "egrep"
    each = [one for pattern in patterns for one in (pattern or "").split("\n")]
    text = "|".join(f"(?:{re.escape(one) if fixed else expression(one, extended=extended)})" for one in each)
    text = rf"(?<!\w)(?:{text})(?!\w)" if words.has("-w", "--word-regexp") else text
    compiled = expressions.given(text, re.IGNORECASE if words.has("-i", "--ignore-case", "-y") else 0)
    fits = compiled.fullmatch if words.has("-x", "--line-regexp") else compiled.search
    return tuple(line for line in lines if bool(fits(line)) != words.has("-v", "--invert-match"))


_OF_GREP = {
    "-v", "-i", "-y", "-E", "-F", "-w", "-x", "-e", "-a", "-G", "--", "--invert-match", "--ignore-case",
    "--extended-regexp", "--fixed-strings", "--word-regexp", "--line-regexp", "--regexp", "--text",
}  # fmt: skip


def _awk(command: Command, lines: Lines) -> Lines | None:
    """awk '{print $2}', '/re/ {print $2}', 'NR>1 {print $1}', '!/re/'."""
    words = of(command, "-F")
    if len(words.texts) == 1 and not words.options and _ONCE.fullmatch(words.texts[0]):
        return tuple(dict.fromkeys(lines))
    found = _PRINT.fullmatch(words.texts[0]) if len(words.texts) == 1 else None
    separator = words.value("-F")
    if (
        found is None
        or not found[0].strip()
        or {name for name, _ in words.options} - {"-F"}
        or (separator is not None and (len(separator) != 1 or separator in "t\\"))
    ):
        return None
    chooses = _matcher(found["match"], command.program or "")
    out = []
    for number, line in enumerate(lines, start=1):
        fields = _fields(line, separator)
        if number > int(found["skip"] or 0) and _chosen(found, chooses, line, fields):
            out.append(_column(line, fields, found["field"] or "0"))
    return tuple(out)


def _fields(line: str, separator: str | None) -> list[str]:
    """At blanks and tabs, `-F ' '` too. Raises ValueError where awks differ in what is blank."""
    if separator not in (None, " "):
        return line.split(separator)
    if re.search(r"[^\S \t]", line):
        raise ValueError(line)
    return line.split()


def _matcher(pattern: str | None, program: str) -> re.Pattern[str] | None:
    """An expression of awk. Raises ValueError for what mawk, which Debian has for awk, reads otherwise than gawk."""
    from runaway_watchdog.effects.sed import expression

    if pattern is None:
        return None
    if re.search(r"\\[\w<>'`]|\[[^\]]*+\\", pattern) or ("{" in pattern and program != "gawk"):
        raise ValueError(pattern)
    return expressions.given(expression(pattern, extended=True))


def _column(line: str, fields: list[str], number: str) -> str:
    if number == "0":
        return line
    at = -1 if number == "NF" else int(number) - 1
    return fields[at] if fields and at < len(fields) else ""


def _chosen(found: re.Match[str], matcher: re.Pattern[str] | None, line: str, fields: list[str]) -> bool:
    """Whether awk's pattern takes the line. `!$1 ~ /x/` is none of them: there the column is negated first."""
    if matcher is not None:
        subject = line if found["in"] is None else _column(line, fields, found["in"])
        return bool(matcher.search(subject)) != ("!" in (found["not"], found["unlike"]))
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
    if len(command.words) == 2 and re.fullmatch(r"-\d+", command.words[1].text or ""):
        return "", int((command.words[1].text or "")[1:])
    words = of(command, "-n --lines")
    if words.operands or {name for name, _ in words.options} - {"-n", "--lines"}:
        return None
    found = re.fullmatch(r"([+-]?)(\d+)", words.value("-n", "--lines") or str(default))
    return None if found is None else (found[1], int(found[2]))


def _head(command: Command, lines: Lines) -> Lines | None:
    wanted = _count(command)
    if wanted is None or wanted[0] == "+":
        return None
    return lines[: max(0, len(lines) - wanted[1])] if wanted[0] == "-" else lines[: wanted[1]]


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
    numbers = "-n" in options
    alike = all(re.fullmatch(r"[0-9a-z]*", line) and (line.isdecimal() or not numbers) for line in lines)
    if not alike or options - {"-u", "-n"} or (numbers and len({len(line) for line in lines}) > 1):
        return None
    return tuple(sorted(set(lines) if "-u" in options else lines))


def _unique(command: Command, lines: Lines) -> Lines | None:
    """Of equal lines in a row the first."""
    return tuple(line for line, _ in groupby(lines)) if len(command.words) == 1 else None


def _translate(command: Command, lines: Lines) -> Lines | None:
    """tr -d x, tr x y: single letters; a new line among them joins or parts lines."""
    texts = [(word.text or "").replace("\\n", "\n") for word in command.words[1:]]
    whole = "".join(f"{line}\n" for line in lines)
    if not all(map(str.isascii, texts)):
        return None  # tr takes bytes
    if len(texts) == 2 and texts[0] == "-d" and len(texts[1]) == 1:
        made = whole.replace(texts[1], "")
    elif len(texts) == 2 and all(len(text) == 1 for text in texts):
        made = whole.replace(texts[0], texts[1])
    else:
        return None
    return tuple(made.removesuffix("\n").split("\n")) if made else ()


def _sed(command: Command, lines: Lines) -> Lines | None:
    """sed 's/a/b/', '/x/d', -n '2,4p'."""
    from runaway_watchdog.effects import sed

    words = of(command, "-e --expression")
    scripts = _scripts(words)
    known = {"-e", "--expression", "-E", "-r", "-n", "-u", "-s", "--regexp-extended", "--quiet", "--silent"}
    if not scripts or {name for name, _ in words.options} - known:
        return None
    extended, quiet = words.has("-E", "-r", "--regexp-extended"), words.has("-n", "--quiet", "--silent")
    return sed.edited(scripts, lines, extended=extended, quiet=quiet)


def _scripts(words: Arguments) -> list[str]:
    """Those of a sed that names no file; none where one of them is not known."""
    given = [value for name, value in words.options if name in ("-e", "--expression")]
    texts = given or list(words.texts)
    known = [text for text in texts if text is not None]
    return known if len(known) == len(texts) and (not words.operands if given else len(texts) == 1) else []


def keeps_every_line(command: Command) -> bool:
    """Whether each of the lines is among what comes out, in whatever order."""
    words = of(command, "-k --key -t --field-separator")
    options = {name for name, _ in words.options}
    if command.program == "awk":
        return len(words.texts) == 1 and not options and _ONCE.fullmatch(words.texts[0]) is not None
    if words.operands or command.program not in ("sort", "uniq", "tac"):
        return False
    return not options or (command.program == "sort" and (options == {"-u"} or options <= _ORDERS))


_ORDERS = frozenset(
    (
        "-k", "--key", "-t", "--field-separator", "-b", "-d", "-f", "-g", "-h", "-i", "-M", "-n", "-R", "-r", "-s",
        "-V", "--ignore-leading-blanks", "--dictionary-order", "--ignore-case", "--reverse", "--stable",
        "--general-numeric-sort", "--human-numeric-sort", "--month-sort", "--numeric-sort", "--random-sort",
        "--version-sort",
    )
)  # fmt: skip
"""Options of sort that take no line out."""


def line_by_line(command: Command) -> bool:
    """Whether the filter does with each line what it does, whatever comes before and after it: a line that it lets
    pass among some it lets pass among more."""
    if command.program in ("grep", "egrep", "fgrep", "cat", "tee", "sponge"):
        return not of(command).has("-m", "--max-count")
    if command.program != "sed":
        return False
    from runaway_watchdog.effects import sed

    words = of(command, "-e --expression")
    try:
        return sed.line_by_line(_scripts(words), extended=words.has("-E", "-r", "--regexp-extended"))
    except (ValueError, re.error):
        return False


def _same(command: Command, lines: Lines) -> Lines | None:
    return lines if [word.text for word in command.words[1:]] in ([], ["-"]) else None


def _tee(command: Command, lines: Lines) -> Lines | None:  # noqa: ARG001
    """It lets everything pass, whatever files it writes as well."""
    return lines


_FILTERS: dict[str, Callable[[Command, Lines], Lines | None]] = {
    "grep": _grep, "egrep": _grep, "fgrep": _grep, "awk": _awk, "gawk": _awk, "mawk": _awk, "head": _head,
    "tail": _tail, "sort": _sort, "uniq": _unique, "cat": _same, "cut": _cut, "tr": _translate, "sed": _sed,
    "tee": _tee, "sponge": _same,
}  # fmt: skip
KNOWN = frozenset(_FILTERS)
