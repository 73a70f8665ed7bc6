"""What one look at the host's counters said. Only the watch uses these types."""

from typing import NamedTuple

from runaway_watchdog.model.identity import ProcKey


class ProcessRate(NamedTuple):
    """CPU of one process (all its threads, those that have ended included) since it was last read."""

    key: ProcKey
    group: str  # the owner-level cgroup, "" where the host has none
    percent: float  # of one core
    span_s: float  # the time that `percent` speaks of


class GroupRate(NamedTuple):
    """CPU of one owner-level cgroup (a unit, a container, a scope): its children and its dead included."""

    group: str  # the cgroup's path from its root, "/system.slice/docker-….scope"
    percent: float
    span_s: float


class Sample(NamedTuple):
    """One tick. A subject that is missing was either not read (proved to be below every rule) or is gone."""

    at: float  # CLOCK_MONOTONIC, seconds
    wall: float  # seconds since the epoch
    online_cpus: int
    busy_percent: float | None  # of the whole host, in percent of one core; None for the first look
    processes: tuple[ProcessRate, ...]
    groups: tuple[GroupRate, ...]


class Rule(NamedTuple):
    """One compiled rule of the configuration."""

    name: str
    cpu: float  # percent of one core
    for_s: float
    severity: str  # "info", "warning" or "critical"
