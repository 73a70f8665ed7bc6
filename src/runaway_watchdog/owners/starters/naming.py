"""Whether a line, or a script, would start a unit or a program. Pure; text is hostile, and is never run.

No whole grammar: commands, their words without quotes, `NAME=value`, `for NAME in …` and `cd`. It has to be the
command that starts it (`systemctl restart ghost`, the program's own path where a program stands), as whole words: what
only looks at it, ends it, or speaks to another host does not count.
"""

import os.path
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice, takewhile
from typing import NamedTuple

from runaway_watchdog.model.shells import POSIX_SHELLS
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.starters import execs
from runaway_watchdog.owners.starters.execs import Inside
from runaway_watchdog.patterns import Pattern
from runaway_watchdog.world.units import full_name

_BETWEEN = Pattern(r"&&|\|\||;;|[;|&(){}`\n]")
_COMMENT = Pattern(r"(?:^|(?<=\s))#.*", re.MULTILINE)
_JOINED = Pattern(r"\\\n\s*")
_QUOTES = str.maketrans({"'": None, '"': None, ",": " ", "[": " ", "]": " "})
_ASSIGNED = Pattern(r"([A-Za-z_]\w*)=(.*)")
_VARIABLE = Pattern(r"\$([A-Za-z_]\w*|[1-9@*])")
_BRACED = Pattern(r"\$\{([A-Za-z_]\w*|[1-9@*])\}")
_TEST = Pattern(r"\[\[?\s")
_READ_AS = (("\\\n", _JOINED, " "), ("#", _COMMENT, ""), ("${", _BRACED, r"$\1"), ("[", _TEST, " test "))
"""In this order, each where its mark is in the text."""
_LOOP = Pattern(r"(?<![\w./-])(?:while|until|watch|loop|forever|setInterval)(?![\w./-])|\bfor\s*\(\(")

KEYWORDS = frozenset(("then", "do", "else", "elif", "if", "while", "until", "!", "time", "case", "in", "esac"))
ELSEWHERE = frozenset(
    ("ssh", "docker", "podman", "kubectl", "machinectl", "chroot", "nsenter", "lxc", "lxc-attach", "incus", "pct")
)
SAYING = frozenset(("echo", "printf", "logger", "grep", "man", "alias", "export", "mail", "cat", "which", "type"))
AS_ROOT = frozenset(("sudo", "doas", "pkexec"))
LOOKING = SAYING | {
    *("rm", "chmod", "chown", "cp", "mv", "ln", "touch", "stat", "test", "ls", "tail", "head", "cmp", "sha256sum"),
    *("kill", "pkill", "pgrep", "killall"),
}
"""Programs that are given a path and do not run it."""
_TAKES_ONE = ("flock", "su", "runuser", "chpst", "script", "screen", "systemd-run", *AS_ROOT)
_TAKES_NONE = (
    *("exec", "nohup", "setsid", "env", "nice", "ionice", "timeout", "command", "chronic", "cronic", "stdbuf", "."),
    *("source", "daemon", "daemonize", "unshare", "xargs", "eval", "busybox", "at", "batch"),
)
WRAPPERS: Mapping[str, int] = {
    **dict.fromkeys(_TAKES_NONE, 0),
    **dict.fromkeys(_TAKES_ONE, 1),
    "start-stop-daemon": 2,
    "tmux": 3,
}
"""Programs that run another one, and how many words of their own may stand before that."""
INTERPRETERS = Pattern(r"(?:python|perl|ruby|node|php|lua|bash|zsh|ksh)[\d.]*|nodejs|java|deno|bun|Rscript")
SYSTEMCTL_STARTS = frozenset(("start", "restart", "reload-or-restart", "force-reload"))
SERVICE_STARTS = frozenset(("start", "restart", "force-restart", "force-reload"))
VALUED = frozenset(
    (
        *("-t", "--type", "-p", "-P", "--property", "-s", "--signal", "-o", "--output", "-n", "--lines", "--root"),
        *("--job-mode", "--state", "--kill-whom", "--what"),
    )
)
_LITERAL = Pattern(r"[\w./:@=+,~-]*")
"""A word that means itself, and stays one word."""
_OPERAND = Pattern(r"-.*|[A-Za-z_]\w*=.*|[\d.]+[smhd]?")
ON_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin")
MOST_WORDS, MOST_COMMANDS = 200, 2000


@lru_cache(maxsize=16)
def _needles(names: "Names") -> tuple[str, ...]:
    """One of which has to be in a text that starts it."""
    if names.inside.lines:
        return (" exec",)
    stems = (each.removesuffix(".service").partition("@")[0] for each in names.units)
    return tuple(each for each in (*stems, *map(base, names.programs), *names.command[-1:]) if each)


