"""What a plan says never to run: run all the same, it ends and deletes what was named."""

import json
from typing import Any

import pytest
from e2e.rig import docker, host_lines
from e2e.rig.box import Box, MakeBox

pytestmark = pytest.mark.truth

UNITS = {
    "hot": "/opt/rig/burner 41414",
    "like": "/opt/rig/burner 41415",
    "deaf": "/bin/sh -c 'trap \"\" TERM; exec /opt/rig/burner 41416'",
    "slow": "/opt/rig/slow-burner 41417",
}


@pytest.fixture(scope="module")
def host(make_box: MakeBox) -> Box:
    return make_box()


def nevers(box: Box, selection: str) -> dict[str, dict[str, Any]]:
    told = json.loads(box.run(f"runaway-watchdog plan {selection} --json", check=False).stdout)
    return {each["command"]: each for each in told["plan"]["never"]}


def test_pkill_ends_the_namesakes_that_are_told(host: Box) -> None:
    """Those of other units, of a longer name too; not the one that ignores SIGTERM. The preflight tells the same."""
    host.run("mkdir -p /opt/rig && cp /bin/sleep /opt/rig/burner && cp /bin/sleep /opt/rig/slow-burner")
    for name, line in UNITS.items():
        host.write(f"/etc/systemd/system/{name}.service", f"[Service]\nExecStart={line}\n")
    host.run(f"systemctl daemon-reload && systemctl start {' '.join(UNITS)}")
    pids = {name: int(host.run(f"systemctl show -P MainPID {name}").stdout) for name in UNITS}
    host.wait_for("all of them", lambda: len(host.pids("^/opt/rig/.*burner 4141")) == len(UNITS))
    told = nevers(host, "--unit hot")["pkill burner"]
    ended = {each["name"] for each in told["would_lose"] if each["type"] == "process"}
    assert ended == {f"burner ({pids['like']})", f"slow-burner ({pids['slow']})"}
    assert "2 other processes" in told["why"]
    foretold = {
        each["name"]
        for each in host_lines.preflight(host, "pkill burner")["effects"]
        if (each["type"], each["verb"]) == ("process", "kill")
    }
    assert foretold == ended | {f"burner ({pids['hot']})"}
    host.run("pkill burner")
    host.wait_for("their ends", lambda: host.pids("^/opt/rig/.*burner 4141") == [pids["deaf"]])
    host.run("systemctl kill -s KILL deaf")


def test_the_folder_of_a_container_is_told_with_what_is_in_it(host: Box) -> None:
    """As the preflight tells it; one that holds nothing is not worth a warning."""
    docker.import_image(host)
    host.run("mkdir -p /srv/data /srv/empty && head -c 70000 /dev/zero >/srv/data/orders && touch /srv/data/PG_VERSION")
    mounts = "-v /srv/data:/data -v /srv/empty:/empty -v /srv/data/orders:/orders:ro"
    host.run(f"docker run -d --name=keeper {mounts} {docker.IMAGE} sleep 41418")
    told = nevers(host, "--container keeper")
    assert [line for line in told if line.startswith("rm")] == ["rm -rf /srv/data"]
    (lost,) = told["rm -rf /srv/data"]["would_lose"]
    (foretold,) = host_lines.preflight(host, "rm -rf /srv/data")["effects"]
    for key in ("verb", "type", "name", "data_lost", "size_bytes", "in_use"):
        assert lost[key] == foretold[key], key
    assert lost["used_by"] == ["keeper"]
    assert (lost["size_bytes"], lost["data_lost"]) == (70000, True)
    assert "PostgreSQL's data" in lost["why"]
    host.run("docker rm -f keeper")
