"""Timers, sockets and path units that would start a service again.

A timer's own answer is not enough: while what it started runs, it says "never" (NextElapse=infinity), and it works
out its next time when that ends. So it is worked out here from its settings, as systemd 252 was seen to do it.
"""

from collections.abc import Iterator
from typing import Any

from runaway_watchdog.owners.systemd.unit import Properties, Source
from runaway_watchdog.world import Unanswered, World
from runaway_watchdog.world.paths import Tree
from runaway_watchdog.world.systemd import NEVER_US

MOST_CALENDARS = 4
"""Of one timer: each is a program that is run for it."""
ONCE_A_BOOT = frozenset({"OnBootUSec", "OnStartupUSec", "OnActiveUSec"})


def read(service: Properties, source: Source, world: World) -> list[dict[str, Any]]:
    """Each unit of TriggeredBy=, as `facts.triggered_by` tells it. Raises Unanswered."""
    return [_trigger(str(name), service, source, world) for name in service.get("TriggeredBy", [])]


def _trigger(name: str, service: Properties, source: Source, world: World) -> dict[str, Any]:
    """`next_in_s`: if the service ended now, as far as a timer tells it; `at_boot`: whether a boot brings it back."""
    found = source.unit(name) or {}
    wanted = [*found.get("WantedBy", []), *found.get("RequiredBy", [])]
    shown = {
        "unit": name,
        "active": found.get("ActiveState") == "active",
        "unit_file_state": found.get("UnitFileState", ""),
        "next_in_s": None,
        "at_boot": any(each in source.boot_targets for each in wanted),
    }
    if name.endswith(".timer"):
        shown |= _timer(found, service, world)
    elif name.endswith(".socket"):
        shown["one_connection"] = found.get("Accept", False)
    elif name.endswith(".path"):
        # A user's path may hang whoever looks at it: a file system of his own, or a folder without an end.
        paths = found.get("Paths", []) if source.trusted else []
        shown["at_once"] = any(_holds(str(kind), str(path), world) for kind, path in paths)
    return shown


def _timer(timer: Properties, service: Properties, world: World) -> dict[str, Any]:
    """`due`: whether it starts the service again at all; `late_s`: how much later than its time it may."""
    calendars = list(timer.get("TimersCalendar", []))[:MOST_CALENDARS]
    times = [each for each in _times(timer, service, calendars, world) if each is not None]
    bases = {str(base) for base, _, _ in timer.get("TimersMonotonic", [])}
    late_us = timer.get("AccuracyUSec", 0) + timer.get("RandomizedDelayUSec", 0)
    found: dict[str, Any] = {
        "next_in_s": round(max(0.0, min(times)), 1) if times else None,
        "due": bool(times or calendars),
        "late_s": 0.0 if late_us >= NEVER_US else round(late_us / 1e6, 1),
    }
    if not calendars and not bases & ONCE_A_BOOT:
        found["at_boot"] = False  # it counts from a run that a boot does not bring
    return found


def _times(timer: Properties, service: Properties, calendars: list[Any], world: World) -> Iterator[float | None]:
    """Seconds from now to each time that it would elapse at, if the service ended now."""
    realtime = timer.get("NextElapseUSecRealtime", 0)
    if realtime not in (0, NEVER_US):
        yield realtime / 1e6 - world.clock.now()
    else:
        for _, expression, _ in calendars:
            yield _calendar(str(expression), world)
    for base, value, elapse in timer.get("TimersMonotonic", []):
        yield _monotonic(str(base), value / 1e6, elapse / 1e6, _begun_s(timer, service), world)


def _calendar(expression: str, world: World) -> float | None:
    try:
        moment = world.manager.next_elapse(expression)
    except Unanswered:
        return None  # that it comes is known, and when is not
    return None if moment is None else moment - world.clock.now()


def _begun_s(timer: Properties, service: Properties) -> float:
    """What OnUnitActiveSec= counts from: the service's last start, or the timer's last elapse, if it did nothing."""
    moments = (service.get("InactiveExitTimestampMonotonic", 0), timer.get("LastTriggerUSecMonotonic", 0))
    return max(float(each) for each in moments) / 1e6


def _monotonic(base: str, value_s: float, elapse_s: float, begun_s: float, world: World) -> float | None:
    if base == "OnUnitInactiveUSec":
        return value_s
    if base == "OnUnitActiveUSec":
        return max(0.0, begun_s + value_s - world.clock.monotonic())
    left = elapse_s - world.clock.monotonic()
    return left if left > 0 else None  # once a boot, and that is over


def _holds(kind: str, path: str, world: World) -> bool:
    """Whether a path unit's condition is true now: then it starts its service as soon as that is gone."""
    if kind == "PathExists":
        return world.files.exists(path)
    if kind == "DirectoryNotEmpty":
        try:
            return bool(world.files.names(path))
        except OSError:
            return False
    if kind == "PathExistsGlob":
        return bool(Tree(world.files, lambda each: each).glob(path))
    return False  # PathChanged, PathModified: at the next change
