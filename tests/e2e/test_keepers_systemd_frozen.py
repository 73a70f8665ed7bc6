"""Units that are frozen, and units with a watchdog: what explain, plan and preflight say, and what then happens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from e2e.keepers import Action, carry_out, check, found, plan_of, undo
from e2e.rig.box import Box
from e2e.rig.host_lines import names, preflight
from e2e.systemd_units import command, lingering, of_bob, running, service, units, watched

HOSTS = ["host", "host_trixie"]


@pytest.fixture
def on(request: pytest.FixtureRequest) -> Box:
    """One of HOSTS, by its name."""
    box: Box = request.getfixturevalue(request.param)
    return box


def state(box: Box, name: str) -> list[str]:
    wanted = [f"-p{each}" for each in ("ActiveState", "SubState", "FreezerState")]
    shown = box.run(["systemctl", "show", *wanted, name]).stdout
    return [shown.partition(f"{each[2:]}=")[2].partition("\n")[0] for each in wanted]


CASES: list[tuple[Action, str]] = [
    ("owner-stop", "default"),
    ("sigkill", "default"),
    ("sigterm", "default"),
    ("sigterm", "exit-0"),
    ("sigterm", "ignore"),
]


@pytest.mark.parametrize("on", HOSTS, indirect=True)
@pytest.mark.parametrize(("action", "on_term"), CASES)
def test_what_a_frozen_unit_comes_to(on: Box, action: Action, on_term: Any) -> None:
    """A stop is refused since systemd 256, and after a kill the unit stays down until a boot."""
    name = f"cold-{action}-{on_term}"
    text = service(name, "Restart=always RestartSec=100ms", start=command(name, on_term))
    with units(on, {f"{name}.service": text}, [name]):
        work = running(on, name)
        on.run(["systemctl", "freeze", name])
        shown = on.run(["runaway-watchdog", "explain", str(work.pid)]).stdout
        assert f"{name}.service is frozen" in " ".join(shown.split())
        check(on, work, action, kind="systemd-service", policy="always")
        on.run(["systemctl", "thaw", name], check=False)


@pytest.mark.parametrize("on", HOSTS, indirect=True)
def test_a_users_unit_that_is_frozen_comes_to_the_same(on: Box) -> None:
    """By the release of that user's own systemd."""
    with lingering(on, {"chill.service": service("chill", "Restart=always")}, ["chill"]) as systemctl:
        work = of_bob(on, "chill")
        on.run(f"{systemctl} freeze chill")
        check(on, work, "owner-stop", kind="systemd-user-service", policy="always")
        on.run(f"{systemctl} thaw chill", check=False)


def test_a_unit_that_is_stuck_says_so(host_trixie: Box) -> None:
    """Ended while it was frozen, it can be neither thawed nor stopped; a boot helps, as it says."""
    with units(host_trixie, {"stuck.service": service("stuck", "Restart=always RestartSec=100ms")}, ["stuck"]):
        pid = found(host_trixie, "stuck")
        host_trixie.run(f"systemctl freeze stuck; kill -9 {pid}")
        host_trixie.wait_for("stuck", lambda: state(host_trixie, "stuck")[1] == "auto-restart-queued")
        done = host_trixie.run(["runaway-watchdog", "explain", "--unit", "stuck"], check=False)
        assert (done.returncode, "until the next boot" in done.stderr) == (3, True)
        for verb in ("thaw", "stop", "start", "restart"):
            assert host_trixie.run(["systemctl", verb, "stuck"], check=False).returncode != 0
        assert state(host_trixie, "stuck") == ["activating", "auto-restart-queued", "frozen"]


@pytest.mark.parametrize(("enabled", "signal"), [(True, 9), (False, 9), (True, 15)])
def test_one_that_is_down_and_frozen_is_started_as_it_says(host_trixie: Box, enabled: bool, signal: int) -> None:
    """systemd forgets the state with the unit."""
    name = f"down-{signal}-{enabled}".lower()
    text = service(name, install="multi-user.target")
    with units(host_trixie, {f"{name}.service": text}, [name]):
        pid = found(host_trixie, name)
        host_trixie.run(f"systemctl {'enable' if enabled else 'disable'} {name}; systemctl freeze {name}")
        host_trixie.run(f"kill -{signal} {pid}")
        host_trixie.wait_for("its end", lambda: state(host_trixie, name)[0] in ("failed", "inactive"))
        if state(host_trixie, name)[2] == "running":
            return  # forgotten already: nothing asks for it
        done = host_trixie.run(["runaway-watchdog", "explain", "--unit", name], check=False)
        assert host_trixie.run(["systemctl", "start", name], check=False).returncode != 0
        way_out = done.stderr.partition("What may help before: ")[2]
        assert way_out.strip(), done.stderr
        host_trixie.run(way_out)
        found(host_trixie, name)


