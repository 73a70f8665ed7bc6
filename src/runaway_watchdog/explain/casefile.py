"""One case, from a PID to the whole story."""

from runaway_watchdog import owners as ownership
from runaway_watchdog.explain import invariants, maintenance, queries, root_commands, taken, watchdogs, ways
from runaway_watchdog.explain.cause import cause
from runaway_watchdog.explain.changed import changed
from runaway_watchdog.explain.condition import condition
from runaway_watchdog.explain.doing import doing
from runaway_watchdog.explain.leftbehind import left_behind
from runaway_watchdog.explain.plan import plan
from runaway_watchdog.explain.prognosis import prognosis
from runaway_watchdog.explain.records import Records
from runaway_watchdog.explain.signs import signs
from runaway_watchdog.glance import Glance, waited_s
from runaway_watchdog.model.casefile import CaseFile, suspicious
from runaway_watchdog.world import World, procfs
from runaway_watchdog.world.activity import first_look

CROWDED_S = 0.015
"""A share of a core that was read while we waited longer than this for one is too small by a tenth and more."""


def explain(
    world: World, records: Records, pid: int, asked_pid: int | None = None, seen: Glance | None = None
) -> CaseFile:
    """Explain a living process. Raises procfs.NoSuchProcessError, and Unanswered where it is hidden from us.

    `asked_pid` is the PID that somebody asked about, where that one died and `pid` took its place. `seen` is the
    first of two looks at `pid`, where it was taken earlier.
    """
    # The tenth of a second until the second look passes while the owners are asked.
    mark = seen.mark if seen and seen.mark else procfs.cpu_mark(world.files, pid)
    first = first_look(world, pid, seen.activity if seen else None)
    facts, gaps = ownership.facts(world, pid)
    layers, owner_gaps = ownership.layers(facts, world)
    history = records.history(facts.process)
    layers = ownership.with_starters(ownership.respawned(layers, history, world), world)
    owners = tuple(layer.owner for layer in layers)
    behind, cause_gaps = cause(world, facts.process)
    found_signs = signs(world, facts, owners, history)
    orphan = left_behind(world, facts, owners[0])
    port = taken.held(world, layers) or taken.needed(world, layers)
    way_out, plan_gaps = plan(layers if port is None else taken.unfrozen(layers), world)
    way_out = ways.adapted(way_out, layers[0], behind, orphan, found_signs, world)
    innocent = not suspicious(found_signs)
    way_out = taken.adapted(way_out, port, facts.process) if innocent else way_out
    goal, steps = watchdogs.spared(way_out.goal, way_out.steps, layers)
    way_out = way_out._replace(goal=goal, steps=steps)
    told, odd = prognosis(layers, history), condition(world.files, facts.process, owners)
    at_work = maintenance.at_work(world.files, facts)
    odd = (*odd, *taken.told(port, facts.process), *maintenance.told(at_work))
    cpu, since = records.cpu(facts.process, world.clock.now())
    lately = changed(world, facts, owners, since)
    if seen is not None and waited_s() - seen.waited_s > CROWDED_S:
        # Too few cores for everybody: our own work took one from the process. So both looks are taken now.
        mark, first = procfs.cpu_mark(world.files, pid), first_look(world, pid)
    if cpu is None:
        cpu = procfs.cpu_share(world, pid, mark)  # last, since it waits for what is left of its time
    does = doing(world, pid, first)
    way_out = queries.adapted(way_out, layers[0], does, world) if innocent else way_out
    if since is None and cpu is not None:
        way_out = ways.of_idle(way_out, cpu, does)
    way_out = maintenance.adapted(way_out, at_work, facts.process) if innocent else way_out
    way_out, broken = invariants.checked(way_out, root_commands.others(world))
    return CaseFile(
        process=facts.process,
        cpu=cpu,
        owners=tuple(layer.told() for layer in layers),
        prognosis=told,
        history=history,
        plan=way_out,
        gaps=tuple(dict.fromkeys((*gaps, *owner_gaps, *cause_gaps, *plan_gaps, *broken, *records.gaps()))),
        asked_pid=pid if asked_pid is None else asked_pid,
        since=since,
        host=world.host,
        condition=odd,
        signs=found_signs,
        cause=behind,
        left_behind=orphan,
        doing=does,
        changed=lately,
    )
