"""The files of a container as the host has them: behind a mount, else in the container's own root."""

from collections.abc import Sequence
from posixpath import join, normpath
from typing import NamedTuple

from runaway_watchdog.effects import Docker
from runaway_watchdog.effects.docker.options import Options
from runaway_watchdog.engines.model import Container, Inspected, Mount
from runaway_watchdog.world.paths import under

PROC = "/proc"
NOWHERE = "/proc/0/root"
"""Where nothing is: a new container's own files are nobody's loss."""


DEVICES = frozenset(
    ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/stdin", "/dev/stdout", "/dev/stderr")
)
"""The same in every container."""


class View(NamedTuple):
    """What a command inside of a container sees."""

    name: str  # the container's, as a sentence names it
    mounts: tuple[Mount, ...]
    folder: str | None  # its working directory, inside; None: not known
    root: str  # where on the host the rest of its files is
    container: Container | None = None  # None: one that the command makes

    def outside(self, path: str) -> str:
        """An absolute path of the container as one of the host."""
        path = normpath(path).replace("//", "/")
        if path in DEVICES:
            return path
        for mount in sorted(self.mounts, key=lambda mount: -len(mount.target)):
            target = mount.target.rstrip("/")
            if target and mount.source and under(path, target):
                return mount.source + path[len(target) :]
        return self.root + path

    def below(self, path: str) -> list[str]:
        """What of the host is mounted somewhere in this folder of the container."""
        return [each.source for each in self.mounts if each.source and each.target != path and under(each.target, path)]


def of(container: Container, known: Inspected, folder: str = "") -> View:
    """Of one that runs; `folder` is what -w says."""
    here = normpath(join(known.folder or "/", folder)) if folder else known.folder or "/"
    return View(container.name, known.mounts, here, f"{PROC}/{known.pid}/root", container)


def new(options: Options, docker: Docker, folder: str | None) -> View | None:
    """Of a container that `docker run` makes; None where what it mounts is not told."""
    found: list[Mount] = []
    for each in options.values("volume"):
        source, _, rest = each.partition(":")
        target, _, mode = rest.partition(":")
        found += _mounted(source, target, docker, folder, writable="ro" not in mode.split(","))
    for each in options.values("mount"):
        fields = dict(part.partition("=")[::2] for part in each.split(","))
        source = fields.get("source", fields.get("src", ""))
        target = fields.get("target", fields.get("destination", fields.get("dst", "")))
        writable = not {"readonly", "ro"} & fields.keys()
        found += _mounted(source, target, docker, folder, writable=writable) if fields.get("type") != "tmpfs" else []
    if any(each.source.startswith("?") for each in found):
        return None
    return View("the new container", tuple(found), options.value("workdir") or None, NOWHERE)


def _mounted(source: str, target: str, docker: Docker, folder: str | None, *, writable: bool) -> Sequence[Mount]:
    """A folder of the host or a volume; a volume that is not there yet is a new one."""
    if not target:
        return ()
    if source.startswith((".", "~")):
        source = "?" if folder is None or source.startswith("~") else normpath(join(folder, source))
    if not source.startswith(("/", "?")):
        volume = next((each for each in docker.volumes if each.name == source), None)
        source = "" if volume is None else volume.mountpoint
    return (Mount("bind", "", source if writable else "", target, writable),)
