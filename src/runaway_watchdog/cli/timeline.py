"""The story of one incident as `incidents show` tells it: what happened, what was sent, and the curve of its CPU."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from runaway_watchdog.hostile import clean
from runaway_watchdog.linux.cgroup import called
from runaway_watchdog.model.events import Ending
from runaway_watchdog.render import figures
from runaway_watchdog.render.last_end import ended
from runaway_watchdog.store import curves, events, queries
from runaway_watchdog.store.events import Event
from runaway_watchdog.store.queries import Incident

_BEFORE_S: Final = 1800.0
_AFTER_S: Final = 1800.0
_COLUMNS: Final = 60
_LONGEST_S: Final = 86400.0
_TOGETHER_S: Final = 60.0  # channels that got the same message within this time share a line


class Moment(NamedTuple):
    """One line."""

    at: float
    kind: str
    words: str
    detail: dict[str, Any]


def of(connection: sqlite3.Connection, incident: Incident) -> list[Moment]:
    """Oldest first. An incident from before there were stories has its opening, its deaths and its end."""
    story = [Moment(each.at, each.kind, _words(each), each.detail) for each in events.events(connection, incident.id)]
    if not story:
        story = list(_older(connection, incident))
    for at, kind, channels in _sent(queries.incident_told(connection, incident.id)):
        through = ", ".join(clean(channel, 60) for channel in channels)
        story.append(Moment(at, "told", f"told ({kind}) through {through}", {"message": kind, "channels": channels}))
    return _in_order(story)


def _in_order(story: Sequence[Moment]) -> list[Moment]:
    """By their moments; a return comes after the death that it follows, though one is seen and the other is counted."""
    died = {each.detail.get("pid"): each.at for each in story if each.kind == "died"}

    def place(each: Moment) -> tuple[float, bool]:
        returned = each.kind == "returned"
        return max(each.at, died.get(each.detail.get("after_pid"), 0.0)) if returned else each.at, returned

    return sorted(story, key=place)


def lines(story: Sequence[Moment]) -> Iterator[str]:
    """Each with its moment."""
    for each in story:
        yield f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(each.at))}  {each.words}"


def curve(connection: sqlite3.Connection, incident: Incident, now: float) -> tuple[str, ...]:
    """The CPU of its group from half an hour before to half an hour after, in one line; nothing where none is kept.

    Of an incident that lasted for long: its last day.
    """
    end = min(now, now if incident.resolved_at is None else incident.resolved_at + _AFTER_S)
    start = max(incident.opened_at - _BEFORE_S, end - _LONGEST_S)
    points = curves.curve(connection, incident.group, start, end)
    drawn = figures.blocks(points, _COLUMNS)
    if not drawn:
        return ()
    clock = "%H:%M" if end - start < _LONGEST_S / 2 else "%m-%d %H:%M"
    first, last = (time.strftime(clock, time.localtime(points[place].at)) for place in (0, -1))
    highest = max(point.percent for point in points)
    whose = f"CPU of {clean(called(incident.group), 60)}" if incident.group else "CPU of the host"
    return (f"{whose}, at most {figures.share(highest)}:", drawn, f"{first}{last:>{max(1, len(drawn) - len(first))}}")


def _sent(rows: Sequence[tuple[float, str, str]]) -> Iterator[tuple[float, str, list[str]]]:
    """What went out together is one line."""
    together: dict[tuple[str, int], tuple[float, list[str]]] = {}
    for at, kind, channel in rows:
        near = next(
            (key for key in together if key[0] == kind and abs(together[key][0] - at) < _TOGETHER_S), (kind, round(at))
        )
        together.setdefault(near, (at, []))[1].append(channel)
    for (kind, _), (at, channels) in together.items():
        yield at, kind, list(dict.fromkeys(channels))


def _older(connection: sqlite3.Connection, incident: Incident) -> Iterator[Moment]:
    opened = f"opened for PID {incident.pid}" if incident.pid else "opened for the whole group"
    yield Moment(incident.opened_at, "opened", opened, {"pid": incident.pid})
    for death in queries.lineage_history(connection, incident.lineage_id).deaths:
        words = f"PID {death.pid} {ended(death.ending)}"
        if death.successor_pid is not None:
            words += f", back {figures.delay(death.delay_s or 0)} later as PID {death.successor_pid}"
        yield Moment(death.died_at, "died", words, {"pid": death.pid})
    if incident.resolved_at is not None:
        yield Moment(incident.resolved_at, "resolved", "resolved: the rule is no longer met", {})


def _words(event: Event) -> str:
    detail = event.detail
    why = f": {clean(str(detail['harm']), 200)}" if detail.get("harm") else ""
    who = f"for PID {detail['pid']}" if detail.get("pid") else "for the whole group"
    match event.kind:
        case "opened" | "reopened":
            return f"{event.kind} {who}, {detail.get('severity', '')}, {detail.get('percent', 0):.0f} % of a core{why}"
        case "escalated":
            return f"now {detail.get('severity', '')}{why}"
        case "died":
            also = f", and {detail['times'] - 1} more after it" if "times" in detail else ""
            seen = "" if detail.get("exact", True) else " (seen at the next look)"
            return f"PID {detail.get('pid')} {ended(Ending.from_json(detail))}{seen}{also}"
        case "returned":
            return _returned(detail)
        case "throttled":
            limit = f" of {detail['limit']:.0f} %" if detail.get("limit") else ""
            return f"throttled: it runs into its limit{limit}"
        case "acknowledged":
            until = detail.get("until")
            end = "" if until is None else time.strftime(", until %Y-%m-%d %H:%M", time.localtime(until))
            note = f": {clean(str(detail['note']), 500)}" if detail.get("note") else ""
            return f"acknowledged{end}{note}"
        case "unacknowledged":
            return "no longer acknowledged"
        case "resolved":
            return "resolved: the rule is no longer met"


def _returned(detail: dict[str, Any]) -> str:
    if "times" in detail:
        waits = figures.delays(detail.get("shortest_s"), detail.get("longest_s"))
        return f"came back {detail['times']} times, {waits} after each death"
    waited = figures.delay(float(detail.get("delay_s", 0)))
    return f"came back {waited} later as PID {detail.get('pid')}, after PID {detail.get('after_pid')}"
