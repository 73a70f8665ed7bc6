"""One case, put together: what `explain` shows, what `--json` prints, what an alert says."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from runaway_watchdog.model.doing import Doing
from runaway_watchdog.model.events import Ending
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Outlook, Owner
from runaway_watchdog.model.plan import Plan
from runaway_watchdog.model.process import CpuShare, Process

SCHEMA_VERSION = 1


class SeenDeath(NamedTuple):
    """A death that the watch saw, and the process that took its place, if one did."""

    pid: int
    started_at: float
    died_at: float
    successor_pid: int | None
    delay_s: float | None
    ending: Ending | None = None  # None: not known


class History(NamedTuple):
    """What the watch's store knows of this lineage. All zero where it has seen nothing."""

    returns_seen: int = 0
    shortest_s: float | None = None
    longest_s: float | None = None
    deaths: tuple[SeenDeath, ...] = ()
    pids: tuple[int, ...] = ()


SignKind = Literal[
    "program-file", "posing", "preload", "download", "watchdogs", "hidden", "no-keeper", "door", "miner", "pool",
    "server", "host", "brackets",
]  # fmt: skip


class Sign(NamedTuple):
    """One thing that intruders' programs do and few others. Evidence, never a verdict."""

    kind: SignKind
    told: str
    evidence: str
    port: int | None = None  # of a door
    path: str | None = None  # of the file that the sign stands in
    of_host: bool = False  # a door of a service of this host, and of no container


ALONE: Final[tuple[SignKind, ...]] = ("posing",)
"""Signs with no harmless reason that anybody has seen."""


def suspicious(found: Sequence[Sign]) -> bool:
    """Whether signs of two different kinds meet, or one stands for itself: most have harmless reasons too."""
    kinds = {each.kind for each in found}
    return len(kinds) > 1 or not kinds.isdisjoint(ALONE)


class LastEnd(NamedTuple):
    """How a service or container that has no process now ended last. Texts are hostile."""

    restarts: int  # how often its manager started it again since
    exit_code: int | None  # None: a signal ended it, or it is not known
    signal: int | None
    log: tuple[str, ...]  # its last lines, the newest last


class Cause(NamedTuple):
    """Who makes an innocent process work: the one that floods the journal, eats the memory, restarts in a loop."""

    name: str
    pid: int | None  # None: no process of its own, or none that lives
    told: str
    evidence: tuple[str, ...]
    unit: str | None = None  # the unit to act on, where there is one
    to_blame: bool = True  # surely the cause, so that the plan may be about it


class LeftBehind(NamedTuple):
    """A process whose caller is gone, and how many just like it there are."""

    why: str
    pids: tuple[int, ...]  # itself among them
    cpu_percent: float | None  # of all together, of one core
    tree: tuple[int, ...] = ()  # all that descends from the orphans that these belong to, themselves among them


ChangeKind = Literal["container", "image", "unit", "compose-file", "packages", "crontab", "cron-job"]


class Change(NamedTuple):
    """Something that was done to the host or to its owner shortly before the process became hot."""

    kind: ChangeKind
    at: float  # seconds since the epoch
    told: str
    evidence: str


class CaseFile(NamedTuple):
    """Everything that was found out about one process, and the plan that follows from it."""

    process: Process
    cpu: CpuShare | None
    owners: tuple[Owner, ...]  # innermost first
    prognosis: tuple[Outlook, ...]
    history: History
    plan: Plan
    gaps: tuple[Gap, ...]
    asked_pid: int  # the PID that was asked about: a dead one leads to the process that took its place
    since: float | None = None  # hot since, where the watch knows; seconds since the epoch
    host: str = ""
    condition: tuple[str, ...] = ()  # what is odd about its state, in words: waiting for a disk, held by a debugger …
    signs: tuple[Sign, ...] = ()
    cause: Cause | None = None
    left_behind: LeftBehind | None = None
    doing: Doing | None = None
    changed: tuple[Change, ...] = ()  # the newest first
    last_end: LastEnd | None = None  # of what has no process now
