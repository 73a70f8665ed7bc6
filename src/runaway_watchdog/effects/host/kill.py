"""kill, pkill, killall, fuser -k, skill: which processes of this host they would hit now.

Patterns match as the tools define them (procps, psmisc): pkill takes a regular expression for the 15 characters of
the name, or with -f for the whole command line; killall takes whole names.
"""

import re
from collections.abc import Callable, Sequence

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import Arguments, read, shown
from runaway_watchdog.effects.host import places, signalled, signals
from runaway_watchdog.effects.host.targets import existing
from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.patterns import given
from runaway_watchdog.world import World, processes
from runaway_watchdog.world.processes import Running
from runaway_watchdog.world.procfs import PROC

COMM_LENGTH = 15
POSIX_CLASSES = {
    "[:digit:]": r"\d", "[:alpha:]": "a-zA-Z", "[:alnum:]": "a-zA-Z0-9", "[:space:]": r"\s", "[:upper:]": "A-Z",
    "[:lower:]": "a-z", "[:punct:]": r"!-/:-@\[-`{-~",
}  # fmt: skip
SIGNAL_OPTION = re.compile(r"-(?:SIG)?([A-Z][A-Z0-9+-]*|\d+)")
PGREP_VALUED = (
    "-d --delimiter -F --pidfile -g --pgroup -G --group -P --parent -s --session -t --terminal -u --euid -U --uid "
    "-O --older -r --runstates --signal --ns --nslist --cgroup -q --queue"
)


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """What a command of this family does to processes."""
    return _BY_PROGRAM[command.program or ""](command, host, world)


def _signal(words: Sequence[Word], *, first: bool = False) -> tuple[int, list[Word]]:
    """The signal that one word such as -9 or -KILL names, and the words without it: kill's must be its `first` one."""
    for at, word in enumerate(words[:1] if first else words):
        if word.text == "--":
            break
        found = SIGNAL_OPTION.fullmatch(word.text or "")
        value = signals.number(found[1]) if found else None
        if value is not None:
            return value, [*words[:at], *words[at + 1 :]]
    return signals.TERM, list(words)


def _chosen(words: Arguments, given: int, *names: str) -> int | None:
    """The signal, where an option with a value names it; None: it is not a signal's name."""
    return signals.number(words.value(*names)) if words.has(*names) else given


def _kill(command: Command, host: HostState, world: World) -> Outcome:
    value, rest = _signal(command.words[1:], first=True)
    if any(word.text in ("-l", "-L", "--list", "--table") for word in rest):
        return Outcome((), host)
    chosen, targets, unknown = _kill_words(rest, value)
    if chosen is None:
        return Outcome((), host, (f"which signal `{shown(command)}` sends is only known when it runs",))
    pids: list[int] = []
    everything = processes.everything(world.files) if any(each <= 0 for each in targets) else ()
    for target in targets:
        if target > 0:
            pids.append(target)
        elif target == 0:
            unknown.append("`kill 0` signals everything that this shell started")
        elif target == -1:
            pids += [each.pid for each in everything if each.pid > 1]
        else:
            pids += [each.pid for each in everything if each.group == -target]
    outcome = signalled.by_signal(pids, chosen, host, world)
    return Outcome(outcome.effects, outcome.host, (*unknown, *outcome.unknown))


def _kill_words(rest: list[Word], value: int) -> tuple[int | None, list[int], list[str]]:
    """The signal, the PIDs and process groups, and what is none of these."""
    chosen: int | None = value
    targets: list[int] = []
    unknown: list[str] = []
    pending = list(rest)
    while pending:
        word = pending.pop(0)
        text = word.text or ""
        if text in ("-s", "--signal", "-n") and not targets:
            chosen = signals.number(pending.pop(0).text) if pending else None
        elif text.startswith(("--signal=", "-s")) and not targets:
            chosen = signals.number(text.removeprefix("--signal=").removeprefix("-s"))
        elif text == "--":
            continue
        elif re.fullmatch(r"-?\d{1,9}", text):
            targets.append(int(text))
        elif text.startswith("%"):
            unknown.append(f"which process job {text} of this shell is, is not known here")
        elif word.text is None:
            unknown.append(f"which process {word.raw} is, is only known when it runs")
        else:
            unknown.append(f"kill: {text} is no PID")
    return chosen, targets, unknown