LINES = [
    "systemctl stop ice",
    "systemctl restart ice",
    "systemctl start ice",
    "systemctl try-restart ice air",
    "systemctl stop ice air",
    "service ice stop",
    "systemctl disable --now ice",
    "systemctl thaw ice && systemctl stop ice",
    "systemctl thaw air && systemctl stop air",
    "systemctl stop air",  # whose stop goes on to the frozen one
]


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("on", HOSTS, indirect=True)
def test_preflight_says_what_a_frozen_unit_refuses(on: Box, line: str) -> None:
    """What it says stops, stops; what it says is started anew, is; and nothing else."""
    texts = {"air.service": service("air"), "ice.service": service("ice", unit="Requires=air.service")}
    with units(on, texts, ["air", "ice"]):
        for name in ("air", "ice"):
            found(on, name)
        on.run("systemctl freeze ice")
        document = preflight(on, line)
        before = {name: _invocation(on, name) for name in texts}
        on.run(line, check=False)
        seen = {name: state(on, name)[0] for name in texts}
        assert document["unknown"] == []
        assert names(document, "unit", "stop") == {name for name in texts if seen[name] == "inactive"}
        anew = {name for name in texts if seen[name] == "active" and _invocation(on, name) != before[name]}
        assert names(document, "unit", "restart") == anew
        on.run("systemctl thaw ice", check=False)


def _invocation(box: Box, name: str) -> str:
    return box.run(["systemctl", "show", "-P", "InvocationID", name]).stdout.strip()


@pytest.mark.parametrize("on", HOSTS, indirect=True)
def test_a_unit_that_is_frozen_already_is_stopped_and_frozen_again(on: Box) -> None:
    """The undo brings back what was, as of a container that was paused."""
    with units(on, {"ice.service": service("ice", "Restart=always", install="multi-user.target")}, ["ice"]):
        on.run("systemctl enable ice; systemctl freeze ice")
        steps = plan_of(on, found(on, "ice"))
        carry_out(on, steps)
        assert state(on, "ice")[0] == "inactive"
        undo(on, steps)
        assert state(on, "ice") == ["active", "running", "frozen"]
        on.run("systemctl thaw ice")


@pytest.mark.parametrize("on", HOSTS, indirect=True)
def test_a_unit_with_a_watchdog_is_not_frozen(on: Box) -> None:
    """Its plan stops it right away; it does not come back by its watchdog meanwhile."""
    with watched(on) as pid:
        document = json.loads(on.run(["runaway-watchdog", "explain", str(pid), "--json"], check=False).stdout)
        steps = document["plan"]["steps"]
        assert "WatchdogSec=" in document["plan"]["goal"]
        assert not any("freeze" in step["command"] or "STOP" in step["command"] for step in steps)
        carry_out(on, steps)
        assert state(on, "watched")[0] == "inactive"
        undo(on, steps)
        assert state(on, "watched")[0] == "active"


@pytest.mark.parametrize("on", HOSTS, indirect=True)
def test_a_script_that_fails_leaves_nothing_frozen(on: Box) -> None:
    """Its second step is refused here, since the unit is told to refuse in the meantime."""
    with units(on, {"torn.service": service("torn", "Restart=always")}, ["torn"]):
        pid = found(on, "torn")
        on.run(f"runaway-watchdog plan {pid} --script > /root/torn.sh")
        on.write("/etc/systemd/system/torn.service.d/refuse.conf", "[Unit]\nRefuseManualStop=yes\n")
        on.run("systemctl daemon-reload")
        done = on.run(["sh", "/root/torn.sh"], check=False)
        assert done.returncode == 1, done.stderr
        assert state(on, "torn") == ["active", "running", "running"]
        on.run("rm -r /etc/systemd/system/torn.service.d; systemctl daemon-reload")
