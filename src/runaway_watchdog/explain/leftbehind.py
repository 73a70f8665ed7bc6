"""A process whose caller is gone: the request timed out, the login ended, the agent exited. Nobody waits for it.

And its copies: 96 orphans at 2 % each are one problem, and none of them is big enough to be seen alone.
"""

import re
from collections.abc import Callable, Sequence
from shlex import quote

from runaway_watchdog.model.casefile import LeftBehind
from runaway_watchdog.model.plan import Containment, Prints, Step
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners import KINDS
from runaway_watchdog.owners.common import siblings
from runaway_watchdog.owners.common.shells import base, shell
from runaway_watchdog.owners.interface import Owner, Read
from runaway_watchdog.owners.steps import single
from runaway_watchdog.owners.systemd.details import plain_service_of
from runaway_watchdog.owners.terminal import Session
from runaway_watchdog.world import Files, World, processes, procfs
from runaway_watchdog.world.processes import Running
from runaway_watchdog.world.sockets import sockets

MOST_COPIES = 2000
MOST_SHOWN = 50
WINDOW_S = 0.1
TERMINALS_KEPT = siblings.MULTIPLEXERS | {"mosh-server", "dtach", "abduco", "dvtm", "zellij"}
"""Programs that are meant to outlive a login, for whoever comes back to them."""
REGEX_MARKS = re.compile(r"[][().*+?{}|^$\\]")


def left_behind(world: World, facts: Facts, owner: Owner) -> LeftBehind | None:
    """None for a process that has a caller, a manager, or clients of its own (it listens on a socket)."""
    process, line = facts.process, _line(facts)
    if process.pid == 1 or process.kernel_thread or not line or not _loose(owner, line[-1]):
        return None
    over = _login_over(owner, line)
    if not over and not all(_wraps(each) for each in line[1:]):
        return None
    if sockets(world.files, process.pid).listening:  # a server is an orphan by choice: somebody may connect
        return None
    pids, tree = _trees(world.files, process, line[-1])
    return LeftBehind(_why(world.files, line[-1], over), pids, _cpu(world, pids), tree)


def _line(facts: Facts) -> tuple[Process, ...]:
    """From the process up to the orphan that it descends from, whose parent only took it in: PID 1, or the user's own
    manager. Empty: none."""
    line = (facts.process, *facts.ancestors)
    at = next((number for number, each in enumerate(facts.ancestors, 1) if _adopts(each)), 0)
    return line[:at]


def _adopts(parent: Process) -> bool:
    return parent.pid == 1 or (base(parent.exe) == "systemd" and "--user" in parent.cmdline)


def _wraps(process: Process) -> bool:
    """Whether it only waits for the one program that it runs; a script is a program of its own."""
    started = shell(process)
    return siblings.waits_for_one(process) or (started is not None and started.way == "line")


def _login_over(owner: Owner, line: Sequence[Process]) -> bool:
    """Whether the login is over in whose scope all of them are; who comes back to a tmux or the like is still there."""
    session = owner.details if isinstance(owner, Read) and isinstance(owner.details, Session) else None
    if session is None or not session.abandoned or any(each.name in TERMINALS_KEPT for each in line):
        return False
    return all(each.cgroup == line[0].cgroup for each in line)


def _loose(owner: Owner, process: Process) -> bool:
    """No manager waits for the orphan: it has none, or it is not the process that its unit is about."""
    unit = plain_service_of(owner)
    if unit is not None:
        return unit.main_pid not in (0, process.pid)
    return not KINDS[owner.kind].waits


def _why(files: Files, orphan: Process, over: bool) -> str:
    if over:
        return f"the login that started it is over ({orphan.control_group.leaf}): nobody waits for this any more"
    gone = orphan.session not in (orphan.pid, 0) and not files.exists(f"{procfs.PROC}/{orphan.session}")
    caller = f"what started it (session {orphan.session}) is gone" if gone else "what started it is gone"
    return f"{caller}: nobody waits for this any more"


