"""Which process is meant: a PID, or a name, port, container, unit or incident (`options.process`) that leads to one."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from runaway_watchdog.cli import PROGRAM, reading
from runaway_watchdog.explain.records import Recorded, Records
from runaway_watchdog.hostile import clean
from runaway_watchdog.linux import cmdline, net
from runaway_watchdog.linux.cgroup import called
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.shells import POSIX_SHELLS
from runaway_watchdog.patterns import given
from runaway_watchdog.world import Unanswered, World, processes, procfs
from runaway_watchdog.world.units import REFUSES_FROZEN, Unit, frozen, full_name

if TYPE_CHECKING:
    from runaway_watchdog.model.casefile import CaseFile


class Match(NamedTuple):
    """One process that fits what was asked."""

    pid: int
    name: str
    cmdline: tuple[str, ...]
    ppid: int = 0
    dead: bool = False  # and its parent has not asked for its exit code


Explain = Callable[[World, Records], "CaseFile"]


class Down(Exception):  # noqa: N818 - a turn of the story, not a fault
    """What was asked about has no process now; `explain` makes its case."""

    def __init__(self, explain: Explain) -> None:
        super().__init__()
        self.explain = explain


class SelectionError(Exception):
    """Nothing, or more than one thing, fits. `matches` lists them in the second case.

    `usage`: what was asked has to be asked otherwise, as against "there is no such process".
    """

    def __init__(self, message: str, matches: tuple[Match, ...] = (), *, usage: bool = False) -> None:
        super().__init__(message)
        self.matches = matches
        self.usage = usage or bool(matches)


def pid_of(options: argparse.Namespace, world: World, records: Records) -> int:
    """The one PID that the options name. Raises SelectionError, Down, Unanswered."""
    if options.pid is not None:
        return int(options.pid)
    if options.incident is not None:
        found = by_incident(records, options.incident)
        return _by_group(world, records, options.incident) if found is None else found.key.pid
    for option, find in _FINDERS.items():
        wanted = getattr(options, option)
        if wanted is not None:
            return find(world, wanted)
    raise SelectionError("say which process: a PID, or one of --name, --port, --container, --unit, --incident")


def by_incident(records: Records, incident: int) -> Recorded | None:
    """Whom the incident is about. Another process may have its PID by now. None: it is about no process alone."""
    return records.incident_process(incident)


def _by_group(world: World, records: Records, incident: int) -> int:
    """Who burns most in the group that the incident is about, or on the host; a restart loop is told as a whole.

    Raises SelectionError, Down.
    """
    about = records.incident_group(incident)
    if about is None:
        known = "".join(f"; {gap.problem}: {gap.fix}" for gap in records.gaps())
        raise SelectionError(f"no incident {incident} is recorded{known}")
    from runaway_watchdog.explain import down, named

    if about.burns and (pid := named.busiest_now(world, about.group)) is not None:
        return pid
    case = down.of_group(world, records, about.group) if about.group else None
    if case is not None:
        raise Down(lambda _world, _records: case)
    told = f"incident {incident} is about {clean(called(about.group), 200) or 'the host as a whole'}"
    raise SelectionError(f"{told}, where nothing runs now: `{PROGRAM} report {incident}` tells its story")


def _by_name(world: World, pattern: str) -> int:
    try:
        expression = given(pattern)
    except re.error as fault:
        message = f"--name: {clean(pattern, 80)!r} is not a regular expression: {fault}"
        raise SelectionError(message, usage=True) from fault
    ours = _ourselves(world)
    found = tuple(
        match
        for match in _processes(world)
        if match.pid not in ours and (expression.search(match.name) or expression.search(" ".join(match.cmdline)))
    )
    found = _without_starters(tuple(match for match in found if not match.dead) or found)
    asked = repr(clean(pattern, 80))
    if not found and procfs.hides(world.files) and os.geteuid() != 0:
        raise Unanswered(Gap("procfs", f"no process that is shown to you matches {asked} (hidepid)", procfs.SUDO))
    return _only(found, f"no process matches {asked}", f"{len(found)} processes match {asked}")


def _ourselves(world: World) -> set[int]:
    """This program, its parent, and whoever above was started with these very words: on a terminal sudo is two."""
    pid = os.getppid()
    found = {os.getpid(), pid}
    with suppress(OSError, ValueError):  # it went, or is hidden
        while pid > 1 and all(word in _words_of(world, pid) for word in sys.argv[1:]):
            found.add(pid)
            pid = procfs.stat_of(world.files, pid).ppid
    return found


def _words_of(world: World, pid: int) -> str:
    return " ".join(cmdline.parse(world.files.read(f"{procfs.PROC}/{pid}/cmdline")))


def _without_starters(found: tuple[Match, ...]) -> tuple[Match, ...]:
    """Without the shell that was only told to start another match, as cron's is: it bears the same words."""
    parents = {each.ppid for each in found}
    return tuple(
        each
        for each in found
        if each.pid not in parents or each.name not in POSIX_SHELLS or "-c" not in each.cmdline[1:2]
    )


