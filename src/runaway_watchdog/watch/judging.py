"""What the watch reads of a process before it tells of a finding: does the rule mean it, and what is it worth?

`unit`, `user`, `exe` and `cmdline` of a rule are looked up here, in /proc alone. A container's name, its project and
its image are known only to its engine, which the watch never asks: the case does, and keeps the alert back.
"""

import os
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

from runaway_watchdog.model.events import Finding
from runaway_watchdog.model.sampling import LEAST_TOLD, Rule, Sample
from runaway_watchdog.watch import groups
from runaway_watchdog.watch.clocks import ProcessStat, read_argv, read_stat
from runaway_watchdog.watch.harm import Circumstances, Judgement, judge
from runaway_watchdog.watch.ordinary import kind_of_work
from runaway_watchdog.watch.sample import HostFacts

OWN_UNIT: Final = "runaway-watchdog.service"
"""`shipped.UNIT`, which would load pathlib into the watch for a name."""
_MOST_LINEAGES: Final = 256
_MOST_LENGTHS: Final = 16
_ENOUGH_LENGTHS: Final = 3
_COMMAND_LINE_LIMIT: Final = 4096
_THIS_HOUR_S: Final = 3600.0
_MOST_HABITS: Final = 64


class Lengths:
    """How long the work of each lineage has lasted, as far as it was seen; the newest lineages and times."""

    def __init__(self, known: Iterable[tuple[str, float]] = ()) -> None:
        """`known`: lineage keys and seconds, oldest first."""
        self._seen: dict[str, tuple[float, ...]] = {}
        for lineage, seconds in known:
            self.add(lineage, seconds)

    def add(self, lineage: str, seconds: float) -> None:
        """One run has ended."""
        times = self._seen.pop(lineage, ())
        self._seen[lineage] = (*times, seconds)[-_MOST_LENGTHS:]
        if len(self._seen) > _MOST_LINEAGES:
            del self._seen[next(iter(self._seen))]

    def usual_s(self, lineage: str) -> float | None:
        """The median; None where too few were seen."""
        times = self._seen.get(lineage, ())
        return sorted(times)[len(times) // 2] if len(times) >= _ENOUGH_LENGTHS else None


def burns(finding: Finding, rule: Rule, sample: Sample) -> bool:
    """Does what a finding is about burn at this look? Work that has ended is no worse for having been long."""
    if finding.kind != "cpu":
        return True
    if finding.key is not None:
        wanted = [max(each.percent, each.demand) for each in sample.processes if each.key == finding.key]
    else:
        wanted = [max(each.percent, each.demand) for each in sample.groups if each.group == finding.group]
    return any(each >= rule.cpu for each in wanted)


class Judge:
    """Reads /proc of the process that a finding names."""

    def __init__(self, host: HostFacts, root: str = "") -> None:
        """`root` stands before the directories of unit files."""
        self._host = host
        self._root = root
        own = groups.group_of(host.paths, host.tree, os.getpid())
        self._own_service = own if own.endswith(f"/{OWN_UNIT}") else ""
        self.lengths = Lengths()
        self._habits: dict[str, tuple[float, float]] = {}  # of groups: what they usually use at a time, and that time

    def learn(self, group: str, percent: float, wall: float) -> None:
        """What a group usually uses at this hour, of one core. May be called on another thread."""
        newest = [each for each in self._habits.items() if each[0] != group][1 - _MOST_HABITS :]
        self._habits = dict((*newest, (group, (percent, wall))))

    def _habit(self, finding: Finding, sample: Sample) -> str:
        """In words, for a finding about CPU; "" where too little is known of its group at this hour."""
        known = self._habits.get(finding.group)
        if finding.kind != "cpu" or known is None or sample.wall - known[1] >= _THIS_HOUR_S:
            return ""
        usual = f"{known[0]:.0f} %" if known[0] >= LEAST_TOLD else f"less than {LEAST_TOLD:g} %"
        now = next((each.percent for each in sample.groups if each.group == finding.group), finding.percent)
        return f"normally {usual} at this hour, now {now:.0f} %"

    def means(self, rule: Rule, finding: Finding) -> bool:
        """Does the rule speak of this unit, user and program? What the engine knows is not asked here.

        None speaks of our own service. On a crowded host its cases come and go like a loop and want CPU like a runaway:
        each alert about them would start another. Its unit's limits hold it, and `status` tells what it costs.
        """
        if finding.group and finding.group == self._own_service:
            return False
        return all(self._matches(what, pattern, finding) for what, pattern in rule.only)

    def judge(
        self, finding: Finding, rule: Rule, sample: Sample, lineage: str, name: str, running_s: float
    ) -> Judgement:
        """What the finding is worth now; `lineage` and `name` are those of the work, at it for `running_s`."""
        stat = self._stat(finding) or ProcessStat("", dead=False, start_ticks=0)
        about = Circumstances(
            nice=stat.nice,
            policy=stat.policy,
            ordinary=kind_of_work(finding.group, name, terminal=bool(stat.tty), root=self._root),
            running_s=running_s,
            usual_s=self.lengths.usual_s(lineage),
        )
        judged = judge(finding, sample, about, by_harm=rule.by_harm)
        return judged._replace(why="; ".join(filter(None, (judged.why, self._habit(finding, sample)))))

    def is_scheduled(self, finding: Finding) -> bool:
        """Does it come back because a schedule says so?"""
        return kind_of_work(finding.group, "", terminal=False, root=self._root) in ("cron job", "timer job")

    def _stat(self, finding: Finding) -> ProcessStat | None:
        if finding.key is None:
            return None
        stat = read_stat(self._host.paths, finding.key.pid)
        return stat if stat is not None and stat.start_ticks == finding.key.start_ticks else None

    def _matches(self, what: str, pattern: str, finding: Finding) -> bool:
        if what == "unit":
            return fnmatchcase(finding.group.rpartition("/")[2], pattern)
        if what not in ("user", "exe", "cmdline"):
            return True
        if finding.key is None or self._stat(finding) is None:
            return False  # a rule about a program says nothing of a swarm that no process stands for
        where = f"{self._host.paths.proc}/{finding.key.pid}"
        if what == "cmdline":
            line = " ".join(read_argv(self._host.paths, finding.key.pid))
            return fnmatchcase(line[:_COMMAND_LINE_LIMIT], pattern)
        try:
            if what == "user":
                return str(os.stat(where).st_uid) == pattern
            return fnmatchcase(os.readlink(f"{where}/exe").removesuffix(" (deleted)"), pattern)
        except OSError:
            return False
