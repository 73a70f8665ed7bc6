"""Containers, and what an explanation of one needs, in one set of types for every engine.

What only commands ask for is in `kept`: a type costs a tenth of a millisecond, and every explanation would pay it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

NOTHING: Mapping[str, str] = MappingProxyType({})
IMAGE_ID = "sha256:"
"""What an image's ID begins with."""
RUNNING = ("running", "paused", "restarting")
"""States in which a container refuses to be removed without force."""


class Container(NamedTuple):
    """A container as its engine lists it, and as the commands of a line leave it."""

    id: str
    name: str
    image: str
    image_id: str
    state: str  # created, running, paused, restarting, exited, dead
    labels: Mapping[str, str]
    volumes: tuple[str, ...]  # names, anonymous ones too
    binds: tuple[str, ...]  # folders of the host
    networks: tuple[str, ...]
    auto_remove: bool = False
    unnamed: frozenset[str] | None = None
    """Volumes that were given no name when it was created: `rm -v` takes them along. None: it was not inspected."""
    created: float = 0.0  # seconds since the epoch
    network_mode: str = ""  # "container:ID" for one that shares another one's network
    sources: tuple[str, ...] = ()  # what of the host is mounted: folders, files and sockets, of whatever type
    policy: str | None = None  # the restart policy that the line has given it ("no", "on-failure:3"); None: its own
    stopped: bool = False  # by an earlier command of the line, whatever it does now


class Mount(NamedTuple):
    """What is mounted in a container."""

    type: str  # bind, volume, tmpfs …
    name: str  # of a volume
    source: str  # on the host
    target: str  # inside
    writable: bool


class HealthCheck(NamedTuple):
    test: tuple[str, ...]  # how it is run (CMD, CMD-SHELL, NONE), then the words
    every_s: float


class Published(NamedTuple):
    """A port of a container that an address of the host leads to."""

    inner: int
    outer: int
    address: str  # "", "0.0.0.0" and "::" are all of the host's


class Inspected(NamedTuple):
    """A container as its engine tells of it alone."""

    id: str
    name: str
    image: str  # as it was named when the container was made
    image_id: str
    created: str  # RFC 3339
    # what it does now
    state: str
    pid: int  # of its main process; 0: none
    started: str  # RFC 3339
    exit_code: int
    restart_count: int
    health: str | None  # None: it has no health check
    # how it was made
    policy: str  # the restart policy, as `--restart` takes it
    auto_remove: bool
    init: bool  # the engine's own init is its PID 1
    stop_signal: str
    nano_cpus: int
    cpu_quota: int
    cpu_period: int
    health_check: HealthCheck | None
    labels: Mapping[str, str]
    mounts: tuple[Mount, ...]
    networks: tuple[str, ...]
    published: tuple[Published, ...]  # over TCP
    in_memory: tuple[str, ...]  # folders of `--tmpfs`
    given: frozenset[str]  # names and folders of the volumes that it was given by name
    volumes_from: bool  # it was given those of another container too
    environment: tuple[str, ...]  # may hold secrets
    words: tuple[str, ...]  # its program with its arguments; may hold secrets
    user: str
    folder: str  # that its program starts in
    log: str  # the file that its output goes to; "" where it is none
    layer: str = ""  # the folder of the host in which it keeps what it writes outside of mounts; "": not one folder
    # Podman's alone
    pod: str = ""
    conmon_pid: int = 0


class Volume(NamedTuple):
    name: str
    driver: str
    mountpoint: str
    labels: Mapping[str, str]
    options: Mapping[str, str] = NOTHING  # the driver's: a device, a network share


class Info(NamedTuple):
    """What the Docker Engine tells of itself."""

    version: str
    root: str  # the folder that it keeps everything in
    rootless: bool
    live_restore: bool  # its containers outlive it
    cpu_limit: bool  # the kernel enforces one
    swarm: str  # "", "worker" or "manager"
    nodes: int  # of the swarm, as far as it is told
