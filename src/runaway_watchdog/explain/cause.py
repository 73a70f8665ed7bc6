"""The innocent burner: a process that works for somebody else, and who that is.

journald burns because a program floods it, kswapd because one eats the memory, PID 1 because a unit restarts ten times
a second, dockerd because of containers' logs or health checks. Stopping the worker helps nobody (and stopping
journald or dockerd does harm), so the one behind it is named.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from runaway_watchdog.hostile import clean
from runaway_watchdog.linux import net
from runaway_watchdog.model.casefile import Cause
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.process import Process
from runaway_watchdog.model.shortage import Shortage
from runaway_watchdog.owners.docker.container import SHIM, shim_of
from runaway_watchdog.world import Unanswered, World, processes, procfs, shortage
from runaway_watchdog.world.units import NOT_LOADED

if TYPE_CHECKING:
    from runaway_watchdog.engines.model import Inspected

NEWEST: Final = 300
"""Journal entries that are looked at."""
FLOOD: Final = NEWEST // 2
"""Who made at least so many of them is named: most of the newest, and more than a service says when it starts."""
FLOOD_PER_S: Final = 50.0
SUPPRESSED: Final = "a596d6fe7bfa4994828e72309e95d61e"
"""journald's own message when it drops a flooder's messages (systemd's catalog)."""
JOURNALD: Final = "systemd-journal"
SHARED: Final = ("docker.service", "cron.service", "crond.service", "ssh.service", "sshd.service")
"""Units that many write under."""
OFTEN_S: Final = 5.0
"""A health check more often than this keeps dockerd busy."""
SHORTEST_CHECK_S: Final = 0.001
"""Docker takes no shorter interval than a millisecond."""
MOST_NAMES: Final = 3
LOOK_S: Final = 0.3
GROWING: Final = 100_000
"""Bytes a second of a container's log that keep dockerd busy."""
DISK: Final = 1_000_000
"""Bytes a second of reads and writes that keep the kernel's threads busy."""
RESTARTS: Final = 5
JUST_NOW_S: Final = 60.0


class Innocent(NamedTuple):
    """Who works for others here, and how to look for the one behind it by hand."""

    what: str
    find: Callable[[World], Cause | None]
    look: str


def innocent(process: Process) -> Innocent | None:
    """Recognised by what cannot be forged: the kernel's flag, PID 1, or the unit and the user it runs as."""
    if process.kernel_thread:
        name = process.name.partition("/")[0]
        return _KERNEL.get(name) or _KERNEL.get(name.rstrip("0123456789"))
    if process.pid == 1:
        return _INIT
    group = process.control_group
    return _UNITS.get((group.leaf, process.name)) if group.segments[:-1] == ("system.slice",) else None


def cause(world: World, process: Process) -> tuple[Cause | None, tuple[Gap, ...]]:
    """Who makes it work; None where it is no such process, or nobody stands out."""
    known = innocent(process)
    if known is None:
        return None, ()
    try:
        short = shortage.shortage(world)
        if short is not None and short.kind == "memory":
            return _eater(world), ()
        if process.name.startswith(SHIM):
            own = shim_of(process)
            return None if own is None else _container(world, own), ()
        return known.find(world), ()
    except Unanswered as unanswered:
        return None, (unanswered.gap,)


# --- the journal's flooder -------------------------------------------------------------------------------------


class Writer(NamedTuple):
    """Whom journal entries are counted for: a container, a service, or a program in somebody's session."""

    kind: Literal["container", "unit", "program"]
    name: str


def _flooder(world: World) -> Cause | None:
    """Most of the newest entries are one writer's, made just now; or journald says that it drops somebody's."""
    entries = world.journal.entries((), NEWEST)
    dropped = _dropped(entries, world.clock.now())
    if dropped is not None:
        return dropped
    by_writer: dict[Writer, list[Mapping[str, str]]] = {}
    for each in entries:
        if (writer := _writer(each)) is not None:
            by_writer.setdefault(writer, []).append(each)
    if not by_writer:
        return None
    writer, own = max(by_writer.items(), key=lambda item: len(item[1]))
    rate = _rate(own, world.clock.now())
    if len(own) < FLOOD or rate < FLOOD_PER_S:
        return None
    evidence = (
        f"{len(own)} of the newest {len(entries)} journal entries are of the {writer.kind} {clean(writer.name, 80)}"
    )
    unit = writer.name if writer.kind == "unit" else None
    name = clean(writer.name, 80) if unit else f"the {writer.kind} {clean(writer.name, 80)}"
    return Cause(name, _pid(own[-1]), f"writes about {rate:.0f} lines a second to the journal", (evidence,), unit)


def _writer(entry: Mapping[str, str]) -> Writer | None:
    """None: the kernel's and journald's own messages."""
    unit = str(entry.get("_SYSTEMD_UNIT", ""))
    if entry.get("CONTAINER_NAME"):
        return Writer("container", str(entry["CONTAINER_NAME"]))
    if _pid(entry) is None or entry.get("_COMM") == JOURNALD:
        return None
    if unit.endswith(".service") and unit not in SHARED and not unit.startswith("user@"):
        return Writer("unit", unit)
    return Writer("program", str(entry.get("SYSLOG_IDENTIFIER") or entry.get("_COMM") or "without a name"))


def _pid(entry: Mapping[str, str]) -> int | None:
    try:
        return int(entry["_PID"])
    except (KeyError, TypeError, ValueError):
        return None


def _rate(own: Sequence[Mapping[str, str]], now: float) -> float:
    """Entries a second between the oldest and the newest of one writer's; 0 where the newest is not of just now.

    journald drops what is too much, so the burst that it kept may be a few seconds old.
    """
    try:
        first, last = (int(each["__REALTIME_TIMESTAMP"]) / 1e6 for each in (own[0], own[-1]))
    except (KeyError, ValueError, TypeError):
        return 0.0
    return 0.0 if now - last > JUST_NOW_S or len(own) == 1 else len(own) / max(last - first, 0.001)


def _dropped(entries: Sequence[Mapping[str, str]], now: float) -> Cause | None:
    """`Suppressed 12345 messages from flood.service`, which journald itself wrote just now."""
    for each in reversed(entries):
        found = re.fullmatch(r"Suppressed (\d+) messages from (\S+)", str(each.get("MESSAGE", "")))
        if found and each.get("MESSAGE_ID") == SUPPRESSED and each.get("_TRANSPORT") == "driver":
            if now - int(each.get("__REALTIME_TIMESTAMP", 0)) / 1e6 > JUST_NOW_S:
                return None
            unit = found[2].rpartition("/")[2]
            told = f"floods the journal: {found[1]} of its lines were dropped at once"
            pid = next((_pid(other) for other in reversed(entries) if other.get("_SYSTEMD_UNIT") == unit), None)
            return Cause(clean(unit, 80), pid, told, (f"journal: {clean(found[0])}",), unit)
    return None


# --- PID 1's restart loop --------------------------------------------------------------------------------------


def _restart_loop(world: World) -> Cause | None:
    """The service that was started again most often, and only just now."""
    worst: tuple[int, str, float] | None = None
    for name, state in world.manager.units().items():
        if not name.endswith(".service") or state not in ("activating", "active", "deactivating", "failed"):
            continue
        unit = world.manager.unit(name) or NOT_LOADED
        since = world.clock.now() - max(unit.active_enter, unit.inactive_exit) / 1e6
        if unit.restarts >= RESTARTS and since <= JUST_NOW_S and (worst is None or unit.restarts > worst[0]):
            worst = (unit.restarts, name, unit.restart_delay / 1e6)
    if worst is None:
        return None
    restarts, name, delay = worst
    told = f"ends and is started again, {restarts} times by now, each time {delay:g} s later"
    return Cause(clean(name, 80), None, told, (f"D-Bus {clean(name)}: NRestarts={restarts}",), name)


# --- who eats the memory ---------------------------------------------------------------------------------------


def _eater(world: World) -> Cause | None:
    """The process with the most memory, in RAM and in swap."""
    sizes = {
        int(name): shortage.memory_kib(world, int(name)) for name in world.files.names(procfs.PROC) if name.isdigit()
    }
    pid = max(sizes, key=lambda each: sizes[each], default=0)
    if not sizes.get(pid):
        return None
    told = f"holds {sizes[pid] / 1048576:.1f} GiB of memory and swap, more than any other process"
    return _user(world, pid, told, f"/proc/{pid}/status: memory of its own and VmSwap")


def _user(world: World, pid: int, told: str, evidence: str) -> Cause | None:
    """Who uses most of something need not be the cause: the plan leaves it alone."""
    found = processes.read(world.files, pid)
    return None if found is None else Cause(f"{clean(found.comm, 40)} ({pid})", pid, told, (evidence,), to_blame=False)


# --- who keeps the disks busy ----------------------------------------------------------------------------------


def _writes(world: World) -> Cause | None:
    """Whose group reads and writes most just now."""
    most = shortage.largest(world, Shortage("io", 0.0))
    if most is None or most[1] < DISK:
        return None
    told = f"reads and writes {most[1] / 1e6:.1f} MB a second, more than any other"
    return _user(world, most[0], told, f"/proc/{most[0]}/io: read_bytes and write_bytes")


# --- what keeps dockerd busy -----------------------------------------------------------------------------------


def _container(world: World, only: str = "") -> Cause | None:
    """Containers with a health check every moment, or one whose log grows fast; `only`: the ID of the one to ask."""
    from runaway_watchdog.engines import docker  # what no other cause needs

    running = [each for each in docker.containers(world) if each.state == "running" and only in ("", each.id)]
    details = [found for each in running if (found := docker.container(world, each.id)) is not None]
    return _writes_log(world, details) or _checked_often(details)


def _writes_log(world: World, details: "Sequence[Inspected]") -> Cause | None:
    before = {each.id: _log_bytes(world, each) for each in details}
    world.clock.sleep(LOOK_S)
    growth = {each.id: (_log_bytes(world, each) - before[each.id]) / LOOK_S for each in details}
    fastest = max(details, key=lambda each: growth[each.id], default=None)
    if fastest is None or growth[fastest.id] < GROWING:
        return None
    told = f"writes {growth[fastest.id] / 1e6:.1f} MB a second to its log, all of it through dockerd"
    return Cause(_container_name(fastest), _main_pid(fastest), told, (f"it grows: {clean(fastest.log)}",))


def _log_bytes(world: World, container: "Inspected") -> int:
    """The log's size; its rotation only makes one reading too small."""
    try:
        return int(world.files.status(container.log)[1]) if container.log else 0
    except OSError:
        return 0


def _checked_often(details: "Sequence[Inspected]") -> Cause | None:
    """Whose health is checked every moment. Each of several has its part in it: none of them is to blame for all."""
    often = sorted((each for each in details if _every_s(each) <= OFTEN_S), key=_every_s)
    if not often:
        return None
    evidence = ("GET /containers/…/json: Config.Healthcheck.Interval",)
    if len(often) == 1:
        told = f"has a health check every {_every_s(often[0]):g} s: each is a `docker exec`"
        return Cause(_container_name(often[0]), _main_pid(often[0]), told, evidence)
    names = [clean(each.name, 40) for each in often]
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    rate = sum(1 / _every_s(each) for each in often)
    told = f"have health checks, {rate:.1f} `docker exec` a second (longer intervals help): "
    told += f"{', '.join(names[:MOST_NAMES])}{more}"
    return Cause(f"{len(often)} containers", None, told, evidence, to_blame=False)


def _every_s(container: "Inspected") -> float:
    check = container.health_check
    return float("inf") if check is None or check.test[0] == "NONE" else max(check.every_s, SHORTEST_CHECK_S)


def _container_name(container: "Inspected") -> str:
    return f"the container {clean(container.name, 80)}"


def _main_pid(container: "Inspected") -> int | None:
    return container.pid if container.pid > 1 else None


# --- who gets the packets --------------------------------------------------------------------------------------


def _packets(world: World) -> Cause | None:
    """The network card that gets the most packets just now."""
    before = _received(world)
    world.clock.sleep(LOOK_S)
    growth = {name: (count - before.get(name, count)) / LOOK_S for name, count in _received(world).items()}
    name = max(growth, key=lambda each: growth[each], default="")
    if not name or growth[name] < 1000:
        return None
    told = f"gets {growth[name]:.0f} packets a second"
    return Cause(f"the network interface {clean(name, 20)}", None, told, (f"/proc/net/dev: {clean(name)}",))


def _received(world: World) -> dict[str, int]:
    try:
        return net.parse_dev(world.files.read(f"{procfs.PROC}/net/dev"))
    except OSError:
        return {}


_JOURNAL = (
    "journalctl -n 1000 -o json --output-fields=_SYSTEMD_UNIT | grep -o '\"_SYSTEMD_UNIT\":[^,}]*' | sort | uniq -c"
)
_MEMORY = "ps -eo rss,pid,user,args --sort=-rss | head"
_DISK = "grep -H _bytes /proc/[0-9]*/io | sort -t: -k3 -n | tail"
_NETWORK = "cat /proc/net/dev /proc/net/softnet_stat"
_LOGGER = Innocent("writes what others log", _flooder, _JOURNAL)
_CONTAINERS = (
    "docker stats --no-stream; docker ps -q | xargs -r docker inspect "
    "-f '{{with .Config.Healthcheck}}{{.Interval}} {{end}}{{.Name}}'"
)
_DOCKERD = Innocent("works for the containers", _container, _CONTAINERS)
_INIT = Innocent(
    "starts and ends what others ask for",
    _restart_loop,
    "systemctl list-units --state=activating,deactivating; journalctl -n 50 _PID=1",
)
_RECLAIM = Innocent("frees memory for whoever wants more", _eater, _MEMORY)
_COMPACT = Innocent("makes room in memory for others", _eater, _MEMORY)
_DISKS = Innocent("carries out what others ask of the disks", _writes, _DISK)
_KERNEL = {
    "kswapd": _RECLAIM,
    "kcompactd": _COMPACT,
    "khugepaged": _COMPACT,
    "ksoftirqd": Innocent("takes in network packets for others", _packets, _NETWORK),
    "kworker": Innocent("works off what others ask of the kernel", _writes, _DISK),
    "jbd2": _DISKS,
    "kjournald": _DISKS,
}
_UNITS = {
    ("systemd-journald.service", "systemd-journal"): _LOGGER,
    ("rsyslog.service", "rsyslogd"): _LOGGER,
    **{
        (unit, name): _DOCKERD
        for unit in ("docker.service", "containerd.service")
        for name in ("dockerd", "containerd", SHIM, "runc", "docker-proxy")
    },
}
