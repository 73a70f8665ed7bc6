"""The fields of an engine's JSON, each taken as the type that it must have. They raise TypeError for another one."""

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]
UNREADABLE = (AttributeError, LookupError, TypeError, ValueError, OverflowError)
"""What comes of a field that is missing, or of another type or size than it can be."""


def part(found: Json, name: str) -> Json:
    """An object; empty where it is missing or null."""
    value = found.get(name) or {}
    if not isinstance(value, dict):
        raise TypeError(name)
    return value


def items(found: Json, name: str) -> list[Any]:
    """A list; empty where it is missing or null."""
    value = found.get(name) or []
    if not isinstance(value, list):
        raise TypeError(name)
    return value


def objects(found: Json, name: str) -> list[Json]:
    """A list of objects."""
    value = items(found, name)
    if not all(isinstance(each, dict) for each in value):
        raise TypeError(name)
    return value


def text(found: Json, name: str, default: str = "") -> str:
    """A text, or a number as one (Podman's signals)."""
    value = found.get(name)
    if value is None:
        return default
    if not isinstance(value, (str, int, float)):
        raise TypeError(name)
    return str(value)


def required(found: Json, name: str) -> str:
    """A text that is there. Raises KeyError where it is not."""
    if found[name] is None:
        raise KeyError(name)
    return text(found, name)


def number(found: Json, name: str) -> int:
    """0 where it is missing or null."""
    value = found.get(name) or 0
    if not isinstance(value, (int, float)):
        raise TypeError(name)
    return int(value)


def seconds(found: Json, name: str) -> float:
    """Seconds since the epoch; 0 where they are missing."""
    return float(found.get(name) or 0)


def texts(found: Json, name: str) -> tuple[str, ...]:
    return tuple(map(str, items(found, name)))


def labels(found: Json, name: str = "Labels") -> dict[str, str]:
    return {str(key): str(value) for key, value in part(found, name).items()}


def moment(text: str) -> float:
    """An RFC 3339 time, seconds since the epoch; 0 for what is none."""
    from datetime import datetime  # 3 ms, and most commands need no date

    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return 0.0
