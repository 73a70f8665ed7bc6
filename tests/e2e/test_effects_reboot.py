"""What a reboot ends for good: foretold from the running host, then the host is really restarted."""

import shlex
from collections.abc import Iterator

import pytest
from e2e.rig import docker, workloads
from e2e.rig.box import Box, MakeBox
from e2e.rig.host_lines import names, preflight
from truth.preflight_rows import Row, told

pytestmark = pytest.mark.truth  # two boots

UNITS = {"enabled": True, "disabled": False, "wanted": True}
"""A service's name, and whether it is there again after a boot."""
POLICIES = {"no": False, "always": True, "unless-stopped": True, "on-failure": True}
TEXT = "[Service]\nExecStart=/bin/sleep 100000\n[Install]\nWantedBy=multi-user.target\n"


@pytest.fixture(scope="module")
def box(make_box: MakeBox) -> Iterator[Box]:
    box = make_box()
    for name in UNITS:
        box.write(f"/etc/systemd/system/{name}.service", TEXT)
    box.write("/etc/systemd/system/wants-it.service", "[Unit]\nWants=wanted.service\n" + TEXT)
    box.run("systemctl daemon-reload && systemctl enable --now enabled wants-it && systemctl start disabled wanted")
    box.run("systemd-run --unit=passing /bin/sleep 100000")
    for policy in POLICIES:
        box.run(["docker", "run", "-d", f"--name={policy}", f"--restart={policy}", docker.IMAGE, "sleep", "100000"])
    box.run(f"setsid {shlex.join(workloads.program('orphan', 'sleep'))} </dev/null >/dev/null 2>&1 &")
    yield box


def running(box: Box) -> dict[str, set[str]]:
    """Services, containers, and the one process that nobody keeps."""
    listed = box.run("systemctl list-units --type=service --state=running --no-legend --plain").stdout
    return {
        "unit": {line.split()[0] for line in listed.splitlines()},
        "container": set(box.run("docker ps --format '{{.Names}}'").stdout.split()),
        "process": {"orphan"} if box.pids(" orphan$") else set(),
    }


def test_what_is_said_to_stay_away_stays_away(box: Box, row: Row) -> None:
    """Services that are not started at boot, containers without a policy, processes of nobody: these and no others."""
    document = preflight(box, "reboot")
    (orphan,) = box.pids(" orphan$")
    processes = {"orphan" if str(orphan) in name else name for name in names(document, "process", "kill")}
    foretold = {
        "unit": names(document, "unit", "stop"),
        "container": names(document, "container", "stop"),
        "process": processes,
    }
    before = running(box)
    box.reboot()
    box.wait_for("the containers", lambda: "always" in running(box)["container"])
    box.wait_for("the units", lambda: "enabled.service" in running(box)["unit"])
    after = running(box)
    away = {kind: before[kind] - after[kind] for kind in before}
    row(
        "reboot", {"host": "Debian 12"},
        told(**{f"ends_for_good_{kind}": found for kind, found in foretold.items()}),
        told(**{f"ends_for_good_{kind}": found for kind, found in away.items()}),
    )  # fmt: skip
    assert document["unknown"] == []
    assert names(document, "host", "restart")
    assert away == foretold
    assert {"disabled.service", "passing.service"} <= away["unit"]
    assert away["container"] == {policy for policy, returns in POLICIES.items() if not returns}
