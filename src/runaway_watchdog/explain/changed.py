"""What was changed shortly before a process became hot: its container, image, unit, Compose file, crontab, packages.

Told from what leaves a date behind, each by itself: that something was changed before does not make it the reason.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from typing import TYPE_CHECKING, Final, NamedTuple

from runaway_watchdog.hostile import clean
from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.model.casefile import Change, ChangeKind
from runaway_watchdog.model.container import DOCKER_KINDS
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.cron.details import AnacronJob, Job
from runaway_watchdog.owners.interface import Owner, Read
from runaway_watchdog.owners.systemd.details import service_of
from runaway_watchdog.world import Traces, Unanswered, World

if TYPE_CHECKING:
    from runaway_watchdog.owners.docker.details import ContainerOwner

BEFORE_S: Final = 600.0
"""What was changed longer ago than that and did no harm till then is no likely reason."""
GRACE_S: Final = 10.0
"""When it became hot is known to a few seconds; what made it hot may have been written down a moment later."""
MOST_SEARCHED: Final = 100
"""Of so many packages the lists of files are read, the newest first."""
_NAME_LIMIT: Final = 80


def changed(world: World, facts: Facts, owners: Sequence[Owner], since: float | None) -> tuple[Change, ...]:
    """What lies within the ten minutes before `since`, the newest first. Empty as well where nobody can look.

    `since`: hot since, as far as the watch knows; otherwise the process's own start stands in for it.
    """
    until = (facts.process.started_at if since is None else since) + GRACE_S
    try:
        found = (
            *_packages(world.traces, until, facts.process),
            *(each for owner in owners for each in _of(owner, facts, world.traces)),
        )
    except Unanswered:
        return ()
    fitting = [each for each in dict.fromkeys(found) if until - BEFORE_S - GRACE_S <= each.at <= until]
    return tuple(sorted(fitting, key=lambda each: -each.at))


def _of(owner: Owner, facts: Facts, traces: Traces) -> Iterator[Change]:
    """What is dated of one owner."""
    if owner.kind in DOCKER_KINDS and isinstance(owner, Read):
        yield from _container(owner, traces)
    if (unit := service_of(owner)) is not None:
        yield from _written(traces, "unit", (unit.unit_file, *unit.drop_ins), "was edited")
    job = owner.details if isinstance(owner, Read) else None
    if isinstance(job, Job | AnacronJob):
        yield from _written(traces, "crontab", (job.table,), "was edited")
        for each in (facts.process, *facts.ancestors):
            if each.pid == job.main_pid:
                name = clean(owner.name, _NAME_LIMIT)
                yield Change("cron-job", each.started_at, f"cron started {name}", f"/proc/{each.pid}/stat: its start")


def _container(owner: "ContainerOwner", traces: Traces) -> Iterator[Change]:
    """When it was made, its image came, its project's files were written."""
    container = owner.details
    if container.created_at:
        told = f"container {clean(container.container, _NAME_LIMIT)} was created"
        yield Change("container", container.created_at, told, f"GET /containers/{owner.id[:12]}/json: Created")
    if container.image_file and (at := traces.newest(container.image_file)):
        told = f"image {clean(container.image, _NAME_LIMIT)} came to this host"
        yield Change("image", at, told, f"pulled, built or loaded: {container.image_file}")
    if container.compose is not None:
        yield from _written(traces, "compose-file", container.compose.config_files, "was edited")


def _written(traces: Traces, kind: ChangeKind, paths: Iterable[object], what: str) -> Iterator[Change]:
    for path in paths:
        at = traces.written(path) if isinstance(path, str) and path.startswith("/") else None
        if at is not None:
            yield Change(kind, at, f"{clean(str(path), _NAME_LIMIT)} {what}", f"last write of {path}")


# --- packages ----------------------------------------------------------------------------------------------------


DPKG_LOG: Final = "/var/log/dpkg.log"
DPKG_INFO: Final = "/var/lib/dpkg/info"
MOST_WORDS: Final = 4
"""Of a command line: the interpreter, its options and the script."""


class _Log(NamedTuple):
    """A package manager's log: `parse` takes a line to (time, what was done, package)."""

    path: str
    parse: Callable[[str], tuple[float, str, str] | None]


