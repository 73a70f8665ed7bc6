"""Control groups: the path that names a process's owner, where the hierarchies are, who is in a group.

cgroups(7), and what the kernel writes: `HIERARCHY:CONTROLLERS:PATH` for each hierarchy, `0::PATH` for version 2. A path
may hold colons and any white space but a line feed, which the kernel refuses in a group's name.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from runaway_watchdog.patterns import Pattern

MOUNT: Final = "/sys/fs/cgroup"
UNIFIED: Final = ("", "/unified")
"""Where version 2 is, below the mount: alone, or beside version 1 on a hybrid host."""
CPUACCT: Final = ("/cpuacct", "/cpu,cpuacct")
"""Where version 1 counts CPU."""
CPU: Final = ("/cpu", "/cpu,cpuacct")
"""Where version 1 limits CPU."""
HIERARCHIES: Final = (*UNIFIED, "/systemd", *CPUACCT)
"""Where a group's members are looked for: every process of a host is in each of them that is mounted."""

SHORT_ID: Final = 12
LONG_ID: Final = Pattern(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
"""A container's, an image's or an unnamed volume's: nobody types more than its beginning."""
_CONTAINER: Final = Pattern(r"(?:(?:docker|libpod|crio|cri-containerd|nerdctl)-)?(?P<id>[0-9a-f]{64})(?:\.scope)?")
_SESSION: Final = Pattern(r"session-(\w+)\.scope")
_DELETED: Final = " (deleted)"
_MOST_INNER_GROUPS: Final = 512
"""How many directories inside one group are searched for its processes: a container may make as many as it likes."""
_STRIDE: Final = 7919
"""A prime: whoever makes more groups than are searched does not know which ones, and next time they are others."""


class CgroupPath(NamedTuple):
    """Where a process is, as one hierarchy tells it. Text is hostile below the group that was delegated."""

    path: str  # "/system.slice/a.service/inner"; "/" is the root, "" no group at all
    segments: tuple[str, ...]  # the names, from the root down
    slices: tuple[str, ...]  # those of them, the outermost first, that are slices of systemd
    leaf: str  # the last one; "" for the root

    @property
    def below(self) -> tuple[str, ...]:
        """The names below the slices."""
        return self.segments[len(self.slices) :]

    @property
    def unit(self) -> str:
        """The service or scope right below the slices; "" where none is there.

        A unit's name further down is some container's or some user's, never this manager's.
        """
        first = self.below[0] if self.below else ""
        return first if is_unit(first) else ""

    @property
    def uid(self) -> int | None:
        """Whose slice it is in (`/user.slice/user-UID.slice/…`); None: nobody's."""
        if self.segments[:1] != ("user.slice",) or len(self.segments) < 3:
            return None
        return _number_in(self.segments[1], "user-", ".slice")

    @property
    def users_own(self) -> "CgroupPath | None":
        """The path below `user@UID.service`, as that user's own manager counts it; None: none of a user's manager."""
        uid = self.uid
        if uid is None or self.below[:1] != (f"user@{uid}.service",):
            return None
        return cgroup_path("/" + "/".join(self.below[1:]))


def cgroup_path(path: str) -> CgroupPath:
    """The parts of a path as `owner_path` returns it."""
    segments = tuple(path.split("/")[1:]) if path not in ("", "/") else ()
    count = next((at for at, name in enumerate(segments) if not is_slice(name)), len(segments))
    return CgroupPath(path, segments, segments[:count], segments[-1] if segments else "")


def name_of(path: str) -> str:
    """What a person would call a group where no engine can be asked, the root included."""
    return called(path) or "no group"


def called(path: str) -> str:
    """As a person says it: "container 21fe8d0c5b7a", "ocr.service", "session 3 of user 1000"; "" for the root."""
    found = cgroup_path(path)
    if container := _CONTAINER.fullmatch(found.leaf):
        return f"container {container['id'][:SHORT_ID]}"
    name = LONG_ID.sub(lambda each: each[0][:SHORT_ID], found.leaf)
    if found.uid is None:
        return name
    session = _SESSION.fullmatch(name)
    return f"{f'session {session[1]}' if session else name} of user {found.uid}"


def system_unit(group: str) -> str:
    """The name of the group where the system's own manager made it: a unit, a session or an engine's scope.

    "" for what is below another manager: a user's units bear any name, and so do groups in a container or machine.
    """
    above, _, name = group.rpartition("/")
    return name if all(each.endswith(".slice") for each in above.split("/")[1:]) else ""


def is_slice(name: str) -> bool:
    return name.endswith(".slice") and name != ".slice"


def is_unit(name: str) -> bool:
    """Is it a service's or a scope's name?"""
    return name.endswith((".service", ".scope")) and name[0] != "."


def owner_path(text: str) -> str:
    """From /proc/PID/cgroup, the path that names the owner; "" where there is none.

    systemd's own hierarchy where it says something, else the unified one: on a hybrid host both have the path, on v1
    the first alone, and on v2 there is only the other. A path that lies outside of what our namespace shows ("/../x")
    says nothing.
    """
    named, unified = "", ""
    for hierarchy, controllers, path in _entries(text):
        if controllers == "name=systemd":
            named = path
        elif hierarchy == "0" and not controllers:
            unified = path
    return named if named not in ("", "/") else unified or named


def path_in(text: str, controller: str) -> str:
    """From /proc/PID/cgroup, the path in one controller's hierarchy, "" for v2's; "" where it is not told."""
    for hierarchy, controllers, path in _entries(text):
        if controller in controllers.split(",") if controller else hierarchy == "0" and not controllers:
            return path
    return ""


def _entries(text: str) -> Iterator[tuple[str, str, str]]:
    """Hierarchy, controllers and path of each line, without those that lie outside of our namespace.

    A group that was removed while a process lives on in it, as a zombie does, is marked at its end.
    """
    for line in text.split("\n"):
        hierarchy, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if path.startswith("/") and path != "/.." and not path.startswith("/../"):
            yield hierarchy, controllers, path.removesuffix(_DELETED)


def parse_procs(text: str | bytes) -> list[int]:
    """From cgroup.procs. PID 0 stands for those of a PID namespace that we cannot see."""
    return [pid for word in text.split() if word.isdigit() and (pid := int(word))]


def members(
    group: str, procs: Callable[[str], Iterable[int]], inner: Callable[[str], Iterable[str]], turn: int = 0
) -> Iterator[int]:
    """The processes of a group and of everything inside it; of very many groups inside some, others at each `turn`.

    `procs` lists those right in a group, `inner` the paths of the groups right inside it.
    """
    pending = [group]
    for number in range(_MOST_INNER_GROUPS):
        if not pending:
            return
        chosen = (turn + number) * _STRIDE % len(pending)
        pending[chosen], pending[-1] = pending[-1], pending[chosen]
        at = pending.pop()
        yield from procs(at)
        pending += inner(at)


def _number_in(name: str, prefix: str, suffix: str) -> int | None:
    """The number between two parts of a name."""
    if not (name.startswith(prefix) and name.endswith(suffix)):
        return None
    digits = name[len(prefix) : len(name) - len(suffix)]
    return int(digits) if digits.isdigit() and digits.isascii() else None
