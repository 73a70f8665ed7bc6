"""Every process of the host, as pkill, killall and ps see it."""

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import partial
from itertools import islice
from typing import Final, NamedTuple

from runaway_watchdog.linux import cgroup, cmdline, status
from runaway_watchdog.world import Files
from runaway_watchdog.world.procfs import PROC, STATES, owner_cgroup, stat_of

_MOST_ALIKE: Final = 64
_MOST_BETWEEN: Final = 512
"""Pods of one host: some 110, as they come, and few have more than 250."""
_MOST_INSIDE: Final = 2048
"""Names right inside one group; whoever may make groups may make a hundred thousand."""


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
        uids = status.value(files.read(f"{folder}/status"), "Uid") or ""
        words = cmdline.parse(files.read(f"{folder}/cmdline"))
        real, effective = (int(each) for each in uids.split()[:2])
    except (OSError, ValueError):
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
    found = {pid: running for pid in pids(files) if (running := read(files, pid)) is not None}
    for own in _own(files, found.get):
        found.pop(own, None)
    return tuple(found.values())


def with_arguments(files: Files, wanted: Callable[[tuple[str, ...]], bool]) -> tuple[Running, ...]:
    """Those of `everything` whose arguments are wanted: of the others no more than these is read."""
    found = {pid: running for pid in pids(files) if wanted(arguments(files, pid)) and (running := read(files, pid))}
    ours = _own(files, partial(read, files)) if found else set()
    return tuple(each for pid, each in found.items() if pid not in ours)


def arguments(files: Files, pid: int) -> tuple[str, ...]:
    """Its command line; empty for a kernel thread, a zombie, and for one that is gone or hidden."""
    try:
        return cmdline.parse(files.read(f"{PROC}/{pid}/cmdline"))
    except OSError:
        return ()


def executable(files: Files, pid: int) -> str:
    """The file that it runs; empty where that cannot be read."""
    try:
        return files.target(f"{PROC}/{pid}/exe")
    except OSError:
        return ""


def pids(files: Files) -> list[int]:
    """Of every process that is shown to us, in their order."""
    return sorted(int(name) for name in files.names(PROC) if name.isdigit())


def _own(files: Files, look_up: Callable[[int], Running | None]) -> set[int]:
    """Our own PID, and our ancestors as long as their command lines hold ours: they match whatever the line names."""
    try:
        own = int(files.target(f"{PROC}/self"))
    except (OSError, ValueError):
        return set()
    ours = {own}
    at = look_up(own)
    words = () if at is None else at.arguments[-1:]
    while at is not None and at.ppid and words and (parent := look_up(at.ppid)) and words[0] in parent.line:
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


def of_group(files: Files, group: str) -> list[int]:
    """The PIDs in a control group, or in those that are there now of a kind (`docker-*.scope`)."""
    groups = groups_like(files, group) if "*" in group else [group]
    return [pid for each in groups for pid in members(files, each)]


def groups_like(files: Files, pattern: str) -> list[str]:
    """The groups whose paths fit, with the shell's wildcards in each part; not too many, nor from too many folders."""
    found: dict[str, None] = {}
    for hierarchy in cgroup.HIERARCHIES:
        fitting = _fitting(files, f"{cgroup.MOUNT}{hierarchy}", "", pattern.strip("/").split("/"))
        found |= dict.fromkeys(islice(fitting, _MOST_ALIKE))
    return list(found)[:_MOST_ALIKE]


def _fitting(files: Files, root: str, above: str, parts: Sequence[str]) -> Iterator[str]:
    """Those below `above` whose further parts fit, as they are asked for: one that is empty takes nobody's place."""
    at = next((at for at, part in enumerate(parts) if "*" in part), len(parts) - 1)
    above = "/".join((above, *parts[:at]))
    names = (name for name in _names(files, f"{root}{above}") if fnmatchcase(name, parts[at]))
    groups = (name for name in names if _is_no_file(name) or _is_group(files, f"{root}{above}/{name}"))
    for name in islice(groups, _MOST_BETWEEN):
        path = f"{above}/{name}"
        if at == len(parts) - 1:
            yield path
        else:
            yield from _fitting(files, root, path, parts[at + 1 :])


def _is_group(files: Files, folder: str) -> bool:
    return files.exists(f"{folder}/cgroup.procs")


def _procs(files: Files, folder: str) -> list[int]:
    """None of a threaded group (EOPNOTSUPP), and of one that went."""
    try:
        return cgroup.parse_procs(files.read(f"{folder}/cgroup.procs"))
    except OSError:
        return []


def _inner(files: Files, folder: str) -> list[str]:
    paths = (f"{folder}/{name}" for name in _names(files, folder) if _is_no_file(name))
    return [path for path in islice(paths, _MOST_INSIDE) if _is_group(files, path)]


def _is_no_file(name: str) -> bool:
    """Most of the names are the kernel's own files, which all have a dot, as few groups have (`lxc.payload.web`)."""
    return "." not in name or name.endswith((".service", ".scope", ".slice"))


def _names(files: Files, folder: str) -> Sequence[str]:
    try:
        return files.names(folder)
    except OSError:
        return ()
