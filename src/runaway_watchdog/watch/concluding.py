"""From findings to incidents, and what is told of them. Pure, as all of a step."""

from collections.abc import Mapping, Sequence
from typing import Final

from runaway_watchdog.linux.cgroup import called
from runaway_watchdog.model.events import Finding
from runaway_watchdog.model.sampling import Sample
from runaway_watchdog.model.user_input import Expectation
from runaway_watchdog.watch import crowding, effects, harm, incidents, judging, lineage, told
from runaway_watchdog.watch.events import Examination, Sampled
from runaway_watchdog.watch.expected import expected
from runaway_watchdog.watch.incidents import SEVERITIES, Incident, Kind, Work
from runaway_watchdog.watch.judging import Particulars, Question
from runaway_watchdog.watch.short_lived import is_kind
from runaway_watchdog.watch.state import State, Turn

JUDGE_S: Final = 30.0
_FIGURES_S: Final = 10.0
_CURVES_S: Final = 60.0
_PREPARED_S: Final = 600.0
_MOST_PREPARED: Final = 8
_CROWD_S: Final = 60.0
_COMPANY_S: Final = 15.0
"""So long what nobody is told of waits for others to be explained with, and what is told on a host where many wait for
a CPU: to begin costs a case as much as to explain three, and takes its turns from them."""


def track(turn: Turn, seen: lineage.Seen, hot_since: float) -> None:
    """From now on its death matters."""
    state = turn.state
    tracked = lineage.track(state.lineages, (seen,), hot_since, turn.now.boottime)
    turn.state = state._replace(lineages=tracked)
    turn.effects.append(effects.store_process(seen, hot_since))


def conclude_all(turn: Turn, findings: Sequence[Finding], look: Sampled) -> None:
    """Ask about those that are not over; where there are none, nothing has to be read."""
    questions = tuple(_question(turn.state, each) for each in findings)
    if any(each.stage != "resolved" for each in findings):
        turn.effects.append(Examination(look, questions))
        return
    for finding in findings:
        _conclude(turn, finding, Particulars(), look.sample)
    _judge_again(turn, look)


def _question(state: State, finding: Finding) -> Question:
    rule, seen = state.rule(finding.rule), None if finding.key is None else state.lineages.find(finding.key)
    return Question(finding, "" if seen is None else seen.name, () if rule is None else rule.only)


def examined(turn: Turn, event: Examination) -> None:
    """The answers, for new findings or for those of open incidents."""
    sample = event.look.sample
    again = event.questions[0].incident is not None
    for question, particulars in zip(event.questions, event.answers, strict=True):
        if question.incident is None:
            _conclude(turn, question.finding, particulars, sample)
        else:
            _reconsider(turn, question.incident, question.finding, particulars, sample)
    if again:
        _end_look(turn, sample)
    else:
        _judge_again(turn, event.look)


def _conclude(turn: Turn, finding: Finding, of: Particulars, sample: Sample) -> None:
    if finding.stage == "resolved":
        _resolve(turn, finding, sample)
        return
    rule = turn.state.rule(finding.rule)
    if rule is None or not judging.means(rule, finding, of, turn.state.own_service):
        return
    work = _work(turn, finding, of)
    if finding.stage == "suspect":
        turn.effects.append(effects.ask_usual_use(finding.group))
        if finding.kind == "cpu" and not turn.state.book.keeps(finding, work):
            _prepare(turn, finding, work, sample)
        return
    state = turn.state
    judged = judging.weigh(
        finding, rule, sample, of, state.habits, running_s=_running_s(state, finding),
        usual_s=judging.usual_length_s(state.lengths, work.lineage),
    )  # fmt: skip
    finding = finding._replace(severity=judged.severity, harm=judged.why, push=judged.push)
    if meant := _expected(state, finding.group, sample.wall):
        finding = finding._replace(severity="info", harm=f"{meant.unit} is expected at this time", push=False)
    if not _is_told_already(state, finding, work, of):
        _open(turn, finding, work, sample)


def _resolve(turn: Turn, finding: Finding, sample: Sample) -> None:
    book, incident = incidents.resolve(turn.state.book, finding)
    turn.state = turn.state._replace(book=book)
    if incident is not None:
        turn.effects.append(effects.log("notice", "resolved", _shown(incident)))
        turn.effects.append(effects.store_incident("resolved", incident))
        tell(turn, "resolved", incident, sample, unseen=turn.now.monotonic < incident.gone_until)


