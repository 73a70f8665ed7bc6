"""Who keeps a process alive: one file for each kind of owner, which answers four questions.

    claim(facts) -> Claim | None            may this process be mine? Pure: cgroup, environment, ancestors
    inspect(claim, facts, world) -> Owner   ask the owner's own manager, bounded; raises Unanswered
    fate(owner, facts, action) -> Fate      what would become of it. Pure
    hold(owner, facts) -> Held              how it is stopped for good, reversibly. Pure

Owners are layers, not alternatives: the innermost that acts decides, the next is told as what happens when that one
goes. `KINDS` is the order in which they are asked, innermost first:

    kernel      a kernel thread belongs to no one else, and everything below would misread its empty cgroup
    foreign     another engine's or machine's cgroup: what is inside must never be taken for a unit of this host
    docker      a container's scope is a unit too, but systemd does not act on it: Docker does
    systemd     services and scopes
    unmanaged   what nobody claimed
"""

import re
from collections.abc import Sequence
from types import ModuleType
from typing import Protocol, cast

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Claim, Fate, Owner
from runaway_watchdog.model.plan import Held
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners import docker, foreign, kernel, systemd, unmanaged
from runaway_watchdog.world import Unanswered, World


class OwnerKind(Protocol):
    """What an owner's file offers."""

    def claim(self, facts: Facts) -> Claim | None: ...

    def inspect(self, claim: Claim, facts: Facts, world: World) -> Owner: ...

    def outer(self, owner: Owner) -> Claim | None:
        """The claim of the layer around this one, where it is not told by the process itself."""

    def fate(self, owner: Owner, facts: Facts, action: Action) -> Fate: ...

    def hold(self, owner: Owner, facts: Facts) -> Held: ...


def _kind(module: ModuleType) -> OwnerKind:
    return cast(OwnerKind, module)


LONG_ID = re.compile(r"[0-9a-f]{64}")
SHORT_ID = 12  # as `docker ps` shows it

KINDS: Sequence[OwnerKind] = tuple(_kind(module) for module in (kernel, foreign, docker, systemd, unmanaged))
BY_KIND: dict[str, OwnerKind] = {
    kind: _kind(module) for module in (kernel, foreign, docker, systemd, unmanaged) for kind in module.KINDS
}


def layers(facts: Facts, world: World) -> tuple[tuple[Owner, ...], tuple[Gap, ...]]:
    """Every owner of the process, innermost first, and what could not be asked. Never empty."""
    claim: Claim | None = next(found for kind in KINDS if (found := kind.claim(facts)) is not None)
    owners: list[Owner] = []
    gaps: list[Gap] = []
    while claim is not None:
        kind = BY_KIND[claim.kind]
        try:
            owner = kind.inspect(claim, facts, world)
        except Unanswered as unanswered:
            gaps.append(unanswered.gap)
            owner = _unread(claim)
        owners.append(owner)
        claim = kind.outer(owner)
    return tuple(owners), tuple(gaps)


def _unread(claim: Claim) -> Owner:
    """The owner that the process itself names, where its manager did not answer: no policy, so no future."""
    name = claim.ref[:SHORT_ID] if LONG_ID.fullmatch(claim.ref) else claim.ref
    return Owner(claim.kind, name, claim.ref, "not read", {}, claim.evidence)
