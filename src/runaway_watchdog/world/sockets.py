"""The sockets of one process: which listen, and who is connected to it just now (proc(5), /proc/PID/fd and net/)."""

from typing import NamedTuple

from runaway_watchdog.linux import net
from runaway_watchdog.world import Files, procfs

MOST_DESCRIPTORS = 512


class Sockets(NamedTuple):
    """Empty where they may not be read."""

    listening: bool
    listeners: tuple[net.Listener, ...]  # over TCP
    clients: tuple[str, ...]  # who is at the other end of each accepted connection; of a Unix socket, its path

    @property
    def ports(self) -> frozenset[int]:
        return frozenset(each.port for each in self.listeners)


def sockets(files: Files, pid: int) -> Sockets:
    """Accepted is what is connected to a port or path on which the process itself listens."""
    held = _held(files, pid)
    if not held:
        return Sockets(listening=False, listeners=(), clients=())
    folder = f"{procfs.PROC}/{pid}/net"
    tables = [_text(files, f"{folder}/{name}") for name in ("tcp", "tcp6")]
    named = [each for each in net.parse_unix(_text(files, f"{folder}/unix")) if each.inode in held]
    listeners = tuple(each for table in tables for each in net.parse_tcp(table) if each.inode in held)
    ports = {each.port for each in listeners}
    paths = {each.path for each in named if each.listens}
    over_tcp = (each for table in tables for each in net.parse_connections(table))
    return Sockets(
        listening=bool(listeners) or any(each.listens for each in named),
        listeners=listeners,
        clients=(
            *(each.peer for each in over_tcp if each.inode in held and each.port in ports),
            *(each.path for each in named if not each.listens and each.path in paths),
        ),
    )


def _held(files: Files, pid: int) -> set[str]:
    """The inodes of its sockets."""
    folder = f"{procfs.PROC}/{pid}/fd"
    try:
        names = files.names(folder)[:MOST_DESCRIPTORS]
    except OSError:
        return set()
    return {inode for name in names if (inode := _inode(files, f"{folder}/{name}")) is not None}


def _inode(files: Files, path: str) -> str | None:
    try:
        kind, _, inode = files.target(path).partition(":[")
    except OSError:
        return None
    return inode.removesuffix("]") if kind == "socket" else None


def _text(files: Files, path: str) -> str:
    try:
        return files.read(path)
    except OSError:
        return ""
