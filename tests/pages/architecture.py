"""docs/architecture.svg: the rooms of the program and who imports whom, drawn from the code.

    make docs

A room is a package, or `case.py`, which is a process of its own. An arrow means "imports"; one that a longer way
already shows is left out. What nearly everything imports (`model` and the single files beside the packages) stands in
the bar below, without arrows.
"""

import inspect
import sys
from collections.abc import Mapping
from graphlib import TopologicalSorter
from html import escape
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from textwrap import wrap
from typing import Final, NamedTuple

import grimp

PACKAGE: Final = "runaway_watchdog"
BASE: Final = "model"
WIDTH: Final = 1000
_BOX: Final = (190, 76)
_PASSING: Final = 16
_ROW: Final = 122
_TOP: Final = 16
_TOLD: Final = 28  # characters of a line in a box

Rooms = Mapping[str, frozenset[str]]
"""Each room with those that it imports."""

_STYLE: Final = """\
text { font: 11px system-ui, sans-serif; fill: #57606a }
.name { font: 600 13px ui-monospace, monospace; fill: #1f2328 }
rect { fill: #f6f8fa; stroke: #8c959f }
path { fill: none; stroke: #8c959f }
.tip { fill: #8c959f; stroke: none }
@media (prefers-color-scheme: dark) {
  text { fill: #9198a1 }
  .name { fill: #f0f6fc }
  rect { fill: #151b23; stroke: #656c76 }
  path { stroke: #656c76 }
  .tip { fill: #656c76 }
}"""


class Place(NamedTuple):
    """Of a room's box, or of an arrow that passes."""

    middle: float
    top: float


def rooms() -> Rooms:
    """Who imports whom, without the base and the single files. Raises graphlib.CycleError where they form a circle."""
    graph = grimp.build_graph(PACKAGE)
    found: dict[str, set[str]] = {}
    for module in graph.modules:
        importer = _room(module)
        imported = set(map(_room, graph.find_modules_directly_imported_by(module)))
        found.setdefault(importer, set()).update(imported - {importer, "", BASE})
    del found[""], found[BASE]
    list(TopologicalSorter(found).static_order())
    return {room: frozenset(others) for room, others in found.items()}


def _room(module: str) -> str:
    """ "" for the single files."""
    first = module.split(".")[1:2]
    return first[0] if first and (first[0] == "case" or (_source() / first[0]).is_dir()) else ""


def _source() -> Path:
    return Path(inspect.getfile(import_module(PACKAGE))).parent


def essential(imports: Rooms) -> Rooms:
    """Without the arrows that a longer way already shows."""

    def reached(room: str) -> frozenset[str]:
        return imports[room].union(*map(reached, imports[room]))

    return {room: others.difference(*map(reached, others)) for room, others in imports.items()}


def rows(imports: Rooms) -> list[list[str]]:
    """From top to bottom: each room as low as those that it imports allow.

    An arrow that passes a row has a place of its own there, named "from>to", so that it runs behind no box.
    """

    def height(room: str) -> int:
        return max((height(other) + 1 for other in imports[room]), default=0)

    heights = {room: height(room) for room in imports}
    found = [[room for room in imports if heights[room] == level] for level in range(max(heights.values()) + 1)]
    for room, other in _arrows(imports):
        for level in range(heights[other] + 1, heights[room]):
            found[level].append(_passing(room, other))
    links = _links(imports, heights)
    found = [sorted(row) for row in found]
    for _ in range(8):
        for lower, upper in pairwise(found):
            upper.sort(key=lambda each: _middle(links, each, lower))
        for upper, lower in pairwise(found[::-1]):
            lower.sort(key=lambda each: _middle(links, each, upper))
    return found[::-1]


def _arrows(imports: Rooms) -> list[tuple[str, str]]:
    return sorted((room, other) for room, others in essential(imports).items() for other in others)


def _passing(room: str, other: str) -> str:
    return f"{room}>{other}"


