"""The only code that asks the host anything for an explanation.

A `World` is a handful of ports: files (procfs, cgroups, unit files, volume data), the Docker Engine, systemd's
manager, the clock, the Docker client programs, Podman … `live()` asks the real host; `recorded.recorder()` writes down
every question with its answer, and `recorded.replay()` answers from such a recording: tests explain hosts that they
never saw.
Every port is read-only, and a source that does not answer raises `Unanswered`, which carries the gap to show.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from runaway_watchdog.model.effect import Size
from runaway_watchdog.model.gap import Gap

if TYPE_CHECKING:
    from runaway_watchdog.world.ownership import Holders
    from runaway_watchdog.world.program_states import ProgramState
    from runaway_watchdog.world.running_scripts import RunningScript
    from runaway_watchdog.world.startup import Startup
    from runaway_watchdog.world.units import Unit

LIMIT_S = 2
"""No source is waited for longer than this, or than `patience` makes of it on a host that is late."""


class Unanswered(Exception):  # noqa: N818 - it is an answer of its own kind, not a fault of ours
    """A source could not be read: "could not look", which is not "nothing there"."""

    def __init__(self, gap: Gap) -> None:
        super().__init__(gap.problem)
        self.gap = gap


class Files(Protocol):
    """Reading the file system. Raises OSError as the system calls do."""

    def read(self, path: str) -> str:
        """A file's text; bytes that are not UTF-8 are kept as surrogates."""

    def names(self, path: str) -> Sequence[str]:
        """The names in a folder, in no order."""

    def target(self, path: str) -> str:
        """What a symbolic link points to."""

    def exists(self, path: str) -> bool: ...

    def status(self, path: str) -> Sequence[Any]:
        """lstat: what it is (file, folder, link, device, other), its bytes, its last write and its owner's uid."""

    def size(self, path: str, limit_s: float) -> Size:
        """Bytes of file content below a folder and the newest write, counted for at most `limit_s`."""

    def variable(self, name: str) -> str | None:
        """An environment variable of whoever asks; None where it is not set."""

    def user(self, uid: int) -> str:
        """The login name of a uid, or the number as text."""

    def cpu_clock(self, pid: int) -> tuple[int, int]:
        """A process's CPU time so far, and the monotonic time of the reading, both in nanoseconds."""


class Engine(Protocol):
    """The Docker Engine's API: listed GETs only. Methods return the API's own JSON; None where it says 404."""

    def endpoint(self) -> str | None:
        """The address to name in commands (`docker -H …`); None for the default."""

    def version(self) -> Mapping[str, Any]: ...

    def info(self) -> Mapping[str, Any]: ...

    def containers(self) -> Sequence[Mapping[str, Any]]:
        """Every container, the stopped ones too."""

    def container(self, reference: str) -> Mapping[str, Any] | None: ...

    def sized(self, reference: str) -> Mapping[str, Any] | None:
        """The same with the bytes that it wrote outside of mounts (`SizeRw`): the engine walks them, and takes long."""

    def changes(self, reference: str) -> Sequence[Mapping[str, Any]]:
        """What it changed of its image; the engine walks it. None for a container that there is not."""

    def volumes(self) -> Sequence[Mapping[str, Any]]: ...

    def images(self) -> Sequence[Mapping[str, Any]]: ...

    def networks(self) -> Sequence[Mapping[str, Any]]: ...

    def services(self) -> Sequence[Mapping[str, Any]]:
        """The swarm's services; none on a node that does not manage a swarm."""


class Clients(Protocol):
    """The Docker client programs of this host: what they say of themselves, and how Compose reads its files."""

    def docker_version(self) -> str:
        """The version of the `docker` command; the engine is not asked."""

    def compose_version(self, program: str) -> str:
        """The version of `docker compose` or of `docker-compose`."""

    def compose_config(
        self, program: str, arguments: Sequence[str], folder: str, environment: Sequence[tuple[str, str]]
    ) -> Mapping[str, Any]:
        """How Compose itself reads its files there, with these global options and `config`'s arguments.

        `{"name": …, "services": …, "volumes": …, "networks": …}`, without environments and commands, which may hold
        secrets; `{"error": TEXT}` where Compose refuses them. `name` is None from Compose 1, which does not tell it.
        """

    def compose_hashes(
        self, program: str, arguments: Sequence[str], folder: str, environment: Sequence[tuple[str, str]]
    ) -> Mapping[str, str]:
        """Service -> the hash of its definition: Compose tells by it whether a container is still as it is written.

        `arguments` as for `compose_config`, without `config` and what follows it.
        """


