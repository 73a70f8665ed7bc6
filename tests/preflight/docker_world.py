"""A host whose engine and client programs answer what a test says; every other question is a fault of the test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from shlex import split
from typing import Any, cast

from runaway_watchdog.effects import Docker, HostState, Outcome
from runaway_watchdog.effects.docker import command as docker
from runaway_watchdog.engines.model import Container, Volume
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import Size
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.world import Clients, Clock, Engine, Files, Manager, Unanswered, World

UNLABELLED = "ab" * 32
LABELLED = "cd" * 32


@dataclass
class FakeFiles:
    """Files by path; every volume holds 1000 bytes."""

    texts: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)

    def read(self, path: str) -> str:
        if path not in self.texts:
            raise FileNotFoundError(path)
        return self.texts[path]

    def exists(self, path: str) -> bool:
        return path in self.texts

    def variable(self, name: str) -> str | None:
        return self.variables.get(name)

    def size(self, path: str, limit_s: float) -> Size:  # noqa: ARG002 - as `Files` has it
        return Size(1000, limit_s <= 0, 1.0)


class FakeClock:
    def now(self) -> float:
        return 1_800_000_000.0

    def monotonic(self) -> float:
        return 1.0


@dataclass
class FakeEngine:
    """Containers can be inspected; nothing else is asked, since the state is given."""

    address: str | None = None
    inspections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    changed: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    dead: bool = False

    def endpoint(self) -> str | None:
        return self.address

    def version(self) -> Mapping[str, Any]:
        raise Unanswered(Gap("docker", "no Docker Engine answers", "start Docker", absent=True))

    def info(self) -> Mapping[str, Any]:
        return {}

    def changes(self, reference: str) -> Sequence[Mapping[str, Any]]:
        return self.changed.get(reference, ())

    def sized(self, reference: str) -> Mapping[str, Any] | None:  # noqa: ARG002 - as `Engine` has it
        return {}

    def container(self, reference: str) -> Mapping[str, Any] | None:
        return {"HostConfig": {}, "State": {}, "Config": {}, **self.inspections.get(reference, {})}


@dataclass
class FakeClients:
    docker: str = "20.10.24"
    compose: str = "2.26.1"
    config: Mapping[str, Any] = field(default_factory=lambda: {"error": "no configuration file provided: not found"})
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def docker_version(self) -> str:
        return self.docker

    def compose_version(self, program: str) -> str:  # noqa: ARG002 - as `Clients` has it
        return self.compose

    def compose_config(
        self,
        program: str,
        arguments: Sequence[str],
        folder: str,  # noqa: ARG002 - as `Clients` has it
        environment: Sequence[tuple[str, str]],  # noqa: ARG002
    ) -> Mapping[str, Any]:
        self.asked.append((program, *arguments))
        return self.config


def make_world(
    *, files: FakeFiles | None = None, engine: FakeEngine | None = None, clients: FakeClients | None = None
) -> World:
    return World(
        cast(Files, files or FakeFiles()),
        cast(Engine, engine or FakeEngine()),
        cast(Manager, None),
        cast(Clock, FakeClock()),
        cast(Clients, clients or FakeClients()),
        "box",
    )


def make_container(name: str, state: str = "running", **more: Any) -> Container:
    """A container whose ID is its name and zeros; `project` and `service` become Compose's labels."""
    values: dict[str, Any] = {
        "id": f"{name}{'0' * 64}"[:64],
        "name": name,
        "image": "bb:1",
        "image_id": "sha256:bb",
        "labels": {},
        "volumes": (),
        "binds": (),
        "networks": ("bridge",),
    }
    project, service = more.pop("project", None), more.pop("service", name)
    if project:
        values["labels"] = {
            "com.docker.compose.project": project,
            "com.docker.compose.service": service,
            "com.docker.compose.config-hash": "x",
        }
    return Container(**(values | {"state": state} | more))


def make_volume(name: str, **more: Any) -> Volume:
    return Volume(
        name, more.pop("driver", "local"), f"/volumes/{name}", more.pop("labels", {}), more.pop("options", {})
    )


def make_host(*containers: Container, volumes: Sequence[Volume] = (), **more: Any) -> HostState:
    return HostState(Docker(**({"api": (1, 41), "containers": containers, "volumes": tuple(volumes)} | more)))


def make_command(line: str, *, folder: str | None = "/srv", **more: Any) -> Command:
    return Command(tuple(Word(word, word) for word in split(line)), folder=folder, text=line, **more)


def foretell(line: str, host: HostState, world: World | None = None, **more: Any) -> Outcome:
    return docker.effects(make_command(line, **more), host, world or make_world())


def lost(outcome: Outcome) -> list[str]:
    return [effect.name for effect in outcome.effects if effect.data_lost]


def told(outcome: Outcome) -> list[tuple[str, str, str]]:
    return [(effect.verb, effect.type, effect.name) for effect in outcome.effects]
