"""Fixtures of the end-to-end tests: boxes that are real hosts, with the product installed from its wheel."""

from __future__ import annotations

from pathlib import Path

import pytest
from e2e.rig.box import Box, MakeBox

HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker here too, so that this folder can be run on its own."""
    config.addinivalue_line("markers", "rig: needs the VPS in a box (root, systemd-nspawn)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the rig; nothing else is marked (the hook sees all tests)."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("rig")


@pytest.fixture(scope="session", autouse=True)
def nothing_here_runs_without_the_rig(rig_can_run: None) -> None:
    """Skip with the reason, or fail in CI: see e2e.rig.fixtures."""


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
def host_trixie(make_box: MakeBox) -> Box:
    """`host` by Debian 13."""
    return make_box(suite="trixie", docker_up=False)


@pytest.fixture(scope="module")
def keepers(make_box: MakeBox) -> Box:
    """`host` with the supervisors that Debian packages, and circus."""
    return make_box(extras=("keepers",), docker_up=False)


@pytest.fixture(scope="module")
def keepers_v1(make_box: MakeBox) -> Box:
    """`keepers` in the cgroup v1 layout."""
    return make_box("v1", extras=("keepers",), docker_up=False)
