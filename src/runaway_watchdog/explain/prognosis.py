"""What each way of ending it would really do: the innermost owner that acts decides. Pure."""

from collections.abc import Sequence

from runaway_watchdog.model.casefile import History
from runaway_watchdog.model.owner import ACTIONS, Action, Outlook, Reason
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners import Layer, outlook
from runaway_watchdog.owners.systemd.details import service_of
from runaway_watchdog.owners.unmanaged import started_by

SEEN_ACTIONS: tuple[Action, ...] = ("sigterm", "sigkill")
SOONER_S = 1.0
"""A return that was seen so much before its owner's delay has passed is another one's."""


def prognosis(layers: Sequence[Layer], history: History) -> tuple[Outlook, ...]:
    """One fate for each action, in the order of ACTIONS."""
    return tuple(_with_history(outlook(layers, action), layers, history) for action in ACTIONS)


def _with_history(outlook: Outlook, layers: Sequence[Layer], history: History) -> Outlook:
    """What the watch saw outweighs what could not be told: it came back before, so it is likely to again."""
    return _sooner(_told_by_history(outlook, layers, history), layers, history)


def _sooner(found: Outlook, layers: Sequence[Layer], history: History) -> Outlook:
    """RestartSec= is waited for: what was back before that was started by another one, which acts after a stop too."""
    unit, seen_s = service_of(layers[0].owner), history.shortest_s
    delay_s = None if unit is None or layers[0].owner.policy == "no" else unit.restart_after_s
    if seen_s is None or delay_s is None or seen_s + SOONER_S > delay_s or not found.ends:
        return found
    by_policy = found.returns and found.after_s == delay_s
    if not by_policy and (found.returns or found.action != "owner-stop"):
        return found
    text = f"but it was back {seen_s:g} s after an end, and RestartSec={delay_s:g} waits longer: another one started it"
    why = (*found.reasons, Reason(text, "seen"))
    if found.returns is False and history.returns_seen < 2:  # one may have been a person's `systemctl restart`
        return found._replace(certainty="likely", reasons=why)
    return found._replace(returns=True, by=None, after_s=seen_s, certainty="likely", reasons=why)


def _told_by_history(outlook: Outlook, layers: Sequence[Layer], history: History) -> Outlook:
    told = outlook.returns is True or outlook.certainty == "certain"
    if told or not outlook.ends or not history.returns_seen or outlook.action not in SEEN_ACTIONS:
        return outlook
    times = "once" if history.returns_seen == 1 else f"{history.returns_seen} times"
    seen = Reason(f"but the watch saw it come back {times}", "seen")
    by, why = outlook.by or _parent(layers[0].facts), (*outlook.reasons, seen)
    return outlook._replace(returns=True, by=by, after_s=history.shortest_s, certainty="likely", reasons=why)


def _parent(facts: Facts) -> str | None:
    """Who started the one that runs now, where that one is in the same container and may have done it by itself."""
    started = started_by(facts)
    parent = None if started.nothing_again else started.parent
    if parent is None or len(parent.namespace_pids) != len(facts.process.namespace_pids):
        return None
    return f"{parent.name} ({parent.pid})"
