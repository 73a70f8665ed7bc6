"""Restart policies: what `docker update --restart` makes of them, and owners as a line would have left them.

`docker update --restart=no C && docker kill C` ends what the kill alone would bring back.
"""

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from runaway_watchdog.effects import Docker, HostState
from runaway_watchdog.model.container import CONTAINER_KINDS, REPLACED_KINDS

if TYPE_CHECKING:
    from runaway_watchdog.owners import Layer

POLICY = re.compile(r"no|always|unless-stopped|on-failure(:\d+)?")
"""What the engine takes; it refuses everything else, and a count with any other policy than on-failure."""
"""Owners whose policy decides. A swarm's task is replaced whatever its container's policy says."""


def with_policy(docker: Docker, ids: Collection[str], policy: str) -> Docker:
    """The engine after these containers were given another restart policy."""
    changed = (each._replace(policy=policy) if each.id in ids else each for each in docker.containers)
    return docker._replace(containers=tuple(changed))


def carried(layers: "Sequence[Layer]", host: HostState) -> "tuple[Layer, ...]":
    """The owners of a process with the policies that the commands so far would have given them."""
    given = {each.id: each.policy for each in host.containers if each.policy is not None}
    return tuple(_with(layer, given.get(layer.owner.id)) for layer in layers)


def _with(layer: "Layer", policy: str | None) -> "Layer":
    from runaway_watchdog.owners.interface import Unread

    owner = layer.owner
    if policy is None or owner.kind not in CONTAINER_KINDS - REPLACED_KINDS or isinstance(owner, Unread):
        return layer
    return layer._replace(owner=owner._replace(policy=policy, details=owner.details._replace(policy=policy)))
