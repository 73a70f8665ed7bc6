"""Would the line end that runaway at all, and would it stay away? People escalate because nobody tells them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from runaway_watchdog import owners
from runaway_watchdog.effects import Host
from runaway_watchdog.hostile import clean
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.model.owner import Action, Fate, Owner
from runaway_watchdog.model.process import Facts
from runaway_watchdog.preflight.sequence import Preflight
from runaway_watchdog.world import World, procfs

ENDING = ("stop", "kill", "remove", "restart")
CONTAINERS = ("docker-container", "compose-service", "swarm-task", "podman-container")


@dataclass(frozen=True, slots=True)
class Helps:
    """`returns` is None where it cannot be told, and where the line does not end the process."""

    pid: int
    ends: bool
    returns: bool | None
    why: str


def helps(preflight: Preflight, pid: int, world: World) -> Helps:
    """What the line does to this one process. Raises procfs.NoSuchProcessError."""
    facts, _ = procfs.facts(world, pid)
    layers, _ = owners.layers(facts, world)
    told = _by_host(preflight, layers, facts) or _by_owner(preflight, layers, facts)
    if told is not None:
        return told
    if pid in preflight.host.ended:
        return _by_signal(preflight, layers, facts)
    return Helps(pid, False, None, _untouched(preflight, layers, facts))


def _fate(layers: Sequence[owners.Layer], action: Action) -> Fate:
    return owners.fate(layers, action)


def _by_host(preflight: Preflight, layers: Sequence[owners.Layer], facts: Facts) -> Helps | None:
    whole = next((each for each in preflight.effects if each.type == "host" and each.verb in ENDING), None)
    if whole is None or "put to sleep" in whole.why:
        return None
    if whole.verb == "stop":
        return Helps(facts.process.pid, True, False, "the whole host goes down, and this process with it")
    fate = _fate(layers, "reboot")
    return Helps(facts.process.pid, True, fate.returns, fate.why)


def _by_owner(preflight: Preflight, layers: Sequence[owners.Layer], facts: Facts) -> Helps | None:
    """The container or the unit is stopped, restarted or removed by the line."""
    for effect, owner in ((effect, owner) for effect in preflight.effects for owner, _ in layers):
        if effect.verb not in ENDING or not _same(effect, owner):
            continue
        pid = facts.process.pid
        if effect.verb == "restart":
            return Helps(pid, True, True, f"it ends with {owner.name}, which is started again: {effect.why}")
        if effect.verb == "remove":
            gone = owner.kind != "swarm-task"
            why = f"its container {effect.name} is removed" + ("" if gone else ", and the swarm starts another")
            return Helps(pid, True, not gone, why)
        if pid in preflight.host.ended and "main process" in effect.why:
            return _by_signal(preflight, layers, facts)
        fate = _fate(layers, "owner-stop")
        return Helps(pid, True, _returns(fate, preflight.host), fate.why)
    return None


def _returns(fate: Fate, host: Host) -> bool | None:
    """What would start it again may itself be stopped by the line."""
    if fate.returns and fate.by in host.stopped_units:
        return False
    return fate.returns


def _same(effect: Effect, owner: Owner) -> bool:
    if effect.type == "container":
        return owner.kind in CONTAINERS and effect.name in (owner.facts.get("container"), owner.id)
    return effect.type == "unit" and effect.name == owner.name


def _by_signal(preflight: Preflight, layers: Sequence[owners.Layer], facts: Facts) -> Helps:
    """The line signals it: the effect's own words say with what and what comes of it."""
    pid = facts.process.pid
    killed = next(
        (each for each in preflight.effects if each.type == "process" and each.name.endswith(f"({pid})")), None
    )
    if killed is None:
        return Helps(pid, True, _fate(layers, "sigkill").returns, "it ends with its main process")
    fate = _fate(layers, "sigkill" if "SIGKILL" in killed.why else "sigterm")
    if _policy_off(preflight, layers[0].owner):
        return Helps(pid, True, False, "it is ended, and the line has told its owner before not to start it again")
    return Helps(pid, True, fate.returns, killed.why)


def _policy_off(preflight: Preflight, owner: Owner) -> bool:
    """`docker update --restart=no C && kill -9 …`"""
    return any(
        each.verb == "change" and _same(each, owner) and "restart policy" in each.why and " no" in each.why
        for each in preflight.effects
    )


def _untouched(preflight: Preflight, layers: Sequence[owners.Layer], facts: Facts) -> str:
    """Why nothing happens to it: whose it is, and whom the line touches instead."""
    pid = facts.process.pid
    own = next((each.why for each in preflight.effects if each.name.endswith(f"({pid})")), None)
    if own is not None:
        return own
    whose = clean(layers[0].owner.name)
    belongs = "nobody" if layers[0].owner.kind in ("unmanaged", "kernel-thread") else whose
    touched = list(dict.fromkeys(chain.from_iterable((each.used_by or (each.name,)) for each in preflight.effects)))
    if not touched:
        return f"it belongs to {belongs}, and this line touches nothing of it"
    others = ", ".join(clean(each, 40) for each in touched[:3]) + (" …" if len(touched) > 3 else "")
    return f"it belongs to {belongs}; this line touches {others}"
