"""Work that is meant to be heavy for a while: package maintenance, backups, builds, cron and timer jobs.

Told by the unit's name, by the program's name, or by a timer beside the unit; a name is only a name, and so all that
it buys is time (see `harm`).
"""

import os
from fnmatch import fnmatchcase
from typing import Final

from runaway_watchdog.watch.families import SCHEDULERS

_UNIT_DIRECTORIES: Final = (
    "/etc/systemd/system", "/run/systemd/system", "/run/systemd/transient", "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system", "/lib/systemd/system",
)  # fmt: skip
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
    """Is there a timer of the same name, where systemd looks for it? (One with `Unit=` of another name is missed.)"""
    stem = unit.removesuffix(".service")
    if stem == unit or "/" in stem:
        return False
    names = {f"{stem}.timer", f"{stem.partition('@')[0]}@.timer"} if "@" in stem else {f"{stem}.timer"}
    return any(os.path.exists(f"{root}{directory}/{name}") for directory in _UNIT_DIRECTORIES for name in names)
