"""The files of a container as its programs see them: through a mount the host's, else the container's own.

A program in there is then judged as one of the host is, and what it would lose is told by where it lies here.
"""

import errno
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from runaway_watchdog.effects.host import uses
from runaway_watchdog.engines.model import Mount
from runaway_watchdog.model.effect import Size
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.world import Clients, Engine, Files, Manager, Podman, Unanswered, World
from runaway_watchdog.world.paths import under

KERNEL = ("/proc", "/sys")
DEVICES = "/dev"
OF_A_HOST = frozenset((*uses.UNIT_FOLDERS, *uses.CRONTABS, uses.SPOOL))
"""Who uses a file is asked of the host: units and crontabs of an image are nobody's."""


class Inner(NamedTuple):
    """The file system of a container."""

    mounts: tuple[Mount, ...]
    root: str | None  # the folder of the host that shows its own files; None: it is new, and its image is not looked at

    def mount(self, path: str) -> Mount | None:
        """The mount that a path inside lies in."""
        found = [each for each in self.mounts if under(path, each.target.rstrip("/") or "/")]
        return max(found, key=lambda each: len(each.target), default=None)

    def outside(self, path: str) -> str | None:
        """Where it is on the host; None for a file of an image that is not looked at."""
        mount = self.mount(path)
        if mount is not None:
            return (mount.source.rstrip("/") + path[len(mount.target.rstrip("/")) :]) or "/"
        return None if self.root is None else f"{self.root}{path}"


class InnerFiles:
    """See `world.Files`. Processes are not seen from here; `gone` are paths of the host that the line has deleted."""

    def __init__(self, files: Files, inner: Inner, environment: Mapping[str, str], gone: frozenset[str]) -> None:
        self._files, self._inner, self._environment, self._gone = files, inner, environment, gone

    def read(self, path: str) -> str:
        return self._files.read(self._there(path))

    def names(self, path: str) -> Sequence[str]:
        if path in KERNEL or path in OF_A_HOST:
            return ()
        above = path.rstrip("/") + "/"
        mounted = {each.target[len(above) :].partition("/")[0] for each in self._inner.mounts if each.target != path}
        within = {name for name in mounted if name and any(under(m.target, above + name) for m in self._inner.mounts)}
        outside = self._inner.outside(path.rstrip("/") or "/")
        if outside is None:
            return sorted(within)
        return sorted(within.union(self._files.names(self._there(path))))

    def target(self, path: str) -> str:
        return self._files.target(self._there(path))

    def exists(self, path: str) -> bool:
        try:
            self.status(path)
        except OSError:
            return False
        return True

    def status(self, path: str) -> Sequence[Any]:
        """What an image brings along is not looked at: there is a file, as far as anybody asks."""
        if self._inner.outside(path) is None and not under(path, DEVICES):
            above = any(under(each.target, path) for each in self._inner.mounts)
            return ["folder", 0, 0.0, 0] if above else ["file", 1, 0.0, 0]
        return self._files.status(self._there(path))

    def size(self, path: str, limit_s: float) -> Size:
        return self._files.size(self._there(path), limit_s)

    def variable(self, name: str) -> str | None:
        return self._environment.get(name)

    def user(self, uid: int) -> str:
        return str(uid)

    def cpu_clock(self, pid: int) -> tuple[int, int]:
        raise FileNotFoundError(pid)

    def _there(self, path: str) -> str:
        """Raises FileNotFoundError."""
        outside = path if under(path, DEVICES) else self._inner.outside(path)
        if outside is None or any(under(path, each) for each in KERNEL) or self._deleted(outside):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return outside

    def _deleted(self, outside: str) -> bool:
        return bool(self._gone) and any(under(outside, each) for each in self._gone)


class _Unseen:
    """What a program in a container may reach, and nobody looks at from here."""

    def __getattr__(self, method: str) -> Any:
        def unanswered(*_: Any) -> Any:
            raise Unanswered(GAP)

        return unanswered


GAP = Gap("container", "what is reached from inside a container is not looked at", "ask on the host itself")


def world_of(inner: Inner, environment: Mapping[str, str], gone: frozenset[str], world: World) -> World:
    """The world as a program in the container has it: its own files, and nothing else."""
    unseen = _Unseen()
    return world._replace(
        files=cast(Files, InnerFiles(world.files, inner, environment, gone)),
        engine=cast(Engine, unseen),
        manager=cast(Manager, unseen),
        clients=cast(Clients, unseen),
        podman=cast(Podman, unseen),
    )
