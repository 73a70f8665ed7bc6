"""What the watch knows: samples in, history and commissions out. The loop says when; this never waits."""

import os
from collections.abc import Callable, Collection, Iterable
from typing import Final

from runaway_watchdog.model.events import CaseRequest, Finding
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import Rule, Sample
from runaway_watchdog.model.user_input import Expectation, Said
from runaway_watchdog.store import records
from runaway_watchdog.watch import detect, incidents, lineage, returns as loops
from runaway_watchdog.watch.clocks import read_stat
from runaway_watchdog.watch.configuration import Configuration
from runaway_watchdog.watch.expected import expected
from runaway_watchdog.watch.families import SCHEDULERS
from runaway_watchdog.watch.history import History
from runaway_watchdog.watch.identity import Newcomers, look_again
from runaway_watchdog.watch.incidents import SEVERITIES, Incident, Kind, Work
from runaway_watchdog.watch.judging import Judge, burns
from runaway_watchdog.watch.log import Log
from runaway_watchdog.watch.recorder import Recorder
from runaway_watchdog.watch.sample import SWEEP_S, HostFacts, Sampler

_LOOK_CLOSELY_S: Final = 120.0
"""For so long after a death its successor is looked for at every tick, then at every sweep."""
_FIGURES_S: Final = 10.0
_CURVES_S: Final = 60.0
_PREPARED_S: Final = 600.0
_MOST_NAMED: Final = 3


