"""What the watch writes, and what it reads back when it starts. Each function is one operation of the writer.

Names and command lines are hostile: they are cleaned, and secrets in them masked, before they get here.
"""

import json
import sqlite3
from typing import Any, Final, NamedTuple

from runaway_watchdog.model.events import Death, Return
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.store import events
from runaway_watchdog.store.liveness import last_liveness

_USUAL_S: Final = 7 * 86400.0  # how far back "usual" reaches
_REOPENED_S: Final = 86400.0  # for so long an incident that is over is opened again instead of a new one
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
    """An incident as it is opened, and as it is read back after a restart: then `opened_at` is its newest opening."""

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
    push: bool = True  # False: nobody is sent a message of it


class Closed(NamedTuple):
    """An incident that was resolved lately."""

    incident: IncidentRecord
    resolved_at: float


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
    closed: tuple[Closed, ...] = ()  # resolved within a day, oldest first
    untold: frozenset[int] = frozenset()  # incidents whose newest turn no message was written of
    unheard: frozenset[int] = frozenset()  # those among them of which no message was written at all
    heartbeat_failed_at: float | None = None  # since when the outside service takes no heartbeat
    unseen: frozenset[int] = frozenset()  # incidents that the end of an earlier boot has ended


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
    ending = death.ending.to_json() if death.ending else {}
    connection.execute(
        """UPDATE process SET died_at = ?, death_exact = ?, ending = ?, seen_at = max(seen_at, ?)
        WHERE boot_id = ? AND pid = ? AND start_ticks = ?""",
        (death.wall, int(death.exact), json.dumps(ending) if ending else None, death.wall, *death.key),
    )
    events.put_death(connection, death.key, death.wall, {"exact": death.exact, **ending})


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
    events.put_return(connection, back.key, old.pid, back.wall, back.delay_s)


def open_incident(connection: sqlite3.Connection, incident: IncidentRecord, harm: str = "") -> None:
    """A rule is met. Written again after a failed transaction, it stays one."""
    lineage_id = put_lineage(connection, incident.lineage, incident.opened_at)
    added = connection.execute(
        """INSERT OR IGNORE INTO incident (id, lineage_id, rule, severity, state, summary, opened_at, cpu_percent,
            window_s, pid, start_ticks, push) VALUES (?, ?, ?, ?, 'open', ?, ?, ?, ?, ?, ?, ?)""",
        (incident.id, lineage_id, *incident[2:]),
    )
    if added.rowcount:
        events.put_event(
            connection, incident.id, incident.opened_at, "opened", pid=incident.pid, severity=incident.severity,
            percent=round(incident.percent, 1), harm=harm,
        )  # fmt: skip


def reopen_incident(connection: sqlite3.Connection, incident: IncidentRecord, harm: str = "") -> None:
    """The same work is at it again within a day: the same incident goes on."""
    values = incident._asdict() | {"lineage": incident.lineage.key}
    found = connection.execute(
        """UPDATE incident SET state = 'open', resolved_at = NULL, reopened_at = :opened_at, severity = :severity,
            cpu_percent = :percent, window_s = :window_s, pid = :pid, start_ticks = :start_ticks, push = :push,
            acknowledged_until = NULL WHERE id = :id""",
        values,
    )
    if not found.rowcount:  # the store was set aside meanwhile
        open_incident(connection, incident, harm)
        return
    put_lineage(connection, incident.lineage, incident.opened_at)
    events.put_event(
        connection, incident.id, incident.opened_at, "reopened", pid=incident.pid, severity=incident.severity,
        percent=round(incident.percent, 1), harm=harm,
    )  # fmt: skip


def escalate_incident(connection: sqlite3.Connection, incident_id: int, severity: str, harm: str, now: float) -> None:
    """It is worse than when it was opened, and told of from now on."""
    connection.execute("UPDATE incident SET severity = ?, push = 1 WHERE id = ?", (severity, incident_id))
    events.put_event(connection, incident_id, now, "escalated", severity=severity, harm=harm)


