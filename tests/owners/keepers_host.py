"""A host in memory with a supervisor, its program and whoever stands between them."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from preflight.host_world import LINK, NOW, FakeHost

from runaway_watchdog import owners
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Outlook
from runaway_watchdog.model.plan import Containment
from runaway_watchdog.owners import Layer
from runaway_watchdog.world import Journal, Supervisors, Unanswered, World
from runaway_watchdog.world.program_states import ProgramState

WORK = 60
HOSTILE = "a'b\"c\n$(touch x);`y`"
"""What a name may be: quotes, a line break, substitutions."""
SERVICE: Mapping[str, Any] = {
    "Restart": "on-failure",
    "ActiveState": "active",
    "UnitFileState": "enabled",
    "WantedBy": ["multi-user.target"],
    "KillMode": "process",
    "FragmentPath": "/lib/systemd/system/x.service",
    "Type": "simple",
}


class Told:
    """Supervisors and a journal that answer what they are given."""

    def __init__(self, processes: Sequence[ProgramState] | None, entries: Sequence[Mapping[str, Any]]) -> None:
        self._processes, self._entries = processes, entries

    def supervisord(self, *_: object, **_named: object) -> Sequence[ProgramState]:
        if self._processes is None:
            raise Unanswered(Gap("supervisord", "it does not answer", "look"))
        return self._processes

    def entries(self, matches: Sequence[str], limit: int) -> Sequence[Mapping[str, Any]]:  # noqa: ARG002
        return self._entries


class KeepersHost(FakeHost):
    """`line` adds processes from the outermost to the innermost, which is WORK."""

    processes: Sequence[ProgramState] | None = None
    entries: Sequence[Mapping[str, Any]] = ()
    told: object = None  # who answers for supervisord, where a test has its own

    def line(self, *words: Sequence[str], cgroup: str = "/system.slice/x.service", **last: Any) -> None:
        self.process(1, "/sbin/init", comm="systemd", ppid=0)
        first = WORK - len(words) + 1
        self.manager.loaded = {"x.service": {**SERVICE, "MainPID": first}, **self.manager.loaded}
        for pid, arguments in enumerate(words, first):
            changes = last if pid == WORK else {}
            exe = arguments[0]
            comm = changes.pop("comm", exe.rpartition("/")[2])
            self.process(pid, "x", comm=comm, ppid=1 if pid == first else pid - 1, cgroup=cgroup, **changes)
            self.files.add(f"/proc/{pid}/cmdline", "".join(f"{word}\0" for word in arguments))
            self.files.add(f"/proc/{pid}/exe", f"{LINK}{exe}")

    @property
    def world(self) -> World:
        told = Told(self.processes, self.entries)
        return super().world._replace(supervisors=cast(Supervisors, self.told or told), journal=cast(Journal, told))

    def layers(self, pid: int = WORK) -> tuple[Layer, ...]:
        facts, _ = owners.facts(self.world, pid)
        return owners.layers(facts, self.world)[0]

    def outlook(self, action: Action = "sigkill", pid: int = WORK) -> Outlook:
        return owners.outlook(self.layers(pid), action)

    def contain(self, pid: int = WORK) -> Containment:
        return owners.contain(self.layers(pid))

    def kinds(self, pid: int = WORK) -> list[str]:
        return [layer.owner.kind for layer in self.layers(pid)]


__all__ = ["HOSTILE", "NOW", "SERVICE", "WORK", "KeepersHost"]
