"""The test of the words: whether the preflight has to be asked about a line, and whether to fear the line without it.

The same tables serve bash, zsh, fish and Python. It is a test of words anywhere, not of commands: behind sudo, in a
pipe, inside `sh -c '…'` and `$(…)` it sees them alike. A word too many costs the time of one preflight; a word too few
costs the data, so what is doubtful is asked about.
"""

import os
import re
import stat
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Final

from runaway_watchdog.patterns import Pattern

_GIT_DESTROYS: Final = (
    "clean", "reset", "checkout", "restore", "switch", "stash", "rm", "branch", "worktree", "gc", "prune", "reflog",
    "filter-branch", "filter-repo", "update-ref", "read-tree", "checkout-index", "submodule", "--outp[a-z-]*",
    "--abort", "--skip", "-f", "--force[a-z-]*", "--hard", "-[a-zA-Z]*D", "--delete", "--mirror",
)  # fmt: skip
_ENGINE: Final = (
    "down", "rm", "rmi", "remove", "delete", "del", "prune", "stop", "kill", "restart", "leave", "up", "create", "run",
    "scale", "deploy", "update", "rollback", "watch", "cp", "reset", "play", "kube", "destroy", "terminate",
)  # fmt: skip
_UNIT: Final = (
    "stop", "disable", "mask", "kill", "restart", "try-restart", "reload-or-restart", "try-reload-or-restart",
    "isolate", "clean", "revert", "emergency", "rescue", "default", "halt", "poweroff", "reboot", "soft-reboot",
    "kexec", "exit", "suspend", "hibernate", "start",
)  # fmt: skip
_CLOUD: Final = (
    "rm", "rb", "del", "delete[a-z-]*", "destroy", "terminate[a-z-]*", "remove[a-z-]*", "purge[a-z-]*", "sync", "mv",
    "rsync", "deregister[a-z-]*", "--recursive",
)  # fmt: skip

ALONE: Final = (
    # files and disks
    "rm", "rmdir", "unlink", "shred", "srm", "wipe", "truncate", "dd", "mv", "cp", "tee", "ln", "sponge",
    "rename", "prename", "mmv", "trash", "trash-empty", "fallocate", "mkfs", "mke2fs", "mkswap", "wipefs",
    "blkdiscard", "badblocks", "fdisk", "sfdisk", "cfdisk", "gdisk", "sgdisk", "parted", "cryptsetup", "mdadm",
    "debugfs", "ddrescue", "tmpreaper", "tmpwatch", "xfs_admin",
    # databases
    "dropdb", "dropuser", "psql", "pg_restore", "pg_dropcluster", "pg_resetwal", "mysql", "mysqladmin", "mariadb",
    "mariadb-admin", "mycli", "pgcli", "mongo", "mongosh", "mongorestore", "mongoimport",
    "mongofiles", "mysqlimport", "mariadb-import", "redis-cli", "valkey-cli", "keydb-cli",
    "sqlite", "sqlite3", "influx", "clickhouse-client", "cqlsh", "etcdctl",
    # processes, schedules and the host
    "kill", "pkill", "killall", "killall5", "skill", "fuser", "crontab", "atrm", "reboot", "shutdown", "poweroff",
    "halt", "init", "telinit", "kexec", "lvremove", "vgremove", "pvremove", "lvreduce", "userdel", "deluser",
    "groupdel",
    "ipcrm", "lxc-destroy", "docker-machine",
)  # fmt: skip
"""Programs that can destroy data or end what holds it, whatever their arguments."""

