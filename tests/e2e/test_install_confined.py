"""What the installed service may do, and may not: asked from inside, under its unit's own confinement."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from e2e.rig.box import Box

UNITS = "/etc/systemd/system"
WATCH, CASE, SEND = "runaway-watchdog.service", "runaway-watchdog-case@.service", "runaway-watchdog-send@.service"
PROBE = "runaway-probe"
CONFIG = """\
[alerts]
urls = ["json://user:of-the-channel@127.0.0.1:9/"]
"""
Seen = dict[str, dict[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def confined(box: Box) -> Seen:
    """By unit: what tests/e2e/confined.py could do in the place of the program, under that unit's own confinement."""
    box.write("/etc/runaway-watchdog/config.toml", CONFIG, 0o600)
    box.run(["runaway-watchdog", "install", "--no-self-test"], timeout=120)
    box.write("/opt/confined.py", (Path(__file__).parent / "confined.py").read_text())
    box.write("/root/project/compose.yml", "services:\n  web:\n    image: bb:1\n", 0o600)
    box.write("/home/someone/data", "data\n", 0o600)
    box.write("/tmp/of-the-host", "data\n", 0o600)
    box.run(
        "docker volume create seen && echo data > /var/lib/docker/volumes/seen/_data/file && chmod 700 /home/someone"
    )
    box.run(["systemd-run", "--unit=of-nobody", "--uid=nobody", "sleep", "600"])
    listen = "import socket, time; s = socket.create_server(('127.0.0.1', 9797)); time.sleep(600)"
    box.run(["systemd-run", "--unit=listens", "python3", "-c", listen])
    box.run(
        "systemctl show --value -p MainPID of-nobody > /opt/of-nobody;"
        "systemctl show --value -p MainPID runaway-watchdog > /opt/of-the-watch"
    )
    return {
        WATCH: probed(box, WATCH, "signals writes doors"),
        CASE: probed(box, CASE, "signals sight writes libraries doors"),
        SEND: probed(box, SEND, "signals writes libraries doors"),
    }


def probed(box: Box, unit: str, parts: str) -> dict[str, dict[str, Any]]:
    """The installed unit with its drop-ins, and another program in it."""
    text = box.read(f"{UNITS}/{unit}").replace("%i", "probe")
    text = re.sub(r"(?m)^(RuntimeDirectory=runaway-watchdog)$", rf"\1-{PROBE}", text)
    gone = "WatchdogSec|Restart\\w*|ExecStartPre|ExecReload|ExecStopPost|Type|NotifyAccess|StandardInput|StandardOutput"
    text = re.sub(rf"(?m)^({gone}|StopPropagatedFrom|Before|LogLevelMax|KillSignal)=.*\n", "", text)
    command = f"ExecStart=/opt/runaway-watchdog/bin/python /opt/confined.py {parts}"
    text = re.sub(r"(?m)^ExecStart=.*", f"Type=oneshot\n{command}\nStandardOutput=truncate:/run/{PROBE}.json", text)
    text = re.sub(r"(?m)^RuntimeMaxSec=", "TimeoutStartSec=", text)
    box.write(f"{UNITS}/{PROBE}.service", text)
    box.run(f"test ! -e '{UNITS}/{unit}.d' || cp -r '{UNITS}/{unit}.d' {UNITS}/{PROBE}.service.d")
    box.run(["systemctl", "daemon-reload"])
    started = box.run(["systemctl", "start", PROBE], check=False, timeout=90)
    assert started.returncode == 0, box.run(["journalctl", "-u", PROBE, "--no-pager"]).stdout
    found: dict[str, dict[str, Any]] = json.loads(box.read(f"/run/{PROBE}.json"))
    box.run(
        f"rm -r {UNITS}/{PROBE}.service* /run/{PROBE}.json /var/lib/runaway-watchdog/probe* && systemctl daemon-reload"
    )
    return found