class Observer:
    """Keeps the pure states of detection, lineages and incidents, and feeds them."""

    def __init__(
        self,
        host: HostFacts,
        configuration: Configuration,
        recorder: Recorder,
        log: Log,
        order: Callable[[CaseRequest, str], None],
    ) -> None:
        """`order` gets what a case has to see to, and the program's name."""
        self.host = host
        self._configuration = configuration
        self._recorder = recorder
        self._log = log
        self._order = order
        self._sampler = Sampler(host, configuration.lowest)
        self._newcomers = Newcomers(host, self._sampler)
        self._history = History(host.paths, host.clocks.monotonic())
        self._lineages = lineage.LineageState()
        self._detected = detect.DetectState()
        self._loops = loops.ReturnState()
        self._judge = Judge(host)
        self._judged = host.clocks.monotonic()
        self._book = incidents.Book()
        self._prepared: dict[str, float] = {}  # lineages, and when their case was last prepared
        self._searched = self._figured = self._curved = host.clocks.monotonic()
        self._said = Said()
        self.ticks = 0

    def hear(self, said: Said) -> None:
        """What people have told since. May be called on another thread."""
        self._said = said

    def tracked(self) -> Collection[ProcKey]:
        """The processes whose deaths matter."""
        return self._lineages.tracked

    def status(self) -> str:
        """One line for `systemctl status`."""
        count = len(self._book.incidents)
        return f"{count} open incident{'' if count == 1 else 's'}, {len(self._lineages.tracked)} processes tracked"

    def configure(self, configuration: Configuration) -> None:
        """New rules from the next tick on; what they have in common with the old ones goes on."""
        self._configuration = configuration
        self._sampler.lowest = configuration.lowest

    def resume(self, left: records.Resumed) -> None:
        """Go on where the watch before this one stopped."""
        clocks = self.host.clocks
        now, wall, boottime = clocks.monotonic(), clocks.wall(), clocks.boottime()
        self._book = self._book._replace(next_id=left.next_incident)
        for process in left.processes:
            # One that died meanwhile is tracked all the same: the first tick misses it, and looks for its successor.
            work = process.lineage
            seen = look_again(self.host, process.key) or lineage.remembered(
                process.key, work.group, work.key, work.name
            )
            self._lineages = lineage.track(self._lineages, (seen,), wall, boottime - (wall - process.seen_at))
        for work_key, seconds in left.lengths:
            self._judge.lengths.add(work_key, seconds)
        for record in left.incidents:
            self._reopen(record, now, wall)
        for closed in left.closed:
            self._remember(closed, now, wall)
        self._tell_what_was_cut_off(left)
        if left.incidents:
            self._log.info("resumed", incidents=len(left.incidents), processes=len(left.processes))

    def tick(self, vigil: Collection[ProcKey] = ()) -> None:
        """One look at the host, and what follows from it. `vigil`: whose end the kernel is about to tell by itself,
        with its moment, so that one who ends during the look is not noted without."""
        self.ticks += 1
        boottime = self.host.clocks.boottime()
        followed = {key: each.seen.group for key, each in self._lineages.tracked.items()}
        sample = self._sampler.look(followed | self._detected.processes(), self._detected.groups())
        self._history.note(sample)
        alive = {each.key for each in sample.processes}
        self._lineages, ripe = lineage.warm_up(self._lineages, sample, self._configuration.lowest, boottime)
        for key, hot_s in ripe.items():
            self._track(key, sample.wall - hot_s)
        missed = [
            lineage.Ended(key, boottime, sample.wall, exact=False)
            for key in followed
            if key not in alive and key not in vigil
        ]
        self._observe(missed)
        self._lineages = lineage.let_go(self._lineages, self._detected.processes(), boottime)
        self._detected, findings = detect.detect(self._detected, sample, self._configuration.rules)
        prompt = [group for group in sample.restarted if group.rpartition("/")[2] not in SCHEDULERS]
        self._loops = loops.note(self._loops, prompt, "group", sample.at) if prompt else self._loops
        self._loops, looping = loops.detect(self._loops, sample.at, sample.wall, self._configuration.rules)
        for finding in (*findings, *looping):
            self._conclude(finding, sample)
        if sample.at - self._judged >= SWEEP_S:
            self._judged = sample.at
            self._judge_again(sample)
        remind_after_s = self._configuration.remind_after_s
        self._book, due = incidents.remind(self._book, sample.at, remind_after_s, self._said.acknowledged)
        for incident in due:
            self._log.notice("still-running", incident=incident.id, **_shown(incident.key, incident.work))
            self._tell("reminder", incident, sample)
        if sample.at - self._figured >= _FIGURES_S:
            self._figured = sample.at
            self._recorder.figures(sample, self._lineages.tracked)
        if sample.at - self._curved >= _CURVES_S:
            self.write_curves()

    def write_curves(self) -> None:
        """Once a minute, and whenever somebody is about to look at them."""
        self._curved = self.host.clocks.monotonic()
        self._recorder.curves(self._history.take())

    def died(self, keys: Iterable[ProcKey]) -> None:
        """The kernel has just told of these deaths."""
        boottime, wall = self.host.clocks.boottime(), self.host.clocks.wall()
        self._lineages = self._apply([lineage.Ended(key, boottime, wall, exact=True) for key in keys], ())

    def look_for_returns(self) -> bool:
        """Between two ticks, soon after a death. True: someone has come back."""
        waiting = len(self._lineages.awaited)
        self._observe(())
        return len(self._lineages.awaited) < waiting

    # --- lineages ---

    def _observe(self, ended: Iterable[lineage.Ended]) -> None:
        """Note deaths, and look for those who took the place of the dead."""
        self._lineages = self._apply(ended, ())
        now, boottime = self.host.clocks.monotonic(), self.host.clocks.boottime()
        everyone = now - self._searched >= SWEEP_S
        if everyone:
            self._searched = now
        awaited = self._lineages.awaited_groups(0.0 if everyone else boottime - _LOOK_CLOSELY_S)
        if awaited:
            self._lineages = self._apply((), self._newcomers.find(awaited, self._lineages.tracked))

    def _apply(self, ended: Iterable[lineage.Ended], candidates: Iterable[lineage.Seen]) -> lineage.LineageState:
        clocks = self.host.clocks
        ended = tuple(ended)
        if not ended and not self._lineages.awaited:
            return self._lineages
        for end in ended:
            seen, hot_s = self._lineages.find(end.key), self._lineages.hot_for(end.key, end.wall)
            if seen is not None and hot_s is not None and hot_s >= lineage.RIPE_S:
                self._judge.lengths.add(seen.lineage, hot_s)
        state, deaths, returns = lineage.observe(self._lineages, ended, candidates, clocks.wall(), clocks.boottime())
        for death in deaths:
            self._log.info("died", pid=death.key.pid, exact=death.exact)
            self._recorder.died(death)
        for back in returns:
            seen = state.tracked[back.key].seen
            self._log.notice(
                "came-back", pid=back.key.pid, name=seen.name, after_pid=back.predecessor.pid, delay_s=back.delay_s
            )
            self._recorder.returned(back, seen)
            self._detected = detect.inherit(self._detected, back.predecessor, back.key)
            self._book, moved = incidents.follow(self._book, back.predecessor, back.key)
            for incident in moved:
                if incident.push and incident.returns == 1:
                    self._order(incidents.case_request("returned", incident), incident.work.name)
            if seen.group and back.delay_s <= loops.PROMPT_S and seen.group.rpartition("/")[2] not in SCHEDULERS:
                self._loops = loops.note(self._loops, [seen.group], "process", clocks.monotonic())
        return state

    def _track(self, key: ProcKey, hot_since: float) -> None:
        seen = look_again(self.host, key)
        if seen is not None:
            self._lineages = lineage.track(self._lineages, (seen,), hot_since, self.host.clocks.boottime())
            self._recorder.tracked(seen, hot_since)

    # --- findings ---

    def _conclude(self, finding: Finding, sample: Sample) -> None:
        if finding.stage == "resolved":
            self._book, incident = incidents.resolve(self._book, finding)
            if incident is not None:
                self._log.notice("resolved", incident=incident.id, **_shown(incident.key, incident.work))
                self._recorder.resolved(incident)
                self._tell("resolved", incident, sample)
            return
        rule = self._rule(finding.rule)
        if rule is None or not self._judge.means(rule, finding):
            return
        work = self._work(finding)
        if finding.stage == "suspect":
            self._recorder.ask_usual(finding.group, self._judge.learn)
            if finding.kind == "cpu" and not self._book.keeps(finding, work):
                self._prepare(finding, work, sample.at)
            return
        judged = self._judge.judge(finding, rule, sample, work.lineage, work.name, self._running_s(finding))
        finding = finding._replace(severity=judged.severity, harm=judged.why, push=judged.push)
        if meant := self._expected(finding.group, sample.wall):
            finding = finding._replace(severity="info", harm=f"{meant.unit} is expected at this time", push=False)
        if not self._is_told_already(finding, work):
            self._open(finding, work, sample)

    def _is_told_already(self, finding: Finding, work: Work) -> bool:
        """Does another rule's incident say as much, or a schedule why it comes back?"""
        if finding.kind == "restarts" and self._judge.is_scheduled(finding):
            return True
        return finding.kind in ("cpu", "restarts") and self._book.covers(finding, work)

    def _expected(self, group: str, wall: float) -> Expectation | None:
        return expected((*self._configuration.expectations, *self._said.expectations), group, wall)

    def _open(self, finding: Finding, work: Work, sample: Sample) -> None:
        same = self._book.same_work(finding, work)
        if same is not None:
            self._book = incidents.join(self._book, same, finding)
            self._worsen(self._book.incidents[same.rule, same.work.lineage], finding.severity, finding, sample)
            return
        newest = self._book.next_id
        remind_after_s = self._configuration.remind_after_s
        self._book, incident = incidents.sustain(self._book, finding, work, sample.at, remind_after_s)
        if incident is None:
            return
        again = incident.id < newest
        text = incidents.summary(finding, work)
        self._log.warning(
            ("reopened" if again else "runaway") if finding.kind in ("cpu", "restarts") else finding.kind,
            incident=incident.id, summary=text, group=work.group or None, severity=finding.severity,
            why=finding.harm or None,
        )  # fmt: skip
        if again:
            self._recorder.reopened(incident, text)
        else:
            self._recorder.opened(incident, text)
        if incident.push:
            self._tell("opened", incident, sample)
        elif finding.kind == "cpu":
            self._explain_silently(incident, sample.at)

    def _prepare(self, finding: Finding, work: Work, now: float) -> None:
        """Its case explains it, and sends nothing."""
        if self._is_news(work, now):
            self._log.info("suspect", cpu=finding.percent, **_shown(finding.key, work))
            self._recorder.prepared(work)
            self._order(incidents.preparation(finding, work), work.name)

    def _explain_silently(self, incident: Incident, now: float) -> None:
        """Its case explains it; it sends nothing but where it meets signs of an intruder."""
        self._prepared[incident.work.lineage] = now
        self._order(incidents.case_request("recorded", incident), incident.work.name)

    def _tell(self, kind: Kind, incident: Incident, sample: Sample | None = None) -> None:
        """Through a case, which explains it; what is said of the host itself needs none."""
        if not incident.push:
            return
        if incident.finding is None or incident.finding.kind in ("cpu", "restarts"):
            self.write_curves()
            self._order(incidents.case_request(kind, incident), incident.work.name)
            return
        groups = () if sample is None else sample.groups
        busiest = sorted(groups, key=lambda each: -each.percent)[:_MOST_NAMED]
        subject, text = incidents.host_text(incident, os.uname().nodename, busiest, over=kind == "resolved")
        self._recorder.tell(incidents.case_request(kind, incident), self._configuration.channels, subject, text)

    def _judge_again(self, sample: Sample) -> None:
        """What was harmless may have become worse, and ordinary work may take too long. It only goes up."""
        self._note_limits(sample)
        for incident in tuple(self._book.incidents.values()):
            rule, finding = self._rule(incident.rule), incident.finding
            if rule is None or finding is None or (incident.push and not rule.by_harm):
                continue
            if self._expected(incident.work.group, sample.wall) is not None:
                continue
            finding = finding._replace(key=incident.key, severity=rule.severity, push=rule.push)
            if not burns(finding, rule, sample):
                continue
            running_s = self._running_s(finding) + max(0.0, sample.wall - incident.opened_at)
            judged = self._judge.judge(finding, rule, sample, incident.work.lineage, incident.work.name, running_s)
            worse = SEVERITIES.index(judged.severity) > SEVERITIES.index(incident.severity)
            silent = incident.finding is not None and not incident.finding.push
            if judged.push and (worse or silent):
                severity = judged.severity if worse else incident.severity
                self._worsen(incident, severity, finding._replace(harm=judged.why), sample)

    def _note_limits(self, sample: Sample) -> None:
        """The first time that an incident's group runs into a limit belongs to its story."""
        held = {each.group: each.held for each in sample.groups if each.held.throttled}
        for incident in tuple(self._book.incidents.values()) if held else ():
            limits = held.get(incident.work.group)
            if limits is not None and not incident.throttled:
                self._book = incidents.throttle(self._book, incident)
                self._recorder.throttled(incident, limits.limit, limits.throttled)

    def _worsen(self, incident: Incident, severity: str, finding: Finding, sample: Sample) -> None:
        """From now on it is told of as what it is now."""
        first = not incident.push
        self._book, worse = incidents.escalate(self._book, incident, severity, finding.harm)
        self._log.warning("escalated", incident=incident.id, severity=severity, why=finding.harm)
        self._recorder.escalated(worse)
        self._tell("opened" if first else "escalated", worse, sample)

    def _running_s(self, finding: Finding) -> float:
        hot_s = None if finding.key is None else self._lineages.hot_for(finding.key, finding.wall)
        return finding.window_s if hot_s is None else max(hot_s, finding.window_s)

    def _rule(self, name: str) -> Rule | None:
        return next((each for each in self._configuration.rules if each.name == name), None)

    def _is_news(self, work: Work, now: float) -> bool:
        """Work that goes up and down is prepared for once in a while, not each time."""
        self._prepared = {key: at for key, at in self._prepared.items() if now - at < _PREPARED_S}
        return self._prepared.setdefault(work.lineage, now) == now

    def _work(self, finding: Finding) -> Work:
        """The lineage that a finding is about; the group's own where no process is known."""
        if finding.key is not None:
            if finding.key not in self._lineages.tracked:
                self._track(finding.key, finding.wall - finding.window_s)
            seen = self._lineages.find(finding.key)
            if seen is not None:
                return Work(seen.lineage, seen.group, seen.name)
        name = finding.group.rpartition("/")[2] or "the host"
        return Work(lineage.lineage_key(finding.group, "", ()), finding.group, name)

    def _reopen(self, record: records.IncidentRecord, now: float, wall: float) -> None:
        rule = self._rule(record.rule)
        incident = incidents.restored(record, rule, self.host.boot_id, now)
        if rule is None:  # it is no longer configured: nothing would ever resolve it
            self._recorder.resolved(incident)
            return
        self._book = incidents.reopen(
            self._book, incident, max(0.0, wall - record.opened_at), now, self._configuration.remind_after_s
        )
        key, group = incident.key, incident.work.group
        if rule.kind == "restarts":
            self._loops = loops.resume(self._loops, rule, group, now)
            return
        stat = read_stat(self.host.paths, key.pid) if key else None
        alive = key is not None and stat is not None and not stat.dead and stat.start_ticks == key.start_ticks
        self._detected = detect.resume(self._detected, rule, group, key, record.percent, alive=alive)

    def _remember(self, closed: records.Closed, now: float, wall: float) -> None:
        """It was over, but the same work may open it again."""
        record = closed.incident
        incident = incidents.restored(record, self._rule(record.rule), self.host.boot_id, now)
        self._book = incidents.remember(
            self._book, incidents.Closed(incident, closed.resolved_at), max(0.0, wall - record.opened_at), now,
            self._configuration.remind_after_s,
        )  # fmt: skip

    def _tell_what_was_cut_off(self, left: records.Resumed) -> None:
        """The last watch ended before the case of an opening, or of an end, had written its message."""
        for record in left.incidents:
            incident = self._book.incidents.get((record.rule, record.lineage.key))
            if record.id in left.untold and incident is not None:
                self._tell("opened", incident)
        for record, _ in left.closed:
            last = self._book.closed.get((record.rule, record.lineage.key))
            if record.id in left.untold and last is not None:
                if record.id in left.unheard:
                    self._tell("opened", last.incident)
                self._tell("resolved", last.incident)


def _shown(key: ProcKey | None, work: Work) -> dict[str, object]:
    return {"pid": key.pid if key else None, "name": work.name, "group": work.group or None}