WITH: Final[tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = (
    (("docker", "docker-compose", "podman", "podman-compose", "nerdctl", "buildah", "crictl", "ctr"), _ENGINE),
    (("systemctl", "service", "invoke-rc", "rc-service"), _UNIT),
    (("git",), _GIT_DESTROYS),
    (("find", "fd", "fdfind"), ("-delete", "-exec", "-execdir", "-ok", "-okdir", "-fprint", "-fprint0", "-fprintf",
                                "-fls", "-x", "-X", "--exec", "--exec-batch")),
    (("rsync", "rclone"), ("--del[a-z-]*", "--remove-source-files", "--inplace", "sync", "move", "purge", "delete",
                           "deletefile", "rmdirs", "cleanup", "bisync")),
    (("chmod", "chown", "chgrp", "setfacl"), ("-[A-Za-z]*R[A-Za-z]*", "--recursive")),
    (("kubectl", "oc", "helm", "k3s", "microk8s"),
     ("delete", "drain", "replace", "uninstall", "rollback", "reset", "prune", "--prune", "--force")),
    (("lxc", "incus", "virsh", "qm", "pct", "multipass", "vagrant"),
     ("delete", "destroy", "undefine", "vol-delete", "stop", "purge")),
    (("zfs", "zpool", "btrfs", "lvm", "nvme"),
     ("destroy", "rollback", "delete", "remove", "labelclear", "lvremove", "vgremove", "format", "sanitize")),
    (("apt", "apt-get", "aptitude", "dpkg", "snap", "yum", "dnf", "rpm", "apk", "pacman", "zypper", "flatpak"),
     ("purge", "--purge", "-P", "remove", "autoremove", "autopurge", "erase", "-e", "del", "-R[a-z]*", "-r",
      "uninstall", "--delete-data")),
    (("sed", "perl", "ruby", "gawk", "awk"), ("-[A-Za-z]*i[A-Za-z.]*", "--in-place", "inplace")),
    (("install",), ("-[A-Za-z]+", "-[A-Za-z]*m[^ ]*", "[^ ]*/[^ ]*")),
    (("journalctl",), ("--vacuum-[a-z]*", "--rotate")),
    (("logrotate",), ("-[a-z]*f[a-z]*", "--force")),
    (("restic", "borg", "kopia", "duplicity", "duply"),
     ("forget", "prune", "delete", "compact", "recreate", "remove[a-z-]*", "unlock", "cleanup", "purge")),
    (("aws", "gcloud", "gsutil", "az", "doctl", "hcloud", "linode-cli", "s3cmd", "mc", "b2", "heroku", "fly", "flyctl"),
     _CLOUD),
    (("terraform", "tofu", "terragrunt", "pulumi", "cdk"), ("destroy", "-destroy", "--destroy", "apply", "rm",
                                                           "delete", "up", "down", "remove")),
    (("prisma",), ("reset", "push", "--force-reset", "--accept-data-loss", "execute")),
    (("rails", "rake"), ("db:[a-z:_]*", "[^ ]*:[a-z_]*(drop|reset|purge|clean|truncate)[^ ]*",
                          "[a-z_]*(drop|reset|purge|clean|truncate)[^ ]*")),
    (("manage", "django-admin"), ("flush", "reset_db", "migrate", "dbshell", "clearsessions")),
    (("artisan", "console", "symfony"), ("migrate:[a-z]*", "db:[a-z]*", "doctrine:[a-z:]*")),
    (("alembic", "flyway", "liquibase", "knex", "sequelize", "typeorm", "dbmate", "goose", "wp", "drush"),
     ("downgrade", "clean", "drop[a-z-]*", "rollback[a-z-]*", "down", "reset", "[a-z]*:(drop|undo|rollback)[a-z:]*",
      "sql-drop", "empty", "undo[a-z:]*", "delete")),
    (("certbot",), ("delete", "revoke")),
    (("supervisorctl", "pm2", "monit", "circusctl", "s6-svc", "sv", "runsv"),
     ("stop", "restart", "delete", "remove", "kill", "shutdown", "reload", "update", "flush", "exit", "force-[a-z]*")),
    (("rabbitmqctl", "rabbitmqadmin", "kafka-topics", "consul", "nomad", "vault"),
     ("reset", "force_reset", "delete[a-z_]*", "purge[a-z_]*", "--delete", "stop", "destroy")),
    (("loginctl", "machinectl"), ("terminate[a-z-]*", "kill[a-z-]*", "poweroff", "reboot", "remove", "clean")),
    (("pg_ctl", "pg_ctlcluster"), ("stop", "restart", "kill", "-m")),
)  # fmt: skip
"""Programs that are to be feared only with one of these words behind them: `docker ps` is typed all day."""

LOOKED_INTO: Final = (
    # what runs other commands: what is in their files, or in what they are given
    "sh", "bash", "dash", "zsh", "ksh", "mksh", "rbash", "ash", "fish", "eval", "source", "xargs", "parallel",
    "busybox", "make", "gmake", "just", "task", "npm", "npx", "yarn", "pnpm", "bun", "composer", "rake", "foreman",
    "honcho", "tox", "python", "python2", "python3", "perl", "ruby", "node", "nodejs", "deno", "php", "lua",
    "tclsh", "at", "batch", "systemd-run", "ansible", "ansible-playbook",
    # what writes files, or takes them away, beside what it is for
    "tar", "bsdtar", "cpio", "pax", "zip", "unzip", "7z", "gzip", "gunzip", "bzip2", "bunzip2", "xz", "unxz", "zstd",
    "install", "patch", "split", "csplit", "ed", "ex", "tcpdump", "ffmpeg", "uniq", "iconv", "scp", "sftp",
    "umount", "swapoff", "losetup", "chattr", "hdparm", "e2fsck", "fsck", "resize2fs", "tune2fs",
)  # fmt: skip
"""Programs that can do harm by what they are given to run or to write: asked about, not feared."""

LOOKED_INTO_WITH: Final[tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = (
    (("docker", "docker-compose", "podman", "podman-compose", "nerdctl"), ("exec", "start", "pull", "load", "import",
                                                                          "export", "save", "pause", "builder",
                                                                          "system", "-o", "--output")),
    (("git",), ("push", "pull", "merge", "rebase", "cherry-pick", "revert", "am", "apply", "mv", "tag", "remote",
                "--exec[a-z-]*", "archive", "bundle", "format-patch", "bisect", "notes", "replace", "lfs", "repack",
                "-o", "-c", "-O", "--output[a-z-]*")),
    (("mongodump", "mongoexport"), ("-o[^ ]*", "--out", "--archive")),
    (("mysqldump", "mariadb-dump"), ("--delete-[a-z-]*", "--tab")),
    (("curl", "wget"), ("-[A-Za-z]*[oOPD][^ ]*", "--output[a-z-]*", "--remote-name[a-z-]*", "--dump-header")),
    (("sort", "pg_dump", "pg_dumpall", "mysqldump", "mariadb-dump", "gpg", "gcc", "tree", "xxd", "openssl", "objcopy",
      "jq", "yq", "pandoc", "script", "strace", "perf"), ("-[A-Za-z]*[ofri][^ ]*", "--output[a-z-]*", "-out",
                                                         "--file", "--result-file", "--in-place", "--inplace")),
    (("su", "runuser", "script", "ssh", "watch", "flock", "unshare", "nsenter", "chroot"), ("-[a-z]*c", "--command")),
    (("sed",), ("[^ ]*[wWe]",)),
    (("awk", "gawk", "mawk", "nawk"), (">[^ ]*", "[^ ]*system[^ ]*", "[|][^ ]*", "-[a-z]*f[^ ]*")),
    (("kubectl", "oc"), ("exec", "apply", "scale", "rollout", "cp", "patch", "run")),
    (("aws", "gcloud", "gsutil", "az", "azcopy", "mc", "mcli", "s3cmd", "s4cmd", "s5cmd", "b2", "rclone", "oci", "gh",
      "openstack", "heroku", "wrangler", "lxc", "incus"),
     ("cp", "mv", "r?sync", "mirror", "copy[a-z]*", "move[a-z]*", "get[a-z-]*", "pull", "save", "scp", "access",
      "invoke[a-z-]*", "[a-z:-]*download[a-z-]*")),
)  # fmt: skip
GIT_READS: Final = frozenset((
    "status", "log", "diff", "show", "blame", "shortlog", "fetch", "clone", "init", "add", "commit", "config", "help",
    "describe", "rev-parse", "rev-list", "ls-files", "ls-tree", "ls-remote", "cat-file", "grep", "whatchanged",
    "--version", "version", "remote", "tag", "merge-base", "name-rev", "count-objects", "fsck", "var", "show-ref",
    "for-each-ref", "range-diff", "annotate", "cherry", "symbolic-ref", "check-ignore",
))  # fmt: skip
"""Commands of git's own that overwrite nothing; any other word behind `git` may be an alias for one that does."""

_EDGE: Final = "[^A-Za-z0-9_-]"
_REST: Final = "[^ ]*"
_ANY: Final = "."


def _table(alone: tuple[str, ...], having: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]) -> Mapping[str, str]:
    found: dict[str, tuple[str, ...]] = {}
    for programs, words in having:
        for program in programs:
            found[program] = (*found.get(program, ()), *words)
    return {program: _any_of(words) for program, words in found.items()} | dict.fromkeys(alone, _ANY)


def _any_of(words: tuple[str, ...]) -> str:
    """Each as a word of the line. Of one that may be a part of a longer word only the part is looked for: to look for
    all the word takes the square of its length."""
    edged: dict[tuple[bool, bool], list[str]] = {}
    for word in words:
        edges = not word.startswith(_REST), not word.endswith(_REST)
        edged.setdefault(edges, []).append(word.removeprefix(_REST).removesuffix(_REST))
    return "|".join(
        f"{f'(^|{_EDGE})' if before else ''}({'|'.join(each)}){f'($|{_EDGE})' if after else ''}"
        for (before, after), each in edged.items()
    )


PROGRAMS: Final = _table(ALONE, WITH)
"""For each program the POSIX extended regular expression of what makes a line with it one to be feared."""
ASKED: Final = _table(LOOKED_INTO, LOOKED_INTO_WITH)
"""The same for lines that are only asked about."""

# Each expression below reads the same in POSIX (bash, zsh), in PCRE (fish) and in Python: no named classes, no `]` in
# brackets, and a backslash in brackets twice.
_BEFORE: Final = "(then|do|else|elif|if|while|until|time|exec|sudo|doas|env|command|nohup|xargs)[ \t]"
HIDDEN: Final = (
    f"(^|[;&|(`{{!\n]|^{_BEFORE}|[;&|(`{{! \t\n]{_BEFORE})[ \t]*([A-Za-z_]+=[^ \t\n]*[ \t]+)*[^ \t\n=;&|()<>]*[/$`*?]"
)
"""A command whose name is a path, or is put together when the line runs: its words do not say what it is."""
TARGET: Final = ">([>|!&]{0,4})[ \t]*((\"[^\"]*\"|'[^']*'|\\\\.|[^ \t\n;&|()<>\"'\\\\])+)"
"""A redirection: what is between `>` and the file, and the file with its quotation marks."""
MOVES: Final = r"(^|[^A-Za-z0-9_-])(cd|pushd|popd|-C|--chdir|-execdir)($|[^A-Za-z0-9_-])"
"""Where one of these is in the line, a relative path is not the one that is seen from here."""

_hidden: Final = Pattern(HIDDEN)
_target: Final = Pattern(TARGET)
_moves: Final = Pattern(MOVES)
_not_of_names: Final = Pattern(r"[^A-Za-z0-9_.-]+")
_unquote: Final = str.maketrans("", "", "'\"\\")
_DESCRIPTOR: Final = Pattern(r"[0-9]+-?|-")
_ONLY_THEN: Final = Pattern(r"[$`*?{\[]|^~|^/(proc|sys)/")
"""In a file's name: it is only known when the line runs, or is none on a disk."""

Empties = Callable[[str], bool]


def feared(line: str, empties: Empties | None = None) -> bool:
    """Whether a program in the line is known to destroy data, or a redirection empties a file that holds some.

    Quotes and backslashes are taken out first: `r\'\'m` and `\\rm` are rm; so is /bin/rm, and mkfs.ext4 is mkfs.
    """
    return _found(line, PROGRAMS) or _redirected(line, empties or holds_data) is True


def suspicious(line: str, empties: Empties | None = None) -> bool:
    """Whether the preflight has to be asked: it is to be feared, or what it runs or writes is not in its words."""
    return (
        feared(line, empties)
        or _found(line, ASKED)
        or _hidden.search(line) is not None
        or _unknown_to_git(line)
        or _redirected(line, empties or holds_data) is None
    )


def _plain(line: str) -> str:
    return line.replace("\\\n", "").translate(_unquote)


def _found(line: str, table: Mapping[str, str]) -> bool:
    text = _plain(line)
    words = {word.partition(".")[0] for word in _not_of_names.split(text)}
    return any(re.search(table[word], text) for word in words & table.keys())


def _unknown_to_git(line: str) -> bool:
    words = _not_of_names.split(_plain(line))
    return any(before == "git" and word not in GIT_READS for before, word in pairwise(words))


def _redirected(line: str, empties: Empties) -> bool | None:
    """Whether a redirection empties a file that holds something; None where that is only known when the line runs."""
    found: bool | None = False
    moves = _moves.search(_plain(line)) is not None
    for match in _target.finditer(line):
        mark, target = match[1], match[2].translate(_unquote)
        if ">" in mark or ("&" in mark and _DESCRIPTOR.fullmatch(target)):
            continue
        if target.startswith("~/"):
            target = os.path.expanduser(target)
        if empties(target):
            return True
        if _ONLY_THEN.search(target) or (moves and not target.startswith("/")):
            found = None
    return found


def holds_data(path: str) -> bool:
    """Whether opening this file for writing would take something: a file that is not empty, or a disk."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return False
    return (stat.S_ISREG(found.st_mode) and found.st_size > 0) or stat.S_ISBLK(found.st_mode)
