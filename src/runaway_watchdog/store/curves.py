"""CPU of the host, and of the groups that used 1 % of a core or more, over time: finely for an hour, coarsely for a
quarter of a year.

Size: at most `MOST_GROUPS` groups at any time, and 360 + 720 + 1,008 + 2,160 steps: 140,000 rows of some 25 bytes,
3.5 MB at the very worst; a host with three units that use 1 % of a core or more stays below 0.5 MB.
"""

import sqlite3
import time
from collections.abc import Iterable
from typing import Final, NamedTuple

HOST: Final = ""
"""The group that stands for the whole host."""

MOST_GROUPS: Final = 32
"""In one step, the host not counted: where there are more, the busiest."""

_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR
_USUAL_DAYS: Final = 7
_USUAL_STEP_S: Final = 600
_ENOUGH_DAYS: Final = 3


class Resolution(NamedTuple):
    """One degree of detail."""

    step_s: int
    keep_s: int


RESOLUTIONS: Final = (
    Resolution(10, _HOUR),
    Resolution(60, 12 * _HOUR),
    Resolution(600, 7 * _DAY),
    Resolution(_HOUR, 90 * _DAY),
)
"""The finest first; each is written as it goes, so that a watch that stops loses nothing."""


class Used(NamedTuple):
    """CPU that one group used lately."""

    group: str
    cpu_s: float


class Point(NamedTuple):
    """One step of a curve."""

    at: float  # its middle, seconds since the epoch
    percent: float  # of one core, the mean of the time that the watch looked; less than 1 % may count as nothing


