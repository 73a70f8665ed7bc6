"""What makes a return harmless, as lines for the file that an owner reads: what several kinds say alike."""

from collections.abc import Iterator
from shlex import quote

from runaway_watchdog.model.plan import Advice
from runaway_watchdog.owners.interface import Advise, Owner, Read
from runaway_watchdog.world import World

CPUS = 0.5
TRIES = 5
LIMIT, ENOUGH = "a CPU limit", "an end to its restarts"
BOTH = f"{LIMIT} and {ENOUGH}"


def fixed(what: str, where: str, *lines: str) -> Advise:
    """The same for every owner of a kind. `{name}` is the owner's."""

    def told(owner: Owner, world: World) -> Iterator[Advice]:  # noqa: ARG001
        if isinstance(owner, Read):
            yield Advice(what, where.format(name=quote(owner.name)), lines)

    return told
