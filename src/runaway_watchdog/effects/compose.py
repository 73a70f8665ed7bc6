"""What Docker Compose commands would change here. One source for the plan's "never" and for the preflight."""

import re
from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Any

from runaway_watchdog.model.effect import Effect, Effects, Size
from runaway_watchdog.world import World

PROJECT = "com.docker.compose.project"
ANONYMOUS_LABEL = "com.docker.volume.anonymous"
ANONYMOUS_NAME = re.compile(r"[0-9a-f]{64}")
PLUGIN_FOLDERS = (
    "/usr/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/root/.docker/cli-plugins",
)
SIZING_S = 0.5
"""For all volumes together: a huge one must not delay the answer, its size is then "at least"."""


def command(world: World, docker: str, project: str, config_files: Sequence[str], words: str) -> str:
    """A Compose command that works from any folder, for the version that this host has.

    Compose v2 finds a project's containers by label, `-p` is enough; v1 (a program of its own) wants the files.
    """
    if any(world.files.exists(f"{folder}/docker-compose") for folder in PLUGIN_FOLDERS):
        return f"{docker} compose -p {quote(project)} {words}"
    files = "".join(f"-f {quote(file)} " for file in config_files)
    return f"docker-compose {files}-p {quote(project)} {words}"


def down_volumes(world: World, line: str, project: str) -> Effects:
    """`docker compose -p PROJECT down -v`. Raises Unanswered.

    Every container and network of the project goes; of its volumes the named ones that carry its label and the
    anonymous ones of its containers, unless a container outside the project, even a stopped one, refers to them.
    """
    containers = world.engine.containers()
    ours = [each for each in containers if _label(each, PROJECT) == project]
    others = [each for each in containers if _label(each, PROJECT) != project]
    removed = tuple(
        Effect("remove", "container", _name(each), False, "its writable layer goes with it") for each in ours
    )
    return Effects(line, (*removed, *_lost_volumes(world, project, ours, others)))


def _lost_volumes(
    world: World, project: str, ours: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]
) -> tuple[Effect, ...]:
    kept = {name for each in others for name in _volume_names(each)}
    used = {name for each in ours for name in _volume_names(each)}
    doomed = [
        volume
        for volume in world.engine.volumes()
        if volume["Name"] not in kept
        and not _bind_backed(volume)
        and ((volume.get("Labels") or {}).get(PROJECT) == project or (volume["Name"] in used and _anonymous(volume)))
    ]
    doomed.sort(key=lambda volume: (_anonymous(volume), volume["Name"]))
    deadline = world.clock.monotonic() + SIZING_S
    return tuple(
        Effect(
            "delete",
            "volume",
            volume["Name"],
            data_lost=True,
            why="down -v deletes it; nothing but a backup brings it back",
            size=volume_size(world, volume, deadline),
            used_by=tuple(sorted(_name(each) for each in ours if volume["Name"] in _volume_names(each))),
        )
        for volume in doomed
    )


def volume_size(world: World, volume: Mapping[str, Any], deadline: float) -> Size:
    """The volume's data, counted until the monotonic `deadline`; `bytes` is None where it cannot be read."""
    if volume.get("Driver") != "local":
        return Size(None)
    try:
        return world.files.size(volume["Mountpoint"], max(0.0, round(deadline - world.clock.monotonic(), 1)))
    except OSError:
        return Size(None)


def _bind_backed(volume: Mapping[str, Any]) -> bool:
    """A name for a folder of the host (`o: bind`): removing the volume leaves the folder as it is."""
    options = volume.get("Options") or {}
    return "bind" in str(options.get("o", "")).split(",")


def _label(container: Mapping[str, Any], name: str) -> str | None:
    value = (container.get("Labels") or {}).get(name)
    return None if value is None else str(value)


def _name(container: Mapping[str, Any]) -> str:
    names = container.get("Names") or [container["Id"][:12]]
    return str(names[0]).lstrip("/")


def _volume_names(container: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(mount["Name"] for mount in container.get("Mounts") or [] if mount.get("Type") == "volume")


def _anonymous(volume: Mapping[str, Any]) -> bool:
    """Engines before 23.0 do not label anonymous volumes: there a name of 64 hexadecimal digits tells."""
    return ANONYMOUS_LABEL in (volume.get("Labels") or {}) or bool(ANONYMOUS_NAME.fullmatch(volume["Name"]))
