"""What each way of ending it would really do: the innermost owner that acts decides. Pure."""

from collections.abc import Sequence

from runaway_watchdog.model.casefile import History
from runaway_watchdog.model.owner import ACTIONS, Action, Outlook, Reason
from runaway_watchdog.owners import Layer, outlook

SEEN_ACTIONS: tuple[Action, ...] = ("sigterm", "sigkill")


def prognosis(layers: Sequence[Layer], history: History) -> tuple[Outlook, ...]:
    """One fate for each action, in the order of ACTIONS."""
    return tuple(_with_history(outlook(layers, action), history) for action in ACTIONS)


def _with_history(outlook: Outlook, history: History) -> Outlook:
    """What the watch saw outweighs what could not be told: it came back before, so it is likely to again."""
    told = outlook.returns is True or outlook.certainty == "certain"
    if told or not outlook.ends or not history.returns_seen or outlook.action not in SEEN_ACTIONS:
        return outlook
    times = "once" if history.returns_seen == 1 else f"{history.returns_seen} times"
    seen = Reason(f"but the watch saw it come back {times}", "seen")
    return outlook._replace(
        returns=True, after_s=history.shortest_s, certainty="likely", reasons=(*outlook.reasons, seen)
    )
