"""The worst of the parts: destroys-data, then unknown, then interrupts, then nothing, then safe."""

from runaway_watchdog.model.effect import EXIT_CODES, Effect, Verdict
from runaway_watchdog.preflight.sequence import Preflight

__all__ = ("EXIT_CODES", "Verdict", "interrupts", "verdict")

INTERRUPTING = frozenset(("stop", "restart", "kill"))
REMOVED_IN_USE = frozenset(("container", "network", "unit", "process", "host"))


def verdict(preflight: Preflight) -> Verdict:
    """A line with an unknown part is never safe; nor is one that does nothing here and much elsewhere."""
    if preflight.lost:
        return "destroys-data"
    if preflight.unknown:
        return "unknown"
    if any(map(interrupts, preflight.effects)):
        return "interrupts"
    return "nothing" if preflight.nothing else "safe"


def interrupts(effect: Effect) -> bool:
    """Whether somebody who works with it would notice: it stops, goes, or is taken from under its users."""
    if effect.verb in INTERRUPTING:
        return True
    if effect.verb == "remove":
        return effect.type in REMOVED_IN_USE
    return effect.type == "path" and effect.verb in ("change", "delete") and bool(effect.used_by)