def _pkill(command: Command, host: HostState, world: World) -> Outcome:
    value, rest = _signal(command.words[1:])
    words = read(rest, PGREP_VALUED)
    chosen = _chosen(words, value, "--signal")
    matching = matches(words, host, world)
    if chosen is None or isinstance(matching, str):
        why = matching if isinstance(matching, str) else "the signal is not known"
        return Outcome((), host, (f"which processes `{shown(command)}` hits is not known: {why}",))
    return signalled.by_signal([each.pid for each in matching], chosen, host, world)


def matches(words: Arguments, host: HostState, world: World) -> tuple[Running, ...] | str:
    """The processes that pgrep and pkill would pick with these words; or why that cannot be told."""
    if not words.complete or len(words.operands) > 1:
        return "its pattern is only known when it runs"
    filters = _filters(words, world)
    if isinstance(filters, str):
        return filters
    if words.operands:
        try:
            filters.append(_pattern(words, words.texts[0]))
        except re.error as fault:
            return f"its pattern is not understood ({fault})"
    if not filters and not words.has("-n", "-o", "--newest", "--oldest"):
        return ()  # no criteria: the tool refuses
    alive = [each for each in processes.everything(world.files) if each.pid not in host.ended]
    found = [each for each in alive if all(one(each) for one in filters)]
    if words.has("-v", "--inverse"):
        found = [each for each in alive if each not in found]
    if words.has("-n", "--newest"):
        found = sorted(found, key=lambda each: (each.start_ticks, each.pid))[-1:]
    if words.has("-o", "--oldest"):
        found = sorted(found, key=lambda each: (each.start_ticks, each.pid))[:1]
    return tuple(found)


Filter = Callable[[Running], bool]


def _pattern(words: Arguments, text: str) -> Filter:
    """Raises re.error."""
    for name, plain in POSIX_CLASSES.items():
        text = text.replace(name, plain)
    flags = re.IGNORECASE if words.has("-i", "--ignore-case") else 0
    expression = given(text, flags)
    full, exact = words.has("-f", "--full"), words.has("-x", "--exact")

    def fits(each: Running) -> bool:
        subject = each.line if full else each.comm
        return bool(expression.fullmatch(subject) if exact else expression.search(subject))

    return fits


def _filters(words: Arguments, world: World) -> list[Filter] | str:
    """Those of the criteria beside the pattern; a str where one is not understood."""
    found: list[Filter] = []
    for names, field in _FIELDS.items():
        if not words.has(*names):
            continue
        wanted = _numbers(words.value(*names), names[0], world)
        if wanted is None:
            return f"the value of {names[0]} is not understood"
        found.append(lambda each, field=field, wanted=wanted: getattr(each, field) in wanted)  # type: ignore[misc]
    if words.has(*_NOT_JUDGED):
        return "one of its criteria is not evaluated"
    return found


_FIELDS = {
    ("-u", "--euid"): "effective_uid",
    ("-U", "--uid"): "real_uid",
    ("-P", "--parent"): "ppid",
    ("-g", "--pgroup"): "group",
    ("-s", "--session"): "session",
}
_NOT_JUDGED = (
    "-F", "--pidfile", "-G", "--group", "-t", "--terminal", "-O", "--older", "-r", "--runstates", "--ns", "--nslist",
    "--cgroup", "-A", "--ignore-ancestors",
)  # fmt: skip


def _numbers(text: str | None, option: str, world: World) -> frozenset[int] | None:
    """PIDs or users, with commas between them; users may be named as /etc/passwd does. 0 as a group is our own."""
    found: set[int] = set()
    for part in (text or "").split(","):
        if part.isascii() and part.isdigit():
            if part == "0" and option in ("-g", "-s"):
                return None
            found.add(int(part))
        elif option in ("-u", "-U") and (uid := _uid(part, world)) is not None:
            found.add(uid)
        else:
            return None
    return frozenset(found)


def _uid(login: str, world: World) -> int | None:
    try:
        lines = lines_of(world.files.read("/etc/passwd"))
    except OSError:
        return None
    fields = (line.split(":") for line in lines)
    return next((int(each[2]) for each in fields if len(each) > 2 and each[0] == login and each[2].isdigit()), None)


