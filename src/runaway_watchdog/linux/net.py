"""/proc/net: sockets that listen, connections, and what the interfaces received (proc(5), include/net/tcp_states.h)."""

from collections.abc import Iterator
from typing import NamedTuple

from runaway_watchdog.linux.text import lines

_TCP_LISTEN = "0A"
_TCP_OPEN = ("01", "04", "05", "08")
"""Established, and closed by one side alone: a server that is busy has not heard of it yet."""
_ACCEPTS = "00010000"  # __SO_ACCEPTCON in the flags of a Unix socket
_STREAM, _CONNECTED = "0001", "03"


class Listener(NamedTuple):
    """A TCP socket that listens."""

    port: int
    inode: str  # as in `socket:[INODE]`
    uid: int  # who made it
    address: str  # as the kernel writes it

    @property
    def host(self) -> str | None:
        """The address as people write it, "127.0.0.1"; "0.0.0.0" and "::" are every one."""
        return _address(self.address)


class Connection(NamedTuple):
    """One end of a TCP connection."""

    port: int  # at this end
    inode: str
    peer: str  # "10.0.0.7:51200", "[::1]:51200"


class UnixSocket(NamedTuple):
    """A Unix socket with a name: one that listens, or one that such a socket accepted (the client's end has none)."""

    path: str  # abstract ones begin with "@"
    inode: str
    listens: bool


def parse_tcp(text: str) -> tuple[Listener, ...]:
    """Those that listen, of a `tcp` or `tcp6`."""
    rows = [line.split() for line in lines(text)[1:]]
    return tuple(
        Listener(port, row[9], int(row[7]), row[1].partition(":")[0])
        for row in rows
        if len(row) > 9
        and row[3] == _TCP_LISTEN
        and row[7].isdecimal()
        and (port := _hexadecimal(row[1].rpartition(":")[2])) is not None
    )


def parse_connections(text: str) -> tuple[Connection, ...]:
    """Those that are open at this end at least, of a `tcp` or `tcp6`."""
    rows = [line.split() for line in lines(text)[1:]]
    return tuple(
        Connection(port, row[9], peer)
        for row in rows
        if len(row) > 9
        and row[3] in _TCP_OPEN
        and (port := _hexadecimal(row[1].rpartition(":")[2])) is not None
        and (peer := _peer(row[2])) is not None
    )


def parse_unix(text: str) -> tuple[UnixSocket, ...]:
    """Those that listen or were accepted, of a `unix`. A path ends a line, and may hold anything but a line feed."""
    rows = [line.split(None, 7) for line in lines(text)[1:]]
    return tuple(
        UnixSocket(row[7] if len(row) > 7 else "", row[6], row[3] == _ACCEPTS)
        for row in rows
        if len(row) > 6 and (row[3] == _ACCEPTS or (row[4:6] == [_STREAM, _CONNECTED] and len(row) > 7))
    )


def parse_epoll(text: str) -> Iterator[tuple[str, int]]:
    """Each descriptor that an epoll watches, and for which events, of its `fdinfo`: `tfd:  5 events:  19 data: …`."""
    for line in lines(text):
        words = line.split()
        if words[:1] == ["tfd:"] and words[2:3] == ["events:"] and len(words) > 3:
            yield words[1], _hexadecimal(words[3]) or 0


def parse_dev(text: str) -> dict[str, int]:
    """Packets that each interface received, of a `dev`; two lines of heading. Its name ends at the last colon."""
    found: dict[str, int] = {}
    for line in lines(text)[2:]:
        name, _, figures = line.rpartition(":")
        row = figures.split()
        if name.strip(" ") and len(row) > 1 and row[1].isdigit():
            found[name.strip(" ")] = int(row[1])
    return found


def _address(text: str) -> str | None:
    """`0100007F` as people write it. The kernel prints each 32 bits of an address as its own number."""
    import socket  # 5 ms, and few ask who is connected
    import struct

    try:
        raw = b"".join(struct.pack("=I", int(text[at : at + 8], 16)) for at in range(0, len(text), 8))
        family = {4: socket.AF_INET, 16: socket.AF_INET6}[len(raw)]
    except (ValueError, KeyError, struct.error):
        return None
    told = socket.inet_ntop(family, raw)
    return told.removeprefix("::ffff:") if "." in told else told


def _peer(text: str) -> str | None:
    address, _, port = text.partition(":")
    host, number = _address(address), _hexadecimal(port)
    if host is None or number is None:
        return None
    return f"[{host}]:{number}" if ":" in host else f"{host}:{number}"


def _hexadecimal(text: str) -> int | None:
    try:
        return int(text, 16)
    except ValueError:
        return None
