"""A host that a test makes up and moves by hand."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from runaway_watchdog.linux.clock import CLOCK_TICKS
from runaway_watchdog.linux.files import Paths
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import Sample
from runaway_watchdog.watch.clocks import Clocks
from runaway_watchdog.watch.sample import Sampler, this_host

CPUS = 4


class FakeHost:
    """A /proc, a cgroup tree and clocks that a test moves by hand."""

    def __init__(self, root: Path, *, version: int | None = 2) -> None:
        self.root = root
        self.now = 1000.0
        self.idle_s = 5000.0
        self.burnt_s = 0.0
        self.stolen_s = 0.0
        self.used_ns: dict[int, int] = {}
        self.reads: list[int] = []
        self.version = version
        (root / "proc" / "self").mkdir(parents=True)
        (root / "proc" / "self" / "mounts").write_text("")
        self.cgroups = root / "cgroup" if version == 2 else root / "cgroup" / "cpuacct"
        if version is not None:
            self.cgroups.mkdir(parents=True)
            (self.cgroups / ("cgroup.controllers" if version == 2 else "cpuacct.usage")).write_text("0")
            (self.cgroups / "cgroup.procs").write_text("")
            self.group("/init.scope", 0)
        self._write_host()
        self.host = this_host(Paths(str(root / "proc"), str(root / "cgroup")), self.clocks())
        self.sampler = Sampler(self.host, 90.0)

    def clocks(self) -> Clocks:
        return Clocks(lambda: self.now, lambda: self.now, lambda: 1e9 + self.now, self._cpu_ns)

    def _cpu_ns(self, pid: int) -> int | None:
        self.reads.append(pid)
        return self.used_ns.get(pid)

    def _write_host(self) -> None:
        cpus = "".join(f"cpu{number} 1 0 1 1 1 0 0 0 0 0\n" for number in range(CPUS))
        (self.root / "proc" / "stat").write_text(
            f"cpu  9 0 9 {int(self.idle_s * CLOCK_TICKS)} 0 0 0 {int(self.stolen_s * CLOCK_TICKS)} 0 0\n{cpus}"
        )

    def crowd(self, minute: float, running: int, waiting: float = 0.0) -> None:
        """The load average, how many tasks run or are ready to (without the watch), and the pressure."""
        (self.root / "proc" / "loadavg").write_text(f"{minute} 0.0 0.0 {running + 1}/99 1\n")
        (self.root / "proc" / "pressure").mkdir(exist_ok=True)
        text = f"some avg10=0.00 avg60={waiting} avg300=0.00 total=1\n"
        (self.root / "proc" / "pressure" / "cpu").write_text(text)

    def waited(self, pid: int, *seconds: float, ran: float = 0.0) -> None:
        """For how long each thread of a process has been ready while others ran, and has run."""
        for number, each in enumerate(seconds):
            thread = self.root / "proc" / str(pid) / "task" / str(pid + number)
            thread.mkdir(parents=True, exist_ok=True)
            (thread / "schedstat").write_text(f"{round(ran * 1e9)} {round(each * 1e9)} 5\n")

    def buried(self, pid: int, children_s: float) -> None:
        """What the children of a process have used that it has waited for."""
        stat = self.root / "proc" / str(pid) / "stat"
        head, _, tail = stat.read_text().partition(")")
        fields = tail.split()
        fields[13] = str(int(children_s * CLOCK_TICKS))
        stat.write_text(f"{head}) {' '.join(fields)}\n")
        self.used_ns[pid] += 1_000_000  # to wait for them, it has run itself

    def process(self, pid: int, *, start_s: float, group: str = "", used_ns: int = 0, state: str = "R") -> ProcKey:
        """A process that starts, changes its state, or takes over a PID."""
        start = int(start_s * CLOCK_TICKS)
        directory = self.root / "proc" / str(pid)
        directory.mkdir(exist_ok=True)
        (directory / "stat").write_text(f"{pid} (p) {state} 1 1 1 0 -1 0 0 0 0 0 7 3 0 0 20 0 1 0 {start} 1 1\n")
        (directory / "cmdline").write_bytes(b"/usr/bin/p\0--token=hunter2\0")
        (directory / "cgroup").write_text(f"{'0:' if self.version == 2 else '3:cpuacct'}:{group or '/'}\n")
        self.used_ns[pid] = used_ns
        if self.version is not None:
            procs = self.cgroups / group.lstrip("/") / "cgroup.procs"
            members = procs.read_text() if procs.exists() else ""
            procs.write_text(f"{members}{pid}\n")
        return ProcKey("", pid, start)

    def end(self, pid: int, group: str = "") -> None:
        """A process ends, and is collected."""
        shutil.rmtree(self.root / "proc" / str(pid))
        del self.used_ns[pid]
        if self.version is not None:
            procs = self.cgroups / group.lstrip("/") / "cgroup.procs"
            procs.write_text("".join(line for line in procs.read_text().splitlines(True) if line != f"{pid}\n"))

    def group(self, path: str, usage_s: float) -> None:
        """A group, with what it has used since it was made."""
        directory = self.cgroups / path.lstrip("/")
        directory.mkdir(parents=True, exist_ok=True)
        name, text = (
            ("cpu.stat", f"usage_usec {round(usage_s * 1e6)}\n")
            if self.version == 2
            else ("cpuacct.usage", f"{round(usage_s * 1e9)}\n")
        )
        (directory / name).write_text(text)

    def passes(self, seconds: float, busy_s: float) -> None:
        """Let time pass, `busy_s` of all CPUs in use."""
        self.now += seconds
        self.idle_s += seconds * CPUS - busy_s
        self._write_host()

    def look(
        self, seconds: float, busy_s: float, tracked: dict[ProcKey, str] | None = None, groups: Iterable[str] = ()
    ) -> Sample:
        """Let time pass, `busy_s` of all CPUs in use, and look."""
        self.passes(seconds, busy_s)
        self.reads.clear()
        return self.sampler.look(tracked or {}, tuple(groups))
