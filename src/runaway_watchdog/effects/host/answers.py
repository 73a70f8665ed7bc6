"""What harmless commands would print, found by asking the host: `$(pgrep -f x)`, `$(cat /run/x.pid)`, `ps aux | …`.

Nothing is run. Whatever is not answered exactly is None: it is only known when the line runs.
"""

import re
import time
from collections.abc import Callable, Sequence

from runaway_watchdog.effects import HostState
from runaway_watchdog.effects.arguments import Arguments, of, read
from runaway_watchdog.effects.host import cron, find as finding, kill, places
from runaway_watchdog.effects.host.targets import absolute, existing
from runaway_watchdog.effects.podman import answers as podman_answers
from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.world import Unanswered, World, processes
from runaway_watchdog.world.processes import Running
from runaway_watchdog.world.units import NOT_LOADED, full_name

Lines = tuple[str, ...]
UNKNOWN_FIELD = "?"
"""Stands in a column of ps that nobody who kills by PID uses; it is no number."""
LARGEST_FILE = 1 << 16


def answer(command: Command, host: HostState, world: World) -> Lines | None:
    """The lines on standard output, for a command that reads no standard input; None: not known."""
    source = _SOURCES.get(command.program or "")
    try:
        return None if source is None else source(command, host, world)
    except Unanswered:
        return None


def _echo(command: Command, host: HostState, world: World) -> Lines | None:  # noqa: ARG001
    words = command.words[1:]
    if any(word.text is None or word.globbing or "\\" in word.text for word in words):
        return None
    if words and (words[0].text or "").startswith("-"):
        return None  # an option: behind the first text there is none any more
    return (" ".join(word.text or "" for word in words),)


def _printf(command: Command, host: HostState, world: World) -> Lines | None:  # noqa: ARG001
    texts = [word.text for word in command.words[1:]]
    if len(texts) < 2 or None in texts or texts[0] not in ("%s\\n", "%s", "%s "):
        return None
    return tuple(text or "" for text in texts[1:])


def _cat(command: Command, host: HostState, world: World) -> Lines | None:
    words = of(command)
    if words.options:
        return None
    tree = places.tree(host, world)
    targets = existing(words.operands, command, tree, follow=True)
    if targets.unknown or not words.operands:
        return None
    found: list[str] = []
    for target in targets.found:
        if target.entry.kind != "file" or target.entry.size > LARGEST_FILE:
            return None
        try:
            found += lines_of(world.files.read(target.real))
        except OSError:
            return None
    return tuple(found)


def _pgrep(command: Command, host: HostState, world: World) -> Lines | None:
    words = of(command, kill.PGREP_VALUED)
    if words.has("-l", "-a", "-c", "-d", "--list-name", "--list-full", "--count", "--delimiter"):
        return None
    found = kill.matches(words, host, world)
    return None if isinstance(found, str) else tuple(str(each.pid) for each in found)


def _pidof(command: Command, host: HostState, world: World) -> Lines | None:
    """By the program's own name or its first argument, scripts only with -x."""
    words = of(command, "-o -S")
    if not words.complete or {name for name, _ in words.options} - {"-s"}:
        return None
    pids = [
        str(each.pid)
        for each in reversed(processes.everything(world.files))
        if each.pid not in host.ended and set(words.texts) & _called(each)
    ]
    return (" ".join(pids[:1] if words.has("-s") else pids),)


def _called(each: Running) -> set[str]:
    first = each.arguments[0] if each.arguments else each.comm
    return (
        {each.comm, first, first.rpartition("/")[2]}
        if len(each.comm) < kill.COMM_LENGTH
        else {first, first.rpartition("/")[2]}
    )


def _ps(command: Command, host: HostState, world: World) -> Lines | None:
    """`ps aux` and `ps -ef`: the columns that people pick PIDs by."""
    given = " ".join(word.text or UNKNOWN_FIELD for word in command.words[1:])
    full = given in ("-ef", "-Af", "-eF", "-fe")
    if not full and given not in ("aux", "-aux", "auxw", "auxww", "axu"):
        return None
    blank = UNKNOWN_FIELD
    lines = ["UID PID PPID C STIME TTY TIME CMD" if full else "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND"]
    for each in processes.everything(world.files):
        if each.pid in host.ended:
            continue
        user = world.files.user(each.effective_uid)
        line = each.line if each.arguments else f"[{each.comm}]"
        columns = [str(each.ppid), *[blank] * 4] if full else [blank] * 8
        lines.append(" ".join((user, str(each.pid), *columns, line)))
    return tuple(lines)


def _find(command: Command, host: HostState, world: World) -> Lines | None:
    return finding.answer(command, host, world)


def _ls(command: Command, host: HostState, world: World) -> Lines | None:
    """The names in one folder, or the files that a pattern names."""
    words = of(command)
    operands = words.operands or (Word(".", "."),)
    if {name for name, _ in words.options} - {"-1", "-d", "-t", "-r"} or len(operands) != 1:
        return None
    tree = places.tree(host, world)
    targets = existing(operands, command, tree)
    folders = [each for each in targets.found if each.entry.kind == "folder" and not words.has("-d")]
    if targets.unknown or (folders and len(targets.found) > 1):
        return None
    if not folders:
        above = "" if (operands[0].text or "").startswith("/") else f"{(command.folder or '').rstrip('/')}/"
        found = [(each.written.removeprefix(above), each.entry.written_at) for each in targets.found]
        return _ordered(found, words)
    try:
        names = [name for name in tree.names(folders[0].real) if not name.startswith(".")]
        entries = [(name, tree.entry(f"{folders[0].real.rstrip('/')}/{name}")) for name in names]
    except OSError:
        return None
    return _ordered([(name, entry.written_at) for name, entry in entries if entry is not None], words)


