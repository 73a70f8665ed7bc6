"""Where a unit has to say that it lives (`WatchdogSec=`), none of its processes is stopped by a signal.

The unit's own steps know that; this is for those of whoever keeps a process inside of it.
"""

from collections.abc import Sequence

from runaway_watchdog.model.plan import Step
from runaway_watchdog.owners import Layer
from runaway_watchdog.owners.steps import single
from runaway_watchdog.owners.systemd.containment import NOT_STILL
from runaway_watchdog.owners.systemd.details import service_of


def spared(goal: str, steps: tuple[Step, ...], layers: Sequence[Layer]) -> tuple[str, tuple[Step, ...]]:
    """The same with the process slowed down, where it would have been stopped below a watchdog."""
    process = layers[0].facts.process
    still = [step for step in steps if step._replace(phase="relieve") == single.freeze(process)]
    if not still or not any(_watches(layer) for layer in layers):
        return goal, steps
    at = steps.index(still[0])
    slower = tuple(step._replace(phase=still[0].phase) for step in single.renice(process))
    others = (step for step in steps[at:] if step not in still)
    return f"{goal}{NOT_STILL}", (*steps[:at], *slower, *others)


def _watches(layer: Layer) -> bool:
    """A service with a watchdog, and a process that is right in it: a container's has a group of its own."""
    unit, group = service_of(layer.owner), layer.facts.process.control_group
    inner = group.users_own or group
    return unit is not None and unit.watchdog_s is not None and inner.unit == layer.owner.name
