"""What the watch tells by itself: of the host, and of what no case has explained. Pure."""

from typing import Final

from runaway_watchdog.linux.cgroup import name_of
from runaway_watchdog.model.events import CaseRequest
from runaway_watchdog.model.sampling import Sample
from runaway_watchdog.watch.incidents import SEVERITIES, Book, Incident, duration, of_host

MOST_NAMED: Final = 3
TOGETHER_S: Final = 60.0
"""What comes within so long is one story: a host whose processes wait, and the one who takes its CPUs."""
OF_HOST: Final = ("pressure", "steal")


def is_of_host(incident: Incident) -> bool:
    """Is it about the host itself, and blames no process?"""
    return incident.finding is not None and incident.finding.kind in OF_HOST


def waits_for_cpu(book: Book) -> Incident | None:
    """The open incident that says so of the host."""
    of_host = (each for each in book.incidents.values() if each.finding and each.finding.kind == "pressure")
    return next(of_host, None)


def busiest(book: Book, sample: Sample | None) -> tuple[tuple[str, float, int], ...]:
    """The groups that use most now, in percent of a core, with the numbers of their open incidents; 0: none."""
    groups = () if sample is None else sample.groups
    numbers = {each.work.group: each.id for each in book.incidents.values() if not is_of_host(each)}
    most = sorted(groups, key=lambda each: -each.percent)[:MOST_NAMED]
    return tuple((each.group, round(each.percent, 1), numbers.get(each.group, 0)) for each in most)


def is_culprit(incident: Incident, host: Incident, sample: Sample | None) -> bool:
    """Does its group use more than half of all that the host uses? Of many alike none is the culprit; nor is one whose
    alert may wait where the host's goes out."""
    if sample is None or incident.finding is None or incident.finding.kind != "cpu" or not as_severe(incident, host):
        return False
    of_group = next((each.percent for each in sample.groups if each.group == incident.work.group), 0.0)
    whole = sample.busy_percent
    return of_group > (sum(each.percent for each in sample.groups) if whole is None else whole) / 2


def as_severe(incident: Incident, other: Incident) -> bool:
    return SEVERITIES.index(incident.severity) >= SEVERITIES.index(other.severity)


def culprit(book: Book, host: Incident, sample: Sample) -> Incident | None:
    """Who was told of just now as the culprit of what the host's incident says."""
    lately = (each for each in book.incidents.values() if each.push and sample.wall - each.opened_at <= TOGETHER_S)
    return next((each for each in lately if is_culprit(each, host, sample)), None)


def teller(book: Book, host: Incident) -> Incident | None:
    """The open incident whose alert tells of this one of the host too."""
    return next((each for each in book.incidents.values() if host.within and each.id == host.within), None)


def host_text(told: CaseRequest, host: str) -> tuple[str, str]:
    """Subject and text of what is told of the host without a case."""
    steal, over = told.rule_kind == "steal", told.kind == "resolved"
    what = "the provider takes its CPUs" if steal else "processes wait for a CPU"
    subject = f"[{told.severity}] {host}: {'no longer: ' if over else ''}{what}"
    lines = [f"{of_host(told.rule_kind, told.percent, told.window_s)}."]
    if over:
        lines = [f"It is over: {lines[0]}"]
    elif steal:
        lines.append("No process here is to blame. Ask the provider, or move to a plan with dedicated CPUs.")
    else:
        lines += ["Who uses most:", *(_user(*each) for each in told.busiest)]
        lines += ["See who it is, and what keeps it alive:", "    runaway-watchdog scan"]
    lines.append(f"(rule {told.rule})")
    return subject, "\n".join(lines) + "\n"


def _user(group: str, percent: float, number: int) -> str:
    return f"    {percent:.0f} % of a core  {name_of(group)}{f' (incident {number})' if number else ''}"


FAILED: Final = "The explanation could not be made (three attempts failed)."
MANY: Final = "So many came at once that none of them was explained."


def fallback_text(told: CaseRequest, work_name: str, host: str, why: str) -> tuple[str, str]:
    """Subject and text of an alert that no case has explained: what is known, why no more, and how to learn it."""
    if told.rule_kind in OF_HOST:
        return host_text(told, host)
    who = f"{work_name} (PID {told.pid})" if told.pid else work_name
    loops = told.rule_kind == "restarts"
    begun = "ends and comes back" if loops else "is a runaway"
    over = {"resolved": "has calmed down", "reminder": "is still at it"}.get(told.kind, begun)
    over = "has ended while the watch was not running" if told.unseen else over
    figures = f"{told.returns} returns or more" if loops else f"{told.percent:.0f} % of a core"
    subject = f"[{told.severity}] {host}: {who} {over}"
    command = (
        f"runaway-watchdog explain {told.pid}" if told.pid else f"runaway-watchdog incidents show {told.incident_id}"
    )
    lines = (
        f"{who} on {host}: {figures} over {duration(told.window_s)} (rule {told.rule}).",
        f"It belongs to {name_of(told.group)}." if told.group else "It belongs to no unit or container.",
        f"{why} On the host, try:",
        f"    {command}",
        "Do not stop or remove anything before you know who owns it.",
    )
    return subject, "\n".join(lines) + "\n"
