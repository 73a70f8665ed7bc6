"""One message for every channel: a subject, and the same story as text, as HTML, as Markdown and for a pager."""

import html
import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from runaway_watchdog.hostile import header
from runaway_watchdog.linux.cgroup import called
from runaway_watchdog.model.casefile import CaseFile
from runaway_watchdog.model.events import CaseRequest, incident_document
from runaway_watchdog.render import figures, html as mail, markdown as chat
from runaway_watchdog.render.last_end import ended
from runaway_watchdog.render.push import push
from runaway_watchdog.render.shortage import SECOND
from runaway_watchdog.render.steps import LOOKED_AT, safe
from runaway_watchdog.render.story import Story, course, doer, harm, kind_of, tell
from runaway_watchdog.render.text import wrapped, write

Kind = Literal["opened", "recorded", "escalated", "returned", "reminder", "resolved", "test"]
SUBJECT_LIMIT: Final = 60
PUSH_LIMIT: Final = 240
LARGEST_CASE: Final = 262_144
"""Characters of a case file that goes along for programs: services refuse more, and the outbox keeps it by channel."""
CRITICAL: Final = "CRITICAL "
"""The mark of a subject that must stand out."""


class Message(NamedTuple):
    """What the outbox keeps as JSON."""

    subject: str  # one line, without anything that could start a mail header
    text: str
    html: str
    markdown: str
    push: str
    """Without the subject, together with it no more than 300 characters; its last line is the command to learn more."""
    document: Mapping[str, Any] = MappingProxyType({})
    """For programs: {"schema_version", "kind", "incident", "case": as `explain --json`, or null where there is none};
    empty for what is not about an incident."""

    def to_json(self) -> str:
        return json.dumps(self._asdict() | {"document": dict(self.document)})

    @classmethod
    def from_json(cls, document: str | bytes) -> "Message":
        """Subject and text are needed; the other forms are made from the text where they are missing.

        Raises ValueError for anything else.
        """
        read: Any = json.loads(document)
        if (
            not isinstance(read, dict)
            or not isinstance(read.get("subject"), str)
            or not isinstance(read.get("text"), str)
        ):
            raise ValueError("a message is a JSON object with `subject` and `text`")  # noqa: TRY004 - as json.loads
        return plain(read["subject"], read["text"], read)


