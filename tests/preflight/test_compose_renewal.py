"""Which containers `compose up` makes anew, and what of their layers goes with that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from preflight.docker_world import FakeClients, FakeEngine, foretell, lost, make_container, make_host, make_world

from runaway_watchdog.effects import HostState
from runaway_watchdog.engines.kept import Image

FILES = {"name": "shop", "services": {"db": {"image": "bb:1"}}, "volumes": {}, "networks": {}}
BUILT = {**FILES, "services": {"db": {"image": "bb:1", "build": {"context": "."}}}}


@dataclass
class Clients(FakeClients):
    hashes: Mapping[str, str] = field(default_factory=dict)

    def compose_hashes(
        self,
        program: str,  # noqa: ARG002 - as `Clients` has it
        arguments: Sequence[str],  # noqa: ARG002
        folder: str,  # noqa: ARG002
        environment: Sequence[tuple[str, str]],  # noqa: ARG002
    ) -> Mapping[str, str]:
        return self.hashes


def losing(
    line: str, *, now: str = "x", image: str = "sha256:bb", files: Mapping[str, Any] = FILES, wrote: str = "/data/rows"
) -> bool | None:
    """Whether a container that wrote this loses it; None: that is not known."""
    container = make_container("db", project="shop")
    changed = {container.id: [{"Path": wrote, "Kind": 1}]}
    host: HostState = make_host(container, images=(Image(image, ("bb:1",)),))
    clients = Clients(config=files, hashes={"db": now} if now else {})
    outcome = foretell(
        line,
        host,
        make_world(
            engine=FakeEngine(inspections={container.id: {"Id": container.id}}, changed=changed), clients=clients
        ),
    )
    return None if outcome.unknown else lost(outcome) == ["db"]


@pytest.mark.parametrize(
    "line", ["docker compose up -d", "docker compose up", "docker-compose up -d", "docker compose create"]
)
def test_one_that_is_as_it_is_written_stays(line: str) -> None:
    assert losing(line) is False


@pytest.mark.parametrize(
    "options",
    [
        "--force-recreate",
        "-V --force-recreate",
        "--force-recreate db",
        "--pull always",
        "--force-recreate --no-deps db",
    ],
)
def test_one_that_is_made_anew_on_request_loses_what_it_wrote(options: str) -> None:
    assert losing(f"docker compose up -d {options}") is True
    assert losing(f"docker compose up -d {options}", wrote="/tmp/x") is False


def test_a_changed_definition_or_image_makes_it_anew() -> None:
    assert losing("docker compose up -d", now="y") is True
    assert losing("docker compose up -d", image="sha256:other") is True
    assert losing("docker compose up -d --no-recreate", now="y") is False
    assert losing("docker compose up -d --build", files=BUILT) is True
    assert losing("docker compose up -d --build") is False


def test_where_compose_does_not_tell_it_is_not_known() -> None:
    assert losing("docker compose up -d", now="") is None
    assert losing("docker compose up -d", now="", wrote="/run/x.pid") is False
