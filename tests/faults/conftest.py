"""What the faults on a rig share: one host with the service installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.rig import docker, product
from e2e.rig.box import Box
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
