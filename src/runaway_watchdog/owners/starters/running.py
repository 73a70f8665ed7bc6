"""Loops that run now and start a unit or a program again: scripts that somebody left running by hand, in tmux …"""

import os.path
from collections.abc import Iterator, Sequence

from runaway_watchdog.model.process import Process
from runaway_watchdog.owners.common.shells import base, started
from runaway_watchdog.owners.starters import closing, naming
from runaway_watchdog.owners.starters.details import Found, Line, Starter
from runaway_watchdog.owners.starters.naming import INTERPRETERS, Place
from runaway_watchdog.world import World, procfs
from runaway_watchdog.world.running_scripts import RunningScript
from runaway_watchdog.world.startup import StartFile

OF_A_LINE = ("-c", "-e", "-r")
"""Options of interpreters whose value is the program itself."""


def lines(world: World) -> Iterator[Line]:
    """Each that goes round."""
    for each in world.startup.running():
        path, text = _text(each, world)
        if text and (naming.goes_round(text) or base(each.words[0]) == "watch"):
            program = base(each.words[0]).removeprefix("-")
            name = f"{base(path) or (program if program == 'watch' else f'{program} -c')} ({each.pid})"
            home, given = "/root" if each.user == "root" else "", _given(each.words, path)
            place = Place(os.path.dirname(path) or each.folder, home, path, given)
            yield Line(StartFile("running", path, each.user, text), 0, name, each.user, text, place, str(each.pid))


def _text(running: RunningScript, world: World) -> tuple[str, str]:
    """The path of its script, "" for a line of text; and the text, "" where it is not to be read."""
    program, *words = running.words
    name = base(program).removeprefix("-")
    if name == "busybox" and words:
        name, *words = words
    if name == "watch":
        return "", " ".join(words)
    if not INTERPRETERS.fullmatch(name) or name in ("bash", "zsh", "ksh"):
        shell = started(words)
        path, line = (shell.text, "") if shell.way == "script" else ("", shell.text)
    else:
        at = next((at for at, word in enumerate(words[:-1]) if word in OF_A_LINE), None)
        line = "" if at is None else words[at + 1]
        path = "" if line else next((word for word in words if not word.startswith("-")), "")
    if line or not path:
        return "", line
    if not path.startswith("/"):
        path = os.path.normpath(f"{running.folder}/{path}") if running.folder else ""
    return path, (world.startup.script(path, running.user) or "" if path else "")


def _given(words: tuple[str, ...], path: str) -> tuple[str, ...]:
    """What its script is given."""
    at = next((at for at, word in enumerate(words) if path and base(word) == base(path)), len(words))
    return words[at + 1 :]


def is_one_of(line: Line, seen: Sequence[tuple[Starter, Found]], world: World) -> bool:
    """Whether a unit or the like is told already that runs this one, and that ends with it: KillMode= may leave it
    running, and a line of cron is held without what it runs."""
    pid = int(line.pid)
    holding = [(starter, found) for starter, found in seen if starter.revives and starter.close]
    acting = [each for each in holding if each[0].ends == "all" or (each[0].ends == "main" and each[0].main_pid == pid)]
    if line.file.path and any(line.file.path in found.scripts[:1] for _, found in acting):
        return True
    process = _process(pid, world)
    if process is None:
        return True
    group = process.control_group.users_own or process.control_group
    return any(group.unit == starter.name for starter, _ in acting)


def starter(line: Line, found: Found, world: World) -> Starter:
    """It is held as a process: frozen, or ended where a terminal would let it go on."""
    told = Starter(line.name, f"{found.runs} in a loop", found.starts, "")
    told = told._replace(evidence=f"/proc/{line.pid}/cmdline: {found.said.shown}", revives=True)
    process = _process(int(line.pid), world)
    if process is None:
        return told
    above = _process(process.ppid, world) if process.ppid > 1 else None
    until = f"somebody lets {line.name} go on, or starts it anew"
    return told._replace(close=closing.script_that_runs(line.name, process, above), until=until)


def _process(pid: int, world: World) -> Process | None:
    try:
        return procfs.process(world.files, pid)[0]
    except (OSError, procfs.NoSuchProcessError):
        return None
