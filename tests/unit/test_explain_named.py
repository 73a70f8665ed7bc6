"""How a person calls whoever uses most: by the unit or container that all of it is in."""

from support.made_world import Made, made_world

from runaway_watchdog.explain.named import named, users

GROUP = "/system.slice/crowd.service"
WORLD = made_world(
    (
        Made(50, 1, "bash", ("bash", "-c", "while :; do work; done"), f"0::{GROUP}", exe="/usr/bin/bash"),
        Made(60, 50, "work", ("work",), f"0::{GROUP}", exe="/usr/bin/work"),
    ),
    units={"crowd.service": {"Id": "crowd.service", "ActiveState": "active", "MainPID": 50}},
)


def test_loop_within_a_unit_is_named_by_the_unit() -> None:
    """The loop is who would start it again; the unit is what a person looks for."""
    found = named(WORLD, 60)
    assert found is not None
    assert (found.name, found.works_for_others) == ("crowd.service (work)", "")


def test_group_that_is_gone_keeps_the_name_that_its_path_has() -> None:
    """A unit's own, or a container's short number."""
    gone = (("/system.slice/gone.service", 40.0, 0), (f"/system.slice/docker-{'ab' * 32}.scope", 30.0, 7))
    assert [(each.name, each.incident) for each in users(WORLD, gone)] == [
        ("gone.service", 0), ("container abababababab", 7),
    ]  # fmt: skip
