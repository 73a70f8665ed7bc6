"""One GET over a plain socket: as much of HTTP/1.1 (RFC 9112) as an engine's answer needs.

http.client knows more, and brings the parser of mail headers and TLS with it: 25 ms of a command that has 150. Its
time limit is that of each read, too: a server that sends a byte a second is never too slow for it.
"""

import re
import socket
import time
from typing import Final, NamedTuple

Address = str | tuple[str, int]
"""The path of a Unix socket, or a TCP host and port."""

MOST_BYTES = 32 << 20
"""A container is about 3 KB of `GET /containers/json`."""
_LONGEST_LINE: Final = 16 << 10
_PATH: Final = re.compile(r"/[!-~]*")
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})(?: .*)?")
_BODILESS: Final = frozenset((204, 304))


class NotHTTPError(ValueError):
    """Whoever listens there does not speak HTTP, or says more than it may."""


class Answer(NamedTuple):
    status: int
    body: bytes


def get(address: Address, path: str, seconds: float) -> Answer:
    """Ask once, on a connection of its own; the whole exchange ends after `seconds` (the resolver's time not counted).

    Raises OSError (TimeoutError where the time is over) and NotHTTPError.
    """
    if not _PATH.fullmatch(path):
        raise NotHTTPError("not a path that can be asked for")
    begun = time.monotonic()
    with connect(address, seconds) as connection:
        host = "localhost" if isinstance(address, str) else f"{_bracketed(address[0])}:{address[1]}"
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("ascii", "replace")
        )
        return read(connection, seconds=seconds - (time.monotonic() - begun))


def read(connection: socket.socket, *, seconds: float) -> Answer:
    """The answer that comes out of a connection. Raises as `get` does."""
    return _answer(_Stream(connection, time.monotonic() + seconds, MOST_BYTES))


def connect(address: Address, seconds: float) -> socket.socket:
    """A connection each of whose reads and writes ends after `seconds`. Raises OSError."""
    if not isinstance(address, str):
        return socket.create_connection(address, seconds)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(seconds)
        connection.connect(address)
    except BaseException:  # an interrupt too: nobody else has the connection yet
        connection.close()
        raise
    return connection


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


class _Stream:
    """What comes out of a socket, until a moment and up to a number of bytes."""

    def __init__(self, connection: socket.socket, deadline: float, most: int) -> None:
        self._connection = connection
        self._deadline = deadline
        self._left = most
        self._held = bytearray()

    def line(self) -> bytes:
        """The next line without its end."""
        while (end := self._held.find(b"\n")) < 0:
            if len(self._held) > _LONGEST_LINE or not self._more():
                raise NotHTTPError("a line does not end")
        return self._take(end + 1).rstrip(b"\r\n")

    def exactly(self, count: int) -> bytes:
        if count > len(self._held) + self._left:
            raise NotHTTPError("the answer is too long")
        while len(self._held) < count:
            if not self._more():
                raise NotHTTPError("the answer breaks off")
        return self._take(count)

    def rest(self) -> bytes:
        """Up to where the other side closes."""
        while self._more():
            pass
        return self._take(len(self._held))

    def _take(self, count: int) -> bytes:
        taken = bytes(self._held[:count])
        del self._held[:count]
        return taken

    def _more(self) -> bool:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the exchange took too long")
        self._connection.settimeout(left)
        found = self._connection.recv(1 << 16)
        self._held += found
        self._left -= len(found)
        if self._left < 0:
            raise NotHTTPError("the answer is too long")
        return bool(found)


def _answer(stream: _Stream) -> Answer:
    while True:
        status = _status(stream.line())
        fields = _fields(stream)
        if status >= 200:  # (a 1xx announces the answer that follows it)
            break
    if status in _BODILESS:
        return Answer(status, b"")
    if fields.get(b"transfer-encoding", b"identity").lower() == b"chunked":
        return Answer(status, _chunks(stream))
    length = fields.get(b"content-length")
    return Answer(status, stream.rest() if length is None else stream.exactly(_number(length, 10)))


def _status(line: bytes) -> int:
    found = _STATUS.fullmatch(line)
    if found is None:
        raise NotHTTPError("the answer does not start as HTTP does")
    return int(found[1])


def _fields(stream: _Stream) -> dict[bytes, bytes]:
    """The header's fields, their names in small letters."""
    found = {}
    while line := stream.line():
        name, _, value = line.partition(b":")
        found[name.strip().lower()] = value.strip()
    return found


def _chunks(stream: _Stream) -> bytes:
    found = bytearray()
    while count := _number(stream.line().partition(b";")[0].strip(), 16):
        found += stream.exactly(count)
        if stream.line():
            raise NotHTTPError("a part of the answer is longer than announced")
    _fields(stream)  # what may follow the last part, and the empty line
    return bytes(found)


def _number(text: bytes, base: int) -> int:
    if not re.fullmatch(rb"[0-9]{1,12}" if base == 10 else rb"[0-9A-Fa-f]{1,12}", text):
        raise NotHTTPError("a length is no number")
    return int(text, base)
