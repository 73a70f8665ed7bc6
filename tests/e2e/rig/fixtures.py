"""The fixtures that boot boxes, for every folder whose tests want one: a plugin, so that all share one wheel."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from . import base, docker, needs, product
from .box import Box, Layout, MakeBox
from .extras import Extra, layers
from .sources import SUITE, Suite

REPOSITORY = Path(__file__).parent.parent.parent.parent


def _interrupted(number: int, _frame: object) -> None:
    # What is taken down now is not interrupted, whatever else is told of the cancelled job.
    signal.signal(signal.SIGINT, _ignored)
    pytest.exit(f"signal {signal.Signals(number).name}", returncode=128 + number)


def _ignored(number: int, _frame: object) -> None:
    """Not SIG_IGN, which would be inherited."""


@pytest.fixture(scope="session")
def rig_can_run() -> Iterator[None]:
    """Skip with the reason where the rig cannot run; in CI that is a failure (support.skips)."""
    reasons = needs.missing()
    if reasons:
        pytest.skip(f"the VPS in a box cannot run here: {'; '.join(reasons)}")
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
    built = product.build_wheel(REPOSITORY)
    yield built
    shutil.rmtree(built.parent.parent)


@pytest.fixture(scope="module")
def make_box(request: pytest.FixtureRequest, rig_can_run: None) -> Iterator[MakeBox]:
    """Boots boxes on demand, see MakeBox; all end with the module."""
    with ExitStack() as boxes:

        def make(
            layout: Layout = "v2",
            *,
            suite: Suite = SUITE,
            installed: bool = True,
            docker_up: bool = True,
            image: bool = True,
            extras: Sequence[Extra] = (),
        ) -> Box:
            bare = () if installed else (base.ensure_base(suite),)
            *tops, bottom = bare or product.product_layers(request.getfixturevalue("wheel"), suite=suite)
            lower = (*tops, *layers(extras, suite), bottom)
            box = boxes.enter_context(Box(lower, layout=layout, suite=suite, docker=docker_up))
            if docker_up and image:
                docker.import_image(box)
            return box

        yield make
