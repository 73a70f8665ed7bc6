"""What is mounted where: /proc/PID/mounts, /proc/PID/mountinfo and /proc/swaps (proc(5)).

The kernel writes blanks, tabs, line feeds and backslashes of a name in octal (`\\040`): fields are apart by one blank,
and a name may hold any other white space.
"""

import re
from typing import NamedTuple

from runaway_watchdog.linux.text import lines

_ESCAPED = re.compile(r"\\([01][0-7]{2})")


class Mount(NamedTuple):
    """One line of /proc/PID/mounts. Text is hostile: whoever mounts a file system in a container chooses it."""

    source: str
    target: str
    kind: str
    options: tuple[str, ...]


class MountPoint(NamedTuple):
    """One line of /proc/PID/mountinfo, as far as it is used."""

    device: str  # MAJOR:MINOR
    root: str  # which folder of that file system is there
    target: str


def parse(text: str) -> tuple[Mount, ...]:
    """The lines of a `mounts`, in the order of mounting: of several over each other the last is what is seen."""
    rows = [line.split(" ") for line in lines(text)]
    return tuple(
        Mount(unescaped(row[0]), unescaped(row[1]), row[2], tuple(row[3].split(","))) for row in rows if len(row) > 3
    )


def parse_mountinfo(text: str) -> tuple[MountPoint, ...]:
    """The lines of a `mountinfo`, in the order of mounting."""
    rows = [line.split(" ") for line in lines(text)]
    return tuple(MountPoint(row[2], unescaped(row[3]), unescaped(row[4])) for row in rows if len(row) > 4)


def parse_swaps(text: str) -> tuple[str, ...]:
    """The files and devices of a `swaps`, whose first line is a heading."""
    return tuple(unescaped(line.partition(" ")[0]) for line in lines(text)[1:] if line)


def unescaped(name: str) -> str:
    """A name as it is. What the kernel escapes is ASCII."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), name) if "\\" in name else name
