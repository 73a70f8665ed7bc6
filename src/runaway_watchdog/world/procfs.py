"""One process and its ancestors, from /proc. Reading and parsing are apart: what parses is pure and takes hostile text.

Field numbers and flags are those of proc(5) and of the kernel's include/linux/sched.h.
"""

import re
from collections.abc import Collection
from typing import cast

from runaway_watchdog.glance import Mark
from runaway_watchdog.linux import cgroup, cmdline, host, mounts, stat as proc_stat, status
from runaway_watchdog.linux.clock import CLOCK_TICKS
from runaway_watchdog.linux.stat import PF_KTHREAD, Stat
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.process import CpuShare, Facts, Process, ProcessState, SignalDisposition
from runaway_watchdog.world import Files, Unanswered, World

PROC = "/proc"
SIGTERM_BIT = 1 << 14
MAX_ANCESTORS = 32
STATES: dict[str, ProcessState] = {
    "R": "running",
    "S": "sleeping",
    "D": "disk-sleep",
    "T": "stopped",
    "t": "traced",
    "Z": "zombie",
    "I": "idle",
    "X": "dead",
}


class NoSuchProcessError(LookupError):
    """There is no such process, or it went while it was being read."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"no process {pid}")
        self.pid = pid


def stat_of(files: Files, pid: int | str) -> Stat:
    """One process in numbers; `self` is ours. Raises OSError, ValueError."""
    return proc_stat.parse(files.read(f"{PROC}/{pid}/stat"))


def sigterm_disposition(told: dict[str, str]) -> SignalDisposition:
    """What SIGTERM would meet in the process, from the masks SigCgt, SigBlk and SigIgn. What is blocked is waited for:
    by sigwait in another thread, or by a signalfd."""
    try:
        caught, ignored = int(told["SigCgt"], 16), int(told["SigIgn"], 16)
        blocked = int(told.get("SigBlk", "0"), 16)
    except (KeyError, ValueError):
        return "unknown"
    if (caught | blocked) & SIGTERM_BIT:
        return "handled"
    return "ignored" if ignored & SIGTERM_BIT else "default"


def boot_id(files: Files) -> str:
    return files.read(f"{PROC}/sys/kernel/random/boot_id").strip()


def boot_time(files: Files) -> float:
    """When the host booted, seconds since the epoch."""
    return host.parse_boot_time(files.read(f"{PROC}/stat"))


SUDO = "run it with sudo"
UNREADABLE = Gap("procfs", "the program's file and environment belong to another user", SUDO)


def hides(files: Files) -> bool:
    """Whether /proc is mounted so that an ordinary user does not see other users' processes (`hidepid`, proc(5))."""
    try:
        mounted = [each for each in mounts.parse(files.read(f"{PROC}/self/mounts")) if each.target == PROC]
    except OSError:
        return False
    shown = ("hidepid=0", "hidepid=off")
    # Of several mounts over each other the last one is what is seen.
    options = (option for each in mounted[-1:] for option in each.options)
    return any(each.startswith("hidepid=") and each not in shown for each in options)


_OF_A_PROCESS = re.compile(rf"{PROC}/(\d+)")


def covered(files: Files) -> tuple[int, ...]:
    """The processes over whose folder in /proc something is mounted, so that ps, top and we see none: no tool does
    that, and intruders do."""
    try:
        targets = (each.target for each in mounts.parse(files.read(f"{PROC}/self/mounts")))
    except OSError:
        return ()
    return tuple(sorted({int(found[1]) for each in targets if (found := _OF_A_PROCESS.fullmatch(each))}))


def covered_gap(pid: int) -> Gap:
    problem = f"something is mounted over /proc/{pid}: that hides process {pid} from ps, top and us, as intruders do"
    return Gap("procfs", problem, f"grep {PROC}/{pid} {PROC}/mounts shows what; umount {PROC}/{pid} shows the process")


