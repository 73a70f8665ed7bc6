"""Who uses a file or folder of this host now, beside containers: processes, mounts, units, and crontabs.

Paths here are real ones (links followed).
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from runaway_watchdog.effects.host import precious, projects, serving, texts
from runaway_watchdog.linux import mounts
from runaway_watchdog.world import World
from runaway_watchdog.world.paths import under
from runaway_watchdog.world.procfs import PROC, stat_of

PROCESSES_S = 0.15
"""Time limit of one command: an answer late is no answer."""
NAMED = 5
UNIT_FOLDERS = ("/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system")
"""Where the administrator's units are. Those of packages speak of the packages' own files."""
CRONTABS = ("/etc/cron.d", "/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly")
SPOOL = "/var/spool/cron/crontabs"
UNTOLD = ("/", "/home", "/root", "/srv", "/opt", "/var", "/usr", "/etc")
"""Folders that so many texts name that it says nothing."""
STANDING_AROUND = frozenset(
    ("sh", "bash", "dash", "zsh", "fish", "ksh", "tmux", "tmux: server", "tmux: client", "screen", "login", "su",
     "sudo", "ssh", "sshd", "sshd-session", "vi", "vim", "nvim", "nano", "emacs", "less", "man", "top", "htop", "mc",
     "watch", "tail", "sleep", "cron", "crond", "atd", "systemd", "(sd-pam)", "dockerd", "containerd", "docker",
     "runaway-watchdo")
)  # fmt: skip
"""Programs whose working folder is where somebody happens to be, and nothing that they need."""
WORN_OUT = re.compile(r".*\.(?:log(?:\.\d+)?(?:\.gz)?|pid|lock|tmp|swp|pyc|old|orig|rej)|.*~")
"""Files that an application in a folder above does not miss unless it has them open."""


class Uses(NamedTuple):
    """`by` names them: "postgres (812)", "backup.service", "crontab of root". `complete`: all could be looked at."""

    by: tuple[str, ...]
    complete: bool


class Table(NamedTuple):
    """All that uses anything, looked up once for all the files of one command."""

    processes: tuple[tuple[str, tuple[str, ...]], ...]  # PID -> what it stands in ("": unknown), runs, and has open
    kernel: tuple[tuple[str, str], ...]  # a swap file or a loop device's file -> what the kernel makes of it
    texts: tuple[tuple[str, str, str], ...]  # who would use what a text names, its file, the text
    complete: bool
    served: tuple[tuple[str, str], ...] = ()  # a web server, a folder that it gives to the world


def table(world: World) -> Table:
    """Never raises; what may not be looked at makes it incomplete."""
    deadline = world.clock.monotonic() + PROCESSES_S
    asking = _asking(world)
    pids = {name for name in world.files.names(PROC) if name.isdigit()} - asking
    found: list[tuple[str, tuple[str, ...]]] = []
    complete = True
    for pid in sorted(pids, key=int, reverse=True):
        if world.clock.monotonic() > deadline:
            complete = False
            break
        try:
            found.append((pid, tuple(_links(pid, world))))
        except PermissionError:
            complete = False
        except OSError:
            continue  # it ended while it was looked at
    written = tuple((user, file, texts.read(file, world)) for user, file in _texts(world))
    return Table(tuple(found), tuple(_kernel(world)), written, complete, tuple(serving.roots(world)))


def of(path: str, world: World, among: Table | None = None) -> Uses:
    """Who uses the path, or something in it."""
    among = among or table(world)
    by = (*_processes(path, among, world), *(user for file, user in among.kernel if under(file, path)))
    served = (user for user, root in among.served if under(root, path) or (under(path, root) and path not in UNTOLD))
    by = (*by, *_written(path, among), *served, *projects.of(path, world))
    return Uses(tuple(dict.fromkeys(by)), among.complete)


def _processes(path: str, among: Table, world: World) -> Iterator[str]:
    """Those of this host's own files; at most a few are named."""
    users = (pid for pid, links in among.processes if _uses(pid, links, path, world))
    own = _root("self", world)
    for pid in islice((pid for pid in users if _root(pid, world) == own), NAMED):
        yield f"{_comm(pid, world)} ({pid})"


