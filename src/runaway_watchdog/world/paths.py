"""Paths as the kernel walks them: links followed, `..` after them, patterns against the real folders."""

import errno
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import NamedTuple

from runaway_watchdog.world import Files

_ROOT = re.compile(r"/proc/\d+/root")
"""Where a process's own root is: the link's text is a path in there, and the kernel does not go by it."""
MAX_LINKS = 40
"""As the kernel's own limit (path_resolution(7))."""


class Entry(NamedTuple):
    """What lstat(2) says of a name."""

    kind: str  # file, folder, link, device, other
    size: int
    written_at: float
    uid: int


class Made(NamedTuple):
    """What is at a path that the disk does not know yet."""

    entry: Entry
    target: str = ""  # of a link


NOTHING_MADE: Mapping[str, Made] = MappingProxyType({})
Lies = Callable[[str], str | None]
"""Where on today's disk the content of a path is; None: it is gone by now."""


def under(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or something in it. Both are real paths."""
    return folder in (path, "/") or path.startswith(folder + "/")


class Tree:
    """The file system, seen through `lies` and `made`: as the commands so far would have left it."""

    def __init__(
        self, files: Files, lies: Lies, made: Mapping[str, Made] = NOTHING_MADE, moved: Iterable[str] = ()
    ) -> None:
        self._files = files
        self._lies = lies
        self._made = made
        self._new = (*made, *moved)  # paths that the disk does not list

    def entry(self, path: str) -> Entry | None:
        """What is at a path, the last link not followed; None: nothing. Raises OSError where nobody may look."""
        if path in self._made:
            return self._made[path].entry
        disk = self._lies(path)
        if disk is None:
            return None
        try:
            kind, size, written_at, uid = self._files.status(disk)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Entry(str(kind), int(size), float(written_at), int(uid))

    def names(self, path: str) -> list[str]:
        """The names in a folder, in order. Raises OSError."""
        above = f"{path.rstrip('/')}/"
        new = {each[len(above) :].partition("/")[0] for each in self._new if each.startswith(above)}
        new = {name for name in new if self.entry(above + name) is not None}
        disk = self._lies(path)
        if disk is None or path in self._made:
            return sorted(new)
        return sorted(new.union(name for name in self._files.names(disk) if self._lies(above + name) is not None))

    def real(self, path: str, *, follow_last: bool = True) -> str:
        """The path without links and `..`; what is not there yet is kept as it is written. Raises OSError (ELOOP)."""
        pending = _parts(path)
        at, links = "", 0
        while pending:
            part = pending.pop(0)
            if part == "..":
                at = at.rpartition("/")[0]
                continue
            step = f"{at}/{part}"
            entry = self.entry(step) if pending or follow_last else None
            if entry is None or entry.kind != "link" or _ROOT.fullmatch(step):
                at = step
                continue
            links += 1
            if links > MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            target = self._made[step].target if step in self._made else self._files.target(self._lies(step) or step)
            pending = _parts(target) + pending
            at = "" if target.startswith("/") else at
        return at or "/"

    def glob(self, pattern: str) -> list[str]:
        """The paths that an absolute shell pattern names now, in order; empty where there is none."""
        return list(self._match("/", _parts(pattern)))

    def _match(self, folder: str, parts: list[str]) -> Iterator[str]:
        if not parts:
            yield folder
            return
        first, rest = parts[0], parts[1:]
        if not set(first) & set("*?["):
            step = f"{folder.rstrip('/')}/{first}"
            if rest or first == ".." or self.entry(step) is not None:
                yield from self._match(step, rest)
            return
        try:
            names = self.names(self.real(folder))
        except OSError:
            return
        for name in names:
            # A leading dot is matched only by a dot (glob(7)).
            if fnmatchcase(name, first.replace("[^", "[!")) and name.startswith(".") == first.startswith("."):
                yield from self._match(_join(folder, name), rest)

    def below(self, folder: str, limit: int) -> Iterator[tuple[str, Entry]]:
        """Everything in a real folder, a folder before its content, at most `limit` entries; links not followed."""
        pending = [folder]
        seen = 0
        while pending:
            at = pending.pop(0)
            try:
                names = self.names(at)
            except OSError:
                continue
            for name in names:
                path = _join(at, name)
                entry = self.entry(path)
                if entry is None:
                    continue
                seen += 1
                if seen > limit:
                    return
                yield path, entry
                if entry.kind == "folder":
                    pending.append(path)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _join(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}"
