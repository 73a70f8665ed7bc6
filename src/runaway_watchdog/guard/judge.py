"""Asks the preflight what a line would do, within a time limit."""

import json
import os
import signal
from typing import Any, Final

from runaway_watchdog import programs
from runaway_watchdog.hostile import clean
from runaway_watchdog.model.effect import EXIT_CODES

LIMIT_S: Final = 3
MOST_S: Final = 12
_OUT_OF_TIME: Final = (-signal.SIGALRM, 128 + signal.SIGALRM)
"""The verdict stands, though what was looked up for the person beside it did not come in time."""


class NotJudgedError(Exception):
    """The preflight gave no answer that can be relied on; the text says why, for the person."""


def limit(load: float, cpus: int) -> int:
    """Seconds that the preflight may take. A host that is overloaded, which is when people reach for strong
    commands, starts every program late: the limit stretches with the load on each CPU."""
    return min(MOST_S, round(LIMIT_S * max(1.0, load / max(1, cpus))))


def judge(line: str, program: list[str]) -> dict[str, Any]:
    """The document of `preflight --json` for the line. Raises NotJudgedError."""
    seconds = limit(os.getloadavg()[0], os.cpu_count() or 1)
    try:
        done = programs.run([*program, "preflight", "--json", "--verdict-first", "-"], seconds=seconds, stdin=line)
    except (OSError, ValueError) as fault:
        raise NotJudgedError(f"the preflight cannot be started: {fault}") from fault
    documents = _documents(done.stdout)
    if not documents:
        if done.returncode == -signal.SIGALRM:
            raise NotJudgedError(f"no answer within {seconds} s")
        said = clean(done.stderr.strip().partition("\n")[0], 200)
        raise NotJudgedError(f"the check failed (exit code {done.returncode}){': ' if said else ''}{said}")
    document = documents[-1]
    if not isinstance(document, dict) or document.get("schema_version") != 1:
        raise NotJudgedError("the check answered in an unknown format")
    first = len(documents) == 1 and done.returncode in _OUT_OF_TIME
    if EXIT_CODES.get(str(document.get("verdict"))) != done.returncode and not first:
        raise NotJudgedError(f"the check says {document.get('verdict')!r} but exits with {done.returncode}")
    return document


def _documents(text: str) -> list[Any]:
    """The whole documents: the verdict, and the same with what was looked up for it since. What was cut is left."""
    found, decoder = [], json.JSONDecoder()
    rest = text.lstrip()
    while rest:
        try:
            document, end = decoder.raw_decode(rest)
        except (ValueError, RecursionError):
            break
        found.append(document)
        rest = rest[end:].lstrip()
    return found
