"""Turns what the watch concludes into small writes for the store's thread: cleaned, masked, bounded."""

import json
import os
import sqlite3
from collections.abc import Callable, Iterable
from functools import lru_cache

from runaway_watchdog.hostile import clean
from runaway_watchdog.masking import mask_argv, mask_text
from runaway_watchdog.model.events import CaseRequest, Death, Return, Sender, incident_document
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import Sample
from runaway_watchdog.model.user_input import UserInput
from runaway_watchdog.store import curves, events, liveness, outbox, records, user_input
from runaway_watchdog.store.database import prune
from runaway_watchdog.store.digest import put_digest
from runaway_watchdog.store.telling import tell
from runaway_watchdog.store.writer import Writer
from runaway_watchdog.watch.history import Stretch
from runaway_watchdog.watch.incidents import Change, Incident, Work
from runaway_watchdog.watch.lineage import Seen

_PATH_LIMIT = 4096
_ARGUMENT_LIMIT = 1000


class Recorder:
    """Never waits: what the queue does not take is counted by the writer."""

    def __init__(self, writer: Writer, boottime: Callable[[], float], wall: Callable[[], float]) -> None:
        self._writer = writer
        self._boottime = boottime
        self._wall = wall
        self._started_at = wall()

    def tracked(self, seen: Seen, hot_since: float | None) -> None:
        """A process is tracked from now on; `hot_since` is None while it has not been hot."""
        process, now = self._process(seen, hot_since), self._wall()
        self._writer.put(lambda store: records.put_process(store, process, now))

    def died(self, death: Death) -> None:
        sender = death.ending.sender if death.ending else None
        if death.ending is not None and isinstance(sender, Sender):
            name, user, login, ssh = (clean(mask_text(text)) for text in sender[1:5])
            told = Sender(sender.pid, name, user, login, ssh, sender.ssh_is_said)
            death = death._replace(ending=death.ending._replace(sender=told))
        self._writer.put(lambda store: records.put_death(store, death))

    def returned(self, back: Return, seen: Seen) -> None:
        process, now = self._process(seen, None), self._wall()
        self._writer.put(lambda store: records.put_return(store, back, process, now))

    def figures(self, sample: Sample, wanted: Iterable[ProcKey]) -> None:
        """The newest CPU figure of every tracked process."""
        keys = set(wanted)
        figures = tuple(
            records.CpuRecord(each.key, each.percent, each.span_s)
            for each in sample.processes
            if each.key in keys and each.span_s > 0
        )
        if figures:
            self._writer.put(lambda store: records.put_cpu(store, figures, sample.wall))

    def curves(self, stretches: Iterable[Stretch]) -> None:
        """What host and groups have used; all of it is one operation."""
        cleaned = [
            each._replace(used=tuple(one._replace(group=clean(one.group, _PATH_LIMIT)) for one in each.used))
            for each in stretches
        ]

        def put(store: sqlite3.Connection) -> None:
            for each in cleaned:
                curves.put_curves(store, each.used, each.watched_s, each.wall)

        if cleaned:
            self._writer.put(put)

    def prepared(self, work: Work) -> None:
        """A suspect: its case wants to leave its explanation under the lineage."""
        lineage, now = _lineage(work), self._wall()
        self._writer.put(lambda store: records.put_lineage(store, lineage, now))

    def incident(self, change: Change, incident: Incident, summary: str = "") -> None:
        """It was opened, reopened (both with a line about it), has become worse, is over, or has no message."""
        now, harm, record = self._wall(), _harm(incident), _record(incident, summary)
        if change == "opened":
            self._writer.put(lambda store: records.open_incident(store, record, harm))
        elif change == "reopened":
            self._writer.put(lambda store: records.reopen_incident(store, record, harm))
        elif change == "escalated":
            self._writer.put(lambda store: records.escalate_incident(store, incident.id, incident.severity, harm, now))
        elif change == "silenced":
            self._writer.put(lambda store: records.silence_incident(store, incident.id, now))
        else:
            self._writer.put(lambda store: records.resolve_incident(store, incident.id, now))

    def throttled(self, incident: Incident, limit: float | None, percent: float) -> None:
        """Its group runs into its limit, in `percent` of the periods."""
        now = self._wall()
        self._writer.put(
            lambda store: events.put_event(store, incident.id, now, "throttled", limit=limit, percent=round(percent, 1))
        )

    def tell(self, alerts: Iterable[tuple[CaseRequest, str, str]], channels: Iterable[str]) -> None:
        """Alerts that no case writes, each with its subject and its text: all of them at once."""
        written = [(request, _message(request, subject, text)) for request, subject, text in alerts]
        to, now = tuple(channels), self._wall()

        def put(store: sqlite3.Connection) -> None:
            for request, message in written:
                tell(store, request, to, message, now)

        self._writer.put(put)

    def digest(self, channels: Iterable[str], host: str) -> None:
        """What was harmless since the last one."""
        to, now = tuple(channels), self._wall()
        self._writer.put(lambda store: put_digest(store, to, host, now))

    def liveness(self, ticks: int, heartbeat_failed_at: float | None = None) -> None:
        told = liveness.Liveness(
            os.getpid(), self._started_at, self._wall(), ticks, self._writer.dropped, heartbeat_failed_at
        )
        self._writer.put(lambda store: liveness.put_liveness(store, told))

    def ask_outbox(self, answer: Callable[[tuple[str, ...]], None]) -> None:
        """Which channels have something to send? `answer` is called on the store's thread."""
        now = self._wall()
        self._writer.put(lambda store: answer(outbox.due_channels(store, now)))

    def ask_user_input(self, answer: Callable[[UserInput], None]) -> None:
        """What people have told through `ack` and `expect`. `answer` is called on the store's thread."""
        now = self._wall()
        self._writer.put(lambda store: answer(user_input.in_force(store, now)))

    def ask_usual(self, group: str, answer: Callable[[str, float, float], None]) -> None:
        """What a group has used at this hour on other days. `answer` gets group, percent of a core, and the time; it is
        called on the store's thread, and not at all where too little is known, or the group is none."""
        now = self._wall()

        def ask(store: sqlite3.Connection) -> None:
            percent = curves.usual(store, clean(group, _PATH_LIMIT), now)
            if percent is not None:
                answer(group, percent, now)

        if group:
            self._writer.put(ask)

    def prune(self, keep_s: float) -> None:
        now = self._wall()
        self._writer.put(lambda store: prune(store, now, keep_s))

    def _process(self, seen: Seen, hot_since: float | None) -> records.ProcessRecord:
        return records.ProcessRecord(
            key=seen.key,
            lineage=_lineage(Work(seen.lineage, seen.group, seen.name)),
            cmdline=_cmdline(seen.argv),
            started_at=self._wall() - (self._boottime() - seen.start_s),
            hot_since=hot_since,
        )


