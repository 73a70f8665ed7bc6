"""A loop in a shell script (or `watch`, `xargs`, `parallel`) that starts its child again.

The script's own text tells a loop from no loop. bash keeps its script open as descriptor 255, other shells as 10, so
the text that runs is read, also where the file was replaced or deleted since. Observed: a loop whose child is killed
starts the next within a tenth of a second; a loop that is killed leaves its child behind, running, with PID 1 as its
parent. So the loop is held first, then the child; below tmux and screen, where no freeze of theirs lasts, it is ended.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from runaway_watchdog.model.owner import Action, Claim, Deferred, Outlook
from runaway_watchdog.model.plan import Containment
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common import rooms, siblings
from runaway_watchdog.owners.common.ending import Ending, ending
from runaway_watchdog.owners.common.shells import Shell, base, shell
from runaway_watchdog.owners.interface import Kind, Read, Unread
from runaway_watchdog.owners.steps import loops
from runaway_watchdog.world import Files, World, procfs

KINDS = (Kind("shell-loop", "shell loop", line="a shell's loop: {policy}"),)
AT_ONCE_S = 0.1
WATCH_EVERY_S = 2.0
RUNNERS = frozenset({"watch", "xargs", "parallel"})
SCRIPT_DESCRIPTORS = (255, 10)
INTERPRETERS = re.compile(r"python[\d.]*|perl[\d.]*|ruby[\d.]*|node|nodejs|php[\d.]*|java|busybox|sh|bash|dash|env")


class Child(NamedTuple):
    """What is known of a loop, and of the child that it starts again."""

    loop_pid: int
    main_pid: int  # the child
    program: str
    mode: str  # `watch`, `xargs`, `parallel`, one of shell_text.Mode, or `unclear`
    pause_s: float | None  # between two rounds; None where that cannot be told
    shell: Shell | None = None
    leaves: bool | None = None  # it may be left from inside; None: not a loop of a shell, or an unclear one
    leaves_on_failure: bool | None = None
    around: bool = True  # whoever is around it, a service or a container that lives by it, stops it with its child

    def shown(self) -> Mapping[str, Any]:
        shown: dict[str, Any] = {"loop_pid": self.loop_pid, "main_pid": self.main_pid, "program": self.program}
        if self.shell is not None:
            shown["script"] = self.shell.text if self.shell.way == "script" else None
        shown |= {"mode": self.mode, "pause_s": self.pause_s}
        if self.leaves is not None:
            shown |= {"leaves": self.leaves, "leaves_on_failure": self.leaves_on_failure}
        return shown


class Round(NamedTuple):
    """What the loop does after one end of its child. `again` None: cannot be told."""

    again: bool | None
    why: str


def claim(facts: Facts) -> Claim | None:
    """The parent is a shell that runs a script or a line, or a program that runs another one again and again."""
    if not facts.ancestors:
        return None
    parent = facts.ancestors[0]
    if len(parent.namespace_pids) != len(facts.process.namespace_pids) or parent.pid == 1:
        return None
    started = shell(parent)
    if started is None and runner(parent) is None:
        return None
    if started is not None and started.way == "typed":
        return None
    return Claim("shell-loop", str(parent.pid), (f"/proc/{parent.pid}/cmdline: {_line(parent)}",), parent.pid)


def runner(process: Process) -> str | None:
    """`watch`, `xargs` or `parallel`; None for anything else."""
    name = base(process.exe) or process.name
    if name not in ("perl", "busybox"):
        return name if name in RUNNERS else None
    words = [base(word) for word in process.cmdline[:2]]  # GNU parallel is a Perl script
    return next((word for word in words if word in RUNNERS), None)


def inspect(claim: Claim, facts: Facts, world: World) -> Read[Child] | None:
    """Read the script. None: it has no loop that could run the process, or may not be read."""
    manager, main = siblings.manager_and_main(facts, claim.manager_pid)
    started = shell(manager)
    if started is None:
        name = str(runner(manager))
        child = Child(manager.pid, main.pid, name, name, _interval(manager) if name == "watch" else None)
        child = child._replace(around=rooms.held_around(facts, manager, world))
        return Read("shell-loop", f"{name} ({manager.pid})", claim.ref, name, child, claim.evidence)
    text = started.text if started.way == "line" else script(world.files, manager.pid)
    if text is None:
        return None
    from runaway_watchdog.owners.common import shell_text  # 4 ms, only where a shell runs a script or a line

    reading = shell_text.read(text, _names(main), errexit=started.errexit)
    loop = reading.loop
    if loop is None and not reading.other:
        return None
    child = Child(manager.pid, main.pid, _name(manager, started), "unclear", None, started)
    child = child._replace(around=rooms.held_around(facts, manager, world))
    name = f"{child.program} ({manager.pid})"
    if loop is None:
        return Read("shell-loop", name, claim.ref, "a loop", child, claim.evidence)
    child = child._replace(
        mode=loop.mode, pause_s=loop.pause_s, leaves=loop.leaves, leaves_on_failure=loop.leaves_on_failure
    )
    evidence = f"{started.text if started.way == 'script' else 'its line'}: {loop.head}"
    return Read("shell-loop", name, claim.ref, loop.head, child, (*claim.evidence, evidence))


def script(files: Files, pid: int) -> str | None:
    """The text that a shell reads from; None where it holds no script open, or not for us (a gap says so)."""
    folder = f"{procfs.PROC}/{pid}"
    for number in SCRIPT_DESCRIPTORS:
        try:
            target = files.target(f"{folder}/fd/{number}")
            # Only what has been read from by now is a plain file: opening a pipe or a terminal could wait for ever.
            read_on = re.search(r"^pos:\s*([1-9]\d*)", files.read(f"{folder}/fdinfo/{number}"), re.MULTILINE)
            if target.startswith("/") and not target.startswith("/dev/") and read_on is not None:
                return files.read(f"{folder}/fd/{number}")
        except OSError:
            continue
    return None


def _names(process: Process) -> tuple[str, ...]:
    """What a script would call this program: what an interpreter runs goes by its own file's name."""
    runs: list[str] = []
    for word in process.cmdline[:6]:
        if word in ("-c", "-e"):
            return tuple(runs)  # a line of text: only the interpreter has a name
        if word.startswith("-"):
            continue
        runs.append(base(word))
        if not INTERPRETERS.fullmatch(runs[-1]):
            break
    alone = runs[-1:] if len(runs) > 1 else [*runs, base(process.exe)]
    return tuple(dict.fromkeys(name for name in alone if name))


