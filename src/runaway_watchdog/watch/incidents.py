"""Findings -> incidents: one for each rule and lineage, however often its process changes. Pure."""

from collections.abc import Container, Mapping
from typing import Final, Literal, NamedTuple

from runaway_watchdog.model.events import CaseRequest, Finding
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import Rule, RuleKind
from runaway_watchdog.store.records import IncidentRecord
from runaway_watchdog.watch.short_lived import is_kind

LONGEST_REMINDER_S: Final = 86400.0
SEVERITIES: Final = ("info", "warning", "critical")

REOPENED_S: Final = 86400.0
"""What is over for less than this is opened again, as the same incident."""
MOST_CLOSED: Final = 256

Kind = Literal["opened", "recorded", "escalated", "returned", "reminder", "resolved"]
Change = Literal["opened", "reopened", "escalated", "resolved", "silenced"]
Story = tuple[str, str, ProcKey | None]
"""What the findings of one story share: the rule, and the process that they named, or the group."""


class Work(NamedTuple):
    """The work that a finding is about."""

    lineage: str  # its key
    group: str
    name: str


class Incident(NamedTuple):
    """One open incident."""

    id: int
    work: Work
    rule: str
    severity: str
    key: ProcKey | None  # the process that does the work now
    percent: float
    window_s: float
    opened_at: float  # wall clock
    stories: frozenset[Story]  # those that have not ended
    remind_at: float  # monotonic
    reminders: int = 0
    push: bool = True  # False: recorded and explained, nobody is sent a message
    finding: Finding | None = None  # the newest that was told of it
    returns: int = 0  # how often its process was replaced since it was first opened
    throttled: bool = False  # its group ran into a limit while it was open
    gone_until: float = 0.0  # monotonic: an end before this was one that nobody saw, see `resuming`
    within: int = 0  # of the host: the incident that it is told with, as long as that is open


class Closed(NamedTuple):
    """An incident that is over."""

    incident: Incident
    wall: float  # when it ended


class Book(NamedTuple):
    """All open incidents, by rule and lineage, and those that may be opened again."""

    next_id: int = 1
    incidents: Mapping[tuple[str, str], Incident] = {}
    closed: Mapping[tuple[str, str], Closed] = {}

    def keeps(self, finding: Finding, work: Work) -> bool:
        """Is there an open incident for this already?"""
        return (finding.rule, work.lineage) in self.incidents

    def covers(self, finding: Finding, work: Work) -> bool:
        """Does another rule's incident say as much of the same work (for a restart loop: of its group)?"""
        return any(
            each.rule != finding.rule
            and each.finding is not None
            and each.finding.kind in ("cpu", "restarts")
            and (each.work.lineage == work.lineage or (finding.kind == "restarts" and each.work.group == finding.group))
            and SEVERITIES.index(each.severity) >= SEVERITIES.index(finding.severity)
            for each in self.incidents.values()
        )

    def same_work(self, finding: Finding, work: Work) -> Incident | None:
        """Another rule's open incident about the same work: one lineage is one incident."""
        if finding.kind not in ("cpu", "restarts"):
            return None
        for each in self.incidents.values():
            of_work = each.finding is not None and each.finding.kind in ("cpu", "restarts")
            if of_work and each.work.lineage == work.lineage and each.rule != finding.rule:
                return each
        return None


