"""Each box gets control groups of its own on the machine below, so that two boxes never share one."""

from __future__ import annotations

import shlex
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Hierarchy:
    """One mounted cgroup hierarchy: its mount point and the controllers that name it ('' for cgroup v2)."""

    mount: Path
    controllers: str


def hierarchies(mountinfo: str) -> list[Hierarchy]:
    """The cgroup hierarchies in a /proc/PID/mountinfo text."""
    found: list[Hierarchy] = []
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        if kind == "cgroup2":
            found.append(Hierarchy(Path(before.split()[4]), ""))
        elif kind == "cgroup":
            words = [word for word in options.split(",") if word not in ("rw", "ro", "xattr", "clone_children")]
            found.append(Hierarchy(Path(before.split()[4]), ",".join(words)))
    return found


def of_this_machine() -> list[Hierarchy]:
    """As mounted for this process."""
    return hierarchies(Path("/proc/self/mountinfo").read_text())


def create(name: str) -> list[Path]:
    """Make the group `name` in every hierarchy; returns the folders."""
    made: list[Path] = []
    for hierarchy in of_this_machine():
        group = hierarchy.mount / name
        group.mkdir(exist_ok=True)
        made.append(group)
        # A new cpuset has no CPUs, and no process can enter it before it has.
        for setting in ("cpuset.cpus", "cpuset.mems"):
            if "cpuset" in hierarchy.controllers:
                (group / setting).write_text((hierarchy.mount / setting).read_text())
    return made


def entering(groups: list[Path]) -> str:
    """A shell fragment that moves the shell itself into `groups`; a group that refuses is passed over."""
    return "".join(f"echo $$ > {shlex.quote(str(group / 'cgroup.procs'))} 2>/dev/null || :; " for group in groups)


def of_process(pid: int) -> dict[str, str]:
    """Controllers -> path, from /proc/PID/cgroup as this machine sees it."""
    fields = (line.split(":", 2) for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines())
    return {controllers: path for _, controllers, path in fields}


def roots_seen_by(leader: int) -> list[Path]:
    """The folders on this machine that a box, whose PID 1 is `leader` here, sees as the roots of its hierarchies."""
    paths = of_process(leader)
    return [
        hierarchy.mount / paths[hierarchy.controllers].removesuffix("/init.scope").lstrip("/")
        for hierarchy in of_this_machine()
        if hierarchy.controllers in paths
    ]


def remove(name: str, timeout: float = 5) -> list[Path]:
    """Remove the groups called `name` and all below them; returns those that would not go within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    left = [hierarchy.mount / name for hierarchy in of_this_machine()]
    while True:
        left = [group for group in left if group.is_dir() and not _removed(group)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.05)


def _removed(group: Path) -> bool:
    for child in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
        with suppress(OSError):
            child.rmdir()
    try:
        group.rmdir()
    except OSError:
        return False
    return True
