"""The whole product with secrets around it, for real: a watch, a burner, a channel, and all that they write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

BURN = """
import os, time
if os.geteuid() == 0:
    os.nice(-10)  # it has its core, however busy the machine is with others
end = time.monotonic() + 120
while time.monotonic() < end: pass
"""
ARGUMENTS = (
    "--password=CANARY01", "--token", "CANARY02", "https://u:CANARY03@h/x?access_token=CANARY04", "-H",
    "Authorization: Bearer CANARY05token", "burner-of-canaries",
)  # fmt: skip
CONFIG = """\
[sampling]
interval = "500ms"
[[rule]]
cpu = 5      # on a machine that others use too
for = "2s"
cmdline = "*burner-of-canaries"
[alerts]
urls = ["json://me:CANARY07@127.0.0.1:{port}/told/?+X-Api-Key=CANARY08", "json://me:CANARY09@127.0.0.1:9/refused"]
[store]
path = "{store}"
"""
WITHIN_S = 90


class Receiver(BaseHTTPRequestHandler):
    """Keeps what it is sent."""

    bodies: list[bytes]

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - as http.server names it
        """Not on the test's terminal."""


@contextmanager
def receiver() -> Iterator[tuple[int, list[bytes]]]:
    bodies: list[bytes] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Keeping", (Receiver,), {"bodies": bodies}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port, bodies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def running(argv: list[str], log: Path, **more: str) -> Iterator[int]:
    environment = {**os.environ, **more}
    with log.open("wb") as output, subprocess.Popen(argv, stdout=output, stderr=output, env=environment) as own:
        try:
            yield own.pid
        finally:
            own.terminate()


def wait_for(what: Callable[[], object], seen: Callable[[], Any]) -> Any:
    until = time.monotonic() + WITHIN_S
    while not (found := seen()):
        assert time.monotonic() < until, what()
        time.sleep(0.3)
    return found


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Where -> what was written there: by the watch, to its channel, and by each command that reads."""
    state, folder = tmp_path_factory.mktemp("state"), tmp_path_factory.mktemp("canary")
    config, log = folder / "config.toml", folder / "log"
    program = [sys.executable, "-m", "runaway_watchdog"]
    with receiver() as (port, bodies):
        config.write_text(CONFIG.format(port=port, store=state / "watchdog.db"))
        config.chmod(0o600)
        burn = [sys.executable, "-c", BURN, *ARGUMENTS]
        with (
            running(burn, folder / "burner", DB_PASSWORD="CANARY06") as pid,
            running([*program, "run", "--config", str(config)], log),
        ):
            wait_for(log.read_text, lambda: bodies)
            wait_for(log.read_text, lambda: "event=not-sent" in log.read_text())
            commands = [
                ["explain", str(pid), "--json"], ["explain", str(pid), "--verbose"], ["plan", str(pid), "--script"],
                ["preflight", "--for", str(pid), f"kill -9 {pid}; mysql -pCANARY10 -e 'drop table x'", "--json"],
                ["incidents", "--json"], ["incidents", "show", "1"], ["report", "1"], ["check-config", str(config)],
                *(["preview", "1", "--channel", form] for form in ("email", "json")),
            ]  # fmt: skip
            found = {f"channel {number}": body for number, body in enumerate(bodies)}
            for words in commands:
                own = [] if words[0] == "check-config" else ["--config", str(config)]
                argv = [*program, *words, *own]
                done = subprocess.run(argv, capture_output=True, check=False, cwd=folder, timeout=60)
                found[" ".join(words)] = done.stdout + done.stderr
    found |= {path.name: path.read_bytes() for path in (*state.iterdir(), log, *folder.glob("*.html"))}
    return found


def test_no_secret_is_written_anywhere(written: dict[str, bytes]) -> None:
    """Not in the store, the log, a message, a report, a preview, nor in what any command prints."""
    assert {where: words for where, words in written.items() if b"CANARY" in words} == {}


def test_the_story_was_told(written: dict[str, bytes]) -> None:
    """Everywhere: a test that found nothing because nothing was written would say nothing."""
    assert b"burner-of-canaries" in written["channel 0"]
    assert json.loads(written["incidents --json"])["incidents"]
    for where in ("log", "watchdog.db"):
        assert written[where]
    told = [where for where, words in written.items() if b"python" in words]
    assert len(told) > 8, {where: words[:300] for where, words in written.items()}
    assert b"--password=***" in b"".join(written.values())
