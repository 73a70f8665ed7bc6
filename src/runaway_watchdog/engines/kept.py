"""What an engine keeps beside containers and volumes: only commands that delete it ask."""

from collections.abc import Mapping
from typing import NamedTuple

from runaway_watchdog.engines.model import NOTHING


class Image(NamedTuple):
    id: str
    tags: tuple[str, ...]
    digests: tuple[str, ...] = ()  # none for an image that was never in a registry
    labels: Mapping[str, str] = NOTHING
    created: float = 0.0  # seconds since the epoch


class Network(NamedTuple):
    id: str
    name: str
    labels: Mapping[str, str] = NOTHING
    driver: str = ""
    scope: str = ""
    ingress: bool = False  # a swarm's own
    created: str = ""  # RFC 3339


class Service(NamedTuple):
    """A swarm's."""

    id: str
    name: str
    labels: Mapping[str, str]
    secrets: frozenset[str]  # names
    configs: frozenset[str]
    condition: str  # of its restarts: none, on-failure, any
    delay_s: float | None  # None: the swarm's default
    attempts: int  # 0: without end


class Pod(NamedTuple):
    """Podman's."""

    id: str
    name: str
    members: frozenset[str]  # IDs of its containers, the one that holds its namespaces too
    infra: str = ""  # the ID of that one; "" where it has none
