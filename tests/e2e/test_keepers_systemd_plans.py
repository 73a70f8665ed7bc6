"""Plans for systemd's units, really pasted, and undone in reverse order."""

from __future__ import annotations

import pytest
from e2e.keepers import carry_out, found, plan_of, program, running, undo
from e2e.rig.box import Box
from e2e.systemd_units import UPHELD, Planned, command, pasted_and_undone, service

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


HOSTS = ["host", "host_v1", "host_trixie"]


@pytest.fixture
def on(request: pytest.FixtureRequest) -> Box:
    """One of HOSTS, by its name."""
    box: Box = request.getfixturevalue(request.param)
    return box


@pytest.mark.truth
@pytest.mark.parametrize("on", HOSTS, indirect=True)
@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_a_plan_holds_and_is_undone(on: Box, plan: Planned) -> None:
    """Pasted, it stays away, also after systemd re-executes itself; undone in reverse order, it runs as before."""
    pasted_and_undone(on, plan)


@pytest.mark.truth
@pytest.mark.parametrize("on", HOSTS, indirect=True)
def test_a_transient_unit_is_saved_before_it_is_stopped(on: Box) -> None:
    """Its definition would be gone with its stop: the undo makes it again from the copy, Restart= and all."""
    box = on
    box.run(["systemd-run", "--unit=brief", "-p", "Restart=always", *program("brief")])
    steps = plan_of(box, found(box, "brief"))
    assert "save" in [step["phase"] for step in steps]
    carry_out(box, steps)
    assert running(box, "brief") == []
    undo(box, steps)
    found(box, "brief")
    assert box.run("systemctl show -P Restart brief").stdout.strip() == "always"
    box.run("systemctl kill -s KILL brief; systemctl stop brief")
