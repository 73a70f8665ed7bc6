"""Who can change what a path leads to: the one answer on which every command for root rests.

A path is as safe as its weakest part: whoever owns a folder on the way may put another file in the place of the one
that was looked at, and whoever owns a link's target writes what is read there. So each folder up to the root counts,
each link is followed to its target, and the sticky bit of /tmp protects nothing: anybody makes the name first.
"""

import errno
import os
import stat
from collections.abc import Callable, Collection
from typing import Final, NamedTuple

from runaway_watchdog.patterns import Pattern

MAX_LINKS: Final = 40
"""As the kernel's own limit (path_resolution(7))."""
_ROOT: Final = Pattern(r"(?P<root>/proc/\d+/root)(?P<rest>/.*|)")
"""Inside a container: what is above its root is no part of the path, and its links do not lead out."""
_GROUP, _OTHERS, _SEARCH = 0o020, 0o002, 0o011
_MODES_COUNT: Final = ("file", "folder")
"""Of a socket, a pipe or a device the mode says who may talk through it, not who may change it."""


class Holders(NamedTuple):
    """Who, beside root, can change what a path leads to."""

    uids: tuple[int, ...]  # the owners of its parts, and the members of groups that may write them, in order
    anyone: bool = False  # others too: everybody may write a part of it, or who may cannot be told

    @property
    def root_only(self) -> bool:
        return not self.uids and not self.anyone

    def only(self, uid: int) -> bool:
        """Whether it is this user's alone: nobody but root and this user changes it."""
        return self.uids == ((uid,) if uid else ()) and not self.anyone


ROOT_ONLY: Final = Holders(())


class Part(NamedTuple):
    """What lstat(2) says of one part of a path."""

    kind: str  # file, folder, link, other
    uid: int
    gid: int
    mode: int  # the permission bits
    target: str = ""  # of a link
    listed: bool = False  # an access list stands beside its mode (acl(5))


Look = Callable[[str], Part | None]
"""None: there is nothing of that name. Raises OSError."""
Members = Callable[[int], Collection[int] | None]
"""The users of a group; None: not known."""


def holders(path: str, look: Look, members: Members) -> Holders:
    """Who can change what an absolute path leads to, also where nothing is there yet. Raises OSError (ELOOP)."""
    found = _Found(members)
    inside = _ROOT.fullmatch(path)
    root = inside["root"] if inside else ""
    pending = _parts(inside["rest"] if inside else path)
    at, links = root, 0
    found.add(look(root or "/"))
    while pending:
        name = pending.pop(0)
        if name == "..":
            at = at.rpartition("/")[0] if at != root else root
            continue
        step = f"{at}/{name}"
        try:
            part = look(step)
        except PermissionError:
            found.hidden()
            break
        if part is None:
            found.anyone |= ".." in pending
            break
        if part.kind != "link":
            found.add(part)
            at = step
            continue
        links += 1
        if links > MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        at = root if part.target.startswith("/") else at
        pending = _parts(part.target) + pending
    return Holders(tuple(sorted(found.uids)), found.anyone)


class _Found:
    """What the parts so far say."""

    def __init__(self, members: Members) -> None:
        self.uids: set[int] = set()
        self.anyone = False
        self._members = members
        self._closed = False

    def add(self, part: Part | None) -> None:
        if part is None:
            return
        self.uids |= {part.uid} - {0}
        self._closed = not part.mode & _SEARCH
        if part.kind not in _MODES_COUNT:
            return
        if part.mode & _OTHERS or (part.listed and part.mode & _GROUP):  # with a list the group's bits are its mask
            self.anyone = True
        elif part.mode & _GROUP:
            members = self._members(part.gid)
            self.anyone |= members is None
            self.uids |= set(members or ()) - {0}

    def hidden(self) -> None:
        """What is below the last folder is not ours to see: where only its owner may enter, nobody else gets there."""
        self.anyone |= not self._closed


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


class LiveOwnership:
    """See `world.Ownership`. Every answer is kept for the life of the object."""

    def __init__(self) -> None:
        self._kept: dict[str, Holders] = {}

    def of(self, path: str) -> Holders:
        if path not in self._kept:
            self._kept[path] = holders(path, look, members)
        return self._kept[path]

    def real(self, path: str) -> str:
        return os.path.realpath(path)

    def executable(self, pid: int) -> int:
        return os.stat(f"/proc/{pid}/exe").st_uid


def look(path: str) -> Part | None:
    """One part of a path, on this host."""
    try:
        found = os.stat(path) if _ROOT.fullmatch(path) else os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}
    kind = kinds.get(stat.S_IFMT(found.st_mode), "other")
    target = os.readlink(path) if kind == "link" else ""
    mode = stat.S_IMODE(found.st_mode)
    return Part(kind, found.st_uid, found.st_gid, mode, target, listed=bool(mode & _GROUP) and _has_list(path))


def _has_list(path: str) -> bool:
    try:
        os.getxattr(path, "system.posix_acl_access", follow_symlinks=False)
    except OSError:
        return False
    return True


def members(gid: int) -> Collection[int] | None:
    """The users of a group, those too whose first group it is."""
    import grp  # only where a group may write
    import pwd

    try:
        names = set(grp.getgrgid(gid).gr_mem)
    except KeyError:
        return None
    return {each.pw_uid for each in pwd.getpwall() if each.pw_gid == gid or each.pw_name in names}