def sustain(
    book: Book, finding: Finding, work: Work, now: float, remind_after_s: float
) -> tuple[Book, Incident | None]:
    """A rule is met: a new incident or one that is opened again, or None where the work is the subject of an open one.

    `now` is monotonic. What goes up and down is not told of at each turn: a reopening is silent until the reminder
    that would have been due without the pause, but for the first time that the work came back as another process.
    """
    place = (finding.rule, work.lineage)
    known = book.incidents.get(place)
    if known is not None:
        known = _renewed(known, finding)
        return book._replace(incidents={**book.incidents, place: known}), None
    last = book.closed.get(place)
    others = {each: kept for each, kept in book.closed.items() if each != place}
    if last is not None and finding.wall - last.wall < REOPENED_S:
        incident = _reopened(last.incident, finding, now, remind_after_s)
        return book._replace(incidents={**book.incidents, place: incident}, closed=others), incident
    incident = Incident(
        id=book.next_id,
        work=work,
        rule=finding.rule,
        severity=finding.severity,
        key=finding.key,
        percent=finding.percent,
        window_s=finding.window_s,
        opened_at=finding.wall,
        stories=frozenset((_story(finding),)),
        remind_at=now + remind_after_s,
        push=finding.push,
        finding=finding,
    )
    return Book(book.next_id + 1, {**book.incidents, place: incident}, others), incident


def join(book: Book, incident: Incident, finding: Finding) -> Book:
    """Another rule is met by the work of an open incident: that one goes on until both are over."""
    joined = incident._replace(stories=incident.stories | {_story(finding)})
    return book._replace(incidents={**book.incidents, (joined.rule, joined.work.lineage): joined})


def _story(finding: Finding) -> Story:
    return story(finding.rule, finding.group, finding.key)


def story(rule: str, group: str, key: ProcKey | None) -> Story:
    """A process is the same wherever it goes; of a kind of groups it is only an example."""
    return rule, group if key is None or is_kind(group) else "", key


def _renewed(incident: Incident, finding: Finding) -> Incident:
    return incident._replace(
        stories=incident.stories | {_story(finding)}, key=finding.key, percent=finding.percent,
        window_s=finding.window_s, finding=finding,
    )  # fmt: skip


def _reopened(last: Incident, finding: Finding, now: float, remind_after_s: float) -> Incident:
    other = finding.key is not None and last.key is not None and finding.key != last.key
    meant = last.finding is not None and last.finding.push
    told_lately = meant and now < last.remind_at and not (other and last.returns == 0)
    reminders = last.reminders if told_lately else last.reminders + 1
    return _renewed(last, finding)._replace(
        severity=finding.severity,
        opened_at=finding.wall,
        stories=frozenset((_story(finding),)),
        push=finding.push and not told_lately,
        reminders=reminders,
        remind_at=last.remind_at if told_lately else now + _pause(reminders, remind_after_s),
        returns=last.returns + other,
        within=0,
    )


def escalate(book: Book, incident: Incident, severity: str, harm: str) -> tuple[Book, Incident]:
    """It does more harm than when it was opened, or has gone on for too long: from now on it is told of."""
    finding = None if incident.finding is None else incident.finding._replace(severity=severity, harm=harm, push=True)
    worse = incident._replace(severity=severity, push=True, finding=finding)
    return book._replace(incidents={**book.incidents, (worse.rule, worse.work.lineage): worse}), worse


def resolve(book: Book, finding: Finding) -> tuple[Book, Incident | None]:
    """A story has ended. The incident is returned if that was its last one."""
    ended = _story(finding)
    for place, incident in book.incidents.items():
        if ended in incident.stories:
            left = incident.stories - {ended}
            others = {each: kept for each, kept in book.incidents.items() if each != place}
            if not left:
                return _closed(book._replace(incidents=others), place, incident, finding.wall), incident
            return book._replace(incidents={**others, place: incident._replace(stories=left)}), None
    return book, None


def _closed(book: Book, place: tuple[str, str], incident: Incident, wall: float) -> Book:
    """Remember it for a day; of very many, the newest."""
    kept = [(each, last) for each, last in book.closed.items() if wall - last.wall < REOPENED_S and each != place]
    return book._replace(closed=dict((*kept[1 - MOST_CLOSED :], (place, Closed(incident, wall)))))


def follow(book: Book, predecessor: ProcKey, successor: ProcKey) -> tuple[Book, tuple[Incident, ...]]:
    """The work came back as another process: its incidents, which are returned, are about that one now."""
    moved = {
        place: incident._replace(key=successor, returns=incident.returns + 1, gone_until=0.0)
        for place, incident in book.incidents.items()
        if incident.key == predecessor
    }
    return (book._replace(incidents={**book.incidents, **moved}), tuple(moved.values())) if moved else (book, ())


