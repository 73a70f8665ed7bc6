"""Goes on where the watch before this one stopped. Pure, as all of a step."""

from typing import Final

from runaway_watchdog.store import records
from runaway_watchdog.watch import detect, effects, incidents, lineage, returns
from runaway_watchdog.watch.concluding import tell
from runaway_watchdog.watch.events import Restarted
from runaway_watchdog.watch.judging import with_length
from runaway_watchdog.watch.short_lived import is_kind
from runaway_watchdog.watch.state import Turn

_UNSEEN_S: Final = 120.0
"""What is gone at the start and has not come back has ended before this, whatever its rule."""


def resume(turn: Turn, event: Restarted) -> None:
    """Take over what it had tracked and told."""
    left, state, now = event.left, turn.state, turn.now
    lineages, lengths = state.lineages, state.lengths
    for process in left.processes:
        # One that died meanwhile is tracked all the same: the first look misses it, and asks for its successor.
        work = process.lineage
        seen = event.seen.get(process.key) or lineage.remembered(process.key, work.group, work.key, work.name)
        lineages = lineage.track(lineages, (seen,), now.wall, now.boottime - (now.wall - process.seen_at))
    for work_key, seconds in left.lengths:
        lengths = with_length(lengths, work_key, seconds)
    book = state.book._replace(next_id=left.next_incident)
    turn.state = state._replace(lineages=lineages, lengths=lengths, book=book)
    for record in left.incidents:
        _reopen(turn, record, event)
    for closed in left.closed:
        _remember(turn, closed)
    _tell_what_was_cut_off(turn, left)
    if left.incidents:
        values = {"incidents": len(left.incidents), "processes": len(left.processes)}
        turn.effects.append(effects.log("info", "resumed", values))


def _reopen(turn: Turn, record: records.IncidentRecord, event: Restarted) -> None:
    state, now = turn.state, turn.now
    rule = state.rule(record.rule)
    incident = incidents.restored(record, rule, state.boot_id, now.monotonic)
    if rule is None:  # it is no longer configured: nothing would ever resolve it
        turn.effects.append(effects.store_incident("resolved", incident))
        return
    age_s = max(0.0, now.wall - record.opened_at)
    key, group = incident.key, incident.work.group
    alive = key is not None and key in event.alive
    by_group = key is None or is_kind(group)
    gone = bool(group) and group not in event.groups if by_group else not alive
    if gone:
        incident = incident._replace(gone_until=now.monotonic + _UNSEEN_S)
    book = incidents.reopen(state.book, incident, age_s, now.monotonic, state.configuration.remind_after_s)
    turn.state = state = state._replace(book=book)
    if rule.kind == "restarts":
        turn.state = state._replace(returns=returns.resume(state.returns, rule, group, now.monotonic, gone=gone))
        return
    detected = detect.resume(state.detected, rule, group, key, record.percent, alive=alive, gone=gone)
    turn.state = state._replace(detected=detected)


def _remember(turn: Turn, closed: records.Closed) -> None:
    """It was over, but the same work may open it again."""
    state, now, record = turn.state, turn.now, closed.incident
    incident = incidents.restored(record, state.rule(record.rule), state.boot_id, now.monotonic)
    age_s = max(0.0, now.wall - record.opened_at)
    book = incidents.remember(
        state.book, incidents.Closed(incident, closed.resolved_at), age_s, now.monotonic,
        state.configuration.remind_after_s,
    )  # fmt: skip
    turn.state = state._replace(book=book)


def _tell_what_was_cut_off(turn: Turn, left: records.Resumed) -> None:
    """The last watch ended before the case of an opening, or of an end, had written its message."""
    book = turn.state.book
    for record in left.incidents:
        incident = book.incidents.get((record.rule, record.lineage.key))
        if record.id in left.untold and incident is not None:
            tell(turn, "opened", incident)
    for record, _ in left.closed:
        last = book.closed.get((record.rule, record.lineage.key))
        if record.id in left.untold and last is not None:
            if record.id in left.unheard:
                tell(turn, "opened", last.incident)
            tell(turn, "resolved", last.incident, unseen=record.id in left.unseen)
