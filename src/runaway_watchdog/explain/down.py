"""A container without a process: the engine waits before it starts it again, or it is stopped.

Told as a case whose process is dead and has no PID (0 inside, null in JSON: `kill 0` ends the caller's own group).
"""

from runaway_watchdog import owners as ownership
from runaway_watchdog.engines.fields import moment
from runaway_watchdog.engines.model import Inspected
from runaway_watchdog.explain.plan import plan
from runaway_watchdog.explain.prognosis import prognosis
from runaway_watchdog.explain.records import Records
from runaway_watchdog.model.casefile import CaseFile
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.world import World, procfs


def explain_down(world: World, records: Records, container: Inspected) -> CaseFile:
    """`container` has no process. Raises Unanswered."""
    facts = Facts(_last_process(container, world), (), (), None)
    layers, owner_gaps = ownership.layers(facts, world)
    history = records.history(facts.process)
    way_out, plan_gaps = plan(layers, world)
    return CaseFile(
        process=facts.process,
        cpu=None,
        owners=tuple(layer.owner.told() for layer in layers),
        prognosis=prognosis(layers, history),
        history=history,
        plan=way_out,
        gaps=tuple(dict.fromkeys((*owner_gaps, *plan_gaps, *records.gaps()))),
        asked_pid=0,
        host=world.host,
    )


def _last_process(container: Inspected, world: World) -> Process:
    """What ran in it last, as far as the engine tells; in the cgroup that it had."""
    return Process(
        key=ProcKey(procfs.boot_id(world.files), 0, 0),
        name=container.words[0].rpartition("/")[2],
        state="dead",
        ppid=0,
        started_at=max(0.0, moment(container.started)),
        exe=None,
        cmdline=container.words,
        uid=0,
        user=container.user or "root",
        nice=0,
        cgroup=f"/docker/{container.id}",
        kernel_thread=False,
        namespace_pids=(),
        sigterm="unknown",
        session=0,
        alive=False,
    )
