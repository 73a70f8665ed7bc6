"""The sockets of one process: which listen, and who is connected to it just now (proc(5), /proc/PID/fd and net/)."""

from typing import NamedTuple

from runaway_watchdog.linux import net
from runaway_watchdog.world import Files, procfs

MOST_DESCRIPTORS = 512
_EPOLL = "anon_inode:[eventpoll]"
_READABLE = 0x1  # EPOLLIN; a one-shot that has fired is there still, without it


class Client(NamedTuple):
    """Of an accepted connection."""

    inode: str
    peer: str  # who is at the other end; of a Unix socket, its path


class Sockets(NamedTuple):
    """Empty where they may not be read."""

    listening: bool
    listeners: tuple[net.Listener, ...]  # over TCP
    clients: tuple[Client, ...]
    paths: tuple[str, ...] = ()  # of Unix sockets, on which it listens

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
    paths = tuple(each.path for each in named if each.listens)
    over_tcp = (each for table in tables for each in net.parse_connections(table))
    return Sockets(
        listening=bool(listeners or paths),
        listeners=listeners,
        clients=(
            *(Client(each.inode, each.peer) for each in over_tcp if each.inode in held and each.port in ports),
            *(Client(each.inode, each.path) for each in named if not each.listens and each.path in paths),
        ),
        paths=paths,
    )


def in_network_of_host(files: Files, pid: int) -> bool:
    """Whether an address means the same to it and to a client that is started on this host."""
    try:
        return files.target(f"{procfs.PROC}/{pid}/ns/net") == files.target(f"{procfs.PROC}/1/ns/net")
    except OSError:
        return False


def _held(files: Files, pid: int) -> set[str]:
    """The inodes of its sockets."""
    return {inode for target in _open(files, pid).values() if (inode := _inode(target)) is not None}


def awaited(files: Files, pid: int) -> set[str]:
    """The inodes of its sockets from which an epoll of its own waits to hear (proc(5), /proc/PID/fdinfo): of a server
    that hands a connection to a thread for each request, those of no request."""
    found = _open(files, pid)
    polls = (_text(files, f"{procfs.PROC}/{pid}/fdinfo/{name}") for name, target in found.items() if target == _EPOLL)
    numbers = {number for text in polls for number, events in net.parse_epoll(text) if events & _READABLE}
    return {inode for name in numbers if (inode := _inode(found.get(name, ""))) is not None}


def _open(files: Files, pid: int) -> dict[str, str]:
    """Its descriptors, each with what that is."""
    folder = f"{procfs.PROC}/{pid}/fd"
    try:
        names = files.names(folder)[:MOST_DESCRIPTORS]
    except OSError:
        return {}
    return {name: target for name in names if (target := _target(files, f"{folder}/{name}"))}


def _target(files: Files, path: str) -> str:
    try:
        return files.target(path)
    except OSError:
        return ""


def _inode(target: str) -> str | None:
    kind, _, inode = target.partition(":[")
    return inode.removesuffix("]") if kind == "socket" else None


def _text(files: Files, path: str) -> str:
    try:
        return files.read(path)
    except OSError:
        return ""
