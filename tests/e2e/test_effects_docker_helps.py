"""Whether a Docker line ends a runaway for good: what `preflight --for PID` says, then what the line really does."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from e2e import docker_truth as truth
from e2e.docker_truth import ENGINES
from e2e.rig.box import Box, MakeBox
from e2e.rig.host_lines import preflight
from e2e.rig.workloads import running
from truth.preflight_rows import Row

pytestmark = pytest.mark.truth  # a dozen lines on two engines: three minutes

BACK_S = 3.0
"""A first restart comes after a tenth of a second."""
LINES = [
    ("always", "kill -9 PID"),
    ("always", "docker kill hot"),
    ("always", "docker update --restart=no hot && docker kill hot"),
    ("always", "docker update --restart=no hot && kill -9 PID"),
    ("always", "docker update --restart=always:3 hot; kill -9 PID"),
    ("always", "docker stop -t 1 hot; docker start hot"),
    ("always", "kill -9 PID; docker stop -t 1 hot"),
    ("always", "docker restart -t 1 hot"),
    ("always", "docker pause hot"),
    ("always", "docker network disconnect bridge hot"),
    ("always", "docker rm -f hot"),
    ("no", "docker update --restart=always hot; kill -9 PID"),
    ("no", "kill -9 PID; docker update --restart=always hot"),
]


@pytest.fixture(scope="module", params=ENGINES)
def engine(make_box: MakeBox, request: pytest.FixtureRequest) -> Iterator[Box]:
    """A box with one of the engines; it ends before the next one boots."""
    box = make_box(extras=ENGINES[request.param])
    yield box
    box.stop()


@pytest.mark.parametrize(("policy", "line"), LINES, ids=[f"{policy} {line}" for policy, line in LINES])
def test_whether_it_helps(engine: Box, row: Row, policy: str, line: str) -> None:
    """It goes on, ends for good, or ends and comes back."""
    with running(engine, "docker-run", name="hot", restart=policy, on_term="exit-0") as hot:
        ready = line.replace("PID", str(hot.pid))
        helps = preflight(engine, ready, "--for", str(hot.pid))["helps"]
        engine.run(["bash", "-c", ready], check=False)
        time.sleep(BACK_S)
        now = engine.pids(" hot$")
        ended, returned = hot.pid not in now, bool(set(now) - {hot.pid})
    version = {"engine": truth.versions(engine)["engine"]}
    row(
        f"{line} (restart policy {policy})",
        version,
        in_words(helps["ends"], helps["returns"]),
        in_words(ended, returned),
    )
    assert (helps["ends"], helps["returns"] or False) == (ended, returned), helps["why"]


def in_words(ends: bool, returns: bool | None) -> str:
    if not ends:
        return "the process goes on"
    return "the process ends and comes back" if returns else "the process ends for good"
