"""Volumes: who uses them, what would be lost with them, and how much that is."""

import re
from collections.abc import Iterable, Sequence

from runaway_watchdog.effects import Docker
from runaway_watchdog.engines.model import Container, Volume
from runaway_watchdog.model.effect import Effect, Size
from runaway_watchdog.world import World

OUTSIDE = "what it wrote outside volumes goes with it"
"""Of a container that is removed."""
ANONYMOUS_LABEL = "com.docker.volume.anonymous"
ANONYMOUS_NAME = re.compile(r"[0-9a-f]{64}")
SIZING_S = 0.5
"""For all volumes of one command together: a huge one must not delay the answer, its size is then "at least"."""


def users(docker: Docker, name: str) -> tuple[Container, ...]:
    """Every container that refers to a volume, in whatever state it is: each of them keeps the volume from removal."""
    return tuple(each for each in docker.containers if name in each.volumes)


def anonymous(volume: Volume) -> bool:
    """Created without a name. Engines before 23.0 do not label these: there a name of 64 hexadecimal digits tells."""
    return ANONYMOUS_LABEL in volume.labels or bool(ANONYMOUS_NAME.fullmatch(volume.name))


def in_memory(volume: Volume) -> bool:
    """A tmpfs: mounted when the first container that uses it starts, emptied when the last one of them stops."""
    return volume.driver == "local" and volume.options.get("type") == "tmpfs"


def unnamed(container: Container, docker: Docker) -> frozenset[str]:
    """The volumes that go with a container under `rm -v`: those that it was given without a name.

    Compose hands the anonymous volumes of a container on to its successor by their names; after that `rm -v` keeps
    them. Only an inspection shows this; without one the volume's own looks must do.
    """
    if container.unnamed is not None:
        return container.unnamed
    return frozenset(each.name for each in docker.volumes if each.name in container.volumes and anonymous(each))


def deleted(
    world: World, docker: Docker, names: Iterable[str], why: str, *, among: Sequence[Container] | None = None
) -> tuple[Effect, ...]:
    """The effects of deleting volumes: sizes, last writes and users, named volumes first.

    `among` are the containers that count as users, those that the same line removed before included; without it all.
    """
    wanted = frozenset(names)
    doomed = sorted(
        (each for each in docker.volumes if each.name in wanted), key=lambda each: (anonymous(each), each.name)
    )
    containers = (*docker.containers, *docker.removed) if among is None else among
    deadline = world.clock.monotonic() + SIZING_S if doomed else 0.0
    return tuple(
        _deleted(
            world, each, why, tuple(sorted({one.name for one in containers if each.name in one.volumes})), deadline
        )
        for each in doomed
    )


def _deleted(world: World, volume: Volume, why: str, used_by: tuple[str, ...], deadline: float) -> Effect:
    if in_memory(volume):
        gone = f"{why}; it was only in memory, and empty since the last container that used it stopped"
        return Effect("delete", "volume", volume.name, False, gone, None, used_by)
    device = volume.options.get("device")
    if device:
        kept = f"{why}; its data stays where it is, at {device}"
        return Effect("delete", "volume", volume.name, False, kept, None, used_by)
    if volume.driver != "local":
        told = f"{why}; whether its driver {volume.driver} keeps the data elsewhere is not known here"
        return Effect("delete", "volume", volume.name, True, told, Size(None), used_by)
    lost = f"{why}; nothing but a backup brings it back"
    return Effect("delete", "volume", volume.name, True, lost, size(world, volume, deadline), used_by)


def size(world: World, volume: Volume, deadline: float) -> Size:
    """The volume's data, counted until the monotonic `deadline`; `bytes` is None where it cannot be read."""
    try:
        return world.files.size(volume.mountpoint, max(0.0, round(deadline - world.clock.monotonic(), 1)))
    except OSError:
        return Size(None)
