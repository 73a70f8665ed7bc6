"""A process that is dead and still listed: whoever took its place is told of, as for one that is gone."""

from __future__ import annotations

from typing import Any, cast

import pytest
from unit.golden.cases import unmanaged

from runaway_watchdog import case as watchs_case
from runaway_watchdog.cli import about
from runaway_watchdog.explain.records import NoRecords, Recorded, Records, Trace
from runaway_watchdog.model.casefile import CaseFile
from runaway_watchdog.model.events import CaseRequest
from runaway_watchdog.model.process import Process
from runaway_watchdog.world import World

OLD, NEW = 812, 1108


class OneTrace(NoRecords):
    """The watch saw this process die, and (or not) another one take its place."""

    def __init__(self, old: Process, new: Process | None) -> None:
        super().__init__()
        recorded = Recorded(old.key, old.name, old.started_at, old.started_at + 9, old.started_at + 9)
        self._trace = Trace(recorded, 1, None if new is None else new.key, None)

    def trace(self, pid: int, *, other_than: Process | None = None) -> Trace | None:
        ours = pid == self._trace.recorded.key.pid and other_than is None
        return self._trace if ours else None


@pytest.fixture
def cases(monkeypatch: pytest.MonkeyPatch) -> dict[int, CaseFile]:
    """The zombie's, and its successor's."""
    case = unmanaged()
    old = case._replace(process=case.process._replace(state="zombie"))
    key = case.process.key._replace(pid=NEW, start_ticks=99)
    found = {old.process.pid: old, NEW: case._replace(process=case.process._replace(key=key))}

    def explain(_world: World, _records: Records, pid: int, **asked: Any) -> CaseFile:
        return found[pid]._replace(asked_pid=asked.get("asked_pid") or pid)

    monkeypatch.setattr(about, "explain", explain)
    monkeypatch.setattr(watchs_case, "explain", explain)
    monkeypatch.setattr(watchs_case, "busiest_first", lambda *_: [])
    return found


def find(records: Records, pid: int) -> CaseFile:
    found = about.find(cast(World, None), records, pid)
    assert found is not None
    return found


def test_a_zombie_leads_to_who_took_its_place(cases: dict[int, CaseFile]) -> None:
    """And its own case is told only where nobody did, or the watch knows another process of that PID."""
    (pid, zombie), (_, successor) = cases.items()
    told = find(OneTrace(zombie.process, successor.process), pid)
    assert (told.process.pid, told.asked_pid) == (NEW, pid)
    assert find(OneTrace(zombie.process, None), pid).process.pid == pid
    another = zombie.process._replace(key=zombie.process.key._replace(start_ticks=1))
    assert find(OneTrace(another, successor.process), pid).process.pid == pid
    assert find(OneTrace(zombie.process, successor.process), NEW).process.pid == NEW


def test_a_message_is_about_who_took_its_place(cases: dict[int, CaseFile]) -> None:
    """Also the last one, when it is over."""
    (pid, zombie), (_, successor) = cases.items()
    about_it = CaseRequest(
        1, "resolved", "hot", "warning", pid, zombie.process.key.start_ticks, "/", "x", 90.0, 60.0, 0.0
    )
    known = OneTrace(zombie.process, successor.process)
    told = watchs_case.investigate(cast(World, None), known, about_it)
    assert told is not None
    assert told.process.pid == NEW
