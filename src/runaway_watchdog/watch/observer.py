"""What the watch knows: samples in, history and commissions out. The loop says when; this never waits."""

from collections.abc import Callable, Collection, Iterable
from typing import Final

from runaway_watchdog.model.events import Commission, Finding
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.store import records
from runaway_watchdog.watch import detect, incidents, lineage
from runaway_watchdog.watch.clocks import read_stat
from runaway_watchdog.watch.configuration import Configuration
from runaway_watchdog.watch.identity import Newcomers, look_again
from runaway_watchdog.watch.incidents import Incident, Work
from runaway_watchdog.watch.log import Log
from runaway_watchdog.watch.recorder import Recorder
from runaway_watchdog.watch.sample import SWEEP_S, Host, Sampler

_LOOK_CLOSELY_S: Final = 120.0
"""For so long after a death its successor is looked for at every tick, then at every sweep."""
_FIGURES_S: Final = 10.0
_PREPARED_S: Final = 600.0


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
        self._lineages = lineage.State()
        self._detected = detect.State()
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
        for record in left.incidents:
            self._reopen(record, now, wall)
        if left.incidents:
            self._log.info("resumed", incidents=len(left.incidents), processes=len(left.processes))

    def tick(self) -> None:
        """One look at the host, and what follows from it."""
        self.ticks += 1
        boottime = self.host.clocks.boottime()
        followed = {key: each.seen.group for key, each in self._lineages.tracked.items()}
        sample = self._sampler.look(followed | self._detected.processes(), self._detected.groups())
        alive = {each.key for each in sample.processes}
        self._lineages, ripe = lineage.warm_up(self._lineages, sample, self._configuration.lowest, boottime)
        for key, hot_s in ripe.items():
            self._track(key, sample.wall - hot_s)
        missed = [lineage.Ended(key, boottime, sample.wall, exact=False) for key in followed if key not in alive]
        self._observe(missed)
        self._lineages = lineage.let_go(self._lineages, self._detected.processes(), boottime)
        self._detected, findings = detect.detect(self._detected, sample, self._configuration.rules)
        for finding in findings:
            self._conclude(finding, sample.at)
        self._book, due = incidents.remind(self._book, sample.at, self._configuration.remind_after_s)
        for incident in due:
            self._log.notice("still-running", incident=incident.id, **_shown(incident.key, incident.work))
            self._order(incidents.commission("reminder", incident), incident.work.name)
        if sample.at - self._figured >= _FIGURES_S:
            self._figured = sample.at
            self._recorder.figures(sample, self._lineages.tracked)

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
        return state

    def _track(self, key: ProcKey, hot_since: float) -> None:
        seen = look_again(self.host, key)
        if seen is not None:
            self._lineages = lineage.track(self._lineages, (seen,), hot_since, self.host.clocks.boottime())
            self._recorder.tracked(seen, hot_since)

    # --- findings ---

    def _conclude(self, finding: Finding, now: float) -> None:
        if finding.stage == "resolved":
            self._book, incident = incidents.resolve(self._book, finding)
            if incident is not None:
                self._log.notice("resolved", incident=incident.id, **_shown(incident.key, incident.work))
                self._recorder.resolved(incident)
                self._order(incidents.commission("resolved", incident), incident.work.name)
            return
        work = self._work(finding)
        if finding.stage == "suspect":
            if not self._book.keeps(finding, work) and self._is_news(work, now):
                self._log.info("suspect", cpu=finding.percent, **_shown(finding.key, work))
                self._recorder.prepared(work)
                self._order(incidents.preparation(finding, work), work.name)
            return
        remind_at = now + self._configuration.remind_after_s
        self._book, incident = incidents.sustain(self._book, finding, work, remind_at)
        if incident is not None:
            text = incidents.summary(finding, work)
            self._log.warning("runaway", incident=incident.id, summary=text, group=work.group or None)
            self._recorder.opened(incident, text)
            self._order(incidents.commission("opened", incident), work.name)

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
        rule = next((each for each in self._configuration.rules if each.name == record.rule), None)
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
        self._book = incidents.reopen(
            self._book, incident, max(0.0, wall - record.opened_at), now, self._configuration.remind_after_s
        )
        stat = read_stat(self.host.paths, key.pid) if key else None
        alive = key is not None and stat is not None and not stat.dead and stat.start_ticks == key.start_ticks
        self._detected = detect.resume(self._detected, rule, work.group, key, record.percent, alive=alive)


def _shown(key: ProcKey | None, work: Work) -> dict[str, object]:
    return {"pid": key.pid if key else None, "name": work.name, "group": work.group or None}