def _only(found: tuple[Match, ...], nothing: str, several: str) -> int:
    if not found:
        raise SelectionError(nothing)
    if len(found) > 1:
        raise SelectionError(several, found)
    return found[0].pid


def _processes(world: World) -> Iterator[Match]:
    for pid in processes.pids(world.files):
        try:
            stat = procfs.stat_of(world.files, pid)
            words = cmdline.parse(world.files.read(f"{procfs.PROC}/{pid}/cmdline"))
        except (OSError, ValueError):
            continue  # it went while we looked
        yield Match(pid, stat.comm, words, stat.ppid, stat.state == "Z")


def _by_port(world: World, port: int) -> int:
    inodes = {each.inode for table in ("tcp", "tcp6") for each in _listeners(world, table) if each.port == port}
    if not inodes:
        raise SelectionError(f"nothing listens on TCP port {port} in this network namespace")
    links = {f"socket:[{inode}]" for inode in inodes}
    found = tuple(match for match in _processes(world) if links & _open_files(world, match.pid))
    if not found:
        mend = procfs.SUDO if os.geteuid() != 0 else reading.NO_PTRACE
        raise Unanswered(Gap("procfs", f"who listens on TCP port {port} could not be seen", mend))
    return _only(found, "", f"{len(found)} processes share the listening port {port}")


def _listeners(world: World, table: str) -> tuple[net.Listener, ...]:
    try:
        return net.parse_tcp(world.files.read(f"{procfs.PROC}/net/{table}"))
    except OSError:  # a kernel without IPv6
        return ()


def _open_files(world: World, pid: int) -> set[str]:
    folder = f"{procfs.PROC}/{pid}/fd"
    found = set()
    try:
        for name in world.files.names(folder):
            found.add(world.files.target(f"{folder}/{name}"))
    except OSError:  # another user's, or gone: the caller says so where nothing is found
        return found
    return found


def _by_container(world: World, name: str) -> int:
    """Docker's, or else Podman's: of root, or of whoever asks."""
    from runaway_watchdog.engines import docker

    no_answer = container = None
    try:
        container = docker.container(world, name)
    except Unanswered as unanswered:
        no_answer = unanswered
    if container is None:
        return _by_podmans(world, name, no_answer)
    if container.pid <= 0:
        from runaway_watchdog.explain import down

        stopped = container
        raise Down(lambda world, records: down.of_container(world, records, stopped))
    return container.pid


def _by_podmans(world: World, name: str, docker: Unanswered | None) -> int:
    """Raises `docker`, what the engine could not answer, where Podman does not know it either."""
    from runaway_watchdog.engines import podman

    try:
        container = podman.container(world, name)
    except Unanswered:  # no Podman here
        container = None
    if container is None and docker is not None:
        raise docker
    if container is None:
        raise SelectionError(f"the Docker Engine knows no container {clean(name, 80)!r}; `docker ps -a` lists them")
    if container.pid <= 0:
        raise SelectionError(f"Podman's container {clean(name, 80)} does not run: it has no process now")
    return container.pid


def _by_unit(world: World, name: str) -> int:
    full = full_name(name)
    unit = world.manager.unit(full)
    if unit is None:
        raise SelectionError(f"systemd has no unit {full} loaded; `systemctl list-units` lists them")
    if unit.main_pid > 0:
        return unit.main_pid
    if frozen(unit, world.files):
        raise SelectionError(_frozen(world, unit, full))
    if not full.endswith(".service") or unit.load_state != "loaded":
        raise SelectionError(f"{full} is {unit.active_state or 'not running'}: it has no main process now")
    from runaway_watchdog.explain import down

    stopped = unit
    raise Down(lambda world, records: down.of_unit(world, records, full, stopped))


def _frozen(world: World, unit: Unit, name: str) -> str:
    """What is left of a unit whose process was ended while it was frozen, and what still helps. Raises Unanswered."""
    state = f"{name} is {unit.active_state} ({unit.sub_state}) and marked as frozen, without a main process"
    release = world.manager.version()
    if release is None or release < REFUSES_FROZEN:
        return f"{state}; what {'may help' if release is None else 'helps'}: systemctl restart {name}"
    if unit.active_state == "activating":
        return (
            f"{state}: a kill ended that, and systemd {release} refuses to thaw, start and stop it until the next boot"
            f" (seen). `systemctl disable {name}` keeps it from being started then"
        )
    return (
        f"{state}: systemd {release} refuses to start it, until it forgets the unit, by a boot at the latest. What may"
        f" help before: systemctl disable {name}; systemctl reset-failed {name}; systemctl enable --now {name}"
    )


_FINDERS: dict[str, Callable[[World, object], int]] = {
    "name": lambda world, value: _by_name(world, str(value)),
    "port": lambda world, value: _by_port(world, int(str(value))),
    "container": lambda world, value: _by_container(world, str(value)),
    "unit": lambda world, value: _by_unit(world, str(value)),
}
