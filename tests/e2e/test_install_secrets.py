"""Alert URLs that systemd keeps for the service: found at a start and at a reload, and seen by the sender alone."""

from __future__ import annotations

import json
import time
from typing import Final

import pytest
from e2e.rig.box import Box

UNIT: Final = "runaway-watchdog"
CONFIG: Final = "/etc/runaway-watchdog/config.toml"
HANDED_OVER: Final = "/run/runaway-watchdog-handover"
DROP_IN: Final = f"/etc/systemd/system/{UNIT}.service.d/secrets.conf"
SECRETS: Final = """\
[Service]
EnvironmentFile=/etc/of-the-environment
LoadCredential=alert-urls:/etc/of-the-credential
"""
ALL: Final = {"of-the-file", "of-the-environment", "of-the-credential"}
CHANNELS: Final = ["json(127.0.0.7)", "json(127.0.0.8)", "json(127.0.0.9)"]


@pytest.fixture(scope="module")
def given(box: Box) -> Box:
    """The service, with a channel in its configuration, one in its environment and one in a credential."""
    box.write(CONFIG, '[alerts]\nurls = ["json://user:of-the-file@127.0.0.7:9/"]\n', 0o600)
    box.write("/etc/of-the-environment", "RUNAWAY_WATCHDOG_ALERT_URLS=json://user:of-the-environment@127.0.0.8:9/\n")
    box.write("/etc/of-the-credential", "json://user:of-the-credential@127.0.0.9:9/\n", 0o600)
    box.write(DROP_IN, SECRETS)
    box.run([UNIT, "install", "--no-self-test"], timeout=120)
    box.run(["systemctl", "restart", UNIT], timeout=60)
    return box


def known(box: Box) -> list[str]:
    """The channels of what the running service was handed over last."""
    return sorted(json.loads(box.read(f"{HANDED_OVER}/configuration.json"))["alerts"]["channels"])


def tried(box: Box) -> list[str]:
    """The channels that a test alert goes to, which none takes."""
    done = box.run([UNIT, "test-alert", "--json"], check=False, timeout=90)
    return sorted(each["channel"] for each in json.loads(done.stdout)["channels"])


def test_a_reload_loses_no_channel(given: Box) -> None:
    """Not the credential's either, and twice in a row; a test alert goes to the same."""
    assert known(given) == CHANNELS
    for _ in range(2):
        given.run(["systemctl", "reload", UNIT], timeout=60)
        assert known(given) == CHANNELS, given.run(["journalctl", "-u", UNIT, "-n20", "--no-pager"]).stdout
    assert tried(given) == CHANNELS


def test_only_a_sender_has_them(given: Box) -> None:
    """Neither the watch nor a case has one in its environment, nor the watch the credential; the sender has all."""
    pid = int(given.run(["systemctl", "show", "-P", "MainPID", UNIT]).stdout)
    assert pid > 1
    environment = given.run(["cat", f"/proc/{pid}/environ"]).stdout
    assert "of-the-" not in environment
    assert given.run(f"cat /proc/{pid}/root/run/credentials/{UNIT}.service/alert-urls", check=False).stdout == ""
    assert seen_by(given, "case") == set()
    assert seen_by(given, "send") == ALL


def seen_by(box: Box, unit: str) -> set[str]:
    """Which secrets are in the environment or in the credentials of a process that this unit starts."""
    drop_in = f"/etc/systemd/system/{UNIT}-{unit}@.service.d/zz-probe.conf"
    probe = "cat /proc/self/environ $CREDENTIALS_DIRECTORY/* > $STATE_DIRECTORY/probe"
    box.write(drop_in, f"[Service]\nExecStart=\nExecStart=/bin/sh -c '{probe}'\n")
    box.run(["systemctl", "daemon-reload"])
    ask = f"import socket; s = socket.socket(socket.AF_UNIX); s.connect('{HANDED_OVER}/{unit}.sock'); s.recv(1)"
    box.run(["python3", "-c", ask])
    text = box.wait_for("what it sees", lambda: box.run("cat /var/lib/runaway-watchdog/probe", check=False).stdout)
    box.run(f"rm {drop_in} /var/lib/runaway-watchdog/probe && systemctl daemon-reload")
    return {name for name in ALL if name in text}


def test_a_folder_of_credentials_that_is_gone_is_a_fault(given: Box) -> None:
    """Not "no channels"."""
    folder = "/run/credentials/nowhere"
    done = given.run([UNIT, "check-config"], check=False, env={"CREDENTIALS_DIRECTORY": folder})
    assert done.returncode == 2
    assert folder in done.stdout + done.stderr


@pytest.mark.parametrize("left", [":", f": > {HANDED_OVER}/configuration.json"])
def test_a_handing_over_that_fails_for_a_moment_ends_nothing(given: Box, left: str) -> None:
    """Neither what is missing nor what is empty: systemd tries again until it is there, and the file is named."""
    helper, drop_in = "/usr/local/bin/fails-a-while", f"/etc/systemd/system/{UNIT}.service.d/zz-fails.conf"
    given.write(helper, f"#!/bin/sh\ntest -e /run/mended || {{ rm -f {HANDED_OVER}/*.json; {left}; }}\n", 0o755)
    given.write(drop_in, f"[Service]\nExecStartPre=-+{helper}\n")
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    given.run(f"systemctl daemon-reload; systemctl restart {UNIT}", check=False, timeout=60)
    count = ["systemctl", "show", "-P", "NRestarts", UNIT]
    given.wait_for("another try", lambda: given.run(count).stdout.strip() != "0")
    told = given.run(["journalctl", "-u", UNIT, "--since", since, "-ocat", "--no-pager"]).stdout
    assert f"{HANDED_OVER}/configuration.json" in told
    assert "None" not in told
    given.write("/run/mended", "")
    active = ["systemctl", "is-active", UNIT]
    given.wait_for("it watches", lambda: given.run(active, check=False).returncode == 0)
    given.run(f"rm {drop_in} /run/mended; systemctl daemon-reload")
