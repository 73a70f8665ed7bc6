"""Many alike at once: the first few are explained and told each, the rest are told together. Pure.

A fleet of units that flap, a host on which everything burns: a case takes a second or two, and a hundred messages that
say the same are none. What is told of one incident stays in its order: as long as a turn of it waits, so do the next.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from runaway_watchdog.model.events import CaseRequest
from runaway_watchdog.watch.short_lived import kind_of

SINGLE: Final = 3
"""So many of one likeness within SINGLE_S are told each by itself; of one sort, MOST_SINGLE."""
MOST_SINGLE: Final = 8
SINGLE_S: Final = 1800.0
QUIET_S: Final = 30.0
"""The others wait until none has come for so long, or the first of them has waited for LONGEST_S."""
LONGEST_S: Final = 300.0
FEW: Final = 8
"""So many that have gathered are explained after all."""

Sort = tuple[str, str, str]
"""What is told (a request's kind), the rule, and the severity."""
Likeness = tuple[str, ...]
"""A sort, and what names have in common that differ by a number: a fleet of units, workers of one program."""


class Crowd(NamedTuple):
    """What waits to be told together. Times are monotonic."""

    began: float
    newest: float
    turns: tuple[tuple[CaseRequest, str], ...]  # requests, each with its work's name


class Crowding(NamedTuple):
    """What was told singly of late, and what waits."""

    singles: Mapping[Likeness, tuple[float, ...]] = {}  # by sort, and by likeness
    crowds: Mapping[Sort, Crowd] = {}


def join(state: Crowding, request: CaseRequest, name: str, now: float) -> tuple[Crowding, bool]:
    """Whether it waits for others of its sort; otherwise it is to be told by itself."""
    sort: Sort = (request.kind, request.rule, request.severity)
    alike: Likeness = (*sort, kind_of(request.group) or kind_of(f"/{name}") or name)
    at = _of_its_incident(state, request)
    lately: dict[Likeness, list[float]] = {
        each: [at for at in state.singles.get(each, ()) if now - at < SINGLE_S] for each in (sort, alike)
    }
    if at is None and len(lately[sort]) < MOST_SINGLE and len(lately[alike]) < SINGLE:
        kept = {each: times for each, times in state.singles.items() if now - times[-1] < SINGLE_S}
        told = {each: (*times, now) for each, times in lately.items()}
        return state._replace(singles={**kept, **told}), False
    at = at or sort
    crowd = state.crowds.get(at, Crowd(now, now, ()))
    crowd = crowd._replace(newest=now, turns=(*crowd.turns, (request, name)))
    return state._replace(crowds={**state.crowds, at: crowd}), True


def _of_its_incident(state: Crowding, request: CaseRequest) -> Sort | None:
    """The crowd in which an earlier turn of the same incident waits."""
    for sort, crowd in state.crowds.items():
        if any(waiting.incident_id == request.incident_id for waiting, _ in crowd.turns):
            return sort
    return None


def part(state: Crowding, now: float) -> tuple[Crowding, tuple[Crowd, ...]]:
    """The crowds that have gathered."""
    ripe = {
        sort: crowd
        for sort, crowd in state.crowds.items()
        if now - crowd.newest >= QUIET_S or now - crowd.began >= LONGEST_S
    }
    if not ripe:
        return state, ()
    crowds = {sort: crowd for sort, crowd in state.crowds.items() if sort not in ripe}
    return state._replace(crowds=crowds), tuple(ripe.values())


def worst_last(crowd: Crowd) -> tuple[tuple[CaseRequest, str], ...]:
    """Its turns, those of one incident in their order: what is newest stands out in a message about many."""
    figures: dict[int, tuple[int, float]] = {}
    for request, _ in crowd.turns:
        figures.setdefault(request.incident_id, (request.returns, request.percent))
    return tuple(sorted(crowd.turns, key=lambda turn: figures[turn[0].incident_id]))
