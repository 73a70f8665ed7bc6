"""Writes the guard into a shell's start file or an agent's settings, and takes it out again, byte for byte.

Nothing is written through a link, into a file of another user's, or below a folder that others may write to.
"""

import os
import stat
import tempfile
from pathlib import Path
from shlex import join
from typing import Final, NamedTuple

from runaway_watchdog.guard import agents
from runaway_watchdog.guard.script import GUARDED_SHELLS

TARGETS: Final = (*GUARDED_SHELLS, *agents.AGENTS)
LARGEST: Final = 1 << 22
"""Bytes of a file that is changed here."""
MARK: Final = "  # runaway-watchdog guard"


class RefusedError(Exception):
    """The file may not be changed, or not safely; the text says why, for the person."""


class Change(NamedTuple):
    """What a file holds, and what it is to hold. None: there is no file."""

    path: Path
    before: bytes | None
    after: bytes | None
    piece: str  # what is written or taken away, for the person


def change(target: str, program: list[str], *, remove: bool, home: Path) -> Change:
    """What is to be done for a shell or an agent. Raises RefusedError."""
    path = _file(target, home)
    check(path)
    before = _read(path)
    if target in GUARDED_SHELLS:
        line = line_for(target, program)
        after = _without_line(before) if remove else _with_line(before, line)
        return Change(path, before, after, line)
    agent = agents.AGENTS[target]
    command = join([*program, "guard", "--check", *([] if agent.asks else ["--no-ask"])])
    return Change(path, before, _settings(before, agent, command, remove), agents.element(agent, command))


def _settings(before: bytes | None, agent: agents.Agent, command: str, remove: bool) -> bytes | None:
    try:
        text = None if before is None else before.decode()
        if not remove:
            after: str | None = agents.with_hook(text, agent, command)
        else:
            after = None if text is None else agents.without_hook(text, agent)
    except (agents.SettingsError, UnicodeDecodeError) as fault:
        raise RefusedError(str(fault)) from fault
    return None if after is None else after.encode()


def _file(target: str, home: Path) -> Path:
    match target:
        case "bash":
            return home / ".bashrc"
        case "zsh":
            return Path(os.environ.get("ZDOTDIR") or home) / ".zshrc"
        case "fish":
            return Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "fish" / "config.fish"
        case _:
            return home / agents.AGENTS[target].file


def line_for(shell: str, program: list[str]) -> str:
    """The line of the start file; without the program it does nothing."""
    words = join(program)
    if shell == "fish":
        return f"command -q {join(program[:1])}; and {words} guard fish | source{MARK}"
    return f'command -v {join(program[:1])} >/dev/null && eval "$({words} guard {shell})"{MARK}'


def _with_line(before: bytes | None, line: str) -> bytes:
    """The line at the end. A file that ends without a line feed does so with it too: so it can be told afterwards."""
    if before is None:
        return f"{line}\n".encode()
    rows = before.split(b"\n")
    if any(map(_is_ours, rows)):
        return b"\n".join(line.encode() if _is_ours(row) else row for row in rows)
    if before.endswith(b"\n"):
        return before + f"{line}\n".encode()
    return before + f"\n{line}".encode() if before else line.encode()


def _without_line(before: bytes | None) -> bytes | None:
    rows = [] if before is None else before.split(b"\n")
    kept = [row for row in rows if not _is_ours(row)]
    if before is None or len(kept) == len(rows):
        return before
    return None if len(rows) == 2 and kept == [b""] else b"\n".join(kept)


def _is_ours(row: bytes) -> bool:
    return row.endswith(MARK.encode())


def check(path: Path) -> None:
    """Raises RefusedError where the file, or a folder on the way to it, is not this user's alone to change."""
    me = os.geteuid()
    for each in (*reversed(path.absolute().parents), path):
        try:
            found = each.lstat()
        except FileNotFoundError:
            return
        except OSError as fault:
            raise RefusedError(f"{each}: {fault.strerror}") from fault
        if stat.S_ISLNK(found.st_mode):
            raise RefusedError(f"{each} is a link: add it to the file behind the link")
        if each == path and not stat.S_ISREG(found.st_mode):
            raise RefusedError(f"{each} is no regular file")
        if found.st_uid != me and (each == path or found.st_uid != 0):
            raise RefusedError(f"{each} belongs to another user: run this as that user")
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not _private(found):
            raise RefusedError(f"{each} can be changed by other users")


def _private(found: os.stat_result) -> bool:
    """A folder like /tmp, where each changes what is his own; or one of a group that is the user's own."""
    sticky = stat.S_ISDIR(found.st_mode) and bool(found.st_mode & stat.S_ISVTX)
    return sticky or (not found.st_mode & stat.S_IWOTH and found.st_gid == found.st_uid)


def _read(path: Path) -> bytes | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise RefusedError(f"{path}: {fault.strerror}") from fault
    with open(handle, "rb") as file:
        text = file.read(LARGEST + 1)
    if len(text) > LARGEST:
        raise RefusedError(f"{path} is larger than any file of its kind")
    return text


def write(wanted: Change) -> None:
    """Put the new file in the place of the old one, if that is still what was read. Raises RefusedError, OSError."""
    check(wanted.path)
    if _read(wanted.path) != wanted.before:
        raise RefusedError(f"{wanted.path} has just been changed by another program: run this again")
    if wanted.after is None:
        wanted.path.unlink(missing_ok=True)
        return
    wanted.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    check(wanted.path)
    mode = 0o600 if wanted.before is None else stat.S_IMODE(wanted.path.lstat().st_mode)
    handle, name = tempfile.mkstemp(dir=wanted.path.parent, prefix=f"{wanted.path.name}.")
    try:
        with open(handle, "wb") as file:
            file.write(wanted.after)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, wanted.path)
    except OSError:
        os.unlink(name)
        raise