def is_back(book: Book, incident: Incident) -> Book:
    """What was gone when the watch was started burns after all: its end will be seen."""
    back = incident._replace(gone_until=0.0)
    return book._replace(incidents={**book.incidents, (back.rule, back.work.lineage): back})


def tell_within(book: Book, incident: Incident, other: Incident) -> Book:
    """The alert about another one tells of this one too: it is silent as long as that is open."""
    finding = None if incident.finding is None else incident.finding._replace(push=False)
    silent = incident._replace(push=False, finding=finding, within=other.id)
    return book._replace(incidents={**book.incidents, (silent.rule, silent.work.lineage): silent})


def unheard(book: Book, incident: Incident) -> Book:
    """It is over, and nobody was told of it: when it is opened again, that is news."""
    finding = None if incident.finding is None else incident.finding._replace(push=False)
    place = (incident.rule, incident.work.lineage)
    closed = book.closed[place]._replace(incident=incident._replace(finding=finding))
    return book._replace(closed={**book.closed, place: closed})


def throttle(book: Book, incident: Incident) -> Book:
    """Its group runs into a limit."""
    held = incident._replace(throttled=True)
    return book._replace(incidents={**book.incidents, (held.rule, held.work.lineage): held})


def remind(
    book: Book, now: float, remind_after_s: float, silent: Container[int] = ()
) -> tuple[Book, tuple[Incident, ...]]:
    """The incidents to tell of again at `now` (monotonic). Each time takes twice as long, at most a day.

    `silent`: those that somebody has taken over; their next reminder is as far away as if this one had been sent.
    """
    if all(now < incident.remind_at for incident in book.incidents.values()):
        return book, ()
    due: list[Incident] = []
    incidents = dict(book.incidents)
    for place, incident in book.incidents.items():
        told = incident.push or (incident.finding is not None and incident.finding.push)
        if told and now >= incident.remind_at:
            wait_s = _pause(incident.reminders + 1, remind_after_s)
            reminded = incident._replace(remind_at=now + wait_s, reminders=incident.reminders + 1)
            if incident.id not in silent:
                reminded = reminded._replace(push=True)
                due.append(reminded)
            incidents[place] = reminded
    return (book._replace(incidents=incidents), tuple(due)) if incidents != book.incidents else (book, ())


def reopen(book: Book, incident: Incident, age_s: float, now: float, remind_after_s: float) -> Book:
    """An incident that was open when the watch was last stopped, `age_s` after it was opened."""
    incident = _since(incident, age_s, now, remind_after_s)
    return book._replace(incidents={**book.incidents, (incident.rule, incident.work.lineage): incident})


def remember(book: Book, closed: Closed, age_s: float, now: float, remind_after_s: float) -> Book:
    """An incident that was over when the watch was last stopped, `age_s` after it was last opened."""
    incident = _since(closed.incident, age_s, now, remind_after_s)
    place = (incident.rule, incident.work.lineage)
    return book._replace(closed={**book.closed, place: Closed(incident, closed.wall)})


def restored(record: IncidentRecord, rule: Rule | None, boot_id: str, now: float) -> Incident:
    """From the store; `now` (monotonic) is when it is reminded of, until somebody reckons that. None: no such rule."""
    key = None
    if record.pid is not None and record.start_ticks is not None:
        key = ProcKey(boot_id, record.pid, record.start_ticks)
    work = Work(record.lineage.key, record.lineage.group, record.lineage.name)
    finding = None if rule is None else Finding(
        "sustained", rule.name, record.severity, work.group, key, record.percent, record.window_s,
        record.opened_at, kind=rule.kind, push=record.push,
    )  # fmt: skip
    return Incident(
        record.id, work, record.rule, record.severity, key, record.percent, record.window_s, record.opened_at,
        frozenset((story(record.rule, work.group, key),)), now, push=record.push, finding=finding,
    )  # fmt: skip


