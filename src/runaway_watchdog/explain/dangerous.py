"""The commands that people reach for when something comes back once more, and what each would destroy or hit here.

Judged by the same effects as the preflight: a command is told only where it really would lose data, delete its own
definition, or end what belongs to others. Only what a plain `explain` can afford is asked: two lists of the engine,
sizes within one time limit for all commands together, and the names of the processes.
"""

import re
from collections.abc import Iterator, Sequence
from shlex import quote
from typing import Any, cast

from runaway_watchdog import owners
from runaway_watchdog.effects import HostState
from runaway_watchdog.effects.docker.volumes import SIZING_S
from runaway_watchdog.linux import stat
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.container import DOCKER_KINDS
from runaway_watchdog.model.effect import Effect, Size
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Claim
from runaway_watchdog.model.plan import Dangerous
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners import Layer
from runaway_watchdog.owners.cron.details import AnacronJob, Job
from runaway_watchdog.owners.interface import Owner, Read
from runaway_watchdog.owners.systemd.details import plain_service_of
from runaway_watchdog.world import Files, Unanswered, World, processes, procfs

MOST_NAMESAKES = 4
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{1,14}")
"""What pkill finds as it is: no mark of a regular expression, and no longer than the kernel keeps a name."""


class _SizedOnce:
    """Files whose sizes are counted once for all commands, and within one time limit."""

    def __init__(self, world: World) -> None:
        self._files, self._clock = world.files, world.clock
        self._sizes: dict[str, Size] = {}
        self._deadline: float | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)

    def size(self, path: str, limit_s: float) -> Size:
        if path not in self._sizes:
            now = self._clock.monotonic()
            self._deadline = now + SIZING_S if self._deadline is None else self._deadline
            left = max(0.0, round(self._deadline - now, 1))
            self._sizes[path] = self._files.size(path, min(limit_s, left))
        return self._sizes[path]


def dangers(layers: Sequence[Layer], world: World) -> tuple[tuple[Dangerous, ...], tuple[Gap, ...]]:
    """The warnings from every layer, those that lose data first; and what could not be looked up."""
    world = world._replace(files=cast(Files, _SizedOnce(world)))
    found: list[Dangerous] = []
    gaps: list[Gap] = []
    containers = (layer.owner for layer in layers if layer.owner.kind in DOCKER_KINDS)
    container = next((owner for owner in containers if isinstance(owner, Read)), None)
    if container is not None:
        try:
            from runaway_watchdog.explain import dangerous_docker  # all of Docker's effects, for containers alone

            found += dangerous_docker.dangers(container, world)
        except Unanswered as unanswered:
            gaps.append(unanswered.gap)
    for layer in layers:
        found += _unit_file(layer.owner, world)
        found += _crontab(layer.owner, world)
    try:
        found += _by_name(layers, world)
    except Unanswered as unanswered:
        gaps.append(unanswered.gap)
    return tuple(sorted(found, key=lambda each: not any(lost.data_lost for lost in each.would_lose))), tuple(gaps)


# --- files -------------------------------------------------------------------------------------------------------


def _unit_file(owner: Owner, world: World) -> tuple[Dangerous, ...]:
    """Deleting the unit file leaves the process running and its definition gone."""
    unit = plain_service_of(owner)
    if unit is None or not unit.unit_file.startswith("/etc/") or unit.link_target:
        return ()  # a link is not the definition, which lies elsewhere
    path = unit.unit_file
    try:
        size = Size(len(world.files.read(path).encode("utf-8", "surrogateescape")))
    except OSError:
        size = Size(None)
    lost = Effect("delete", "path", path, True, "it defines the service", size, (owner.name,))
    why = "the running process stays, and what this file says of the service is gone: no command brings it back"
    return (Dangerous(f"rm {quote(path)}", why, (lost,)),)


def _crontab(owner: Owner, world: World) -> Iterator[Dangerous]:
    """`crontab -r` takes the user's other jobs along, without a question."""
    job = owner.details if isinstance(owner, Read) else None
    table = job.source if isinstance(job, Job | AnacronJob) else None
    if table is None or not table.of_user:
        return
    from runaway_watchdog.effects.host import cron  # for a user's job alone

    user = table.user
    words = ("crontab", "-u", user, "-r")
    line = " ".join(map(quote, words))
    outcome = cron.effects(Command(tuple(Word(each, each) for each in words), text=line), HostState(), world)
    lost = tuple(each for each in outcome.effects if each.data_lost)
    if lost:
        yield Dangerous(line, f"it deletes every job of {user}, without a question and without a copy", lost)


# --- by name -----------------------------------------------------------------------------------------------------


def _by_name(layers: Sequence[Layer], world: World) -> Iterator[Dangerous]:
    """`pkill NAME`, where it would end processes of other owners too. Raises Unanswered."""
    facts = layers[0].facts
    name = facts.process.name
    if not PLAIN_NAME.fullmatch(name) or facts.process.kernel_thread or not facts.process.alive:
        return
    ours = {_room(owners.claimed(layer.facts)) for layer in layers}
    above = {each.pid for each in facts.ancestors}
    others = [
        each.process.pid
        for each in _namesakes(facts.process, world)
        if _room(owners.claimed(each)) not in ours and each.process.pid not in above
    ]
    if not others:
        return
    from runaway_watchdog.effects.host import (
        signalled,  # 20 ms, only where there are such processes
        signals,
    )

    effects = signalled.by_signal(others, signals.TERM, HostState(), world).effects
    hit = tuple(each for each in effects if each.verb != "change")  # what goes on as before is not hit
    gone = [each for each in hit if each.type == "process"]
    if gone:
        more = " or more" if len(others) == MOST_NAMESAKES else ""
        count = "another process" if len(gone) == 1 else f"{len(gone)}{more} other processes"
        named = ", ".join(" in ".join((each.name, *each.used_by)) for each in gone[:2])
        yield Dangerous(f"pkill {name}", f"it ends {count} of that name too: {named}", hit)


def _room(claim: Claim) -> str:
    """What tells two owners apart."""
    return f"{claim.kind} {claim.ref}"


def _namesakes(process: Process, world: World) -> Iterator[Facts]:
    """Other processes whose names hold this one, as pkill looks for it; those of other control groups first, and few:
    each costs a millisecond."""
    try:
        pids = [int(each) for each in world.files.names(procfs.PROC) if each.isdigit() and int(each) != process.pid]
    except OSError:
        return
    alike = [pid for pid in sorted(pids) if process.name in _name(pid, world)]
    alike.sort(key=lambda pid: processes.cgroup_of(world.files, pid) == process.cgroup)
    for pid in alike[:MOST_NAMESAKES]:
        try:
            facts, _ = owners.facts(world, pid)
        except (procfs.NoSuchProcessError, Unanswered):
            continue
        if not facts.process.kernel_thread:
            yield facts


def _name(pid: int, world: World) -> str:
    """As the kernel keeps it; "" where it is gone."""
    try:
        return stat.comm(world.files.read(f"{procfs.PROC}/{pid}/stat"))
    except (OSError, ValueError):
        return ""