def process(files: Files, pid: int) -> tuple[Process, tuple[Gap, ...]]:
    """Read one process; what may not be read of it is a gap.

    Raises NoSuchProcessError; Unanswered where there is such a process, and /proc hides it from us.
    """
    try:
        return _process(files, pid)
    except PermissionError:  # hidepid=1 shows its folder and opens nothing in it
        raise Unanswered(_hidden(pid)) from None
    except NoSuchProcessError:
        if _is_hidden(files, pid):
            raise Unanswered(covered_gap(pid) if pid in covered(files) else _hidden(pid)) from None
        raise


def _is_hidden(files: Files, pid: int) -> bool:
    """Whether a process that /proc does not show is there all the same: the kernel's CPU clocks do not ask /proc."""
    try:
        files.read(f"{PROC}/{pid}/stat")
    except PermissionError:
        return True
    except (FileNotFoundError, ProcessLookupError):
        pass
    else:
        return False  # it took the PID of the one that was asked about
    if cpu_mark(files, pid) is not None:
        return True
    return cpu_mark(files, 1) is None and hides(files)  # no clocks here: it cannot be told


def _hidden(pid: int) -> Gap:
    return Gap("procfs", f"process {pid} is another user's, and /proc hides those here (hidepid)", SUDO)


def _boot(files: Files) -> tuple[str, float]:
    return boot_id(files), boot_time(files)


def _process(files: Files, pid: int, boot: tuple[str, float] | None = None) -> tuple[Process, tuple[Gap, ...]]:
    """`process`, where /proc is believed. Raises NoSuchProcessError, PermissionError. `boot`: as it was read before."""
    folder = f"{PROC}/{pid}"
    try:
        stat = stat_of(files, pid)
        booted, booted_at = boot or _boot(files)
        told = status.parse(files.read(f"{folder}/status"))
        uid = int(told["Uid"].split()[0])
        exe, gaps = _exe(files, folder, stat)
        found = Process(
            key=ProcKey(booted, pid, stat.start_ticks),
            name=stat.comm,
            state=STATES.get(stat.state, "unknown"),
            ppid=stat.ppid,
            started_at=booted_at + stat.start_ticks / CLOCK_TICKS,
            exe=exe,
            cmdline=cmdline.parse(files.read(f"{folder}/cmdline")),
            uid=uid,
            user=files.user(uid),
            nice=stat.nice,
            cgroup=owner_cgroup(files, pid),
            kernel_thread=bool(stat.flags & PF_KTHREAD),
            namespace_pids=tuple(int(each) for each in told.get("NSpid", str(pid)).split()),
            sigterm=sigterm_disposition(told),
            session=stat.session,
        )
        # PIDs are reused: what was read in several steps speaks of one process only if it is still that one.
        again = stat_of(files, pid)
    except (FileNotFoundError, ProcessLookupError, KeyError) as fault:
        raise NoSuchProcessError(pid) from fault
    if again.start_ticks != stat.start_ticks:
        raise NoSuchProcessError(pid)
    return found, gaps


def _exe(files: Files, folder: str, stat: Stat) -> tuple[str | None, tuple[Gap, ...]]:
    try:
        return files.target(f"{folder}/exe"), ()
    except PermissionError:
        if stat.flags & PF_KTHREAD or stat.state == "Z":
            return None, ()
        return None, (UNREADABLE,)
    except FileNotFoundError:  # a kernel thread or a zombie has none
        return None, ()


def own_uid(files: Files) -> int | None:
    """Who asks: the user of our own process; None where that cannot be read."""
    try:
        return int(status.parse(files.read(f"{PROC}/self/status"))["Uid"].split()[0])
    except (OSError, KeyError, ValueError, IndexError):
        return None


def owner_cgroup(files: Files, pid: int) -> str:
    """The path of the control group that names its owner. Raises OSError where it is gone or hidden."""
    try:
        return cgroup.owner_path(files.read(f"{PROC}/{pid}/cgroup"))
    except FileNotFoundError:  # a kernel without cgroups
        return ""


