"""What the observer wants done. Whoever carries it out waits for nothing; a question comes back with its answer.

One small type for all but the questions, with a constructor for each kind: a type of its own takes five kilobytes of
the watch, for as long as it lives.
"""

from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple

from runaway_watchdog.model.events import CaseRequest, Death, Return
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import Sample
from runaway_watchdog.watch.events import Examination, Identification, Newcomers
from runaway_watchdog.watch.incidents import Change, Incident, Work
from runaway_watchdog.watch.lineage import Seen

Action = Literal[
    "log", "store process", "store death", "store return", "store figures", "store curves", "store lineage",
    "store incident", "store throttling", "ask usual use", "request case", "tell unexplained", "tell together",
]  # fmt: skip


class Effect(NamedTuple):
    """Something to be done, with all that is needed for it."""

    action: Action
    details: tuple[object, ...] = ()


Wanted = Effect | Identification | Newcomers | Examination


def log(level: Literal["info", "notice", "warning", "error"], event: str, values: Mapping[str, object]) -> Effect:
    """One line for the journal."""
    return Effect("log", (level, event, values))


def store_process(seen: Seen, hot_since: float) -> Effect:
    """It is tracked from now on; `hot_since` is seconds since the epoch."""
    return Effect("store process", (seen, hot_since))


def store_death(death: Death) -> Effect:
    """A tracked process has ended."""
    return Effect("store death", (death,))


def store_return(back: Return, seen: Seen) -> Effect:
    """The same work has come back as this process."""
    return Effect("store return", (back, seen))


def store_figures(sample: Sample, tracked: Collection[ProcKey]) -> Effect:
    """The newest CPU figures of the tracked processes."""
    return Effect("store figures", (sample, tracked))


def store_curves() -> Effect:
    """What was gathered of the host's and the groups' use since the last time."""
    return Effect("store curves")


def store_lineage(work: Work) -> Effect:
    """A suspect's work, under which its case leaves an explanation."""
    return Effect("store lineage", (work,))


def store_incident(change: Change, incident: Incident, summary: str = "") -> Effect:
    """An incident has changed; where it was opened or reopened, with one line about it."""
    return Effect("store incident", (change, incident, summary))


def store_throttling(incident: Incident, limit: float | None, percent: float) -> Effect:
    """Its group has run into its limit (percent of one core) for the first time, in `percent` of the periods."""
    return Effect("store throttling", (incident, limit, percent))


def ask_usual_use(group: str) -> Effect:
    """What does this group use at this hour? Comes back as `UsualUse`, later, or not at all."""
    return Effect("ask usual use", (group,))


def request_case(request: CaseRequest, name: str, not_before: float = 0.0) -> Effect:
    """Let a case explain it, and tell. `name` is the program's: hostile. Until `not_before` (monotonic) it gets no
    process for itself alone, and is seen to beside another."""
    return Effect("request case", (request, name, not_before))


def tell_unexplained(request: CaseRequest, name: str) -> Effect:
    """The alert that no case explains, with what is known."""
    return Effect("tell unexplained", (request, name))


def tell_together(turns: tuple[tuple[CaseRequest, str], ...]) -> Effect:
    """Alerts about many alike, which no case explains: at once, so that they go out as one message."""
    return Effect("tell together", (turns,))
