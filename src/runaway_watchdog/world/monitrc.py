"""monit's control file: which processes it checks, and what it does when one is not there. And its state file.

As monit 5.33 reads them (monit(1)): words are separated by blanks, strings are quoted, `#` begins a comment, a check
goes on until the next one begins. Only the words that decide whether a process is started again are looked at.
"""

import re
import struct
from collections.abc import Iterator
from itertools import pairwise, zip_longest
from typing import NamedTuple

from runaway_watchdog.world.inside import Inside

SEARCHED = ("/etc/monit/monitrc", "/etc/monitrc", "/usr/local/etc/monitrc")
MOST_FILES = 200
_TOKEN = re.compile(r"\"[^\"]*+\"?|'[^']*+'?|#[^\n]*+|[^\s\"'#]++")
_TOP = ("check", "set", "include")
_STATE_HEAD, _STATE_RECORD, _NAME = 16, 392, 256


class Check(NamedTuple):
    """One `check process`, from its first line to its last (from 1)."""

    name: str
    path: str
    line: int
    last_line: int | None  # None where it ends in another file, or where the next statement shares its line
    pidfile: str  # "" where it goes by `matching`
    words: tuple[str, ...]  # of the statements in it; strings without their quotes

    @property
    def starts(self) -> bool:
        """Whether it knows how to start the process."""
        return "start" in self.words

    @property
    def stops(self) -> bool:
        return "stop" in self.words

    @property
    def passive(self) -> bool:
        """Whether it only looks (`mode passive`, `mode manual`)."""
        modes = [after for word, after in pairwise(self.words) if word == "mode"]
        return bool(modes) and modes[-1] in ("passive", "manual")

    @property
    def when_gone(self) -> str:
        """What it does when the process is not there: `restart` where nothing is said."""
        text = " ".join(self.words)
        found = re.search(
            r"\bif (?:does )?not exist\b(?: for \d+ cycles| \d+(?: times within)? \d* ?cycles)? then (\w+)", text
        )
        return found[1] if found else "restart"

    @property
    def every(self) -> int | None:
        """`every N cycles`; 1 where nothing is said, None for a schedule."""
        text = " ".join(self.words)
        if found := re.search(r"(?:^| )every (\d{1,6}) cycles?\b", text):
            return int(found[1])
        return None if re.search(r"(?:^| )(?:not )?every \S+ \S", text) else 1


class Control(NamedTuple):
    checks: tuple[Check, ...]
    cycle_s: float | None  # `set daemon N`; None where it is not said there
    web: bool  # `set httpd`: without it the command line cannot talk to the daemon
    state: str  # its state file

    def check(self, name: str) -> Check | None:
        return next((each for each in self.checks if each.name == name), None)


class _Token(NamedTuple):
    text: str
    path: str
    line: int


def read(inside: Inside, path: str) -> Control:
    """The file and what it includes. Raises OSError where the file itself cannot be read."""
    return parse(list(_read(inside, path, 0)))


def _read(inside: Inside, path: str, depth: int) -> Iterator[_Token]:
    tokens = iter(tokenized(inside.read(path), path))
    for token in tokens:
        if token.text.lower() != "include" or depth > 2:
            yield token
            continue
        for each in inside.glob(next(tokens, _Token("", "", 0)).text)[:MOST_FILES]:
            yield from _read(inside, each, depth + 1)


def tokenized(text: str, path: str) -> Iterator[_Token]:
    """The words of one file, without comments and quotes, each with its line."""
    line, at = 1, 0
    for found in _TOKEN.finditer(text):
        line += text.count("\n", at, found.start())
        at = found.start()
        if not found[0].startswith("#"):
            yield _Token(found[0].strip("\"'"), path, line)


def parse(tokens: list[_Token]) -> Control:
    """Checks and settings. Never fails: what is not known is passed over."""
    checks: list[Check] = []
    cycle_s: float | None = None
    web, state = False, "/var/lib/monit/state"
    parts = list(_parts(tokens))
    for part, after in zip_longest(parts, parts[1:]):
        words = tuple(token.text.lower() for token in part)
        if words[:2] == ("check", "process") and len(part) > 3:
            checks.append(_check(part, after[0] if after else None))
        elif words[:2] == ("set", "daemon") and len(part) > 2 and re.fullmatch(r"\d{1,6}", words[2]):
            cycle_s = float(words[2])
        elif words[:2] == ("set", "httpd"):
            web = True
        elif words[:2] == ("set", "statefile") and len(part) > 2:
            state = part[2].text
    return Control(tuple(checks), cycle_s, web, state)


def _parts(tokens: list[_Token]) -> Iterator[list[_Token]]:
    """Each from one word that begins a statement of the first rank to the next one."""
    part: list[_Token] = []
    for token in tokens:
        if token.text.lower() in _TOP and part:
            yield part
            part = []
        part.append(token)
    if part:
        yield part


def _check(part: list[_Token], after: _Token | None) -> Check:
    rest = part[3:]
    pidfile = next((b.text for a, b in pairwise(rest) if a.text.lower() == "pidfile"), "")
    first, last = part[2], part[-1]
    apart = first.path == last.path and (after is None or (after.path, after.line) != (last.path, last.line))
    words = tuple(token.text.lower() for token in rest)
    return Check(first.text, first.path, first.line, last.line if apart else None, pidfile, words)


def monitored(text: str, name: str) -> bool | None:
    """Whether monit watches a process now, from its state file; None where that cannot be told.

    Format 4 (monit 5.30 and later): a head of 16 bytes, then for each service its name in 256, its type and whether
    it is watched as numbers of 4 bytes, and counters.
    """
    data = text.encode("utf-8", "surrogateescape")
    if len(data) < _STATE_HEAD or struct.unpack_from("<ii", data) != (0, 4):
        return None
    for at in range(_STATE_HEAD, len(data) - _STATE_RECORD + 1, _STATE_RECORD):
        found = data[at : at + _NAME].split(b"\0")[0].decode("utf-8", "surrogateescape")
        if found == name:
            return bool(struct.unpack_from("<ii", data, at + _NAME)[1])
    return None