class Names(NamedTuple):
    """What a command has to name."""

    units: frozenset[str] = frozenset()  # with their suffix
    manager: str | None = None  # the user whose own systemd keeps them; None: the system's
    programs: frozenset[str] = frozenset()  # absolute paths
    arguments: frozenset[str] | None = None  # what such a program is given, options aside; None: not known
    command: tuple[str, ...] = ()  # the whole command line, of one whose path says too little (/usr/bin/python3)
    inside: Inside = Inside()  # of a container's process that is none of its start: nothing else is named then


class Said(NamedTuple):
    """A command that starts it: as it is shown, and whether it asks for root's rights."""

    shown: str
    of_unit: bool
    as_root: bool
    of_exec: bool = False  # it is put into a container that runs


class Place(NamedTuple):
    """Where a text is run."""

    folder: str = ""  # "" where it is not known
    home: str = ""
    script: str = ""  # its own path, of a script
    arguments: tuple[str, ...] = ()  # that a script is given


def said(text: str, names: Names, place: Place) -> Said | None:
    """The first command of the text that starts it."""
    if not any(needle in each for needle in _needles(names) for each in (text, *place.arguments)):
        return None
    if names.inside.lines:
        shown = execs.said(text, names.inside, place.folder)
        return None if shown is None else Said(shown, of_unit=False, as_root=False, of_exec=True)
    for words, here in commands(text, place):
        found = _unit(words, names) if names.units else None
        found = found or (_program(words, names, here) if names.programs or names.command else None)
        if found is not None:
            return found
    return None


