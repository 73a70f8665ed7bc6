"""What a path means on this host: volume data, a container's folder, a database, the system itself, a plain file.

Paths here are real ones (links followed). Databases are known by the files that their own manuals name: PG_VERSION,
ibdata1, WiredTiger, dump.rdb, and SQLite's header.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from runaway_watchdog.effects import Container, Host, Volume
from runaway_watchdog.model.effect import Effect, Size
from runaway_watchdog.world import World
from runaway_watchdog.world.paths import Entry, Tree, under
from runaway_watchdog.world.procfs import PROC

SIZING_S = 0.2
OPENERS_S = 0.15
"""Time limits of one command: an answer late is no answer."""

PASSING = ("/tmp", "/var/tmp", "/var/cache", "/run", "/dev/shm", "/var/lib/apt/lists")  # noqa: S108 - compared with
SYSTEM = (
    "/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/opt", "/proc", "/root", "/sbin",
    "/srv", "/sys", "/usr", "/var", "/var/lib", "/var/log", "/var/lib/dpkg", "/var/lib/docker", "/var/lib/containerd",
    "/var/lib/systemd", "/etc/systemd/system",
)  # fmt: skip
SYSTEM_BELOW = ("/bin", "/boot", "/lib", "/lib64", "/sbin", "/usr/bin", "/usr/lib", "/usr/sbin", "/var/lib/dpkg")
DATABASES = {
    "PG_VERSION": "PostgreSQL",
    "ibdata1": "MySQL or MariaDB",
    "WiredTiger": "MongoDB",
    "dump.rdb": "Redis",
    "appendonlydir": "Redis",
}
UNIT_FILE = re.compile(
    r"(?:/etc|/usr/lib|/lib|/run)/systemd/system/(?P<unit>[^/]+\.(?:service|socket|timer|path|mount|target))"
)
CONFIG_FILES = "com.docker.compose.project.config_files"
SQLITE = "SQLite format 3\0"


def tree(host: Host, world: World) -> Tree:
    """The file system as `host` has it."""

    def lies(path: str) -> str | None:
        for index in range(len(host.moved) - 1, -1, -1):
            new, old = host.moved[index]
            if under(path, new):
                path = old + path[len(new) :]
            elif under(path, old):
                return None
        folder = path
        while folder not in host.deleted:
            if folder in ("", "/"):
                return path
            folder = folder.rpartition("/")[0]
        return None

    return Tree(world.files, lies)


def lost(path: str, entry: Entry, why: str, host: Host, world: World) -> tuple[Effect, ...]:
    """The end of what is at `path`: the file or folder itself, and every volume whose data is in it."""
    volumes = tuple(volume for volume in host.docker.volumes if _covers(path, volume))
    size = measured(path, entry, host, world)
    if volumes and any(path in (each.mountpoint, each.mountpoint.rpartition("/")[0]) for each in volumes):
        return tuple(_volume_lost(volume, size, why, host, world) for volume in volumes)
    inner = tuple(_volume_lost(each, None, f"its data is in {path}", host, world) for each in volumes)
    return (_path_lost(path, entry, size, why, host, world), *inner)


def _covers(path: str, volume: Volume) -> bool:
    """Whether the path is the volume's data or holds it."""
    return bool(volume.mountpoint) and under(volume.mountpoint, path)


def _volume_lost(volume: Volume, size: Size | None, why: str, host: Host, world: World) -> Effect:
    if size is None:
        size = _folder_size(volume.mountpoint, world)
    users = tuple(sorted(each.name for each in host.docker.containers if volume.name in each.volumes))
    told = f"{why}: the data of this volume; nothing but a backup brings it back"
    return Effect("delete", "volume", volume.name, size.bytes != 0, told, size, users)


def _path_lost(path: str, entry: Entry, size: Size, why: str, host: Host, world: World) -> Effect:
    if entry.kind == "link":
        told = f"{why}: a symbolic link, what it points to stays"
        return Effect("delete", "path", path, False, told, size)
    what, users = meaning(path, entry, host, world)
    if what is None and passing(path):
        return Effect("delete", "path", path, False, f"{why}: a place for what may go at any time", size)
    if size.bytes == 0 and not size.at_least:
        return Effect("delete", "path", path, False, f"{why}: it is empty", size, users)
    openers = opened_by(path, world)
    told = f"{why}: {what}" if what else why
    if openers:
        told += "; it is open in a running process, which goes on with what no longer has a name"
    return Effect("delete", "path", path, True, told, size, (*users, *openers))


def passing(path: str) -> bool:
    """Whether the place itself says that what is in it may go: temporary files and caches."""
    return (any(under(path, each) for each in PASSING) and path not in PASSING) or "/.cache/" in path


