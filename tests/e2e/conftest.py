"""Fixtures of the end-to-end tests: boxes that are real hosts, with the product installed from its wheel."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from e2e.rig import base, docker, needs, product
from e2e.rig.box import Box, Layout, MakeBox
from e2e.rig.extras import Extra, layers

HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker here too, so that this folder can be run on its own."""
    config.addinivalue_line("markers", "rig: needs the VPS in a box (root, systemd-nspawn)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the rig; nothing else is marked (the hook sees all tests)."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("rig")


def _is_required() -> bool:
    return os.environ.get("CI") == "true" or os.environ.get("RUNAWAY_RIG_REQUIRED") == "1"


def _interrupted(number: int, _frame: object) -> None:
    pytest.exit(f"signal {signal.Signals(number).name}", returncode=128 + number)


@pytest.fixture(scope="session", autouse=True)
def rig_can_run() -> Iterator[None]:
    """Skip with the reason where the rig cannot run; in CI that is a failure."""
    reasons = needs.missing()
    if reasons:
        message = f"the VPS in a box cannot run here: {'; '.join(reasons)}"
        if _is_required():
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    # A SIGTERM (a cancelled job) would end Python at once and leave boxes behind; this way the fixtures tear down.
    before = signal.signal(signal.SIGTERM, _interrupted)
    # What is ignored is inherited: below nohup, everything in a box would outlive a SIGHUP.
    ignored = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)
    signal.signal(signal.SIGHUP, ignored)


@pytest.fixture(scope="session")
def wheel(rig_can_run: None) -> Iterator[Path]:
    """The product's wheel: `$RUNAWAY_RIG_WHEEL`, or built from this checkout."""
    given = os.environ.get("RUNAWAY_RIG_WHEEL")
    if given:
        yield Path(given).resolve()
        return
    built = product.build_wheel(HERE.parent.parent)
    yield built
    shutil.rmtree(built.parent.parent)


@pytest.fixture(scope="module")
def make_box(request: pytest.FixtureRequest, rig_can_run: None) -> Iterator[MakeBox]:
    """Boots boxes on demand, see MakeBox; all end with the module."""
    with ExitStack() as boxes:

        def make(
            layout: Layout = "v2",
            *,
            installed: bool = True,
            docker_up: bool = True,
            image: bool = True,
            extras: Sequence[Extra] = (),
        ) -> Box:
            below = product.product_layers(request.getfixturevalue("wheel")) if installed else (base.ensure_base(),)
            *tops, bottom = below
            box = boxes.enter_context(Box((*tops, *layers(extras), bottom), layout=layout, docker=docker_up))
            if docker_up and image:
                docker.import_image(box)
            return box

        yield make


@pytest.fixture(scope="module")
def box(make_box: MakeBox) -> Box:
    """One cgroup v2 box for the module's tests: the product installed, Docker up, the image bb:1 imported."""
    return make_box()


@pytest.fixture(scope="module")
def host(make_box: MakeBox) -> Box:
    """As `box`, without Docker: for what systemd alone keeps. A module that needs more has a `host` of its own."""
    return make_box(docker_up=False)


@pytest.fixture(scope="module")
def host_v1(make_box: MakeBox) -> Box:
    """`host` in the cgroup v1 layout."""
    return make_box("v1", docker_up=False)


@pytest.fixture(scope="module")
def keepers(make_box: MakeBox) -> Box:
    """`host` with the supervisors that Debian packages, and circus."""
    return make_box(extras=("keepers",), docker_up=False)


@pytest.fixture(scope="module")
def keepers_v1(make_box: MakeBox) -> Box:
    """`keepers` in the cgroup v1 layout."""
    return make_box("v1", extras=("keepers",), docker_up=False)