def _links(imports: Rooms, heights: Mapping[str, int]) -> set[frozenset[str]]:
    """What is drawn from one row to the next: pairs of rooms and passing arrows."""
    found = set()
    for room, other in _arrows(imports):
        steps = max(0, heights[room] - heights[other] - 1)
        found |= {frozenset(pair) for pair in pairwise([room, *[_passing(room, other)] * steps, other])}
    return found


def _middle(links: set[frozenset[str]], each: str, row: list[str]) -> float:
    """Where its neighbours in that row stand, from 0 (left) to 1."""
    found = [
        (at + 0.5) / len(row) for at, other in enumerate(row) if other == each or frozenset((each, other)) in links
    ]
    return sum(found) / len(found) if found else 0.5


def picture(imports: Rooms) -> str:
    """The whole SVG."""
    ordered = rows(imports)
    placed = [_places(row, number) for number, row in enumerate(ordered)]
    bottom = _TOP + len(ordered) * _ROW
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 70:g}" role="img" '
        'aria-label="The packages of the program; an arrow means that the upper one imports the lower one">',
        f"<style>\n{_STYLE}\n</style>",
        *(_arrow(room, other, placed) for room, other in _arrows(imports)),
        *(_box(room, place) for row in placed for room, place in row.items() if room in imports),
        f'<rect x="16" y="{bottom:g}" width="{WIDTH - 32}" height="54" rx="6"/>',
        f'<text class="name" x="28" y="{bottom + 22:g}">{BASE}</text>',
        f'<text x="80" y="{bottom + 22:g}">{escape(_told(BASE))}</text>',
        f'<text x="28" y="{bottom + 42:g}">beside it, for all: {escape(", ".join(_single_files()))}</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _places(row: list[str], number: int) -> dict[str, Place]:
    """The places of one row: an arrow that passes is given a narrow one."""
    widths = [_PASSING if ">" in each else _BOX[0] for each in row]
    gap = (WIDTH - sum(widths)) / (len(row) + 1)
    found = {}
    for at, each in enumerate(row):
        middle = (at + 1) * gap + sum(widths[:at]) + widths[at] / 2
        found[each] = Place(round(middle, 1), _TOP + number * _ROW)
    return found


def _arrow(room: str, other: str, placed: list[dict[str, Place]]) -> str:
    """Down from row to row; straight where it passes one."""
    height = _BOX[1]
    end = next(row[other] for row in placed if other in row)
    at = next(row[room] for row in placed if room in row)
    x, y = at.middle, at.top + height
    line = f"M{x:g} {y:g}"
    for place in (*(row[_passing(room, other)] for row in placed if _passing(room, other) in row), end):
        down = place.top - (6 if place is end else 0)
        bend = (down - y) / 2
        line += f"C{x:g} {y + bend:g} {place.middle:g} {down - bend:g} {place.middle:g} {down:g}"
        x, y = place.middle, down + height
        line += "" if place is end else f"V{y:g}"
    return f'<path d="{line}"/><path class="tip" d="M{x - 4:g} {end.top - 8:g}h8l-4 8z"/>'


def _box(room: str, place: Place) -> str:
    width, height = _BOX
    x, y = place.middle - width / 2, place.top
    lines = wrap(_told(room), _TOLD, max_lines=3, placeholder=" …")
    texts = [f'<text x="{x + 10:g}" y="{y + 36 + 14 * at:g}">{escape(line)}</text>' for at, line in enumerate(lines)]
    head = f'<text class="name" x="{x + 10:g}" y="{y + 19:g}">{room}</text>'
    frame = f'<rect x="{x:g}" y="{y:g}" width="{width}" height="{height}" rx="6"/>'
    return "".join((frame, head, *texts))


def _told(room: str) -> str:
    """What the room says of itself in the first line of its docstring."""
    doc = inspect.getdoc(import_module(f"{PACKAGE}.{room}")) or ""
    if not doc:
        raise SystemExit(f"{PACKAGE}.{room} has no docstring")
    return doc.split("\n", 1)[0].rstrip(".")


def _single_files() -> list[str]:
    names = sorted(path.name for path in _source().glob("*.py"))
    return [name for name in names if not name.startswith("_") and name != "case.py"]


if __name__ == "__main__":
    sys.stdout.write(picture(rooms()))
