"""Shells, interpreters and scanners of service folders that run now, as far as their command lines say what they run.

Read as text, never run.
"""

import os
import pwd
import re
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from runaway_watchdog.linux import cmdline, status

NAME = re.compile(
    r"-?(?:.*/)?(?:sh|bash|dash|ash|zsh|ksh|busybox|watch|(?:python|perl|ruby|node|php|lua)[\d.]*|nodejs|runsvdir"
    r"|s6-svscan|svscan)"
)
MOST, MOST_SECONDS, MOST_BYTES = 2000, 0.25, 8192


class RunningScript(NamedTuple):
    """One of them, of this host and no container. Text is hostile."""

    pid: int
    words: tuple[str, ...]
    user: str
    folder: str  # it works in; "" where that may not be read


def parse(told: Any) -> tuple[RunningScript, ...]:
    """As a recording holds it."""
    return tuple(RunningScript(pid, tuple(words), user, folder) for pid, words, user, folder in told)


def running() -> Iterator[RunningScript]:
    """In the order of their PIDs, without ourselves; as many as the time allows."""
    until = time.monotonic() + MOST_SECONDS
    own = {os.getpid(), os.getppid()}
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit())[-MOST:]:
        if time.monotonic() > until:
            return
        if pid not in own and (found := _read(pid)) is not None:
            yield found


def _read(pid: int) -> RunningScript | None:
    folder = f"/proc/{pid}"
    try:
        words = cmdline.parse(_text(f"{folder}/cmdline"))
        if len(words) < 2 or not NAME.fullmatch(words[0]):
            return None
        told = _text(f"{folder}/status")
        if len((status.value(told, "NSpid") or "").split()) > 1:
            return None
        user = pwd.getpwuid(int((status.value(told, "Uid") or "").split()[1])).pw_name
    except (OSError, KeyError, ValueError, IndexError):
        return None
    try:
        return RunningScript(pid, words, user, os.readlink(f"{folder}/cwd"))
    except OSError:
        return RunningScript(pid, words, user, "")


def _text(path: str) -> str:
    with open(path, "rb", buffering=0) as file:
        return file.read(MOST_BYTES).decode("utf-8", "surrogateescape")
