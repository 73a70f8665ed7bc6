"""What the observer is told. An answer holds its question, so that no half of a look waits in the state."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from runaway_watchdog.model.events import CaseRequest
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


class Identified(NamedTuple):
    """Who they are that have been hot for long enough; who is gone by now is missing."""

    look: Sampled
    hot_s: Mapping[ProcKey, float]  # as it was asked: for how many seconds each has been hot
    seen: tuple[Seen, ...]


class NewcomersFound(NamedTuple):
    """Who has started in the groups where somebody is awaited."""

    look: Sampled | None  # the look that asked; None: it was asked between two looks
    candidates: tuple[Seen, ...]


class Examined(NamedTuple):
    """What the processes of findings are, one answer for each question."""

    look: Sampled
    questions: tuple[Question, ...]
    answers: tuple[Particulars, ...]


class Died(NamedTuple):
    """The kernel has just told of these deaths, through pidfds."""

    keys: tuple[ProcKey, ...]


class ReturnsDue(NamedTuple):
    """Soon after a death, between two looks: has anybody taken the place of the dead?"""


class UsualUse(NamedTuple):
    """What a group has used at this hour on other days."""

    group: str
    percent: float  # of one core
    wall: float  # when that was asked


class CaseGivenUp(NamedTuple):
    """A case has failed for the last time."""

    request: CaseRequest
    name: str  # of the program: hostile


class Restarted(NamedTuple):
    """The watch goes on where the one before it stopped."""

    left: Resumed
    seen: Mapping[ProcKey, Seen]  # of the processes that were left: those that are still there
    alive: frozenset[ProcKey]  # of the processes of open incidents


ANSWERS = (Identified, NewcomersFound, Examined)
Answer = Identified | NewcomersFound | Examined
Event = Sampled | Answer | Died | ReturnsDue | UserInput | UsualUse | CaseGivenUp | Configuration | Restarted
"""A new `Configuration` stands for a reload, a `UserInput` for what people have told since."""