def put_curves(connection: sqlite3.Connection, used: Iterable[Used], watched_s: float, now: float) -> None:
    """Add what was used in the last `watched_s` seconds, at every resolution; drop what has grown too old.

    It is not cut at the steps' ends: it goes to the step in which its middle lies.
    """
    ids = [(_group_id(connection, each.group), each) for each in used]
    for step_s, keep_s in RESOLUTIONS:
        at = int((now - watched_s / 2) // step_s) * step_s
        if _is_begun(connection, step_s, at, watched_s):
            for table in ("curve", "watched"):
                connection.execute(f"DELETE FROM {table} WHERE step_s = ? AND at < ?", (step_s, at - keep_s))  # noqa: S608
        for group_id, each in ids:
            _add(connection, (step_s, at, group_id), each)


def _is_begun(connection: sqlite3.Connection, step_s: int, at: int, watched_s: float) -> bool:
    """Count the time that was watched; True where a new step begins with it."""
    place = (watched_s, step_s, at)
    if connection.execute("UPDATE watched SET watched_s = watched_s + ? WHERE step_s = ? AND at = ?", place).rowcount:
        return False
    connection.execute("INSERT INTO watched (watched_s, step_s, at) VALUES (?, ?, ?)", place)
    return True


def forget_groups(connection: sqlite3.Connection) -> int:
    """Drop the names of groups that have no step left: containers come and go for years. Returns how many went."""
    return connection.execute("DELETE FROM curve_group WHERE id NOT IN (SELECT group_id FROM curve)").rowcount


def curve(connection: sqlite3.Connection, group: str, since: float, until: float) -> tuple[Point, ...]:
    """CPU of a group (`HOST`: of the whole host) between two times, at the finest resolution that reaches back so far.

    Oldest first; steps without the watch are missing. A group is only written while it uses 1 % of a core or more:
    where the watch looked and wrote nothing of it, the step is 0. Empty for a group that never was.
    """
    step_s = _step(connection, since)
    row = connection.execute("SELECT id FROM curve_group WHERE group_path = ?", (group,)).fetchone()
    if step_s is None or row is None:
        return ()
    rows = connection.execute(
        """SELECT watched.at, coalesce(cpu_s, 0.0), watched_s
        FROM watched LEFT JOIN curve ON curve.step_s = watched.step_s AND curve.at = watched.at AND group_id = :group
        WHERE watched.step_s = :step AND watched.at > :since - :step AND watched.at < :until AND watched_s > 0
        ORDER BY watched.at""",
        {"group": row[0], "step": step_s, "since": since, "until": until},
    )
    return tuple(Point(at + step_s / 2, round(100 * cpu_s / watched_s, 1)) for at, cpu_s, watched_s in rows)


def busiest(connection: sqlite3.Connection, since: float, until: float, most: int) -> tuple[tuple[str, float], ...]:
    """Who used most between two times, the host not counted: (group, mean percent of one core), the most first."""
    step_s = _step(connection, since)
    if step_s is None:
        return ()
    bounds = {"step": step_s, "since": since, "until": until, "host": HOST, "most": most}
    rows = connection.execute(
        """SELECT group_path, 100 * sum(cpu_s) / (SELECT sum(watched_s) FROM watched
            WHERE step_s = :step AND at > :since - :step AND at < :until)
        FROM curve JOIN curve_group ON curve_group.id = group_id
        WHERE step_s = :step AND at > :since - :step AND at < :until AND group_path != :host
        GROUP BY group_path ORDER BY sum(cpu_s) DESC LIMIT :most""",
        bounds,
    )
    return tuple((group, round(percent, 1)) for group, percent in rows if percent is not None)


def usual(connection: sqlite3.Connection, group: str, now: float) -> float | None:
    """Percent of one core that a group uses at this hour, local time: the median of the last seven days.

    None where fewer than `_ENOUGH_DAYS` tell: only a day counts on which the watch looked for most of that hour, and
    the group had been seen before.
    """
    first = connection.execute(
        "SELECT min(at) FROM curve JOIN curve_group ON id = group_id WHERE step_s = ? AND group_path = ?",
        (RESOLUTIONS[-1].step_s, group),
    ).fetchone()[0]
    days: list[float] = []
    for day in range(1, _USUAL_DAYS + 1) if first is not None else ():
        since = _days_before(now, day) - _HOUR / 2
        cpu_s, watched_s = connection.execute(
            """SELECT total(cpu_s), (SELECT total(watched_s) FROM watched
                WHERE step_s = :step AND at >= :since AND at < :until)
            FROM curve WHERE step_s = :step AND at >= :since AND at < :until
                AND group_id = (SELECT id FROM curve_group WHERE group_path = :group)""",
            {"step": _USUAL_STEP_S, "since": since, "until": since + _HOUR, "group": group},
        ).fetchone()
        if first <= since and watched_s >= _HOUR / 2:
            days.append(100 * cpu_s / watched_s)
    return sorted(days)[len(days) // 2] if len(days) >= _ENOUGH_DAYS else None


def _days_before(now: float, days: int) -> float:
    """The same time of the day, also across a change of the clocks."""
    local = time.localtime(now)
    return time.mktime((local.tm_year, local.tm_mon, local.tm_mday - days, *local[3:6], 0, 0, -1))


def _step(connection: sqlite3.Connection, since: float) -> int | None:
    """The finest resolution that reaches back so far; None where nothing was ever written."""
    newest = connection.execute("SELECT max(at) FROM watched WHERE step_s = ?", (RESOLUTIONS[0].step_s,)).fetchone()[0]
    if newest is None:
        return None
    fitting = (each.step_s for each in RESOLUTIONS if since >= newest - each.keep_s)
    return next(fitting, RESOLUTIONS[-1].step_s)


def _group_id(connection: sqlite3.Connection, group: str) -> int:
    connection.execute("INSERT OR IGNORE INTO curve_group (group_path) VALUES (?)", (group,))
    return int(connection.execute("SELECT id FROM curve_group WHERE group_path = ?", (group,)).fetchone()[0])


def _add(connection: sqlite3.Connection, place: tuple[int, int, int], used: Used) -> None:
    """Into the group's row of a step; a new row only while there is room."""
    added = connection.execute(
        "UPDATE curve SET cpu_s = cpu_s + ? WHERE step_s = ? AND at = ? AND group_id = ?", (used.cpu_s, *place)
    )
    if added.rowcount:
        return
    rows = connection.execute("SELECT count(*) FROM curve WHERE step_s = ? AND at = ?", place[:2]).fetchone()[0]
    if used.group == HOST or rows <= MOST_GROUPS or _make_room(connection, place, used.cpu_s):
        connection.execute("INSERT INTO curve (step_s, at, group_id, cpu_s) VALUES (?, ?, ?, ?)", (*place, used.cpu_s))


def _make_room(connection: sqlite3.Connection, place: tuple[int, int, int], cpu_s: float) -> bool:
    """In a full step, the least busy group gives way to one that used more just now. False: there is none."""
    gone = connection.execute(
        """DELETE FROM curve WHERE step_s = :step AND at = :at AND group_id = (
            SELECT group_id FROM curve JOIN curve_group ON id = group_id
            WHERE step_s = :step AND at = :at AND group_path != :host ORDER BY cpu_s LIMIT 1) AND cpu_s < :cpu_s""",
        {"step": place[0], "at": place[1], "host": HOST, "cpu_s": cpu_s},
    )
    return bool(gone.rowcount)
