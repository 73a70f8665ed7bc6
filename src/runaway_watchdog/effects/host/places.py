"""What a path means on this host: volume data, a container's folder, a database, the system itself, a plain file.

Paths here are real ones (links followed). Databases are known by the files that their own manuals name: PG_VERSION,
ibdata1, WiredTiger, dump.rdb, and SQLite's header.
"""

import re
from collections.abc import Sequence

from runaway_watchdog.effects import HostState
from runaway_watchdog.effects.host import precious, uses
from runaway_watchdog.engines.model import Container, Volume
from runaway_watchdog.linux import mounts
from runaway_watchdog.model.effect import Effect, Size
from runaway_watchdog.world import World
from runaway_watchdog.world.paths import Entry, Made, Tree, under

SIZING_S = 0.2
"""Time limit of one command: an answer late is no answer."""

PASSING = ("/tmp", "/var/tmp", "/var/cache", "/run", "/dev/shm", "/var/lib/apt/lists")  # noqa: S108 - compared with
IN_MEMORY = ("tmpfs", "ramfs", "devtmpfs", "nsfs", "proc", "sysfs", "cgroup", "cgroup2", "mqueue", "hugetlbfs")
LATER = float("inf")
"""When a file is written that the line itself makes: after all that is there now."""
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
PODMAN = re.compile(r"/containers/storage(?:/volumes(?:/(?P<volume>[^/]+)(?:/.*)?)?)?")
"""Podman's own folder, of the system or of a user: told by the path alone, without a start of the program."""
CONFIG_FILES = "com.docker.compose.project.config_files"
SQLITE = "SQLite format 3\0"


def tree(host: HostState, world: World) -> Tree:
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

    return Tree(world.files, lies, host.made, (new for new, _ in host.moved))


def lost(
    path: str, entry: Entry, why: str, host: HostState, world: World, among: uses.Table | None = None
) -> tuple[Effect, ...]:
    """The end of what is at `path`: the file or folder itself, and every volume whose data is in it.

    `among` is what is in use on this host, for those who ask about several paths.
    """
    brought = _brought(path, why, host, world, among)
    if path in host.made:
        return (Effect("delete", "path", path, False, f"{why}: this line made it itself"), *brought)
    name = on_disk(path, host)
    volumes = tuple(volume for volume in host.docker.volumes if _covers(name, volume))
    size = measured(path, entry, host, world)
    if volumes and any(name in (each.mountpoint, each.mountpoint.rpartition("/")[0]) for each in volumes):
        return tuple(_volume_lost(volume, size, why, host, world) for volume in volumes)
    inner = tuple(_volume_lost(each, None, f"its data is in {path}", host, world) for each in volumes)
    return (_path_lost(path, entry, size, why, host, world, among), *inner, *brought)


def _brought(path: str, why: str, host: HostState, world: World, among: uses.Table | None) -> tuple[Effect, ...]:
    """What the line itself has moved into the folder before."""
    now = tree(host, world)
    found: list[Effect] = []
    for new, _ in host.moved:
        if new != path and under(new, path) and (entry := now.entry(new)) is not None and new not in host.made:
            found.append(_path_lost(new, entry, measured(new, entry, host, world), why, host, world, among))
    return tuple(found)


def _covers(path: str, volume: Volume) -> bool:
    """Whether the path is the volume's data or holds it."""
    return bool(volume.mountpoint) and under(volume.mountpoint, path)


def _volume_lost(volume: Volume, size: Size | None, why: str, host: HostState, world: World) -> Effect:
    if size is None:
        size = _folder_size(volume.mountpoint, world)
    users = tuple(sorted(each.name for each in host.docker.containers if volume.name in each.volumes))
    told = f"{why}: the data of this volume; nothing but a backup brings it back"
    return Effect("delete", "volume", volume.name, size.bytes != 0, told, size, users, in_use=bool(users))


def _path_lost(
    path: str, entry: Entry, size: Size, why: str, host: HostState, world: World, among: uses.Table | None
) -> Effect:
    """It is named as it is called now, before the line gives it another name."""
    name = on_disk(path, host)
    why = why if name == path else f"{why}, called {path} by then"
    if entry.kind == "link" and name in SYSTEM:  # /bin and /lib64 of a host with a merged /usr
        told = f"{why}: the system's programs and libraries are found by this link: without it none starts"
        return Effect("delete", "path", name, True, told, size, in_use=True)
    if entry.kind == "link":
        told = f"{why}: a symbolic link, what it points to stays"
        return Effect("delete", "path", name, False, told, size)
    what, users = meaning(name, entry, host, world)
    if what is None and passing(name, world):
        return Effect("delete", "path", name, False, f"{why}: a place for what may go at any time", size)
    if size.bytes == 0 and not size.at_least:
        return Effect("delete", "path", name, False, f"{why}: it is empty", size, users)
    used = uses.of(name, world, among)
    what = what or precious.what(name, entry, tree(without(host, path), world), world)
    told = f"{why}: {what}" if what else why
    if used.by:
        told += "; what uses it now goes on with something that no longer has a name, or fails when it asks for it next"
    return Effect("delete", "path", name, True, told, size, (*users, *used.by), in_use(what, users, used))


