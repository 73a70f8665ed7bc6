"""Plans for systemd's units, really pasted, and undone in reverse order."""

from __future__ import annotations

import pytest
from e2e.keepers import (
    carry_out,
    found,
    plan_of,
    program,
    undo,
)
from e2e.rig.box import Box, Layout, MakeBox
from e2e.systemd_units import (
    UPHELD,
    Planned,
    command,
    pasted_and_undone,
    service,
)


@pytest.fixture(scope="module")
def host(make_box: MakeBox) -> Box:
    return make_box(docker_up=False)


@pytest.fixture(scope="module")
def host_v1(make_box: MakeBox) -> Box:
    return make_box("v1", docker_up=False)


PLANS = [
    Planned({"plain.service": service("plain", "Restart=always", install="multi-user.target")}, ("plain",), "plain"),
    Planned(
        {"timed.service": service("timed"), "timed.timer": "[Timer]\nOnUnitInactiveSec=2\nAccuracySec=10ms\n"},
        ("timed.timer", "timed"),
        "timed",
    ),
    Planned({"path.service": service("path"), "path.path": "[Path]\nPathExists=/etc/passwd\n"}, ("path.path",), "path"),
    UPHELD,
    Planned(
        {
            "a\\x2db@.service": service("", "Restart=always", start=command("odd")),
            "top.service": service("top", unit="Upholds=a\\x2db@c.service"),
        },
        ("top",),
        "odd",
    ),
]


@pytest.mark.truth
@pytest.mark.parametrize("layout", ["v2", "v1"])
@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_a_plan_holds_and_is_undone(host: Box, host_v1: Box, plan: Planned, layout: Layout) -> None:
    """Pasted, it stays away, also after systemd re-executes itself; undone in reverse order, it runs as before."""
    pasted_and_undone(host if layout == "v2" else host_v1, plan)


@pytest.mark.truth
@pytest.mark.parametrize("layout", ["v2", "v1"])
def test_a_plan_that_freezes(host: Box, host_v1: Box, layout: Layout) -> None:
    """A transient unit's definition would be gone with its stop: it stands still, and goes on where it was."""
    box = host if layout == "v2" else host_v1
    box.run(["systemd-run", "--unit=brief", "-p", "Restart=always", *program("brief")])
    pid = found(box, "brief")
    steps = plan_of(box, pid)
    carry_out(box, steps)
    before = box.run(f"ps -o state= -p {pid}; systemctl show -P FreezerState brief").stdout.split()
    assert "frozen" in before or "T" in before
    undo(box, steps)
    assert box.run(f"ps -o state= -p {pid}; systemctl show -P FreezerState brief").stdout.split() == ["S", "running"]
    box.run("systemctl kill -s KILL brief; systemctl stop brief")
