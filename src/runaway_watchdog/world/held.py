"""Whether a daemon can run at all: one that is stopped or frozen answers nobody, however long somebody waits."""

from collections.abc import Iterator
from typing import Final, Literal

from runaway_watchdog.linux import cgroup
from runaway_watchdog.linux.files import Paths, read
from runaway_watchdog.linux.stat_brief import split

_STOPPED: Final = (b"T", b"t")  # proc(5), field 3: by a signal, by a tracer

Held = Literal["stopped", "frozen", ""]


def held(pid_file: str, program: str, paths: Paths = Paths()) -> Held:  # noqa: B008 - a NamedTuple
    """By the process that a daemon's PID file names; "" where it runs, or cannot be told.

    A PID file outlives its daemon: it counts where a process of that PID bears the program's name (comm).
    """
    pid = (read(pid_file, 32) or b"").strip()
    if not pid.isdigit():
        return ""
    of = f"{paths.proc}/{pid.decode()}"
    try:
        _, comm, fields = split(read(f"{of}/stat", 4096) or b"", b"(", b")")
    except ValueError:
        return ""
    if comm.decode("utf-8", "replace") != program:
        return ""
    if fields[0] in _STOPPED:
        return "stopped"
    groups = (read(f"{of}/cgroup") or b"").decode("utf-8", "surrogateescape")
    return "frozen" if any(word in (read(file, 256) or b"") for file, word in _freezers(groups, paths.cgroup)) else ""


def _freezers(groups: str, mount: str) -> Iterator[tuple[str, bytes]]:
    """Where the kernel tells that a group is frozen, and in which word (cgroup-v2.rst, freezer-subsystem.rst)."""
    if path := cgroup.path_in(groups, ""):
        yield from ((f"{mount}{hierarchy}{path}/cgroup.events", b"frozen 1") for hierarchy in cgroup.UNIFIED)
    if path := cgroup.path_in(groups, "freezer"):
        yield f"{mount}/freezer{path}/freezer.state", b"FROZEN"
