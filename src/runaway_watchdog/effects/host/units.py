"""Units that go down together, and what would start one of them again."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from runaway_watchdog.effects import HostState
from runaway_watchdog.world import World

SYSTEMD_FOLDER = "/etc/systemd/system"
SUFFIX = re.compile(r"\.(?:service|socket|timer|path|target|mount|automount|swap|slice|scope|device)\Z")
CONTAINER_SCOPE = re.compile(r"docker-(?P<id>[0-9a-f]{64})\.scope")
UP = ("active", "activating", "reloading", "deactivating")
GO_WITH_IT = ("RequiredBy", "BoundBy", "RequisiteOf", "ConsistsOf", "PropagatesStopTo")
"""Properties that name the units to which a stop and a restart go on (systemd.unit(5))."""


class Unit(NamedTuple):
    """A loaded unit, by its own name (an alias leads to it)."""

    name: str
    properties: Mapping[str, Any]

    def get(self, name: str) -> Any:
        return self.properties.get(name)


def read(name: str, world: World) -> Unit | None:
    """None: it is not loaded. Raises Unanswered."""
    found = world.manager.unit(name)
    return None if found is None else Unit(str(found.get("Id") or name), found)


def going_down(names: Sequence[str], host: HostState, world: World) -> Iterator[tuple[Unit, str]]:
    """Every running unit that a stop of these reaches, with the unit that it needs ("" for those named).

    Raises Unanswered.
    """
    seen = set(host.stopped_units)
    pending = [(name, "") for name in names]
    while pending:
        name, cause = pending.pop(0)
        unit = read(name, world)
        if unit is None or unit.name in seen or unit.get("ActiveState") not in UP:
            continue
        seen.add(unit.name)
        yield unit, cause
        for relation in GO_WITH_IT:
            pending += [(str(each), unit.name) for each in unit.get(relation) or []]


def started_again(unit: Unit, stopped: Collection[str], world: World) -> str:
    """What would start a stopped unit again by itself, as the end of a sentence; "" where nothing does."""
    upholders = [str(each) for each in unit.get("UpheldBy") or [] if each not in stopped]
    if upholders:
        return f"; but {upholders[0]} upholds it and starts it at once"
    triggers = [
        str(name)
        for name in unit.get("TriggeredBy") or []
        if name not in stopped and (world.manager.unit(str(name)) or {}).get("ActiveState") == "active"
    ]
    if not triggers:
        return ""
    when = "at its next time" if triggers[0].endswith(".timer") else "as soon as it is asked for"
    return f"; but {triggers[0]} starts it again {when}"
