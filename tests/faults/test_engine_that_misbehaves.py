"""The Docker Engine absent, refused, frozen, lying: each a gap with its mend within the limit, never a traceback."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from runaway_watchdog.world import LIMIT_S, Unanswered, http
from runaway_watchdog.world.docker import ALLOWED, LiveEngine

Serve = Callable[[socket.socket], None]

pytestmark = pytest.mark.usefixtures("calm")


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Callable[[Serve], LiveEngine]]:
    """An engine of one's own: what a socket's peer does with each connection."""
    path = tmp_path / "docker.sock"
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()
    kept: list[socket.socket] = []

    def start(serve: Serve) -> LiveEngine:
        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                kept.append(connection)
                serve(connection)

        threading.Thread(target=accept, daemon=True).start()
        return LiveEngine({"DOCKER_HOST": f"unix://{path}"})

    yield start
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    for connection in kept:
        connection.close()


def answer(body: bytes, status: str = "200 OK") -> Serve:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        connection.close()

    return serve


def raw(data: bytes) -> Serve:
    """These bytes, and nothing more."""

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(data)
        connection.close()

    return serve


def gap_of(engine: LiveEngine) -> tuple[str, str]:
    with pytest.raises(Unanswered) as raised:
        engine.info()
    return raised.value.gap.problem, raised.value.gap.fix


def test_absent(tmp_path: Path) -> None:
    """No socket: no engine, and how to name another one."""
    problem, mend = gap_of(LiveEngine({"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}))
    assert "no Docker Engine answers" in problem
    assert "DOCKER_HOST" in mend


def test_refused(tmp_path: Path) -> None:
    """A socket that nobody listens on any more is told like an absent one."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "dead.sock"))
    problem, _ = gap_of(LiveEngine({"DOCKER_HOST": f"unix://{tmp_path}/dead.sock"}))
    assert "no Docker Engine answers" in problem


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody who may not connect")
def test_denied(tmp_path: Path) -> None:
    """A user outside the docker group is told to use sudo."""
    tmp_path.chmod(0o755)
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        path.chmod(0o600)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                for folder in tmp_path.parents[:3]:
                    folder.chmod(0o755)
                os.setresuid(65534, 65534, 65534)
                os.write(write, json.dumps(gap_of(LiveEngine({"DOCKER_HOST": f"unix://{path}"}))).encode())
            finally:
                os._exit(0)
        os.close(write)
        os.waitpid(child, 0)
        problem, mend = json.loads(os.read(read, 4096))
        os.close(read)
    assert "permission denied" in problem
    assert mend == "run it with sudo"


def test_frozen(listener: Callable[[Serve], LiveEngine]) -> None:
    """An engine that accepts and never answers costs the limit once, and nothing afterwards."""
    engine = listener(lambda _: None)
    begun = time.monotonic()
    problem, _ = gap_of(engine)
    assert time.monotonic() - begun < LIMIT_S + 1
    assert f"within {LIMIT_S} s" in problem
    begun = time.monotonic()
    with pytest.raises(Unanswered):
        engine.containers()
    assert time.monotonic() - begun < 0.1


def test_dripping(listener: Callable[[Serve], LiveEngine]) -> None:
    """An engine that sends a byte now and then is as late as a silent one: the limit is the whole exchange's."""

    def drip(connection: socket.socket) -> None:
        with suppress(OSError):
            for letter in b"HTTP/1.1 200 OK\r\n" * 50:
                connection.sendall(bytes([letter]))
                time.sleep(0.2)

    begun = time.monotonic()
    problem, _ = gap_of(listener(drip))
    assert time.monotonic() - begun < LIMIT_S + 1
    assert f"within {LIMIT_S} s" in problem


def test_endless(listener: Callable[[Serve], LiveEngine], monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer is read up to a bound, and no further."""
    taken = 0

    def pour(connection: socket.socket) -> None:
        nonlocal taken
        with suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                taken += connection.send(b" " * 65536)

    monkeypatch.setattr(http, "MOST_BYTES", 1 << 20)
    problem, _ = gap_of(listener(pour))
    assert "does not speak as a Docker Engine does" in problem
    assert taken < 8 << 20


@pytest.mark.parametrize(
    "serve",
    [
        answer(b"<html>not an engine</html>"),
        answer(b"{}"),
        answer(b'{"ApiVersion": "not a version"}'),
        answer(b'{"message": "boom"}', "500 Internal Server Error"),
        lambda connection: connection.close(),
        lambda connection: connection.sendall(b"\x00\xff garbage\r\n\r\n"),
        answer(b'{"ApiVersion": "1.20", "MinAPIVersion": "1.12"}'),
        answer(b"[" * 100_000),
        answer(b"[1]"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{}"),
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nmany\r\n{}"),
        raw(b"HTTP/1.1 200 OK\r\n" + b"x" * 100_000),
        raw(b"HTTP/1.1 301 Moved\r\nLocation: /containers/x/kill\r\nContent-Length: 0\r\n\r\n"),
    ],
    ids=[
        "html",
        "empty",
        "version",
        "error",
        "hang-up",
        "garbage",
        "old",
        "deep",
        "numbers",
        "length",
        "long",
        "chunk",
        "line",
        "moved",
    ],
)
def test_lying(listener: Callable[[Serve], LiveEngine], serve: Serve) -> None:
    """Whatever the socket's owner says, it is a gap."""
    problem, mend = gap_of(listener(serve))
    assert problem
    assert mend


@pytest.mark.parametrize(
    "path",
    [
        "/v1.41/containers/x/attach",
        "/v1.41/containers/x/export",
        "/v1.41/containers/x/archive",
        "/v1.41/images/x/get",
        "/v1.41/containers/x/json/../kill",
        "/v1.41/events",
    ],
)
def test_not_every_get_is_harmless(path: str) -> None:
    """Only what is listed passes."""
    assert not ALLOWED.fullmatch(path)
