"""Is a manager who it says? A name, a title and a command line are chosen by whoever starts a program; its user and the
owner of the file that it runs are not.
"""

from runaway_watchdog.model.process import Process
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.patterns import Pattern
from runaway_watchdog.world import Unanswered, World

PYTHON = Pattern(r"python[\d.]*|pypy[\d.]*")
NODE = Pattern(r"node(?:js)?[\d.-]*|bun")
_DELETED = " (deleted)"
"""Ends the name of a program that was replaced while it runs, as an upgrade does."""


def may_start(manager: Process, child: Process) -> bool:
    """Whether it could have started this one: only root starts programs as other users.

    In a container numbers are its own (user_namespaces(7)), and what is there is reached through its engine alone.
    """
    return len(manager.namespace_pids) > 1 or manager.uid in (0, child.uid)


def runs(process: Process, interpreter: Pattern, *names: str) -> bool:
    """Whether a program that is a script is run by its interpreter, or is one of these files; where the file is not
    ours to read, it may be."""
    program = base(process.exe).removesuffix(_DELETED)
    return process.exe is None or interpreter.fullmatch(program) is not None or program in names


def genuine(manager: Process, world: World) -> bool:
    """Whether a manager of root's runs a file that nobody but root can change; a user's own is that user's matter."""
    if manager.uid or len(manager.namespace_pids) > 1 or manager.exe is None:
        return True
    try:
        whole = world.ownership.of(manager.exe.removesuffix(_DELETED))
        return world.ownership.executable(manager.pid) == 0 and whole.root_only
    except (OSError, Unanswered):
        return False
