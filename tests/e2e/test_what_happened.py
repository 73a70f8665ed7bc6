"""What a process does and what was changed before, on a host where that was really done a moment ago."""

import json
from typing import Any

import pytest
from e2e.rig import docker
from e2e.rig.box import Box, MakeBox
from e2e.rig.workloads import program

CONFIG = '[sampling]\ninterval = "1s"\n[[rule]]\nname = "hot"\ncpu = 30\nfor = "4s"\n'
UNIT = "[Service]\nExecStart=/bin/sh -c 'while :; do :; done'\n"
PROJECT = {"services": {"worker": {"image": docker.IMAGE, "command": program("happened", "spin", "exit-0")}}}


@pytest.fixture(scope="module")
def host(make_box: MakeBox) -> Box:
    """With the watch as the installed, confined service."""
    box = make_box()
    box.write("/etc/runaway-watchdog/config.toml", CONFIG, 0o600)
    box.run("runaway-watchdog install", timeout=120)
    return box


def explained(box: Box, selection: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(box.run(f"runaway-watchdog explain {selection} --json", check=False).stdout)
    return told


def test_a_container_that_was_just_created_is_told_with_its_image_and_its_file(host: Box) -> None:
    """Each with its date as the host keeps it, and what it does: it spins."""
    docker.compose_up(host, "/srv/ocr", json.dumps(PROJECT))
    told = explained(host, "--container ocr-worker-1")
    changes = {each["kind"]: each["told"] for each in told["changed"]}
    assert changes["container"] == "container ocr-worker-1 was created"
    assert changes["compose-file"].startswith("/srv/ocr/")
    assert docker.IMAGE in changes["image"]
    screen = host.run("runaway-watchdog explain --container ocr-worker-1", check=False).stdout
    assert len(screen.splitlines()) <= 38, screen
    shown = " ".join(screen.split())
    for words in (*changes.values(), "ocr/worker: Compose service", "container ocr-worker-1", "compose file /srv/ocr/"):
        assert words in shown, screen

    def spins() -> bool:
        doing = explained(host, "--container ocr-worker-1")["process"]["doing"]
        return bool(doing["kind"] == "spinning" and doing["io_calls"] == 0)

    host.wait_for("a look without the kernel's own share in it", spins, timeout=60)
    host.run("docker rm -f ocr-worker-1")


def test_an_upgrade_and_an_edited_unit_are_told_where_the_alert_is_written(host: Box) -> None:
    """The confined service sees as much as root in a shell; what is an hour old is not told any more."""
    host.write("/etc/systemd/system/burner.service", UNIT)
    host.run("date '+%F %T upgrade libburn4:amd64 1.5.4-1 1.5.4-2' >>/var/log/dpkg.log")
    host.run("systemctl daemon-reload && systemctl start burner")

    def incident() -> dict[str, Any] | None:
        listed = json.loads(host.run("runaway-watchdog incidents --json").stdout)["incidents"]
        ours = [each for each in listed if any(owner["name"] == "burner.service" for owner in each["owners"])]
        return ours[0] if ours else None

    number = host.wait_for("the incident of burner.service", incident, timeout=90)["id"]
    case = json.loads(host.run(f"runaway-watchdog incidents show {number} --json").stdout)["case"]
    told = {(each["kind"], each["told"]) for each in case["changed"]}
    assert ("unit", "/etc/systemd/system/burner.service was edited") in told
    assert ("packages", "1 package was upgraded") in told
    doing = case["process"]["doing"]
    # where others want the CPU too, a share that small may not be enough for a word
    assert doing["kind"] in ("spinning", "computing", "unknown"), doing
    assert (doing["io_calls"], doing["user_percent"] > 0) == (0, True), doing
    page = " ".join(host.run(f"runaway-watchdog incidents show {number}").stdout.split())
    assert "burner.service was edited" in page
