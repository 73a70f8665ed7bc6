"""Stopping a container and keeping it stopped, reversibly and without losing anything that it wrote."""

import re
from shlex import quote
from typing import TYPE_CHECKING

from runaway_watchdog.model.plan import Containment, Prints, Step
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.interface import Unread
from runaway_watchdog.owners.steps import acting, single
from runaway_watchdog.world import Unanswered, World
from runaway_watchdog.world.ownership import ROOT_ONLY

if TYPE_CHECKING:
    from runaway_watchdog.owners.docker.controllers import Acting
    from runaway_watchdog.owners.docker.details import ContainerOwner

RELIEVED = 0.2  # of a core
DEFAULT_PERIOD = 100_000
LOOKS_LIKE_AN_ID = re.compile(r"[0-9a-f]{8,64}")


def client(world: World) -> str:
    """The command that talks to this engine, ready for a shell; to a user's own as that user."""
    endpoint = world.engine.endpoint()
    if endpoint is None:
        return "docker"
    return acting.run(_whose(endpoint, world), f"docker -H {quote(endpoint)}")


def _whose(endpoint: str, world: World) -> str | None:
    """The one user beside root who holds its socket; None: root alone, or several, or it is no file."""
    try:
        found = world.ownership.of(endpoint.removeprefix("unix://")) if endpoint.startswith("unix:///") else ROOT_ONLY
    except (OSError, Unanswered):
        return None
    return world.files.user(found.uids[0]) if len(found.uids) == 1 and not found.anyone else None


def named(name: str, identifier: str) -> str:
    """A container's name, as people know it; its ID where the name could be mistaken for another one's ID."""
    return identifier if LOOKS_LIKE_AN_ID.fullmatch(name) else name


def reference(owner: "ContainerOwner") -> str:
    """The same, ready for a shell."""
    return quote(named(owner.details.container, owner.id))


def contain(owner: "ContainerOwner | Unread", facts: Facts) -> Containment:
    """Relieve, close the engine's door (the policy) and those of whoever else starts it, then stop.

    The policy goes first: a container stopped with policy `always` runs again after the next restart of Docker. One
    that was created with --rm, or that is replaced or deleted when it stops, must not stop at all: it is paused.
    """
    if isinstance(owner, Unread):
        goal = "Hold it still until the engine can be asked what it is"
        return Containment(goal, single.relieve(facts.process))
    docker, name = owner.details.client, reference(owner)
    policy = () if owner.policy == "no" else (_no_restart(owner, docker, name),)
    if not owner.details.main_pid:
        return _of_one_that_is_down(owner, docker, name, policy)
    limit, pause = _limit(owner, docker, name), _pause(owner, docker, name)
    if (why := _must_not_stop(owner)) is not None:
        return Containment(f"Hold {why}", single.held_still(limit, pause), _open_doors(owner, stopped=False), calm=True)
    closing = [step for each in owner.details.controllers for step in each.close]
    steps = (
        *(limit or pause),
        *policy,
        *(step for step in closing if step.phase == "hold"),
        _stop(owner, docker, name),
        *(step for step in closing if step.phase == "close"),
    )
    return Containment(_goal(owner), steps, _open_doors(owner), calm=True)


def _must_not_stop(owner: "ContainerOwner") -> str | None:
    """Why it can only be paused; None for one that can be stopped and started again as it was."""
    if owner.details.auto_remove:
        return f"{owner.name} still: it was created with --rm, stopping it would delete it and what it wrote"
    if owner.kind == "swarm-task":
        return f"this task of {owner.name} still: the swarm replaces whatever stops"
    deleting = next((each for each in owner.details.controllers if each.deletes_stopped), None)
    if deleting is not None:
        return (
            f"{owner.name} still, and stop it in {deleting.name} itself: its clean-up deletes what is stopped by hand"
        )
    return None


def _of_one_that_is_down(owner: "ContainerOwner", docker: str, name: str, policy: tuple[Step, ...]) -> Containment:
    """Between two attempts the engine may refuse `docker update` for a moment; stopped first, it does not."""
    doors = _open_doors(owner)
    if owner.details.state == "restarting":
        return Containment(_goal(owner), (_stop(owner, docker, name), *policy), doors, calm=True)
    if not policy:
        return Containment(f"Nothing: {owner.name} is stopped, and Docker leaves it so", (), doors)
    return Containment(
        f"Keep {owner.name} stopped, over a restart of Docker and a reboot too", policy, doors, calm=True
    )


def _is_in_its_project(owner: "ContainerOwner") -> bool:
    """A service; no one-off, and not left behind by a file that changed: `up` starts neither of these."""
    compose = owner.details.compose
    return owner.kind == "compose-service" and not (compose is None or compose.one_off or compose.in_files is False)


def _replicas(owner: "ContainerOwner") -> int:
    return 0 if owner.details.compose is None else owner.details.compose.replicas