def _is_told_already(state: State, finding: Finding, work: Work, of: Particulars) -> bool:
    """Does another rule's incident say as much, or a schedule why it comes back?"""
    if finding.kind == "restarts" and judging.is_scheduled(of):
        return True
    return finding.kind in ("cpu", "restarts") and state.book.covers(finding, work)


def _expected(state: State, group: str, wall: float) -> Expectation | None:
    return expected((*state.configuration.expectations, *state.user_input.expectations), group, wall)


def _open(turn: Turn, finding: Finding, work: Work, sample: Sample) -> None:
    state = turn.state
    same = state.book.same_work(finding, work)
    if same is not None:
        book = incidents.join(state.book, same, finding)
        turn.state = state._replace(book=book)
        _worsen(turn, book.incidents[same.rule, same.work.lineage], finding.severity, finding, sample)
        return
    remind_after_s = state.configuration.remind_after_s
    book, incident = incidents.sustain(state.book, finding, work, sample.at, remind_after_s)
    turn.state = state._replace(book=book)
    if incident is None:
        return
    again = incident.id < state.book.next_id
    text = incidents.summary(finding, work)
    event = ("reopened" if again else "runaway") if finding.kind in ("cpu", "restarts") else finding.kind
    values = {
        "incident": incident.id, "summary": text, "group": work.group or None, "severity": finding.severity,
        "why": finding.harm or None,
    }  # fmt: skip
    turn.effects.append(effects.log("warning", event, values))
    turn.effects.append(effects.store_incident("reopened" if again else "opened", incident, text))
    if incident.push:
        tell(turn, "opened", incident, sample)
    elif finding.kind == "cpu":
        _explain_silently(turn, incident, sample.at)


def _prepare(turn: Turn, finding: Finding, work: Work, sample: Sample) -> None:
    """Its case explains it, and sends nothing. Work that goes up and down is prepared for once in a while."""
    now = sample.at
    if harm.others_wait(sample):
        return  # whoever is found gets its case all the same, and this one would take turns from others
    prepared = {key: at for key, at in turn.state.prepared.items() if now - at < _PREPARED_S}
    if sum(now - at < _CROWD_S for at in prepared.values()) >= _MOST_PREPARED:
        return  # many at once: the cases of those that are told come first
    is_news = prepared.setdefault(work.lineage, now) == now
    turn.state = turn.state._replace(prepared=prepared)
    if is_news:
        key = finding.key
        values = {
            "cpu": finding.percent, "pid": key.pid if key else None, "name": work.name, "group": work.group or None,
        }  # fmt: skip
        turn.effects += (
            effects.log("info", "suspect", values),
            effects.store_lineage(work),
            effects.request_case(incidents.preparation(finding, work), work.name, turn.now.monotonic + _COMPANY_S),
        )


def _explain_silently(turn: Turn, incident: Incident, now: float) -> None:
    """Its case explains it; it sends nothing but where it meets signs of an intruder."""
    turn.state = turn.state._replace(prepared={**turn.state.prepared, incident.work.lineage: now})
    request, name = incidents.case_request("recorded", incident), incident.work.name
    turn.effects.append(effects.request_case(request, name, turn.now.monotonic + _COMPANY_S))


def tell(turn: Turn, kind: Kind, incident: Incident, sample: Sample | None = None, *, unseen: bool = False) -> None:
    """Through a case, which explains it, or together with many alike."""
    if not incident.push:
        return
    if told.is_of_host(incident):
        _tell_of_host(turn, kind, incident, sample)
        return
    request, name = incidents.case_request(kind, incident, unseen=unseen), incident.work.name
    request = request._replace(asked_at=turn.now.wall)
    crowding_now, waits = crowding.join(turn.state.crowding, request, name, turn.now.monotonic)
    turn.state = turn.state._replace(crowding=crowding_now)
    if not waits:
        _store_curves(turn)
        beside = _beside(turn, incident, sample) if kind == "opened" else 0
        turn.effects.append(effects.request_case(request._replace(beside=beside), name, _company_until(turn, sample)))


def _company_until(turn: Turn, sample: Sample | None) -> float:
    """Until when (monotonic) an alert waits for others."""
    return turn.now.monotonic + _COMPANY_S if sample is not None and harm.many_wait(sample) else 0.0


def _beside(turn: Turn, incident: Incident, sample: Sample | None) -> int:
    """The number of the open incident that says that processes wait for a CPU; 0: none. It is not told by itself where
    it has just been opened, and this one is its culprit."""
    state = turn.state
    host = told.waits_for_cpu(state.book)
    if host is not None and host.id in state.waiting and told.is_culprit(incident, host, sample):
        turn.state = state._replace(waiting=_without(state.waiting, host.id))
        _tell_within(turn, host, incident)
    return 0 if host is None else host.id


