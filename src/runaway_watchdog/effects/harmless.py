"""Programs that change nothing, and those of their options that do. Every other program is unknown.

A program is here only if none of its ordinary uses writes, signals or asks another program to; where one option
does, the option is named, and with it the command is unknown again.
"""

import re
from collections.abc import Callable, Mapping

from runaway_watchdog import owners
from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import of, shown
from runaway_watchdog.effects.host import signalled as ended
from runaway_watchdog.model.command import Command
from runaway_watchdog.model.effect import Effect, Size
from runaway_watchdog.world import World, procfs

PROGRAMS = frozenset(
    (
        ":", "[", "[[", "alias", "arch", "atq", "basename", "break", "cal", "cat", "cd", "cksum", "clear", "cmp",
        "column", "comm", "continue", "cut", "declare", "df", "diff", "dig", "dirname", "dirs", "du", "echo", "egrep",
        "exit", "expand", "export", "expr", "false", "fgrep", "file", "fold", "free", "getconf", "getent", "getfacl",
        "grep", "groups", "hash", "head", "hexdump", "host", "htop", "id", "iostat", "iotop", "jobs", "join",
        "jq", "last", "lastlog", "let", "local", "locale", "locate", "ls", "lsattr", "lsblk", "lscpu", "lsipc",
        "lslocks", "lsmod", "lsns", "lsof", "lspci", "lsusb", "md5sum", "mkdir", "mpstat", "namei", "nl", "nproc",
        "nslookup", "numfmt", "od", "paste", "pathchk", "pgrep", "pidof", "pidstat", "ping", "pmap", "popd", "pr",
        "printenv", "printf", "ps", "pstree", "pushd", "pwd", "pwdx", "read", "readlink", "readonly", "realpath",
        "return", "rev", "runlevel", "sar", "seq", "set", "sha1sum", "sha256sum", "sha512sum", "shift", "shopt",
        "sleep", "slabtop", "ss", "stat", "strings", "sum", "sync", "tac", "tail", "test", "tload", "top", "touch",
        "tr", "traceroute", "tree", "true", "tty", "type", "typeset", "ulimit", "umask", "unalias", "uname", "unexpand",
        "unset", "uptime", "users", "vmstat", "w", "wait", "wc", "whatis", "whereis", "which", "who", "whoami",
        "xzcat", "yes", "zcat", "zgrep", "systemd-analyze", "systemd-cgls", "systemd-cgtop", "systemd-detect-virt",
        "systemd-escape", "systemd-path", "systemd-delta",
    )
)  # fmt: skip
WRITING: Mapping[str, tuple[str, ...]] = {
    "tree": ("-o",), "ss": ("-K", "--kill"), "file": ("-C", "--compile"), "diff": ("--output",),
}  # fmt: skip
"""Options with which a program of the list is no longer harmless."""
NOT_YET: Mapping[str, str] = {
    "apt": "packages", "apt-get": "packages", "aptitude": "packages", "dpkg": "packages", "yum": "packages",
    "dnf": "packages", "rpm": "packages", "apk": "packages", "pacman": "packages", "zypper": "packages",
    "kubectl": "Kubernetes", "k3s": "Kubernetes", "helm": "Kubernetes", "microk8s": "Kubernetes",
    "lxc": "LXD's instances", "incus": "Incus' instances", "lxc-destroy": "LXC's containers",
    "virsh": "virtual machines", "qm": "virtual machines", "snap": "snaps", "flatpak": "flatpaks",
}  # fmt: skip
"""Programs that people do reach for, and whose effects are not looked up."""
OWN_READING = frozenset(("explain", "scan", "incidents", "check-config", "doctor", "preflight", "plan", "guard"))
JOURNAL = "/var/log/journal"
_AWK_WRITES = re.compile(r"system\s*\(|\||>|getline|@load|-i\s+inplace")
_SED_WRITES = re.compile(r"(?:^|[;{}/\d$!])\s*[wWe]\b|/[gpI\d]*[we]\b")


def always(program: str | None) -> bool:
    """Whether a program changes nothing whatever words it is given."""
    return program in PROGRAMS and program not in WRITING


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """Nothing, for a program that is known to change nothing; else what is not known about it."""
    program = command.program or ""
    if program in _CAREFUL:
        return _CAREFUL[program](command, host, world)
    if program in PROGRAMS:
        writing = WRITING.get(program, ())
        if writing and of(command).has(*writing):
            return _unsure(command, host)
        return Outcome((), host)
    if program in NOT_YET:
        return Outcome((), host, (f"what `{shown(command)}` does to {NOT_YET[program]} is not looked up",))
    return Outcome(
        (), host, (f"what {program or 'a program that is only known then'} does is not known: `{shown(command)}`",)
    )


