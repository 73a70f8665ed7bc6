"""A host that was photographed: its files as one tree, everything else as a recording of questions and answers.

A picture is JSON, packed with gzip: `{"now": …, "host": …, "tree": {PATH: ENTRY}, "asked": {QUESTION: [ANSWER]}}`,
where `asked` is a recording as of `world.recorded`. ENTRY is `[kind, bytes, last write, uid]` as `Files.status` tells
it, and one thing more: of a folder whether it was listed (then what is not in the tree is not there), of a link its
target, of a file its text, or null where it was not kept.
"""

from __future__ import annotations

import errno
import gzip
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from runaway_watchdog.model.effect import Size
from runaway_watchdog.world import Files, Manager, World
from runaway_watchdog.world.paths import MAX_LINKS
from runaway_watchdog.world.recorded import NotRecordedError, replay
from runaway_watchdog.world.units import Unit

from .judging import ENVIRONMENT

FOLDER, LINK, FILE = "folder", "link", "file"
_MAGIC = re.compile(r"/proc/(?:\d+|self)/(?:root|cwd)")
"""Links that the kernel does not walk by their text: /proc/PID/root of a container says "/"."""


class Entry(NamedTuple):
    kind: str
    size: int
    written_at: float
    uid: int
    more: Any = None


Tree = Mapping[str, Entry]


class PicturedFiles:
    """See `world.Files`. What the tree does not cover is asked of `beyond`."""

    def __init__(self, tree: Tree, beyond: Files) -> None:
        self._tree = tree
        self._beyond = beyond
        self._names: dict[str, list[str]] = {}
        for path in tree:
            folder, _, name = path.rpartition("/")
            if name:
                self._names.setdefault(folder or "/", []).append(name)

    def read(self, path: str) -> str:
        entry = self._found(path)
        if entry is None or (entry.kind == FILE and entry.more is None):
            return self._beyond.read(path)
        if entry.kind != FILE:
            raise _fault(errno.EINVAL, path)  # as LiveFiles, which opens no other thing
        return str(entry.more)

    def names(self, path: str) -> list[str]:
        entry = self._found(path)
        if entry is None or (entry.kind == FOLDER and not entry.more):
            return list(self._beyond.names(path))
        if entry.kind != FOLDER:
            raise _fault(errno.ENOTDIR, path)
        return list(self._names.get(self._real(path), ()))

    def target(self, path: str) -> str:
        entry = self._found(path, follow=False)
        if entry is None:
            return self._beyond.target(path)
        if entry.kind != LINK:
            raise _fault(errno.EINVAL, path)
        return str(entry.more)

    def exists(self, path: str) -> bool:
        try:
            return self._found(path, follow=False) is not None or self._beyond.exists(path)
        except OSError:
            return False

    def status(self, path: str) -> list[Any]:
        entry = self._found(path, follow=False)
        return list(self._beyond.status(path)) if entry is None else list(entry[:4])

    def size(self, path: str, limit_s: float) -> Size:
        """Hard links count as often as they are there."""
        entry = self._found(path)
        if entry is None:
            return self._beyond.size(path, limit_s)
        if entry.kind != FOLDER:
            raise _fault(errno.ENOTDIR, path)
        within = [entry, *self._below(self._real(path))]
        if any(each.kind == FOLDER and not each.more for each in within):
            return self._beyond.size(path, limit_s)
        counted = sum(each.size for each in within if each.kind != FOLDER)
        return Size(counted, at_least=False, last_write=max(each.written_at for each in within))

    def variable(self, name: str) -> str | None:
        return ENVIRONMENT.get(name)

    def user(self, uid: int) -> str:
        for line in self.read("/etc/passwd").splitlines():
            fields = line.split(":")
            if fields[2] == str(uid):
                return fields[0]
        return str(uid)

    def cpu_clock(self, pid: int) -> tuple[int, int]:
        return self._beyond.cpu_clock(pid)

    def _below(self, folder: str) -> Iterator[Entry]:
        for name in self._names.get(folder, ()):
            path = f"{folder.rstrip('/')}/{name}"
            yield self._tree[path]
            if self._tree[path].kind == FOLDER:
                yield from self._below(path)

    def _found(self, path: str, *, follow: bool = True) -> Entry | None:
        """What is there; None: the tree does not reach so far. Raises OSError as the system calls do."""
        real = self._real(path, follow=follow)
        entry = self._tree.get(real)
        if entry is None and self._covered(real):
            raise _fault(errno.ENOENT, path)
        return entry

    def _covered(self, path: str) -> bool:
        """Whether what is not in the tree at this path is not there at all."""
        folder = path
        while folder != "/":
            folder = folder.rpartition("/")[0] or "/"
            entry = self._tree.get(folder)
            if entry is not None:
                if entry.kind == LINK and _MAGIC.fullmatch(folder):
                    return folder in self._names
                if entry.kind not in (FOLDER, LINK):
                    raise _fault(errno.ENOTDIR, path)
                return bool(entry.kind == FOLDER and entry.more)
        return False

    def _real(self, path: str, *, follow: bool = True) -> str:
        """The path as the kernel walks it; `follow` the last link too."""
        pending = [part for part in path.split("/") if part not in ("", ".")]
        at, links = "", 0
        follow = follow or path.endswith("/")
        while pending:
            part = pending.pop(0)
            if part == "..":
                at = at.rpartition("/")[0]
                continue
            step = f"{at}/{part}"
            entry = self._tree.get(step)
            if entry is None or entry.kind != LINK or _MAGIC.fullmatch(step) or not (pending or follow):
                at = step
                continue
            links += 1
            if links > MAX_LINKS:
                raise _fault(errno.ELOOP, path)
            pending = [each for each in str(entry.more).split("/") if each not in ("", ".")] + pending
            at = "" if str(entry.more).startswith("/") else at
        return at or "/"


def _fault(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)


class StoppedClock:
    """The clock of a picture: it stands at one moment of the day, and only a sleep takes time."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._slept = 0.0

    def now(self) -> float:
        return self._now + self._slept

    def monotonic(self) -> float:
        return self._slept

    def sleep(self, seconds: float) -> None:
        self._slept += seconds


class PicturedManager:
    """See `world.Manager`. A unit that nobody asked about and that is in no list is not loaded."""

    def __init__(self, beyond: Manager) -> None:
        self._beyond = beyond

    def __getattr__(self, method: str) -> Any:
        return getattr(self._beyond, method)

    def unit(self, name: str) -> Unit | None:
        try:
            return self._beyond.unit(name)
        except NotRecordedError:
            if name in self._beyond.units():
                raise
            return None


def world_of(picture: Mapping[str, Any], tree: Tree) -> World:
    """A world over the picture. Raises NotRecordedError for a question that it does not hold: take it anew."""
    world = replay(picture)
    return world._replace(
        files=cast(Files, PicturedFiles(tree, world.files)),
        manager=cast(Manager, PicturedManager(world.manager)),
        clock=StoppedClock(picture["now"]),
    )


def tree_of(picture: Mapping[str, Any]) -> Tree:
    return {path: Entry(*entry) for path, entry in picture["tree"].items()}


def load(file: Path) -> dict[str, Any]:
    with gzip.open(file, "rt", encoding="utf-8") as packed:
        found: dict[str, Any] = json.load(packed)
    return found


def save(file: Path, picture: Mapping[str, Any]) -> None:
    """Packed so that the same picture is the same file."""
    text = json.dumps(picture, sort_keys=True, separators=(",", ":"))
    file.write_bytes(gzip.compress(text.encode("ascii"), mtime=0))
