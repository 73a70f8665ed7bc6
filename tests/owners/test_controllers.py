"""Programs that act on containers beside the engine: in whose charge a container is, and in whose it is not."""

from __future__ import annotations

from typing import Any

import pytest
from support.builders import CONTAINER_ID, make_facts, make_process
from support.made_world import made_world

from runaway_watchdog import owners
from runaway_watchdog.owners.docker import controllers
from runaway_watchdog.owners.interface import Owner, Read

OTHER = "be51de" * 10 + "0000"


class Engine:
    """One container, and one other that runs beside it with the Docker socket."""

    def __init__(
        self, labels: dict[str, str], image: str = "", environment: list[str] | None = None, **facts: Any
    ) -> None:
        state = {"Status": "running", "Pid": 3355, "StartedAt": "2026-11-18T11:00:00Z"}
        self._own = {
            "Id": CONTAINER_ID, "Name": f"/{facts.get('name', 'shop')}", "State": state | facts.get("state", {}),
            "RestartCount": 0, "Config": {"Image": "x", "Labels": labels}, "Mounts": [],
            "HostConfig": {"RestartPolicy": {"Name": "always"}},
        }  # fmt: skip
        self._other = {"Id": OTHER, "Config": {"Env": environment or []}, "HostConfig": {}, "State": {}}
        mounts = [{"Source": "/var/run/docker.sock", "Type": "bind"}]
        self._listed: list[dict[str, Any]] = [{"Id": CONTAINER_ID, "Names": ["/shop"], "State": "running"}]
        if image:
            beside = {"Id": OTHER, "Names": ["/beside"], "State": "running", "Image": image, "Mounts": mounts}
            self._listed.append(beside)

    def container(self, reference: str) -> Any:
        return self._own if reference == CONTAINER_ID else self._other

    def containers(self) -> list[dict[str, Any]]:
        return self._listed

    def info(self) -> dict[str, Any]:
        return {"DockerRootDir": "/var/lib/docker"}

    def endpoint(self) -> None:
        return None


def layers_of(engine: Engine) -> list[Owner]:
    facts = make_facts(make_process(cgroup=f"/docker/{CONTAINER_ID}"))
    units = {"docker.service": {"Id": "docker.service", "UnitFileState": "enabled"}}
    layers, gaps = owners.layers(facts, made_world([], engine=engine, units=units))
    assert gaps == ()
    return [layer.owner for layer in layers]


def controllers_of(engine: Engine) -> list[str]:
    return [each.name for each in layers_of(engine) if each.kind == "controller"]


HEALTH: dict[str, Any] = {"state": {"Health": {"Status": "healthy"}}}
HEALED: list[tuple[dict[str, str], list[str], dict[str, Any], bool]] = [
    ({"autoheal": "true"}, [], HEALTH, True),
    ({"autoheal": "false"}, [], HEALTH, False),
    ({}, [], HEALTH, False),
    ({}, ["AUTOHEAL_CONTAINER_LABEL=all"], HEALTH, True),
    ({"heal.me": "true"}, ["TOKEN=x", "AUTOHEAL_CONTAINER_LABEL=heal.me"], HEALTH, True),
    ({"autoheal": "true"}, [], {}, False),  # no health check: it has nothing to go by
]


@pytest.mark.parametrize(("labels", "environment", "facts", "acts"), HEALED)
def test_autoheals_charge(labels: dict[str, str], environment: list[str], facts: dict[str, Any], acts: bool) -> None:
    """By its label, or by all; only what has a health check."""
    engine = Engine(labels, "willfarrell/autoheal:1.2.0", environment, **facts)
    assert (controllers_of(engine) == ["beside"]) is acts


