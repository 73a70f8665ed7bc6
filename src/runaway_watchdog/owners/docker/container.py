"""Docker containers, Compose services and the tasks of a swarm.

Restart semantics as observed on Engine 20.10 and 28.5; the rig confirms them again. A container's scope is a systemd
unit too, but systemd does not act on it: the Docker Engine does, and its own service is the layer around it.

docker_facts   what the engine tells of a container
docker_start   what the engine's start, and a boot, bring back
docker_hold    how a container is stopped for good
"""

import re
from collections.abc import Mapping
from typing import Any

from runaway_watchdog.linux.cgroup import CgroupPath
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Certainty, Claim, Outlook, Reason
from runaway_watchdog.model.plan import Containment
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.common.ending import Ending, ending
from runaway_watchdog.owners.docker import (
    containment as docker_hold,
    controllers,
    details as docker_facts,
    start as docker_start,
    swarm as docker_swarm,
)
from runaway_watchdog.owners.interface import Bag, Kind, Owner, Read
from runaway_watchdog.owners.steps import single
from runaway_watchdog.world import Unanswered, World

KINDS = (
    Kind("docker-container", "Docker container", daemon="Docker", doers=(("docker", "Docker"),)),
    Kind("compose-service", "Compose service", daemon="Docker"),
    Kind("swarm-task", "task of a Docker swarm", daemon="Docker", doers=(("swarm", "Docker's swarm"),)),
)
SCOPE = re.compile(r"docker-(?P<id>[0-9a-f]{64})\.scope")
LONG_ID = re.compile(r"[0-9a-f]{64}")
SHIM = "containerd-shim"
SWARM_SERVICE = "com.docker.swarm.service.name"
FIRST_DELAY_S, STABLE_AFTER_S = 0.1, 10.0
"""The engine waits 100 ms before a restart, doubles that each time, and begins anew after 10 s of life."""


def claim(facts: Facts) -> Claim | None:
    """Anchored: a `.mount` unit or a file whose name holds a container's ID is not that container."""
    group = facts.process.control_group
    found = container_id(group) or _rootless_id(group)
    if found is None:
        return None
    return Claim("docker-container", found, (f"/proc/{facts.process.pid}/cgroup: {group.path}",))


def container_id(group: CgroupPath) -> str | None:
    """Of the system's engine, by either of its cgroup drivers: `docker-ID.scope` in some slice, or `/docker/ID`."""
    if scope := SCOPE.fullmatch(group.unit):
        return scope["id"]
    found = group.segments[1] if group.segments[:1] == ("docker",) and len(group.segments) > 1 else ""
    return found if LONG_ID.fullmatch(found) else None


def _rootless_id(group: CgroupPath) -> str | None:
    """Of a user's own engine, whose scopes that user's systemd makes."""
    own = group.users_own
    scope = None if own is None else SCOPE.fullmatch(own.unit)
    return None if scope is None else scope["id"]


def inspect(claim: Claim, facts: Facts, world: World) -> Owner:
    """Ask the engine for the container, its policy and its Compose labels. Raises Unanswered."""
    container = world.engine.container(claim.ref)
    if container is None:
        raise Unanswered(Gap("docker", f"this Docker Engine does not know container {claim.ref[:12]}", _mend(facts)))
    info = world.engine.info()
    found = docker_facts.read(container, info, facts, world)
    policy = found["policy"]
    evidence = (
        *claim.evidence,
        f"GET /containers/{claim.ref[:12]}/json: RestartPolicy.Name={policy}, State.Pid={found['main_pid']}, "
        f"RestartCount={found['restart_count']}",
    )
    labels = container["Config"].get("Labels") or {}
    acting = controllers.acting_on(container, found, world)
    found["controllers"] = [each.told for each in acting]
    found["socket_holders"] = [each for each in found["socket_holders"] if each not in {known.name for known in acting}]
    raw = {
        "docker": docker_hold.client(world.engine.endpoint()),
        "mounts": container.get("Mounts") or [],
        "controllers": acting,
        "created_at": docker_facts.moment(container.get("Created", "")),
        "image_file": _image_file(container, info),
    }
    swarm = labels.get(SWARM_SERVICE)
    if swarm and (info.get("Swarm") or {}).get("LocalNodeState") == "active":  # a label alone is anybody's word
        found["swarm"] = docker_swarm.restart(labels, world)
        return Read("swarm-task", swarm, claim.ref, docker_swarm.policy(found["swarm"]), Bag(found, raw), evidence)
    if found.get("project"):
        name = f"{found['project']}/{found['service']}"
        return Read("compose-service", name, claim.ref, policy, Bag(found, raw), evidence)
    return Read("docker-container", found["container"], claim.ref, policy, Bag(found, raw), evidence)


