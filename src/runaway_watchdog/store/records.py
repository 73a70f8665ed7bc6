"""What the watch writes, and what it reads back when it starts. Each function is one operation of the writer.

Names and command lines are hostile: they are cleaned, and secrets in them masked, before they get here.
"""

import sqlite3
from typing import Final, NamedTuple

from runaway_watchdog.model.events import Death, Return
from runaway_watchdog.model.identity import ProcKey

_USUAL_S: Final = 7 * 86400.0  # how far back "usual" reaches
_SHORTEST_S: Final = 5.0  # a life that is shorter says nothing of how long the work takes


class LineageRecord(NamedTuple):
    """The same work."""

    key: str
    group: str
    name: str


class ProcessRecord(NamedTuple):
    """A process that is tracked from now on."""

    key: ProcKey
    lineage: LineageRecord
    cmdline: str  # JSON array
    started_at: float
    hot_since: float | None  # None: it took the place of one that was hot


class CpuRecord(NamedTuple):
    """The watch's newest figure of one process."""

    key: ProcKey
    percent: float
    window_s: float


class IncidentRecord(NamedTuple):
    """An incident as it is opened, and as it is read back after a restart."""

    id: int
    lineage: LineageRecord
    rule: str
    severity: str
    summary: str
    opened_at: float
    percent: float
    window_s: float
    pid: int | None
    start_ticks: int | None


class LeftProcess(NamedTuple):
    """A process that was tracked, and is not known to be dead."""

    key: ProcKey
    lineage: LineageRecord
    seen_at: float


class Resumed(NamedTuple):
    """What a watch that starts finds of the one before."""

    next_incident: int
    incidents: tuple[IncidentRecord, ...]  # open ones of this boot
    processes: tuple[LeftProcess, ...]  # of this boot, newest first
    lengths: tuple[tuple[str, float], ...] = ()  # lineage keys, and for how long one run was hot; oldest first


def put_lineage(connection: sqlite3.Connection, lineage: LineageRecord, now: float) -> int:
    """Its id, known or new."""
    row = connection.execute(
        """INSERT INTO lineage (key, group_path, name, first_seen, last_seen) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (key) DO UPDATE SET last_seen = max(last_seen, excluded.last_seen) RETURNING id""",
        (lineage.key, lineage.group, lineage.name, now, now),
    ).fetchone()
    return int(row[0])


def put_process(connection: sqlite3.Connection, process: ProcessRecord, now: float) -> None:
    """A process is tracked; hot_since is filled in once it is hot."""
    lineage_id = put_lineage(connection, process.lineage, now)
    connection.execute(
        """INSERT INTO process (boot_id, pid, start_ticks, lineage_id, name, cmdline, started_at, hot_since, seen_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET hot_since = coalesce(hot_since, excluded.hot_since), seen_at = excluded.seen_at""",
        (*process.key, lineage_id, process.lineage.name, process.cmdline, process.started_at, process.hot_since, now),
    )


def put_cpu(connection: sqlite3.Connection, figures: tuple[CpuRecord, ...], now: float) -> None:
    """The newest figures of the tracked; the row of one that is not stored yet is not made here."""
    connection.executemany(
        """UPDATE process SET cpu_percent = ?, cpu_window_s = ?, seen_at = ?
        WHERE boot_id = ? AND pid = ? AND start_ticks = ?""",
        [(each.percent, each.window_s, now, *each.key) for each in figures],
    )


def put_death(connection: sqlite3.Connection, death: Death) -> None:
    """A tracked process ended."""
    connection.execute(
        """UPDATE process SET died_at = ?, death_exact = ?, seen_at = max(seen_at, ?)
        WHERE boot_id = ? AND pid = ? AND start_ticks = ?""",
        (death.wall, int(death.exact), death.wall, *death.key),
    )


def put_return(connection: sqlite3.Connection, back: Return, successor: ProcessRecord, now: float) -> None:
    """The same work came back as `successor`."""
    put_process(connection, successor, now)
    old = back.predecessor
    connection.execute(
        """UPDATE process SET predecessor_pid = ?, predecessor_start_ticks = ?, return_delay_s = ?
        WHERE boot_id = ? AND pid = ? AND start_ticks = ?""",
        (old.pid, old.start_ticks, back.delay_s, *back.key),
    )
    connection.execute(
        """UPDATE lineage SET returns_seen = returns_seen + 1,
            shortest_s = min(coalesce(shortest_s, :delay), :delay), longest_s = max(coalesce(longest_s, :delay), :delay)
        WHERE key = :key""",
        {"delay": back.delay_s, "key": successor.lineage.key},
    )


