"""A process whose caller is gone: the request timed out, the login ended, the agent exited. Nobody waits for it.

And its copies: 96 orphans at 2 % each are one problem, and none of them is big enough to be seen alone.
"""

import re
from shlex import quote

from runaway_watchdog.model.casefile import LeftBehind
from runaway_watchdog.model.plan import Containment, Prints, Step
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners import KINDS
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.interface import Owner
from runaway_watchdog.owners.systemd.details import plain_service_of
from runaway_watchdog.world import Files, World, processes, procfs
from runaway_watchdog.world.sockets import sockets

MOST_COPIES = 2000
WINDOW_S = 0.1
REGEX_MARKS = re.compile(r"[][().*+?{}|^$\\]")


def left_behind(world: World, facts: Facts, owner: Owner) -> LeftBehind | None:
    """None for a process that has a caller, a manager, or clients of its own (it listens on a socket)."""
    process = facts.process
    if process.pid == 1 or process.kernel_thread or not _adopted(facts) or not _loose(owner, process):
        return None
    if sockets(world.files, process.pid).listening:  # a server is an orphan by choice: somebody may connect
        return None
    pids = _copies(world.files, process)
    return LeftBehind(_why(world.files, process), pids, _cpu(world, pids))


def _adopted(facts: Facts) -> bool:
    """Its parent is the one that takes in orphans: PID 1, or the user's own manager."""
    if not facts.ancestors:
        return False
    parent = facts.ancestors[0]
    return parent.pid == 1 or (base(parent.exe) == "systemd" and "--user" in parent.cmdline)


def _loose(owner: Owner, process: Process) -> bool:
    """No manager waits for it: it has none, or it is not the process that its unit is about."""
    unit = plain_service_of(owner)
    if unit is not None:
        return unit.main_pid not in (0, process.pid)
    return not KINDS[owner.kind].waits


def _why(files: Files, process: Process) -> str:
    gone = process.session not in (process.pid, 0) and not files.exists(f"{procfs.PROC}/{process.session}")
    caller = f"what started it (session {process.session}) is gone" if gone else "what started it is gone"
    return f"{caller}: nobody waits for this any more"


def _copies(files: Files, process: Process) -> tuple[int, ...]:
    """Orphans of the same user with the same command line and the same parent."""
    if not process.cmdline:
        return (process.pid,)
    found = {process.pid}
    for each in processes.everything(files):
        same = (each.arguments, each.ppid, each.real_uid) == (process.cmdline, process.ppid, process.uid)
        if same and len(found) < MOST_COPIES:
            found.add(each.pid)
    return tuple(sorted(found))


def _cpu(world: World, pids: tuple[int, ...]) -> float | None:
    """All together, over a tenth of a second; None for one alone (the case has its own figure) or without clocks."""
    if len(pids) == 1:
        return None
    before = {pid: mark for pid in pids if (mark := procfs.cpu_mark(world.files, pid)) is not None}
    world.clock.sleep(WINDOW_S)
    total = 0.0
    for pid, mark in before.items():
        later = procfs.cpu_mark(world.files, pid)
        if later is not None and later[1] > mark[1]:
            total += 100 * (later[0] - mark[0]) / (later[1] - mark[1])
    return round(total, 1) if before else None


def containment(found: LeftBehind, process: Process) -> Containment | None:
    """The steps for all copies at once, picked by what they have in common; None for one alone."""
    line = " ".join(process.cmdline)
    if len(found.pids) == 1 or not line.strip() or "\n" in line:
        return None
    pattern = REGEX_MARKS.sub(r"\\\g<0>", line)
    alike = f"-P {process.ppid} -U {process.uid} -fx -- {quote(pattern)}"
    count = len(found.pids)
    goal = f"Hold all {count} copies still, then end them: nobody was found who would start them again"
    return Containment(
        goal,
        (
            Step(
                f"Freeze all {count}",
                f"pkill -STOP {alike}",
                "every orphan with just this command line stands still and keeps what it knows",
                "interrupts",
                f"pkill -CONT {alike}",
                Prints(f"ps -o state= -p {process.pid}", ("T",)),
                phase="relieve",
            ),
            Step(
                "End them, when you are sure",
                f"pkill -CONT {alike}; pkill -TERM {alike}",
                "they are asked to exit; what they had only in memory is gone, so there is no undo",
                "interrupts",
                None,
                Prints(f"pgrep -c {alike}", ("0",)),
                final=True,
            ),
        ),
    )
