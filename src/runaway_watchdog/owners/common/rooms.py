"""What is around a process: what a container lives by, what its start brings with it, and who stops what is in it."""

import re

from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.world import Unanswered, World, procfs

INIT_NAMES = ("docker-init", "tini", "dumb-init", "catatonit")
"""Programs that are PID 1 for another one: they pass signals on to it, and exit with it and with its exit code."""

AT_START_S = 10.0
"""What descends from the main process and began within so much of it belongs to its start."""

CONTAINERS = re.compile(r"(?:docker|libpod)[-/]")
"""Groups of an engine that acts on what a container lives by, and on nothing else in there."""
OTHERS = re.compile(r"(?:crio|containerd)[-/]|\A/kubepods|\A/lxc\.payload")
SSH_UNIT = re.compile(r"sshd?(?:@.*)?\.service")
"""What a login is in where there is no logind: it is not ended for one process."""


def comes_with(facts: Facts, main_pid: int) -> bool | None:
    """Whether the next start of its container starts this process too; None: whether its main program would is not
    known. What an `exec` put there and what a shell that is gone left behind was no work of the main program's."""
    line = (facts.process, *facts.ancestors)
    at = next((number for number, each in enumerate(line) if each.pid == main_pid), None)
    if at is None:
        return False
    main, below = line[at], line[:at]
    early = all(each.started_at - main.started_at <= AT_START_S for each in below)
    if below and below[-1].session not in {main.session, *(each.pid for each in below)}:
        return None if early else False  # a daemon that its start made loses its session too
    return True if early else None


def lives_by(facts: Facts, process: Process, world: World) -> bool:
    """Whether it is PID 1 of the container, or the program that an init as PID 1 was started for; `process` is this one
    or one of its ancestors."""
    if process.is_namespace_init:
        return True
    parent = next((each for each in facts.ancestors if each.pid == process.ppid), None)
    if parent is None or not parent.is_namespace_init or parent.name not in INIT_NAMES:
        return False
    first = first_child(parent.pid, world)
    return first is not None and first.pid == process.pid


def first_child(pid: int, world: World) -> Process | None:
    """Of an init the one that it was started for: what it adopted later descends from that, or from an `exec`."""
    try:
        children = procfs.children(world.files, pid)
        return procfs.process(world.files, children[0])[0] if children else None
    except (OSError, procfs.NoSuchProcessError, Unanswered):
        return None


def held_around(facts: Facts, starter: Process, world: World) -> bool:
    """Whether who is around `starter` (an ancestor that starts the process again) stops it: a service, or a container
    that lives and dies with it. Else it is for us to say how it is held."""
    group = starter.control_group
    if CONTAINERS.search(group.path):
        return lives_by(facts, starter, world)
    unit = (group.users_own or group).unit
    if len(starter.namespace_pids) > 1 or OTHERS.search(group.path):
        return True
    return unit.endswith(".service") and SSH_UNIT.fullmatch(unit) is None
