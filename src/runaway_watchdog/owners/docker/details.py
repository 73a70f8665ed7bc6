"""What the Docker Engine tells of one container, in the words that its fate and its plan need."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.docker import compose as compose_facts
from runaway_watchdog.world import Unanswered, World, procfs

INIT_NAMES = ("docker-init", "tini", "dumb-init", "catatonit")
"""Programs that are PID 1 for another one: they pass signals on to it, and exit with it and with its exit code."""
SNAP_ROOT = "/var/snap/docker/"
SOCKETS = ("/var/run/docker.sock", "/run/docker.sock")
DEFAULT_HEALTH_INTERVAL_NS = 30_000_000_000

Json = Mapping[str, Any]


def read(container: Json, info: Json, facts: Facts, world: World) -> dict[str, Any]:
    """`owners[].facts` of a container: from its inspect JSON, the list of all containers and `info`.

    Raises Unanswered where the engine stops answering.
    """
    host, state, config = container["HostConfig"], container["State"], container["Config"]
    labels = config.get("Labels") or {}
    others = [each for each in world.engine.containers() if each["Id"] != container["Id"]]
    unit = _engine_unit(info)
    found = {
        "container": container["Name"].lstrip("/"),
        "image": config.get("Image", ""),
        "policy": policy(host),
        "state": state.get("Status", ""),
        "exit_code": state.get("ExitCode", 0),
        "restart_count": container.get("RestartCount", 0),
        "main_pid": state.get("Pid", 0),
        "up_s": round(max(0.0, world.clock.now() - moment(state.get("StartedAt", ""))), 1),
        "auto_remove": bool(host.get("AutoRemove")),
        "live_restore": bool(info.get("LiveRestoreEnabled")),
        "cpu_limit": bool(info.get("CpuCfsQuota")),
        "nano_cpus": host.get("NanoCpus") or 0,
        "cpu_quota": host.get("CpuQuota") or 0,
        "cpu_period": host.get("CpuPeriod") or 0,
        "stop_signal": config.get("StopSignal") or "SIGTERM",
        "health": (state.get("Health") or {}).get("Status"),
        "health_check": _health_check(config),
        "network_of": _sharing_its_network(container, others),
        "memory_only": _memory_only(container),
        "engine_unit": unit,
        "engine_at_boot": _at_boot(unit, world),
        "socket_holders": [_name(each) for each in others if holds_the_socket(each)],
    }
    found |= _init(container, facts, world)
    if labels.get(compose_facts.PROJECT):
        found |= compose_facts.read(labels, others, world)
    return found


def policy(host: Json) -> str:
    """The restart policy as `docker run --restart` takes it."""
    restart = host.get("RestartPolicy") or {}
    limit = restart.get("MaximumRetryCount") or 0
    name = restart.get("Name") or "no"
    return f"{name}:{limit}" if limit else name


def holds_the_socket(listed: Json) -> bool:
    """Whether a container of the list could tell this very engine what to do. A read-only mount does not hinder it."""
    mounts = listed.get("Mounts") or []
    return listed.get("State") == "running" and any(each.get("Source") in SOCKETS for each in mounts)


def _name(listed: Json) -> str:
    names = listed.get("Names") or [listed["Id"][:12]]
    return str(min(names, key=lambda name: name.count("/"))).lstrip("/")


def _sharing_its_network(container: Json, others: Sequence[Json]) -> list[str]:
    mode = f"container:{container['Id']}"
    return [_name(each) for each in others if (each.get("HostConfig") or {}).get("NetworkMode") == mode]


def _memory_only(container: Json) -> list[str]:
    mounted = (each["Destination"] for each in container.get("Mounts") or [] if each["Type"] == "tmpfs")
    return sorted({*(container["HostConfig"].get("Tmpfs") or {}), *mounted})


def _health_check(config: Json) -> dict[str, Any] | None:
    """The command that the engine starts inside the container again and again, and how often."""
    check = config.get("Healthcheck") or {}
    test = check.get("Test") or []
    if len(test) < 2 or test[0] not in ("CMD", "CMD-SHELL"):
        return None
    return {"command": test[1:], "every_s": (check.get("Interval") or DEFAULT_HEALTH_INTERVAL_NS) / 1e9}


def _engine_unit(info: Json) -> str | None:
    """The unit of the engine itself; None for a rootless one, which is a unit of its user."""
    if str(info.get("DockerRootDir", "")).startswith(SNAP_ROOT):
        return "snap.docker.dockerd.service"
    rootless = any(str(each).startswith("name=rootless") for each in info.get("SecurityOptions") or [])
    return None if rootless else "docker.service"


def _at_boot(unit: str | None, world: World) -> bool | None:
    """Whether the engine is started at boot; None where that cannot be told, as for one that its socket starts."""
    try:
        found = world.manager.unit(unit) if unit is not None else None
    except Unanswered:  # the engine's own layer asks the same, and tells it
        return None
    if found is None:
        return None
    if found.unit_file_state == "enabled":
        return True
    return None if found.triggered_by else False


def _init(container: Json, facts: Facts, world: World) -> dict[str, Any]:
    """The program that an init as PID 1 was started for: the container lives and dies with it.

    It is the init's first child: whatever the init adopted later descends from that one, or from `docker exec`.
    """
    main = container["State"].get("Pid", 0)
    ours = bool(container["HostConfig"].get("Init"))
    seen = next((each for each in (facts.process, *facts.ancestors) if each.pid == main), None)
    if main <= 0 or not (ours or (seen is not None and seen.name in INIT_NAMES)):
        return {}
    child = _first_child(main, world)
    if child is None:
        return {}
    return {
        "init": "docker-init" if ours or seen is None else seen.name,
        "init_child": child.pid,
        "init_child_sigterm": child.sigterm,
        "init_certain": ours,
    }


def _first_child(pid: int, world: World) -> Process | None:
    try:
        children = procfs.children(world.files, pid)
        return procfs.process(world.files, children[0])[0] if children else None
    except (OSError, procfs.NoSuchProcessError, Unanswered):
        return None


def moment(text: str) -> float:
    """The engine's RFC 3339 times; the epoch for its zero time or anything else."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0
