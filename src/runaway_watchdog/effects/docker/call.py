"""One Docker command on its way to its handler, and the engine that it speaks to."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from runaway_watchdog.effects import Docker, HostState, Outcome
from runaway_watchdog.effects.docker.options import Options
from runaway_watchdog.engines.model import NOTHING, Container, Mount
from runaway_watchdog.model.command import Command
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.world import Unanswered, World

DEFAULT_ENDPOINTS = (None, "", "unix:///var/run/docker.sock", "unix:///run/docker.sock")
UNSET = object()


class Room(NamedTuple):
    """Where a command in a container runs."""

    container: Container | None  # None: a new one
    mounts: tuple[Mount, ...] = ()  # of a new one
    folder: str | None = None  # None: the one that the container says
    environment: Mapping[str, str] = NOTHING  # beside what the container has


Inside = Callable[[Command, Room, HostState], Outcome | None]
"""Judges a command that runs inside a container (`docker exec`); None where it cannot."""


class Call(NamedTuple):
    """A subcommand with its options told apart, and the engine as the commands so far would have left it."""

    name: str  # as a sentence names it: "docker rm", "docker compose down"
    options: Options
    command: Command
    host: HostState
    docker: Docker
    world: World
    inside: Inside | None = None

    def outcome(
        self, effects: Iterable[Effect] = (), docker: Docker | None = None, unknown: Iterable[str] = ()
    ) -> Outcome:
        return Outcome(tuple(effects), self.host._replace(docker=docker or self.docker), tuple(unknown))

    def not_known(self, why: str) -> Outcome:
        return self.outcome(unknown=(f"{self.name}: {why}",))


Handler = Callable[[Call], Outcome]


def variable(command: Command, world: World, name: str) -> str | None:
    """A variable as the command will see it; "" where its value is only known when the line runs."""
    for key, value in reversed(command.environment):
        if key == name:
            return value or ""
    return world.files.variable(name)


def client_version(world: World) -> int | None:
    """The docker command's major version; None where it does not tell."""
    try:
        return int(world.clients.docker_version().partition(".")[0])
    except (Unanswered, ValueError):
        return None


def elsewhere(options: Options, command: Command, world: World) -> str | None:
    """Why the command does not speak to the engine that was read; None where it does.

    The order is the docker command's own: -H, --context, DOCKER_HOST, DOCKER_CONTEXT, then the chosen context.
    """
    if any(
        key in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG") and value is None
        for key, value in command.environment
    ):
        return "which engine it speaks to is only known when the line runs"
    address = _address(options, command, world)
    if address is None:
        return "the engine of its context could not be found out"
    read = world.engine.endpoint()
    if address == read or (address in DEFAULT_ENDPOINTS and read in DEFAULT_ENDPOINTS):
        return None
    return f"it speaks to another engine ({address}), which was not asked"


def _address(options: Options, command: Command, world: World) -> str | None:
    """The address of the command's engine, "" for the default one; None where its context cannot be read."""
    if options.values("host"):
        return options.value("host")
    context = options.value("context")
    if not context:
        if address := variable(command, world, "DOCKER_HOST"):
            return address
        context = variable(command, world, "DOCKER_CONTEXT") or ""
    folder = options.value("config") or variable(command, world, "DOCKER_CONFIG") or _home(command, world)
    try:
        context = context or _chosen(world, folder)
        return "" if context in ("", "default") else _endpoint(world, folder, context)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _home(command: Command, world: World) -> str:
    return f"{variable(command, world, 'HOME') or '/root'}/.docker"


def _chosen(world: World, folder: str) -> str:
    """What `docker context use` wrote down; most hosts have no such file."""
    try:
        text = world.files.read(f"{folder}/config.json")
    except FileNotFoundError:
        return ""
    return str(json.loads(text).get("currentContext") or "")


def _endpoint(world: World, folder: str, context: str) -> str:
    """The docker command keeps each context in a folder named after the SHA-256 of its name."""
    import hashlib  # it loads OpenSSL, for the few hosts with a context

    name = hashlib.sha256(context.encode()).hexdigest()
    return str(json.loads(world.files.read(f"{folder}/contexts/meta/{name}/meta.json"))["Endpoints"]["docker"]["Host"])