@lru_cache(maxsize=16)
def _cmdline(argv: tuple[str, ...]) -> str:
    """As JSON, masked. A loop comes back with the same one each second: masking takes longer than all else of that."""
    return json.dumps([clean(word, _ARGUMENT_LIMIT) for word in mask_argv(argv)])


def _message(request: CaseRequest, subject: str, text: str) -> str:
    document = incident_document(request.kind, request.incident_id, request.severity, request.harm, None)
    return json.dumps({"subject": clean(mask_text(subject)), "text": mask_text(text), "document": document})


def _record(incident: Incident, summary: str) -> records.IncidentRecord:
    key = incident.key
    return records.IncidentRecord(
        id=incident.id,
        lineage=_lineage(incident.work),
        rule=incident.rule,
        severity=incident.severity,
        summary=clean(mask_text(summary)),
        opened_at=incident.opened_at,
        percent=incident.percent,
        window_s=incident.window_s,
        pid=key.pid if key else None,
        start_ticks=key.start_ticks if key else None,
        push=incident.push,
    )


def _harm(incident: Incident) -> str:
    return "" if incident.finding is None else clean(mask_text(incident.finding.harm))


def _lineage(work: Work) -> records.LineageRecord:
    return records.LineageRecord(work.lineage, clean(work.group, _PATH_LIMIT), clean(mask_text(work.name)))
