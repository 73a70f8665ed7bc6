"""What the commands and a case read from the store, and the explanation that a case leaves there.

Every text here was chosen by a process or its owner: clean it where it is shown.
"""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from runaway_watchdog.model.casefile import History, SeenDeath
from runaway_watchdog.model.events import Ending
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.process import CpuShare

_DEATHS_SHOWN: Final = 50
_PIDS_SHOWN: Final = 200


class Lineage(NamedTuple):
    """The same work."""

    id: int
    key: str
    group: str
    name: str


class StoredProcess(NamedTuple):
    """A process that the watch tracked, alive or dead."""

    key: ProcKey
    lineage_id: int
    name: str
    cmdline: tuple[str, ...]  # secrets are masked
    started_at: float
    hot_since: float | None
    cpu_percent: float | None
    cpu_window_s: float | None
    seen_at: float
    died_at: float | None
    death_exact: bool | None  # None: it lives, as far as is known
    predecessor_pid: int | None
    return_delay_s: float | None


class Incident(NamedTuple):
    """One incident, with the lineage that it is about."""

    id: int
    lineage_id: int
    lineage_key: str
    group: str
    name: str
    rule: str
    severity: str
    state: str
    summary: str
    opened_at: float
    resolved_at: float | None
    cpu_percent: float
    window_s: float
    pid: int | None  # None: only the group is known
    start_ticks: int | None
    reopened_at: float | None = None  # the newest time
    acknowledged_until: float | None = None  # None while acknowledged: until it is over
    note: str | None = None  # of whoever acknowledged it


class StoredCase(NamedTuple):
    """The newest explanation of a lineage."""

    made_at: float
    json: str  # as `explain --json` prints it


_PROCESS = """SELECT boot_id, pid, start_ticks, lineage_id, name, cmdline, started_at, hot_since, cpu_percent,
    cpu_window_s, seen_at, died_at, death_exact, predecessor_pid, return_delay_s FROM process"""
_LINEAGE = "SELECT id, key, group_path, name FROM lineage"
_INCIDENT = """SELECT incident.id, lineage_id, key, group_path, name, rule, severity, state, summary, opened_at,
    resolved_at, cpu_percent, window_s, pid, start_ticks, reopened_at, acknowledged_until, note
    FROM incident JOIN lineage ON lineage.id = lineage_id"""


def processes_by_pid(connection: sqlite3.Connection, pid: int) -> tuple[StoredProcess, ...]:
    """Every process that ever had this PID, newest first, earlier boots included."""
    return _processes(connection, "WHERE pid = ? ORDER BY started_at DESC", (pid,))


def by_key(connection: sqlite3.Connection, key: ProcKey) -> StoredProcess | None:
    """This very process."""
    return next(iter(_processes(connection, "WHERE boot_id = ? AND pid = ? AND start_ticks = ?", tuple(key))), None)


def newest_process(connection: sqlite3.Connection, lineage_id: int) -> StoredProcess | None:
    """The process that does this work now, or did it last."""
    order = "WHERE lineage_id = ? ORDER BY died_at IS NULL DESC, started_at DESC LIMIT 1"
    return next(iter(_processes(connection, order, (lineage_id,))), None)


def lineage(connection: sqlite3.Connection, lineage_id: int) -> Lineage | None:
    row = connection.execute(f"{_LINEAGE} WHERE id = ?", (lineage_id,)).fetchone()
    return None if row is None else Lineage(*row)


def lineage_id_of(connection: sqlite3.Connection, lineage_key: str) -> int | None:
    """From a case request's `lineage` to the id that everything else here takes."""
    row = connection.execute("SELECT id FROM lineage WHERE key = ?", (lineage_key,)).fetchone()
    return None if row is None else int(row[0])


def _death(row: Sequence[Any]) -> SeenDeath:
    """Its columns in their order; the ending is a JSON object, or NULL."""
    ending = None if row[-1] is None else Ending.from_json(json.loads(row[-1]))
    return SeenDeath(*row)._replace(ending=ending)


def lineage_history(connection: sqlite3.Connection, lineage_id: int) -> History:
    """Deaths and returns, newest first; returns are counted for as long as the lineage is kept."""
    row = connection.execute(
        "SELECT returns_seen, shortest_s, longest_s FROM lineage WHERE id = ?", (lineage_id,)
    ).fetchone()
    if row is None:
        return History()
    deaths = connection.execute(
        """SELECT dead.pid, dead.started_at, dead.died_at, next.pid, next.return_delay_s, dead.ending
        FROM process AS dead LEFT JOIN process AS next ON next.lineage_id = dead.lineage_id
            AND next.boot_id = dead.boot_id AND next.predecessor_pid = dead.pid
            AND next.predecessor_start_ticks = dead.start_ticks
        WHERE dead.lineage_id = ? AND dead.died_at IS NOT NULL ORDER BY dead.died_at DESC LIMIT ?""",
        (lineage_id, _DEATHS_SHOWN),
    )
    pids = connection.execute(
        "SELECT pid FROM process WHERE lineage_id = ? ORDER BY started_at DESC LIMIT ?", (lineage_id, _PIDS_SHOWN)
    )
    return History(
        returns_seen=row[0],
        shortest_s=row[1],
        longest_s=row[2],
        deaths=tuple(_death(death) for death in deaths),
        pids=tuple(dict.fromkeys(each[0] for each in pids))[::-1],
    )


