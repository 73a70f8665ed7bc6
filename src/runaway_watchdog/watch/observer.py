"""What the watch knows: samples in, history and commissions out. The loop says when; this never waits."""

import os
from collections.abc import Callable, Collection, Iterable
from typing import Final

from runaway_watchdog.model.events import Commission, Finding
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import Rule, Sample
from runaway_watchdog.store import records
from runaway_watchdog.watch import detect, incidents, lineage
from runaway_watchdog.watch import returns as loops
from runaway_watchdog.watch.clocks import read_stat
from runaway_watchdog.watch.configuration import Configuration
from runaway_watchdog.watch.families import SCHEDULERS
from runaway_watchdog.watch.history import History
from runaway_watchdog.watch.identity import Newcomers, look_again
from runaway_watchdog.watch.incidents import SEVERITIES, Incident, Kind, Work
from runaway_watchdog.watch.judging import Judge
from runaway_watchdog.watch.log import Log
from runaway_watchdog.watch.recorder import Recorder
from runaway_watchdog.watch.sample import SWEEP_S, Host, Sampler

_LOOK_CLOSELY_S: Final = 120.0
"""For so long after a death its successor is looked for at every tick, then at every sweep."""
_FIGURES_S: Final = 10.0
_PREPARED_S: Final = 600.0
_MOST_NAMED: Final = 3


