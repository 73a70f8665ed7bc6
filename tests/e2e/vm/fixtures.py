"""The fixture `machine`: one for the whole session, since a boot under emulation takes a minute."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.rig import docker, needs, product

from .machine import Machine


@pytest.fixture(scope="session")
def machine(request: pytest.FixtureRequest, rig_can_run: None) -> Iterator[Machine]:
    """A whole machine with the product installed, Docker up and the image bb:1 imported.

    Skips with the reason where none can run; in CI that is a failure (support.skips).
    """
    reasons = needs.missing_for_machine()
    if reasons:
        pytest.skip(f"a machine cannot run here: {'; '.join(reasons)}")
    wheel: Path = request.getfixturevalue("wheel")
    with Machine(product.product_layers(wheel)) as booted:
        docker.import_image(booted)
        yield booted
