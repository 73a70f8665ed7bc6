"""What the commands of a plan name, and whose that is: root runs, reads and writes nothing that others can change.

A plan is pasted into a root shell. A program below /home, a configuration in a user's folder, a file that a link of
theirs could take to /etc: each would do there what its owner likes. What belongs to a user is done as that user
(`runuser -u USER -- …`); for what is left, the process is only held still.

Only the shell that the plans of this program are written in is read here, and what is not understood counts as named.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from runaway_watchdog import owners
from runaway_watchdog.explain import watchdogs
from runaway_watchdog.model.plan import ByEye, Containment, Step
from runaway_watchdog.model.process import Process
from runaway_watchdog.owners import Layer
from runaway_watchdog.owners.steps import single
from runaway_watchdog.patterns import Pattern
from runaway_watchdog.world import Unanswered, World
from runaway_watchdog.world.ownership import Holders

_OPERATORS: Final = ";&|\n(){}"
_BEFORE: Final = frozenset(("!", "if", "then", "elif", "else", "while", "until", "do", "exec", "env", "timeout"))
"""Words after which the program comes."""
_SAYS: Final = frozenset(("echo", "printf", "pgrep", "pkill"))
"""Programs whose words are text: no file of that name is opened."""
_KERNEL: Final = Pattern(r"/proc/(?:\d+|self)/(?:stat|status|cgroup|cmdline|maps|exe|cwd|fd)")
"""What the kernel writes, whoever runs the process; a link there is listed or copied, and never run."""
_WITHIN: Final = Pattern(r"(?:^|[=:,\s<>(;&|'\"])(/[^\s:,;'\"<>()&|]*)")
"""A path inside of a word: `--config=/etc/x`, `PATH=/a:/b`, `unix:///run/x.sock`, a script for `sh -c`."""

_PATH: Final = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin")
_DEPTH: Final = 4
_ASSIGNMENT: Final = Pattern(r"[A-Za-z_]\w*=")
_LOGINLESS: Final = Pattern(r"\brunuser -[ul] [0-9]+ ")
"""As a bare number: runuser takes none."""


class _Word(NamedTuple):
    text: str
    target: bool = False  # of a redirection, which the shell itself opens


def paths(command: str) -> tuple[str, ...]:
    """The absolute paths that root, or a program that it starts as root, is given. Linear in the command."""
    found: list[str] = []
    for words in _commands(command):
        found += (each for word in words if word.target for each in _within(word.text))
        given = [word.text for word in words if not word.target]
        found += (each for text in _as_root(given) for each in _within(text))
    return tuple(dict.fromkeys(path for path in found if path.strip("/") and not _KERNEL.fullmatch(path)))


def programs(command: str) -> Iterator[str]:
    """Where root's shell looks for the programs that are called by their name alone."""
    for words in _commands(command):
        names = (word.text for word in words if not word.target)
        name = next((each for each in names if each not in _BEFORE and not _assigns(each)), "")
        if name and "/" not in name:
            yield from (f"{folder}/{name}" for folder in _PATH)


def _within(text: str) -> Iterator[str]:
    if text.startswith("/"):
        yield text
    else:
        for number, found in enumerate(_WITHIN.finditer(text)):
            yield f"/{found[1].lstrip('/')}"
            if not number:  # a name may hold what ends one here: a space, a colon
                yield f"/{text[found.start(1) :].lstrip('/')}"


def _as_root(words: Sequence[str]) -> Iterator[str]:
    """Of one command: the words that a program of root's is given."""
    start = next((at for at, word in enumerate(words) if word not in _BEFORE and not _assigns(word)), len(words))
    yield from words[:start]
    program, rest = (words[start] if start < len(words) else ""), words[start + 1 :]
    yield program
    if program == "runuser":
        yield from () if _another_user(rest) else rest
    elif program == "systemctl" and "--user" in rest and "-M" in rest:
        return  # the user's own manager is told, and reads and writes as that user
    elif program in ("docker", "podman") and "exec" in rest:
        yield from rest[: rest.index("exec")]  # the others are the container's
    elif program not in _SAYS:
        yield from rest


def _assigns(word: str) -> bool:
    return _ASSIGNMENT.match(word) is not None


def _another_user(words: Sequence[str]) -> bool:
    named = next((after for word, after in pairwise(words) if word in ("-u", "-l")), "root")
    return named not in ("root", "0")


