"""What podman would print, told from its state: `podman rm -f $(podman ps -aq)` without running either.

Only the forms that people put into other commands: quiet lists without filters.
"""

from runaway_watchdog.effects import HostState
from runaway_watchdog.effects.docker import options
from runaway_watchdog.effects.podman import state as podman_state
from runaway_watchdog.effects.podman.command import elsewhere
from runaway_watchdog.effects.podman.grammar import GLOBAL, subcommand
from runaway_watchdog.engines.model import IMAGE_ID, RUNNING
from runaway_watchdog.model.command import Command
from runaway_watchdog.model.container import SHORT_ID
from runaway_watchdog.world import World

LISTS = {
    "container ls": "-a --all, -q --quiet, --no-trunc",
    "volume ls": "-q --quiet",
    "image ls": "-a --all, -q --quiet, --no-trunc",
    "pod ls": "-q --quiet, --no-trunc",
}


def answer(command: Command, host: HostState, world: World) -> tuple[str, ...] | None:
    """The words that the command would print; None where that is not known."""
    given = options.read(command.words[1:], GLOBAL, stops=True)
    found = None if given.refused or not given.rest else subcommand(given.rest)
    if found is None or found[0] not in LISTS:
        return None
    asked = options.read(found[1], LISTS[found[0]])
    now = podman_state.current(host, world)
    if asked.refused or asked.unread or asked.operands or not asked.has("quiet") or now.docker.gap is not None:
        return None
    if elsewhere(given, command, rootless=now.rootless, world=world) is not None:
        return None
    if found[0] == "volume ls":
        return tuple(each.name for each in now.docker.volumes)
    if found[0] == "pod ls":
        ids = [each.id for each in now.pods]
    elif found[0] == "image ls":
        ids = [each.id for each in now.docker.images if asked.has("all") or each.tags]
    else:
        ids = [each.id for each in now.docker.containers if asked.has("all") or each.state in RUNNING]
    return tuple(each if asked.has("no-trunc") else each.removeprefix(IMAGE_ID)[:SHORT_ID] for each in ids)
