"""What deletes and what writes over: the end of several files, whichever command ends them.

Deleting or overwriting any existing file is data lost, except where the place itself says that it may go.
"""

import re
from collections.abc import Sequence

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.host import places, uses
from runaway_watchdog.effects.host.targets import Target, existing
from runaway_watchdog.linux import mounts
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import Effect, Size
from runaway_watchdog.world import World
from runaway_watchdog.world.paths import under

SINKS = re.compile(
    r"/dev/(?:null|zero|full|stdin|stdout|stderr|tty|ptmx|fd/\d+|tty\d*|pts/\d+|tcp/.*|udp/.*)|/proc/self/fd/\d+"
)
KERNEL = ("/proc", "/sys")
NAMED = 20


def removed(targets: Sequence[Target], why: str, host: HostState, world: World) -> tuple[tuple[Effect, ...], HostState]:
    """The end of several files and folders, in order."""
    found: list[Effect] = []
    among = uses.table(world) if len(targets) > 1 else None
    for target in targets[:NAMED]:
        if places.tree(host, world).entry(target.real) is None:
            continue  # it went with the one before
        found += places.lost(target.real, target.entry, why, host, world, among)
        host = places.without(host, target.real)
    if rest := targets[NAMED:]:
        found.append(_many(rest, why, host, world))
        host = places.without(host, *(each.real for each in rest))
    return tuple(found), host


def _many(rest: Sequence[Target], why: str, host: HostState, world: World) -> Effect:
    """More than anybody reads name by name: their number, and the size of the plain files among them."""
    size = Size(sum(each.entry.size for each in rest), any(each.entry.kind == "folder" for each in rest))
    lost = not all(places.passing(places.on_disk(each.real, host), world) for each in rest)
    return Effect("delete", "path", f"{rest[0].real} and {len(rest) - 1} more", lost, why, size, more=len(rest) - 1)


def overwritten(
    words: Sequence[Word], command: Command, host: HostState, world: World, why: str, *, sized: int = 0
) -> Outcome:
    """What stands in these files is lost, those that are not there yet are made, of `sized` bytes."""
    targets = existing(words, command, places.tree(host, world), follow=True)
    found: list[Effect] = []
    unknown = list(targets.unknown)
    among = uses.table(world) if len(targets.found) > 1 else None
    for target in targets.found[:NAMED]:
        if SINKS.fullmatch(target.real) or SINKS.fullmatch(target.written) or target.entry.kind == "folder":
            continue
        if any(under(target.real, each) for each in KERNEL):
            unknown.append(f"writing to {target.real} tells the kernel something: what that does is not judged")
        elif target.entry.kind == "device":
            found.append(disk(target, why, world))
        elif target.entry.kind == "file":
            gone = places.lost(target.real, target.entry, why, host, world, among)
            found += (each._replace(cause="overwritten") for each in gone)
            host = places.with_made(places.without(host, target.real), target.real, "file", sized)
    if rest := targets.found[NAMED:]:
        found.append(_many(rest, why, host, world)._replace(cause="overwritten"))
    for path in targets.absent:
        if not SINKS.fullmatch(path) and not any(under(path, each) for each in KERNEL):
            host = places.with_made(host, path, "file", sized)
    return Outcome(tuple(found), host, tuple(unknown))


def disk(target: Target, why: str, world: World) -> Effect:
    """The end of what is on a device."""
    mounted = tuple(_mounted(target, world))
    told = f"{why}: a device, with all that is on it"
    return Effect("delete", "path", target.real, True, told, Size(None), mounted, in_use=bool(mounted) or None)


def _mounted(target: Target, world: World) -> list[str]:
    try:
        found = mounts.parse(world.files.read("/proc/self/mounts"))
    except OSError:
        return []
    return [each.target for each in found if each.source.startswith(target.real)]


def appended(words: Sequence[Word], command: Command, host: HostState, world: World) -> HostState:
    """`>> file`: it is there afterwards, and says something else."""
    targets = existing(words, command, places.tree(host, world), follow=True)
    for path in targets.absent:
        host = places.with_made(host, path, "file")
    return host._replace(edited=host.edited.union(each.real for each in targets.found))
