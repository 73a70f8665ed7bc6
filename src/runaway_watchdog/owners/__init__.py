"""Who keeps a process alive: one file for each kind of owner, which answers four questions (owners/interface.py).

Owners are layers, not alternatives: the innermost that acts decides, the next is told as what happens when that one
goes. Two tables hold them, each in the order in which they are asked.

`INSIDE`: whatever would start this process again is another process beside it, inside the same container or unit: a
supervisor, cron, a master of workers, a shell's loop. The nearest one up the line of ancestors comes first, and the
next layers are those of that one's own process. For one process the most particular comes first:

    supervisord, supervise (runit, s6, daemontools), pm2, circus, forever
                a child of one of these is its, whatever it is by itself
    cron, at    what they started, also where its shell is gone
    sysv        the lines of an inittab, where PID 1 is no systemd
    app_master  a program's own parent that starts its workers: its child is the same program
    shell_loop  any shell that runs a script or a line, until its text shows that no loop is in it
    respawner   a parent of any kind, only once the watch has seen it start this one again
    monit       a mark in the environment, which children inherit: whoever runs above a process is nearer

`AROUND`: whose room the process is in, by its cgroup. Exactly one claims:

    kernel      a kernel thread belongs to no one else, and everything below would misread its empty cgroup
    terminal    a login's scope, and what a tmux, a screen or an ssh holds where no manager's group says more
    foreign     another engine's or machine's cgroup: what is inside must never be taken for a unit of this host
    image_build the step of a build by BuildKit is a container of dockerd's that Docker does not list
    docker      a container's scope is a unit too, but systemd does not act on it: Docker does
    controller  no process's own: the layer between a container and its engine
    podman      as docker; where a unit runs the container, that is the layer around it
    systemd_user  a service of a user's own manager, which lives inside one of the system's
    systemd     services and scopes
    unmanaged   what nobody claimed
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from runaway_watchdog.model.casefile import History
from runaway_watchdog.model.container import SHORT_ID
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Certainty, Claim, Deferred, Outlook, Owner as Told, Reason, reasons
from runaway_watchdog.model.plan import Containment, Step
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners import (
    app_master,
    circus,
    foreign,
    forever,
    image_build,
    kernel,
    monit,
    pm2,
    respawner,
    shell_loop,
    supervise,
    sysv,
    terminal,
    unmanaged,
)
from runaway_watchdog.owners.common.partly import PartlyAnswered
from runaway_watchdog.owners.cron import at, job as cron
from runaway_watchdog.owners.docker import container as docker, controller
from runaway_watchdog.owners.interface import Around, Inside, Kind, Layered, Owner, Unread
from runaway_watchdog.owners.podman import container as podman
from runaway_watchdog.owners.starters import acting
from runaway_watchdog.owners.starters.details import Starter
from runaway_watchdog.owners.steps import single
from runaway_watchdog.owners.supervisord import program as supervisord
from runaway_watchdog.owners.systemd import service as systemd, user_service as systemd_user
from runaway_watchdog.world import Unanswered, World, procfs


class Layer(NamedTuple):
    """One owner, with the facts of the process that it is asked about: the supervised one, then its supervisor …"""

    owner: Owner
    facts: Facts
    starters: tuple[Starter, ...] = ()  # who else starts it, where that was looked for
    all_seen: bool = True  # whether none of them could hide where we may not read

    def told(self) -> Told:
        """As the case file keeps it, with its second starters."""
        told = self.owner.told()
        if not self.starters:
            return told
        facts = {**told.facts, "second_starters": [f"{each.name}: {each.runs}" for each in self.starters]}
        return told._replace(facts=facts, evidence=(*told.evidence, *(each.evidence for each in self.starters)))


LONG_ID = re.compile(r"[0-9a-f]{64}")

INSIDE: tuple[Inside, ...] = (
    supervisord,
    supervise,
    pm2,
    circus,
    forever,
    cron,
    at,
    sysv,
    app_master,
    shell_loop,
    respawner,
    monit,
)
AROUND: tuple[Around, ...] = (
    kernel,
    terminal,
    foreign,
    image_build,
    docker,
    controller,
    podman,
    systemd_user,
    systemd,
    unmanaged,
)
BY_KIND: dict[str, Inside] = {each.name: kind for kind in (*INSIDE, *AROUND) for each in kind.KINDS}
KINDS: dict[str, Kind] = {each.name: each for kind in (*INSIDE, *AROUND) for each in kind.KINDS}
MARKS = frozenset(mark for kind in KINDS.values() for mark in kind.marks)
LAYERED: tuple[Layered, ...] = (foreign, docker, controller, podman, systemd_user, systemd)
OUTER: dict[str, Layered] = {each.name: kind for kind in LAYERED for each in kind.KINDS}
MOST_LAYERS = 16
"""Of supervisors within supervisors; a longer line of ancestors would be a loop of ours."""


def facts(world: World, pid: int) -> tuple[Facts, tuple[Gap, ...]]:
    """The process, its ancestors and what its managers wrote into its environment, with what could not be read.

    Raises procfs.NoSuchProcessError; Unanswered where /proc hides it.
    """
    return procfs.facts(world, pid, MARKS)


def layers(facts: Facts, world: World) -> tuple[tuple[Layer, ...], tuple[Gap, ...]]:
    """Every owner of the process, innermost first, and what could not be asked. Never empty."""
    found: list[Layer] = []
    gaps: list[Gap] = []
    subject = facts
    while len(found) < MOST_LAYERS and (supervised := _supervised(subject, world, gaps)) is not None:
        owner, manager_pid = supervised
        found.append(Layer(owner, subject))
        manager = _facts_of(manager_pid, subject, world)
        if manager is None:
            break
        subject = manager
    around: Claim | None = _around(subject)
    while around is not None:
        layer = Layer(_asked(around, subject, world, gaps), subject)
        found.append(layer)
        layered = OUTER.get(around.kind)
        around = None if layered is None else layered.outer(layer.owner)
        if around is not None and (manager := _facts_of(around.manager_pid, subject, world)) is not None:
            subject, around = manager, _around(manager)
    return tuple(found), tuple(gaps)


def respawned(found: Sequence[Layer], history: History, world: World) -> tuple[Layer, ...]:
    """The same below the parent that the watch has seen to start the process again, where no layer tells who does."""
    known = outlook(found, "sigkill")
    owner = None if known.returns or known.certainty == "certain" else respawner.seen(found[0].facts, history, world)
    if owner is None or (above := _facts_of(owner.details.parent.pid, found[0].facts, world)) is None:
        return tuple(found)
    return (Layer(owner, found[0].facts), *layers(above, world)[0])


def with_starters(layers: Sequence[Layer], world: World) -> tuple[Layer, ...]:
    """The same with whoever starts one of them beside its owner: crontabs, units, files of logins …"""
    from runaway_watchdog.owners.starters import layered  # what no list of processes needs

    line = (layers[0].facts.process, *layers[0].facts.ancestors)
    ours = [*(each.owner.name for each in layers), *(str(each.pid) for each in line)]
    try:
        all_seen = world.startup.found().whole
        found = (
            layered.starters(each.owner, each.facts, ours, world, innermost=not number)
            for number, each in enumerate(layers)
        )
        return tuple(Layer(*each[:2], more, all_seen) for each, more in zip(layers, found, strict=True))
    except Unanswered:
        return tuple(layers)


def claimed(facts: Facts) -> Claim:
    """Who claims the process first; nobody is asked."""
    return next(_inside(facts), None) or _around(facts)


def _around(facts: Facts) -> Claim:
    return next(claim for kind in AROUND if (claim := kind.claim(facts)) is not None)


def _supervised(facts: Facts, world: World, gaps: list[Gap]) -> tuple[Owner, int | None] | None:
    """The nearest supervisor that does not disown the process, and that supervisor's PID."""
    for claim in _inside(facts):
        owner = _ask(claim, facts, world, gaps)
        if owner is not None:
            return owner, claim.manager_pid
    return None


