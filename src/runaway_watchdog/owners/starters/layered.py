"""What a second starter has to name, for one layer of ownership."""

import os.path
from collections.abc import Collection
from typing import Any

from runaway_watchdog.model.container import CONTAINER_KINDS, DOCKER_KINDS, SHORT_ID
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common.rooms import comes_with
from runaway_watchdog.owners.common.shells import base, shell
from runaway_watchdog.owners.interface import Owner, Read
from runaway_watchdog.owners.starters import reading
from runaway_watchdog.owners.starters.details import Starter
from runaway_watchdog.owners.starters.execs import Inside
from runaway_watchdog.owners.starters.naming import INTERPRETERS, Names, positional
from runaway_watchdog.owners.systemd.details import UsersService, service_of
from runaway_watchdog.world import World, procfs

EVERYBODYS = tuple(f"{root}{name}/" for root in ("", "/usr", "/usr/local") for name in ("/bin", "/sbin", "/lib"))
"""Folders of programs that many lines name: there the whole command line has to be the same."""


def starters(
    owner: Owner, facts: Facts, ours: Collection[str], world: World, *, innermost: bool
) -> tuple[Starter, ...]:
    """Of the layer's unit, and of the program of the innermost one. Raises Unanswered."""
    names = Names()
    service = service_of(owner)
    if service is not None:
        users = isinstance(owner, Read) and isinstance(owner.details, UsersService)
        whose = owner.details.whose.user if users and isinstance(owner, Read) else None
        names = names._replace(units=frozenset((owner.name,)), manager=whose)
    if isinstance(owner, Read) and owner.kind in CONTAINER_KINDS:
        names = names._replace(inside=_inside(owner, facts))
    elif innermost:
        names = _with_program(names, facts.process, world)
    if names == Names():
        return ()
    handlers = {} if service is None else service.handlers()
    return tuple(reading.starters(names, facts.process.user, ours, world, handlers))


def _inside(owner: Read[Any], facts: Facts) -> Inside:
    """Of what does not descend from the container's main process; its orphans in there have that for a parent."""
    details = owner.details
    line = (facts.process, *facts.ancestors)
    put = [each for each in line if len(each.namespace_pids) > 1 and each.pid != details.main_pid]
    if not put or facts.process.pid == details.main_pid or comes_with(facts, details.main_pid):
        return Inside()
    names = frozenset((details.container, owner.id, owner.id[:SHORT_ID]))
    compose = details.compose if owner.kind in DOCKER_KINDS else None
    lines = tuple(each.cmdline for each in put if each.cmdline)
    if compose is None:
        return Inside(names, lines=lines)
    return Inside(names, compose.service, compose.working_dir or "", lines)


def _with_program(names: Names, process: Process, world: World) -> Names:
    """Its file or its script; nothing of a container's, whose paths are its own."""
    if process.kernel_thread or process.pid <= 1 or len(process.namespace_pids) > 1 or not process.exe:
        return names
    script = _script(process)
    path = process.exe.removesuffix(" (deleted)") if script is None else _absolute(script, process, world)
    if path is None:
        return names
    if path.startswith(EVERYBODYS) and script is None:
        return names._replace(command=process.cmdline if len(process.cmdline) > 1 else ())
    return names._replace(programs=frozenset((path,)), arguments=_arguments(process, script))


def _arguments(process: Process, script: str | None) -> frozenset[str] | None:
    """Behind the program, or behind its script; None where it has written another title over them."""
    words = process.cmdline
    at = 0 if script is None else next((at for at, word in enumerate(words) if word == script), None)
    if at is None or (script is None and base(words[0] if words else "") != base(process.exe).partition(" ")[0]):
        return None
    return positional(words[at + 1 :])


def _script(process: Process) -> str | None:
    """What an interpreter runs; "" for one that runs no file; None for a program of its own."""
    started = shell(process)
    if started is not None:
        return started.text if started.way == "script" else ""
    if not INTERPRETERS.fullmatch(base(process.exe)):
        return None
    return next((word for word in process.cmdline[1:] if not word.startswith("-")), "")


def _absolute(script: str, process: Process, world: World) -> str | None:
    if script.startswith("/") or not script:
        return script or None
    try:
        return os.path.normpath(f"{world.files.target(f'{procfs.PROC}/{process.pid}/cwd')}/{script}")
    except OSError:
        return None
