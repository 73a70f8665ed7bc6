"""The recorded hosts of tests/hosts, asked more than they were asked then, or under other names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from runaway_watchdog.explain.casefile import explain
from runaway_watchdog.explain.records import NoRecords
from runaway_watchdog.model.casefile import CaseFile
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.world import Unanswered, World
from runaway_watchdog.world.recorded import NotRecordedError, replay

HOSTS = sorted(path.parent for path in (Path(__file__).parents[1] / "hosts").glob("*/recording.json"))
PORTS = ("files", "engine", "manager", "clients", "users", "journal", "supervisors", "podman")

Recording = Mapping[str, Any]


class Partly:
    """A port of a recorded host; what was not asked then does not answer now."""

    def __init__(self, name: str, inner: Any) -> None:
        self._name, self._inner = name, inner

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            try:
                return getattr(self._inner, method)(*arguments)
            except NotRecordedError:
                if self._name != "files":
                    raise Unanswered(Gap(self._name, "it was not asked then", "record it anew")) from None
                if method == "exists":
                    return False
                if method == "variable":
                    return None
                raise FileNotFoundError(2, "not recorded") from None

        return call


def recording_of(host: Path) -> Recording:
    found: Recording = json.loads((host / "recording.json").read_text())
    return found


def world_of(recording: Recording) -> World:
    world = replay(recording)
    return world._replace(**{name: cast(Any, Partly(name, getattr(world, name))) for name in PORTS})


def explained(recording: Recording) -> CaseFile:
    return explain(world_of(recording), NoRecords(), recording["pid"])


def whole_word(name: str) -> re.Pattern[str]:
    """Where the name stands by itself: "web" is in "web-1", and not in "webhook"."""
    return re.compile(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])")


def renamed(recording: Recording, name: str, other: str) -> Recording:
    """The same host, but what bears `name` bears `other`: in every question and in every answer."""
    pattern = whole_word(name)
    return {**recording, "asked": walked(recording["asked"], lambda text: pattern.sub(lambda _: other, text))}


def walked(value: Any, change: Callable[[str], str]) -> Any:
    """Every text of a JSON value changed, the keys of objects too."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [walked(each, change) for each in value]
    if isinstance(value, dict):
        return {change(key): walked(each, change) for key, each in value.items()}
    return value


def texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value but the keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from texts(each)