def _inside(facts: Facts) -> Iterator[Claim]:
    """Who may supervise the process, or the ancestor that it belongs to, within the same room; the nearest first."""
    for subject in _line(facts):
        for kind in INSIDE:
            claim = kind.claim(subject)
            if claim is not None:
                yield claim


def _line(facts: Facts) -> Iterator[Facts]:
    """The process and its ancestors, each with those above it, as far as they are in the same container."""
    yield facts
    inner = len(facts.process.namespace_pids)
    for index, ancestor in enumerate(facts.ancestors):
        if len(ancestor.namespace_pids) != inner or ancestor.pid == 1:
            return
        yield facts._replace(process=ancestor, ancestors=facts.ancestors[index + 1 :], marks=())


_read = facts


def _facts_of(pid: int | None, facts: Facts, world: World) -> Facts | None:
    """The manager's own facts; None where it is no ancestor, or gone by now."""
    if pid is None or pid not in (each.pid for each in facts.ancestors):
        return None
    try:
        found, _ = _read(world, pid)
    except (procfs.NoSuchProcessError, Unanswered):
        return None
    return found


def _ask(claim: Claim, facts: Facts, world: World, gaps: list[Gap]) -> Owner | None:
    try:
        return BY_KIND[claim.kind].inspect(claim, facts, world)
    except PartlyAnswered as partly:
        gaps.append(partly.gap)
        return partly.owner
    except Unanswered as unanswered:
        gaps.append(unanswered.gap)
        return _unread(claim, unanswered.gap)