@pytest.mark.parametrize("unit", [WATCH, CASE, SEND])
def test_no_signal_leaves_it(confined: Seen, unit: str) -> None:
    """Every system call that signals is refused with EPERM, to anybody; what the kernel sends still works."""
    assert confined[unit]["signals"] == {
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


def test_a_case_sees_the_whole_host(box: Box, confined: Seen) -> None:
    """Processes of all users, files behind closed doors, Docker, Compose, systemd and the journal: all readable."""
    seen = confined[CASE]["sight"]
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


@pytest.mark.parametrize(
    ("unit", "temporary"), [(WATCH, "/tmp"), (CASE, "/run/runaway-watchdog-case-probe"), (SEND, "/tmp")]
)
def test_it_writes_nowhere_else(confined: Seen, unit: str, temporary: str) -> None:
    """The history and temporary files, in a /tmp of its own or in its own folder; everything else is closed."""
    written = dict(confined[unit]["writes"])
    if temporary == "/tmp":
        assert written.pop("/tmp") == "done"
    own = (written.pop("state"), written.pop("database"), written.pop("temporary file"))
    assert own == ("done", "wal", temporary)
    assert set(written.values()) <= {"EROFS", "EACCES", "ENOENT"}, written


def test_nothing_that_the_watch_tried_is_left_on_the_host(box: Box, confined: Seen) -> None:
    """What it could write to was its own /tmp."""
    assert confined
    assert not box.exists("/tmp/probe")


def test_their_libraries_live_with_it(confined: Seen) -> None:
    """No library needs writable code or a refused call; the sender has the network, and the case has none."""
    assert set(map(str, confined[SEND]["libraries"].values())) == {"done", "42", "25"}
    case = confined[CASE]["libraries"]
    assert case.pop("connection") == "EAFNOSUPPORT"
    assert set(map(str, case.values())) == {"done", "42", "25"}


REFUSED = {"EACCES", "EPERM", "ENOENT", "EAFNOSUPPORT"}
NETWORK = {"internet socket", "internet 6 socket", "connection to this host"}
OTHERS = {"program of root's", "environment of root's", "environment of another user's"}
OF_THE_WATCH = {"environment of the watch", "memory of the watch"}
ASKED = {"door of the cases", "door of the senders", "handed over, without secrets"}
BEHIND_THEM = {"docker's socket", "the system bus"}
SECRETS = {"shadow", "configuration", "handed over, whole"}


@pytest.mark.parametrize(
    ("unit", "opened", "capabilities"),
    [
        (WATCH, ASKED | {"program of root's"} | OF_THE_WATCH, "80000"),
        (CASE, ASKED | OTHERS | OF_THE_WATCH | BEHIND_THEM | SECRETS, "80004"),
        (SEND, NETWORK, ""),
    ],
)
def test_each_opens_its_own_doors_alone(
    box: Box, confined: Seen, unit: str, opened: set[str], capabilities: str
) -> None:
    """The watch: nobody's secrets, no engine, no network. A case: the host, and no network. A sender: the network, and
    of the host not even who runs on it. (The watch reaches itself, and a case whoever has fewer capabilities.)"""
    doors = dict(confined[unit]["doors"])
    groups = {box.run(["getent", "group", str(number)]).stdout.split(":")[0] for number in doors.pop("groups")}
    assert groups == {"runaway-watchdog", *(["docker"] if unit == CASE else [])}
    assert doors.pop("capabilities") == capabilities
    assert doors.pop("secrets in its own credential") == {
        WATCH: "KeyError: 'CREDENTIALS_DIRECTORY'", CASE: False, SEND: True,
    }[unit]  # fmt: skip
    assert {name for name, came in doors.items() if came == "done"} == opened
    assert {came for name, came in doors.items() if name not in opened} <= REFUSED, doors


@pytest.mark.parametrize(("unit", "most"), [(WATCH, 1.2), (CASE, 2.1), (SEND, 1.8)])
def test_exposure(box: Box, confined: Seen, unit: str, most: float) -> None:
    """`systemd-analyze security` of what is installed, the docker group included."""
    assert confined
    name = unit.replace("@", "@1")
    overall = box.run(["systemd-analyze", "security", name]).stdout
    found = re.search(rf"exposure level for {name}: ([\d.]+)", overall)
    assert found is not None
    print(name, found[1])
    assert float(found[1]) <= most
