"""A pytest plugin: `-n 2 --dist loadfile` runs the files of tests in two lanes, each a process of its own.

One lane takes the files from the first on (the boxes of e2e and faults, which wait a lot), the other from the last on
(the quick layers, which compute a lot): beside one that waits is one that works, until they meet. A file stays in one
lane, so that what its tests share is made once. A run that is interrupted leaves no box.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadFileScheduling
    from xdist.workermanage import WorkerController

PATIENCE_S = 120.0
"""For a lane that was interrupted: it powers its boxes off and takes them away first."""
ENDING = (signal.SIGINT, signal.SIGTERM)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """Files in the order in which they were collected: the first lane takes the first, any other the last."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    config.option.loadscopereorder = False
    files = LoadFileScheduling(config, log)
    take_first = files._assign_work_unit

    def take(lane: WorkerController) -> None:
        if lane is not files.nodes[0]:
            files.workqueue.move_to_end(next(reversed(files.workqueue)), last=False)
        take_first(lane)

    files._assign_work_unit = take
    return files


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        for number in ENDING:
            signal.signal(number, _interrupted)
    elif config.getoption("dist", "no") != "no":
        signal.signal(signal.SIGTERM, _interrupted)
        config.pluginmanager.register(_OverLanes(), "over-lanes")


def _interrupted(number: int, _frame: object) -> None:
    """End it as Ctrl-C would, and once: a lane that Ctrl-C reached is told by the process above it as well."""
    for each in ENDING:
        signal.signal(each, _ignored)
    raise KeyboardInterrupt(signal.Signals(number).name)


def _ignored(number: int, _frame: object) -> None:
    """Not SIG_IGN, which programs inherit."""


class _OverLanes:
    """In the process that the lanes report to, which would kill them after ten seconds when it is interrupted."""

    def __init__(self) -> None:
        self._lanes: list[WorkerController] = []

    def pytest_configure_node(self, node: WorkerController) -> None:
        self._lanes.append(node)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        running = [lane for lane in self._lanes if not lane.channel.isclosed()]
        for lane in running:
            os.kill(lane.gateway._rinfo().pid, signal.SIGINT)
        for lane in running:
            with suppress(lane.channel.RemoteError, lane.channel.TimeoutError, EOFError):
                lane.channel.waitclose(PATIENCE_S)
