"""Supervisors that answer over a socket of their own: questions that change nothing, and only on this host."""

import base64
import re
import socket
import struct
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from runaway_watchdog.linux import net
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.world import Unanswered, http, patience
from runaway_watchdog.world.program_states import ProgramState, parse

_UNIX = re.compile(r"unix://(?P<path>/.+)")
_LOOPBACK = re.compile(r"http://(?P<host>127\.0\.0\.1|localhost|\[::1\]):(?P<port>[0-9]{1,5})/?")
_QUESTION: Final = (
    b"<?xml version='1.0'?><methodCall><methodName>supervisor.getAllProcessInfo</methodName>"
    b"<params></params></methodCall>"
)


class LiveSupervisors:
    """See `world.Supervisors`."""

    def supervisord(self, url: str, user: str | None, password: str | None, uid: int) -> Sequence[ProgramState]:
        address = _address(url)
        if address is None:
            raise Unanswered(_gap("it is asked only on this host, and its address is another"))
        seconds = patience.limit_s()
        try:
            answer = _ask(address, _secret(user, password), seconds, uid)
        except AnotherUserError:
            raise Unanswered(_gap("another user listens at its address, so it was not asked")) from None
        except TimeoutError:
            raise Unanswered(_gap(f"it did not answer within {seconds} s")) from None
        except PermissionError:
            raise Unanswered(Gap("supervisord", "its socket is open to others only", "run it with sudo")) from None
        except (OSError, http.NotHTTPError) as fault:
            raise Unanswered(_gap(f"it cannot be asked: {type(fault).__name__}")) from None
        if answer.status == 401:
            raise Unanswered(_gap("it wants another user name or password than its configuration names"))
        if answer.status != 200:
            raise Unanswered(_gap(f"it answered with HTTP {answer.status}"))
        return processes(answer.body)


class AnotherUserError(Exception):
    """Whoever listens is not whom the question, and the password, is for."""


def _gap(problem: str) -> Gap:
    return Gap("supervisord", problem, "ask it yourself: supervisorctl status")


def _address(url: str) -> http.Address | None:
    """Where to connect to; None for another host, which is none of ours to send a password to."""
    if found := _UNIX.fullmatch(url):
        return found["path"]
    if found := _LOOPBACK.fullmatch(url):
        return found["host"].strip("[]"), int(found["port"])
    return None


def _secret(user: str | None, password: str | None) -> bytes:
    if user is None:
        return b""
    pair = f"{user}:{password or ''}".encode("utf-8", "surrogateescape")
    return b"Authorization: Basic " + base64.b64encode(pair) + b"\r\n"


def _ask(address: http.Address, secret: bytes, seconds: int, uid: int) -> http.Answer:
    """One XML-RPC call on a connection of its own. Raises OSError, http.NotHTTPError, AnotherUserError."""
    begun = time.monotonic()
    head = b"POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nConnection: close\r\n"
    length = b"Content-Length: %d\r\n\r\n" % len(_QUESTION)
    _check_listeners(address, uid)
    with http.connect(address, seconds) as connection:
        _check_peer(connection, uid)
        _check_listeners(address, uid)
        connection.sendall(head + secret + length + _QUESTION)
        return http.read(connection, seconds=seconds - (time.monotonic() - begun))


def _check_peer(connection: socket.socket, uid: int) -> None:
    """Who called listen(2) on a Unix socket (unix(7), SO_PEERCRED). Raises AnotherUserError."""
    if connection.family == socket.AF_UNIX:
        _, theirs, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if theirs != uid:
            raise AnotherUserError


def _check_listeners(address: http.Address, uid: int) -> None:
    """Who listens at a TCP port of this host: one of them is whom we would reach. Raises AnotherUserError, OSError."""
    if isinstance(address, str):
        return
    rows = (each for name in ("tcp", "tcp6") for each in net.parse_tcp(_table(name)))
    users = {each.uid for each in rows if each.port == address[1]}
    if users - {uid}:
        raise AnotherUserError


def _table(name: str) -> str:
    try:
        return Path(f"/proc/net/{name}").read_bytes().decode("ascii", "replace")
    except FileNotFoundError:  # a kernel without IPv6
        return ""


def processes(body: bytes) -> Sequence[ProgramState]:
    """The processes in an answer of getAllProcessInfo. Raises Unanswered for anything else."""
    from xmlrpc.client import Fault, loads  # 20 ms, only where a supervisord is asked

    if b"<!" in body:  # neither a document type nor an entity belongs there, and those are what XML is attacked with
        raise Unanswered(_gap("its answer is not what supervisord says"))
    try:
        (found,), _ = loads(body)
    except Fault as fault:
        raise Unanswered(_gap(f"it refused the question ({fault.faultCode})")) from None
    except Exception:  # noqa: BLE001 - expat and xmlrpc raise many kinds on text that is none of theirs
        raise Unanswered(_gap("its answer could not be read")) from None
    if not isinstance(found, list):
        raise Unanswered(_gap("its answer is not what supervisord says"))
    return parse(found)
