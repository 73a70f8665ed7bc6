"""One case, from a PID to the whole story."""

from dataclasses import replace

from runaway_watchdog import owners as ownership
from runaway_watchdog.explain.plan import plan
from runaway_watchdog.explain.prognosis import prognosis
from runaway_watchdog.explain.records import Records
from runaway_watchdog.model.casefile import CaseFile
from runaway_watchdog.world import World, procfs


def explain(world: World, records: Records, pid: int, asked_pid: int | None = None) -> CaseFile:
    """Explain a living process. Raises procfs.NoSuchProcessError, and Unanswered where it is hidden from us.

    `asked_pid` is the PID that somebody asked about, where that one died and `pid` took its place.
    """
    mark = procfs.cpu_mark(world.files, pid)  # the tenth of a second passes while the owners are asked
    facts, gaps = procfs.facts(world, pid)
    layers, owner_gaps = ownership.layers(facts, world)
    history = records.history(facts.process)
    steps, plan_gaps = plan(layers, world)
    cpu, since = records.cpu(facts.process, world.clock.now())
    if cpu is None:
        cpu = procfs.cpu_share(world, pid, mark)
    facts = replace(facts, cpu=cpu)
    return CaseFile(
        process=facts.process,
        cpu=cpu,
        owners=tuple(layer.owner for layer in layers),
        prognosis=prognosis(layers, history),
        history=history,
        plan=steps,
        gaps=tuple(dict.fromkeys((*gaps, *owner_gaps, *plan_gaps, *records.gaps()))),
        asked_pid=pid if asked_pid is None else asked_pid,
        since=since,
        host=world.host,
    )