def _ordered(found: Sequence[tuple[str, float]], words: Arguments) -> Lines:
    """By name, with -t the newest first; -r turns it round."""
    ordered = sorted(found, key=lambda each: -each[1]) if words.has("-t") else list(found)
    return tuple(name for name, _ in (reversed(ordered) if words.has("-r") else ordered))


def _systemctl(command: Command, host: HostState, world: World) -> Lines | None:  # noqa: ARG001
    """`systemctl show -P MainPID X`, and with --value."""
    words = of(command, "-p --property -P")
    wanted = words.value("-P") or (words.value("-p", "--property") if words.has("--value") else None)
    if wanted != "MainPID" or words.texts[:1] != ("show",) or len(words.texts) != 2 or not words.complete:
        return None
    return (str((world.manager.unit(full_name(words.texts[1])) or NOT_LOADED).main_pid),)


def _atq(command: Command, host: HostState, world: World) -> Lines | None:
    """The jobs' numbers, and what stands beside them for nobody to use."""
    if len(command.words) > 1:
        return None
    try:
        jobs = cron.at_jobs(world)
    except OSError:
        return None
    return tuple(f"{job}\t{UNKNOWN_FIELD}" for job, file in jobs.items() if file not in host.deleted)


def _crontab(command: Command, host: HostState, world: World) -> Lines | None:
    """`crontab -l`."""
    from runaway_watchdog.effects.host import crontab

    return crontab.lines(command, host, world)


def _pwd(command: Command, host: HostState, world: World) -> Lines | None:  # noqa: ARG001
    return None if command.folder is None else (command.folder,)


def _seq(command: Command, host: HostState, world: World) -> Lines | None:  # noqa: ARG001
    texts = read(command.words[1:]).texts
    if not 1 <= len(texts) <= 2 or not all(text.isascii() and text.isdigit() and len(text) < 6 for text in texts):
        return None
    first, last = (1, int(texts[0])) if len(texts) == 1 else (int(texts[0]), int(texts[1]))
    return tuple(str(number) for number in range(first, last + 1))


def _basename(command: Command, host: HostState, world: World) -> Lines | None:  # noqa: ARG001
    """`basename PATH [SUFFIX]`, `basename -a PATH …`."""
    words = of(command, "-s --suffix")
    several = words.has("-a", "--multiple", "-s", "--suffix")
    texts = words.texts
    if not words.complete or not texts or any(word.globbing for word in words.operands):
        return None
    suffix = words.value("-s", "--suffix") or ("" if several or len(texts) < 2 else texts[1])
    names = [text.rstrip("/").rpartition("/")[2] or "/" for text in (texts if several else texts[:1])]
    return tuple(name.removesuffix(suffix) if name != suffix else name for name in names)


def _dirname(command: Command, host: HostState, world: World) -> Lines | None:  # noqa: ARG001
    words = of(command)
    if not words.complete or words.options or not words.operands or any(word.globbing for word in words.operands):
        return None
    return tuple(_above(text) for text in words.texts)


def _above(path: str) -> str:
    folder, slash, _ = path.rstrip("/").rpartition("/")
    return folder.rstrip("/") or (slash or "." if path.rstrip("/") else path[:1] or ".")


def _realpath(command: Command, host: HostState, world: World) -> Lines | None:
    """`realpath PATH …`, `readlink -f PATH …`."""
    words = of(command)
    options = {name for name, _ in words.options}
    wanted = {"readlink": [{"-f"}, {"-e"}, {"-m"}], "realpath": [set(), {"-e"}, {"-m"}]}
    if options not in wanted[command.program or ""] or not words.complete or not words.operands:
        return None
    tree = places.tree(host, world)
    found = [absolute(word, command) for word in words.operands if not word.globbing]
    known = [path for path in found if path is not None]
    if len(known) < len(words.operands):
        return None
    try:
        return tuple(tree.real(path) for path in known)
    except OSError:
        return None


_DATE = re.compile(r"\+(?:[^%]|%[YmdHMSFTsyjuV%])*")


def _date(command: Command, host: HostState, world: World) -> Lines | None:  # noqa: ARG001
    """`date +%F`, as if the line ran now."""
    texts = [word.text or "" for word in command.words[1:]]
    universal = texts[:1] == ["-u"]
    if len(texts) != 1 + universal or _DATE.fullmatch(texts[-1]) is None:
        return None
    now = world.clock.now()
    return (
        time.strftime(texts[-1][1:].replace("%s", str(int(now))), (time.gmtime if universal else time.localtime)(now)),
    )


_SOURCES: dict[str, Callable[[Command, HostState, World], Lines | None]] = {
    "echo": _echo, "printf": _printf, "cat": _cat, "pgrep": _pgrep, "pidof": _pidof, "ps": _ps, "find": _find,
    "ls": _ls, "systemctl": _systemctl, "pwd": _pwd, "seq": _seq, "atq": _atq, "podman": podman_answers.answer,
    "crontab": _crontab, "basename": _basename, "dirname": _dirname, "realpath": _realpath, "readlink": _realpath,
    "date": _date,
}  # fmt: skip