def _unsure(command: Command, host: HostState) -> Outcome:
    return Outcome((), host, (f"what `{shown(command)}` writes is not looked up",))


def _without(*options: str, operands: int | None = None) -> Callable[[Command, HostState, World], Outcome]:
    """Harmless as long as none of these options is given, and no more operands than these."""

    def judged(command: Command, host: HostState, world: World) -> Outcome:  # noqa: ARG001
        words = of(command)
        too_many = operands is not None and len(words.operands) > operands
        hidden = not words.complete and operands is not None
        return _unsure(command, host) if words.has(*options) or too_many or hidden else Outcome((), host)

    return judged


def _awk(command: Command, host: HostState, world: World) -> Outcome:  # noqa: ARG001
    words = of(command, "-F --field-separator -v --assign -f --file")
    if words.has("-f", "--file", "-i") or not words.operands or words.operands[0].text is None:
        return _unsure(command, host)
    return _unsure(command, host) if _AWK_WRITES.search(words.operands[0].text) else Outcome((), host)


def _sed(command: Command, host: HostState, world: World) -> Outcome:  # noqa: ARG001
    words = of(command, "-e --expression -f --file -l")
    scripts = [value for name, value in words.options if name in ("-e", "--expression")]
    scripts = scripts or [word.text for word in words.operands[:1]]
    inplace = any(name in ("-i", "-f", "--file", "--in-place") for name, _ in words.options)
    if inplace or any(script is None or sed_writes(script) for script in scripts):
        return _unsure(command, host)
    return Outcome((), host)


def sed_writes(script: str) -> bool:
    """Whether a script of sed may write files of its own, or run programs."""
    return _SED_WRITES.search(script) is not None


def _journalctl(command: Command, host: HostState, world: World) -> Outcome:
    words = of(command, "-u --unit -n --lines -S --since -U --until -o --output -p --priority -g --grep -t -b --boot")
    vacuum = words.has("--vacuum-size", "--vacuum-time", "--vacuum-files")
    if words.has("--setup-keys", "--update-catalog", "--relinquish-var", "--smart-relinquish-var"):
        return _unsure(command, host)
    if not vacuum:
        return Outcome((), host)
    try:
        size = world.files.size(JOURNAL, 0.2)
    except OSError:
        size = Size(None)
    why = "the oldest of the host's log is deleted, at most all of it"
    return Outcome((Effect("delete", "path", JOURNAL, True, why, size, ("systemd-journald.service",)),), host)


def _priority(command: Command, host: HostState, world: World) -> Outcome:
    """renice, ionice -p, taskset -p, chrt -p: a process gets another share; nothing ends."""
    words = of(command, "-n --priority -c --class -g --pgrp -u --user")
    if words.has("-u", "--user", "-g", "--pgrp"):
        return Outcome((), host)
    found = []
    for text in words.texts:
        if not text.isascii() or not text.isdigit():
            continue
        try:
            facts, _ = owners.facts(world, int(text))
        except procfs.NoSuchProcessError:
            continue
        why = "it gets another share of the machine; it goes on"
        found.append(Effect("change", "process", ended.name(facts), False, why, pid=facts.process.pid))
    return Outcome(tuple(found), host)


def _own(command: Command, host: HostState, world: World) -> Outcome:  # noqa: ARG001
    verb = command.words[1].text if len(command.words) > 1 else "--help"
    return Outcome((), host) if verb in OWN_READING or (verb or "").startswith("-") else _unsure(command, host)


_CAREFUL: Mapping[str, Callable[[Command, HostState, World], Outcome]] = {
    "awk": _awk, "gawk": _awk, "mawk": _awk, "sed": _sed, "journalctl": _journalctl,
    "sort": _without("-o", "--output", "--compress-program"), "uniq": _without(operands=1),
    "less": _without("-o", "-O", "--log-file"), "more": _without(), "man": _without("-P", "--pager"),
    "date": _without("-s", "--set", operands=1), "hostname": _without("-F", "--file", operands=0),
    "dmesg": _without("-c", "--read-clear", "-C", "--clear", "-D", "-E", "-n", "--console-level"),
    "netstat": _without(), "env": _without(operands=0), "command": _without(operands=1),
    "renice": _priority, "ionice": _priority, "taskset": _priority, "chrt": _priority,
    "runaway-watchdog": _own,
}  # fmt: skip
