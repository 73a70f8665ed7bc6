"""Figures as people read them. Times are local and name their zone once, where `stamp` is used."""

import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_UNWATCHED: Final = "·"


def share(percent: float) -> str:
    """99.7 -> "99.7 % of a core"; 380.2 -> "380 % of a core (3.8 cores)"."""
    if percent < 150:
        return f"{percent:.1f} % of a core"
    return f"{percent:.0f} % of a core ({percent / 100:.1f} cores)"


def duration(seconds: float) -> str:
    """How long something has lasted, in its largest unit: "40 s", "6 min", "3 h 20 min", "5 days"."""
    if seconds < 60:
        return f"{max(0, round(seconds))} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min"
    if seconds < 86400:
        hours, minutes = divmod(int(seconds) // 60, 60)
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days = int(seconds // 86400)
    return f"{days} day{'' if days == 1 else 's'}"


def delay(seconds: float) -> str:
    """A wait, to a tenth of a second where that matters: "0.1 s", "12 s", "5 min"."""
    if seconds < 0.1:
        return "less than 0.1 s"
    return f"{seconds:.1f} s" if seconds < 10 else duration(seconds)


def delays(shortest: float | None, longest: float | None) -> str:
    """A range of waits: "0.1 s to 3.2 s"; one figure where both are the same; "" where there is none."""
    known = [delay(each) for each in (shortest, longest) if each is not None]
    return " to ".join(dict.fromkeys(known))


def size(count: int | None, *, at_least: bool = False) -> str:
    """Bytes: "1.2 GiB", "at least 3.4 GiB", "size not known"."""
    if count is None:
        return "size not known"
    figure, unit = float(count), "bytes"
    for bigger in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        if figure < 1024:
            break
        figure, unit = figure / 1024, bigger
    digits = 0 if unit == "bytes" or figure >= 100 else 1
    return f"{'at least ' if at_least else ''}{figure:.{digits}f} {unit}"


def blocks(points: Sequence[tuple[float, float]], columns: int = 40) -> str:
    """A curve of (moment, percent) in one line of blocks, the highest point a full one; "·" where nobody looked.

    "" for fewer than two points: that is no curve.
    """
    if len(points) < 2:
        return ""
    first, last = points[0][0], points[-1][0]
    usual = sorted(later[0] - earlier[0] for earlier, later in pairwise(points))[(len(points) - 2) // 2]
    columns = max(1, min(columns, round((last - first) / max(usual, 1e-9)) + 1))
    seen: list[list[float]] = [[] for _ in range(columns)]
    for at, percent in points:
        seen[min(columns - 1, int((at - first) / max(last - first, 1e-9) * columns))].append(percent)
    highest = max(percent for _, percent in points) or 1.0
    return "".join(_block(sum(each) / len(each) / highest) if each else _UNWATCHED for each in seen)


def _block(share_of_highest: float) -> str:
    return _BLOCKS[min(len(_BLOCKS) - 1, max(0, round(share_of_highest * (len(_BLOCKS) - 1))))]


def clock(at: float, now: float, *, seconds: bool = False) -> str:
    """A moment: "14:02" of today, "21 Nov 14:02" of another day."""
    then = time.localtime(at)
    same_day = then[:3] == time.localtime(now)[:3]
    return time.strftime(f"{'' if same_day else '%d %b '}%H:%M{':%S' if seconds else ''}", then)


def day(at: float) -> str:
    """A day: "22 Nov"."""
    return time.strftime("%d %b", time.localtime(at))


def stamp(now: float) -> str:
    """The moment of telling, with its zone: "22 Nov 2026 14:08 CET"."""
    return time.strftime("%d %b %Y %H:%M %Z", time.localtime(now)).strip()
