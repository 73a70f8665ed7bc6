"""Units that are frozen, and units with a watchdog: what explain, plan and preflight say, and what then happens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from e2e.keepers import Action, carry_out, check, found, plan_of, undo
from e2e.rig.box import Box
from e2e.systemd_units import command, running, service, units

HOSTS = ["host", "host_trixie"]
WATCHED = """\
import os, socket, time
notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notified.connect(os.environ["NOTIFY_SOCKET"].replace("@", "\\0"))
notified.send(b"READY=1")
while True:
    notified.send(b"WATCHDOG=1")
    time.sleep(0.2)
"""


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
    on.write("/opt/rig/watched.py", WATCHED)
    lines = "Type=notify WatchdogSec=2 TimeoutAbortSec=2 Restart=always RestartSec=100ms"
    text = service("", lines, start="/usr/bin/python3 /opt/rig/watched.py watched", install="multi-user.target")
    with units(on, {"watched.service": text}, ["watched"]):
        on.run("systemctl enable watched")
        pid = on.wait_for("watched", lambda: next(iter(on.pids("watched.py watched$")), None))
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
