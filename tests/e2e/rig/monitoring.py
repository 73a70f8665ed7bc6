"""Debian's Prometheus and Alertmanager on this machine's loopback: unpacked, not installed, gone with the test."""

from __future__ import annotations

import json
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from .relay import LOOPBACK

# Alertmanager looks for its templates in /usr/share: they lie there for this one process.
_WITH_ITS_SHARE = 'mount -t overlay overlay -o "lowerdir=$1/usr/share:/usr/share" /usr/share; shift; exec "$@"'


def unpacked(package: str, folder: Path) -> Path:
    """The package's files below `folder`. Skips where apt-get cannot fetch it."""
    fetched = subprocess.run(["apt-get", "download", "-q", package], cwd=folder, capture_output=True, check=False)
    packages = list(folder.glob(f"{package}_*.deb"))
    if not packages:
        pytest.skip(f"no Debian package {package}: {fetched.stderr.decode().strip()[-200:]}")
    subprocess.run(["dpkg-deb", "-x", packages[0], folder], check=True)
    packages[0].unlink()
    return folder


def asked(url: str) -> Any:
    """The JSON that a GET is answered with. Raises OSError."""
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


@contextmanager
def alertmanager(
    tree: Path, port: int, configuration: str, options: Sequence[str] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """Running and ready at `port`, alone unless `options` say otherwise."""
    folder = tree / f"alertmanager-{port}"
    folder.mkdir()
    (folder / "configuration.yml").write_text(configuration)
    argv = (
        "unshare", "-m", "sh", "-ec", _WITH_ITS_SHARE, "sh", f"{tree}", f"{tree}/usr/bin/prometheus-alertmanager",
        f"--config.file={folder}/configuration.yml", f"--storage.path={folder}/data",
        f"--web.listen-address={LOOPBACK}:{port}", *(options or ("--cluster.listen-address=",)),
    )  # fmt: skip
    with _running(argv, port, folder) as process:
        yield process


@contextmanager
def prometheus(tree: Path, port: int, configuration: str) -> Iterator[subprocess.Popen[bytes]]:
    """Running and ready at `port`."""
    folder = tree / f"prometheus-{port}"
    folder.mkdir()
    (folder / "configuration.yml").write_text(configuration)
    argv = (
        f"{tree}/usr/bin/prometheus", f"--config.file={folder}/configuration.yml", f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address={LOOPBACK}:{port}",
    )  # fmt: skip
    with _running(argv, port, folder) as process:
        yield process


@contextmanager
def _running(argv: Sequence[str], port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, cwd=folder)
    try:
        until = time.monotonic() + 60
        while not _ready(port):
            if process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"{argv[0]} is not ready:\n{(folder / 'log').read_text()[-3000:]}")
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _ready(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://{LOOPBACK}:{port}/-/ready", timeout=2).close()
    except OSError:  # not yet: no answer, or an answer that says so
        return False
    return True


class Notified:
    """Where Alertmanager sends its notifications, and what it sent so far."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        notified = self.received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                notified.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's own name)
                del format, args

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self.url = f"http://{LOOPBACK}:{self._server.server_port}/"

    def __enter__(self) -> Notified:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
