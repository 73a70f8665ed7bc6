"""A process that its supervisor does not wait for: what is known about one beside, or below, the supervised one."""

from runaway_watchdog.model.owner import Action, Outlook
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common.ending import Ending
from runaway_watchdog.owners.common.shells import base, shell

WAITERS = frozenset({"timeout", "sudo", "su", "runuser", "flock", "time", "setsid", "unshare", "nsenter", "script"})
"""Programs that run one other program, wait for it, and end with it."""

PACKAGE_RUNNERS = frozenset(
    {"npm", "npx", "npm-cli.js", "npx-cli.js", "pnpm", "pnpx", "yarn", "yarn.js", "uv", "uvx", "bunx"}
)
"""Programs that run one other program by the name of its package, by their file or the script that Node.js runs."""
SHIMS = ("containerd-shim", "conmon")
"""Begin the names of who is the parent of what an engine starts in a container, and waits for it."""
MULTIPLEXERS = frozenset({"tmux: server", "screen", "SCREEN"})


def lets_go_on(parent: Process) -> bool:
    """Whether it continues a child of its own, with all its process group, as soon as that is stopped: tmux and screen
    do (seen with tmux 3.3 and screen 4.9)."""
    return parent.name in MULTIPLEXERS


def manager_and_main(facts: Facts, manager_pid: int | None) -> tuple[Process, Process]:
    """The supervisor among the ancestors, and its own child in this line: the one that it would start again.

    Raises ValueError where that is no ancestor.
    """
    line = (facts.process, *facts.ancestors)
    at = [each.pid for each in line].index(manager_pid or 0)
    return line[at], line[max(0, at - 1)]


def between(facts: Facts, manager_pid: int) -> tuple[Process, ...]:
    """Who stands between the process and its supervisor, the nearest first."""
    pids = [each.pid for each in facts.ancestors]
    return facts.ancestors[: pids.index(manager_pid)] if manager_pid in pids else ()


def only_waits(process: Process) -> bool:
    """Whether it started one program and ends with that: `timeout`, `sudo`, `npm exec`, a shell with a line or a
    script."""
    started = shell(process)
    return waits_for_one(process) or (started is not None and started.way != "typed")


def waits_for_one(process: Process) -> bool:
    """The same of a program that is no shell. npm calls itself `npm exec PACKAGE`."""
    words = [word for word in process.cmdline[:4] if not word.startswith("-")]
    named = {base(process.exe), *(base(word.partition(" ")[0]) for word in words[:2])}
    return base(process.exe) in WAITERS or not named.isdisjoint(PACKAGE_RUNNERS)


def may_start(facts: Facts) -> Process | None:
    """The nearest above it, in the same room, that does more than wait for one program and so may start the process
    again by itself: no shell, whose loop would be an owner of its own."""
    parent = next((each for each in facts.ancestors if not only_waits(each)), None)
    if parent is None or len(parent.namespace_pids) != len(facts.process.namespace_pids) or parent.pid == 1:
        return None
    return None if shell(parent) is not None or parent.name.startswith(SHIMS) else parent


def not_main(facts: Facts, action: Action, end: Ending, where: str) -> Outlook:
    """The supervisor does not act on this one's end (`where` says why); its own parent may."""
    parent = facts.ancestors[0] if facts.ancestors else None
    if parent is None or parent.pid == 1:
        return Outlook.stays_away(action, "likely", (end.reason, f"{where}, and its parent is gone"))
    parent = may_start(facts) or parent
    why = (end.reason, f"{where}; whether its parent {parent.name} ({parent.pid}) starts it again is not known")
    return Outlook.not_known(action, why)
