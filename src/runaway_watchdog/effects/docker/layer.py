"""What a container wrote outside of volumes: it lies in a layer of its own, and goes with the container.

Most of it is churn, which the image makes again: temporary files, process IDs, caches, what a package manager unpacks,
what an entrypoint writes at each start. The rest is data, and nothing but a backup brings it back.

It is read in the host's own folder (overlay2 keeps the layer there as plain files); where that may not be read, or
another driver keeps it, the engine is asked what the container has changed, which takes it longer.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from os.path import commonpath
from typing import Any, NamedTuple

from runaway_watchdog.effects import Docker
from runaway_watchdog.effects.host.places import DATABASES
from runaway_watchdog.engines import docker as engine, podman
from runaway_watchdog.engines.fields import moment
from runaway_watchdog.engines.model import Container, Inspected
from runaway_watchdog.model.effect import Size
from runaway_watchdog.world import Unanswered, World
from runaway_watchdog.world.paths import under

READING_S = 0.3
"""For all containers of one command together."""
MOST = 20_000
"""Entries of one layer that are looked at: whoever writes more has not only made what a start makes."""
FIRST_S = 60.0
"""How long after a start a file counts as made by the start."""
LARGE_LOGS = 10 << 20
"""Bytes: what is logged in a container's life is rarely more, and whoever keeps more has a reason."""

PASSING = (
    "/tmp", "/var/tmp", "/run", "/var/run", "/var/lock", "/dev", "/proc", "/sys", "/var/cache",  # noqa: S108
)  # fmt: skip
"""Emptied at any time, by what the Filesystem Hierarchy Standard says of them."""
UNPACKED = (
    "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64", "/usr/libexec",
    "/usr/include", "/usr/share/doc", "/usr/share/man", "/usr/share/info", "/usr/share/locale", "/usr/share/zoneinfo",
    "/usr/share/ca-certificates", "/usr/share/perl", "/usr/share/perl5", "/usr/share/python3", "/usr/local/bin",
    "/usr/local/sbin", "/usr/local/lib", "/usr/local/include", "/usr/local/share", "/lib/apk", "/etc/apk", "/etc/apt",
    "/etc/alternatives", "/etc/ssl", "/etc/ca-certificates", "/var/lib/apt", "/var/lib/dpkg", "/var/lib/rpm",
)  # fmt: skip
"""Where package managers unpack: the same packages are there again in a minute."""
BY_HAND = "/usr/local"
"""Programs that no package manager put there may keep their databases beside themselves."""
OF_PACKAGES = re.compile(
    r"/etc/(?:(?:passwd|group|shadow|gshadow|subuid|subgid|shells)-?|ld\.so\.cache|mtab|hostname|hosts|resolv\.conf"
    r"|\.pwd\.lock|ca-certificates\.conf|debconf\.conf|rc[0-6S]\.d|init\.d|default|pam\.d|profile\.d|logrotate\.d|cron\.\w+)"
)
"""What packages and the engine itself write in /etc, beside what somebody configured."""
CONFIGURED = ("/etc", "/usr", "/opt")
"""Here an entrypoint writes at its start what it makes of its environment; what is written later, somebody wrote."""
MADE_AGAIN = frozenset(
    (
        "__pycache__", "cache", "caches", ".cache", "tmp", "temp", "node_modules", ".npm", ".yarn", ".pnpm-store",
        ".pytest_cache", ".mypy_cache", ".gnupg", "hsperfdata_root", "framework",
    )
)  # fmt: skip
"""Folders, by their names: interpreters, package managers and frameworks (Laravel's storage/framework) fill them."""
AT_A_START = frozenset(("static", "staticfiles", "assets", "dist", "build", ".next", ".nuxt", "public"))
"""Folders that a start may build (collectstatic, a bundler): churn where the files are of the first minute."""
LOGS = frozenset(("log", "logs"))
CHURN_NAMES = re.compile(
    r".*\.(?:pyc|pyo|pid|sock|lock|swp|tmp|bak~)|\.(?:bash|ash|sh|zsh|psql|mysql|python|node_repl|rediscli|sqlite)_history"
    r"|\.(?:viminfo|lesshst|wget-hsts|dockerenv|rnd|selected_editor)"
)
"""Locks, process IDs, and the history of who typed in there."""
MARKS = {**DATABASES, "mongod.lock": "MongoDB", "appendonly.aof": "Redis"}
DATABASE_FILE = re.compile(r".*\.(?:db|db3|sqlite|sqlite3|mdb|kdbx)")


class Written(NamedTuple):
    """The part of a layer that is data."""

    files: int
    size: Size
    folder: str  # inside, the one that holds all of it
    what: str  # "PostgreSQL's data"; "": files that nothing is known about
    unread: str = ""  # why it could not be looked at: then nothing else is known

    @property
    def told(self) -> str:
        """As the end of a sentence that says where the data goes."""
        if self.unread:
            return f"how much that is could not be looked at: {self.unread}"
        count = "1 file" if self.files == 1 else f"{'at least ' if self.size.at_least else ''}{self.files} files"
        return f"{self.what}, {count} in {self.folder}" if self.what else f"{count} in {self.folder}"


class File(NamedTuple):
    """One that the container wrote or changed. `written_at` 0.0: not known."""

    path: str  # inside
    size: int
    written_at: float


NONE = Written(0, Size(0), "/", "")


def deadline(world: World) -> float:
    """When the reading of one command's layers ends, by the monotonic clock."""
    return world.clock.monotonic() + READING_S