def _goal(owner: "ContainerOwner") -> str:
    """What is reached, and for how long."""
    one, until = owner.name, ""
    if owner.kind == "compose-service":
        replicas = _replicas(owner)
        one = f"{owner.details.container}, one of {replicas + 1} of {owner.name}," if replicas else owner.name
        until = ", until the next `docker compose up`" if _is_in_its_project(owner) else until
    others = _others(owner)
    if reviving := next((each for each in others if each.revives), None):
        return f"Stop {one} for now; it stays stopped only when this is ended too: {reviving.told}"
    if others:
        until = f"{until}, or {others[0].until.removeprefix('until ')}" if until else f", {others[0].until}"
    if not until:
        return f"Stop {one} for good: over a restart of Docker and a reboot too"
    return f"Stop {one} and keep it stopped, over a restart of Docker and a reboot too{until}"


def _others(owner: "ContainerOwner") -> "list[Acting]":
    """Those that start or replace it by themselves, and that no step of ours can keep from it."""
    return [
        each for each in owner.details.controllers if not (each.unit or each.close) and (each.until or each.revives)
    ]


def _open_doors(owner: "ContainerOwner", *, stopped: bool = True) -> tuple[str, ...]:
    """What would still bring it back; of a container that is only paused, what would let it run or replace it."""
    doors = [each.told for each in _others(owner)]
    if not stopped and owner.kind == "swarm-task":
        doors.append("a restart of Docker or a reboot ends it, paused or not; then the swarm replaces it")
    elif not stopped and owner.policy != "no":
        doors.append(f"a restart of Docker or a reboot ends it, and its restart policy {owner.policy} starts it again")
    elif stopped and owner.details.compose is not None and _is_in_its_project(owner):
        doors.append(
            f"the next `docker compose up` of {owner.details.compose.project}, as a deploy runs it, starts it again"
        )
    return tuple(doors)


def _limit(owner: "ContainerOwner", docker: str, name: str) -> tuple[Step, ...]:
    """A CPU limit that this host enforces, and the undo that really lifts it: `--cpus 0` is a silent no-op."""
    if not owner.details.cpu_limit:
        return ()
    if owner.details.nano_cpus:
        old = owner.details.nano_cpus / 1e9
        if old <= RELIEVED:
            return ()
        limit, undo = f"--cpus {RELIEVED}", f"--cpus {old:g}"
        field, value = "NanoCpus", int(RELIEVED * 1e9)
    else:
        quota = owner.details.cpu_quota
        wanted = int((owner.details.cpu_period or DEFAULT_PERIOD) * RELIEVED)
        if 0 < quota <= wanted:
            return ()
        limit, undo = f"--cpu-quota={wanted}", f"--cpu-quota={quota or -1}"
        field, value = "CpuQuota", wanted
    return (
        Step(
            "Take the pressure off",
            f"{docker} update {limit} {name}",
            f"it goes on with {RELIEVED:.0%} of a core".replace("%", " %"),
            "slows",
            f"{docker} update {undo} {name}",
            Prints(f"{docker} inspect -f '{{{{.HostConfig.{field}}}}}' {name}", (str(value),)),
            phase="relieve",
        ),
    )


def _pause(owner: "ContainerOwner", docker: str, name: str) -> tuple[Step, ...]:
    """Nothing for one that is paused already: an undo would make it run."""
    if owner.details.state == "paused":
        return ()
    status = f"{docker} inspect -f '{{{{.State.Status}}}}' {name}"
    return (
        Step(
            "Freeze it",
            f"{docker} pause {name}",
            "all its processes stand still and keep what they know",
            "interrupts",
            f"! {status} | grep -qx paused || {docker} unpause {name}",
            Prints(f"{status}", ("paused",)),
            phase="relieve",
        ),
    )


def _no_restart(owner: "ContainerOwner", docker: str, name: str) -> Step:
    untouched = "the running container is not touched; " if owner.details.main_pid else ""
    return Step(
        "Tell Docker not to bring it back",
        f"{docker} update --restart=no {name}",
        f"{untouched}from now on Docker leaves it stopped when it ends",
        "none",
        f"{docker} update --restart={quote(owner.policy)} {name}",
        Prints(f"{docker} inspect -f '{{{{.HostConfig.RestartPolicy.Name}}}}' {name}", ("no",)),
    )


def _stop(owner: "ContainerOwner", docker: str, name: str) -> Step:
    """What a stop does beside ending it: memory-only folders are emptied, and whoever shares its network loses it."""
    effect, undo = (
        "the container ends; its volumes, its files and every other container stay as they are",
        [f"{docker} start {name}"],
    )
    if owner.details.memory_only:
        effect += f"; what it keeps in memory only ({', '.join(owner.details.memory_only)}) is gone"
    if sharing := owner.details.network_of:
        effect += f"; {', '.join(sharing)} loses the network that it shares with it"
        undo += [f"{docker} restart {quote(other)}" for other in sharing]
    if owner.details.state == "paused":
        undo.append(f"{docker} pause {name}")
    alone = not _replicas(owner) and _is_in_its_project(owner)
    return Step(
        f"Stop {'this one service' if alone else 'it'}",
        f"{docker} stop {name}",
        effect,
        "interrupts",
        " && ".join(undo),
        Prints(f"{docker} inspect -f '{{{{.State.Status}}}}' {name}", ("exited",)),
    )