def plain(subject: str, text: str, parts: Mapping[str, Any] | None = None) -> Message:
    """A message from its text alone, where nothing better is at hand."""
    parts = parts or {}
    as_html = f"<!DOCTYPE html>\n<html><body><pre>{html.escape(text)}</pre></body></html>\n"
    as_markdown = f"```\n{text.replace('```', chr(39) * 3)}\n```\n"
    lines = text.split("\n", 1)[0], text.rstrip().rpartition("\n")[2].strip()
    document = parts.get("document")
    return Message(
        header(subject, 200),
        text,
        str(parts.get("html") or as_html),
        str(parts.get("markdown") or as_markdown),
        str(parts.get("push") or "\n".join(dict.fromkeys(line[: PUSH_LIMIT // 2] for line in lines))),
        document if isinstance(document, dict) else {},
    )


class Incident(NamedTuple):
    """What is known of a case beside its case file: why somebody is told of it."""

    number: int = 0  # 0: none
    severity: str = ""  # info, warning, critical; "" where it is not known
    harm: str = ""  # a sentence, see `story.harm`
    curve: Sequence[tuple[float, float]] = ()  # (moment, percent of a core), oldest first
    document: Mapping[str, Any] = MappingProxyType({})  # the case file as `explain --json` has it
    wanted: float | None = None  # percent of a core, where it got much less
    unseen: bool = False  # it ended while no watch was there to see it
    short: str = ""  # what the host lacks more than CPU, see `shortage.sentence`
    returns: int = 0  # of a restart loop: how many were seen within `window_s`, at least
    window_s: float = 0.0

    @classmethod
    def of(
        cls, found: CaseRequest, curve: Sequence[tuple[float, float]] = (), document: Mapping[str, Any] | None = None
    ) -> "Incident":
        """The incident that a case is asked for."""
        wanted = found.demand if found.held_back else None
        returns = found.returns if found.rule_kind == "restarts" else 0
        told = cls(found.incident_id, found.severity, harm(found), curve, document or {}, wanted, found.unseen)
        return told._replace(returns=returns, window_s=found.window_s)


NONE: Final = Incident()


def message(case: CaseFile, kind: Kind, now: float, about: Incident = NONE) -> Message:
    """The alert for a case, told at `now` (seconds since the epoch)."""
    story = tell(case, now)._replace(harm=about.harm, course=course(about.curve, now))
    if kind == "resolved":  # nothing is left to do: what it was and who kept it alive
        story = story._replace(succession="", headline="", harm="", outcomes=(), goal="", moves=(), dangerous=())
    notice = _notice(case, kind, now, about)
    if about.short and kind != "resolved":
        notice = " ".join(filter(None, (about.short, SECOND, notice)))
    tail = _tail(case.process.pid, safe(case.host, 60), about.number, now)
    told = _put_together(_subject(case, kind, about), notice, story, tail)
    return told._replace(document=_document(kind, about)) if about.document else told


def _document(kind: str, about: Incident) -> Mapping[str, Any]:
    size = len(json.dumps(about.document))
    case = about.document if size <= LARGEST_CASE else _abridged(about, size)
    return incident_document(kind, about.number, about.severity, about.harm, case or None)


def _abridged(about: Incident, size: int) -> Mapping[str, Any]:
    """Of a case file with names of a megabyte: whose it is, and where all of it is."""
    host, owners = str(about.document.get("host", "")), about.document.get("owners") or ()
    named = [{"kind": each["kind"], "name": each["name"][:LOOKED_AT]} for each in owners[:1]]
    left_out = f"{size} characters; on that host: runaway-watchdog incidents show {about.number} --json"
    return {"host": host[:LOOKED_AT], "owners": named, "left_out": left_out}


def fallback(case_request: CaseRequest, now: float, *, host: str, reason: str) -> Message:
    """The alert where no case file could be made: what the watch knows, why there is no more, and where to look."""
    where = safe(host, 60)
    what = f"PID {case_request.pid}" if case_request.pid else safe(called(case_request.group), 100) or "a process"
    lasting = figures.duration(case_request.window_s)
    if case_request.kind == "resolved":
        how = _UNSEEN if case_request.unseen else "is calm again"
        subject = f"Over: {what} on {where} {'has ended' if case_request.unseen else how}"
        notice = f"{what} on {where} {how}, {figures.duration(now - case_request.opened_at)} after it was reported."
    elif case_request.rule_kind == "restarts":
        subject = f"{_marked(case_request.severity)}Restart loop: {what} on {where}"
        notice = f"{what} on {where} ends and comes back: {case_request.returns} times in {lasting}, at least."
    else:
        cpu = _cpu(case_request.percent, case_request.demand if case_request.held_back else None)
        subject = f"{_marked(case_request.severity)}{cpu}: {what} on {where}"
        notice = f"{what} uses {figures.share(case_request.percent)} on {where}, over the last {lasting}."
    lines = [notice]
    if case_request.kind != "resolved" and case_request.harm:
        lines.append(harm(case_request))
    lines.append(f"Who keeps it alive could not be found out in time: {safe(reason)}")
    if case_request.group:
        lines.append(f"It belongs to {safe(called(case_request.group), 200)}.")
    tail = (" ".join(lines[1:]), *_tail(case_request.pid, where, case_request.incident_id, now))
    told = _put_together(header(subject, SUBJECT_LIMIT), notice, None, tail)
    return told._replace(document=_document(case_request.kind, Incident.of(case_request)))


def _put_together(subject: str, notice: str, story: Story | None, tail: tuple[str, ...]) -> Message:
    told = [] if story is None else [write(story)]
    parts = ["\n".join(wrapped(notice, "", "")), *told, "\n".join(line for each in tail for line in _unbroken(each))]
    return Message(
        subject=subject,
        text="\n\n".join(part for part in parts if part) + "\n",
        html=mail.page(subject, notice, story, tail),
        markdown=chat.message(notice, story, tail),
        push=push(subject, notice, story, tail[-1].replace("`", "")),
    )


def _unbroken(line: str) -> list[str]:
    """Prose is wrapped; a line with a command stays whole."""
    return [line.replace("`", "")] if "`" in line else wrapped(line, "", "")


def _tail(pid: int, host: str, incident: int, now: float) -> tuple[str, ...]:
    number = f"Incident {incident}, " if incident else ""
    about = str(pid) if pid else f"--incident {incident}" if incident else ""
    look = f"`sudo runaway-watchdog explain {about}`" if about else "`sudo runaway-watchdog scan`"
    return (f"{number}{host}, {figures.stamp(now)}. The newest state, on that host:", look)


_UNSEEN: Final = "has ended, and not come back, while the watch was not running"


def _notice(case: CaseFile, kind: Kind, now: float, about: Incident) -> str:
    lasting = "" if case.since is None else f" It lasted {figures.duration(now - case.since)}."
    if kind == "resolved":
        if about.unseen:
            how, lasting = _UNSEEN, ""
        else:
            how = "is calm again" if case.process.alive or about.returns else _ended(case)
        return f"Over: {_who(case)}{f' on {safe(case.host, 60)}' if case.host else ''} {how}.{lasting}"
    if kind == "returned":
        return _came_back(case)
    if kind == "escalated":
        return "It has become worse."
    if kind == "reminder":
        return "Reminder: it still goes on."
    if kind == "test":
        return "This is a test message of runaway-watchdog. The case below is invented; a real alert looks like this."
    return _loops(_who(case), about) if about.returns else ""


def _ended(case: CaseFile) -> str:
    ending = next((death.ending for death in case.history.deaths if death.pid == case.process.pid), None)
    return "has ended and not come back" if ending is None else f"{ended(ending)} and has not come back"


def _loops(what: str, about: Incident) -> str:
    return f"{what} ends and comes back: {about.returns} times in {figures.duration(about.window_s)}, at least."


def _came_back(case: CaseFile) -> str:
    """What became of the process that died last: "It died, and came back 0.2 s later as PID 3441."."""
    last = max(case.history.deaths, key=lambda death: death.died_at, default=None)
    if last is None or last.successor_pid is None:
        return "It died, and came back."
    later = "" if last.delay_s is None else f" {figures.delay(last.delay_s)} later"
    return f"PID {last.pid} {ended(last.ending)}, and came back{later} as PID {last.successor_pid}."


def _who(case: CaseFile) -> str:
    """Owner and program: "ocr/worker (tesseract)"."""
    name = safe(case.process.name, 24)
    if not case.process.pid and case.owners:
        return safe(case.owners[0].name, 40)
    if not case.owners or not kind_of(case.owners[0].kind).owned:
        return f"{name} ({case.process.pid})"
    owner = safe(case.owners[0].name, 40)
    return owner if name in owner else f"{owner} ({name})"


_PREFIXES: Final[Mapping[Kind, str]] = {
    "escalated": "Worse: ",
    "returned": "Back: ",
    "reminder": "Still ",
    "resolved": "Over: ",
    "test": "[test] ",
}


def _marked(severity: str) -> str:
    """What stands out among subjects is critical alone."""
    return CRITICAL if severity == "critical" else ""


def _subject(case: CaseFile, kind: Kind, about: Incident) -> str:
    """The essential within SUBJECT_LIMIT characters: how bad, how much, who, where, and whether it returns."""
    if about.returns and not case.process.pid:
        over = _PREFIXES.get(kind, "") + (_marked(about.severity) if kind != "resolved" else "")
        name = safe(case.owners[0].name, 40) if case.owners else _who(case)
        for words in (f"{name} on {safe(case.host, 30)}", name):
            if len(f"{over}Restart loop: {words}") <= SUBJECT_LIMIT:
                break
        return header(f"{over}Restart loop: {words}", SUBJECT_LIMIT)
    if not case.process.alive and kind != "resolved":
        return header(f"Ended: {_who(case)} on {safe(case.host, 30)}, not back", SUBJECT_LIMIT)
    first = _PREFIXES.get(kind, "")
    first += _marked(about.severity) if kind != "resolved" else ""
    percent = "" if case.cpu is None or kind == "resolved" else f"{_cpu(case.cpu.percent, about.wanted)}: "
    who, host, end = _who(case), f" on {safe(case.host, 30)}" if case.host else "", _ending(case, kind)
    short = safe(case.owners[0].name if case.owners else case.process.name, 40)
    for words in (who + host + end, short + host + end, short + end, short + host, short):
        if len(first + percent + words) <= SUBJECT_LIMIT:
            return header(first + percent + words, SUBJECT_LIMIT)
    return header(first + percent + short, SUBJECT_LIMIT)


def _cpu(percent: float, wanted: float | None) -> str:
    """A runaway among many gets little: what it wants is what is wrong with it."""
    return f"CPU {percent:.0f} %" if wanted is None else f"Wants CPU {wanted:.0f} %, gets {percent:.0f}"


def _ending(case: CaseFile, kind: Kind) -> str:
    """What `kill -9` leads to, in the fewest words."""
    killed = next((outlook for outlook in case.prognosis if outlook.action == "sigkill"), None)
    if kind == "resolved" or killed is None:
        return ""
    if not killed.ends:
        return " - no signal ends it"
    if killed.returns is None:
        return " - may come back"
    if not killed.returns:
        return " - nobody revives it"
    return f" - {doer(killed.by)} revives it" if killed.by else " - it comes back"
