"""What the faults on a rig share: one host with the service installed."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from e2e.rig import docker, product
from e2e.rig.box import Box
from faults.scripted_mail import Scripted
from faults.service import Service


@pytest.fixture(scope="session")
def service(rig_can_run: None, wheel: Path) -> Iterator[Service]:
    """Docker and the service up, and alerts going to a receiver. Whoever breaks something mends it again."""
    with Box(product.product_layers(wheel)) as box:
        docker.import_image(box)
        watched = Service(box)
        watched.install()
        yield watched
        print(watched.log("-n60"))


@pytest.fixture
def mails() -> list[bytes]:
    """What the scripted server was given."""
    return []


@pytest.fixture
def scripted(mails: list[bytes]) -> Iterator[Callable[[dict[str, bytes | None]], str]]:
    """Starts a server that answers so; the URL of a channel that leads to it."""
    servers = []

    def started(answers: dict[str, bytes | None]) -> str:
        handler = type("Told", (Scripted,), {"answers": {"greeting": b"220 here\r\n", **answers}, "mails": mails})
        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        servers.append((server, thread))
        return f"mailto://127.0.0.1:{server.server_address[1]}?cto=1&from=watchdog@example.org&to=you@example.org"

    yield started
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()
