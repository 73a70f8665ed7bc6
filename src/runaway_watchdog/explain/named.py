"""Who uses most of what a host is short of, as a person names it."""

from typing import NamedTuple

from runaway_watchdog import owners as ownership
from runaway_watchdog.explain.cause import innocent
from runaway_watchdog.model.shortage import Shortage, User
from runaway_watchdog.world import Unanswered, World, procfs
from runaway_watchdog.world.shortage import largest, shortage


class Named(NamedTuple):
    """A process by its innermost owner that has a name; hostile."""

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
    owner, name = layers[0].owner, facts.process.name
    kind = ownership.KINDS.get(owner.kind)
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
