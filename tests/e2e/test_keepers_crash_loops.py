"""What ends and is started again and again: told as the unit or the container that it is, with its last words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from e2e.rig import docker
from e2e.rig.box import Box, MakeBox

UNIT = """\
[Service]
ExecStart=/bin/sh -c 'echo cannot read /etc/bot.conf >&2; exit 3'
Restart=always
RestartSec=2
[Unit]
StartLimitIntervalSec=0
"""


@pytest.fixture(scope="module")
def box(make_box: MakeBox) -> Box:
    return make_box()


def explained(box: Box, *words: str) -> dict[str, Any]:
    done = box.run(["runaway-watchdog", "explain", *words, "--json"], check=False)
    assert done.returncode in (0, 4), done.stdout + done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_a_unit_that_crashes_is_told_with_its_last_words(box: Box) -> None:
    """Also between two tries, when it has no process at all; its plan stops it, and the undo starts it again."""
    box.write("/etc/systemd/system/bot.service", UNIT)
    box.run("systemctl daemon-reload; systemctl start --no-block bot; sleep 9")
    document = explained(box, "--unit", "bot")
    assert document["owners"][0]["name"] == "bot.service"
    ended = document["last_end"]
    assert ended["restarts"] >= 3
    assert (ended["exit_code"], ended["signal"]) == (3, None)
    assert ended["log"][-1] == "cannot read /etc/bot.conf"
    text = " ".join(box.run(["runaway-watchdog", "explain", "--unit", "bot"]).stdout.split())
    assert "bot.service on vm is " in text
    assert "it exited with 3" in text
    assert "times: cannot read /etc/bot.conf" in text
    for step in document["plan"]["steps"]:
        box.run(step["command"])
    assert box.run(["systemctl", "is-active", "bot"], check=False).stdout.strip() in ("inactive", "failed")
    box.run("sleep 4")
    assert box.run(["systemctl", "is-active", "bot"], check=False).stdout.strip() in ("inactive", "failed")
    for step in reversed(document["plan"]["steps"]):
        box.run(step["undo"] or "true")
    assert box.run(["systemctl", "is-active", "bot"], check=False).stdout.strip() in ("activating", "active")
    box.run("systemctl stop bot")


def test_a_container_that_crashes_too(box: Box) -> None:
    """What it said last is read from the engine's own log of it."""
    box.run(f"docker run -d --name loop --restart always {docker.IMAGE} sh -c 'echo no such database; exit 7'; sleep 6")
    document = explained(box, "--container", "loop")
    ended = document["last_end"]
    assert ended["restarts"] >= 2
    assert ended["exit_code"] == 7
    assert ended["log"][-1] == "no such database"
    box.run("docker rm -f loop")


def test_a_crash_loop_is_told_within_a_minute(make_box: MakeBox) -> None:
    """Each life is too short to be seen at a look; every command that takes the incident knows the unit."""
    own = make_box()
    own.run("setsid runaway-watchdog run >/root/watch.log 2>&1 </dev/null & sleep 35")
    own.write("/etc/systemd/system/bot.service", UNIT)
    own.run("systemctl daemon-reload; systemctl start --no-block bot")

    def told() -> dict[str, Any] | None:
        found = json.loads(own.run("runaway-watchdog incidents --json").stdout)["incidents"]
        return next((each for each in found if "bot" in json.dumps(each)), None)

    number = str(own.wait_for("the incident", told, timeout=75)["id"])
    document = explained(own, "--incident", number)
    assert document["owners"][0]["name"] == "bot.service"
    assert document["last_end"]["exit_code"] == 3
    assert "systemctl stop bot.service" in own.run(f"runaway-watchdog plan --incident {number}").stdout
    for command in ("report --json", "preview", "incidents show"):
        done = own.run(f"runaway-watchdog {command} {number}", check=False)
        assert done.returncode == 0, (command, done.stderr)
    alert = own.read("/root/watch.log")
    assert "Restart loop: bot.service" in alert, alert
    assert "times: cannot read /etc/bot.conf" in " ".join(alert.split())
    own.run("systemctl stop bot")
    own.run(f"docker run -d --name loop --restart always {docker.IMAGE} sh -c 'echo no such database; exit 7'")

    def of_the_container() -> bool:
        return "Restart loop: loop" in own.read("/root/watch.log")

    own.wait_for("the alert about the container", of_the_container, timeout=75)
    alert = " ".join(own.read("/root/watch.log").split())
    assert "it exited with 7" in alert
    assert "times: no such database" in alert
    assert "docker update --restart=no loop" in alert
    assert "docker-" not in alert.partition("Restart loop: loop")[2].partition("Incident")[0], alert
