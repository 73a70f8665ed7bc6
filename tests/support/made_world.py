"""A host put together by hand: files, processes and units as text, everything else absent.

For what no rig can run: shapes of control groups and answers whose source is named in the recording.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from runaway_watchdog.model.effect import Size
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.world import Clients, Clock, Engine, Files, Manager, Podman, Unanswered, World
from runaway_watchdog.world.units import Unit, parse
from support.owned import owned

NOW = 1_795_000_000.0
BOOT = "5f0c6c9a-2b0e-4f0e-9a1d-7a6f5b3c2d10"
TICKS = 100
HANDLED, DEFAULT = "0000000000004000", "0000000000000000"


@dataclass(frozen=True)
class Made:
    """One process. `cgroup` is the text of /proc/PID/cgroup; `inner` its PIDs in the namespaces below the host's."""

    pid: int
    ppid: int
    name: str
    cmdline: Sequence[str]
    cgroup: str
    inner: Sequence[int] = ()
    uid: int = 0
    exe: str = ""
    started: int = 100_000  # ticks since boot
    sigterm: str = DEFAULT
    environ: Mapping[str, str] = field(default_factory=dict)
    state: str = "S"

    def files(self) -> dict[str, str]:
        folder = f"/proc/{self.pid}"
        stat = [self.state, self.ppid, self.pid, self.pid, 0, -1, 4194560, *([0] * 8), 20, 0, 1, 0, self.started, 0, 0]
        spaces = "\t".join(str(each) for each in (self.pid, *self.inner))
        status = {
            "Name": self.name, "Uid": f"{self.uid}\t" * 3 + str(self.uid), "NSpid": spaces, "SigBlk": DEFAULT,
            "SigIgn": DEFAULT, "SigCgt": self.sigterm,
        }  # fmt: skip
        return {
            f"{folder}/stat": f"{self.pid} ({self.name}) {' '.join(map(str, stat))}\n",
            f"{folder}/status": "".join(f"{key}:\t{value}\n" for key, value in status.items()),
            f"{folder}/cmdline": "".join(f"{word}\0" for word in self.cmdline),
            f"{folder}/cgroup": self.cgroup if self.cgroup.endswith("\n") else f"{self.cgroup}\n",
            f"{folder}/environ": "".join(f"{key}={value}\0" for key, value in self.environ.items()),
            f"{folder}/wchan": "0",
        }


INIT = Made(
    1, 0, "systemd", ("/sbin/init",), "0::/init.scope", exe="/usr/lib/systemd/systemd", sigterm=HANDLED, started=1
)


class MadeFiles:
    """`world.Files` over a mapping of paths to text; what is not in it does not exist."""

    def __init__(self, processes: Sequence[Made], texts: Mapping[str, str], users: Mapping[int, str]) -> None:
        self._texts = {
            "/proc/sys/kernel/random/boot_id": f"{BOOT}\n",
            "/proc/stat": f"cpu  1 2 3 4\nbtime {int(NOW) - 86_400}\n",
            "/proc/self/mounts": "proc /proc proc rw,nosuid 0 0\n",
        }
        self._links: dict[str, str] = {}
        for each in processes:
            self._texts |= each.files()
            self._links[f"/proc/{each.pid}/exe"] = each.exe or each.cmdline[0]
        self._texts |= texts
        self._users = users
        self._clock = 0

    def read(self, path: str) -> str:
        if path not in self._texts:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return self._texts[path]

    def names(self, path: str) -> Sequence[str]:
        start = f"{path.rstrip('/')}/"
        found = {
            each[len(start) :].partition("/")[0] for each in (*self._texts, *self._links) if each.startswith(start)
        }
        if not found:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return sorted(found)

    def target(self, path: str) -> str:
        if path not in self._links:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return self._links[path]

    def exists(self, path: str) -> bool:
        return any(each == path or each.startswith(f"{path}/") for each in (*self._texts, *self._links))

    def status(self, path: str) -> Sequence[Any]:
        if path not in self._texts:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return ("file", len(self._texts[path]), NOW - 86_400, 0)

    def size(self, path: str, limit_s: float) -> Size:  # noqa: ARG002
        return Size(None)

    def variable(self, name: str) -> str | None:  # noqa: ARG002
        return None

    def user(self, uid: int) -> str:
        return self._users.get(uid, "root" if uid == 0 else str(uid))

    def cpu_clock(self, pid: int) -> tuple[int, int]:
        """A whole core: between two readings as much CPU passes as time."""
        if f"/proc/{pid}/stat" not in self._texts:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        self._clock += 100_000_000
        return self._clock, self._clock


class MadeManager:
    """systemd's manager, with the units that are given."""

    def __init__(self, units: Mapping[str, Mapping[str, Any]], version: int | None = 252) -> None:
        self._units, self._version = units, version

    def unit_of(self, pid: int) -> str | None:  # noqa: ARG002
        return None

    def unit(self, name: str) -> Unit | None:
        found = self._units.get(name)
        return None if found is None else parse(found)

    def units(self) -> Mapping[str, str]:
        return {name: str(unit.get("ActiveState", "active")) for name, unit in self._units.items()}

    def version(self) -> int | None:
        return self._version


class MadeClock:
    def now(self) -> float:
        return NOW

    def monotonic(self) -> float:
        return 86_400.0

    def sleep(self, seconds: float) -> None:  # noqa: ARG002
        return None


class Silent:
    """A port that this host does not have."""

    def __init__(self, name: str) -> None:
        self._gap = Gap(name, f"no {name} on this host", "none is needed")

    def __getattr__(self, method: str) -> Any:
        def unanswered(*_: Any) -> Any:
            raise Unanswered(self._gap)

        return unanswered


def made_world(
    processes: Sequence[Made],
    *,
    texts: Mapping[str, str] | None = None,
    units: Mapping[str, Mapping[str, Any]] | None = None,
    users: Mapping[int, str] | None = None,
    engine: object | None = None,
    podman: object | None = None,
) -> World:
    return World(
        cast(Files, MadeFiles((INIT, *processes), texts or {}, users or {})),
        cast(Engine, engine or Silent("docker")),
        cast(Manager, MadeManager(units or {})),
        cast(Clock, MadeClock()),
        cast(Clients, Silent("docker client")),
        "vps",
        podman=cast(Podman, podman or Silent("podman")),
        ownership=owned(),
    )
