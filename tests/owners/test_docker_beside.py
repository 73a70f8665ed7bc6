"""Who acts on a container beside its engine's own policy: a swarm, a controller, another engine."""

from typing import Any

import pytest
from support.builders import CONTAINER_ID, make_container, make_facts, make_process
from support.made_world import made_world

from runaway_watchdog.model.owner import Action
from runaway_watchdog.owners.docker import container
from runaway_watchdog.owners.docker.containment import contain
from runaway_watchdog.owners.docker.controllers import Acting
from runaway_watchdog.owners.docker.details import ContainerOwner
from runaway_watchdog.owners.docker.swarm import Restart
from runaway_watchdog.owners.steps import units
from runaway_watchdog.world import Unanswered

SWARMS: list[tuple[str | None, Action, bool]] = [
    ("any", "clean-exit", True),
    ("any", "owner-stop", True),
    ("on-failure", "clean-exit", False),
    ("on-failure", "sigkill", True),
    ("none", "sigkill", False),
    (None, "sigkill", True),
]


@pytest.mark.parametrize(("condition", "action", "returns"), SWARMS)
def test_a_swarm_replaces_by_its_condition(condition: str | None, action: Action, returns: bool) -> None:
    """Whatever its container's own policy says."""
    swarm = Restart(condition, None if condition is None else 5.0, 0)
    owner = make_container("no", kind="swarm-task", swarm=swarm)
    outlook = container.outlook(owner, make_facts(), action)
    assert (outlook.ends, outlook.returns) == (True, returns)
    assert outlook.after_s == (6.0 if returns and condition else None)


def test_a_child_of_a_swarms_task_is_not_the_task() -> None:
    """Only the end of the main process is the task's."""
    owner = make_container("no", kind="swarm-task", main_pid=1000)
    assert container.outlook(owner, make_facts(parent=make_process(1000)), "sigkill").returns is None


# --- controllers -------------------------------------------------------------------------------------------------


def with_controller(acting: Acting, policy: str = "no", **changes: Any) -> ContainerOwner:
    return make_container(policy, controllers=(acting,), **changes)


def test_who_revives_it_makes_it_return() -> None:
    """The engine leaves it stopped; a line of a crontab does not."""
    acting = Acting("/etc/cron.d/x", "starts it again", "", revives=True)
    outlook = container.outlook(with_controller(acting), make_facts(), "owner-stop")
    assert (outlook.returns, outlook.by, outlook.certainty) == (True, "/etc/cron.d/x", "likely")


def test_a_deploy_makes_a_stop_less_sure() -> None:
    """It stays away until the next deploy, and the goal says so."""
    acting = Acting("Dokku", "makes it anew", "", "until the next deploy by Dokku")
    owner = with_controller(acting)
    outlook = container.outlook(owner, make_facts(), "sigkill")
    assert (outlook.returns, outlook.certainty) == (False, "likely")
    assert "until the next deploy by Dokku" in contain(owner, make_facts()).goal


def test_what_is_deleted_when_it_stops_is_only_paused() -> None:
    """Coolify's clean-up removes containers that were stopped by hand."""
    acting = Acting("Coolify", "makes it anew", "", "until the next deploy", deletes_stopped=True)
    commands = [step.command for step in contain(with_controller(acting, "always"), make_facts()).steps]
    assert commands[-1] == "docker pause ocr-worker-1"
    assert not any(" stop " in command for command in commands)


def test_a_unit_that_starts_it_is_stopped_first() -> None:
    """Every name is quoted: a unit may be called anything that systemd takes."""
    acting = Acting("a b.service", "runs `docker compose up`", "", revives=True, at_boot=True, unit="a b.service")
    acting = acting._replace(close=(units.stop("a b.service"), units.disable("a b.service")))
    commands = [step.command for step in contain(with_controller(acting), make_facts()).steps]
    assert commands[1:] == [
        "systemctl stop 'a b.service'",
        "docker stop ocr-worker-1",
        "systemctl disable 'a b.service'",
    ]


def test_controllers_stand_between_the_container_and_its_engine() -> None:
    """The next layer is the controller, then the engine's own unit."""
    acting = Acting("heal", "restarts it", "image autoheal")
    claim = container.outer(with_controller(acting))
    assert claim is not None
    assert (claim.kind, claim.ref) == ("controller", "heal")
    last = container.outer(make_container())
    assert last is not None
    assert last.ref == "docker.service"


def test_a_rootless_engines_container_names_its_socket() -> None:
    """This engine does not know it; the mend is the one that does."""
    path = f"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{CONTAINER_ID}.scope"
    facts = make_facts(make_process(cgroup=path))
    claim = container.claim(facts)
    assert claim is not None
    with pytest.raises(Unanswered) as caught:
        container.inspect(claim, facts, made_world([], engine=NoContainers()))
    assert "unix:///run/user/1000/docker.sock" in caught.value.gap.fix


def test_a_users_group_says_nothing_of_the_systems_containers() -> None:
    """Any user makes a group of that name in the user's own: the container that bears it is not asked for."""

    class TheSystems:
        def endpoint(self) -> None:
            return None

        def container(self, reference: str) -> None:
            raise AssertionError(reference)

    path = f"/user.slice/user-1000.slice/user@1000.service/app.slice/docker-{CONTAINER_ID}.scope"
    facts = make_facts(make_process(cgroup=path))
    claim = container.claim(facts)
    assert claim is not None
    with pytest.raises(Unanswered) as caught:
        container.inspect(claim, facts, made_world([], engine=TheSystems()))
    assert "a user's own" in caught.value.gap.problem


class NoContainers:
    """A user's engine that knows none."""

    def endpoint(self) -> str:
        return "unix:///run/user/1000/docker.sock"

    def container(self, reference: str) -> None:  # noqa: ARG002
        return None
