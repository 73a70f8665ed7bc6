"""Docker containers and Compose services.

Restart semantics as observed on Engine 20.10 and 28.5; the rig confirms them again. A container's scope is a systemd
unit too, but systemd does not act on it: the Docker Engine does, and its own service is the layer around it.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Certainty, Claim, Fate, Owner
from runaway_watchdog.model.plan import Held
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners import docker_hold, single
from runaway_watchdog.owners.ending import Ending, ending
from runaway_watchdog.world import Unanswered, World

KINDS = ("docker-container", "compose-service", "swarm-task")
SCOPE = re.compile(r"(?:/[^/]+\.slice)*/docker-(?P<id>[0-9a-f]{64})\.scope(?:/.*)?")
CGROUPFS = re.compile(r"/docker/(?P<id>[0-9a-f]{64})(?:/.*)?")
SHIM = "containerd-shim"
INIT_NAMES = ("docker-init", "tini")
FIRST_DELAY_S, STABLE_AFTER_S = 0.1, 10.0
"""The engine waits 100 ms before a restart, doubles that each time, and begins anew after 10 s of life."""


def claim(facts: Facts) -> Claim | None:
    """Anchored: a `.mount` unit or a file whose name holds a container's ID is not that container."""
    path = facts.process.cgroup
    found = SCOPE.fullmatch(path) or CGROUPFS.fullmatch(path)
    if not found:
        return None
    return Claim("docker-container", found["id"], (f"/proc/{facts.process.pid}/cgroup: {path}",))


def inspect(claim: Claim, facts: Facts, world: World) -> Owner:  # noqa: ARG001
    """Ask the engine for the container, its policy and its Compose labels. Raises Unanswered."""
    container = world.engine.container(claim.ref)
    if container is None:
        mend = "set DOCKER_HOST to the engine that runs it (rootless, or a Docker inside a container)"
        raise Unanswered(Gap("docker", f"this Docker Engine does not know container {claim.ref[:12]}", mend))
    info = world.engine.info()
    found = _facts(container, info, world)
    policy = found["policy"]
    evidence = (
        *claim.evidence,
        f"GET /containers/{claim.ref[:12]}/json: RestartPolicy.Name={policy}, State.Pid={found['main_pid']}, "
        f"RestartCount={found['restart_count']}",
    )
    labels = container["Config"].get("Labels") or {}
    raw = {"docker": docker_hold.client(world.engine.endpoint()), "mounts": container.get("Mounts") or []}
    swarm = labels.get("com.docker.swarm.service.name")
    if swarm and (info.get("Swarm") or {}).get("LocalNodeState") == "active":  # a label alone is anybody's word
        return Owner("swarm-task", swarm, claim.ref, "swarm", found, evidence, raw)
    if found.get("project"):
        name = f"{found['project']}/{found['service']}"
        return Owner("compose-service", name, claim.ref, policy, found, evidence, raw)
    return Owner("docker-container", found["container"], claim.ref, policy, found, evidence, raw)


def _facts(container: Mapping[str, Any], info: Mapping[str, Any], world: World) -> dict[str, Any]:
    host = container["HostConfig"]
    state = container["State"]
    restart = host.get("RestartPolicy") or {}
    limit = restart.get("MaximumRetryCount") or 0
    name = restart.get("Name") or "no"
    labels = container["Config"].get("Labels") or {}
    found = {
        "container": container["Name"].lstrip("/"),
        "image": container["Config"].get("Image", ""),
        "policy": f"{name}:{limit}" if limit else name,
        "state": state.get("Status", ""),
        "restart_count": container.get("RestartCount", 0),
        "main_pid": state.get("Pid", 0),
        "up_s": round(max(0.0, world.clock.now() - _time(state.get("StartedAt", ""))), 1),
        "auto_remove": bool(host.get("AutoRemove")),
        "live_restore": bool(info.get("LiveRestoreEnabled")),
        "cpu_limit": bool(info.get("CpuCfsQuota")),
        "nano_cpus": host.get("NanoCpus") or 0,
        "cpu_quota": host.get("CpuQuota") or 0,
        "cpu_period": host.get("CpuPeriod") or 0,
    }
    found["health_check"] = _health_check(container["Config"])
    others = [each for each in world.engine.containers() if each["Id"] != container["Id"]]
    found["network_of"] = [
        str(each["Names"][0]).lstrip("/")
        for each in others
        if (each.get("HostConfig") or {}).get("NetworkMode") == f"container:{container['Id']}"
    ]
    found["memory_only"] = sorted(
        {*(host.get("Tmpfs") or {}), *(m["Destination"] for m in container.get("Mounts") or [] if m["Type"] == "tmpfs")}
    )
    if project := labels.get("com.docker.compose.project"):
        found |= {
            "project": project,
            "service": labels.get("com.docker.compose.service", ""),
            "config_files": config_files(labels),
            "working_dir": labels.get("com.docker.compose.project.working_dir", ""),
            "replicas": _replicas(labels, others),
            "one_off": labels.get("com.docker.compose.oneoff", "").lower() == "true",
        }
    return found