LABEL = controllers.WATCHTOWER_LABEL
UPDATED: list[tuple[dict[str, str], list[str], bool]] = [
    ({}, [], True),
    ({LABEL: "false"}, [], False),
    ({}, ["WATCHTOWER_LABEL_ENABLE=true"], False),
    ({LABEL: "true"}, ["WATCHTOWER_LABEL_ENABLE=1"], True),
    ({}, ["WATCHTOWER_MONITOR_ONLY=true"], False),
]


@pytest.mark.parametrize(("labels", "environment", "acts"), UPDATED)
def test_watchtowers_charge(labels: dict[str, str], environment: list[str], acts: bool) -> None:
    """Everything but what opts out; with its switch only what opts in."""
    assert (controllers_of(Engine(labels, "ghcr.io/containrrr/watchtower", environment)) == ["beside"]) is acts


def test_only_one_variable_of_a_neighbour_is_read() -> None:
    """Its environment may hold secrets."""
    engine = Engine({}, "containrrr/watchtower:1", ["WATCHTOWER_NOTIFICATION_URL=slack://hunter2"])
    assert "hunter2" not in repr(layers_of(engine))


@pytest.mark.parametrize(
    "image", ["example/watchtower-exporter:1", "portainer/portainer-ce", "not-autoheal-at-all/x:2"]
)
def test_who_only_has_the_socket_may_act(image: str) -> None:
    """It is named with the container, and is no layer."""
    (container, *rest) = layers_of(Engine({}, image, **HEALTH))
    assert container.told().facts["socket_holders"] == ["beside"]
    assert [each.kind for each in rest] == ["systemd-service"]


MAKERS = [
    ({"coolify.managed": "true"}, "Coolify"),
    ({"com.dokku.app-name": "shop"}, "Dokku"),
    ({"com.docker.swarm.service.name": "srv-captain--shop"}, "CapRover"),
    ({"com.docker.compose.project": "x", "com.docker.compose.project.working_dir": "/data/compose/5"}, "Portainer"),
    (
        {"com.docker.compose.project": "x", "com.docker.compose.project.working_dir": "/etc/dokploy/compose/x"},
        "Dokploy",
    ),
    ({"com.hashicorp.nomad.alloc_id": "2b1c"}, "Nomad"),
]


@pytest.mark.parametrize(("labels", "name"), MAKERS)
def test_who_made_it_is_told_by_its_marks(labels: dict[str, str], name: str) -> None:
    """Labels and folders that such programs give to what they deploy; the label is the evidence."""
    assert controllers_of(Engine(labels)) == [name]
    controller = next(each for each in layers_of(Engine(labels)) if each.kind == "controller")
    assert "label" in controller.evidence[0]


def test_coolifys_own_are_started_again_by_it() -> None:
    """Its proxy and its agent are back after a stop by hand; what it deployed is not."""
    (proxy, *_) = layers_of(Engine({"coolify.proxy": "true"}, name="coolify-proxy"))
    (app, *_) = layers_of(Engine({"coolify.managed": "true"}))
    assert isinstance(proxy, Read) and proxy.details.controllers[0].revives
    assert isinstance(app, Read) and not app.details.controllers[0].revives
    assert app.details.controllers[0].deletes_stopped


def test_several_controllers_are_several_layers() -> None:
    """Each once, those that bring it back first, the engine's unit last."""
    engine = Engine({"com.hashicorp.nomad.alloc_id": "2b1c"}, "containrrr/watchtower:1")
    assert [each.name for each in layers_of(engine)][1:] == ["Nomad", "beside", "docker.service"]


def test_a_hostile_label_is_only_text() -> None:
    """What a label says reaches no command."""
    engine = Engine({"com.dokku.app-name": "x; rm -rf /\n$(reboot)"})
    facts = make_facts(make_process(cgroup=f"/docker/{CONTAINER_ID}"))
    found, _ = owners.layers(facts, made_world([], engine=engine, units={"docker.service": {"Id": "docker.service"}}))
    assert not any("rm -rf" in step.command or "reboot" in step.command for step in owners.contain(found).steps)