def _name(manager: Process, started: Shell) -> str:
    return base(started.text) if started.way == "script" else f"{base(manager.exe) or manager.name} -c"


def _line(process: Process) -> str:
    return " ".join(process.cmdline)[:200]


def _interval(manager: Process) -> float:
    """`watch -n 5`, `-n5`, `--interval=5`: seconds."""
    line = " ".join(manager.cmdline[1:])
    found = re.match(r"(?:-[a-mo-zA-Z]+ +)*(?:-[a-mo-zA-Z]*n *|--interval[= ])(\d+(?:\.\d+)?)", line)
    return float(found[1]) if found else WATCH_EVERY_S


def outlook(owner: Read[Child] | Unread, facts: Facts, action: Action) -> Outlook | Deferred:
    """The loop's next round, or what its own owner does to both."""
    if action == "owner-stop" and isinstance(owner, Read) and not owner.details.around:
        why = f"ending {owner.name} alone leaves this process running, and nothing starts it again after that"
        return Outlook.goes_on(action, "certain", why)
    if action in ("owner-stop", "owner-daemon-restart", "reboot"):
        return Deferred(action, True, f"{owner.name} runs it")
    end = ending(facts.process, action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    if isinstance(owner, Unread):
        return Outlook.not_known(action, (end.reason, f"the script of {owner.name} was not read"))
    if facts.process.pid != owner.details.main_pid:
        return _below(owner, facts, action, end)
    return _again(owner, action, end)


def _again(owner: Read[Child], action: Action, end: Ending, between: str = "") -> Outlook:
    rounds = {_round(owner, failed) for failed in ((True, False) if end.how == "own" else (end.how != "clean",))}
    told = rounds.pop()
    why = f"{between}{told.why}"
    if rounds and rounds.pop().again != told.again:
        return Outlook.not_known(action, (end.reason, f"{why}, and whether it fails is its own choice"))
    if told.again is None:
        return Outlook.not_known(action, (end.reason, why))
    if not told.again:
        return Outlook.stays_away(action, "likely", (end.reason, why))
    pause = owner.details.pause_s
    after = None if pause is None or between else AT_ONCE_S + pause
    return Outlook.comes_back(action, owner.name, "likely", (end.reason, why), after_s=after)


_UNTOLD = {
    "xargs": "goes on with the next item, unless a signal or exit code 255 ended this one",
    "parallel": "goes on with the next item, if one is left",
    "items": "goes on with the next item, if one is left",
    "unclear": "has a loop, and whether that runs this program could not be made out",
}


def _round(owner: Read[Child], failed: bool) -> Round:
    """What the loop does when its child ended, well or badly."""
    child, name, head = owner.details, owner.name, owner.policy
    mode = child.mode
    if mode in _UNTOLD:
        return Round(None, f"{name} {_UNTOLD[mode]}")
    if mode == "watch":
        return Round(True, f"{name} runs it every {child.pause_s:g} s")
    if mode in ("until-success", "while-success"):
        again = failed == (mode == "until-success")
        return Round(again, f"the loop `{head}` of {name} {'goes round again' if again else 'ends then'}")
    if failed and child.leaves_on_failure:
        return Round(False, f"{name} leaves its loop when the program fails")
    if mode == "condition":
        return Round(None, f"{name} runs it again as long as this holds: `{head}`")
    if child.leaves and not child.leaves_on_failure:
        return Round(None, f"{name} runs it in a loop, `{head}`, and may leave that")
    return Round(True, f"{name} runs it in a loop, `{head}`")


def _below(owner: Read[Child], facts: Facts, action: Action, end: Ending) -> Outlook:
    """Not the loop's own child: where only waiting wrappers lie between, the loop's turn comes all the same."""
    child = owner.details
    between = siblings.between(facts, child.loop_pid)
    if between and all(siblings.only_waits(each) for each in between):
        names = ", ".join(each.name for each in between)
        return _again(owner, action, end, f"{names} ends with it, and ")
    return siblings.not_main(facts, action, end, f"{owner.name} waits for {child.main_pid} alone")


def contain(owner: Read[Child] | Unread, facts: Facts) -> Containment | None:
    """The loop first, then its child: the other way round it would only be started again."""
    if isinstance(owner, Unread) or owner.details.around:
        return None
    return loops.contain(owner.name, owner.details.loop_pid, facts)