def resolve_incident(connection: sqlite3.Connection, incident_id: int, now: float) -> None:
    """The rule is no longer met."""
    ended = connection.execute(
        "UPDATE incident SET state = 'resolved', resolved_at = ? WHERE id = ? AND state != 'resolved'",
        (now, incident_id),
    )
    if ended.rowcount:
        events.put_event(connection, incident_id, now, "resolved")


def told_of(connection: sqlite3.Connection, incident_id: int) -> None:
    """A message of it was written: its end is told as well."""
    connection.execute("UPDATE incident SET push = 1 WHERE id = ?", (incident_id,))


def silence_incident(connection: sqlite3.Connection, incident_id: int, now: float) -> None:
    """Another one's alert tells of it, or it was over before anybody was told: no message of its own is missing, and
    the digest, which is about what is harmless, leaves it out."""
    connection.execute("UPDATE incident SET push = 0, digested_at = ? WHERE id = ?", (now, incident_id))


def withdraw_incident(connection: sqlite3.Connection, incident_id: int, now: float) -> None:
    """It was none of the rule's business: it ends, and nobody is told."""
    connection.execute("UPDATE incident SET push = 0 WHERE id = ?", (incident_id,))
    resolve_incident(connection, incident_id, now)


def resume(connection: sqlite3.Connection, boot_id: str, booted_at: float, now: float, most: int) -> Resumed:
    """What the last watch left. Open incidents of an earlier boot are resolved: that boot ended them.

    One whose process was on record in this boot is of this boot, whatever the clock has been set to since.
    """
    before = connection.execute(
        """SELECT id FROM incident WHERE state != 'resolved' AND coalesce(reopened_at, opened_at) < ? AND NOT EXISTS (
            SELECT 1 FROM process WHERE boot_id = ? AND process.pid = incident.pid
                AND process.start_ticks = incident.start_ticks)""",
        (booted_at, boot_id),
    ).fetchall()
    for (incident_id,) in before:
        resolve_incident(connection, incident_id, now)
    incidents = connection.execute(f"{_LEFT} WHERE state != 'resolved' ORDER BY incident.id").fetchall()
    closed = connection.execute(
        f"{_LEFT} WHERE state = 'resolved' AND resolved_at > ? ORDER BY resolved_at", (now - _REOPENED_S,)
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
        incidents=tuple(_left(row) for row in incidents),
        processes=tuple(LeftProcess(ProcKey(*row[:3]), LineageRecord(*row[3:6]), row[6]) for row in processes),
        lengths=_lengths(connection, now),
        closed=tuple(Closed(_left(row), row[-1]) for row in closed),
        untold=_untold(connection, now, at_all=False),
        unheard=_untold(connection, now, at_all=True),
        heartbeat_failed_at=None if (last := last_liveness(connection)) is None else last.heartbeat_failed_at,
        unseen=frozenset(incident_id for (incident_id,) in before),
    )


_LEFT: Final = """SELECT incident.id, key, group_path, name, rule, severity, summary,
    coalesce(reopened_at, opened_at), cpu_percent, window_s, pid, start_ticks, push, resolved_at
    FROM incident JOIN lineage ON lineage.id = lineage_id"""


def _left(row: tuple[Any, ...]) -> IncidentRecord:
    record = IncidentRecord(row[0], LineageRecord(*row[1:4]), *row[4:13])
    return record._replace(push=bool(record.push))


def _untold(connection: sqlite3.Connection, now: float, *, at_all: bool) -> frozenset[int]:
    """Incidents of whose newest turn, or `at_all`, nothing was written: the last watch ended before their case did."""
    rows = connection.execute(
        """SELECT id FROM incident WHERE push AND (resolved_at IS NULL OR resolved_at > :since) AND NOT EXISTS (
            SELECT 1 FROM outbox WHERE incident_id = incident.id
                AND created_at >= coalesce(reopened_at, incident.opened_at)
                AND (:at_all OR incident.state != 'resolved' OR kind = 'resolved'))""",
        {"since": now - _REOPENED_S, "at_all": at_all},
    )
    return frozenset(row[0] for row in rows)


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
