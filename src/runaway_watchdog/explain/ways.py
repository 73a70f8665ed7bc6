"""The plan, where the way out is not the owner's: at the one who causes the work, for all copies, or with evidence."""

from collections.abc import Sequence
from shlex import quote
from typing import Final

from runaway_watchdog import owners, owners as ownership
from runaway_watchdog.explain import intrusion, leftbehind, root_commands
from runaway_watchdog.explain.cause import Innocent, innocent
from runaway_watchdog.model.casefile import Cause, LeftBehind, Sign, suspicious
from runaway_watchdog.model.container import DOCKER_KINDS
from runaway_watchdog.model.doing import Doing
from runaway_watchdog.model.plan import ByEye, Containment, Plan, Prints, Step
from runaway_watchdog.model.process import CpuShare, Process
from runaway_watchdog.owners import Layer
from runaway_watchdog.owners.common import shims
from runaway_watchdog.owners.starters import acting
from runaway_watchdog.world import Unanswered, World, procfs

USED_PERCENT: Final = 1.0
"""Of a core; below it a process waits: its own timers and threads wake it up."""
IDLE: Final = "It uses no CPU: nothing to do."


def adapted(
    plan: Plan, layer: Layer, cause: Cause | None, orphan: LeftBehind | None, signs: Sequence[Sign], world: World
) -> Plan:
    """`plan`, or a better one for the innermost layer's process. Who works for others is never told to stop."""
    process = layer.facts.process
    # of a container the engine confirmed that this is its shim: what it does is that container's
    known = None if layer.owner.kind in DOCKER_KINDS or shims.is_one(layer.facts) else innocent(process)
    if known is not None:
        return _at_the_source(plan, process, known, cause, world)
    if orphan is not None and (containment := leftbehind.containment(orphan, layer.facts)) is not None:
        containment = acting.containment(containment, layer.starters)
        plan = plan._replace(
            goal=containment.goal, steps=containment.steps, remaining_triggers=containment.remaining_triggers
        )
    if suspicious(signs):
        lines = tuple(
            each for each in plan.steps if ownership.KINDS[layer.owner.kind].by_the_clock and _holds_a_line(each)
        )
        return intrusion.adapted(plan, process, signs, world, (*lines, *acting.closing(layer.starters)))
    return plan


def _holds_a_line(step: Step) -> bool:
    """What keeps a line from starting the next copy: it touches nothing that runs, and is undone."""
    return step.phase == "hold" and step.risk == "none" and step.undo is not None


def of_idle(plan: Plan, cpu: CpuShare, doing: Doing | None) -> Plan:
    """`plan`, or the word that nothing has to be done: it waits, and neither it nor its children used any CPU."""
    if cpu.percent >= USED_PERCENT or doing is None or doing.kind != "waiting" or not plan.steps:
        return plan
    return plan._replace(goal=f"{IDLE} If you must stop it: {plan.goal}")


def _at_the_source(plan: Plan, process: Process, known: Innocent, cause: Cause | None, world: World) -> Plan:
    plan = plan._replace(remaining_triggers=(), hardening=())  # those of its own owner, which is not to blame
    look = Step(
        "Look who it works for", known.look, "only reads", "none", None, ByEye("one name stands out"), phase="look"
    )
    if cause is None:
        goal = f"Leave {process.name} alone and find who makes it work: it {known.what}"
        return plan._replace(goal=goal, steps=(look,))
    goal = f"Leave {process.name} alone and look at the cause, {cause.name}"
    containment = _held(cause, world) if cause.to_blame else None
    if containment is None or not containment.steps:
        return plan._replace(goal=goal, steps=(look,))
    return plan._replace(
        goal=f"{goal}. {containment.goal}", steps=containment.steps, remaining_triggers=containment.remaining_triggers
    )


def _held(cause: Cause, world: World) -> Containment | None:
    """How the cause is held: as its own case would say, or its unit where no process of it lives just now."""
    try:
        if cause.pid is not None:
            facts, _ = owners.facts(world, cause.pid)
            layers, _ = ownership.layers(facts, world)
            return root_commands.contained(ownership.with_starters(layers, world), world)
    except (procfs.NoSuchProcessError, Unanswered):
        pass
    return (
        None if cause.unit is None else Containment(f"Stop {cause.unit} until somebody starts it", (_stop(cause.unit),))
    )


def _stop(unit: str) -> Step:
    return Step(
        "Stop the unit",
        f"systemctl stop {quote(unit)}",
        "systemd ends it, and Restart= does not act on a stop; its file stays",
        "interrupts",
        f"systemctl start {quote(unit)}",
        Prints(f"systemctl is-active {quote(unit)}", ("inactive", "failed")),
    )
