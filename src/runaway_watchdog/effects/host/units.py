"""Units that go down together, and what would start one of them again."""

import re
from collections.abc import Collection, Iterator, Sequence

from runaway_watchdog.effects import HostState
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.owners.starters import reading
from runaway_watchdog.owners.starters.naming import Names
from runaway_watchdog.world import Unanswered, World
from runaway_watchdog.world.units import NOT_LOADED, REFUSES_FROZEN, Unit, frozen as frozen_now

SYSTEMD_FOLDER = "/etc/systemd/system"
CONTAINER_SCOPE = re.compile(r"docker-(?P<id>[0-9a-f]{64})\.scope")
UP = ("active", "activating", "reloading", "deactivating")


def read(name: str, world: World) -> Unit | None:
    """By its own name, to which an alias leads. None: it is not loaded. Raises Unanswered."""
    found = world.manager.unit(name)
    return found if found is None or found.id else found._replace(id=name)


def going_down(names: Sequence[str], host: HostState, world: World) -> Iterator[tuple[Unit, str]]:
    """Every running unit that a stop of these reaches, with the unit that it needs ("" for those named).

    Raises Unanswered.
    """
    seen = set(host.stopped_units)
    pending = [(name, "") for name in names]
    while pending:
        name, cause = pending.pop(0)
        unit = read(name, world)
        if unit is None or unit.id in seen or unit.active_state not in UP or refuses(unit, host, world):
            continue
        seen.add(unit.id)
        yield unit, cause
        pending += [(each, unit.id) for each in _going_with_it(unit)]


def frozen(unit: Unit, host: HostState, world: World) -> str:
    """As world.units.frozen, after what the line has done so far."""
    told = host.freezers.get(unit.id)
    if told is None:
        return frozen_now(unit, world.files)
    return "frozen" if told else ""


def refuses(unit: Unit, host: HostState, world: World) -> bool:
    """Whether systemd refuses to stop, start and restart it, since it is frozen. Raises Unanswered."""
    if not frozen(unit, host, world):
        return False
    release = world.manager.version()
    if release is None:
        raise Unanswered(Gap("systemd", f"{unit.id} is frozen, and systemd says no release", "systemctl --version"))
    return release >= REFUSES_FROZEN


def refusals(names: Sequence[str], host: HostState, world: World) -> tuple[str, ...]:
    """Why a stop, a start and the like do nothing to these, for each that refuses. Raises Unanswered."""
    return tuple(
        f"{unit.id} is frozen, and systemd refuses that: {_before(unit, host, world)}"
        for name in names
        if (unit := read(name, world)) is not None and refuses(unit, host, world)
    )


def _before(unit: Unit, host: HostState, world: World) -> str:
    """What has to happen first."""
    if unit.active_state != "active":
        return "its processes ended meanwhile, and it cannot be thawed any more, until the next boot"
    if frozen(unit, host, world) == "frozen-by-parent":
        return "the slice that it is frozen with has to be thawed first"
    return f"first comes systemctl thaw {unit.id}"


def _going_with_it(unit: Unit) -> tuple[str, ...]:
    """The units to which a stop and a restart go on (systemd.unit(5))."""
    return (*unit.required_by, *unit.bound_by, *unit.requisite_of, *unit.consists_of, *unit.propagates_stop_to)


def started_again(unit: Unit, stopped: Collection[str], world: World) -> str:
    """What would start a stopped unit again by itself, as the end of a sentence; "" where nothing does."""
    upholders = [each for each in unit.upheld_by if each not in stopped]
    if upholders:
        return f"; but {upholders[0]} upholds it and starts it at once"
    triggers = [
        name
        for name in unit.triggered_by
        if name not in stopped and (world.manager.unit(name) or NOT_LOADED).active_state == "active"
    ]
    if not triggers:
        return _by_another(unit, stopped, world)
    when = "at its next time" if triggers[0].endswith(".timer") else "as soon as it is asked for"
    return f"; but {triggers[0]} starts it again {when}"


def _by_another(unit: Unit, stopped: Collection[str], world: World) -> str:
    """A line of a crontab, a unit's script … that starts it."""
    try:
        found = reading.starters(Names(frozenset((unit.id,))), "root", (unit.id,), world)
        first = next((each for each in found if each.revives and each.name not in stopped), None)
    except Unanswered:
        return ""
    return "" if first is None else f"; {first.told}"