def meaning(path: str, entry: Entry, host: Host, world: World) -> tuple[str | None, tuple[str, ...]]:
    """What the path is to this host, and who uses it; None: a file like any other."""
    for volume in host.docker.volumes:
        if volume.mountpoint and under(path, volume.mountpoint):
            users = sorted(each.name for each in host.docker.containers if volume.name in each.volumes)
            return f"it is data of volume {volume.name}", tuple(users)
    bound = sorted(each.name for each in host.docker.containers if _binds(path, each))
    database = _database(path, entry, world)
    if bound:
        what = f"{database}, " if database else ""
        return f"{what}a folder of this host that containers work in", tuple(bound)
    if database:
        return database, ()
    return _definition(path, host) or _system(path)


def _binds(path: str, container: Container) -> bool:
    """The path is a bind mount's source, in it or above it; what every container binds of the system tells nothing."""
    return any(
        (under(path, bind) and bind not in SYSTEM) or (under(bind, path) and bind != "/") for bind in container.binds
    )


def _database(path: str, entry: Entry, world: World) -> str | None:
    folders = [path] if entry.kind == "folder" else []
    parent = path.rpartition("/")[0]
    folders += [parent, parent.rpartition("/")[0]]
    for folder in folders:
        for mark, product in DATABASES.items():
            if folder not in ("", "/") and world.files.exists(f"{folder}/{mark}"):
                return f"{product}'s data"
    if entry.kind == "file" and entry.size >= 512:
        try:
            if world.files.read(path).startswith(SQLITE):
                return "an SQLite database"
        except OSError:
            return None
    return None


def _definition(path: str, host: Host) -> tuple[str, tuple[str, ...]] | None:
    """A unit file or a Compose file: what it describes goes on running and can no longer be described."""
    if unit := UNIT_FILE.fullmatch(path):
        return f"it defines {unit['unit']}, which goes on running undefined", (unit["unit"],)
    described = [
        each.name for each in host.docker.containers if path in (each.labels.get(CONFIG_FILES) or "").split(",")
    ]
    if described:
        return "a Compose file: its containers go on running undescribed", tuple(sorted(described))
    return None


def _system(path: str) -> tuple[str | None, tuple[str, ...]]:
    if path in SYSTEM or any(under(path, each) for each in SYSTEM_BELOW):
        return "a part of the system that this host cannot do without", ("this host",)
    if path.startswith("/home/") and path.count("/") == 2:
        return "everything that this user has", (path.rpartition("/")[2],)
    return None, ()


def measured(path: str, entry: Entry, host: Host, world: World) -> Size:
    """A file's size, or what is in a folder, counted for a fifth of a second at most."""
    if entry.kind == "file":
        return Size(entry.size, False, entry.written_at)
    if entry.kind != "folder":
        return Size(0 if entry.kind == "link" else None)
    disk = next((old + path[len(new) :] for new, old in reversed(host.moved) if under(path, new)), path)
    return _folder_size(disk, world)


def _folder_size(path: str, world: World) -> Size:
    """A folder that holds nothing but folders and empty files has 0 bytes."""
    try:
        return world.files.size(path, SIZING_S)
    except OSError:
        return Size(None)


def opened_by(path: str, world: World) -> tuple[str, ...]:
    """The processes that have the path, or something in it, open now: "postgres (812)". At most a few are named."""
    deadline = world.clock.monotonic() + OPENERS_S
    found: list[str] = []
    for pid in sorted((name for name in world.files.names(PROC) if name.isdigit()), key=int, reverse=True):
        if len(found) >= 5 or world.clock.monotonic() > deadline:
            break
        if any(under(each, path) for each in _open_files(pid, world)):
            found.append(f"{_comm(pid, world)} ({pid})")
    return tuple(found)


def _open_files(pid: str, world: World) -> Iterator[str]:
    """Targets of a process's file descriptors; none where they may not be read."""
    folder = f"{PROC}/{pid}/fd"
    try:
        names = world.files.names(folder)
    except OSError:
        return
    for name in names:
        try:
            yield world.files.target(f"{folder}/{name}")
        except OSError:
            continue


def _comm(pid: str, world: World) -> str:
    try:
        return world.files.read(f"{PROC}/{pid}/comm").strip()
    except OSError:
        return "a process"


def without(host: Host, *paths: str) -> Host:
    """The host once these are deleted."""
    gone = set()
    for path in paths:
        for new, old in reversed(host.moved):
            if under(path, new):
                path = old + path[len(new) :]  # noqa: PLW2901 - the name follows the content
        gone.add(path)
    return replace(host, deleted=host.deleted | gone)
