"""Timers, sockets and path units that would start a service again.

A timer's own answer is not enough: while what it started runs, it says "never" (NextElapse=infinity), and it works
out its next time when that ends. So it is worked out here from its settings, as systemd 252 was seen to do it.
"""

from collections.abc import Iterator

from runaway_watchdog.owners.systemd.details import Trigger
from runaway_watchdog.owners.systemd.manager import Source
from runaway_watchdog.world import Unanswered, World
from runaway_watchdog.world.paths import Tree
from runaway_watchdog.world.units import NEVER_US, NOT_LOADED, Unit

MOST_CALENDARS = 4
"""Of one timer: each is a program that is run for it."""
ONCE_A_BOOT = frozenset({"OnBootUSec", "OnStartupUSec", "OnActiveUSec"})


def read(service: Unit, source: Source, world: World) -> list[Trigger]:
    """Each unit of TriggeredBy=. Raises Unanswered."""
    return [_trigger(name, service, source, world) for name in service.triggered_by]


def _trigger(name: str, service: Unit, source: Source, world: World) -> Trigger:
    unit = source.unit(name) or NOT_LOADED
    at_boot = any(each in source.boot_targets for each in (*unit.wanted_by, *unit.required_by))
    found = Trigger(name, unit.active_state == "active", unit.unit_file_state, at_boot=at_boot)
    if name.endswith(".timer"):
        return _timer(found, unit, service, world)
    if name.endswith(".socket"):
        return found._replace(one_connection=unit.accept)
    # A user's path may hang whoever looks at it: a file system of his own, or a folder without an end.
    if name.endswith(".path") and source.trusted:
        return found._replace(at_once=any(_holds(kind, path, world) for kind, path in unit.paths))
    return found


def _timer(found: Trigger, timer: Unit, service: Unit, world: World) -> Trigger:
    calendars = [expression for _, expression, _ in timer.timers_calendar[:MOST_CALENDARS]]
    times = [each for each in _times(timer, service, calendars, world) if each is not None]
    late_us = timer.accuracy + timer.randomized_delay
    # Else it counts from a run that a boot does not bring.
    counts_from_boot = bool(calendars) or any(base in ONCE_A_BOOT for base, _, _ in timer.timers_monotonic)
    return found._replace(
        next_in_s=round(max(0.0, min(times)), 1) if times else None,
        due=bool(times or calendars),
        late_s=0.0 if late_us >= NEVER_US else round(late_us / 1e6, 1),
        at_boot=found.at_boot and counts_from_boot,
    )


def _times(timer: Unit, service: Unit, calendars: list[str], world: World) -> Iterator[float | None]:
    """Seconds from now to each time that it would elapse at, if the service ended now."""
    if timer.next_elapse not in (0, NEVER_US):
        yield timer.next_elapse / 1e6 - world.clock.now()
    else:
        for expression in calendars:
            yield _calendar(expression, world)
    # OnUnitActiveSec= counts from the service's last start, or from the timer's last elapse, if it did nothing.
    begun_s = max(service.inactive_exit_monotonic, timer.last_trigger_monotonic) / 1e6
    for base, value, elapse in timer.timers_monotonic:
        yield _monotonic(base, value / 1e6, elapse / 1e6, begun_s, world)


def _calendar(expression: str, world: World) -> float | None:
    try:
        moment = world.manager.next_elapse(expression)
    except Unanswered:
        return None  # that it comes is known, and when is not
    return None if moment is None else moment - world.clock.now()


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