def _tell_within(turn: Turn, host: Incident, culprit: Incident) -> None:
    turn.state = turn.state._replace(book=incidents.tell_within(turn.state.book, host, culprit))
    turn.effects.append(effects.store_incident("silenced", host))


def _tell_of_host(turn: Turn, kind: Kind, incident: Incident, sample: Sample | None) -> None:
    """Its case names who uses most; of steal, and of an end, nothing more can be found out."""
    state, pressure = turn.state, incident.finding is not None and incident.finding.kind == "pressure"
    if pressure and kind == "opened" and sample is not None:
        if (culprit := told.culprit(state.book, incident, sample)) is not None:
            _tell_within(turn, incident, culprit)
        else:
            waiting = {**state.waiting, incident.id: turn.now.monotonic + told.TOGETHER_S}
            turn.state = state._replace(waiting=waiting)
        return
    if incident.id in state.waiting:
        turn.state = state._replace(waiting=_without(state.waiting, incident.id))
        if kind == "resolved":  # nobody has heard of it
            turn.state = turn.state._replace(book=incidents.unheard(state.book, incident))
            turn.effects.append(effects.store_incident("silenced", incident))
            return
        kind = "opened"
    request = incidents.case_request(kind, incident)
    busiest = told.busiest(state.book, sample) if pressure else ()
    request = request._replace(busiest=busiest, asked_at=turn.now.wall)
    by_case = pressure and kind != "resolved"
    turn.effects.append((effects.request_case if by_case else effects.tell_unexplained)(request, incident.work.name))


def _without(waiting: Mapping[int, float], number: int) -> dict[int, float]:
    return {each: until for each, until in waiting.items() if each != number}


def _tell_waiting(turn: Turn, sample: Sample) -> None:
    """Those of the host for which no culprit has come."""
    due = [number for number, until in turn.state.waiting.items() if until <= turn.now.monotonic]
    for incident in tuple(turn.state.book.incidents.values()) if due else ():
        if incident.id in due:
            _tell_of_host(turn, "escalated", incident, sample)


def _store_curves(turn: Turn) -> None:
    """Once a minute, and whenever somebody is about to look at them."""
    turn.state = turn.state._replace(curved_at=turn.now.monotonic)
    turn.effects.append(effects.store_curves())


# --- once a sweep: what has become of the open incidents ---


def _judge_again(turn: Turn, look: Sampled) -> None:
    """What was harmless may have become worse, and ordinary work may take too long. It only goes up."""
    sample = look.sample
    if sample.at - turn.state.judged_at >= JUDGE_S:
        turn.state = turn.state._replace(judged_at=sample.at)
        _note_limits(turn, sample)
        # What is told with another one comes after it: that may have got worse as well.
        each_one = sorted(turn.state.book.incidents.values(), key=lambda each: each.within > 0)
        each_question = (_question_again(turn.state, each, sample) for each in each_one)
        questions = tuple(each for each in each_question if each is not None)
        if questions:
            turn.effects.append(Examination(look, questions))
            return
    _end_look(turn, sample)


def _question_again(state: State, incident: Incident, sample: Sample) -> Question | None:
    """None: it cannot become worse now."""
    rule, finding = state.rule(incident.rule), incident.finding
    if rule is None or finding is None or (incident.push and not rule.by_harm):
        return None
    if _expected(state, incident.work.group, sample.wall) is not None:
        return None
    finding = finding._replace(key=incident.key, severity=rule.severity, push=rule.push)
    if not judging.burns(finding, rule, sample):
        return None
    return Question(finding, incident.work.name, incident=incident)


def _reconsider(turn: Turn, incident: Incident, finding: Finding, of: Particulars, sample: Sample) -> None:
    state = turn.state
    rule = state.rule(incident.rule)
    if rule is None:
        return
    running_s = _running_s(state, finding) + max(0.0, sample.wall - incident.opened_at)
    usual_s = judging.usual_length_s(state.lengths, incident.work.lineage)
    judged = judging.weigh(finding, rule, sample, of, state.habits, running_s=running_s, usual_s=usual_s)
    worse = SEVERITIES.index(judged.severity) > SEVERITIES.index(incident.severity)
    teller = told.teller(state.book, incident)
    if teller is not None and told.as_severe(teller, incident._replace(severity=judged.severity)):
        return
    silent = incident.finding is not None and not incident.finding.push
    if judged.push and (worse or silent):
        severity = judged.severity if worse else incident.severity
        _worsen(turn, incident, severity, finding._replace(harm=judged.why), sample)


