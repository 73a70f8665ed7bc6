"""Services that misbehave, for real: one that hangs, refuses, asks for patience, or hangs up in the middle."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from runaway_watchdog.alerts import send
from runaway_watchdog.alerts.answers import Delivered, Refused
from runaway_watchdog.alerts.channels import deliver
from runaway_watchdog.render.message import plain
from runaway_watchdog.store import outbox
from runaway_watchdog.store.database import connect

MESSAGE = plain("a subject", "a text\n")


class Service(ThreadingHTTPServer):
    """Does what the path says."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Behaviour)
        self.enough = threading.Event()


class Behaviour(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        how = self.path.strip("/").partition("?")[0]
        if how == "hangs":
            self.server.enough.wait(30)
        elif how == "hangs-up":
            with suppress(OSError):
                self.wfile.write(b"HTTP/1.1 20")
        else:
            self.send_response(int(how))
            if how == "429":
                self.send_header("Retry-After", "120")
            self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keeps the test's output clean."""


@pytest.fixture
def service() -> Iterator[Service]:
    server = Service()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.enough.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("how", "permanent", "waits", "of_message"),
    [
        ("429", False, 120.0, False),
        ("503", False, None, False),
        ("401", True, None, False),
        ("403", True, None, False),
        ("410", True, None, False),
        ("404", False, None, False),
        ("408", False, None, False),
        ("425", False, None, False),
        ("500", False, None, False),
        ("413", True, None, True),
        ("hangs-up", False, None, False),
        ("hangs?rto=1", False, None, False),
    ],
)
def test_what_a_service_answers_decides_what_follows(
    service: Service, how: str, permanent: bool, waits: float | None, of_message: bool
) -> None:
    """Whether it is tried again, when, and whether it is the message or the channel that it does not take."""
    answer = deliver(f"json://127.0.0.1:{service.server_port}/{how}", MESSAGE)
    assert isinstance(answer, Refused)
    assert (answer.permanent, answer.retry_after_s, answer.of_message) == (permanent, waits, of_message)


def test_a_service_that_answers_well_takes_it(service: Service) -> None:
    """The others of these tests can fail."""
    assert deliver(f"json://127.0.0.1:{service.server_port}/200", MESSAGE) == Delivered()


def tried(tmp_path: Path, url: str, times: int = 1) -> tuple[outbox.Health, list[str]]:
    """How it goes with a channel after so many failed tries, and through which channels its message is kept or told."""
    alerts = {"urls": [url, "json://127.0.0.1:1"], "channels": ["it", "another"]}
    with closing(connect(tmp_path / "watchdog.db")) as connection:
        outbox.enqueue(connection, 1, "opened", "it", MESSAGE.to_json(), time.time())
        for _ in range(times):
            send.send_due(connection, "it", url, {"alerts": alerts})
        (health,) = outbox.health(connection)
        return health, [row.channel for row in outbox.due(connection, time.time())]


@pytest.mark.parametrize("how", ["404", "408", "425", "500", "502", "503", "hangs-up", "hangs?rto=1"])
def test_what_may_pass_is_tried_again_within_minutes(service: Service, tmp_path: Path, how: str) -> None:
    """And after any number of failures in a quarter of an hour; nobody is told that the channel refuses."""
    health, told = tried(tmp_path, f"json://127.0.0.1:{service.server_port}/{how}", 3)
    assert (health.refused_at, told) == (None, ["it"])
    assert health.not_before - time.time() <= 60
    with closing(connect(tmp_path / "watchdog.db")) as connection:
        for _ in range(30):
            again_at, _ = outbox.failed(connection, "it", 0.0, "down", wait_s=None, permanent=False)
    assert again_at <= 900


@pytest.mark.parametrize("where", ["json://127.0.0.1:1", "json://nowhere.invalid", "jsons://127.0.0.1:PORT/200"])
def test_a_service_that_is_not_reached_may_be_later(service: Service, tmp_path: Path, where: str) -> None:
    """Nobody listens, no such name now, no TLS."""
    health, told = tried(tmp_path, where.replace("PORT", str(service.server_port)))
    assert (health.refused_at, told) == (None, ["it"])
    assert health.not_before - time.time() <= 60


@pytest.mark.parametrize("how", ["401", "403", "405", "410"])
def test_what_is_for_good_is_told_and_tried_less_often(service: Service, tmp_path: Path, how: str) -> None:
    """The other channel says so, and `status` and `doctor` do."""
    health, told = tried(tmp_path, f"json://127.0.0.1:{service.server_port}/{how}")
    assert health.not_before - time.time() > 3500
    assert told == ["it", "another"]


def test_an_address_that_is_not_found_for_long_is_wrong(service: Service, tmp_path: Path) -> None:
    """A proxy says 404 while what is behind it restarts; one that has said it ten times means it."""
    health, told = tried(tmp_path, f"json://127.0.0.1:{service.server_port}/404", outbox.LASTING + 1)
    assert health.refused_at is not None
    assert told == ["it", "another"]


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a mail server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        yield door.getsockname()[1]


@pytest.mark.parametrize(
    "hanging", ["json://127.0.0.1:{}/hangs?rto=25", "mailto://127.0.0.1:{}?cto=25&to=a@b.org&from=a@b.org"]
)
def test_a_channel_that_hangs_delays_no_other(service: Service, silent: int, tmp_path: Path, hanging: str) -> None:
    """Each has a process of its own: one is done while the other still waits."""
    store, port = tmp_path / "watchdog.db", service.server_port
    urls = [hanging.format(silent if "mailto" in hanging else port), f"json://127.0.0.1:{port}/200"]
    compiled = {"alerts": {"urls": urls, "channels": ["hangs", "works"]}, "store": {"path": str(store)}}
    fd = os.memfd_create("configuration")
    os.write(fd, json.dumps(compiled).encode())
    with closing(connect(store)) as connection:
        for channel in ("hangs", "works"):
            outbox.enqueue(connection, 1, "opened", channel, MESSAGE.to_json(), time.time())
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    senders = {
        channel: subprocess.Popen(
            [sys.executable, "-m", "runaway_watchdog.alerts.send", "--config-fd", str(fd), "--channel", channel],
            pass_fds=(fd,), stderr=subprocess.DEVNULL, env=environment,
        )
        for channel in ("hangs", "works")
    }  # fmt: skip
    os.close(fd)
    try:
        assert senders["works"].wait(25) == 0
        assert senders["hangs"].poll() is None
    finally:
        service.enough.set()
        assert senders["hangs"].wait(60) == 0
    with closing(connect(store)) as connection:
        assert [row.channel for row in outbox.due(connection, time.time() + 60)] == ["hangs"]
