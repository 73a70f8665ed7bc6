"""The alert about a host whose processes wait for a CPU: what it lacks even more, and who uses most."""

from collections.abc import Sequence
from typing import Final

from runaway_watchdog.hostile import header
from runaway_watchdog.model.events import CaseRequest, incident_document
from runaway_watchdog.model.shortage import CpuUser, Shortage
from runaway_watchdog.render import figures
from runaway_watchdog.render.message import CRITICAL, SUBJECT_LIMIT, Message, plain
from runaway_watchdog.render.shortage import SECOND, sentence
from runaway_watchdog.render.steps import safe
from runaway_watchdog.render.story import graded

_FIRST: Final = {"reminder": "Still: ", "escalated": "Worse: "}
_LACKS: Final = {"memory": "is out of memory", "io": "waits for its disk"}


def of_pressure(
    told: CaseRequest, users: Sequence[CpuUser], short: Shortage | None, now: float, host: str
) -> Message:  # fmt: skip
    """Told at `now` (seconds since the epoch)."""
    where, lasting = safe(host, 60), figures.duration(told.window_s)
    lines = [f"{sentence(short)} {SECOND}", ""] if short is not None else []
    lines += [f"For {lasting}, processes on {where} have waited for a CPU {told.percent:.0f} % of the time."]
    lines += [graded(told.severity, told.harm, told.rule), "", "Who uses most CPU:", *map(_user, users), ""]
    number = f"Incident {told.incident_id}, {where}, {figures.stamp(now)}."
    lines += [f"{number} Who keeps them alive, and how to stop them:", "sudo runaway-watchdog scan"]
    made = plain(_subject(told, users, short, where), "\n".join(lines) + "\n")
    document = incident_document(told.kind, told.incident_id, told.severity, told.harm, None)
    return made._replace(document=document)


def _subject(told: CaseRequest, users: Sequence[CpuUser], short: Shortage | None, where: str) -> str:
    first = _FIRST.get(told.kind, "") + (CRITICAL if told.severity == "critical" else "")
    if short is not None:
        most = "" if short.user is None else f", most by {safe(short.user.name, 40)}"
        return header(f"{first}{where} {_LACKS[short.kind]}{most}", SUBJECT_LIMIT)
    culprit = next((each for each in users if not each.works_for_others), None)
    most = "" if culprit is None else f", most by {safe(culprit.name, 40)}"
    return header(f"{first}CPU is short on {where}{most}", SUBJECT_LIMIT)


def _user(each: CpuUser) -> str:
    number = f" (incident {each.incident})" if each.incident else ""
    works = f": it {each.works_for_others}, leave it alone" if each.works_for_others else ""
    return f"  {each.percent:4.0f} % of a core  {safe(each.name, 70)}{number}{works}"
