"""A host in memory: its files, its processes, its units, and no engine unless a test gives its state."""

import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from support.owned import owned

from runaway_watchdog.model.effect import Size
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.preflight.sequence import Preflight, Shell, judge
from runaway_watchdog.world import Clients, Clock, Engine, Files, Manager, Ownership, Unanswered, World
from runaway_watchdog.world.units import Unit, parse

NOW = 1_800_000_000.0
LINK = "\0link "
"""Starts a "file" that is a symbolic link."""


@dataclass
class FakeFiles:
    """Files by path; the folders above them are there too."""

    texts: dict[str, str] = field(default_factory=dict)
    folders: set[str] = field(default_factory=lambda: {"/", "/proc"})
    times: dict[str, float] = field(default_factory=dict)  # of the last write, where it matters
    all_there: bool = False  # whatever path is looked at: a file of root's
    closed: tuple[str, ...] = ()  # folders that whoever asks may neither list nor enter

    def __post_init__(self) -> None:
        for path in list(self.texts):
            self._folders_of(path)

    def add(self, path: str, text: str) -> None:
        self.texts[path] = text
        self._folders_of(path)

    def _folders_of(self, path: str) -> None:
        while path not in ("", "/"):
            path = path.rpartition("/")[0]
            self.folders.add(path or "/")

    def _enter(self, path: str, *, into: bool = False) -> None:
        if any(path.startswith(f"{each}/") or (into and path == each) for each in self.closed):
            raise PermissionError(errno.EACCES, "Permission denied", path)

    def read(self, path: str) -> str:
        self._enter(path)
        if path in self.folders:  # as LiveFiles, which opens regular files alone
            raise OSError(errno.EINVAL, "not a regular file", path)
        if path not in self.texts or self.texts[path].startswith(LINK):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return self.texts[path]

    def target(self, path: str) -> str:
        self._enter(path)
        text = self.texts.get(path, "")
        if not text.startswith(LINK):
            raise OSError(errno.EINVAL, "Invalid argument", path)
        return text.removeprefix(LINK)

    def names(self, path: str) -> Sequence[str]:
        self._enter(path, into=True)
        if path not in self.folders:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        prefix = path.rstrip("/") + "/"
        everything = [*self.texts, *self.folders]
        return sorted({each[len(prefix) :].partition("/")[0] for each in everything if each.startswith(prefix)} - {""})

    def exists(self, path: str) -> bool:
        return path in self.texts or path in self.folders

    def status(self, path: str) -> Sequence[Any]:
        if self.all_there:
            return ["file", 1, 0.0, 0]
        self._enter(path)
        if path in self.folders:
            return ["folder", 0, NOW, 0]
        if path not in self.texts:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        text = self.texts[path]
        return [
            "link" if text.startswith(LINK) else "device" if text == "\0device" else "file",
            len(text),
            self.times.get(path, NOW),
            0,
        ]

    def cpu_clock(self, pid: int) -> tuple[int, int]:
        """No process hides here: one that is not in `texts` is not there."""
        raise FileNotFoundError(pid)

    def size(self, path: str, limit_s: float) -> Size:  # noqa: ARG002
        self._enter(path, into=True)
        inside = [text for each, text in self.texts.items() if each.startswith(path.rstrip("/") + "/")]
        return Size(sum(map(len, inside)), False, NOW)

    def user(self, uid: int) -> str:
        return {0: "root", 33: "www-data"}.get(uid, str(uid))

    def variable(self, name: str) -> str | None:  # noqa: ARG002
        return None


@dataclass
class FakeManager:
    loaded: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    release: int | None = 252

    def version(self) -> int | None:
        return self.release

    def unit(self, name: str) -> Unit | None:
        found = self.loaded.get(name)
        return None if found is None else parse(found)

    def units(self) -> Mapping[str, str]:
        return {name: str(each.get("ActiveState", "inactive")) for name, each in self.loaded.items()}


class NoEngine:
    """No Docker here."""

    def __getattr__(self, method: str) -> Any:
        def refuse(*arguments: Any) -> Any:
            problem = "no Docker Engine answers at /var/run/docker.sock"
            raise Unanswered(Gap("docker", problem, "start Docker", absent=True))

        return refuse


class FakeClock:
    def now(self) -> float:
        return NOW

    def monotonic(self) -> float:
        return 1.0

    def sleep(self, seconds: float) -> None:
        """No time passes here."""


