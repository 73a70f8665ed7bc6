"""One incident as one page that needs nothing else: no network, no other file. For reading, printing and keeping.

Headings and landmarks are in the order of the contract; what is drawn is told in words and as a table too.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from runaway_watchdog.linux.cgroup import called
from runaway_watchdog.model.casefile import CaseFile
from runaway_watchdog.render import figures
from runaway_watchdog.render.curve import Mark, Point, curve
from runaway_watchdog.render.markup import as_it_is, drawn, fill
from runaway_watchdog.render.steps import UNSHOWABLE, Move, safe
from runaway_watchdog.render.story import tell

if TYPE_CHECKING:
    from markupsafe import Markup

MOST_ROWS: Final = 40
"""Of the curve as a table."""
_BADGES: Final = {"critical": "bad", "warning": "unsure", "info": "quiet"}


class Moment(NamedTuple):
    """One line of the story."""

    at: float
    kind: str  # opened, died, returned, resolved …: chooses the colour and the mark on the curve
    words: str


class Report(NamedTuple):
    """What a page tells. All text may be hostile."""

    number: int
    title: str
    state: str
    severity: str
    harm: str
    case: CaseFile | None  # None: it was never explained
    made_at: float  # when it was explained
    group: str
    moments: tuple[Moment, ...]
    points: tuple[Point, ...]
    sharing: tuple[tuple[str, float], ...]  # (group, mean percent of a core), the busiest first


def page(report: Report, now: float) -> str:
    """The whole document, written at `now`."""
    return fill("report.html.j2", {**_frame(report, now), **_content(report, now)})


def _frame(report: Report, now: float) -> Mapping[str, Any]:
    """What stands around the sections. The page's policy runs this style and script alone, whatever a name tries."""
    style, script = as_it_is("report.css"), as_it_is("report.js")
    host = "" if report.case is None else f" on {safe(report.case.host, 60)}"
    explained = "" if report.case is None else f" Explained {figures.stamp(report.made_at)}."
    return {
        "title": f"Incident {report.number}: {safe(report.title, 120)}",
        "style": style,
        "style_hash": _hash(style),
        "script": script,
        "script_hash": _hash(script),
        "number": report.number,
        "severity": safe(report.severity, 20),
        "badge": _BADGES.get(report.severity, ""),
        "state": safe(report.state, 40),
        "heading": safe(report.title, 200),
        "written": f"Written {figures.stamp(now)}{host}.{explained}",
    }


def _hash(content: str) -> str:
    """As a Content-Security-Policy names a text: its SHA-256 in base64."""
    return base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _content(report: Report, now: float) -> Mapping[str, Any]:
    story = None if report.case is None else tell(report.case, report.made_at)
    return {
        "harm": safe(report.harm),
        "story": story,
        "steps": () if story is None else [_step(move) for move in story.moves],
        "moments": [_moment(moment, now) for moment in report.moments],
        "curve": _curve(report, now) if len(report.points) > 1 else None,
        "sharing": [(safe(called(group), 200), group == report.group, percent) for group, percent in report.sharing],
        "unshowable": UNSHOWABLE,
    }


def _step(move: Move) -> Move:
    """Its phase is told where its title does not begin with it."""
    return move._replace(phase="") if move.title.lower().startswith(move.phase) else move


class _Time(NamedTuple):
    """A moment, for machines and for people."""

    machine: str
    told: str


def _time(at: float, now: float) -> _Time:
    machine = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
    return _Time(machine, figures.clock(at, now, seconds=True))


class _Line(NamedTuple):
    """One moment of the story."""

    time: _Time
    kind: str
    words: str


def _moment(moment: Moment, now: float) -> _Line:
    kind = moment.kind if moment.kind.isidentifier() else ""
    return _Line(_time(moment.at, now), kind, safe(moment.words))


# --- the curve -------------------------------------------------------------------------------------------------

_MARKS: Final = {"died": "death", "returned": "return", "opened": "span", "reopened": "span", "resolved": "span"}


class _Sign(NamedTuple):
    """One kind of mark, in the legend."""

    kind: str
    sign: str
    tone: str
    words: str


_LEGEND: Final = (
    _Sign("death", "×", "bad", "a process of it ended"),
    _Sign("return", "▲", "good", "the same work came back"),
    _Sign("span", "┆", "unsure", "the incident opened, or was over"),
)


class _Curve(NamedTuple):
    """The CPU over time: drawn, in a sentence, and as a table."""

    drawn: "Markup"
    told: str
    legend: Sequence[_Sign]
    means: Sequence[tuple[_Time, float]]  # percent of a core


def _curve(report: Report, now: float) -> _Curve:
    told = _told(report, now)
    marks = [
        Mark(each.at, _MARKS[each.kind], f"{figures.clock(each.at, now, seconds=True)} {safe(each.words, 120)}")  # type: ignore[arg-type]
        for each in report.moments
        if each.kind in _MARKS
    ]
    kinds = {mark.kind for mark in marks}
    legend = [each for each in _LEGEND if each.kind in kinds]
    return _Curve(drawn(curve(report.points, marks, told)), told, legend, _means(report.points, now))


def _told(report: Report, now: float) -> str:
    """The curve in one sentence."""
    percents = [percent for _, percent in report.points]
    first, last = (figures.clock(report.points[end][0], now) for end in (0, -1))
    mean = sum(percents) / len(percents)
    deaths = sum(each.kind == "died" for each in report.moments)
    seen = f", {deaths} death{'' if deaths == 1 else 's'}" if deaths else ""
    highest = figures.share(max(percents))
    return (
        f"CPU of {safe(called(report.group), 120)} from {first} to {last}: mean {mean:.0f} %, at most {highest}{seen}."
    )


def _means(points: Sequence[Point], now: float) -> list[tuple[_Time, float]]:
    """The same figures for reading; of a long curve the mean of several steps a row."""
    size = -(-len(points) // MOST_ROWS)
    parts = [points[at : at + size] for at in range(0, len(points), size)]
    return [(_time(part[0][0], now), sum(percent for _, percent in part) / len(part)) for part in parts]
