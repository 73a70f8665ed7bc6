"""Containers whose labels lie: what they say of themselves makes nobody else's data look safe."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st
from preflight.docker_world import foretell, lost, make_container, make_host, make_volume, told

from runaway_watchdog.effects import HostState
from runaway_watchdog.engines.model import Container

PREFIX = "com.docker.compose"
PROJECT = f"{PREFIX}.project"
LINES = (
    "docker compose -p shop down -v",
    "docker compose -p shop rm -fsv",
    "docker rm -fv db",
    "docker system prune -af --volumes",
    "docker volume rm -f shop_data shop_data2",
    "docker volume rm -f spare",
    "docker rm -f db && docker volume rm shop_data",
)
LABELS = st.dictionaries(
    st.sampled_from(
        [
            *(f"{PREFIX}.{name}" for name in ("service", "oneoff", "config-hash", "depends_on", "volume")),
            *(f"{PROJECT}.{name}" for name in ("working_dir", "config_files")),
            *(PROJECT, "com.docker.volume.anonymous", "com.docker.swarm.service.name", "PODMAN_SYSTEMD_UNIT"),
        ]
    ),
    st.sampled_from(["shop", "db", "web", "True", "", "x", "shop_data", "/srv/shop", "db:service_started:false"])
    | st.text(max_size=20),
    max_size=6,
)
NAMES = ("db2", "shop", "shop-db-1", "DB", "d", "shop_data", "-v", "ab" * 32)


def shop(*more: Container, labels: dict[str, str] | None = None, alike: tuple[str, ...] = ()) -> HostState:
    """A project with a database; `labels` are those of volumes whose names are much like its own."""
    volumes = [make_volume("shop_data", labels={PROJECT: "shop"}), make_volume("shop_data2"), make_volume("spare")]
    volumes += [make_volume(name, labels=labels or {}) for name in alike]
    return make_host(make_container("db", project="shop", volumes=("shop_data",)), *more, volumes=volumes)


@pytest.mark.parametrize("line", LINES)
@settings(max_examples=60, deadline=None)
@given(labels=LABELS, name=st.sampled_from(NAMES), state=st.sampled_from(["running", "exited", "created", "paused"]))
def test_a_liar_takes_no_loss_from_anybody(line: str, labels: dict[str, str], name: str, state: str) -> None:
    """A container that uses nothing, whatever its labels and its name are: each volume that was lost still is, or it
    cannot be told."""
    liar = make_container(name, state, labels=labels, networks=())
    honest, outcome = foretell_all(line, shop()), foretell_all(line, shop(liar))
    assert honest[0]
    assert set(honest[0]) <= set(outcome[0]) or outcome[1], (labels, outcome)


@pytest.mark.parametrize("line", LINES)
@settings(max_examples=40, deadline=None)
@given(labels=LABELS, alike=st.sampled_from(["shop-data", "shop_dat", "shop_data_", "SHOP_DATA", "_shop_data", "shop"]))
def test_a_volume_that_is_called_much_alike_is_another(line: str, labels: dict[str, str], alike: str) -> None:
    """Its labels may say what they like."""
    honest, outcome = foretell_all(line, shop()), foretell_all(line, shop(labels=labels, alike=(alike,)))
    assert set(honest[0]) <= set(outcome[0]) or outcome[1], (labels, outcome)


def test_who_says_that_he_is_of_a_project_goes_with_it() -> None:
    """As Compose itself believes the label; the database goes all the same."""
    liar = make_container("stray", labels={PROJECT: "shop", f"{PREFIX}.service": "db", f"{PREFIX}.config-hash": "x"})
    outcome = foretell("docker compose -p shop down -v", shop(liar))
    assert {"db", "stray"} <= {name for _, kind, name in told(outcome) if kind == "container"}
    assert "shop_data" in lost(outcome)


def foretell_all(line: str, host: HostState) -> tuple[list[str], tuple[str, ...]]:
    """What is lost by the commands of a line, one after the other, and what cannot be told."""
    found: list[str] = []
    unknown: tuple[str, ...] = ()
    for command in line.split(" && "):
        outcome = foretell(command, host)
        found, unknown, host = found + lost(outcome), unknown + outcome.unknown, outcome.host
    return found, unknown
