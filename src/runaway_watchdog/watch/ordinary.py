"""Work that is meant to be heavy for a while: package maintenance, backups, builds, cron and timer jobs.

Told by the unit's name, by a timer for the unit, or by the program in a session with a terminal. All that it buys is
time (see `harm`), and a name alone buys none: the unit has to be one of the system's own manager, since a user's bears
any name, and the program has to run from the file that the host has it in, where root alone may write.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Final

from runaway_watchdog.linux.cgroup import system_unit
from runaway_watchdog.linux.files import Paths, read
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
    ("build", ("actions.runner.*.service", "gitlab-runner*.service", "jenkins*.service", "buildkite-agent*.service",
               "drone-runner*.service", "woodpecker-agent*.service", "forgejo-runner*.service", "act_runner*.service",
               "teamcity-agent*.service", "buildbot-worker*.service", "buildkit*.service")),
)  # fmt: skip
_IMAGE_BUILD: Final = re.compile(r"(?:/system\.slice/system\.slice:docker:|/docker/buildkit/)[0-9a-z]{25}")
"""The group of one step of a build by the BuildKit in dockerd: under systemd (seen with Engine 20.10), and under the
engine's own driver of control groups."""
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


_PLACES: Final = (
    "/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/opt/", "/snap/", "/nix/store/", "/gnu/store/",
)  # fmt: skip
_MANY_NAMES: Final = re.compile(r"(?:python|perl|ruby|bash|dash|sh|busybox|toybox|coreutils)[0-9.]*+")
"""Programs that run others: what they say that they run is their own word, and so only root's is taken."""
_COMM: Final = 15
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def kind_of_work(group: str, name: str, *, terminal: bool, genuine: Callable[[], bool], root: str = "") -> str:
    """In words; "" for work that is not known to be ordinary. `name` is the program's (comm: 15 characters).

    `genuine`: does it run from the file of that name? Only asked where the name and its starter fit.
    """
    unit = system_unit(group)
    for kind, units in _UNITS:
        if unit.endswith(".service") and any(fnmatchcase(unit, pattern) for pattern in units):
            return kind
    if _IMAGE_BUILD.fullmatch(group):
        return "build of an image"
    in_session = terminal and (unit.startswith("session-") or "/user@" in group)
    kind = next((kind for kind, programs in _PROGRAMS if name in programs), "")
    if kind and (in_session or _is_scheduled(unit, root)) and genuine():
        return kind
    if in_session and name in _BUILDERS:
        return "build in a session"
    if unit in SCHEDULERS:
        return "cron job"
    return "timer job" if has_timer(unit, root) else ""


def _is_scheduled(unit: str, root: str) -> bool:
    return unit in SCHEDULERS or has_timer(unit, root)


def runs_from_its_file(paths: Paths, pid: int, name: str) -> bool:
    """Does a process run from the program of this name that this host has? What cannot be read, does not."""
    link = f"{paths.proc}/{pid}/exe"
    try:
        path, uid = os.readlink(link), os.stat(f"{paths.proc}/{pid}").st_uid
        return is_programs_file(name, path, uid, os.stat(link), os.stat(path))
    except (OSError, ValueError):
        return False


def is_programs_file(name: str, path: str, uid: int, runs: os.stat_result, there: os.stat_result) -> bool:
    """`path` as the kernel tells it, the file that `runs`, and the one that is `there` on this host: a container's is
    another one. It has to be root's, which nobody else may write, where programs are. `uid`: whose process it is."""
    same = (runs.st_dev, runs.st_ino) == (there.st_dev, there.st_ino)
    if not same or there.st_uid != 0 or there.st_mode & _OTHERS_WRITE or not path.startswith(_PLACES):
        return False
    file = path.rpartition("/")[2]
    return file[:_COMM] == name or (uid == 0 and _MANY_NAMES.fullmatch(file) is not None)


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
