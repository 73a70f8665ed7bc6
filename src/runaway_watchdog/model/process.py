"""One process as an explanation sees it."""

from typing import Literal, NamedTuple

from runaway_watchdog.linux.cgroup import CgroupPath, cgroup_path
from runaway_watchdog.model.identity import ProcKey

ProcessState = Literal["running", "sleeping", "disk-sleep", "stopped", "traced", "zombie", "idle", "dead", "unknown"]
SignalDisposition = Literal["default", "handled", "ignored", "unknown"]


class CpuShare(NamedTuple):
    """CPU in percent of one core, over the window that it was measured in."""

    percent: float
    window_s: float


class Process(NamedTuple):
    """Facts read from /proc/PID at one moment. Text fields are hostile: clean them where they are shown."""

    key: ProcKey
    name: str  # comm, at most 15 characters
    state: ProcessState
    ppid: int
    started_at: float  # seconds since the epoch
    exe: str | None  # None: kernel thread, zombie, or not ours to read
    cmdline: tuple[str, ...]
    uid: int
    user: str
    nice: int
    cgroup: str  # the path that names the owner; "" where there is none
    kernel_thread: bool
    namespace_pids: tuple[int, ...]  # NSpid: one number for each PID namespace, the host's first
    sigterm: SignalDisposition
    session: int
    alive: bool = True
    signal: str = "SIGTERM"  # the signal that `sigterm` speaks of: another one where a line sends another one

    @property
    def pid(self) -> int:
        return self.key.pid

    @property
    def control_group(self) -> CgroupPath:
        """`cgroup` in its parts: owners look for themselves there."""
        return cgroup_path(self.cgroup)

    @property
    def is_namespace_init(self) -> bool:
        """PID 1 of its own PID namespace: a signal without a handler does not reach it, SIGKILL from outside does."""
        return len(self.namespace_pids) > 1 and self.namespace_pids[-1] == 1


class Facts(NamedTuple):
    """All that the owners may look at: the process, its ancestors (parent first) and its environment's marks."""

    process: Process
    ancestors: tuple[Process, ...]
    marks: tuple[tuple[str, str], ...]  # environment variables that managers set (INVOCATION_ID …), never others
    cpu: CpuShare | None

    def mark(self, name: str) -> str | None:
        return next((value for key, value in self.marks if key == name), None)