def _note_limits(turn: Turn, sample: Sample) -> None:
    """The first time that an incident's group runs into a limit belongs to its story."""
    held = {each.group: each.held for each in sample.groups if each.held.throttled}
    for incident in tuple(turn.state.book.incidents.values()) if held else ():
        limits = held.get(incident.work.group)
        if limits is not None and not incident.throttled:
            turn.state = turn.state._replace(book=incidents.throttle(turn.state.book, incident))
            turn.effects.append(effects.store_throttling(incident, limits.limit, limits.throttled))


def _worsen(turn: Turn, incident: Incident, severity: str, finding: Finding, sample: Sample) -> None:
    """From now on it is told of as what it is now."""
    first = not incident.push
    book, worse = incidents.escalate(turn.state.book, incident, severity, finding.harm)
    turn.state = turn.state._replace(book=book)
    values = {"incident": incident.id, "severity": severity, "why": finding.harm}
    turn.effects += effects.log("warning", "escalated", values), effects.store_incident("escalated", worse)
    tell(turn, "opened" if first else "escalated", worse, sample)


def _running_s(state: State, finding: Finding) -> float:
    hot_s = None if finding.key is None else state.lineages.hot_for(finding.key, finding.wall)
    return finding.window_s if hot_s is None else max(hot_s, finding.window_s)


def _work(turn: Turn, finding: Finding, of: Particulars) -> Work:
    """The lineage that a finding is about; the group's own where no process is known."""
    if finding.key is not None and not is_kind(finding.group):
        if finding.key not in turn.state.lineages.tracked and of.seen is not None:
            track(turn, of.seen, finding.wall - finding.window_s)
        seen = turn.state.lineages.find(finding.key)
        if seen is not None:
            return Work(seen.lineage, seen.group, seen.name)
    name = called(finding.group) or "the host"
    return Work(lineage.lineage_key(finding.group, "", ()), finding.group, name)


def _end_look(turn: Turn, sample: Sample) -> None:
    """Reminders, and what is written once in a while."""
    state = turn.state
    if state.book.incidents:
        remind_after_s = state.configuration.remind_after_s
        book, due = incidents.remind(state.book, sample.at, remind_after_s, state.user_input.acknowledged)
        if book is not state.book:
            turn.state = state._replace(book=book)
        for incident in due:
            turn.effects.append(effects.log("notice", "still-running", _shown(incident)))
            tell(turn, "reminder", incident, sample)
    _note_who_is_back(turn, sample)
    if turn.state.waiting:
        _tell_waiting(turn, sample)
    _tell_crowds(turn)
    if sample.at - turn.state.figured_at >= _FIGURES_S:
        turn.state = turn.state._replace(figured_at=sample.at)
        turn.effects.append(effects.store_figures(sample, turn.state.lineages.tracked))
    if sample.at - turn.state.curved_at >= _CURVES_S:
        _store_curves(turn)


def _note_who_is_back(turn: Turn, sample: Sample) -> None:
    """Soon after a start; a restart loop is over by its own count."""
    for incident in tuple(turn.state.book.incidents.values()):
        rule, finding = turn.state.rule(incident.rule), incident.finding
        if turn.now.monotonic >= incident.gone_until or rule is None or finding is None or rule.kind == "restarts":
            continue
        subject = finding._replace(key=None if incident.work.group else incident.key)  # as `detect.resume` has it
        if judging.burns(subject, rule, sample):
            turn.state = turn.state._replace(book=incidents.is_back(turn.state.book, incident))


def _tell_crowds(turn: Turn) -> None:
    """Those that have gathered: at once, so that the sender makes one message of them."""
    if not turn.state.crowding.crowds:
        return
    left, ripe = crowding.part(turn.state.crowding, turn.now.monotonic)
    turn.state = turn.state._replace(crowding=left)
    for crowd in ripe:
        if len(crowd.turns) <= crowding.FEW:
            turn.effects += [effects.request_case(request, name) for request, name in crowd.turns]
        else:
            turn.effects.append(effects.log("warning", "told-together", {"turns": len(crowd.turns)}))
            turn.effects.append(effects.tell_together(crowding.worst_last(crowd)))


def _shown(incident: Incident) -> dict[str, object]:
    key, work = incident.key, incident.work
    return {
        "incident": incident.id, "pid": key.pid if key else None, "name": work.name, "group": work.group or None,
    }  # fmt: skip
