"""Services that misbehave, for real: one that hangs, refuses, asks for patience, or hangs up in the middle."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

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
        ("404", True, None, False),
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


def test_a_channel_that_hangs_delays_no_other(service: Service, tmp_path: Path) -> None:
    """Each has a process of its own: one is done while the other still waits."""
    store, port = tmp_path / "watchdog.db", service.server_port
    urls = [f"json://127.0.0.1:{port}/hangs?rto=25", f"json://127.0.0.1:{port}/200"]
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
