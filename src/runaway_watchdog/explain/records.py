"""What the watch has recorded, as an explanation needs it.

Reading commands use the system's store where they can read it, and say so where they cannot.
"""

from typing import Final, NamedTuple, Protocol

from runaway_watchdog.model.casefile import CaseFile, History
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.process import CpuShare, Process

CLOCK_STEP_S: Final = 60.0


class Recorded(NamedTuple):
    """A process that the watch wrote down."""

    key: ProcKey
    name: str
    started_at: float
    died_at: float | None  # None: it lives, as far as the watch knows
    seen_at: float

    def is_it(self, process: Process) -> bool:
        """Whether this living process is that very one, and not another that has its PID now.

        In a container (nspawn, LXC) the boot id is a file mounted over the kernel's, and the confined watch may see
        another one than a shell does: then PID, start time and wall clock together say that it is the same process.
        """
        same_start = self.key[1:] == process.key[1:]
        same_boot = self.key.boot_id == process.key.boot_id
        return same_start and (same_boot or abs(self.started_at - process.started_at) < CLOCK_STEP_S)


class GroupIncident(NamedTuple):
    """An incident that is about a control group as a whole."""

    group: str  # may hold wildcards, where it is about a kind of groups; "" is the host itself
    burns: bool  # else it is a restart loop


class Trace(NamedTuple):
    """Where a PID that is no more leads: to the process that took its place, or to the last that was known."""

    recorded: Recorded
    incident: int | None  # the newest that was about its work
    living: ProcKey | None  # the newest process of the same work that has not been seen to die
    last: CaseFile | None  # the newest case file of that work, its process marked as dead


class Records(Protocol):
    """The watch's memory."""

    def cpu(self, process: Process, now: float) -> tuple[CpuShare | None, float | None]:
        """The watch's own figure for a living process, and since when it has been hot."""

    def history(self, process: Process) -> History: ...

    def trace(self, pid: int, *, other_than: Process | None = None) -> Trace | None:
        """The newest process that the watch saw under this PID; with `other_than` the newest that is not this one."""

    def trace_of(self, recorded: Recorded) -> Trace | None:
        """That of this very process."""

    def incident_process(self, incident: int) -> Recorded | None:
        """Who does, or did last, the work that the incident is about."""

    def incident_group(self, incident: int) -> GroupIncident | None:
        """The control group that it is about. None: there is no such incident."""

    def gaps(self) -> tuple[Gap, ...]:
        """Why the memory could not be read, or nothing."""


class NoRecords:
    """No memory: the watch has never run here, or its store cannot be read (and the gaps say which)."""

    def __init__(self, *gaps: Gap) -> None:
        self._gaps = gaps

    def cpu(self, process: Process, now: float) -> tuple[CpuShare | None, float | None]:  # noqa: ARG002
        return None, None

    def history(self, process: Process) -> History:  # noqa: ARG002
        return History()

    def trace(self, pid: int, *, other_than: Process | None = None) -> Trace | None:  # noqa: ARG002
        return None

    def trace_of(self, recorded: Recorded) -> Trace | None:  # noqa: ARG002
        return None

    def incident_process(self, incident: int) -> Recorded | None:  # noqa: ARG002
        return None

    def incident_group(self, incident: int) -> GroupIncident | None:  # noqa: ARG002
        return None

    def gaps(self) -> tuple[Gap, ...]:
        return self._gaps
