"""What the installed service may do, and may not: asked from inside, under its unit's own confinement."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e.rig.box import Box

UNIT = "/etc/systemd/system/runaway-watchdog.service"
PROBE = "runaway-probe"


@pytest.fixture(scope="module")
def confined(box: Box) -> Iterator[dict[str, Any]]:
    """What tests/e2e/confined.py could do in the place of the program, under the installed unit's own confinement."""
    box.run(["runaway-watchdog", "install", "--no-self-test"], timeout=120)
    box.write("/opt/confined.py", (Path(__file__).parent / "confined.py").read_text())
    box.write("/root/project/compose.yml", "services:\n  web:\n    image: bb:1\n", 0o600)
    box.write("/home/someone/data", "data\n", 0o600)
    box.write("/tmp/of-the-host", "data\n", 0o600)
    box.run(
        "docker volume create seen && echo data > /var/lib/docker/volumes/seen/_data/file && chmod 700 /home/someone"
    )
    text = box.read(UNIT).replace("runaway-watchdog\n", f"{PROBE}\n").replace(f"User={PROBE}", "User=runaway-watchdog")
    text = re.sub(r"(?m)^(WatchdogSec|Restart\w*)=.*\n", "", text).replace("Type=notify", "Type=oneshot")
    command = f"ExecStart=/opt/runaway-watchdog/bin/python /opt/confined.py\nStandardOutput=truncate:/run/{PROBE}.json"
    text = re.sub(r"(?m)^ExecStart=.*", command, text)
    box.write(f"/etc/systemd/system/{PROBE}.service", text)
    box.write(f"/etc/systemd/system/{PROBE}.service.d/docker.conf", box.read(f"{UNIT}.d/docker.conf"))
    box.run(["systemctl", "daemon-reload"])
    started = box.run(["systemctl", "start", PROBE], check=False, timeout=90)
    assert started.returncode == 0, box.run(["journalctl", "-u", PROBE, "--no-pager"]).stdout
    yield json.loads(box.read(f"/run/{PROBE}.json"))
    box.run(f"rm -r /etc/systemd/system/{PROBE}.service* /run/{PROBE}.json /var/lib/{PROBE} && systemctl daemon-reload")


def test_no_signal_leaves_it(confined: dict[str, Any]) -> None:
    """Every system call that signals is refused with EPERM, to anybody; what the kernel sends still works."""
    assert confined["signals"] == {
        "kill own child": "EPERM",
        "kill with signal 0": "EPERM",
        "kill pid 1": "EPERM",
        "killpg": "EPERM",
        "pidfd_send_signal": "EPERM",
        "raise_signal": "EPERM",
        "pthread_kill": "EPERM",
        "ptrace": "EPERM",
        "abort ends by": 11,
        "alarm ends by": 14,
        "kill by a child program": 1,
        "child ends by itself with": 0,
    }


def test_it_sees_the_whole_host(box: Box, confined: dict[str, Any]) -> None:
    """Processes of all users, files behind closed doors, Docker, Compose, systemd and the journal: all readable."""
    seen = confined["sight"]
    assert seen.pop("users of processes") > 1
    assert seen == {
        "exe of pid 1": "/usr/lib/systemd/systemd",
        "environment of pid 1": "done",
        "descriptors of pid 1": True,
        "files as pid 1 sees them": ["config.toml"],
        "host counters": "cpu",
        "pressure": "some",
        "group counters": "usage_usec",
        "configuration of root": "done",
        "file in /root": "services",
        "file in /home": "data\n",
        "file in /tmp": "data\n",
        "file in a volume": "data\n",
        "crontabs": "done",
        "journal": 1,
        "sockets of all users": True,
        "docker": "HTTP/1.0 200 OK",
        "compose": "web",
        "systemd": box.run(["systemctl", "show", "docker", "--value", "--property=Restart"]).stdout.strip(),
        "systemd refuses a stop": "Permission denied",
    }


def test_it_writes_nowhere_else(confined: dict[str, Any]) -> None:
    """Its state and its temporary files are its own; everything else is read-only."""
    written = confined["writes"]
    assert (written.pop("state"), written.pop("database"), written.pop("temporary file")) == ("done", "wal", True)
    assert set(written.values()) <= {"EROFS", "EACCES"}, written


def test_its_libraries_live_with_it(confined: dict[str, Any]) -> None:
    """No library needs writable code or a refused call, and the network is there."""
    assert set(map(str, confined["libraries"].values())) == {"done", "42", "25"}, confined["libraries"]


def test_exposure(box: Box, confined: dict[str, Any]) -> None:
    """`systemd-analyze security` of the installed service, the docker group included."""
    assert confined
    overall = box.run(["systemd-analyze", "security", "runaway-watchdog.service"]).stdout
    found = re.search(r"exposure level for runaway-watchdog.service: ([\d.]+)", overall)
    assert found is not None
    assert float(found[1]) <= 2.1
