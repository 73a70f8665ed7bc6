"""Who uses most of what a host is short of, as a person names it."""

import os
from collections.abc import Iterable
from typing import Final, NamedTuple

from runaway_watchdog import owners as ownership
from runaway_watchdog.explain.cause import innocent
from runaway_watchdog.linux.cgroup import name_of
from runaway_watchdog.model.shortage import CpuUser, Shortage, User
from runaway_watchdog.world import Unanswered, World, processes, procfs
from runaway_watchdog.world.shortage import largest, shortage

_LOOK_S: Final = 0.5
_TRIED: Final = 3
"""Processes of a group that are asked for their owner: they may end meanwhile."""


class Named(NamedTuple):
    """A process by its outermost owner, whose room all of its group is in: a container, a unit; hostile."""

    name: str
    works_for_others: str  # in words; "" for anybody else


def named(world: World, pid: int) -> Named | None:
    """None: it is gone, or hidden."""
    try:
        facts, _ = ownership.facts(world, pid)
        layers, _ = ownership.layers(facts, world)
    except (procfs.NoSuchProcessError, Unanswered):
        return None
    known = innocent(facts.process)
    owners = [(layer.owner, ownership.KINDS.get(layer.owner.kind)) for layer in reversed(layers)]
    owner, kind = next((each for each in owners if each[1] is not None and each[1].owned), owners[-1])
    name = facts.process.name
    who = f"{owner.name} ({name})" if kind is not None and kind.owned and name not in owner.name else ""
    whole = who or (owner.name if kind is not None and kind.owned else f"{name} ({pid})")
    return Named(whole, "" if known is None else known.what)


def short_of(world: World) -> Shortage | None:
    """What this host is short of now, with the one who uses most of it."""
    found = shortage(world)
    most = None if found is None else largest(world, found)
    who = None if most is None else named(world, most[0])
    if found is None or most is None or who is None:
        return found
    return found._replace(user=User(who.name, *most))


def users(world: World, busiest: Iterable[tuple[str, float, int]]) -> tuple[CpuUser, ...]:
    """Who uses the CPU: groups as the watch saw them, each by the owner of its busiest process."""
    found = []
    for group, percent, incident in busiest:
        who = next(filter(None, (named(world, pid) for pid in busiest_first(world, group)[:_TRIED])), None)
        name = name_of(group) if who is None else who.name
        found.append(CpuUser(name, percent, incident, "" if who is None else who.works_for_others))
    return tuple(found)


def busiest_first(world: World, group: str) -> list[int]:
    """The processes of a group now, the one that has used most CPU first; none for the root, which is everybody.

    Of short-lived groups of one kind (`docker-*.scope`) those of the groups that are there now.
    """
    used = _clocks(world, processes.of_group(world.files, group))
    return sorted(used, key=lambda pid: -used[pid])


def busiest_now(world: World, group: str) -> int | None:
    """Of a group, or of the host for "", who used most CPU in half a second; None: nobody used any."""
    pids = processes.of_group(world.files, group) if group else processes.pids(world.files)
    before = _clocks(world, pids)
    world.clock.sleep(_LOOK_S)
    after = _clocks(world, before)
    used = {pid: after[pid] - before[pid] for pid in after if pid != os.getpid()}
    busiest = max(used, key=lambda pid: used[pid], default=None)
    return busiest if busiest is not None and used[busiest] > 0 else None


def _clocks(world: World, pids: Iterable[int]) -> dict[int, int]:
    """Their CPU so far, in nanoseconds; not of those that are gone."""
    return {pid: mark[0] for pid in pids if (mark := procfs.cpu_mark(world.files, pid)) is not None}
