"""/proc/net: sockets that listen, and what the interfaces received (proc(5), include/net/tcp_states.h)."""

from typing import NamedTuple

from runaway_watchdog.linux.text import lines

_TCP_LISTEN = "0A"
_ACCEPTS = "00010000"  # __SO_ACCEPTCON in the flags of a Unix socket


class Listener(NamedTuple):
    """A TCP socket that listens."""

    port: int
    inode: str  # as in `socket:[INODE]`
    uid: int  # who made it


def parse_tcp(text: str) -> tuple[Listener, ...]:
    """Those that listen, of a `tcp` or `tcp6`."""
    rows = [line.split() for line in lines(text)[1:]]
    return tuple(
        Listener(port, row[9], int(row[7]))
        for row in rows
        if len(row) > 9
        and row[3] == _TCP_LISTEN
        and row[7].isdecimal()
        and (port := _hexadecimal(row[1].rpartition(":")[2])) is not None
    )


def parse_unix(text: str) -> tuple[str, ...]:
    """The inodes of those that listen, of a `unix`. A path ends a line, and may hold anything but a line feed."""
    rows = [line.split(None, 7) for line in lines(text)[1:]]
    return tuple(row[6] for row in rows if len(row) > 6 and row[3] == _ACCEPTS)


def parse_dev(text: str) -> dict[str, int]:
    """Packets that each interface received, of a `dev`; two lines of heading. Its name ends at the last colon."""
    found: dict[str, int] = {}
    for line in lines(text)[2:]:
        name, _, figures = line.rpartition(":")
        row = figures.split()
        if name.strip(" ") and len(row) > 1 and row[1].isdigit():
            found[name.strip(" ")] = int(row[1])
    return found


def _hexadecimal(text: str) -> int | None:
    try:
        return int(text, 16)
    except ValueError:
        return None