class Observer:
    """Keeps the pure states of detection, lineages and incidents, and feeds them."""

    def __init__(
        self,
        host: Host,
        configuration: Configuration,
        recorder: Recorder,
        log: Log,
        order: Callable[[Commission, str], None],
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
        self._lineages = lineage.State()
        self._detected = detect.State()
        self._loops = loops.State()
        self._judge = Judge(host)
        self._judged = host.clocks.monotonic()
        self._book = incidents.Book()
        self._prepared: dict[str, float] = {}  # lineages, and when their case was last prepared
        self._searched = self._figured = host.clocks.monotonic()
        self.ticks = 0

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
        if left.incidents:
            self._log.info("resumed", incidents=len(left.incidents), processes=len(left.processes))

    def tick(self, vigil: Collection[ProcKey] = ()) -> None:
        """One look at the host, and what follows from it. `vigil`: whose end the kernel is about to tell by itself,
        with its moment, so that one who ends during the look is not noted without."""
        self.ticks += 1
        boottime = self.host.clocks.boottime()
        followed = {key: each.seen.group for key, each in self._lineages.tracked.items()}
        sample = self._sampler.look(followed | self._detected.processes(), self._detected.groups())
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
        self._book, due = incidents.remind(self._book, sample.at, self._configuration.remind_after_s)
        for incident in due:
            self._log.notice("still-running", incident=incident.id, **_shown(incident.key, incident.work))
            self._tell("reminder", incident, sample)
        self._history.note(sample)
        if sample.at - self._figured >= _FIGURES_S:
            self._figured = sample.at
            self._recorder.figures(sample, self._lineages.tracked)
            self._recorder.curves(*self._history.take())

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

    def _apply(self, ended: Iterable[lineage.Ended], candidates: Iterable[lineage.Seen]) -> lineage.State:
        clocks = self.host.clocks
        ended = tuple(ended)
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
            self._book = incidents.follow(self._book, back.predecessor, back.key)
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
            if finding.kind == "cpu" and not self._book.keeps(finding, work):
                self._prepare(finding, work, sample.at)
            return
        judged = self._judge.judge(finding, rule, sample, work.lineage, work.name, self._running_s(finding))
        finding = finding._replace(severity=judged.severity, harm=judged.why, push=judged.push)
        if not self._is_told_already(finding, work):
            self._open(finding, work, sample)

    def _is_told_already(self, finding: Finding, work: Work) -> bool:
        """Does another rule's incident say as much, or a schedule why it comes back?"""
        if finding.kind == "restarts" and self._judge.is_scheduled(finding):
            return True
        return finding.kind in ("cpu", "restarts") and self._book.covers(finding, work)

    def _open(self, finding: Finding, work: Work, sample: Sample) -> None:
        remind_at = sample.at + self._configuration.remind_after_s
        self._book, incident = incidents.sustain(self._book, finding, work, remind_at)
        if incident is None:
            return
        text = incidents.summary(finding, work)
        self._log.warning(
            "runaway" if finding.kind in ("cpu", "restarts") else finding.kind, incident=incident.id, summary=text,
            group=work.group or None, severity=finding.severity, why=finding.harm or None,
        )  # fmt: skip
        self._recorder.opened(incident, text)
        if finding.push:
            self._tell("opened", incident, sample)
        elif finding.kind == "cpu":
            self._prepare(finding, work, sample.at)

    def _prepare(self, finding: Finding, work: Work, now: float) -> None:
        """Its case explains it, and sends nothing."""
        if self._is_news(work, now):
            self._log.info("suspect", cpu=finding.percent, **_shown(finding.key, work))
            self._recorder.prepared(work)
            self._order(incidents.preparation(finding, work), work.name)

    def _tell(self, kind: Kind, incident: Incident, sample: Sample) -> None:
        """Through a case, which explains it; what is said of the host itself needs none."""
        if not incident.push:
            return
        if incident.finding is None or incident.finding.kind in ("cpu", "restarts"):
            self._order(incidents.commission(kind, incident), incident.work.name)
            return
        busiest = sorted(sample.groups, key=lambda each: -each.percent)[:_MOST_NAMED]
        subject, text = incidents.host_text(incident, os.uname().nodename, busiest, over=kind == "resolved")
        self._recorder.fallback(incident.id, self._configuration.channels, subject, text)

    def _judge_again(self, sample: Sample) -> None:
        """What was harmless may have become worse, and ordinary work may take too long. It only goes up."""
        for incident in tuple(self._book.incidents.values()):
            rule, finding = self._rule(incident.rule), incident.finding
            if rule is None or finding is None or (incident.push and not rule.by_harm):
                continue
            finding = finding._replace(key=incident.key, severity=rule.severity, push=rule.push)
            running_s = self._running_s(finding) + max(0.0, sample.wall - incident.opened_at)
            judged = self._judge.judge(finding, rule, sample, incident.work.lineage, incident.work.name, running_s)
            worse = SEVERITIES.index(judged.severity) > SEVERITIES.index(incident.severity)
            if (worse and judged.push) or (judged.push and not incident.push):
                first = not incident.push
                severity = judged.severity if worse else incident.severity
                self._book, now_worse = incidents.escalate(self._book, incident, severity, judged.why)
                self._log.warning("escalated", incident=incident.id, severity=severity, why=judged.why)
                self._recorder.escalated(now_worse)
                self._tell("opened" if first else "reminder", now_worse, sample)

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
        key = None
        if record.pid is not None and record.start_ticks is not None:
            key = ProcKey(self.host.boot_id, record.pid, record.start_ticks)
        work = Work(record.lineage.key, record.lineage.group, record.lineage.name)
        incident = Incident(
            record.id, work, record.rule, record.severity, key, record.percent, record.window_s, record.opened_at,
            frozenset(((work.group, key),)), now,
        )  # fmt: skip
        if rule is None:  # it is no longer configured: nothing would ever resolve it
            self._recorder.resolved(incident)
            return
        finding = Finding(
            "sustained", rule.name, record.severity, work.group, key, record.percent, record.window_s,
            record.opened_at, kind=rule.kind, push=rule.push,
        )  # fmt: skip
        incident = incident._replace(push=rule.push, finding=finding)
        self._book = incidents.reopen(
            self._book, incident, max(0.0, wall - record.opened_at), now, self._configuration.remind_after_s
        )
        if rule.kind == "restarts":
            self._loops = loops.resume(self._loops, rule, work.group, now)
            return
        stat = read_stat(self.host.paths, key.pid) if key else None
        alive = key is not None and stat is not None and not stat.dead and stat.start_ticks == key.start_ticks
        self._detected = detect.resume(self._detected, rule, work.group, key, record.percent, alive=alive)


def _shown(key: ProcKey | None, work: Work) -> dict[str, object]:
    return {"pid": key.pid if key else None, "name": work.name, "group": work.group or None}
