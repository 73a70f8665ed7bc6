"""Durations as people write them: "2s", "5m", "1h30m", "90d"."""

import re
from typing import Final

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(?<!\d)(\d++(?:\.\d++)?)\s*+(ms|s|m|h|d)", re.ASCII)
_WHOLE = re.compile(rf"\s*(?:{_PART.pattern}\s*)+\Z", re.ASCII)


def parse_duration(text: str) -> float:
    """Seconds. Raises ValueError for anything but numbers with a unit of ms, s, m, h or d, one after the other."""
    if len(text) > 40 or not _WHOLE.match(text):
        raise ValueError("not a duration")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def format_duration(seconds: float) -> str:
    """The shortest way to write it: 5400 -> "1h30m", 0.2 -> "0.2s"."""
    if seconds != int(seconds):
        return f"{seconds:g}s"
    parts: list[str] = []
    rest = int(seconds)
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, int(_UNITS[unit]))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
