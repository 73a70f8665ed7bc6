"""The case as a process of its own: several requests, one beginning."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from runaway_watchdog import case
from runaway_watchdog.linux.files import Paths
from runaway_watchdog.linux.stat_brief import read
from runaway_watchdog.model.events import CaseRequest, several_to_json
from runaway_watchdog.starting import SEEN_TO
from runaway_watchdog.store.database import connect


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "watchdog.db"
    connect(path).close()
    return path


@pytest.fixture
def config(store: Path) -> Iterator[int]:
    fd = os.memfd_create("configuration")
    compiled = {"rules": [], "store": {"path": str(store)}, "alerts": {"channels": ["slack"], "urls": []}}
    os.write(fd, json.dumps(compiled).encode())
    yield fd
    os.close(fd)


@pytest.fixture
def requests() -> Iterator[list[CaseRequest]]:
    """About three processes that are there."""
    with ExitStack() as running:
        found = []
        for number in range(1, 4):
            process = running.enter_context(subprocess.Popen(["/bin/sleep", "600"]))
            running.callback(process.kill)
            stat = read(Paths(), process.pid)
            assert stat is not None
            found.append(
                CaseRequest(
                    number, "opened", "hot", "warning", process.pid, stat.start_ticks, "", "x", 97.0, 60.0, time.time()
                )
            )
        yield found


def run(config: int, requests: Sequence[CaseRequest], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "stdin", StringIO(several_to_json(requests)))
    return case.main(["--config-fd", str(config)])


def told(store: Path) -> list[tuple[Any, ...]]:
    with closing(connect(store)) as connection:
        rows = connection.execute("SELECT incident_id, kind, message FROM outbox ORDER BY id")
        return [(number, kind, json.loads(message)["text"]) for number, kind, message in rows]


def test_each_of_several_is_told(
    config: int, requests: list[CaseRequest], store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """About its own process, and once, however often all is tried again: also what may come more than once."""
    reminder = requests[0]._replace(kind="reminder", asked_at=time.time())
    for _ in range(2):
        assert run(config, [*requests, reminder], monkeypatch) == 0
    assert [each[:2] for each in told(store)] == [(1, "opened"), (2, "opened"), (3, "opened"), (1, "reminder")]
    for request, (_, _, text) in zip(requests, told(store), strict=False):
        assert f"explain {request.pid}" in text


def test_where_the_time_is_over_it_tells_how_many_it_has_seen_to(
    config: int, requests: list[CaseRequest], store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is always begun; the rest is left to the next process."""
    monkeypatch.setattr(case, "BUDGET_S", -1.0)
    assert run(config, requests, monkeypatch) == SEEN_TO + 1
    assert [each[0] for each in told(store)] == [1]
