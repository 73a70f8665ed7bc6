"""The reversible way out; what never to do here; and what makes the return harmless afterwards."""

from collections.abc import Sequence

from runaway_watchdog.explain import dangerous, hardening, invariants, root_commands, save
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.plan import Plan
from runaway_watchdog.owners import Layer
from runaway_watchdog.world import World


def plan(layers: Sequence[Layer], world: World) -> tuple[Plan, tuple[Gap, ...]]:
    """Steps from the innermost owner that can be held; warnings from every layer; and what could not be looked up."""
    containment = root_commands.contained(layers, world)
    dangers, gaps = dangerous.dangers(layers, world)
    steps = save.saved(containment, layers[0], world.files)
    advice = hardening.advice(layers, world)
    made = Plan(containment.goal, steps, dangers, containment.remaining_triggers, advice)
    made, broken = invariants.checked(made, root_commands.others(world))
    return made, (*gaps, *broken)
