"""The reversible way out; what never to do here; and what makes the return harmless afterwards."""

from collections.abc import Sequence

from runaway_watchdog.explain import afterwards, never, save
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.plan import Plan
from runaway_watchdog.owners import Layer, hold
from runaway_watchdog.world import World


def plan(layers: Sequence[Layer], world: World) -> tuple[Plan, tuple[Gap, ...]]:
    """Steps from the innermost owner that can be held; warnings from every layer; and what could not be looked up."""
    held = hold(layers)
    nevers, gaps = never.nevers(layers, world)
    steps = save.saved(held, layers[0])
    return Plan(held.goal, steps, nevers, held.still, afterwards.advice(layers, world)), gaps
