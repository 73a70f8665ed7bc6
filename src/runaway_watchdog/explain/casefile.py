"""One case, from a PID to the whole story."""

from dataclasses import replace

from runaway_watchdog import owners as ownership
from runaway_watchdog.explain import ways
from runaway_watchdog.explain.cause import cause
from runaway_watchdog.explain.condition import condition
from runaway_watchdog.explain.leftbehind import left_behind
from runaway_watchdog.explain.plan import plan
from runaway_watchdog.explain.prognosis import prognosis
from runaway_watchdog.explain.records import Records
from runaway_watchdog.explain.signs import signs
from runaway_watchdog.model.casefile import CaseFile
from runaway_watchdog.world import World, procfs


def explain(world: World, records: Records, pid: int, asked_pid: int | None = None) -> CaseFile:
    """Explain a living process. Raises procfs.NoSuchProcessError, and Unanswered where it is hidden from us.

    `asked_pid` is the PID that somebody asked about, where that one died and `pid` took its place.
    """
    mark = procfs.cpu_mark(world.files, pid)  # the tenth of a second passes while the owners are asked
    facts, gaps = procfs.facts(world, pid)
    layers, owner_gaps = ownership.layers(facts, world)
    owners = tuple(layer.owner for layer in layers)
    history = records.history(facts.process)
    behind, cause_gaps = cause(world, facts.process)
    found_signs = signs(world, facts, owners, history)
    orphan = left_behind(world, facts, owners[0])
    way_out, plan_gaps = plan(layers, world)
    way_out = ways.adapted(way_out, facts.process, behind, orphan, found_signs, world)
    cpu, since = records.cpu(facts.process, world.clock.now())
    if cpu is None:
        cpu = procfs.cpu_share(world, pid, mark)
    facts = replace(facts, cpu=cpu)
    return CaseFile(
        process=facts.process,
        cpu=cpu,
        owners=owners,
        prognosis=prognosis(layers, history),
        history=history,
        plan=way_out,
        gaps=tuple(dict.fromkeys((*gaps, *owner_gaps, *cause_gaps, *plan_gaps, *records.gaps()))),
        asked_pid=pid if asked_pid is None else asked_pid,
        since=since,
        host=world.host,
        condition=condition(world.files, facts.process),
        signs=found_signs,
        cause=behind,
        left_behind=orphan,
    )