def in_use(what: str | None, users: Sequence[str], used: uses.Uses) -> bool | None:
    """Whether anything on this host needs it; None where not all could be looked at."""
    if what or users or used.by:
        return True
    return False if used.complete else None


def passing(path: str, world: World) -> bool:
    """Whether the place itself says that what is in it may go: temporary files and caches, and no disk is there."""
    place = "/.cache/" in path or (any(under(path, each) for each in PASSING) and path not in PASSING)
    return place and not _mounted_there(path, world)


def _mounted_there(path: str, world: World) -> bool:
    """A file system of its own below a place for temporary files: another folder, a volume, a disk."""
    try:
        found = mounts.parse(world.files.read("/proc/self/mounts"))
    except OSError:
        return False
    return any(
        each.kind not in IN_MEMORY
        and (under(path, each.target) or under(each.target, path))
        and ("/.cache/" in each.target or any(under(each.target, place) for place in PASSING))
        and each.target not in PASSING
        for each in found
    )


def meaning(path: str, entry: Entry, host: HostState, world: World) -> tuple[str | None, tuple[str, ...]]:
    """What the path is to this host, and who uses it; None: a file like any other."""
    for volume in host.docker.volumes:
        if volume.mountpoint and under(path, volume.mountpoint):
            users = sorted(each.name for each in host.docker.containers if volume.name in each.volumes)
            return f"it is data of volume {volume.name}", tuple(users)
    bound = sorted(each.name for each in host.docker.containers if _binds(path, each))
    found = database(path, entry, world)
    if bound:
        what = f"{found}, " if found else ""
        return f"{what}a folder of this host that containers work in", tuple(bound)
    if found:
        return found, ()
    return _definition(path, host) or _podman(path) or _system(path)


def _binds(path: str, container: Container) -> bool:
    """The path is a bind mount's source, in it or above it; what every container binds of the system tells nothing."""
    return any(
        (under(path, bind) and bind not in SYSTEM) or (under(bind, path) and bind != "/") for bind in container.binds
    )


def database(path: str, entry: Entry, world: World) -> str | None:
    """Whose data it is, or is beside."""
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


def _definition(path: str, host: HostState) -> tuple[str, tuple[str, ...]] | None:
    """A unit file or a Compose file: what it describes goes on running and can no longer be described."""
    if unit := UNIT_FILE.fullmatch(path):
        return f"it defines {unit['unit']}, which goes on running undefined", (unit["unit"],)
    described = [
        each.name for each in host.docker.containers if path in (each.labels.get(CONFIG_FILES) or "").split(",")
    ]
    if described:
        return "a Compose file: its containers go on running undescribed", tuple(sorted(described))
    return None


def _podman(path: str) -> tuple[str, tuple[str, ...]] | None:
    found = PODMAN.search(path)
    if found is None or found.end() != len(path):
        return None
    return (f"it is data of Podman's volume {found['volume']}" if found["volume"] else "Podman's data"), ()


def _system(path: str) -> tuple[str | None, tuple[str, ...]]:
    if path in SYSTEM or any(under(path, each) for each in SYSTEM_BELOW):
        return "a part of the system that this host cannot do without", ("this host",)
    if path.startswith("/home/") and path.count("/") == 2:
        return "everything that this user has", (path.rpartition("/")[2],)
    return None, ()


def measured(path: str, entry: Entry, host: HostState, world: World) -> Size:
    """A file's size, or what is in a folder, counted for a fifth of a second at most."""
    if entry.kind == "file":
        return Size(entry.size, False, entry.written_at)
    if entry.kind != "folder":
        return Size(0 if entry.kind == "link" else None)
    return _folder_size(on_disk(path, host), world)


def on_disk(path: str, host: HostState) -> str:
    """Where it is now, before the line renames it."""
    for new, old in reversed(host.moved):
        if under(path, new):
            path = old + path[len(new) :]
    return path


def _folder_size(path: str, world: World) -> Size:
    """A folder that holds nothing but folders and empty files has 0 bytes."""
    try:
        return world.files.size(path, SIZING_S)
    except OSError:
        return Size(None)


def text(path: str, host: HostState, world: World, largest: int) -> str | None:
    """A regular file's text, as `host` has it; None where there is none, or it is larger than that."""
    found = tree(host, world)
    try:
        real = found.real(path)
        entry = found.entry(real)
        return world.files.read(real) if entry and entry.kind == "file" and entry.size <= largest else None
    except OSError:
        return None


def without(host: HostState, *paths: str) -> HostState:
    """The host once these are deleted."""
    made = {path: what for path, what in host.made.items() if not any(under(path, each) for each in paths)}
    return host._replace(deleted=host.deleted.union(on_disk(path, host) for path in paths), made=made)


def with_made(host: HostState, path: str, kind: str, size: int = 0, target: str = "") -> HostState:
    """The host once the line has put this there: a file, a folder, or a link to `target`."""
    return host._replace(made={**host.made, path: Made(Entry(kind, size, LATER, 0), target)})


def renamed(host: HostState, old: str, new: str) -> HostState:
    """The host once what is at `old` is called `new`."""
    made = {new + path[len(old) :] if under(path, old) else path: what for path, what in host.made.items()}
    return host._replace(made=made, moved=(*host.moved, (new, old)))
