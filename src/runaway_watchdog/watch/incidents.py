"""Findings -> incidents: one for each rule and lineage, however often its process changes. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from runaway_watchdog.model.events import Commission, Finding
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import GroupRate

LONGEST_REMINDER_S: Final = 86400.0
SEVERITIES: Final = ("info", "warning", "critical")

Kind = Literal["suspect", "opened", "reminder", "resolved"]
Story = tuple[str, ProcKey | None]
"""What the findings of one story share: the group, and the process that they named."""


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


class Book(NamedTuple):
    """All open incidents, by rule and lineage."""

    next_id: int = 1
    incidents: Mapping[tuple[str, str], Incident] = {}

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


def sustain(book: Book, finding: Finding, work: Work, remind_at: float) -> tuple[Book, Incident | None]:
    """A rule is met: a new incident, or None where the same work is the subject of an open one."""
    place = (finding.rule, work.lineage)
    story: Story = (finding.group, finding.key)
    known = book.incidents.get(place)
    if known is not None:
        known = known._replace(
            stories=known.stories | {story}, key=finding.key, percent=finding.percent, window_s=finding.window_s,
            finding=finding,
        )  # fmt: skip
        return book._replace(incidents={**book.incidents, place: known}), None
    incident = Incident(
        id=book.next_id,
        work=work,
        rule=finding.rule,
        severity=finding.severity,
        key=finding.key,
        percent=finding.percent,
        window_s=finding.window_s,
        opened_at=finding.wall,
        stories=frozenset((story,)),
        remind_at=remind_at,
        push=finding.push,
        finding=finding,
    )
    return Book(book.next_id + 1, {**book.incidents, place: incident}), incident


def escalate(book: Book, incident: Incident, severity: str, harm: str) -> tuple[Book, Incident]:
    """It does more harm than when it was opened, or has gone on for too long: from now on it is told of."""
    finding = None if incident.finding is None else incident.finding._replace(severity=severity, harm=harm, push=True)
    worse = incident._replace(severity=severity, push=True, finding=finding)
    return book._replace(incidents={**book.incidents, (worse.rule, worse.work.lineage): worse}), worse


def resolve(book: Book, finding: Finding) -> tuple[Book, Incident | None]:
    """A story has ended. The incident is returned if that was its last one."""
    story: Story = (finding.group, finding.key)
    for place, incident in book.incidents.items():
        if incident.rule == finding.rule and story in incident.stories:
            left = incident.stories - {story}
            others = {each: kept for each, kept in book.incidents.items() if each != place}
            if not left:
                return book._replace(incidents=others), incident
            return book._replace(incidents={**others, place: incident._replace(stories=left)}), None
    return book, None


def follow(book: Book, predecessor: ProcKey, successor: ProcKey) -> Book:
    """The work came back as another process: its incidents are about that one now."""
    moved = {
        place: incident._replace(key=successor) if incident.key == predecessor else incident
        for place, incident in book.incidents.items()
    }
    return book._replace(incidents=moved)


def remind(book: Book, now: float, remind_after_s: float) -> tuple[Book, tuple[Incident, ...]]:
    """The incidents to tell of again at `now` (monotonic). Each time takes twice as long, at most a day."""
    due: list[Incident] = []
    incidents = dict(book.incidents)
    for place, incident in book.incidents.items():
        if incident.push and now >= incident.remind_at:
            due.append(incident)
            wait_s = _pause(incident.reminders + 1, remind_after_s)
            incidents[place] = incident._replace(remind_at=now + wait_s, reminders=incident.reminders + 1)
    return (book._replace(incidents=incidents), tuple(due)) if due else (book, ())


def reopen(book: Book, incident: Incident, age_s: float, now: float, remind_after_s: float) -> Book:
    """An incident that was open when the watch was last stopped, `age_s` after it was opened."""
    reminders, at = 0, remind_after_s
    while at <= age_s:
        reminders += 1
        at += _pause(reminders, remind_after_s)
    incident = incident._replace(reminders=reminders, remind_at=now + at - age_s)
    return book._replace(incidents={**book.incidents, (incident.rule, incident.work.lineage): incident})


def _pause(reminders: int, remind_after_s: float) -> float:
    """Seconds after so many reminders to the next one."""
    return float(min(remind_after_s * 2 ** min(reminders, 20), max(LONGEST_REMINDER_S, remind_after_s)))


def commission(kind: Kind, incident: Incident) -> Commission:
    """What a case is told about an incident."""
    finding = incident.finding
    return Commission(
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
    )


def preparation(finding: Finding, work: Work) -> Commission:
    """What a case is told about a suspect: prepare, there is no incident yet."""
    key = finding.key
    return Commission(
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
    if finding.kind == "steal":
        return f"the provider has taken {finding.percent:.0f} % of this host's CPU time for {over}"
    if finding.kind == "pressure":
        return f"for {over}, processes have waited for a CPU {finding.percent:.0f} % of the time"
    if finding.kind == "restarts":
        return f"{work.name} has ended and come back at least {finding.returns} times in {over}"
    who = f"{work.name} (PID {finding.key.pid})" if finding.key else f"everything in {work.name}"
    return f"{who} has used {finding.percent:.0f} % of a core for {over}{_held_back(finding)}"


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


def host_text(incident: Incident, host: str, busiest: Sequence[GroupRate], *, over: bool) -> tuple[str, str]:
    """Subject and text of what is told of the host itself: no process is at fault, and so no case explains it."""
    finding = incident.finding
    steal = finding is not None and finding.kind == "steal"
    what = "the provider takes its CPUs" if steal else "processes wait for a CPU"
    subject = f"[{incident.severity}] {host}: {'no longer: ' if over else ''}{what}"
    lines = [f"{summary(finding, incident.work)}." if finding is not None else f"{what}."]
    if over:
        lines = [f"It is over: {lines[0]}"]
    elif steal:
        lines.append("No process here is to blame. Ask the provider, or move to a plan with dedicated CPUs.")
    else:
        lines += ["Who uses most:", *(f"    {each.percent:.0f} % of a core  {each.group}" for each in busiest)]
        lines += ["See who it is, and what keeps it alive:", "    runaway-watchdog scan"]
    lines.append(f"(rule {incident.rule})")
    return subject, "\n".join(lines) + "\n"


def duration(seconds: float) -> str:
    """In the words of a sentence: 90 -> "90 seconds", 300 -> "5 minutes"."""
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length or (seconds >= length and seconds % length == 0):
            count = round(seconds / length)
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds:.0f} seconds"


def fallback_text(told: Commission, work_name: str, host: str) -> tuple[str, str]:
    """Subject and text of an alert that no case could explain: what is known, and how to learn more."""
    who = f"{work_name} (PID {told.pid})" if told.pid else work_name
    over = {"resolved": "has calmed down", "reminder": "is still at it"}.get(told.kind, "is a runaway")
    subject = f"[{told.severity}] {host}: {who} {over}"
    command = (
        f"runaway-watchdog explain {told.pid}" if told.pid else f"runaway-watchdog incidents show {told.incident_id}"
    )
    lines = (
        f"{who} on {host}: {told.percent:.0f} % of a core over {duration(told.window_s)} (rule {told.rule}).",
        f"Group: {told.group}" if told.group else "It belongs to no unit or container.",
        "The explanation could not be made (three attempts failed). On the host, try:",
        f"    {command}",
        "Do not stop or remove anything before you know who owns it.",
    )
    return subject, "\n".join(lines) + "\n"