def _commands(script: str) -> Iterator[list[_Word]]:
    """The simple commands of a script, those in `$(…)` too; what is nested deeper than ours are is one word."""
    pending = [script]
    for _ in range(_DEPTH):
        inner: list[str] = []
        for text in pending:
            yield from _simple(text, inner)
        pending = inner
    yield [_Word(text, target=True) for text in pending]


def _simple(text: str, inner: list[str]) -> Iterator[list[_Word]]:
    """Those of one script; what stands in its `$(…)` goes to `inner`."""
    command: list[_Word] = []
    at, target = 0, False
    while at < len(text):
        if text[at] in _OPERATORS:
            yield command
            command, at = [], at + 1
        elif text[at] in "<>":
            target, at = True, at + 1
        elif text[at] in " \t":
            at += 1
        else:
            word, at = _word(text, at, inner)
            command.append(_Word(word, target))
            target = False
    yield command


def _word(text: str, at: int, inner: list[str]) -> tuple[str, int]:
    """One word from here on without its quotes, and where it ends; the scripts of its `$(…)` go to `inner`."""
    word: list[str] = []
    quoted = False
    while at < len(text) and (quoted or text[at] not in f"{_OPERATORS}<> \t"):
        char = text[at]
        if text.startswith("$(", at):
            end = _closed(text, at + 2)
            inner.append(text[at + 2 : end])
            at = end + 1
        elif char == '"':
            quoted, at = not quoted, at + 1
        elif char == "'" and not quoted:
            end = text.find("'", at + 1)
            end = len(text) if end < 0 else end
            word.append(text[at + 1 : end])
            at = end + 1
        elif char == "\\":
            word.append(text[at + 1 : at + 2])
            at += 2
        else:
            word.append(char)
            at += 1
    return "".join(word), at


def _closed(text: str, at: int) -> int:
    """Where the `$(` that begins before `at` ends."""
    depth = 1
    while at < len(text):
        if text[at] == "'":
            at = text.find("'", at + 1)
            if at < 0:
                break
        elif text[at] == "\\":
            at += 1
        depth += {"(": 1, ")": -1}.get(text[at : at + 1], 0)
        if not depth:
            return at
        at += 1
    return len(text)


# --- a plan ------------------------------------------------------------------------------------------------------

Others = Callable[[str], Holders | None]
"""Who can change what a path leads to; None: root alone."""


def others(world: World) -> Others:
    """By this host; where that cannot be told, anybody may."""

    def found(path: str) -> Holders | None:
        try:
            holders = world.ownership.of(path)
        except (OSError, Unanswered):
            return Holders((), anyone=True)
        return None if holders.root_only else holders

    return found


def not_roots(step: Step, whose: Others) -> Iterator[tuple[str, Holders]]:
    """The paths that root would run, read or write in a step, its undo or its check, and that others can change."""
    check = "" if isinstance(step.check, ByEye) else step.check.command
    for path in dict.fromkeys(
        path for text in (step.command, step.undo or "", check) for path in (*paths(text), *programs(text))
    ):
        if (holders := whose(path)) is not None:
            yield path, holders


def contained(layers: Sequence[Layer], world: World) -> Containment:
    """How the owner is contained; where that needs what is not root's, the process is only held still."""
    containment = owners.contain(layers)
    made = only_roots(containment, layers[0].facts.process, world)
    goal, steps = watchdogs.spared(made.goal, made.steps, layers)
    return made._replace(goal=goal, steps=steps)


def only_roots(containment: Containment, process: Process, world: World) -> Containment:
    """The same where root can rely on all that it names; else what takes the pressure off, and why no more."""
    whose = others(world)
    if any(_LOGINLESS.search(step.command) for step in containment.steps):
        goal = "Only hold it still: its supervisor's user has no login, and nothing can be done as that user"
        return _held(containment, (), process, goal)
    found = [(step, named) for step in containment.steps for named in not_roots(step, whose)]
    if not found:
        return containment
    path, holders = found[0][1]
    broken = tuple(step for step, _ in found)
    who = "any user" if holders.anyone or not holders.uids else " and ".join(map(world.files.user, holders.uids))
    goal = f"Only hold it still: {path} can be changed by {who}, so root should neither run, read nor write it"
    return _held(containment, broken, process, goal)


def _held(containment: Containment, broken: Sequence[Step], process: Process, goal: str) -> Containment:
    """What takes the pressure off and nothing else."""
    calm = tuple(
        each
        for each in containment.steps
        if each.phase == "relieve" and each not in broken and not _LOGINLESS.search(each.command)
    )
    door = "its supervisor, which no step of this plan touches"
    return Containment(goal, calm or single.relieve(process), (door,), containment.calm)
