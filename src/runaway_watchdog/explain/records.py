"""What the watch has recorded, as an explanation needs it.

Reading commands use the system's store where they can read it, and say so where they cannot.
"""

from typing import NamedTuple, Protocol

from runaway_watchdog.model.casefile import CaseFile, History
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.process import CpuShare, Process


class Trace(NamedTuple):
    """Where a PID that is no more leads: to the process that took its place, or to the last that was known."""

    living: ProcKey | None  # the newest process of the same work that has not been seen to die
    last: CaseFile | None  # the newest case file of that work, its process marked as dead


class Records(Protocol):
    """The watch's memory."""

    def cpu(self, process: Process, now: float) -> tuple[CpuShare | None, float | None]:
        """The watch's own figure for a living process, and since when it has been hot."""

    def history(self, process: Process) -> History: ...

    def trace(self, pid: int) -> Trace | None:
        """The newest process that the watch saw under this PID."""

    def incident_pid(self, incident: int) -> int | None: ...

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

    def trace(self, pid: int) -> Trace | None:  # noqa: ARG002
        return None

    def incident_pid(self, incident: int) -> int | None:  # noqa: ARG002
        return None

    def gaps(self) -> tuple[Gap, ...]:
        return self._gaps