class Podman(Protocol):
    """The Podman of whoever asks (each user has their own), by its reading subcommands. Methods return its own JSON."""

    def rootless(self) -> bool:
        """Whether it is a user's own Podman, and not the system's."""

    def version(self) -> str: ...

    def containers(self) -> Sequence[Mapping[str, Any]]:
        """`podman ps --all`: every container, the stopped ones too; none where Podman was never used."""

    def container(self, reference: str) -> Mapping[str, Any] | None:
        """`podman container inspect`, by ID, name or the start of an ID, without what may hold secrets."""

    def volumes(self) -> Sequence[Mapping[str, Any]]: ...

    def images(self) -> Sequence[Mapping[str, Any]]:
        """Those without a name too."""

    def pods(self) -> Sequence[Mapping[str, Any]]: ...

    def networks(self) -> Sequence[Mapping[str, Any]]: ...


class Manager(Protocol):
    """The systemd system manager over D-Bus: property reads and GetUnit… only."""

    def unit_of(self, pid: int) -> str | None:
        """The name of the unit that a PID belongs to; None if it belongs to none."""

    def unit(self, name: str) -> "Unit | None":
        """None where it is not loaded."""

    def units(self) -> Mapping[str, str]:
        """Every loaded unit's name, and its ActiveState."""

    def version(self) -> int | None:
        """systemd's release: 252, 257; None where it says none."""

    def next_elapse(self, calendar: str) -> float | None:
        """When a calendar expression (systemd.time(7)) comes next, seconds since the epoch; None: never."""


class UserManagers(Protocol):
    """The systemd managers of users (`user@UID.service`), asked as that user: root's own connection is refused."""

    def unit_of(self, uid: int, pid: int) -> str | None:
        """The name of the user's unit that a PID belongs to; None if it belongs to none."""

    def unit(self, uid: int, name: str) -> "Unit | None":
        """As `Manager.unit`."""

    def version(self, uid: int) -> int | None:
        """As `Manager.version`: a user's manager may be older than the system's, until it is started anew."""


class Journal(Protocol):
    """The systemd journal, a bounded number of entries at a time."""

    def entries(self, matches: Sequence[str], limit: int) -> Sequence[Mapping[str, str]]:
        """The newest `limit` entries that match (`FIELD=value`, as journalctl takes them), oldest first."""


class Supervisors(Protocol):
    """Supervisors that answer over a socket of their own; questions only."""

    def supervisord(self, url: str, user: str | None, password: str | None, uid: int) -> "Sequence[ProgramState]":
        """supervisord's getAllProcessInfo, from `unix:///path` or `http://host:port`, where it is `uid` that listens:
        anybody may listen where one was meant to."""


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch."""

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class Activity(Protocol):
    def look(self, pid: int) -> Mapping[str, Any]:
        """What /proc tells of a process and its threads now (world.activity); its texts are None where it does not.

        Raises OSError where the process is gone.
        """


class Traces(Protocol):
    """What leaves a date behind. None: there is nothing, or it is not ours to read."""

    def written(self, path: str) -> float | None:
        """When a file was last written, seconds since the epoch."""

    def newest(self, pattern: str) -> float | None:
        """The same of the newest of the files that a pattern of glob(7) names; at 64 of them it stops looking."""

    def tail(self, path: str) -> str | None:
        """The last 256 KiB of a log."""


class Ownership(Protocol):
    """Whose files are. Raises OSError as the system calls do."""

    def of(self, path: str) -> "Holders":
        """Who can change what an absolute path leads to: a part of it, or a link's target."""

    def real(self, path: str) -> str:
        """The same path without links."""

    def executable(self, pid: int) -> int:
        """The uid that the file belongs to which a process runs, wherever that is by now."""


class OwnTables(Protocol):
    """The crontab of whoever asks, by crontab(1), which alone may read it for them."""

    def printed(self) -> str | None:
        """What `crontab -l` prints; None where there is no table."""


