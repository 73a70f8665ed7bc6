"""Does a rule mean the process that a finding names, and what is the finding worth? Pure.

`unit`, `user`, `exe` and `cmdline` of a rule are compared here with what was read in /proc (see `particulars`). A
container's name, its project and its image are known only to its engine, which the watch never asks: the case does,
and keeps the alert back.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from runaway_watchdog.linux.cgroup import called, system_unit
from runaway_watchdog.linux.stat_brief import ProcessStat
from runaway_watchdog.model.events import Finding
from runaway_watchdog.model.sampling import LEAST_TOLD, Rule, Sample
from runaway_watchdog.watch.detect import share_of_host
from runaway_watchdog.watch.harm import Circumstances, Judgement, judge
from runaway_watchdog.watch.incidents import Incident
from runaway_watchdog.watch.lineage import Seen
from runaway_watchdog.watch.short_lived import is_kind

_MOST_LINEAGES: Final = 256
_MOST_LENGTHS: Final = 16
_ENOUGH_LENGTHS: Final = 3
_THIS_HOUR_S: Final = 3600.0
_MOST_HABITS: Final = 64


class Question(NamedTuple):
    """What is to be read before a finding is judged."""

    finding: Finding
    name: str  # of its work's program, where that is known
    only: tuple[tuple[str, str], ...] = ()  # the matchers of its rule
    incident: Incident | None = None  # which it may have made worse; None: it was found just now


class Particulars(NamedTuple):
    """What was read of the process that a finding names."""

    seen: Seen | None = None  # None: it is gone, or was not asked for
    stat: ProcessStat | None = None  # None: it is gone, or the finding names no process
    user: str = ""  # its number
    exe: str = ""
    command_line: str = ""
    ordinary: str = ""  # what kind of ordinary work it is, in words; "" for any other


Lengths = Mapping[str, tuple[float, ...]]
"""How long the work of each lineage has lasted, as far as it was seen; the newest lineages and times."""
Habits = Mapping[str, tuple[float, float]]
"""What groups usually use at a time of the day, in percent of one core, and when that was asked; the newest."""


def with_length(lengths: Lengths, lineage: str, seconds: float) -> Lengths:
    """One run has ended."""
    seen = dict(lengths)
    times = seen.pop(lineage, ())
    seen[lineage] = (*times, seconds)[-_MOST_LENGTHS:]
    if len(seen) > _MOST_LINEAGES:
        del seen[next(iter(seen))]
    return seen


def usual_length_s(lengths: Lengths, lineage: str) -> float | None:
    """The median; None where too few were seen."""
    times = lengths.get(lineage, ())
    return sorted(times)[len(times) // 2] if len(times) >= _ENOUGH_LENGTHS else None


def with_habit(habits: Habits, group: str, percent: float, wall: float) -> Habits:
    """What a group usually uses at this hour, of one core."""
    newest = [each for each in habits.items() if each[0] != group][1 - _MOST_HABITS :]
    return dict((*newest, (group, (percent, wall))))


def _habit(habits: Habits, finding: Finding, sample: Sample) -> str:
    """In words, for a finding about CPU; "" where too little is known of its group at this hour."""
    known = habits.get(finding.group)
    if finding.kind != "cpu" or known is None or sample.wall - known[1] >= _THIS_HOUR_S:
        return ""
    usual = f"{known[0]:.0f} %" if known[0] >= LEAST_TOLD else f"less than {LEAST_TOLD:g} %"
    now = next((each.percent for each in sample.groups if each.group == finding.group), finding.percent)
    return f"normally {usual} at this hour, now {now:.0f} %"


def burns(finding: Finding, rule: Rule, sample: Sample) -> bool:
    """Does what a finding is about burn at this look? Work that has ended is no worse for having been long."""
    if finding.kind == "restarts":
        return True
    if finding.kind != "cpu":
        return share_of_host(finding.kind, sample) >= rule.cpu
    if is_kind(finding.group):
        wanted = [each.percent for each in sample.kinds if each.kind == finding.group]
    elif finding.key is not None:
        wanted = [max(each.percent, each.demand) for each in sample.processes if each.key == finding.key]
    else:
        wanted = [max(each.percent, each.demand) for each in sample.groups if each.group == finding.group]
    return any(each >= rule.cpu for each in wanted)


_OWN_UNITS: Final = ("runaway-watchdog-case@", "runaway-watchdog-send@")
"""Units of this service beside its own; only root can have the system's manager make one of such a name."""


def means(rule: Rule, finding: Finding, of: Particulars, own_service: str) -> bool:
    """Does the rule speak of this unit, user and program? What the engine knows is not asked here.

    None speaks of our own service. On a crowded host its cases come and go like a loop and want CPU like a runaway:
    each alert about them would start another. Its unit's limits hold it, and `status` tells what it costs.
    """
    if own_service and (finding.group == own_service or system_unit(finding.group).startswith(_OWN_UNITS)):
        return False
    return all(_matches(what, pattern, finding, of) for what, pattern in rule.only)


def _matches(what: str, pattern: str, finding: Finding, of: Particulars) -> bool:
    if what == "unit":
        return fnmatchcase(finding.group.rpartition("/")[2], pattern)
    if what not in ("user", "exe", "cmdline"):
        return True
    if of.stat is None:
        return False  # a rule about a program says nothing of a swarm that no process stands for
    if what == "cmdline":
        return fnmatchcase(of.command_line, pattern)
    if what == "user":
        return of.user == pattern
    return bool(of.exe) and fnmatchcase(of.exe, pattern)


def weigh(
    finding: Finding, rule: Rule, sample: Sample, of: Particulars, habits: Habits, *, running_s: float,
    usual_s: float | None,
) -> Judgement:  # fmt: skip
    """What the finding is worth now. Its work has been at it for `running_s`, and usually takes `usual_s`."""
    stat = of.stat or ProcessStat("", dead=False, start_ticks=0)
    about = Circumstances(stat.nice, stat.policy, of.ordinary, running_s, usual_s)
    judged = judge(finding, sample, about, by_harm=rule.by_harm)
    return judged._replace(why="; ".join(filter(None, (judged.why, _series(finding), _habit(habits, finding, sample)))))


def _series(finding: Finding) -> str:
    """In words, for a kind of groups; "" for anything else."""
    if finding.kind != "cpu" or not finding.returns:
        return ""
    return f"each group like {called(finding.group)} is short-lived: at least {finding.returns} have ended meanwhile"


def is_scheduled(of: Particulars) -> bool:
    """Does it come back because a schedule says so?"""
    return of.ordinary in ("cron job", "timer job")
