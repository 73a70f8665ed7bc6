"""What one look at the host's counters said. Only the watch uses these types."""

from typing import Final, Literal, NamedTuple

from runaway_watchdog.model.identity import ProcKey

LEAST_TOLD: Final = 1.0
"""Percent of one core. A group that used less than this is no part of its own curve."""

RuleKind = Literal["cpu", "restarts", "pressure", "steal"]


class ThreadShares(NamedTuple):
    """Of the living threads that were seen for some seconds, in percent of one core."""

    used: float
    wanted: float  # what they would have used had none waited for a CPU, and slept by themselves as long as they did
    asleep: float  # for which they neither ran nor waited for a CPU


class Contention(NamedTuple):
    """What kept a process or group from using more."""

    waited: float = 0.0  # percent of a core for which it was ready to run while others ran
    limit: float | None = None  # what its group may use, in percent of one core; None: no limit
    throttled: float = 0.0  # percent of the periods in which its group ran into that limit
    steal: float = 0.0  # percent of the host's time that the provider took
    threads: ThreadShares | None = None  # None: not asked, or not known yet


class ProcessRate(NamedTuple):
    """CPU of one process (all its threads, those that have ended included) since it was last read."""

    key: ProcKey
    group: str  # the owner-level cgroup, "" where the host has none
    percent: float  # of one core; with its reaped children where its group is too coarse to tell who burns
    span_s: float  # the time that `percent` speaks of
    demand: float = 0.0  # what it would have used had nothing held it; never less than `percent` where it counts
    held: Contention = Contention()


class GroupRate(NamedTuple):
    """CPU of one owner-level cgroup (a unit, a container, a scope): its children and its dead included."""

    group: str  # the cgroup's path from its root, "/system.slice/docker-….scope"
    percent: float
    span_s: float
    demand: float = 0.0
    held: Contention = Contention()


class KindRate(NamedTuple):
    """CPU of the short-lived cgroups of one kind, those included that ended since the last look."""

    kind: str  # their path, with `*` for what differs in their names: "/system.slice/docker-*.scope"
    percent: float
    span_s: float
    ended: int  # how many did


class GroupUse(NamedTuple):
    """CPU of one owner-level cgroup since that was last told here: no second of it is told twice."""

    group: str
    cpu_s: float
    span_s: float  # until this look


class HostLoad(NamedTuple):
    """How crowded the host is. A host that is proved to be calm is not asked: these defaults stand for it."""

    crowding: float = 1.0  # tasks that run or are ready to, for each CPU; at least 1
    waiting: float | None = 0.0  # percent of the last minute in which some task waited for a CPU; None: not told
    steal: float = 0.0  # percent of the host's time that the provider took since the last look


class Sample(NamedTuple):
    """One tick. A subject that is missing was either not read (proved to be below every rule) or is gone."""

    at: float  # CLOCK_MONOTONIC, seconds
    wall: float  # seconds since the epoch
    online_cpus: int
    busy_percent: float | None  # of the whole host, in percent of one core; None for the first look
    processes: tuple[ProcessRate, ...]
    groups: tuple[GroupRate, ...]
    load: HostLoad = HostLoad()
    restarted: tuple[str, ...] = ()  # groups that were made anew, under the same path, since they were last listed
    used: tuple[GroupUse, ...] = ()  # of warm groups at every look, and in sweeps of all that did anything
    kinds: tuple[KindRate, ...] = ()  # where groups come and go


class Rule(NamedTuple):
    """One compiled rule of the configuration."""

    name: str
    cpu: float  # percent of one core; of the host's time for "pressure" and "steal"
    for_s: float
    severity: str  # "info", "warning" or "critical"
    kind: RuleKind = "cpu"
    times: int = 0  # "restarts": how many returns within `for_s`
    by_harm: bool = False  # `severity` is only where the judgement starts
    push: bool = True  # False: recorded, listed and explained, but nobody is sent a message
    only: tuple[tuple[str, str], ...] = ()  # (what, pattern): all of them must match