def _uses(pid: str, links: tuple[str, ...], path: str, world: World) -> bool:
    """Something of it is there, or it works in a folder above: what an application needs next is not open yet."""
    if any(under(each, path) for each in links):
        return True
    folder = links[0] if links else ""
    if folder in ("", *UNTOLD) or not under(path, folder) or precious.is_made_anew(path) or WORN_OUT.fullmatch(path):
        return False
    return _comm(pid, world).removeprefix("-") not in STANDING_AROUND


def _asking(world: World) -> set[str]:
    """This process and its ancestors: the shell that the line is typed into stands in the folder by itself."""
    found: set[str] = set()
    pid = "self"
    while pid not in found and pid not in ("0", "1"):
        try:
            stat = stat_of(world.files, pid)
            found |= {pid, str(stat.pid)}
            pid = str(stat.ppid)
        except (OSError, ValueError):
            break
    return found


def _root(pid: str, world: World) -> str:
    """Which file system a process's "/" is: in a container the same path is another file."""
    found = mounts.parse_mountinfo(texts.read(f"{PROC}/{pid}/mountinfo", world))
    return next((f"{each.device} {each.root}" for each in found if each.target == "/"), "")


def _links(pid: str, world: World) -> Iterator[str]:
    """What a process has open, runs, and stands in. Raises OSError where that may not be looked at."""
    folder = f"{PROC}/{pid}"
    yield _target(f"{folder}/cwd", world)
    links = [f"{folder}/exe", *(f"{folder}/fd/{name}" for name in world.files.names(f"{folder}/fd"))]
    for link in links:
        try:
            yield world.files.target(link)
        except PermissionError:
            raise
        except OSError:
            continue  # closed meanwhile; a kernel thread runs no file


def _target(link: str, world: World) -> str:
    """Raises PermissionError alone."""
    try:
        return world.files.target(link)
    except PermissionError:
        raise
    except OSError:
        return ""


def _comm(pid: str, world: World) -> str:
    try:
        return world.files.read(f"{PROC}/{pid}/comm").strip()
    except OSError:
        return "a process"


def _kernel(world: World) -> Iterator[tuple[str, str]]:
    """Swap files, and files that stand in for disks."""
    yield from ((path, "swap") for path in mounts.parse_swaps(texts.read("/proc/swaps", world)))
    for name in texts.names("/sys/block", world):
        if name.startswith("loop"):
            yield texts.read(f"/sys/block/{name}/loop/backing_file", world).removesuffix("\n"), f"/dev/{name}"


def _written(path: str, among: Table) -> Iterator[str]:
    """Units and crontabs that name it: what is needed tomorrow is not open today."""
    if path in UNTOLD:
        return
    named = re.compile(rf"(?<![\w./-]){re.escape(path)}(?![\w.-])")
    for user, file, text in among.texts:
        if not under(file, path) and named.search(text):
            yield user


def _texts(world: World) -> Iterator[tuple[str, str]]:
    """Who would use what a file names, and that file."""
    for folder in UNIT_FOLDERS:
        for name in texts.names(folder, world):
            yield from ((name.removesuffix(".d"), file) for file in _files_of_unit(folder, name, world))
    yield "/etc/crontab", "/etc/crontab"
    for folder in CRONTABS:
        yield from ((f"{folder}/{name}", f"{folder}/{name}") for name in texts.names(folder, world))
    yield from ((f"crontab of {name}", f"{SPOOL}/{name}") for name in texts.names(SPOOL, world))


def _files_of_unit(folder: str, name: str, world: World) -> Iterator[str]:
    """The unit's own file, or its drop-ins."""
    if name.endswith(".d"):
        yield from (f"{folder}/{name}/{each}" for each in texts.names(f"{folder}/{name}", world))
    elif not name.endswith((".wants", ".requires")):
        yield f"{folder}/{name}"
