"""Would the line end that runaway at all, and would it stay away? People escalate because nobody tells them."""

from collections.abc import Sequence
from itertools import chain
from typing import Literal, NamedTuple

from runaway_watchdog import owners
from runaway_watchdog.effects import HostState
from runaway_watchdog.effects.docker.policy import carried
from runaway_watchdog.engines.model import RUNNING
from runaway_watchdog.hostile import clean
from runaway_watchdog.model.container import CONTAINER_KINDS, REPLACED_KINDS
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.common import rooms
from runaway_watchdog.owners.docker.container import shim_of
from runaway_watchdog.owners.interface import Owner, Read
from runaway_watchdog.preflight.sequence import Preflight
from runaway_watchdog.world import World

WITHOUT_IT = "its main program did not start it (an exec did, or what is gone by now), so that comes back without it"
ENDING = ("stop", "kill", "remove", "restart")


class Helps(NamedTuple):
    """`returns` is None where it cannot be told, and where the line does not end the process."""

    pid: int
    ends: bool | None  # None: a part of the line cannot be told, and the rest does not end it
    returns: bool | None
    why: str


def helps(preflight: Preflight, pid: int, world: World) -> Helps:
    """What the line does to this one process. Raises procfs.NoSuchProcessError.

    Answered from the host as the line leaves it: which containers and units run then, with which restart policy.
    """
    told = _by_known(preflight, pid, world)
    if preflight.unknown and not told.ends:
        return Helps(pid, None, None, "a part of the line is only known when it runs, and the rest does not end it")
    return told


def _by_known(preflight: Preflight, pid: int, world: World) -> Helps:
    """What the part of the line that can be told does to it."""
    facts, _ = owners.facts(world, pid)
    found, _ = owners.layers(facts, world)
    layers = owners.with_starters(carried(found, preflight.host), world)
    told = _by_host(preflight, layers, facts) or _by_owner(preflight, layers, facts)
    if told is not None:
        return told
    if pid in preflight.host.ended:
        outlook = preflight.host.outlooks.get(pid)
        if outlook is None:
            return Helps(pid, True, owners.outlook(layers, "sigkill").returns, "it ends with its main process")
        return Helps(pid, True, outlook.returns, outlook.why)
    return Helps(pid, False, None, _untouched(preflight, layers, facts))


def _by_host(preflight: Preflight, layers: Sequence[owners.Layer], facts: Facts) -> Helps | None:
    whole = next((each for each in preflight.effects if each.type == "host" and each.verb in ENDING), None)
    if whole is None or whole.cause == "sleep":
        return None
    if whole.verb == "stop":
        return Helps(facts.process.pid, True, False, "the whole host goes down, and this process with it")
    outlook = owners.outlook(layers, "reboot")
    return Helps(facts.process.pid, True, outlook.returns, outlook.why)


def _by_owner(preflight: Preflight, layers: Sequence[owners.Layer], facts: Facts) -> Helps | None:
    """The container or the unit is stopped, restarted or removed by the line: its last word counts."""
    pid, host = facts.process.pid, preflight.host
    about = [
        (effect, owner)
        for effect in reversed(preflight.effects)
        for owner, *_ in layers
        if effect.verb in ENDING and _same(effect, owner)
    ]
    for effect, owner in about:
        left = _left(effect, owner, host)
        if left == "as it was" and pid not in host.ended:
            continue
        decide = _down if left == "down" else _running
        return Helps(pid, True, *decide(effect, owner, layers, host, facts))
    return Helps(pid, False, None, about[0][0].why) if about else None


Left = Literal["running", "as it was", "down"]
Returns = tuple[bool | None, str]


def _left(effect: Effect, owner: Owner, host: HostState) -> Left:
    """How the whole line leaves the container or the unit that the effect is about; a pause does not end it."""
    if effect.verb == "restart":
        return "running"
    if effect.type == "unit":
        return "down" if effect.name in host.stopped_units else "as it was"
    now = next((each for each in host.containers if each.id == owner.id), None)
    if now is None:  # it is gone; `compose up` may have made another one
        another = any(each.name == effect.name and each.state in RUNNING for each in host.containers)
        return "running" if another else "down"
    if now.state not in RUNNING:
        return "down"
    return "running" if now.stopped else "as it was"


def _running(effect: Effect, owner: Owner, layers: Sequence[owners.Layer], host: HostState, facts: Facts) -> Returns:
    """The process ended, and what it belongs to runs: by its policy, or since the line starts it again."""
    pid = facts.process.pid
    signalled = host.outlooks.get(pid)
    if signalled is not None and signalled.returns:
        return True, signalled.why
    if (comes := _comes_with(effect, owner, layers)) is not True:
        why = "its main program did not start it at its start; whether it starts it again is not known"
        return comes, f"it ends with {owner.name}: {why if comes is None else WITHOUT_IT}"
    if effect.verb == "restart":
        return True, f"it ends with {owner.name}, which is started again: {effect.why}"
    if signalled is None and pid in host.ended:
        outlook = owners.outlook(layers, "sigkill")
        return outlook.returns, outlook.why
    return True, f"it ends with {owner.name}, which the line itself starts again"


def _comes_with(effect: Effect, owner: Owner, layers: Sequence[owners.Layer]) -> bool | None:
    """Whether the start of its container brings the process with it, or whoever in there starts it again."""
    if effect.type != "container" or not isinstance(owner, Read):
        return True
    top = next(layer.facts for layer in layers if layer.owner is owner)
    return shim_of(top.process) is not None or rooms.comes_with(top, owner.details.main_pid)


def _down(effect: Effect, owner: Owner, layers: Sequence[owners.Layer], host: HostState, facts: Facts) -> Returns:
    """What it belongs to is stopped or gone when the line has ended."""
    signalled = host.outlooks.get(facts.process.pid)
    if effect.verb == "remove":
        another = owner.kind in REPLACED_KINDS
        return another, f"its container {effect.name} is removed{', and the swarm starts another' if another else ''}"
    if signalled is not None and signalled.ends and not signalled.returns:
        return signalled.returns, signalled.why
    outlook = owners.outlook(layers, "owner-stop")
    if outlook.returns and outlook.by not in host.stopped_units:
        return True, outlook.why
    return (None, outlook.why) if outlook.returns is None else (False, effect.why)


def _same(effect: Effect, owner: Owner) -> bool:
    if effect.type == "container":
        name = owner.details.container if owner.kind in CONTAINER_KINDS and isinstance(owner, Read) else None
        return owner.kind in CONTAINER_KINDS and effect.name in (name, owner.id)
    return effect.type == "unit" and effect.name == owner.id  # a user may have a unit of the same name


def _untouched(preflight: Preflight, layers: Sequence[owners.Layer], facts: Facts) -> str:
    """Why nothing happens to it: whose it is, and whom the line touches instead."""
    pid = facts.process.pid
    own = next((each.why for each in preflight.effects if each.pid == pid), None)
    if own is not None:
        return own
    whose = clean(layers[0].owner.name)
    belongs = whose if owners.KINDS[layers[0].owner.kind].owned else "nobody"
    touched = list(dict.fromkeys(chain.from_iterable((each.used_by or (each.name,)) for each in preflight.effects)))
    if not touched:
        return f"it belongs to {belongs}, and this line touches nothing of it"
    others = ", ".join(clean(each, 40) for each in touched[:3]) + (" …" if len(touched) > 3 else "")
    return f"it belongs to {belongs}; this line touches {others}"
