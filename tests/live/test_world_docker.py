"""The Docker Engine's answers: the version that is spoken, what is refused, and the two ways to an engine."""

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given, settings, strategies as st

from runaway_watchdog.world import Unanswered, docker_library, http
from runaway_watchdog.world.docker import LiveEngine

Answers = Mapping[str, tuple[int, object]]


class Engine(ThreadingHTTPServer):
    """An engine that says what it is told to say; `asked`: every request line."""

    def __init__(self, answers: Answers) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.asked = dict(answers), list[str]()

    @property
    def host(self) -> str:
        return f"tcp://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Engine

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        status, document = self.server.answers.get(self.path, (404, {"message": "page not found"}))
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in (body[:7], body[7:]):
            self.wfile.write(b"%x;note=1\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\nX-After: all\r\n\r\n")

    def log_message(self, *_: object) -> None:
        """Nothing: a test's output is its own."""


@pytest.fixture
def engine() -> Iterator[Engine]:
    version = (200, {"ApiVersion": "1.41", "MinAPIVersion": "1.12"})
    server = Engine({"/version": version, "/v1.41/info": (200, {"Swarm": {}})})
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def asking(engine: Engine) -> LiveEngine:
    return LiveEngine({"DOCKER_HOST": engine.host})


@pytest.mark.parametrize(
    ("newest", "oldest", "spoken"),
    [("1.41", "1.12", "1.41"), ("1.51", "1.24", "1.45"), ("1.60", "1.50", "1.50"), ("1.44", "1.44", "1.44")],
)
def test_the_newest_version_that_both_know_is_spoken(engine: Engine, newest: str, oldest: str, spoken: str) -> None:
    """Between the engine's oldest and newest, as near to the one whose answers are known as it goes."""
    engine.answers["/version"] = (200, {"ApiVersion": newest, "MinAPIVersion": oldest})
    engine.answers[f"/v{spoken}/volumes"] = (200, {"Volumes": [{"Name": "data"}], "Warnings": None})
    assert asking(engine).volumes() == [{"Name": "data"}]
    assert engine.asked == ["/version", f"/v{spoken}/volumes"]


def test_one_question_is_asked_once(engine: Engine) -> None:
    """Also one whose answer is that there is nothing."""
    engine.answers["/v1.41/containers/json?all=1"] = (200, [{"Id": "a"}])
    one = asking(engine)
    for _ in range(2):
        assert one.containers() == [{"Id": "a"}]
        assert one.container("nobody") is None
    assert len(engine.asked) == 3


@pytest.mark.parametrize("name", ["", "..", "../../info", "a b", "a?b", "a\r\nX: y", "\udcff", "a/attach"])
def test_what_is_no_container_name_is_never_asked_for(engine: Engine, name: str) -> None:
    """Docker takes no such name, so there is no such container."""
    assert asking(engine).container(name) is None
    assert engine.asked == []


def test_a_refusal_speaks_of_one_question_only(engine: Engine) -> None:
    """Behind a socket proxy that lets some questions pass, those are answered and the others are gaps."""
    engine.answers |= {"/v1.41/volumes": (403, "Forbidden"), "/v1.41/images/json": (200, [])}
    one = asking(engine)
    for _ in range(2):
        with pytest.raises(Unanswered) as raised:
            one.volumes()
        assert "GET /volumes with status 403" in raised.value.gap.problem
        assert "proxy" in raised.value.gap.fix
        assert one.images() == []


def test_a_worker_node_has_no_services_to_tell(engine: Engine) -> None:
    """Only a swarm's manager is asked for them."""
    assert asking(engine).services() == ()
    assert engine.asked == ["/version", "/v1.41/info"]


def test_both_ways_to_an_engine_bring_the_same(engine: Engine) -> None:
    """The `docker` package is asked for whatever a plain socket does not reach."""
    address = ("127.0.0.1", engine.server_port)
    direct = http.get(address, "/version", seconds=2)
    assert direct == docker_library.get({"DOCKER_HOST": engine.host}, "/version", seconds=2)
    assert http.get(address, "/x", seconds=2).status == 404


@pytest.mark.parametrize(
    "host", ["ssh://nobody@127.0.0.1:1", "tcp://127.0.0.1:1/x", "nonsense://", "tcp://127.0.0.1:99999"]
)
def test_other_endpoints_end_in_a_gap(host: str) -> None:
    """Whatever the library says to an address, it is a gap that names it."""
    with pytest.raises(Unanswered) as raised:
        LiveEngine({"DOCKER_HOST": host}).info()
    assert host in raised.value.gap.problem


def test_tls_without_its_files_is_a_gap() -> None:
    """DOCKER_TLS_VERIFY with no certificates where they should be."""
    with pytest.raises(Unanswered) as raised:
        LiveEngine(
            {"DOCKER_HOST": "tcp://127.0.0.1:1", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/nonexistent"}
        ).info()
    assert "no Docker Engine answers at tcp://127.0.0.1:1" in raised.value.gap.problem


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
def test_nothing_but_a_get_leaves_through_the_library(method: str) -> None:
    """Its transport itself refuses: no connection is even tried."""
    client = docker_library.client({"DOCKER_HOST": "tcp://127.0.0.1:1"}, 2)
    with pytest.raises(PermissionError):
        client.request(method, "http://127.0.0.1:1/v1.41/containers/x/kill")
    client.close()


def told(data: bytes) -> http.Answer:
    """The answer that is read from these bytes."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            theirs.sendall(data)
        return http.read(ours, seconds=2)


@given(st.binary(max_size=300), st.booleans())
@settings(max_examples=300)
def test_any_bytes_are_an_answer_or_a_fault_of_one_kind(data: bytes, begins_well: bool) -> None:
    """Whoever owns the socket, nothing but NotHTTPError comes of what they say."""
    with suppress(http.NotHTTPError):
        told(b"HTTP/1.1 200 OK\r\n" + data if begins_well else data)


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=5))
def test_an_answer_in_parts_is_put_together(parts: list[bytes]) -> None:
    """Chunked, as an engine sends what it does not know the length of."""
    chunks = b"".join(b"%X\r\n%s\r\n" % (len(part), part) for part in parts)
    head = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
    assert told(head + chunks + b"0\r\n\r\n") == (200, b"".join(parts))
    assert told(b"HTTP/1.0 200 OK\r\n\r\n" + b"".join(parts)) == (200, b"".join(parts))
