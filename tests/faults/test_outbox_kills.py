"""Whoever is killed, and whenever: no alert is lost, and at most one comes twice."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from runaway_watchdog.store import queries
from runaway_watchdog.store.database import StoreUnavailable, connect

TESTS = Path(__file__).parent.parent
MARK = "burns-for-the-outbox"
# A third of a core: on a machine with other work it gets that too, and leaves the rest to what is tested.
BURN = """
import time
while True:
    until = time.process_time() + 0.03
    while time.process_time() < until:
        pass
    time.sleep(0.06)
"""
# The watch as it is, in a hurry: what takes ten seconds takes a fifth of one.
RUN = """
import sys
from runaway_watchdog.watch import children, loop
from runaway_watchdog.watch.log import Log
from runaway_watchdog.watch.start import Arguments, watch
loop._HOUSEKEEPING_S, children._SENDER_RETRY_S = 0.2, (0.2, 1.0)
modules = children.Modules(case="faults.outbox_case")
sys.exit(watch(Arguments(int(sys.argv[1]), (), modules, retry_s=0.2), Log(2, "")))
"""
VICTIMS = ("watch", "faults.outbox_case", "runaway_watchdog.alerts.send", "all")
IN_TIME_S = 180.0


class Sink(ThreadingHTTPServer):
    """The service behind the channel: counts what it was told of each incident."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Hook)
        self.told: Counter[str] = Counter()


class Hook(BaseHTTPRequestHandler):
    server: Sink

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.told.update(set(re.findall(r"<\d+ \w+>", f"{body['title']} {body['message']}")))
        with suppress(OSError):  # the sender may have been killed while it waited
            self.send_response(200)
            self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keeps the test's output clean."""


@pytest.fixture
def sink() -> Iterator[Sink]:
    server = Sink()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def burner() -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", BURN, MARK])
    yield process.pid
    process.kill()
    process.wait()


def started(state: Path, port: int) -> "subprocess.Popen[bytes]":
    rule: dict[str, Any] = {
        "name": "r", "kind": "cpu", "cpu": 5, "for_s": 0.6, "times": 5, "severity": "warning", "by_harm": False,
        "push": True, "only": {"cmdline": f"*{MARK}"},
    }  # fmt: skip
    alerts = {"urls": [f"json://127.0.0.1:{port}/x"], "channels": ["json(127.0.0.1)"], "remind_after_s": 3600.0}
    store = {"path": str(state / "watchdog.db"), "keep_s": 1e6}
    configuration = {"interval_s": 0.1, "rules": [rule], "alerts": alerts, "store": store, "sources": []}
    fd = os.memfd_create("configuration")
    os.write(fd, json.dumps(configuration).encode())
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    with (state / "log").open("ab") as log:
        watch = subprocess.Popen([sys.executable, "-c", RUN, str(fd)], pass_fds=(fd,), stderr=log, env=environment)
    os.close(fd)
    return watch


def children(watch: "subprocess.Popen[bytes]") -> dict[int, str]:
    """The watch's children, by PID: their command lines."""
    found = {}
    with suppress(OSError):
        for path in Path(f"/proc/{watch.pid}/task").glob("*/children"):
            for pid in path.read_text().split():
                with suppress(OSError):
                    found[int(pid)] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def killed(watch: "subprocess.Popen[bytes]", victim: str, dice: random.Random) -> None:
    """At some point of its life. `all` is what systemd does to a service: nobody of it is left."""
    if victim not in ("watch", "all"):
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            for pid, line in children(watch).items():
                if victim in line:
                    time.sleep(dice.uniform(0.0, 0.7))
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                    return
            time.sleep(0.01)
        return
    time.sleep(dice.uniform(0.3, 3.0))
    left = children(watch) if victim == "all" else {}
    watch.kill()
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    watch.wait()


def untold(state: Path, sink: Sink) -> set[str] | None:
    """The alerts that are missing; None: nothing is in the store yet."""
    try:
        with closing(connect(state / "watchdog.db", readonly=True)) as store:
            incidents = queries.incidents(store)
    except StoreUnavailable:
        return None
    return {f"<{each.id} opened>" for each in incidents} - set(sink.told) if incidents else None


def one_run(state: Path, sink: Sink, dice: random.Random) -> None:
    """Somebody is killed; the watch goes on, or is started again as systemd would; then the alert has arrived once,
    or twice."""
    sink.told.clear()
    victim = dice.choice(VICTIMS)
    watch = started(state, sink.server_port)
    try:
        killed(watch, victim, dice)
        if watch.poll() is not None:
            watch = started(state, sink.server_port)
        deadline = time.monotonic() + IN_TIME_S
        while untold(state, sink) != set():
            assert watch.poll() is None, (state / "log").read_text()
            assert time.monotonic() < deadline, (victim, sink.told, (state / "log").read_text())
            time.sleep(0.05)
        # What it has is written down before the watch is stopped: a sender in its last step is no second kill.
        while any("runaway_watchdog.alerts.send" in line for line in children(watch).values()):
            time.sleep(0.05)
    finally:
        if watch.poll() is None:
            watch.terminate()
        watch.wait(20)
    repeated = sum(sink.told.values()) - len(sink.told)
    assert repeated <= 1, (victim, sink.told, (state / "log").read_text())


@pytest.mark.parametrize("runs", [20, pytest.param(500, marks=pytest.mark.truth)])
def test_whoever_is_killed_every_alert_arrives(runs: int, tmp_path: Path, sink: Sink, burner: int) -> None:
    """The watch, its case, its sender or all of them, at random points of an alert's way."""
    dice = random.Random(runs)
    for number in range(runs):
        state = tmp_path / str(number)
        state.mkdir()
        one_run(state, sink, dice)