def _trees(files: Files, process: Process, orphan: Process) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The copies of the process, and all that descends from orphans like its own: of the same user, with the same
    command line and the same parent, whichever login they came from."""
    if not orphan.cmdline:
        return (process.pid,), (process.pid,)
    running = processes.everything(files)
    wanted = (orphan.cmdline, orphan.ppid, orphan.uid)
    orphans = [each.pid for each in running if (each.arguments, each.ppid, each.real_uid) == wanted][:MOST_COPIES]
    below: dict[int, list[Running]] = {}
    for each in running:
        below.setdefault(each.ppid, []).append(each)
    tree, copies = list(dict.fromkeys((orphan.pid, *orphans))), {process.pid}
    for pid in tree:  # which grows
        tree += (each.pid for each in below.get(pid, ()))
        copies |= {each.pid for each in below.get(pid, ()) if each.arguments == process.cmdline}
    return tuple(sorted({process.pid, *orphans} if process == orphan else copies)), tuple(sorted({process.pid, *tree}))


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


def containment(found: LeftBehind, facts: Facts) -> Containment | None:
    """The steps for all copies at once, each with all that its orphan started; None for one process alone."""
    orphan = _line(facts)[-1]
    line = " ".join(orphan.cmdline)
    if len(found.tree) < 2 or not line.strip():
        return None
    if len(found.pids) == 1:
        return _of_tree(found, orphan)
    if "\n" in line:
        return None
    pattern = REGEX_MARKS.sub(r"\\\g<0>", line)
    alike = f"-P {orphan.ppid} -U {orphan.uid} -fx -- {quote(pattern)}"
    return _of_copies(found, orphan, alike) if found.tree == found.pids else _of_tree(found, orphan, alike)


def _of_copies(found: LeftBehind, process: Process, alike: str) -> Containment:
    """Those that started nothing, picked by what they have in common."""
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


def _of_tree(found: LeftBehind, orphan: Process, alike: str = "") -> Containment:
    """An orphan, or all that are alike, with all that descends from it when the command runs."""
    of_it: Callable[[Process, str], str]
    thawed: Callable[[Process, str], str]
    if alike:
        what, wanted, goal = f"all {len(found.pids)}", f"pgrep {alike}", f"Hold all {len(found.pids)} copies still"
        of_it = thawed = _at_once
    else:
        what, wanted, goal = (
            "all of it",
            f"echo {orphan.pid}",
            f"Hold {orphan.name} ({orphan.pid}) and all below it still",
        )
        of_it, thawed = single.guarded, single.undoing
    shown = ",".join(str(pid) for pid in found.tree[:MOST_SHOWN])
    return Containment(
        f"{goal}, then end them: nobody was found who would start them again",
        (
            Step(
                f"Freeze {what}",
                of_it(orphan, _signalled(wanted, "STOP")),
                "the orphan and all that it started stand still and keep what they know",
                "interrupts",
                thawed(orphan, _signalled(wanted, "CONT")),
                Prints(f"ps -o state= -p {shown}", ("T", "Z")),
                phase="relieve",
            ),
            Step(
                "End them, when you are sure",
                of_it(orphan, _signalled(wanted, "TERM", "CONT")),
                "they are asked to exit; what they had only in memory is gone, so there is no undo",
                "interrupts",
                None,
                Prints(f"ps -o state= -p {shown}", ("Z", "nothing")),
                final=True,
            ),
        ),
    )


def _at_once(_orphan: Process, command: str) -> str:
    """What finds its processes by their command line needs no other proof of who they are."""
    return command


def _signalled(orphans: str, *signals: str) -> str:
    """A line that finds the orphans and all that descends from them now, and signals each; none is no failure."""
    walk = f'all=; next=$({orphans} ); while [ -n "$next" ]; do all="$all $next"; '
    walk += """next=$(pgrep -P "$(echo $next | tr ' ' ,)" ); done; """
    return walk + "; ".join(f"kill -{signal} $all 2>/dev/null || true" for signal in signals)
