"""Whether a text puts a program into a container: `docker exec NAME WORDS…`, in cron, a unit or a loop. Pure.

A container runs much by one interpreter, so the words have to be the same; a word with a variable in it may be any.
"""

import os.path
import shlex
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from runaway_watchdog.model.shells import POSIX_SHELLS
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.patterns import Pattern

CLIENTS = ("docker", "podman", "nerdctl", "docker-compose", "podman-compose")
VALUED = frozenset(("-e", "--env", "--env-file", "-u", "--user", "-w", "--workdir", "--detach-keys", "--index"))
GLOBAL_VALUED = frozenset(
    ("-H", "--host", "-c", "--context", "-f", "--file", "-p", "--project-name", "--project-directory", "--env-file")
)
WRAPPERS = frozenset(
    (
        *("timeout", "nice", "ionice", "nohup", "env", "setsid", "gosu", "su-exec", "setpriv", "sudo", "chpst"),
        *("stdbuf", "flock"),
    )
)
MOST_LINES, MOST_WRAPPING = 2000, 6
_JOINED = Pattern(r"\\\n\s*")
_BETWEEN = Pattern(r"&&|\|\||[;|&\n]")
_ENDS = Pattern(r"[;|&()<>]+$|[<>]")
_DONE_BY_THE_SHELL = Pattern(r"[$`*?\[]")


class Inside(NamedTuple):
    """A process in a container that is no part of its start."""

    containers: frozenset[str] = frozenset()  # its name and its IDs
    service: str = ""  # of its Compose project
    folder: str = ""  # of that
    lines: tuple[tuple[str, ...], ...] = ()  # the command lines of the process and of those above it in there


class _Exec(NamedTuple):
    client: str
    container: str
    words: tuple[str, ...]
    compose: bool


def said(text: str, inside: Inside, folder: str) -> str | None:
    """The first command that does, as it is shown; `folder` is where the text is run, "" where that is not known."""
    if " exec" not in text:
        return None
    for each in _execs(text):
        known = each.container in inside.containers
        if each.compose:
            known = each.container == inside.service and folder == inside.folder != ""
        if known and any(_same(words, line) for words in _commands(each.words) for line in inside.lines):
            return f"{each.client} exec {each.container} {' '.join(each.words)}"[:120]
    return None


def _execs(text: str) -> Iterator[_Exec]:
    plain = _JOINED.sub(" ", text)
    for line in plain.split("\n")[:MOST_LINES]:
        words = _split(line) if " exec" in line else []
        for at, word in enumerate(words):
            if base(word) in CLIENTS and (found := _exec(base(word), words[at + 1 :])) is not None:
                yield found


def _split(line: str) -> list[str]:
    """Its words; what stands between commands is a word of its own."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";|&()")
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:
        return line.split()


def _exec(client: str, words: Sequence[str]) -> _Exec | None:
    rest = iter(words)
    verb = next(_operands(rest, GLOBAL_VALUED), "")
    compose = client.endswith("-compose") or verb == "compose"
    if verb in ("compose", "container"):
        client = f"{client} compose" if compose else client
        verb = next(_operands(rest, GLOBAL_VALUED), "")
    container = next(_operands(rest, VALUED), "") if verb == "exec" else ""
    given = tuple(takewhile(lambda word: not _ENDS.match(word), rest))
    return _Exec(client, container, given, compose) if container else None


def _operands(words: Iterator[str], valued: frozenset[str]) -> Iterator[str]:
    """Words that are no options and no values of such."""
    for word in words:
        if word in valued:
            next(words, "")
        elif not word.startswith("-"):
            yield word


def _commands(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The words themselves, and what they wrap: of `sh -c LINE` each command of the line (a shell may become its last
    one), of `timeout 5 WORDS` the words."""
    yield words
    if words and base(words[0]) in WRAPPERS:
        yield from (words[at:] for at in range(1, min(len(words), MOST_WRAPPING)))
    if words and base(words[0]) in (*POSIX_SHELLS, "busybox"):
        at = next((at for at, word in enumerate(words) if word.startswith("-") and word.endswith("c")), None)
        for part in () if at is None else _BETWEEN.split(" ".join(words[at + 1 : at + 2])):
            inner = _split(part)
            yield tuple(inner[1:] if inner[:1] == ["exec"] else inner)


def _same(words: tuple[str, ...], line: tuple[str, ...]) -> bool:
    """Whether a process with this command line may come of these words; a script has its interpreter before it."""
    if not words or len(words) > len(line):
        return False
    before, rest = line[: len(line) - len(words)], line[len(line) - len(words) :]
    if before and not ("/" in words[0] and len(before) <= 2):
        return False
    return all(
        _DONE_BY_THE_SHELL.search(word) is not None or word == other or os.path.basename(word) == other
        for word, other in zip(words, rest, strict=True)
    )
