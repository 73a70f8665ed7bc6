"""The watch's memory, read from its store."""

import json
import sqlite3
from pathlib import Path

from runaway_watchdog.explain.document import from_json
from runaway_watchdog.explain.records import NoRecords, Records, Trace
from runaway_watchdog.model.casefile import CaseFile, History
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import ACTIONS, Fate
from runaway_watchdog.model.plan import Plan
from runaway_watchdog.model.process import CpuShare, Process
from runaway_watchdog.store import queries
from runaway_watchdog.store.database import StoreUnavailable, connect

CLOCK_STEP_S = 60.0
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
        return NoRecords(*gaps, Gap("store", unavailable.problem, unavailable.mend))


def _absent(path: Path) -> bool:
    """Whether there is surely no store. What may not be looked at may well be there."""
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


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
        """What the watch wrote of this very process.

        In a container (nspawn, LXC) the boot id is a file mounted over the kernel's, and the confined watch may see
        another one than a shell does: then PID, start time and wall clock together say that it is the same process.
        """
        for stored in queries.processes_by_pid(self._connection, process.pid):
            same_start = stored.key.start_ticks == process.key.start_ticks
            same_boot = stored.key.boot_id == process.key.boot_id
            if same_start and (same_boot or abs(stored.started_at - process.started_at) < CLOCK_STEP_S):
                return stored
        return None

    def incident_pid(self, incident: int) -> int | None:
        found = queries.incident(self._connection, incident)
        if found is None:
            return None
        newest = queries.newest_process(self._connection, found.lineage_id)
        return found.pid if newest is None else newest.key.pid

    def trace(self, pid: int) -> Trace | None:
        stored = next(iter(queries.processes_by_pid(self._connection, pid)), None)
        if stored is None:
            return None
        newest = queries.newest_process(self._connection, stored.lineage_id)
        living = newest.key if newest is not None and newest.died_at is None and newest.key.pid != pid else None
        return Trace(living, self._last(stored))

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
        nothing_left = Plan(_what_is_left(told), (), told.plan.never)
        fates = tuple(Fate(action, False, False, None, None, "certain", "it has ended already") for action in ACTIONS)
        return told._replace(
            process=dead, cpu=None, prognosis=fates, history=history, plan=nothing_left, asked_pid=stored.key.pid
        )