class StartFiles(Protocol):
    """What starts programs beside their own managers: crontabs, units, files of logins … as text."""

    def found(self) -> "Startup": ...

    def script(self, path: str, user: str) -> str | None:
        """A script that one of them runs as this user; None where it is none, or others can change it."""

    def running(self) -> "Sequence[RunningScript]":
        """Shells and interpreters that run something on this host now."""


class _Absent:
    """A port that this world does not have: every question is a gap."""

    def __init__(self, name: str) -> None:
        self._gap = Gap(name, f"{name} cannot be asked here", "explain it on the host itself")

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def unanswered(*_: Any) -> Any:
            raise Unanswered(self._gap)

        return unanswered


class World(NamedTuple):
    """Every port of one host."""

    files: Files
    engine: Engine
    manager: Manager
    clock: Clock
    clients: Clients
    host: str
    users: UserManagers = cast(UserManagers, _Absent("user managers"))
    journal: Journal = cast(Journal, _Absent("journal"))
    supervisors: Supervisors = cast(Supervisors, _Absent("supervisors"))
    podman: Podman = cast(Podman, _Absent("podman"))
    activity: Activity = cast(Activity, _Absent("activity"))
    traces: Traces = cast(Traces, _Absent("traces"))
    ownership: Ownership = cast(Ownership, _Absent("ownership"))
    tables: OwnTables = cast(OwnTables, _Absent("crontab"))
    startup: StartFiles = cast(StartFiles, _Absent("startup files"))


class _Later:
    """A port that is made when it is first asked: most cases ask three or four of them, and each is modules to load."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make
        self._made: object = None

    def __getattr__(self, method: str) -> Any:
        if self._made is None:
            self._made = self._make()
        return getattr(self._made, method)


def live() -> World:
    """This host, asked for real. The engine and the manager are connected to when they are first asked."""
    import os  # a recorded world needs none of these

    from runaway_watchdog.world.filesystem import LiveClock, LiveFiles

    return World(
        LiveFiles(),
        cast(Engine, _Later(_engine)),
        cast(Manager, _Later(_manager)),
        LiveClock(),
        cast(Clients, _Later(_clients)),
        os.uname().nodename,
        supervisors=cast(Supervisors, _Later(_supervisors)),
        users=cast(UserManagers, _Later(_users)),
        journal=cast(Journal, _Later(_journal)),
        podman=cast(Podman, _Later(_podman)),
        activity=cast(Activity, _Later(_activity)),
        traces=cast(Traces, _Later(_traces)),
        ownership=cast(Ownership, _Later(_ownership)),
        tables=cast(OwnTables, _Later(_tables)),
        startup=cast(StartFiles, _Later(_startup)),
    )


def _startup() -> StartFiles:
    from runaway_watchdog.world.startup import LiveStartFiles

    return LiveStartFiles()


def _tables() -> OwnTables:
    from runaway_watchdog.world.own_crontab import LiveTables

    return LiveTables()


def _activity() -> Activity:
    from runaway_watchdog.world.activity import LiveActivity

    return LiveActivity()


def _manager() -> Manager:
    from runaway_watchdog.world.systemd import LiveManager

    return LiveManager()


def _engine() -> Engine:
    import os

    from runaway_watchdog.world.docker import LiveEngine

    return LiveEngine(os.environ)


def _clients() -> Clients:
    from runaway_watchdog.world.clients import LiveClients

    return LiveClients()


def _supervisors() -> Supervisors:
    from runaway_watchdog.world.supervisors import LiveSupervisors

    return LiveSupervisors()


def _users() -> UserManagers:
    from runaway_watchdog.world.user_manager import LiveUserManagers

    return LiveUserManagers()


def _journal() -> Journal:
    from runaway_watchdog.world.journal import LiveJournal

    return LiveJournal()


def _podman() -> Podman:
    import os

    from runaway_watchdog.world.podman import LivePodman

    return LivePodman(os.environ)


def _traces() -> Traces:
    from runaway_watchdog.world.traces import LiveTraces

    return LiveTraces()


def _ownership() -> Ownership:
    from runaway_watchdog.world.ownership import LiveOwnership

    return LiveOwnership()