def ancestors(files: Files, child: Process) -> tuple[Process, ...]:
    """Parents, the nearest first, up to PID 1 or to where one cannot be read any more."""
    found: list[Process] = []
    ppid = child.ppid
    boot: tuple[str, float] | None = None
    while ppid > 0 and len(found) < MAX_ANCESTORS:
        try:
            boot = boot or _boot(files)
            parent, _ = _process(files, ppid, boot)
        except (NoSuchProcessError, PermissionError, FileNotFoundError):
            break
        found.append(parent)
        ppid = parent.ppid
    return tuple(found)


def children(files: Files, pid: int) -> tuple[int, ...]:
    """The PIDs of a process's children, in the order in which they were started (proc(5), task/TID/children).

    Raises OSError where the kernel does not tell or the process is gone.
    """
    tasks = files.names(f"{PROC}/{pid}/task")
    found = (files.read(f"{PROC}/{pid}/task/{task}/children").split() for task in tasks)
    return tuple(int(child) for line in found for child in line)


def marks(files: Files, pid: int, names: Collection[str]) -> tuple[tuple[str, str], ...]:
    """The managers' variables in a process's environment; empty where it may not be read (exe says so already)."""
    try:
        text = files.read(f"{PROC}/{pid}/environ")
    except OSError:
        return ()
    pairs = (entry.partition("=") for entry in text.split("\0"))
    return tuple((key, value) for key, _, value in pairs if key in names)


def cpu_mark(files: Files, pid: int) -> Mark | None:
    """A first reading of the process's CPU clock, for `cpu_share`; None where the kernel refuses it."""
    try:
        return cast(Mark, tuple(files.cpu_clock(pid)))
    except OSError:
        return None


def cpu_share(world: World, pid: int, mark: Mark | None, window_s: float = 0.1) -> CpuShare | None:
    """CPU since `mark`, waiting until at least `window_s` has passed."""
    if mark is None:
        return None
    now_ns = int(world.clock.monotonic() * 1e9)
    world.clock.sleep(max(0.0, window_s - (now_ns - mark[1]) / 1e9))
    later = cpu_mark(world.files, pid)
    if later is None or later[1] <= mark[1] or later[0] < mark[0]:  # less used: another process has its PID
        return None
    return CpuShare(round(100 * (later[0] - mark[0]) / (later[1] - mark[1]), 1), round((later[1] - mark[1]) / 1e9, 3))


def facts(world: World, pid: int, names: Collection[str]) -> tuple[Facts, tuple[Gap, ...]]:
    """Everything that owners may look at. Raises NoSuchProcessError, Unanswered. CPU is left to the caller."""
    subject, gaps = process(world.files, pid)
    if subject.is_namespace_init and subject.sigterm == "default" and _waits_for_signals(world.files, pid):
        subject = subject._replace(sigterm="handled")
    above = ancestors(world.files, subject)
    oldest = above[-1] if above else subject
    if oldest.ppid > 0 and len(above) < MAX_ANCESTORS and _is_hidden(world.files, oldest.ppid):
        gaps = (*gaps, _hidden(oldest.ppid))
    return Facts(subject, above, marks(world.files, pid, names), None), gaps


def _waits_for_signals(files: Files, pid: int) -> bool:
    """Whether it is in sigwait: for that time the kernel shows the signals that it blocks as not blocked."""
    try:
        return "sigtimedwait" in files.read(f"{PROC}/{pid}/wchan")
    except OSError:
        return False


def cpu_controller(files: Files) -> bool:
    """Can this host limit CPU on cgroup v2? On v1 (no cgroup.controllers at the root) the answer is True where
    the cpu hierarchy is mounted. A limit without a controller is accepted and limits nothing."""
    try:
        return "cpu" in files.read(f"{cgroup.MOUNT}/cgroup.controllers").split()
    except OSError:
        return files.exists(f"{cgroup.MOUNT}/cpu/cpu.cfs_quota_us")