def _image_file(container: Mapping[str, Any], info: Mapping[str, Any]) -> str:
    """A pattern for the file that the engine wrote when the image came; containerd's image store has none."""
    kind, _, digest = str(container.get("Image", "")).partition(":")
    root = str(info.get("DockerRootDir", ""))
    return f"{root}/image/*/imagedb/content/{kind}/{digest}" if root and digest.isalnum() else ""


def _mend(facts: Facts) -> str:
    group = facts.process.control_group
    if _rootless_id(group):
        return f"ask the engine of that user: DOCKER_HOST=unix:///run/user/{group.uid}/docker.sock"
    return "set DOCKER_HOST to the engine that runs it (rootless, or a Docker inside a container)"


def outer(owner: Owner) -> Claim | None:
    """Who acts on the container beside the engine, then the engine's own unit."""
    acting = owner.raw.get("controllers") or ()
    return controllers.claim(acting, engine_unit(owner.facts))


def engine_unit(facts: Mapping[str, Any]) -> str | None:
    """The unit that the engine runs in; of a container that was not read, the ordinary one."""
    unit = facts.get("engine_unit", "docker.service")
    return None if unit is None else str(unit)


def outlook(owner: Owner, facts: Facts, action: Action) -> Outlook:
    if not owner.facts:
        return _unread(owner, facts, action)
    if action in ("owner-daemon-restart", "reboot"):
        return docker_start.outlook(owner, facts, action, main=is_main(owner, facts))
    if not owner.facts["main_pid"]:
        return _down(owner, action)
    if action == "owner-stop":
        return _stopped(owner, facts)
    end = _ending(owner, facts, action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    if not is_main(owner, facts):
        return _not_main(owner, facts, action, end)
    if owner.kind == "swarm-task":
        return docker_swarm.outlook(owner, action, end)
    return controllers.started_again(owner, _policy(owner, action, end))


def is_main(owner: Owner, facts: Facts) -> bool:
    """Whether the container lives and dies with this process: its main one, or the one that its init started."""
    return facts.process.pid in (owner.facts["main_pid"], owner.facts.get("init_child"))


def _ending(owner: Owner, facts: Facts, action: Action) -> Ending:
    """As the process itself takes it; an init as PID 1 waits for signals with sigwait, and passes them on."""
    end = ending(facts.process, action)
    child = owner.facts.get("init_child")
    if child is None or facts.process.pid not in (owner.facts["main_pid"], child):
        return end
    init, sure = owner.facts["init"], owner.facts["init_certain"]
    certainty: Certainty = "certain" if sure else "likely"
    if facts.process.pid == child:
        return end._replace(
            certainty=end.certainty if sure or not end.ends else "likely",
            why=f"{end.why}, and {init} exits with it" if end.ends else end.why,
        )
    if action != "sigterm":
        return end
    passed = f"{init} passes {facts.process.signal} on to {child}"
    return {
        "handled": Ending(True, "own", "likely", f"{passed}, which handles it: how that exits is its own choice"),
        "ignored": Ending(False, "own", certainty, f"{passed}, which ignores it"),
        "default": Ending(True, "sigterm", certainty, f"{passed}, which ends by it"),
    }.get(owner.facts["init_child_sigterm"], Ending(True, "own", "unknown", passed))


def _unread(owner: Owner, facts: Facts, action: Action) -> Outlook:
    why = f"the restart policy of {owner.name} could not be read"
    if action not in ("owner-stop", "owner-daemon-restart", "reboot"):
        end = ending(facts.process, action)
        if not end.ends:
            return Outlook.goes_on(action, end.certainty, end.why)
    return Outlook.not_known(action, why)


def _down(owner: Owner, action: Action) -> Outlook:
    """A container without a process: between two attempts of the engine, or stopped."""
    if owner.facts["state"] != "restarting":
        why = f"it is {owner.facts['state']}: it has no process, and nothing starts it while the engine goes on"
        return controllers.started_again(owner, Outlook.stays_away(action, "certain", why))
    if action == "owner-stop":
        why = "`docker stop` ends the engine's attempts, and its restart policy does not act on that"
        return controllers.started_again(owner, Outlook.stays_away(action, "certain", why))
    why = f"it is dead at this moment; {owner.policy} starts it again when the engine's delay is over"
    return Outlook.comes_back(action, "docker", "certain", why)


def _stopped(owner: Owner, facts: Facts) -> Outlook:
    if owner.kind == "swarm-task":
        return docker_swarm.stopped(owner, facts)
    why = f"`docker stop` ends the container, and its restart policy does not act on that{docker_start.later(owner)}"
    return controllers.started_again(owner, Outlook.stays_away("owner-stop", "certain", why))


def _policy(owner: Owner, action: Action, end: Ending) -> Outlook:
    """What the restart policy makes of the end of the container's main process."""
    name, _, limit = owner.policy.partition(":")
    certainty: Certainty = "likely" if end.how == "own" else end.certainty
    if name in ("always", "unless-stopped"):
        return _back(owner, action, (end.reason, f"restart policy {name} starts the container again"), certainty)
    if name == "no":
        gone = ", and --rm removes the container" if owner.facts["auto_remove"] else ""
        return Outlook.stays_away(action, certainty, (end.reason, f"restart policy no leaves it stopped{gone}"))
    if limit and owner.facts["restart_count"] >= int(limit):
        why = (end.reason, f"the {limit} restarts that {owner.policy} allows are used up (`docker start` counts anew)")
        return Outlook.stays_away(action, certainty, why)
    if end.how == "own":
        why = (end.reason, f"{owner.policy} restarts it only if that is not 0")
        return Outlook.not_known(action, why, by="docker")
    if end.how == "clean":
        why = (end.reason, f"{owner.policy} does not act on exit code 0")
        return Outlook.stays_away(action, certainty, why)
    return _back(owner, action, (end.reason, f"{owner.policy} starts the container again"), certainty)


def _back(owner: Owner, action: Action, why: tuple[Reason | str, ...], certainty: Certainty) -> Outlook:
    """The first restart comes after 100 ms; a container that dies young waits twice as long each time. How long by
    now the engine does not tell: its count of restarts goes on when its delay begins anew."""
    if owner.facts["up_s"] >= STABLE_AFTER_S or not owner.facts["restart_count"]:
        return Outlook.comes_back(action, "docker", certainty, why, after_s=FIRST_DELAY_S)
    waits = f"it was up for less than {STABLE_AFTER_S:g} s, so the engine waits longer before each restart"
    why = (*why, waits)
    return Outlook.comes_back(action, "docker", "likely" if certainty == "certain" else certainty, why)


def _not_main(owner: Owner, facts: Facts, action: Action, end: Ending) -> Outlook:
    """A process beside the main one: the engine does not act, but something inside the container may."""
    main = owner.facts["main_pid"]
    beside = f"{end.why}; it is not the container's main process ({main})"
    if is_stray(owner, facts):
        return _put_there(owner, facts, action, end.certainty, beside)
    parent = facts.ancestors[0]
    if parent.pid == main and owner.facts.get("init_child") is not None:
        why = f"{beside} but an orphan that its init {owner.facts['init']} took in, so nobody starts it again"
        return Outlook.stays_away(action, end.certainty, why)
    why = f"{beside}; whether its parent {parent.name} ({parent.pid}) inside the container starts it again is not known"
    return Outlook.not_known(action, why)


def is_stray(owner: Owner, facts: Facts) -> bool:
    """Whether it does not descend from the main process: `docker exec` put it there, or a health check is it."""
    main = owner.facts["main_pid"]
    return facts.process.pid != main and main not in (ancestor.pid for ancestor in facts.ancestors)


def _put_there(owner: Owner, facts: Facts, action: Action, certainty: Certainty, beside: str) -> Outlook:
    check = owner.facts.get("health_check")
    if check is None:
        why = f"{beside} but one that `docker exec` put there, so nobody starts it again"
        return Outlook.stays_away(action, certainty, why)
    words = [" ".join(each.cmdline) for each in (facts.process, *facts.ancestors) if not each.name.startswith(SHIM)]
    if any(" ".join(check["command"]) in each for each in words):
        why = f"{beside} but its health check, which the engine starts every {check['every_s']:g} s"
        return Outlook.comes_back(action, "docker", "likely", why, after_s=check["every_s"])
    why = f"{beside} but one that `docker exec` put there, or a part of the container's health check"
    return Outlook.not_known(action, why)


def contain(owner: Owner, facts: Facts) -> Containment:
    """The container, for its main process and what an init only passes on; any other process by itself alone."""
    if not owner.facts or is_main(owner, facts):
        return docker_hold.contain(owner, facts)
    killed = outlook(owner, facts, "sigkill")
    if killed.returns is False:
        goal = f"Hold this one process still, then end it: {owner.name} itself goes on, and nothing starts it again"
        return Containment(goal, (*single.relieve(facts.process), single.end(facts.process)))
    goal = f"Hold this one process still: {owner.name} itself goes on; whether something starts it again is not known"
    return Containment(goal, single.relieve(facts.process))