def open_incident(connection: sqlite3.Connection, incident: IncidentRecord) -> None:
    """A rule is met. Written again after a failed transaction, it stays one."""
    lineage_id = put_lineage(connection, incident.lineage, incident.opened_at)
    connection.execute(
        """INSERT OR IGNORE INTO incident (id, lineage_id, rule, severity, state, summary, opened_at, cpu_percent,
            window_s, pid, start_ticks) VALUES (?, ?, ?, ?, 'open', ?, ?, ?, ?, ?, ?)""",
        (incident.id, lineage_id, *incident[2:]),
    )


def update_incident(connection: sqlite3.Connection, incident_id: int, percent: float, window_s: float) -> None:
    """The newest figures of an open incident."""
    connection.execute(
        "UPDATE incident SET cpu_percent = ?, window_s = ? WHERE id = ?", (percent, window_s, incident_id)
    )


def escalate_incident(connection: sqlite3.Connection, incident_id: int, severity: str) -> None:
    """It is worse than when it was opened."""
    connection.execute("UPDATE incident SET severity = ? WHERE id = ?", (severity, incident_id))


def resolve_incident(connection: sqlite3.Connection, incident_id: int, now: float) -> None:
    """The rule is no longer met."""
    connection.execute(
        "UPDATE incident SET state = 'resolved', resolved_at = ? WHERE id = ? AND state != 'resolved'",
        (now, incident_id),
    )


def put_beat(
    connection: sqlite3.Connection, pid: int, started_at: float, tick_at: float, ticks: int, dropped: int
) -> None:
    """The watch is alive."""
    connection.execute(
        """INSERT OR REPLACE INTO beat (id, pid, started_at, tick_at, ticks, dropped) VALUES (1, ?, ?, ?, ?, ?)""",
        (pid, started_at, tick_at, ticks, dropped),
    )


def resume(connection: sqlite3.Connection, boot_id: str, booted_at: float, now: float, most: int) -> Resumed:
    """What the last watch left. Open incidents of an earlier boot are resolved: that boot ended them."""
    connection.execute(
        "UPDATE incident SET state = 'resolved', resolved_at = ? WHERE state != 'resolved' AND opened_at < ?",
        (now, booted_at),
    )
    incidents = connection.execute(
        """SELECT incident.id, key, group_path, name, rule, severity, summary, opened_at, cpu_percent, window_s, pid,
            start_ticks
        FROM incident JOIN lineage ON lineage.id = lineage_id WHERE state != 'resolved' ORDER BY incident.id"""
    ).fetchall()
    processes = connection.execute(
        """SELECT boot_id, pid, start_ticks, key, group_path, lineage.name, seen_at
        FROM process JOIN lineage ON lineage.id = lineage_id WHERE boot_id = ? AND died_at IS NULL
        ORDER BY seen_at DESC LIMIT ?""",
        (boot_id, most),
    ).fetchall()
    newest = connection.execute("SELECT max(id) FROM incident").fetchone()[0]
    return Resumed(
        next_incident=int(newest or 0) + 1,
        incidents=tuple(IncidentRecord(row[0], LineageRecord(*row[1:4]), *row[4:]) for row in incidents),
        processes=tuple(LeftProcess(ProcKey(*row[:3]), LineageRecord(*row[3:6]), row[6]) for row in processes),
        lengths=_lengths(connection, now),
    )


def _lengths(connection: sqlite3.Connection, now: float) -> tuple[tuple[str, float], ...]:
    """How long work took that has ended within a week."""
    rows = connection.execute(
        """SELECT key, died_at - coalesce(hot_since, started_at) AS seconds
        FROM process JOIN lineage ON lineage.id = lineage_id
        WHERE (hot_since IS NOT NULL OR predecessor_pid IS NOT NULL) AND died_at > ? AND seconds >= ?
        ORDER BY died_at DESC LIMIT 1000""",
        (now - _USUAL_S, _SHORTEST_S),
    ).fetchall()
    return tuple((key, seconds) for key, seconds in reversed(rows))
