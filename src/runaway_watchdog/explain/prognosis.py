"""What each way of ending it would really do: the innermost owner that acts decides. Pure."""

from collections.abc import Sequence

from runaway_watchdog.model.casefile import History
from runaway_watchdog.model.owner import ACTIONS, Action, Fate
from runaway_watchdog.owners import Layer, fate

SEEN_ACTIONS: tuple[Action, ...] = ("sigterm", "sigkill")


def prognosis(layers: Sequence[Layer], history: History) -> tuple[Fate, ...]:
    """One fate for each action, in the order of ACTIONS."""
    return tuple(_with_history(fate(layers, action), history) for action in ACTIONS)


def _with_history(fate: Fate, history: History) -> Fate:
    """What the watch saw outweighs what could not be told: it came back before, so it is likely to again."""
    told = fate.returns is True or fate.certainty == "certain"
    if told or not fate.ends or not history.returns_seen or fate.action not in SEEN_ACTIONS:
        return fate
    times = "once" if history.returns_seen == 1 else f"{history.returns_seen} times"
    why = f"{fate.why}; but the watch saw it come back {times}"
    return fate._replace(returns=True, after_s=history.shortest_s, certainty="likely", why=why)