def _packages(traces: Traces, until: float, process: Process) -> Iterator[Change]:
    """One change for each log: how many packages, and which of them hold what the process runs."""
    for log in _LOGS:
        done = list(_lately(log, traces.tail(log.path) or "", until))
        if done:
            names = list(dict.fromkeys(name for _, _, name in done))[:MOST_SEARCHED]
            run = frozenset(name for name in names if log.path == DPKG_LOG and _runs(traces, name, process))
            yield Change("packages", max(at for at, _, _ in done), _told(done, run), log.path)


def _runs(traces: Traces, package: str, process: Process) -> bool:
    """Whether the program or a script that the process was started with is the package's, by dpkg's own list."""
    if len(process.namespace_pids) > 1:  # what a container runs is not of the host's packages
        return False
    started_with = (process.exe or "", *process.cmdline[:MOST_WORDS])
    paths = {each for path in started_with if path.startswith("/") for each in (path, path.removeprefix("/usr"))}
    try:
        lists = (traces.tail(f"{DPKG_INFO}/{package}{arch}.list") for arch in ("", ":amd64", ":arm64"))
        return any(not paths.isdisjoint(lines_of(text)) for text in lists if text)
    except Unanswered:
        return False


def _lately(log: _Log, text: str, until: float) -> Iterator[tuple[float, str, str]]:
    """Of a log that goes back for months, the last minutes: from its end, until a line is older."""
    for line in reversed(lines_of(text)):
        found = log.parse(line)
        if found is not None and found[0] < until - BEFORE_S - GRACE_S:
            return
        if found is not None and found[0] <= until:
            yield found


def _told(done: Sequence[tuple[float, str, str]], run: Set[str]) -> str:
    """ "3 packages were upgraded, with what it runs: nodejs" (installed and removed as well)."""
    sentences: list[str] = []
    for what in ("upgraded", "installed", "removed"):
        names = list(dict.fromkeys(name for _, verb, name in reversed(done) if verb == what))
        if names:
            named = ", ".join(clean(name, 60) for name in names if name in run)
            were = "package was" if len(names) == 1 else "packages were"
            sentences.append(f"{len(names)} {were} {what}{f', with what it runs: {named}' if named else ''}")
    return "; ".join(sentences)


def _moment(text: str) -> float | None:
    """Seconds since the epoch; a time without a zone is the host's own."""
    from datetime import datetime  # 3 ms, only where a log has something to tell

    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return None


_DONE: Final = {
    "upgrade": "upgraded", "install": "installed", "remove": "removed", "purge": "removed",
    "Upgrade:": "upgraded", "Upgraded:": "upgraded", "Installed:": "installed", "Erase:": "removed",
    "Removed:": "removed", "upgraded": "upgraded", "installed": "installed", "removed": "removed",
}  # fmt: skip


def _dpkg(line: str) -> tuple[float, str, str] | None:
    """`2026-11-22 21:47:14 upgrade curl:amd64 7.88.1-10 7.88.1-11` (dpkg(1), --log)."""
    words = line.split(" ", 5)
    if len(words) < 4 or words[2] not in ("upgrade", "install", "remove", "purge"):
        return None
    at = _moment(" ".join(words[:2]))
    return None if at is None else (at, _DONE[words[2]], words[3].partition(":")[0])


def _dnf(line: str) -> tuple[float, str, str] | None:
    """`2026-11-22T21:47:14+0000 SUBDEBUG Upgrade: curl-8.2.1-3.fc39.x86_64` (dnf's plugin for rpm's callbacks)."""
    words = line.split()
    if len(words) < 4 or words[2] not in _DONE:
        return None
    at = _moment(words[0])
    return None if at is None else (at, _DONE[words[2]], words[3])


def _pacman(line: str) -> tuple[float, str, str] | None:
    """`[2026-11-22T21:47:14+0100] [ALPM] upgraded curl (8.4.0-2 -> 8.5.0-1)`."""
    words = line.split()
    if len(words) < 4 or words[1] != "[ALPM]" or words[2] not in _DONE:
        return None
    at = _moment(words[0].strip("[]"))
    return None if at is None else (at, _DONE[words[2]], words[3])


_LOGS: Final = (
    _Log(DPKG_LOG, _dpkg),
    _Log("/var/log/dnf.rpm.log", _dnf),
    _Log("/var/log/pacman.log", _pacman),
)
