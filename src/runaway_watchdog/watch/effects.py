"""What the observer wants done. Whoever carries it out waits for nothing; a question comes back as an event."""

from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple

from runaway_watchdog.model.events import CaseRequest, Death, Return
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import GroupRate, Sample
from runaway_watchdog.watch.events import Sampled
from runaway_watchdog.watch.incidents import Change, Incident, Kind, Work
from runaway_watchdog.watch.judging import Question
from runaway_watchdog.watch.lineage import Seen


class LogLine(NamedTuple):
    """One line for the journal."""

    level: Literal["info", "notice", "warning", "error"]
    event: str
    values: Mapping[str, object]


class StoreProcess(NamedTuple):
    """It is tracked from now on."""

    seen: Seen
    hot_since: float  # seconds since the epoch


class StoreDeath(NamedTuple):
    """A tracked process has ended."""

    death: Death


class StoreReturn(NamedTuple):
    """The same work has come back as this process."""

    back: Return
    seen: Seen


class StoreFigures(NamedTuple):
    """The newest CPU figures of the tracked processes."""

    sample: Sample
    tracked: Collection[ProcKey]


class StoreCurves(NamedTuple):
    """What was gathered of the host's and the groups' use since the last time."""


class StoreLineage(NamedTuple):
    """A suspect's work, under which its case leaves an explanation."""

    work: Work


class StoreIncident(NamedTuple):
    """An incident has changed."""

    change: Change
    incident: Incident
    summary: str = ""  # one line, where it was opened or reopened


class StoreThrottled(NamedTuple):
    """An incident's group has run into its limit for the first time."""

    incident: Incident
    limit: float | None  # percent of one core
    percent: float  # of the periods


class AskUsualUse(NamedTuple):
    """What does this group use at this hour? Comes back as `UsualUse`, later, or not at all."""

    group: str


class RequestCase(NamedTuple):
    """Let a case explain it, and tell."""

    request: CaseRequest
    name: str  # of the program: hostile


class TellOfHost(NamedTuple):
    """An alert about the host itself, which no case explains."""

    kind: Kind
    incident: Incident
    busiest: tuple[GroupRate, ...]


class TellUnexplained(NamedTuple):
    """The alert that no case could explain, with what is known."""

    request: CaseRequest
    name: str


class Identify(NamedTuple):
    """Who are they? Comes back as `Identified`, at once."""

    look: Sampled
    hot_s: Mapping[ProcKey, float]


class FindNewcomers(NamedTuple):
    """Who has started in these groups? Comes back as `NewcomersFound`, at once."""

    look: Sampled | None
    awaited: Mapping[str, float]  # groups, and from which start on (seconds after boot)
    known: Collection[ProcKey]  # to be left out


class Examine(NamedTuple):
    """What are the processes of these findings? Comes back as `Examined`, at once."""

    look: Sampled
    questions: tuple[Question, ...]


QUESTIONS = (Identify, FindNewcomers, Examine)
Asked = Identify | FindNewcomers | Examine
Effect = (
    LogLine | StoreProcess | StoreDeath | StoreReturn | StoreFigures | StoreCurves | StoreLineage | StoreIncident
    | StoreThrottled | AskUsualUse | RequestCase | TellOfHost | TellUnexplained | Identify | FindNewcomers | Examine
)  # fmt: skip