def _killall(command: Command, host: HostState, world: World) -> Outcome:
    value, rest = _signal(command.words[1:])
    words = read(rest, "-s --signal -u --user -n --ns -o --older-than -y --younger-than -Z --context")
    if words.has("-l", "--list", "-V", "--version"):
        return Outcome((), host)
    chosen = _chosen(words, value, "-s", "--signal")
    user = words.value("-u", "--user")
    uid = None if user is None else _uid(user, world)
    odd = words.has("-n", "--ns", "-o", "--older-than", "-y", "--younger-than", "-Z", "--context")
    if chosen is None or not words.complete or odd or (user is not None and uid is None):
        return Outcome((), host, (f"which processes `{shown(command)}` hits is only known when it runs",))
    try:
        named = [_name(words, text, world) for text in words.texts]
    except re.error as fault:
        return Outcome((), host, (f"the pattern of `{shown(command)}` is not understood ({fault})",))
    pids = [
        each.pid
        for each in processes.everything(world.files)
        if (any(fits(each) for fits in named) or (not named and uid is not None)) and uid in (None, each.effective_uid)
    ]
    return signalled.by_signal(pids, chosen, host, world)


def _name(words: Arguments, text: str, world: World) -> Filter:
    """killall's rule: a whole name; one that is longer than the kernel keeps is compared with the program's own."""
    if words.has("-r", "--regexp"):
        expression = given(text, re.IGNORECASE if words.has("-I", "--ignore-case") else 0)
        return lambda each: bool(expression.search(each.comm))
    if "/" in text:
        return lambda each: _program_file(each, world) == text
    fold = str.lower if words.has("-I", "--ignore-case") else str

    def fits(each: Running) -> bool:
        if len(text) < COMM_LENGTH:
            return fold(each.comm) == fold(text)
        own = each.arguments[0].rpartition("/")[2] if each.arguments else each.comm
        return fold(each.comm) == fold(text[:COMM_LENGTH]) and fold(own) == fold(text)

    return fits


def _program_file(each: Running, world: World) -> str | None:
    try:
        return world.files.target(f"{PROC}/{each.pid}/exe")
    except OSError:
        return None


def _fuser(command: Command, host: HostState, world: World) -> Outcome:
    """fuser -k FILE…: whoever has the file open; with -m everybody on its file system, which is not looked up."""
    value, rest = _signal(command.words[1:])
    words = read(rest, "-n --namespace")
    if not words.has("-k", "--kill"):
        return Outcome((), host)
    if words.has("-m", "--mount", "-M", "-n", "--namespace", "-c") or any("/" in text[-4:] for text in words.texts):
        return Outcome((), host, (f"which processes `{shown(command)}` ends is not looked up (a port or a mount)",))
    targets = existing(words.operands, command, places.tree(host, world), follow=True)
    wanted = {each.real for each in targets.found}
    pids = [each.pid for each in processes.everything(world.files) if wanted & set(_uses(each.pid, world))]
    # fuser's own default is SIGKILL
    outcome = signalled.by_signal(pids, value if len(rest) < len(command.words) - 1 else signals.KILL, host, world)
    return Outcome(outcome.effects, outcome.host, (*targets.unknown, *outcome.unknown))


def _uses(pid: int, world: World) -> list[str]:
    """The files that a process has open, runs, or stands in."""
    folder = f"{PROC}/{pid}"
    links = [f"{folder}/exe", f"{folder}/cwd", f"{folder}/root"]
    found = []
    try:
        links += [f"{folder}/fd/{name}" for name in world.files.names(f"{folder}/fd")]
    except OSError:
        return []
    for link in links:
        try:
            found.append(world.files.target(link))
        except OSError:
            continue
    return found


def _guess(command: Command, host: HostState, world: World) -> Outcome:  # noqa: ARG001
    return Outcome((), host, (f"which processes `{shown(command)}` hits is not looked up",))


_BY_PROGRAM = {
    "kill": _kill, "pkill": _pkill, "killall": _killall, "fuser": _fuser, "skill": _guess, "snice": _guess,
    "xkill": _guess, "killall5": _guess, "slay": _guess,
}  # fmt: skip
