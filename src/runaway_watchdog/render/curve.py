"""The CPU curve of a report, as an inline SVG. Pure; all its text is figures and words of our own."""

import html
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from runaway_watchdog.render import figures

Point = tuple[float, float]
"""(moment in seconds since the epoch, percent of one core)"""

_WIDTH, _HEIGHT = 760, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 26, 34
_TICKS_S: Final = (60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172800, 604800)
_MOST_TICKS: Final = 7
_HOLE: Final = 2.5
"""A step that is longer than this many usual ones is a time in which nobody looked: the line is broken there."""


class Mark(NamedTuple):
    """Something that happened at one moment of the curve."""

    at: float
    kind: Literal["death", "return", "span"]
    words: str


def curve(points: Sequence[Point], marks: Sequence[Mark], told: str) -> str:
    """The drawing, oldest first; `told` says in words what it shows, for whoever does not see it."""
    plane = _Plane(points)
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-labelledby="curve-told">',
        f'<title id="curve-told">{html.escape(told)}</title>',
        *_grid(plane),
        *_line(plane, points),
        *(_mark(plane, mark) for mark in marks if plane.first <= mark.at <= plane.last),
        "</svg>",
    ]
    return "\n".join(parts)


class _Plane:
    """Where a moment and a percentage lie on the drawing."""

    def __init__(self, points: Sequence[Point]) -> None:
        self.first, self.last = points[0][0], max(points[-1][0], points[0][0] + 1)
        highest = max(percent for _, percent in points)
        step = next((each for each in (10, 25, 50, 100, 200, 400, 800) if highest <= 4 * each), None)
        self.step = step if step is not None else int(-(-highest // 4))
        self.top = self.step * max(1, -(-highest // self.step))

    def x(self, at: float) -> float:
        return round(_LEFT + (at - self.first) / (self.last - self.first) * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(self, percent: float) -> float:
        return round(_HEIGHT - _BOTTOM - percent / self.top * (_HEIGHT - _TOP - _BOTTOM), 1)


def _grid(plane: _Plane) -> Iterator[str]:
    percent = 0
    while percent <= plane.top:
        y = plane.y(percent)
        yield f'<path class="grid" d="M{_LEFT} {y}H{_WIDTH - _RIGHT}"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{percent} %</text>'
        percent += plane.step
    length = plane.last - plane.first
    tick = next((each for each in _TICKS_S if length / each <= _MOST_TICKS), _TICKS_S[-1])
    at = plane.first - plane.first % tick + tick
    while at <= plane.last:
        words = figures.clock(at, plane.last) if tick < 86400 else figures.day(at)
        yield f'<text x="{plane.x(at)}" y="{_HEIGHT - 12}" text-anchor="middle">{words}</text>'
        at += tick


def _line(plane: _Plane, points: Sequence[Point]) -> Iterator[str]:
    """One line for each time in which the watch looked, with the area under it."""
    base = plane.y(0)
    for run in _runs(points):
        drawn = "L".join(f"{plane.x(at)} {plane.y(percent)}" for at, percent in run)
        first, last = plane.x(run[0][0]), plane.x(run[-1][0])
        yield f'<path class="area" d="M{first} {base}L{drawn}L{last} {base}Z"/>'
        yield f'<path class="curve" d="M{drawn}"/>'


def _runs(points: Sequence[Point]) -> Iterator[list[Point]]:
    steps = sorted(later[0] - earlier[0] for earlier, later in pairwise(points))
    usual = steps[len(steps) // 2] if steps else 0.0
    run = [points[0]]
    for point in points[1:]:
        if point[0] - run[-1][0] > _HOLE * usual:
            yield run
            run = []
        run.append(point)
    yield run


def _mark(plane: _Plane, mark: Mark) -> str:
    x, base = plane.x(mark.at), _HEIGHT - _BOTTOM
    title = f"<title>{html.escape(mark.words)}</title>"
    if mark.kind == "span":
        return f'<g class="span">{title}<path d="M{x} {_TOP}V{base}"/></g>'
    if mark.kind == "death":
        cross = f"M{x - 4} {_TOP - 12}l8 8m0 -8l-8 8M{x} {_TOP - 2}V{base}"
        return f'<g class="death">{title}<path d="{cross}"/></g>'
    return f'<g class="back">{title}<path d="M{x} {base + 2}l5 9h-10z"/></g>'
