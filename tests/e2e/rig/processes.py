"""A process on the machine below is a PID and a start time, never a bare PID: PIDs are reused."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Identity:
    """Names one process for as long as the machine is up."""

    pid: int
    start_ticks: int

    def alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        found = _stat(self.pid)
        return found is not None and found == (self.start_ticks, True)

    def end(self, timeout: float = 5) -> bool:
        """SIGKILL it, if it is still itself; whether it is gone within `timeout` seconds."""
        if self.pid <= 1:
            raise ValueError(f"refusing to signal PID {self.pid}")
        deadline = time.monotonic() + timeout
        while self.alive() and time.monotonic() < deadline:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.02)
        return not self.alive()


def identify(pid: int) -> Identity | None:
    """The process that has `pid` now, or None."""
    found = _stat(pid)
    return Identity(pid, found[0]) if found else None


def leader_of(nspawn: int) -> Identity | None:
    """PID 1 of the box that the process `nspawn` runs: the child that is 1 in a PID namespace of its own."""
    for child in _read(f"/proc/{nspawn}/task/{nspawn}/children").split():
        ids = [line for line in _read(f"/proc/{child}/status").splitlines() if line.startswith("NSpid:")]
        if ids and len(ids[0].split()) > 2 and ids[0].split()[-1] == "1":
            return identify(int(child))
    return None


def _stat(pid: int) -> tuple[int, bool] | None:
    """Start time in ticks since boot, and whether it runs."""
    # The name, in parentheses, may itself hold spaces and parentheses.
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(fields[19]), fields[0] not in "ZX") if len(fields) > 19 else None


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