@dataclass
class FakeHost:
    """Made by a test, piece by piece; `judge` asks what a line would do there."""

    files: FakeFiles = field(default_factory=FakeFiles)
    manager: FakeManager = field(default_factory=FakeManager)
    engine: Any = field(default_factory=NoEngine)
    ownership: Ownership = field(default_factory=owned)

    def __post_init__(self) -> None:
        self.files.add("/proc/stat", "btime 1000\n")
        self.files.add("/proc/sys/kernel/random/boot_id", "b007\n")
        self.files.add("/etc/passwd", "root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/false\n")
        self.files.add("/proc/self", f"{LINK}999999")

    def process(self, pid: int, words: str, **changes: Any) -> None:
        """One process: its command line, and what `changes` says otherwise (comm, ppid, uid, cgroup, namespaces …)."""
        arguments = words.split()
        comm = str(changes.get("comm", arguments[0].rpartition("/")[2]))[:15]
        uid, ppid = changes.get("uid", 0), changes.get("ppid", 1)
        spaces = "\t".join(str(each) for each in changes.get("namespaces", (pid,)))
        fields = [changes.get("state", "S"), ppid, changes.get("group", pid), pid, 0, 0, 0, *[0] * 12]
        fields += [changes.get("start", pid), 0]
        self.files.add(f"/proc/{pid}/stat", f"{pid} ({comm}) " + " ".join(map(str, fields)))
        masks = f"SigCgt:\t{changes.get('caught', '0')}\nSigIgn:\t{changes.get('ignored', '0')}\n"
        self.files.add(
            f"/proc/{pid}/status", f"Name:\t{comm}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nNSpid:\t{spaces}\n{masks}"
        )
        self.files.add(f"/proc/{pid}/cmdline", "".join(f"{word}\0" for word in arguments))
        self.files.add(f"/proc/{pid}/cgroup", f"0::{changes.get('cgroup', '/')}\n")
        self.files.add(f"/proc/{pid}/exe", f"{LINK}/usr/bin/{comm}")

    @property
    def world(self) -> World:
        return World(
            files=cast(Files, self.files),
            engine=cast(Engine, self.engine),
            manager=cast(Manager, self.manager),
            clock=cast(Clock, FakeClock()),
            clients=cast(Clients, None),
            host="box",
            ownership=self.ownership,
        )

    def judge(self, line: str, folder: str | None = "/srv") -> Preflight:
        """The line, as if it were typed in `folder` by root with an empty environment."""
        return judge(line, self.world, Shell({}, folder, "/root"))


class EngineWith:
    """An engine that lists these; nothing can be changed through it."""

    def __init__(self, containers: Sequence[Mapping[str, Any]], volumes: Sequence[Mapping[str, Any]]) -> None:
        self._containers, self._volumes = containers, volumes

    def endpoint(self) -> str | None:
        return None

    def version(self) -> Mapping[str, Any]:
        return {"ApiVersion": "1.41"}

    def info(self) -> Mapping[str, Any]:
        return {"LiveRestoreEnabled": False}

    def containers(self) -> Sequence[Mapping[str, Any]]:
        return self._containers

    def container(self, reference: str) -> Mapping[str, Any] | None:
        found = next((each for each in self._containers if each["Id"] == reference), None)
        if found is None:
            return None
        state = found.get("State")
        known = state if isinstance(state, dict) else {"Pid": 0, "Status": state}
        return {"HostConfig": {}, "Config": {}, **found, "State": known}

    def changes(self, reference: str) -> Sequence[Mapping[str, Any]]:  # noqa: ARG002 - as `Engine` has it
        return ()

    def sized(self, reference: str) -> Mapping[str, Any] | None:  # noqa: ARG002
        return {}

    def volumes(self) -> Sequence[Mapping[str, Any]]:
        return self._volumes

    def images(self) -> Sequence[Mapping[str, Any]]:
        return ()

    def networks(self) -> Sequence[Mapping[str, Any]]:
        return ()


DATA = "/var/lib/docker/volumes/shop_pg/_data"
SHOP_DB: Mapping[str, Any] = {
    "Id": "ab" * 32,
    "Names": ["/shop-db-1"],
    "Image": "postgres",
    "ImageID": "sha256:1",
    "State": "running",
    "Labels": {
        "com.docker.compose.project": "shop",
        "com.docker.compose.project.config_files": "/srv/shop/compose.yml",
    },
    "Mounts": [
        {
            "Type": "volume",
            "Name": "shop_pg",
            "Source": "/var/lib/docker/volumes/shop_pg/_data",
            "Destination": "/data",
        },
        {"Type": "bind", "Source": "/srv/uploads", "Destination": "/uploads"},
    ],
}
SHOP_PG: Mapping[str, Any] = {
    "Name": "shop_pg",
    "Driver": "local",
    "Mountpoint": "/var/lib/docker/volumes/shop_pg/_data",
    "Labels": {},
}


def shop() -> FakeHost:
    """A host with one container, its volume and its bind mount."""
    files = FakeFiles({
        "/var/lib/docker/volumes/shop_pg/_data/PG_VERSION": "15\n",
        "/var/lib/docker/volumes/shop_pg/_data/base/1": "x" * 100,
        "/srv/uploads/a.jpg": "jpeg",
        "/srv/shop/compose.yml": "services: {}",
        "/srv/notes.txt": "notes",
        "/srv/empty": "",
        "/tmp/scratch": "scratch",
        "/srv/link": f"{LINK}/srv/uploads",
        "/dev/sda": "\0device",
        "/dev/null": "\0device",
        "/etc/systemd/system/app.service": "[Service]",
    })  # fmt: skip
    return FakeHost(files, engine=EngineWith([SHOP_DB], [SHOP_PG]))