def config_files(labels: Mapping[str, str]) -> list[str]:
    """The label joins paths with commas, which a path may hold too; Compose v1 wrote them as they were typed."""
    folder = labels.get("com.docker.compose.project.working_dir", "")
    text = labels.get("com.docker.compose.project.config_files", "")
    parts = re.split(r",(?=/)", text) if text.startswith("/") else text.split(",")
    return [part if part.startswith("/") else f"{folder}/{part}" for part in parts if part]


def _replicas(labels: Mapping[str, str], others: Sequence[Mapping[str, Any]]) -> int:
    """How many other running containers do the same service."""
    same = [f"com.docker.compose.{name}" for name in ("project", "service")]
    return sum(
        each.get("State") == "running"
        and all((each.get("Labels") or {}).get(name) == labels.get(name) for name in same)
        for each in others
    )


def _health_check(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """The command that the engine starts inside the container again and again, and how often."""
    check = config.get("Healthcheck") or {}
    test = check.get("Test") or []
    if len(test) < 2 or test[0] not in ("CMD", "CMD-SHELL"):
        return None
    return {"command": test[1:], "every_s": (check.get("Interval") or 30_000_000_000) / 1e9}


def _time(text: str) -> float:
    """The engine's RFC 3339 times; the epoch for its zero time or anything else."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


def outer(owner: Owner) -> Claim | None:  # noqa: ARG001
    return Claim("systemd-service", "docker.service", ("the Docker Engine's own unit",))


def fate(owner: Owner, facts: Facts, action: Action) -> Fate:
    if not owner.facts:
        return _unread(owner, facts, action)
    if action in ("owner-daemon-restart", "reboot"):
        return _daemon_starts(owner, facts, action)
    if owner.kind == "swarm-task":
        return _swarm(facts, action)
    if action == "owner-stop":
        why = "`docker stop` ends the container, and its restart policy does not act on that"
        return Fate(action, True, False, None, None, "certain", why)
    end = ending(facts.process, action)
    if not end.ends:
        return Fate(action, False, False, None, None, end.certainty, end.why)
    main = owner.facts["main_pid"]
    if facts.process.pid != main:
        return _not_main(owner, facts, action, end)
    return _policy(owner, action, end)


def _unread(owner: Owner, facts: Facts, action: Action) -> Fate:
    why = f"the restart policy of {owner.name} could not be read"
    if action not in ("owner-stop", "owner-daemon-restart", "reboot"):
        end = ending(facts.process, action)
        if not end.ends:
            return Fate(action, False, False, None, None, end.certainty, end.why)
    return Fate(action, True, None, None, None, "unknown", why)


def _policy(owner: Owner, action: Action, end: Ending) -> Fate:
    """What the restart policy makes of the end of the container's main process."""
    name, _, limit = owner.policy.partition(":")
    certainty: Certainty = "likely" if end.how == "own" else end.certainty
    if name in ("always", "unless-stopped"):
        return _back(owner, action, f"{end.why}; restart policy {name} starts the container again", certainty)
    if name == "no":
        gone = ", and --rm removes the container" if owner.facts["auto_remove"] else ""
        return Fate(action, True, False, None, None, certainty, f"{end.why}; restart policy no leaves it stopped{gone}")
    if end.how == "own":
        why = f"{end.why}; {owner.policy} restarts it only if that is not 0"
        return Fate(action, True, None, "docker", None, "unknown", why)
    if end.how == "clean":
        return Fate(
            action, True, False, None, None, certainty, f"{end.why}; {owner.policy} does not act on exit code 0"
        )
    if limit and owner.facts["restart_count"] >= int(limit):
        why = f"{end.why}; the {limit} restarts that {owner.policy} allows are used up"
        return Fate(action, True, False, None, None, certainty, why)
    return _back(owner, action, f"{end.why}; {owner.policy} starts the container again", certainty)


def _back(owner: Owner, action: Action, why: str, certainty: Certainty) -> Fate:
    """The first restart comes after 100 ms; a container that dies young waits twice as long each time. How long by
    now the engine does not tell: its count of restarts goes on when its delay begins anew."""
    if owner.facts["up_s"] >= STABLE_AFTER_S or not owner.facts["restart_count"]:
        return Fate(action, True, True, "docker", FIRST_DELAY_S, certainty, why)
    why = f"{why}; it was up for less than {STABLE_AFTER_S:g} s, so the engine waits longer before each restart"
    return Fate(action, True, True, "docker", None, "likely" if certainty == "certain" else certainty, why)


def _not_main(owner: Owner, facts: Facts, action: Action, end: Ending) -> Fate:
    """A process beside the main one: the engine does not act, but something inside the container may."""
    main = owner.facts["main_pid"]
    beside = f"{end.why}; it is not the container's main process ({main})"
    if main not in (ancestor.pid for ancestor in facts.ancestors):
        return _put_there(owner, facts, action, end.certainty, beside)
    parent = facts.ancestors[0]
    if parent.pid == main and parent.name in INIT_NAMES:
        through = end._replace(why=f"{end.why}, and its init exits with it")
        after = _policy(owner, action, through)
        return Fate(action, after.ends, after.returns, after.by, after.after_s, "likely", after.why)
    why = f"{beside}; whether its parent {parent.name} ({parent.pid}) inside the container starts it again is not known"
    return Fate(action, True, None, None, None, "unknown", why)


def _put_there(owner: Owner, facts: Facts, action: Action, certainty: Certainty, beside: str) -> Fate:
    """It does not descend from the main process: `docker exec` put it there, or the engine itself as a health check."""
    check = owner.facts.get("health_check")
    if check is None:
        why = f"{beside} but one that `docker exec` put there, so nobody starts it again"
        return Fate(action, True, False, None, None, certainty, why)
    words = [" ".join(each.cmdline) for each in (facts.process, *facts.ancestors) if not each.name.startswith(SHIM)]
    if any(" ".join(check["command"]) in each for each in words):
        why = f"{beside} but its health check, which the engine starts every {check['every_s']:g} s"
        return Fate(action, True, True, "docker", check["every_s"], "likely", why)
    why = f"{beside} but one that `docker exec` put there, or a part of the container's health check"
    return Fate(action, True, None, None, None, "unknown", why)


def _swarm(facts: Facts, action: Action) -> Fate:
    """A swarm task's container has policy "no", and yet the swarm puts a new container in its place."""
    if action != "owner-stop":
        end = ending(facts.process, action)
        if not end.ends:
            return Fate(action, False, False, None, None, end.certainty, end.why)
    why = "the swarm starts a new container for the task that is missing"
    return Fate(action, True, True, "swarm", None, "likely", why)


def _daemon_starts(owner: Owner, facts: Facts, action: Action) -> Fate:
    """The engine's start, told from the present state: it runs, and was not stopped by hand."""
    if action == "owner-daemon-restart" and owner.facts["live_restore"]:
        return Fate(action, False, False, None, None, "certain", "live-restore: containers outlive the engine")
    at = "at the next boot" if action == "reboot" else "when the engine starts"
    main = facts.process.pid == owner.facts["main_pid"]
    name = owner.policy.partition(":")[0]
    if owner.kind == "swarm-task":
        return Fate(action, True, True, "swarm", None, "likely", f"the swarm starts its tasks again {at}")
    if name == "no":
        return Fate(action, True, False, None, None, "certain", f"restart policy no: it is not started {at}")
    if not main:
        why = f"the container starts again {at}; whether that brings this process with it is not known"
        return Fate(action, True, None, "docker", None, "unknown", why)
    # on-failure: an engine that stops ends its containers by signal, which counts as a failure (exit code 137 or
    # 143) unless the program turns SIGTERM into exit code 0.
    sure: Certainty = "likely" if name == "on-failure" or action == "reboot" else "certain"
    return Fate(action, True, True, "docker", None, sure, f"restart policy {owner.policy}: it is started again {at}")


def hold(owner: Owner, facts: Facts) -> Held:
    """The container, for its main process and what an init only passes on; any other process by itself alone."""
    if not owner.facts or facts.process.pid == owner.facts["main_pid"]:
        return docker_hold.hold(owner, facts)
    killed = fate(owner, facts, "sigkill")
    if killed.returns and killed.certainty == "likely" and owner.facts.get("health_check") is None:
        return docker_hold.hold(owner, facts)
    if killed.returns is False:
        goal = f"Hold this one process still, then end it: {owner.name} itself goes on, and nothing starts it again"
        return Held(goal, (*single.still(facts.process), single.end(facts.process)))
    goal = f"Hold this one process still: {owner.name} itself goes on; whether something starts it again is not known"
    return Held(goal, single.still(facts.process))
