"""Shells, and how one was started: with a script, with a line (`-c`), or for a person to type into. Pure."""

from typing import Literal, NamedTuple

from runaway_watchdog.model.process import Process
from runaway_watchdog.model.shells import POSIX_SHELLS

RUNNING_SHELLS = POSIX_SHELLS | {"mksh", "ksh93"}  # by the name of the file that runs
_TAKES_ONE = frozenset({"-o", "+o", "-O", "+O", "--rcfile", "--init-file"})
"""Options whose value is the next argument."""


class Shell(NamedTuple):
    """`text`: the line of `sh -c`, or the path of a script; empty for a shell that reads what somebody types."""

    way: Literal["line", "script", "typed"]
    text: str
    errexit: bool  # -e: it exits as soon as a command fails


def base(path: str | None) -> str:
    """The file name of a program, also of one that was deleted since."""
    return (path or "").removesuffix(" (deleted)").rpartition("/")[2]


def shell(process: Process) -> Shell | None:
    """How a shell was started; None for any other program.

    The file that runs decides, and the name it was called by where that is unknown or a busybox: any process may
    call itself `sh`.
    """
    words = list(process.cmdline)
    if base(process.exe) == "busybox" and words and base(words[0]) == "busybox":
        words = words[1:]
    program = base(process.exe)
    if program in ("", "busybox"):
        program = base(words[0]).removeprefix("-") if words else process.name
    return started(words[1:]) if program in RUNNING_SHELLS else None


def started(arguments: list[str]) -> Shell:
    """By the words behind its name."""
    errexit = line = False
    rest = iter(arguments)
    for word in rest:
        if word == "--":
            word = next(rest, "")  # noqa: PLW2901 - what follows is the script or the line
        elif word in _TAKES_ONE:
            errexit = errexit or next(rest, "") == "errexit"
            continue
        elif word[:1] in ("-", "+") and len(word) > 1:
            letters = "" if word.startswith("--") else word[1:]
            errexit = errexit or (word[0] == "-" and "e" in letters)
            line = line or "c" in letters
            if "s" in letters:
                break
            continue
        if word:
            return Shell("line" if line else "script", word, errexit)
        break
    return Shell("typed", "", errexit)
