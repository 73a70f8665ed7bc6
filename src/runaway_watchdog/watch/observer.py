"""What follows from what the watch is told. Pure: an event and the time come in, decisions come out as data.

A look that meets something new takes several steps: where a decision needs the kernel (who is this process? who has
started since?), the step ends with a question, and the answer is the next event. An idle look is one step.
"""

from collections.abc import Iterable
from typing import Final

from runaway_watchdog.linux.clock import CLOCK_TICKS
from runaway_watchdog.model.events import Return
from runaway_watchdog.model.user_input import UserInput
from runaway_watchdog.watch import concluding, detect, effects, incidents, lineage, resuming, returns
from runaway_watchdog.watch.configuration import Configuration
from runaway_watchdog.watch.events import (
    QUESTIONS,
    Answered,
    Died,
    End,
    Event,
    Identification,
    Newcomers,
    Now,
    QueuedCase,
    Restarted,
    ReturnsDue,
    Sampled,
    UsualUse,
)
from runaway_watchdog.watch.families import SCHEDULERS
from runaway_watchdog.watch.judging import with_habit, with_length
from runaway_watchdog.watch.state import State, Turn

SEARCH_S: Final = 30.0
"""So often the successors of all the dead are looked for; of those that died lately at every look."""
_SERIES_S: Final = 60.0
"""Of lives that are shorter than this, and than the rule's window, none has met the rule by itself: that the work comes
back each time is what its alert is about, and no news."""
_LOOK_CLOSELY_S: Final = 120.0
"""For so long after a death its successor is looked for at every look."""


def step(state: State, event: Event, now: Now) -> tuple[State, list[effects.Wanted]]:
    """One event later. Effects are to be carried out in their order; a question is always the last of them."""
    turn = Turn(state, now)
    if isinstance(event, Sampled):
        _sampled(turn, event)
    elif isinstance(event, QUESTIONS):
        _answered(turn, event)
    elif isinstance(event, Died):
        _apply(turn, [_told_end(each, now) for each in event.ends], ())
    elif isinstance(event, ReturnsDue):
        _search(turn, (), None)
    elif isinstance(event, QueuedCase):
        _give_up(turn, event)
    elif isinstance(event, Restarted):
        resuming.resume(turn, event)
    else:
        turn.state = _told(state, event)
    return turn.state, turn.effects


def _told_end(end: End, now: Now) -> lineage.Ended:
    return lineage.Ended(end.key, now.boottime - end.ago_s, now.wall - end.ago_s, exact=True, ending=end.ending)


def _told(state: State, event: UserInput | UsualUse | Configuration) -> State:
    """News that nothing follows from before the next look."""
    if isinstance(event, UserInput):
        return state._replace(user_input=event)
    if isinstance(event, UsualUse):
        return state._replace(habits=with_habit(state.habits, *event))
    return state._replace(configuration=event, lowest=event.lowest)


def _answered(turn: Turn, event: Answered) -> None:
    """The look goes on where it asked."""
    if isinstance(event, Identification):
        missed = _missed(turn.state, event.look)
        for seen in event.seen:
            concluding.track(turn, seen, event.look.sample.wall - event.hot_s[seen.key])
        _search(turn, missed, event.look)
    elif isinstance(event, Newcomers):
        _apply(turn, (), event.found)
        if event.look is not None:
            _detect(turn, event.look)
    else:
        concluding.examined(turn, event)


# --- a look: who is hot, who is gone, who has come back ---


def _sampled(turn: Turn, look: Sampled) -> None:
    state = turn.state
    lineages, ripe = lineage.warm_up(state.lineages, look.sample, state.lowest, look.began)
    if lineages is not state.lineages:
        turn.state = state._replace(lineages=lineages)
    if ripe:
        turn.effects.append(Identification(look, ripe))
        return
    _search(turn, _missed(turn.state, look), look)


def _missed(state: State, look: Sampled) -> list[lineage.Ended]:
    """The tracked that this look did not meet; not those whose end the kernel is about to tell, with its moment."""
    if not state.lineages.tracked:
        return []
    alive = {each.key for each in look.sample.processes}
    return [
        lineage.Ended(key, look.began, look.sample.wall, exact=False)
        for key in state.lineages.tracked
        if key not in alive and key not in look.polled
    ]


