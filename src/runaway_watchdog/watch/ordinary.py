"""Work that is meant to be heavy for a while: package maintenance, backups, builds, cron and timer jobs.

Told by the unit's name, by the program's name, or by a timer for the unit; a name is only a name, and so all that it
buys is time (see `harm`).
"""

import os
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from runaway_watchdog.linux.files import read
from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.watch.families import SCHEDULERS

_UNIT_DIRECTORIES: Final = (
    "/etc/systemd/system", "/run/systemd/system", "/run/systemd/transient", "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system", "/lib/systemd/system",
)  # fmt: skip
_MOST_TIMERS: Final = 500
_SPECIFIER: Final = re.compile("%[A-Za-z]")
_UNITS: Final = (
    ("package maintenance", ("apt-daily*.service", "unattended-upgrades.service", "packagekit.service",
                             "dnf-*.service", "man-db.service", "snapd.service", "fwupd*.service")),
    ("backup", ("*backup*.service", "restic*.service", "borg*.service", "duplicity*.service", "kopia*.service")),
)  # fmt: skip
_PROGRAMS: Final = (
    ("package maintenance", frozenset(
        ("apt", "apt-get", "aptitude", "dpkg", "dpkg-deb", "unattended-upgr", "mandb", "update-initramf",
         "mkinitramfs", "depmod", "dracut", "dnf", "dnf5", "yum", "rpm", "zypper", "pacman", "ldconfig", "updatedb",
         "plocate-build"))),
    ("backup", frozenset(
        ("restic", "borg", "borgmatic", "duplicity", "kopia", "rsync", "rclone", "rsnapshot", "tar", "gzip", "pigz",
         "xz", "bzip2", "zstd", "pg_dump", "pg_dumpall", "pg_basebackup", "mysqldump", "mariadb-dump", "mariabackup",
         "xtrabackup", "mongodump"))),
)  # fmt: skip
_BUILDERS: Final = frozenset(
    ("make", "gmake", "ninja", "cmake", "cc1", "cc1plus", "ld", "ld.lld", "mold", "as", "clang", "clang++", "rustc",
     "cargo", "go", "compile", "link", "javac", "gradle", "mvn", "tsc", "webpack", "esbuild", "ghc", "dotnet")
)  # fmt: skip
"""Only in a session with a terminal: there somebody waits for it."""


def kind_of_work(group: str, name: str, *, terminal: bool, root: str = "") -> str:
    """In words; "" for work that is not known to be ordinary. `name` is the program's (comm: 15 characters)."""
    unit = group.rpartition("/")[2]
    for kind, units in _UNITS:
        if any(fnmatchcase(unit, pattern) for pattern in units):
            return kind
    for kind, programs in _PROGRAMS:
        if name in programs:
            return kind
    if terminal and name in _BUILDERS and (unit.startswith("session-") or "/user@" in group):
        return "build in a session"
    if unit in SCHEDULERS:
        return "cron job"
    return "timer job" if has_timer(unit, root) else ""


def has_timer(unit: str, root: str = "") -> bool:
    """Is there a timer for it, where systemd looks for them: of the same name, or one that says so with `Unit=`?"""
    stem = unit.removesuffix(".service")
    if stem == unit or "/" in stem:
        return False
    names = {f"{stem}.timer", f"{stem.partition('@')[0]}@.timer"} if "@" in stem else {f"{stem}.timer"}
    directories = [f"{root}{directory}" for directory in _UNIT_DIRECTORIES]
    if any(os.path.exists(f"{directory}/{name}") for directory in directories for name in names):
        return True
    return any(_starts(file, unit) for directory in directories for file in _timers(directory))


def _timers(directory: str) -> Iterator[str]:
    """The files of timers, and what is dropped in for them."""
    yield from _ending(directory, ".timer")
    for dropped_in in _ending(directory, ".timer.d"):
        yield from _ending(dropped_in, ".conf")


def _ending(directory: str, ending: str) -> list[str]:
    """The paths in a directory with this ending, not too many; none where it cannot be read."""
    try:
        return [f"{directory}/{name}" for name in os.listdir(directory) if name.endswith(ending)][:_MOST_TIMERS]
    except OSError:
        return []


def _starts(file: str, unit: str) -> bool:
    """Does it name this unit? A specifier (`Unit=backup@%i.service`) stands for anything."""
    for line in lines_of((read(file) or b"").decode("utf-8", "replace")):
        key, equals, value = line.partition("=")
        if equals and key.strip() == "Unit" and fnmatchcase(unit, _SPECIFIER.sub("*", value.strip())):
            return True
    return False