def _since(incident: Incident, age_s: float, now: float, remind_after_s: float) -> Incident:
    reminders, at = 0, remind_after_s
    while at <= age_s:
        reminders += 1
        at += _pause(reminders, remind_after_s)
    return incident._replace(reminders=reminders, remind_at=now + at - age_s)


def _pause(reminders: int, remind_after_s: float) -> float:
    """Seconds after so many reminders to the next one."""
    return float(min(remind_after_s * 2 ** min(reminders, 20), max(LONGEST_REMINDER_S, remind_after_s)))


def case_request(kind: Kind, incident: Incident, *, unseen: bool = False) -> CaseRequest:
    """What a case is told about an incident. `unseen`: it ended while no watch was there to see it."""
    finding = incident.finding
    return CaseRequest(
        incident_id=incident.id,
        kind=kind,
        rule=incident.rule,
        severity=incident.severity,
        pid=incident.key.pid if incident.key else 0,
        start_ticks=incident.key.start_ticks if incident.key else 0,
        group=incident.work.group,
        lineage=incident.work.lineage,
        percent=incident.percent,
        window_s=incident.window_s,
        opened_at=incident.opened_at,
        rule_kind="cpu" if finding is None else finding.kind,
        harm="" if finding is None else finding.harm,
        returns=0 if finding is None else finding.returns,
        demand=0.0 if finding is None else finding.demand,
        unseen=unseen,
    )


def preparation(finding: Finding, work: Work) -> CaseRequest:
    """What a case is told about a suspect: prepare, there is no incident yet."""
    key = finding.key
    return CaseRequest(
        incident_id=0,
        kind="suspect",
        rule=finding.rule,
        severity=finding.severity,
        pid=key.pid if key else 0,
        start_ticks=key.start_ticks if key else 0,
        group=finding.group,
        lineage=work.lineage,
        percent=finding.percent,
        window_s=finding.window_s,
        opened_at=finding.wall,
    )


def summary(finding: Finding, work: Work) -> str:
    """One line; the case replaces it by a better one once it knows the owner."""
    over = duration(finding.window_s)
    if finding.kind in ("pressure", "steal"):
        return of_host(finding.kind, finding.percent, finding.window_s)
    if finding.kind == "restarts":
        return f"{work.name} has ended and come back at least {finding.returns} times in {over}"
    who = f"{work.name} (PID {finding.key.pid})" if finding.key else f"everything in {work.name}"
    if finding.returns:
        who = f"a series of short-lived groups ({work.name})"
    return f"{who} has used {finding.percent:.0f} % of a core for {over}{_held_back(finding)}"


def of_host(kind: RuleKind, percent: float, window_s: float) -> str:
    """The same of the host itself."""
    if kind == "steal":
        return f"the provider has taken {percent:.0f} % of this host's CPU time for {duration(window_s)}"
    return f"for {duration(window_s)}, processes have waited for a CPU {percent:.0f} % of the time"


def _held_back(finding: Finding) -> str:
    """Why that is all that it used, where something held it; "" otherwise."""
    if finding.demand < finding.percent * 1.1:
        return ""
    if finding.limit is not None and finding.limit < 100:
        throttled = f", where it is throttled {finding.throttled:.0f} % of the time" if finding.throttled else ""
        return f", all that its limit of {finding.limit:.0f} % allows{throttled}"
    if finding.waited >= finding.steal:
        return f", and wanted {finding.demand:.0f} %: it waits for others"
    return f", and wanted {finding.demand:.0f} %: the provider takes {finding.steal:.0f} %"


def duration(seconds: float) -> str:
    """In the words of a sentence: 90 -> "90 seconds", 300 -> "5 minutes"."""
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length or (seconds >= length and seconds % length == 0):
            count = round(seconds / length)
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds:.0f} seconds"
