"""Every process of the host, as pkill, killall and ps see it."""

from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from runaway_watchdog.linux import cgroup, cmdline, status
from runaway_watchdog.world import Files
from runaway_watchdog.world.procfs import PROC, STATES, owner_cgroup, stat_of

_MOST_ALIKE: Final = 64


class Running(NamedTuple):
    """One process. Text is hostile."""

    pid: int
    comm: str  # at most 15 characters
    arguments: tuple[str, ...]  # empty: a kernel thread or a zombie
    ppid: int
    group: int
    session: int
    terminal: int  # tty_nr of /proc/PID/stat; 0: none
    start_ticks: int
    real_uid: int
    effective_uid: int
    state: str

    @property
    def line(self) -> str:
        """The command line as pgrep -f and ps match it; the name where there is none."""
        return " ".join(self.arguments) or self.comm


def read(files: Files, pid: int) -> Running | None:
    """One process; None: it is not there, or it went while it was read."""
    folder = f"{PROC}/{pid}"
    try:
        stat = stat_of(files, pid)
        told = status.parse(files.read(f"{folder}/status"))
        words = cmdline.parse(files.read(f"{folder}/cmdline"))
        real, effective = (int(each) for each in told["Uid"].split()[:2])
    except (OSError, ValueError, KeyError):
        return None
    return Running(
        pid,
        stat.comm,
        words,
        stat.ppid,
        stat.group,
        stat.session,
        stat.tty,
        stat.start_ticks,
        real,
        effective,
        STATES.get(stat.state, "unknown"),
    )


def everything(files: Files) -> tuple[Running, ...]:
    """All processes but our own and those that carry our words to us (sudo, a shell's -c), by PID."""
    pids = sorted(int(name) for name in files.names(PROC) if name.isdigit())
    found = {pid: running for pid in pids if (running := read(files, pid)) is not None}
    for own in _own(files, found):
        found.pop(own, None)
    return tuple(found.values())


def _own(files: Files, found: dict[int, Running]) -> set[int]:
    """Our own PID, and our ancestors as long as their command lines hold ours: they match whatever the line names."""
    try:
        own = int(files.target(f"{PROC}/self"))
    except (OSError, ValueError):
        return set()
    ours = {own}
    words = found[own].arguments[-1:] if own in found else ()
    at = found.get(own)
    while at is not None and words and (parent := found.get(at.ppid)) is not None and words[0] in parent.line:
        ours.add(parent.pid)
        at = parent
    return ours


def cgroup_of(files: Files, pid: int) -> str:
    """The control group that names a process's owner; "" where it cannot be read."""
    try:
        return owner_cgroup(files, pid)
    except OSError:
        return ""


def members(files: Files, group: str) -> tuple[int, ...]:
    """The PIDs in a control group and everything below it, as the first hierarchy tells them that has the group."""
    if group in ("", "/"):
        return ()
    roots = (f"{cgroup.MOUNT}{hierarchy}{group}" for hierarchy in cgroup.HIERARCHIES)
    root = next((each for each in roots if _is_group(files, each)), None)
    if root is None:
        return ()
    return tuple(sorted(set(cgroup.members(root, lambda at: _procs(files, at), lambda at: _inner(files, at)))))


def groups_like(files: Files, pattern: str) -> list[str]:
    """The paths of the groups right inside one whose names fit, with the shell's wildcards; not too many."""
    above, _, name = pattern.rpartition("/")
    folders = (f"{cgroup.MOUNT}{hierarchy}{above}" for hierarchy in cgroup.HIERARCHIES)
    found: dict[str, None] = {}
    for folder in folders:
        try:
            found |= dict.fromkeys(each for each in files.names(folder) if fnmatchcase(each, name))
        except OSError:
            continue
    return [f"{above}/{each}" for each in found][:_MOST_ALIKE]


def _is_group(files: Files, folder: str) -> bool:
    return files.exists(f"{folder}/cgroup.procs")


def _procs(files: Files, folder: str) -> list[int]:
    """None of a threaded group (EOPNOTSUPP), and of one that went."""
    try:
        return cgroup.parse_procs(files.read(f"{folder}/cgroup.procs"))
    except OSError:
        return []


def _inner(files: Files, folder: str) -> list[str]:
    try:
        names = files.names(folder)
    except OSError:
        return []
    # Most of the names are the kernel's own files, which all have a dot.
    likely = (name for name in names if "." not in name or name.endswith((".service", ".scope", ".slice")))
    return [f"{folder}/{name}" for name in likely if _is_group(files, f"{folder}/{name}")]
