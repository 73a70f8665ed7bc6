"""What the observer is told. A question that a step ends with comes back as the next event, with its answer filled in:
so no half of a look waits in the state."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from runaway_watchdog.model.events import CaseRequest, Ending
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import Sample
from runaway_watchdog.model.user_input import UserInput
from runaway_watchdog.store.records import Resumed
from runaway_watchdog.watch.configuration import Configuration
from runaway_watchdog.watch.judging import Particulars, Question
from runaway_watchdog.watch.lineage import Seen


class Now(NamedTuple):
    """The moment of a step, on the three clocks that the watch uses."""

    monotonic: float  # seconds
    wall: float  # seconds since the epoch
    boottime: float  # seconds after boot, suspend included


class Sampled(NamedTuple):
    """The host was looked at."""

    sample: Sample
    began: float  # seconds after boot, before the first counter of it was read
    polled: Collection[ProcKey] = ()  # whose end the kernel tells by itself, with its moment


class Identification(NamedTuple):
    """Who are they that have been hot for long enough?"""

    look: Sampled
    hot_s: Mapping[ProcKey, float]  # for how many seconds each has been
    seen: tuple[Seen, ...] = ()  # the answer; who is gone by now is missing


class Newcomers(NamedTuple):
    """Who has started in the groups where somebody is awaited?"""

    look: Sampled | None  # None: it is asked between two looks
    awaited: Mapping[str, float]  # groups, and from which start on (seconds after boot)
    known: Collection[ProcKey]  # to be left out
    found: tuple[Seen, ...] = ()  # the answer


class Examination(NamedTuple):
    """What are the processes of these findings?"""

    look: Sampled
    questions: tuple[Question, ...]
    answers: tuple[Particulars, ...] = ()  # one for each


class End(NamedTuple):
    """Of one process, as the kernel has just told it."""

    key: ProcKey
    ending: Ending | None = None  # None: not known
    ago_s: float = 0.0


class Died(NamedTuple):
    """The kernel has just told of these deaths, through pidfds."""

    ends: tuple[End, ...]


class ReturnsDue(NamedTuple):
    """Soon after a death, between two looks: has anybody taken the place of the dead?"""


class UsualUse(NamedTuple):
    """What a group has used at this hour on other days."""

    group: str
    percent: float  # of one core
    wall: float  # when that was asked


class QueuedCase(NamedTuple):
    """A request that waits for its case, or for another try."""

    request: CaseRequest
    name: str  # of the program: hostile
    not_before: float = 0.0
    attempts: int = 0


class Restarted(NamedTuple):
    """The watch goes on where the one before it stopped."""

    left: Resumed
    seen: Mapping[ProcKey, Seen]  # of the processes that were left: those that are still there
    alive: frozenset[ProcKey]  # of the processes of open incidents
    groups: frozenset[str]  # of their groups, and kinds of groups: those that anybody is in


QUESTIONS = (Identification, Newcomers, Examination)
Answered = Identification | Newcomers | Examination
Event = Sampled | Answered | Died | ReturnsDue | UserInput | UsualUse | QueuedCase | Configuration | Restarted
"""A new `Configuration` stands for a reload, a `UserInput` for what people have told since, a `QueuedCase` for one that
is given up."""