def _asked(claim: Claim, facts: Facts, world: World, gaps: list[Gap]) -> Owner:
    """Of an AROUND kind, which disowns nothing."""
    owner = _ask(claim, facts, world, gaps)
    if owner is None:
        raise TypeError(f"{claim.kind} disowns {claim.ref}")
    return owner


def _unread(claim: Claim, gap: Gap) -> Unread:
    name = claim.ref[:SHORT_ID] if LONG_ID.fullmatch(claim.ref) else claim.ref
    return Unread(claim.kind, name, claim.ref, claim.evidence, gap)


def outlook(layers: Sequence[Layer], action: Action) -> Outlook:
    """What becomes of the innermost layer's process, by the first layer that decides, and by who else starts it."""
    layer = layers[0]
    found = acting.outlook(_decided(layers, action), layer.starters, layer.owner, layer.facts)
    return found if layer.all_seen else acting.partly_seen(found)


def _decided(layers: Sequence[Layer], action: Action) -> Outlook:
    layer = layers[0]
    answer = BY_KIND[layer.owner.kind].outlook(layer.owner, layer.facts, action)
    if isinstance(answer, Outlook):
        return answer
    if len(layers) == 1:
        why = reasons((answer.why, "who would act then is not known"))
        return Outlook(action, answer.ends, None, None, None, "unknown", why)
    return _along(answer, outlook(layers[1:], answer.action), action)


def _along(answer: Deferred, then: Outlook, action: Action) -> Outlook:
    """The next layer's future, as this one's process shares in it."""
    why = (Reason(answer.why), *(each._replace(of="next") for each in then.reasons))
    if not (answer.ends or then.ends):
        return Outlook.goes_on(action, then.certainty, then.reasons)
    if not then.returns or answer.along is False:
        returns = None if then.returns is None and answer.along is not False else False
        certainty: Certainty = "unknown" if returns is None else then.certainty
        return Outlook(action, True, returns, None if returns is False else then.by, None, certainty, why)
    if answer.along is None:
        return Outlook.not_known(action, why, by=then.by)
    after_s = None if then.after_s is None else then.after_s + answer.more_s
    return Outlook.comes_back(action, answer.by or then.by, then.certainty, why, after_s=after_s)


def contain(layers: Sequence[Layer]) -> Containment:
    """How the innermost layer that can be held is stopped for good. Where its owner has no way to take the pressure
    off first (a limit, a pause), the process itself is frozen."""
    for number, layer in enumerate(layers, 1):
        containment = BY_KIND[layer.owner.kind].contain(layer.owner, layer.facts)
        if containment is not None:
            relieved = single.relieved(containment, layers[0].facts.process)
            whole = _last_resort(layers[number:]) if containment.part else ()
            others = [each for held in layers[:number] for each in held.starters]
            return acting.containment(relieved._replace(steps=(*relieved.steps, *whole)), others)
    return Containment("Nothing: whoever keeps it alive offers no way to stop it that could be undone", ())


def _last_resort(layers: Sequence[Layer]) -> Iterator[Step]:
    """The steps that stop all of it; what only takes the pressure off was done for the part."""
    for step in contain(layers).steps if layers else ():
        if step.phase != "relieve":
            yield step._replace(title=f"{step.title}: all of {layers[0].owner.name}").as_last_resort()
