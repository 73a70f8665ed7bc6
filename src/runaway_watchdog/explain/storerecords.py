"""The watch's memory, read from its store."""

import json
import sqlite3
from pathlib import Path

from runaway_watchdog.explain.records import GroupIncident, NoRecords, Recorded, Records, Trace
from runaway_watchdog.model.casefile import CaseFile, History
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import ACTIONS, Outlook
from runaway_watchdog.model.plan import Plan
from runaway_watchdog.model.process import CpuShare, Process
from runaway_watchdog.render.document import from_json
from runaway_watchdog.store import queries
from runaway_watchdog.store.database import StoreUnavailable, connect

FRESH_S = 60.0
"""The watch writes a hot process's figure more often than this: an older one speaks of the past."""


def open_records(path: Path, gaps: tuple[Gap, ...] = ()) -> Records:
    """The records of the store at `path`; `gaps` tells what was missing to find it.

    A store that is not there yet is no gap: the watch has not run here.
    """
    try:
        return StoreRecords(connect(path, readonly=True), gaps)
    except StoreUnavailable as unavailable:
        if _absent(path):
            return NoRecords(*gaps)
        return NoRecords(*gaps, Gap("store", unavailable.problem, unavailable.fix))


def _absent(path: Path) -> bool:
    """Whether there is surely no store. What may not be looked at may well be there."""
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _recorded(stored: queries.StoredProcess) -> Recorded:
    return Recorded(stored.key, stored.name, stored.started_at, stored.died_at, stored.seen_at)


def _what_is_left(told: CaseFile) -> str:
    """Of a process that is no more. Its owner was not asked again, so nothing is promised for it."""
    owner = told.owners[0]
    if owner.policy in ("none", "no", "not read"):
        return "Nothing is left to do while it does not run"
    return f"It does not run now; {owner.name} ({owner.policy}) may start it again, after a reboot for one"


class StoreRecords:
    """See `records.Records`."""

    def __init__(self, connection: sqlite3.Connection, gaps: tuple[Gap, ...] = ()) -> None:
        self._connection = connection
        self._gaps = gaps

    def gaps(self) -> tuple[Gap, ...]:
        return self._gaps

    def cpu(self, process: Process, now: float) -> tuple[CpuShare | None, float | None]:
        stored = self._stored(process)
        if stored is None:
            return None, None
        return queries.cpu_record(self._connection, stored.key, now - FRESH_S), self._since(stored)

    def _since(self, stored: queries.StoredProcess) -> float | None:
        """A process that took a dead one's place goes on with what that one began."""
        if stored.hot_since is not None:
            return stored.hot_since
        incident = queries.open_incident_of(self._connection, stored.lineage_id)
        return None if incident is None else incident.opened_at - incident.window_s

    def history(self, process: Process) -> History:
        stored = self._stored(process)
        return History() if stored is None else queries.lineage_history(self._connection, stored.lineage_id)

    def _stored(self, process: Process) -> queries.StoredProcess | None:
        """What the watch wrote of this very process."""
        of_pid = queries.processes_by_pid(self._connection, process.pid)
        return next((stored for stored in of_pid if _recorded(stored).is_it(process)), None)

    def incident_process(self, incident: int) -> Recorded | None:
        found = queries.incident(self._connection, incident)
        newest = None if found is None else queries.newest_process(self._connection, found.lineage_id)
        return None if newest is None else _recorded(newest)

    def incident_group(self, incident: int) -> GroupIncident | None:
        found = queries.incident(self._connection, incident)
        return None if found is None else GroupIncident(found.group.rstrip("/"), found.cpu_percent > 0)

    def trace(self, pid: int, *, other_than: Process | None = None) -> Trace | None:
        for stored in queries.processes_by_pid(self._connection, pid):
            if other_than is None or not _recorded(stored).is_it(other_than):
                return self._trace(stored)
        return None

    def trace_of(self, recorded: Recorded) -> Trace | None:
        stored = queries.by_key(self._connection, recorded.key)
        return None if stored is None else self._trace(stored)

    def _trace(self, stored: queries.StoredProcess) -> Trace:
        newest = queries.newest_process(self._connection, stored.lineage_id)
        living = newest.key if newest is not None and newest.died_at is None and newest.key != stored.key else None
        found = (each.id for each in queries.incidents(self._connection) if each.lineage_id == stored.lineage_id)
        return Trace(_recorded(stored), max(found, default=None), living, self._last(stored))

    def _last(self, stored: queries.StoredProcess) -> CaseFile | None:
        """The last explanation of that work, told of this dead process."""
        case = queries.case_file(self._connection, stored.lineage_id)
        if case is None:
            return None
        told = from_json(json.loads(case.json))
        dead = told.process._replace(
            key=stored.key,
            name=stored.name,
            cmdline=stored.cmdline,
            started_at=stored.started_at,
            state="dead",
            alive=False,
        )
        history = queries.lineage_history(self._connection, stored.lineage_id)
        nothing_left = Plan(_what_is_left(told), (), told.plan.dangerous)
        outlooks = tuple(Outlook.goes_on(action, "certain", "it has ended already") for action in ACTIONS)
        return told._replace(
            process=dead, cpu=None, prognosis=outlooks, history=history, plan=nothing_left, asked_pid=stored.key.pid
        )
