"""Docker containers and Compose services.

Restart semantics as observed on Engine 20.10 and 28.5; the rig confirms them again. A container's scope is a systemd
unit too, but systemd does not act on it: the Docker Engine does, and its own service is the layer around it.
"""

import re
from collections.abc import Mapping
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
FIRST_DELAY_S, LONGEST_DELAY_S, STABLE_AFTER_S = 0.1, 60.0, 10.0
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
    if swarm := labels.get("com.docker.swarm.service.name"):
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
    if project := labels.get("com.docker.compose.project"):
        found |= {
            "project": project,
            "service": labels.get("com.docker.compose.service", ""),
            "config_files": [
                each for each in labels.get("com.docker.compose.project.config_files", "").split(",") if each
            ],
            "working_dir": labels.get("com.docker.compose.project.working_dir", ""),
            "one_off": labels.get("com.docker.compose.oneoff", "").lower() == "true",
        }
    return found


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
    ends = action in ("owner-stop", "owner-daemon-restart", "reboot") or ending(facts.process, action).ends
    return Fate(action, ends, None, None, None, "unknown", f"the restart policy of {owner.name} could not be read")


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
    if owner.facts["up_s"] >= STABLE_AFTER_S or not owner.facts["restart_count"]:
        return Fate(action, True, True, "docker", FIRST_DELAY_S, certainty, why)
    delay = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** min(owner.facts["restart_count"], 10))
    why = f"{why}; it was up for less than 10 s, so the engine waits longer before each restart"
    return Fate(action, True, True, "docker", round(delay, 1), "likely" if certainty == "certain" else certainty, why)


def _not_main(owner: Owner, facts: Facts, action: Action, end: Ending) -> Fate:
    """A process beside the main one: the engine does not act, but something inside the container may."""
    parent = facts.ancestors[0] if facts.ancestors else None
    beside = f"{end.why}; it is not the container's main process ({owner.facts['main_pid']})"
    if parent is None or parent.name.startswith(SHIM):
        why = f"{beside} but one that `docker exec` put there, so nobody starts it again"
        return Fate(action, True, False, None, None, "certain", why)
    if parent.pid == owner.facts["main_pid"] and parent.name in INIT_NAMES:
        through = end._replace(why=f"{end.why}, and its init exits with it", how="own" if end.how == "own" else end.how)
        after = _policy(owner, action, through)
        return Fate(action, after.ends, after.returns, after.by, after.after_s, "likely", after.why)
    why = f"{beside}; whether its parent {parent.name} ({parent.pid}) inside the container starts it again is not known"
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
    if owner.facts and facts.process.pid != owner.facts["main_pid"] and fate(owner, facts, "sigkill").returns is False:
        goal = f"Hold this one process still, then end it: {owner.name} itself goes on, and nothing starts it again"
        process = facts.process
        return Held(goal, (*single.renice(process), single.freeze(process), single.end(process)))
    return docker_hold.hold(owner, facts)
