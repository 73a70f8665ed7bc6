"""The test of the words: could a program in this line destroy data at all?

The same table serves bash, zsh and Python. It is a test of words anywhere, not of commands: behind sudo, in a pipe,
inside `sh -c '…'` and `$(…)` it sees them alike. A word too many costs the time of one preflight; a word too few costs
the data, so what is doubtful is in.
"""

import re
from typing import Final

ALONE: Final = (
    # files and disks
    "rm", "unlink", "shred", "srm", "wipe", "truncate", "dd", "mv", "cp", "install", "tee", "ln", "mkfs", "mke2fs",
    "mkswap", "wipefs", "blkdiscard", "fdisk", "sfdisk", "cfdisk", "gdisk", "sgdisk", "parted", "cryptsetup", "mdadm",
    # databases
    "dropdb", "dropuser", "psql", "pg_restore", "mysql", "mysqladmin", "mariadb", "mariadb-admin", "mongo", "mongosh",
    "mongorestore", "redis-cli", "valkey-cli", "sqlite3", "influx", "clickhouse-client", "cqlsh", "etcdctl",
    "mysqlimport", "mariadb-import", "mongoimport", "mongofiles", "keydb-cli",
    # processes, schedules and the host
    "kill", "pkill", "killall", "skill", "fuser", "crontab", "atrm", "reboot", "shutdown", "poweroff", "halt", "init",
    "telinit", "lvremove", "vgremove", "pvremove",
)  # fmt: skip
"""Programs that can destroy data or end what holds it, whatever their arguments."""

_ENGINE: Final = (
    "down", "rm", "rmi", "remove", "delete", "del", "prune", "stop", "kill", "restart", "leave", "up", "create", "run",
    "scale", "deploy", "update", "rollback", "watch", "cp", "reset", "play", "kube", "destroy", "terminate",
)  # fmt: skip
_UNIT: Final = (
    "stop", "disable", "mask", "kill", "restart", "try-restart", "reload-or-restart", "try-reload-or-restart",
    "isolate", "clean", "revert", "emergency", "rescue", "default", "halt", "poweroff", "reboot", "soft-reboot",
    "kexec", "exit", "suspend", "hibernate", "start",
)  # fmt: skip
_GIT: Final = (
    "clean", "reset", "checkout", "restore", "switch", "stash", "rm", "mv", "branch", "tag", "worktree", "submodule",
    "gc", "prune", "reflog", "update-ref", "push", "filter-branch", "filter-repo", "archive", "bundle", "format-patch",
    "checkout-index", "read-tree", "--outp[a-z]*", "--abort", "--skip", "--exec", "-c", "--exec-path",
)  # fmt: skip
WITH: Final[tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = (
    (("docker", "docker-compose", "podman", "podman-compose", "nerdctl", "buildah", "crictl", "ctr"), _ENGINE),
    (("systemctl", "service", "invoke-rc", "rc-service"), _UNIT),
    (("git",), _GIT),
    (("pg_dump", "pg_dumpall"), ("-[A-Za-z]*f[^ ]*", "--file")),
    (("mysqldump", "mariadb-dump"), ("-[A-Za-z]*r[^ ]*", "--result-file", "--delete-[a-z-]*", "--tab")),
    (("mongodump", "mongoexport"), ("-o[^ ]*", "--out", "--archive")),
    (("find", "fd", "fdfind"), ("-delete", "-exec", "-execdir", "-ok", "-okdir", "-fprint", "-fprintf", "-fls", "-x")),
    (("rsync", "rclone"), ("--del[a-z-]*", "--remove-source-files", "--inplace", "sync", "move", "purge", "delete")),
    (("chmod", "chown", "chgrp", "setfacl"), ("-[A-Za-z]*R[A-Za-z]*", "--recursive")),
    (("kubectl", "helm", "k3s", "microk8s"), ("delete", "drain", "replace", "uninstall", "rollback", "reset")),
    (("lxc", "incus", "virsh", "qm", "pct"), ("delete", "destroy", "undefine", "vol-delete", "stop", "purge")),
    (("zfs", "zpool", "btrfs", "lvm"), ("destroy", "rollback", "delete", "remove", "labelclear")),
    (("apt", "apt-get", "dpkg", "snap"), ("purge", "--purge", "-P", "remove", "autoremove", "autopurge")),
    (("sed", "perl"), ("-[A-Za-z]*i[A-Za-z.]*", "--in-place")),
)
"""Programs that are suspicious only with one of these words behind them: `docker ps` is typed all day."""

_LOOK: Final = r"(^|[^A-Za-z0-9_-]){}($|[^A-Za-z0-9_-])"
_ANY: Final = "."


def _programs() -> dict[str, str]:
    found = dict.fromkeys(ALONE, _ANY)
    for programs, words in WITH:
        found |= dict.fromkeys(programs, _LOOK.format(f"({'|'.join(words)})"))
    return found


PROGRAMS: Final = _programs()
"""For each program the POSIX extended regular expression of what makes a line with it suspicious."""

_expressions: Final = {program: re.compile(words) for program, words in PROGRAMS.items()}
_unquote: Final = str.maketrans("", "", "'\"\\")


def suspicious(line: str) -> bool:
    """Whether a program in the line can destroy data. What a redirection empties is not looked at.

    Quotes and backslashes are taken out first: `r''m` and `\\rm` are rm; so is /bin/rm, and mkfs.ext4 is mkfs.
    """
    text = line.translate(_unquote)
    words = {word.partition(".")[0] for word in re.split(r"[^A-Za-z0-9_.-]", text)}
    return any(_expressions[word].search(text) for word in words & PROGRAMS.keys())
