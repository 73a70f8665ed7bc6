"""One message for every channel: a subject, and the same story as text, as HTML and as Markdown."""

import html
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

from runaway_watchdog.alerts import chat, figures, mail
from runaway_watchdog.alerts.moves import safe
from runaway_watchdog.alerts.story import Story, doer, tell
from runaway_watchdog.alerts.text import wrapped, write
from runaway_watchdog.hostile import header
from runaway_watchdog.model.casefile import CaseFile
from runaway_watchdog.model.events import Commission

Kind = Literal["opened", "reminder", "resolved", "test"]
SUBJECT_LIMIT: Final = 60


@dataclass(frozen=True, slots=True)
class Message:
    """What the outbox keeps as JSON."""

    subject: str  # one line, without anything that could start a mail header
    text: str
    html: str
    markdown: str

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, document: str | bytes) -> "Message":
        """Subject and text are needed; the other two are made from the text where they are missing.

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
    return Message(
        header(subject, 200),
        text,
        str(parts.get("html") or as_html),
        str(parts.get("markdown") or as_markdown),
    )


def message(case: CaseFile, kind: Kind, now: float, *, incident: int = 0) -> Message:
    """The alert for a case, told at `now` (seconds since the epoch). `incident` is its number, 0 for none."""
    story = tell(case, now)
    if kind == "resolved":  # nothing is left to do: what it was and who kept it alive
        story = replace(story, succession="", headline="", outcomes=(), goal="", moves=(), never=())
    notice = _notice(case, kind, now)
    tail = _tail(case.process.pid, safe(case.host, 60), incident, now)
    subject = _subject(case, kind)
    return _put_together(subject, notice, story, tail)


def fallback(commission: Commission, now: float, *, host: str, reason: str) -> Message:
    """The alert where no case file could be made: what the watch knows, why there is no more, and where to look."""
    where = safe(host, 60)
    what = f"PID {commission.pid}" if commission.pid else safe(commission.group, 100) or "a process"
    lasting = figures.duration(commission.window_s)
    if commission.kind == "resolved":
        subject = f"Over: {what} on {where} is calm again"
        notice = (
            f"{what} on {where} is calm again, {figures.duration(now - commission.opened_at)} after it was reported."
        )
    else:
        subject = f"CPU {commission.percent:.0f} %: {what} on {where}"
        notice = f"{what} uses {figures.share(commission.percent)} on {where}, over the last {lasting}."
    lines = [notice, f"Who keeps it alive could not be found out in time: {safe(reason)}"]
    if commission.group:
        lines.append(f"Its control group: {safe(commission.group, 200)}")
    tail = (" ".join(lines[1:]), *_tail(commission.pid, where, commission.incident_id, now))
    return _put_together(header(subject, SUBJECT_LIMIT), notice, None, tail)


def _put_together(subject: str, notice: str, story: Story | None, tail: tuple[str, ...]) -> Message:
    told = [] if story is None else [write(story)]
    parts = ["\n".join(wrapped(notice, "", "")), *told, "\n".join(line for each in tail for line in _unbroken(each))]
    return Message(
        subject=subject,
        text="\n\n".join(part for part in parts if part) + "\n",
        html=mail.page(subject, notice, story, tail),
        markdown=chat.message(notice, story, tail),
    )


def _unbroken(line: str) -> list[str]:
    """Prose is wrapped; a line with a command stays whole."""
    return [line.replace("`", "")] if "`" in line else wrapped(line, "", "")


def _tail(pid: int, host: str, incident: int, now: float) -> tuple[str, ...]:
    number = f"Incident {incident}, " if incident else ""
    look = f"`sudo runaway-watchdog explain {pid}`" if pid else "`sudo runaway-watchdog scan`"
    return (f"{number}{host}, {figures.stamp(now)}. The newest state, on that host:", look)


def _notice(case: CaseFile, kind: Kind, now: float) -> str:
    lasting = "" if case.since is None else f" It lasted {figures.duration(now - case.since)}."
    if kind == "resolved":
        how = "is calm again" if case.process.alive else "has ended and not come back"
        return f"Over: {_who(case)}{f' on {safe(case.host, 60)}' if case.host else ''} {how}.{lasting}"
    if kind == "reminder":
        return "Reminder: it still goes on."
    if kind == "test":
        return "This is a test message of runaway-watchdog. The case below is invented; a real alert looks like this."
    return ""


def _who(case: CaseFile) -> str:
    """Owner and program: "ocr/worker (tesseract)"."""
    name = safe(case.process.name, 24)
    if not case.owners or case.owners[0].kind in {"unmanaged", "kernel-thread"}:
        return f"{name} ({case.process.pid})"
    owner = safe(case.owners[0].name, 40)
    return owner if name in owner else f"{owner} ({name})"


def _subject(case: CaseFile, kind: Kind) -> str:
    """The essential within SUBJECT_LIMIT characters: how much, who, where, and whether it returns."""
    if not case.process.alive and kind != "resolved":
        return header(f"Ended: {_who(case)} on {safe(case.host, 30)}, not back", SUBJECT_LIMIT)
    first = {"opened": "", "reminder": "Still ", "resolved": "Over: ", "test": "[test] "}[kind]
    percent = "" if case.cpu is None or kind == "resolved" else f"CPU {case.cpu.percent:.0f} %: "
    who, host, end = _who(case), f" on {safe(case.host, 30)}" if case.host else "", _ending(case, kind)
    short = safe(case.owners[0].name if case.owners else case.process.name, 40)
    for words in (who + host + end, short + host + end, short + end, short + host, short):
        if len(first + percent + words) <= SUBJECT_LIMIT:
            return header(first + percent + words, SUBJECT_LIMIT)
    return header(first + percent + short, SUBJECT_LIMIT)


def _ending(case: CaseFile, kind: Kind) -> str:
    """What `kill -9` leads to, in the fewest words."""
    killed = next((fate for fate in case.prognosis if fate.action == "sigkill"), None)
    if kind == "resolved" or killed is None:
        return ""
    if not killed.ends:
        return " - no signal ends it"
    if killed.returns is None:
        return " - may come back"
    if not killed.returns:
        return " - nobody revives it"
    return f" - {doer(killed) if killed.by else 'its owner'} revives it"