def incidents(connection: sqlite3.Connection, state: str | None = None) -> tuple[Incident, ...]:
    """All of them, or those in one state; newest first."""
    rows = connection.execute(
        f"{_INCIDENT} WHERE state = ? OR ? IS NULL ORDER BY opened_at DESC, incident.id DESC", (state, state)
    )
    return tuple(Incident(*row) for row in rows)


def incident(connection: sqlite3.Connection, incident_id: int) -> Incident | None:
    row = connection.execute(f"{_INCIDENT} WHERE incident.id = ?", (incident_id,)).fetchone()
    return None if row is None else Incident(*row)


def incident_told(connection: sqlite3.Connection, incident_id: int) -> tuple[tuple[float, str, str], ...]:
    """What was sent of it: when, of which kind, and through which channel; oldest first."""
    rows = connection.execute(
        "SELECT sent_at, kind, channel FROM outbox WHERE incident_id = ? AND sent_at IS NOT NULL ORDER BY sent_at, id",
        (incident_id,),
    )
    return tuple(rows.fetchall())


def open_incident_of(connection: sqlite3.Connection, lineage_id: int) -> Incident | None:
    """The newest incident of a lineage that is not resolved."""
    row = connection.execute(
        f"{_INCIDENT} WHERE lineage_id = ? AND state != 'resolved' ORDER BY opened_at DESC LIMIT 1", (lineage_id,)
    ).fetchone()
    return None if row is None else Incident(*row)


def set_summary(connection: sqlite3.Connection, incident_id: int, summary: str) -> None:
    """The case knows the owner's name; the watch only knew the process."""
    connection.execute("UPDATE incident SET summary = ? WHERE id = ?", (summary, incident_id))


def case_file(connection: sqlite3.Connection, lineage_id: int) -> StoredCase | None:
    """The newest explanation, as its case left it."""
    row = connection.execute("SELECT made_at, json FROM case_file WHERE lineage_id = ?", (lineage_id,)).fetchone()
    return None if row is None else StoredCase(*row)


def save_case_file(connection: sqlite3.Connection, lineage_id: int, document: str, now: float) -> None:
    """Keep the explanation of a lineage, in place of an older one."""
    connection.execute(
        """INSERT INTO case_file (lineage_id, made_at, json) VALUES (?, ?, ?)
        ON CONFLICT (lineage_id) DO UPDATE SET made_at = excluded.made_at, json = excluded.json""",
        (lineage_id, now, document),
    )


def cpu_record(connection: sqlite3.Connection, key: ProcKey, newer_than: float) -> CpuShare | None:
    """The watch's own figure of a process, if it was written at `newer_than` or later."""
    process = by_key(connection, key)
    if process is None or process.cpu_percent is None or process.cpu_window_s is None:
        return None
    return CpuShare(process.cpu_percent, process.cpu_window_s) if process.seen_at >= newer_than else None


def hot_now(connection: sqlite3.Connection) -> dict[ProcKey, float]:
    """Since when each living process has burnt that the watch has seen burn."""
    rows = connection.execute(
        "SELECT boot_id, pid, start_ticks, hot_since FROM process WHERE died_at IS NULL AND hot_since IS NOT NULL"
    )
    return {ProcKey(*row[:3]): row[3] for row in rows}


def places_taken(connection: sqlite3.Connection) -> dict[ProcKey, SeenDeath]:
    """The living processes that took a dead one's place, as far as the watch has seen, and that death."""
    rows = connection.execute(
        """SELECT next.boot_id, next.pid, next.start_ticks,
            dead.pid, dead.started_at, dead.died_at, next.pid, next.return_delay_s, dead.ending
        FROM process AS next JOIN process AS dead ON dead.boot_id = next.boot_id
            AND dead.pid = next.predecessor_pid AND dead.start_ticks = next.predecessor_start_ticks
        WHERE next.died_at IS NULL AND dead.died_at IS NOT NULL"""
    )
    return {ProcKey(*row[:3]): _death(row[3:]) for row in rows}


def _processes(connection: sqlite3.Connection, where: str, values: tuple[str | int, ...]) -> tuple[StoredProcess, ...]:
    rows = connection.execute(f"{_PROCESS} {where}", values)
    return tuple(_process(*row) for row in rows)


def _process(
    boot_id: str, pid: int, start_ticks: int, lineage_id: int, name: str, cmdline: str, *rest: Any
) -> StoredProcess:
    key = ProcKey(boot_id, pid, start_ticks)
    process = StoredProcess(key, lineage_id, name, tuple(json.loads(cmdline)), *rest)
    exact = process.death_exact
    return process if exact is None else process._replace(death_exact=bool(exact))