def _search(turn: Turn, ended: Iterable[lineage.Ended], look: Sampled | None) -> None:
    """Note deaths, and ask who took the place of the dead."""
    _apply(turn, ended, ())
    now = turn.now
    everyone = now.monotonic - turn.state.searched_at >= SEARCH_S
    if everyone:
        turn.state = turn.state._replace(searched_at=now.monotonic)
    lineages = turn.state.lineages
    if lineages.awaited:
        awaited = lineages.awaited_groups(0.0 if everyone else now.boottime - _LOOK_CLOSELY_S)
        if awaited:
            turn.effects.append(Newcomers(look, awaited, lineages.tracked))
            return
    if look is not None:
        _detect(turn, look)


def _apply(turn: Turn, ended: Iterable[lineage.Ended], candidates: Iterable[lineage.Seen]) -> None:
    """Deaths, and returns."""
    ended, state, now = tuple(ended), turn.state, turn.now
    if not ended and not state.lineages.awaited:
        return
    lengths = state.lengths
    for end in ended:
        seen, hot_s = state.lineages.find(end.key), state.lineages.hot_for(end.key, end.wall)
        if seen is not None and hot_s is not None and hot_s >= lineage.RIPE_S:
            lengths = with_length(lengths, seen.lineage, hot_s)
    lineages, deaths, came_back = lineage.observe(state.lineages, ended, candidates, now.wall, now.boottime)
    turn.state = state._replace(lineages=lineages, lengths=lengths)
    for death in deaths:
        how = {} if death.ending is None else death.ending.to_json()
        if "sender" in how:
            how["sender"] = how["sender"] if isinstance(how["sender"], str) else how["sender"]["name"]
        turn.effects += (
            effects.log("info", "died", {"pid": death.key.pid, "exact": death.exact} | how),
            effects.store_death(death),
        )
    for back in came_back:
        _returned(turn, back, lineages.tracked[back.key].seen)


def _returned(turn: Turn, back: Return, seen: lineage.Seen) -> None:
    """What the dead had accumulated goes on, and its incidents are about the new process."""
    values = {"pid": back.key.pid, "name": seen.name, "after_pid": back.predecessor.pid, "delay_s": back.delay_s}
    turn.effects += effects.log("notice", "came-back", values), effects.store_return(back, seen)
    state = turn.state
    book, moved = incidents.follow(state.book, back.predecessor, back.key)
    turn.state = state = state._replace(detected=detect.inherit(state.detected, back.predecessor, back.key), book=book)
    for incident in moved:
        if incident.push and incident.returns == 1 and _lived_s(back, seen) >= min(incident.window_s, _SERIES_S):
            concluding.tell(turn, "returned", incident)
    if seen.group and back.delay_s <= returns.PROMPT_S and seen.group.rpartition("/")[2] not in SCHEDULERS:
        noted = returns.note(state.returns, [seen.group], "process", turn.now.monotonic)
        turn.state = state._replace(returns=noted)


def _lived_s(back: Return, seen: lineage.Seen) -> float:
    """For how long its predecessor did."""
    return seen.start_s - back.delay_s - back.predecessor.start_ticks / CLOCK_TICKS


def _detect(turn: Turn, look: Sampled) -> None:
    """What the rules say of this look."""
    state, sample = turn.state, look.sample
    lineages = state.lineages
    if lineages.tracked:
        lineages = lineage.let_go(lineages, state.detected.processes(), look.began)
    detected, findings = detect.detect(state.detected, sample, state.configuration.rules)
    noted = state.returns
    prompt = [group for group in sample.restarted if group.rpartition("/")[2] not in SCHEDULERS]
    if prompt:
        noted = returns.note(noted, prompt, "group", sample.at)
    noted, looping = returns.detect(noted, sample.at, sample.wall, state.configuration.rules)
    turn.state = state._replace(lineages=lineages, detected=detected, returns=noted)
    concluding.conclude_all(turn, (*findings, *looping), look)


def _give_up(turn: Turn, event: QueuedCase) -> None:
    """No case could explain it: the alert goes out with what is known."""
    request = event.request
    values = {"incident": request.incident_id, "kind": request.kind, "pid": request.pid}
    turn.effects.append(effects.log("error", "case-given-up", values))
    if request.kind in ("suspect", "recorded"):
        return
    if event.attempts:
        turn.effects.append(effects.tell_unexplained(request, event.name))
    else:  # it gave way to others
        turn.effects.append(effects.tell_together(((request, event.name),)))