def scripts(text: str, place: Place, *, on_path: bool = True) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The paths of what its commands run, as far as they are written down, each with what it is given; `on_path`:
    also by a name alone."""
    for words, here in commands(text, place):
        for word in _run(words):
            path = _path(word, here) or _beside(word, here)
            given = tuple(_given(words[words.index(word) + 1 :]))
            if path is not None:
                yield path, given
            elif on_path and "/" not in word:
                yield from ((f"{folder}/{word}", given) for folder in ON_PATH)


def _given(words: Sequence[str]) -> Iterator[str]:
    """The arguments of a program, up to a redirection."""
    return takewhile(lambda word: "<" not in word and ">" not in word, words)


def goes_round(text: str) -> bool:
    """Whether something in it is done again and again."""
    return _LOOP.search(_COMMENT.sub("", text)) is not None


def commands(text: str, place: Place) -> Iterator[tuple[list[str], Place]]:
    """The words of each simple command, variables that are set in the text filled in, and where it is run."""
    known: dict[str, tuple[str, ...]] = {str(at): (word,) for at, word in enumerate(place.arguments[:9], 1)}
    known |= {all_of_them: place.arguments for all_of_them in "@*" if place.arguments}
    plain = text
    for (
        mark,
        pattern,
        instead,
    ) in _READ_AS:  # most lines have none of the marks, and a pattern is compiled when first used
        if mark in plain:
            plain = pattern.sub(instead, plain)
    for part in islice(_BETWEEN.split(plain), MOST_COMMANDS):
        words = _filled(part.translate(_QUOTES).split()[:MOST_WORDS], known)
        if words[:1] == ["for"] and words[2:3] == ["in"]:
            known[words[1]] = tuple(words[3:])
            continue
        while words and (words[0] in KEYWORDS or words[0].startswith("@")):
            words = words[1:]
        while words and "=" in words[0] and (assigned := _ASSIGNED.fullmatch(words[0])):
            known[assigned[1]] = (assigned[2],)
            words = words[1:]
        if words[:1] == ["cd"] and len(words) > 1:
            beside = os.path.dirname(place.script) if words[1] == "$" else ""  # `cd "$(dirname "$0")"`
            place = place._replace(folder=_path(words[1], place) or beside)
        elif words:
            yield words, place


def _filled(words: Sequence[str], known: Mapping[str, tuple[str, ...]]) -> list[str]:
    found: list[str] = []
    for word in words:
        named = _VARIABLE.search(word) if "$" in word else None
        values = known.get(named[1]) if named is not None else None
        if named is None or values is None:
            found.append(word)
        else:
            found += (f"{word[: named.start()]}{value}{word[named.end() :]}" for value in values[:MOST_WORDS])
    return found[:MOST_WORDS]


class _Told(NamedTuple):
    """What a command has a manager start."""

    units: Sequence[str]
    shown: str  # with {unit}
    manager: str | None = None  # "": the caller's own; None: the system's


def _unit(words: Sequence[str], names: Names) -> Said | None:
    for at, word in enumerate(words):
        if base(word) in ELSEWHERE or base(word) in SAYING:
            return None
        told = _told(word, words[at + 1 :])
        if told is None or (told.manager is None) != (names.manager is None):
            continue
        if told.manager and told.manager != names.manager:
            continue
        named = next((each for each in told.units if _is_one_of(each, names.units)), None)
        if named is not None:
            as_root = bool(AS_ROOT & set(map(base, words[:at])))
            return Said(told.shown.replace("{unit}", named), of_unit=True, as_root=as_root)
    return None


def _told(program: str, words: Sequence[str]) -> _Told | None:
    name = base(program)
    if name == "systemctl":
        return _systemctl(words)
    if program.startswith("/etc/init.d/"):
        words = (name, *words)
    elif name not in ("service", "invoke-rc.d", "rc-service"):
        return None
    plain = _plain(words)
    if len(plain) < 2 or plain[1] not in SERVICE_STARTS:
        return None
    return _Told(plain[:1], f"{'service' if program.startswith('/') else name} {{unit}} {plain[1]}")


def _systemctl(words: Sequence[str]) -> _Told | None:
    plain: list[str] = []
    machine, users, rest = "", False, iter(words)
    for word in rest:
        if word in ("-H", "--host", "--global") or word.startswith("--host="):
            return None
        if word in ("-M", "--machine"):
            machine = next(rest, "")
        elif word.startswith("--machine="):
            machine = word.partition("=")[2]
        elif word in VALUED:
            next(rest, "")
        elif not word.startswith("-"):
            plain.append(word)
        users |= word == "--user"
    if not plain or (machine and not (users and machine.endswith("@"))):
        return None
    if plain[0] not in SYSTEMCTL_STARTS and not (plain[0] in ("enable", "reenable") and "--now" in words):
        return None
    shown = f"systemctl {'--user ' if users else ''}{plain[0]} {{unit}}"
    return _Told(plain[1:], shown, machine.removesuffix("@") if users else None)


def _is_one_of(word: str, units: frozenset[str]) -> bool:
    return full_name(word) in units


def _program(words: Sequence[str], names: Names, place: Place) -> Said | None:
    count = len(names.command)
    for word in _run(words):
        at = words.index(word)
        as_root = bool(AS_ROOT & set(map(base, words[:at])))
        if (
            count > 1
            and base(word) == base(names.command[0])
            and tuple(words[at + 1 : at + count]) == names.command[1:]
        ):
            return Said(" ".join(names.command), of_unit=False, as_root=as_root)
        path = _path(word, place) or _beside(word, place)
        if path in names.programs and _may_be(words[at + 1 :], names.arguments):
            return Said(str(path), of_unit=False, as_root=as_root)
    return None


def positional(arguments: Sequence[str]) -> frozenset[str] | None:
    """Of a command line, as `commands` would read them; None for one that a line could write in other ways."""
    if not all(map(_LITERAL.fullmatch, arguments)):
        return None
    return frozenset(_plain(" ".join(arguments).translate(_QUOTES).split()))


def _plain(words: Sequence[str]) -> list[str]:
    return [word for word in words if not word.startswith("-")]


def _may_be(words: Sequence[str], arguments: frozenset[str] | None) -> bool:
    """Whether a program may be given these arguments by these words: one program has many works. Up to a redirection;
    options aside, in any order, and one may say less than the other: a title or a wrapper may have changed them."""
    given = positional(list(_given(words)))
    if arguments is None or given is None or given & SERVICE_STARTS:  # `ghostd start` becomes `ghostd serve`
        return True
    return given <= arguments or arguments <= given


def _run(words: Sequence[str]) -> Iterator[str]:
    """The words of a command that may be the program or the script that it runs: the first one, or what stands behind
    `nohup`, `timeout 5`, `flock -n FILE`, `su - USER -c`, `python3` …"""
    left = 1
    for word in words:
        name = base(word)
        if name in LOOKING or name in ELSEWHERE:
            return
        if name in WRAPPERS:
            left += WRAPPERS[name]
        elif name not in POSIX_SHELLS and not INTERPRETERS.fullmatch(name) and not _OPERAND.fullmatch(word):
            yield word
            left -= 1
        if not left:
            return


def _path(word: str, place: Place) -> str | None:
    """The absolute path that a word means there; None where it means none that is known."""
    if place.home and (word.startswith("~/") or word.startswith("$HOME/")):
        word = f"{place.home}/{word.partition('/')[2]}"
    if "$" in word or not ("/" in word or word == ".."):
        return None
    if not word.startswith("/"):
        return os.path.normpath(f"{place.folder}/{word}") if place.folder else None
    return os.path.normpath(word)


def _beside(word: str, place: Place) -> str | None:
    """`$DIR/x` of a script: a file beside itself, as far as can be told."""
    folder, _, name = word.rpartition("/")
    return f"{os.path.dirname(place.script)}/{name}" if place.script and folder.startswith("$") else None
