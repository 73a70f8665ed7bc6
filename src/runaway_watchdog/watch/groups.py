"""cgroups: which ones are owners, what they have used, who is in them.

An owner-level group is what somebody started as one thing: a unit, a container, a session. It is the outermost
directory that is not merely a parent of such groups. Counters include children and everything that has died inside,
and need no controller to be delegated.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from runaway_watchdog.linux import cgroup
from runaway_watchdog.linux.cgroup_cpu import parse_usage
from runaway_watchdog.linux.files import Paths, read, read_all

_PARENTS = frozenset(("docker", "machine", "user", "system", "payload", "burstable", "besteffort"))
"""Directories that only hold owner-level groups: those of cgroupfs drivers, v1 sessions and the kubelet."""
_PARENT_PREFIXES = ("kubepods", "lxc")
_MOST_LEVELS = 16
"""Parents within parents that are gone into; systemd and the kubelet together have six. Whoever may make groups may
make a thousand in a row: from there on they count as one."""
_LONGEST = 1024
"""Characters of a path that is gone into: the kubelet's have two hundred, and the kernel allows four thousand."""
MOST_A_LOOK = 10_000
"""Groups that one look lists: a tenth of a second's work, and up to a whole one where each was made since the last.
Whoever may make groups may make a hundred thousand."""
_MOST_INSIDE = 4_000
"""Of them, in one folder: a crowd of one user's leaves room for everybody else."""


class Tree(NamedTuple):
    """One hierarchy that counts CPU."""

    root: str
    controller: str  # its field in /proc/PID/cgroup: "" for v2, "cpuacct" for v1
    counter: str  # the file with the usage


def find_tree(paths: Paths) -> Tree | None:
    """The hierarchy to follow; None where the host has no cgroups that count.

    On a hybrid host v2 counts although no controller is enabled there, and knows every unit; v1 knows units only
    where CPU accounting was switched on. A v2 without any group is mounted but not used.
    """
    unified = (f"{paths.cgroup}{hierarchy}" for hierarchy in cgroup.UNIFIED)
    v2 = (Tree(root, "", "cpu.stat") for root in unified if os.path.exists(f"{root}/cgroup.controllers"))
    v1_roots = (f"{paths.cgroup}{hierarchy}" for hierarchy in cgroup.CPUACCT)
    v1 = (Tree(root, "cpuacct", "cpuacct.usage") for root in v1_roots if os.path.exists(f"{root}/cpuacct.usage"))
    trees = [*v2, *v1]
    return next((tree for tree in trees if children(tree, "")), trees[0] if trees else None)


def is_parent(name: str) -> bool:
    """Does a directory of this name only hold owner-level groups?"""
    return (
        name.endswith(".slice")
        or name in _PARENTS
        or name.startswith(_PARENT_PREFIXES)
        or (name.startswith("user@") and name.endswith(".service"))
        or _is_cgroupfs_pod(name)
    )


def holds_groups(path: str) -> bool:
    """The same of a group at this path, no deeper than is gone into."""
    return path.count("/") <= _MOST_LEVELS and len(path) <= _LONGEST and is_parent(path.rpartition("/")[2])


def _is_cgroupfs_pod(name: str) -> bool:
    """`pod` + UUID: the directory of one pod where the kubelet makes cgroups itself; its containers are inside."""
    return name.startswith("pod") and len(name) == 39 and name.count("-") == 4


def owner_group(path: str) -> str:
    """The owner-level part of a cgroup's path; "" where there is none (the root, a bare slice, a foreign namespace)."""
    end = 0
    for name in path.split("/")[1:]:
        if name in ("", ".."):
            return ""
        end += len(name) + 1
        if not holds_groups(path[:end]):
            return path[:end]
    return ""


def group_of(paths: Paths, tree: Tree | None, pid: int) -> str:
    """The owner-level group of a process; "" where there is none."""
    if tree is None:
        return ""
    text = read_all(f"{paths.proc}/{pid}/cgroup") or b""
    return owner_group(cgroup.path_in(os.fsdecode(text), tree.controller))


def usage_ns(tree: Tree, group: str) -> int | None:
    """CPU that a group has used since it was made. None: it is gone, or does not count."""
    text = read(f"{tree.root}{group}/{tree.counter}", 4096)
    return None if text is None else parse_usage(text)


def children(tree: Tree, group: str) -> list[str]:
    """The paths of the groups right inside this one."""
    return [path for path, _ in numbered_children(tree, group)]


def numbered_children(tree: Tree, group: str) -> list[tuple[str, int]]:
    """The same, each with its directory's number: a group that was removed and made again has another one."""
    try:
        with os.scandir(f"{tree.root}{group}") as entries:
            return [
                (f"{group}/{entry.name}", entry.inode())
                for entry in islice((each for each in entries if each.is_dir(follow_symlinks=False)), _MOST_INSIDE)
            ]
    except OSError:
        return []


def number(tree: Tree | None, group: str) -> int | None:
    """The number of a group's directory; None: it is not there."""
    try:
        return None if tree is None else os.stat(f"{tree.root}{group}").st_ino
    except OSError:
        return None


def direct_members(tree: Tree, group: str) -> list[int]:
    """The processes right in this group."""
    return cgroup.parse_procs(read_all(f"{tree.root}{group}/cgroup.procs") or b"")


def members(tree: Tree, group: str, turn: int = 0) -> Iterator[int]:
    """The processes of a group and of everything inside it; see `cgroup.members` on those with very many groups."""
    return cgroup.members(group, lambda at: direct_members(tree, at), lambda at: children(tree, at), turn)


def allowance() -> Iterator[int]:
    """One for each group that a look may list."""
    return iter(range(MOST_A_LOOK))


def innermost(
    tree: Tree, parent: str, listed: Callable[[Iterable[tuple[str, int]]], Iterable[tuple[str, int]]]
) -> Iterator[tuple[str, int]]:
    """Paths and numbers of the groups below `parent` that hold no others, as many as `listed` lets through."""
    levels = [parent]
    for level in levels:
        for path, number in listed(numbered_children(tree, level)):
            if holds_groups(path):
                levels.append(path)
            else:
                yield path, number
