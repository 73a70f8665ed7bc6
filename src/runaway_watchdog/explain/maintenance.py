"""Package maintenance: a package manager at work, or what the scripts of a package run.

Stopped half way it leaves packages unpacked and not configured, and its lock keeps everybody else from repairing that.
So it is slowed down, and neither frozen nor ended. The name alone is anybody's: a process of root's has to hold the
lock of the packages' database open, which root alone may.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from runaway_watchdog.hostile import clean
from runaway_watchdog.model.plan import ByEye, Plan, Step
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.steps import single
from runaway_watchdog.world import Files, procfs

_LOCKS: Final = {
    "/var/lib/dpkg/lock": "dpkg --configure -a",
    "/var/lib/dpkg/lock-frontend": "dpkg --configure -a",
    "/var/lib/rpm/.rpm.lock": "dnf check",
    "/usr/lib/sysimage/rpm/.rpm.lock": "dnf check",
    "/var/lib/pacman/db.lck": "pacman -Dk",
}
"""Held by whoever changes the database, and what looks for, or repairs, what was left half done. apt and dpkg: seen."""
_MANAGERS: Final = frozenset({
    "dpkg", "apt", "apt-get", "aptitude", "synaptic", "unattended-upgr", "rpm", "dnf", "dnf5", "yum", "zypper",
    "packagekitd", "pacman",
})  # fmt: skip
"""By their names, at most 15 characters: only these are looked into."""


class Maintenance(NamedTuple):
    """Who holds the lock, and how what was left half done is repaired."""

    manager: Process
    repair: str


def at_work(files: Files, facts: Facts) -> Maintenance | None:
    """For a package manager of this host, or a process below one."""
    for each in (facts.process, *facts.ancestors):
        if each.name in _MANAGERS and each.uid == 0 and len(each.namespace_pids) == 1:
            repair = next(filter(None, map(_LOCKS.get, _open(files, each.pid))), None)
            if repair is not None:
                return Maintenance(each, repair)
    return None


def _open(files: Files, pid: int) -> Sequence[str]:
    """The paths of its open files; none where they may not be read."""
    folder = f"{procfs.PROC}/{pid}/fd"
    try:
        return [files.target(f"{folder}/{each}") for each in files.names(folder)]
    except OSError:
        return ()


def told(found: Maintenance | None) -> tuple[str, ...]:
    if found is None:
        return ()
    who = f"{clean(found.manager.name, 40)} (PID {found.manager.pid})"
    return (f"is package maintenance: {who} holds the lock of the packages' database",)


def adapted(plan: Plan, found: Maintenance | None, process: Process) -> Plan:
    """The same, where it works to an end of its own; else it is slowed down, or waited for."""
    if found is None:
        return plan
    goal = f"Let it finish: stopped half way, packages stay half configured. If it hangs: end it, then {found.repair}"
    steps = single.renice(process) or (_wait(found.manager),)
    return plan._replace(goal=goal, steps=steps, remaining_triggers=(), hardening=())


def _wait(manager: Process) -> Step:
    command = f"ps -o pid,etime,time,args -p {manager.pid} --ppid {manager.pid}"
    return Step("Look how far it is", command, "only reads", "none", None, ByEye("its time grows"), phase="look")