def of(container: Container, docker: Docker, world: World, until: float) -> Written | None:
    """What of its layer is data; None: nothing is. Raises Unanswered where it cannot be inspected."""
    if container.state == "created" or container.id.startswith("new:"):
        return None  # it has never run, or the line itself makes it
    if world.clock.monotonic() > until:
        return NONE._replace(size=Size(None), unread="there were too many containers to look into in time")
    known = inspection(container, docker, world)
    return None if known is None else data(known, docker, world, until)


def inspection(container: Container, docker: Docker, world: World) -> Inspected | None:
    """Raises Unanswered."""
    return podman.container(world, container.id) if docker.podman else engine.container(world, container.id)


def data(known: Inspected, docker: Docker, world: World, until: float, below: str = "/") -> Written | None:
    """What of the layer, at a path inside or below it, is data."""
    starts = tuple(filter(None, map(moment, (known.created, known.started))))
    try:
        found, complete = files(known, world, until, below)
    except OSError:
        if docker.podman:
            return NONE._replace(size=Size(None), unread="the folder that Podman keeps it in may not be read")
        return _by_changes(known, world, starts, below)
    return _told(found, starts, complete=complete, below=below)


def files(known: Inspected, world: World, until: float, below: str = "/") -> tuple[list[File], bool]:
    """The files of the layer with content, and whether these are all. Raises OSError where it cannot be read."""
    if not known.layer:
        raise FileNotFoundError(known.id)
    found: list[File] = []
    pending, seen = [below.rstrip("/")], 0
    while pending:
        folder = pending.pop()
        for path, entry in _entries(known.layer, folder, world):
            seen += 1
            if entry[0] == "folder" and not _passing(path):
                pending.append(path)
            elif entry[0] == "file" and entry[1]:
                found.append(File(path, int(entry[1]), float(entry[2])))
        if seen > MOST or world.clock.monotonic() > until:
            return found, not pending
    return found, True


def _entries(layer: str, folder: str, world: World) -> Iterator[tuple[str, Sequence[Any]]]:
    """Raises OSError for the layer itself alone: what goes meanwhile is no fault."""
    try:
        names = world.files.names(f"{layer}{folder}")
    except OSError:
        if not folder:
            raise
        try:
            yield folder, world.files.status(f"{layer}{folder}")  # a file, where one was asked for
        except OSError:
            return
        return
    for name in names:
        try:
            yield f"{folder}/{name}", world.files.status(f"{layer}{folder}/{name}")
        except OSError:
            continue


def _by_changes(known: Inspected, world: World, starts: Sequence[float], below: str) -> Written | None:
    """From what the engine tells of it: paths without sizes, and one size for all."""
    try:
        listed, size = engine.changes(world, known.id)
    except Unanswered as unanswered:
        return NONE._replace(size=Size(None), unread=unanswered.gap.problem)
    folders = {path.rpartition("/")[0] for path in listed} | {each.target.rstrip("/") for each in known.mounts}
    plain = [File(path, 1, 0.0) for path in listed if path not in folders and under(path, below)]
    if size == 0 or not plain:
        return None
    told = _told(plain, starts, complete=True, below=below)
    return told if told is None else told._replace(size=Size(size))


def _told(found: Sequence[File], starts: Sequence[float], *, complete: bool, below: str) -> Written | None:
    databases = {each.path.rpartition("/")[0]: MARKS[_name(each)] for each in found if _name(each) in MARKS}
    kept = [each for each in found if not churn(each, starts) or _in_any(each.path, databases)]
    if sum(each.size for each in found if _log(each.path)) <= LARGE_LOGS:
        kept = [each for each in kept if not _log(each.path) or _in_any(each.path, databases)]
    if not kept:
        return None if complete else Written(0, Size(None), below, "", "it is too large to be looked at in time")
    size = Size(sum(each.size for each in kept), not complete, max(each.written_at for each in kept) or None)
    return Written(len(kept), size, _common(kept), _what(kept, databases))


def churn(file: File, starts: Iterable[float]) -> bool:
    """Whether the image makes it again, or nobody would want it back. Logs are told apart by how much they are."""
    path = file.path
    *folders, name = path.split("/")
    if under(path, BY_HAND) and DATABASE_FILE.fullmatch(name):
        return False
    if _passing(path) or any(under(path, each) for each in UNPACKED) or OF_PACKAGES.match(path):
        return True
    if CHURN_NAMES.fullmatch(name) or not MADE_AGAIN.isdisjoint(folders):
        return True
    first = any(0.0 <= file.written_at - start <= FIRST_S for start in starts)
    return first and (any(under(path, each) for each in CONFIGURED) or not AT_A_START.isdisjoint(folders))


def _passing(path: str) -> bool:
    return any(under(path, each) for each in PASSING)


def _log(path: str) -> bool:
    *folders, name = path.split("/")
    return not LOGS.isdisjoint(folders) or name.endswith(".log")


def _in_any(path: str, folders: Iterable[str]) -> bool:
    return any(under(path, each) for each in folders if not _passing(each))


def _name(file: File) -> str:
    return file.path.rpartition("/")[2]


def _what(kept: Sequence[File], databases: dict[str, str]) -> str:
    products = sorted({f"{product}'s data" for folder, product in databases.items() if not _passing(folder)})
    if products:
        return " and ".join(products)
    return "a database" if any(DATABASE_FILE.fullmatch(_name(each)) for each in kept) else ""


def _common(kept: Sequence[File]) -> str:
    return commonpath([each.path.rpartition("/")[0] or "/" for each in kept])
