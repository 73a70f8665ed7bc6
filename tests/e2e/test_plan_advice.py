"""What a plan advises for afterwards: its lines are written where it says, and hold from the next start on."""

import json
import re
from typing import Any

import pytest
from e2e.rig import docker
from e2e.rig.box import Box, MakeBox
from e2e.rig.workloads import program

pytestmark = pytest.mark.truth

TABLE = """\
SHELL=/bin/bash
* * * * * root cat >/tmp/given; [[ -s /tmp/given ]] && exec sleep 31313%one%50\\% two
"""


@pytest.fixture(scope="module")
def host(make_box: MakeBox) -> Box:
    return make_box(extras=("keepers",))


def advised(box: Box, selection: str) -> tuple[str, list[str]]:
    """Where the first piece of advice is to be written, and its lines."""
    told = json.loads(box.run(f"runaway-watchdog plan {selection} --json", check=False).stdout)
    first: dict[str, Any] = told["plan"]["afterwards"][0]
    return first["where"], first["lines"]


def niceness(box: Box, pid: int) -> int:
    return int(box.run(["ps", "-o", "ni=", "-p", str(pid)]).stdout)


def test_a_line_of_a_crontab_runs_once_with_less_weight(host: Box) -> None:
    """In its own shell, with the same standard input; while it runs, its next time does not start another one."""
    host.write("/etc/cron.d/advised", TABLE)
    host.run("systemctl start cron")
    pid = host.wait_for("the job", lambda: next(iter(host.pids("^sleep 31313")), None), timeout=75)
    where, (line,) = advised(host, str(pid))
    assert where == "line 2 of /etc/cron.d/advised"
    host.run("kill -9 $(pgrep -f '^sleep 31313'); rm /tmp/given")
    host.write("/etc/cron.d/advised", f"SHELL=/bin/bash\n{line}\n")
    pid = host.wait_for("the new job", lambda: next(iter(host.pids("^sleep 31313")), None), timeout=130)
    assert niceness(host, pid) == 19
    assert host.read("/tmp/given").rstrip("\n") == "one\n50% two"
    host.wait_for("the next minute", lambda: int(host.run(f"ps -o etimes= -p {pid}").stdout) > 65, timeout=90)
    assert host.pids("^sleep 31313") == [pid]
    host.run(f"rm /etc/cron.d/advised; kill -9 {pid}")


def test_a_unit_gets_its_drop_in(host: Box) -> None:
    """It is as quiet as the host allows, and fails for good after a few tries."""
    host.write("/etc/systemd/system/advised.service", "[Service]\nExecStart=/bin/sleep 31314\nRestart=always\n")
    host.run("systemctl daemon-reload && systemctl start advised")
    where, lines = advised(host, "--unit advised")
    path, _, command = where.partition(", then: ")
    host.write(path, "\n".join(lines) + "\n")
    host.run(f"{command} && systemctl restart advised")
    (pid,) = host.pids("^/bin/sleep 31314$")
    quota = [line for line in lines if line.startswith("CPUQuota=")]
    if quota:
        assert "500ms" in host.run("systemctl show -p CPUQuotaPerSecUSec advised").stdout
    else:
        assert niceness(host, pid) == 19

    def killed() -> bool:
        host.run("kill -9 $(pgrep -f '^/bin/sleep 31314$')", check=False)
        return host.run("systemctl is-active advised", check=False).stdout == "failed\n"

    host.wait_for("the end of its restarts", killed, timeout=30)
    assert host.pids("^/bin/sleep 31314$") == []


def test_a_run_script_gets_its_last_line(host: Box) -> None:
    """Of runit; the service is the same program afterwards, with less weight."""
    host.write("/srv/runit/advised/run", "#!/bin/sh\nexec 2>&1\nexec env A=b sleep 31315\n", 0o755)
    host.write("/etc/systemd/system/scan.service", "[Service]\nExecStart=/usr/bin/runsvdir -P /srv/runit\n")
    host.run("systemctl daemon-reload && systemctl start scan")
    pid = host.wait_for("the service", lambda: next(iter(host.pids("^sleep 31315$")), None))
    where, (line,) = advised(host, str(pid))
    assert where == "/srv/runit/advised/run: its last line"
    host.write("/srv/runit/advised/run", f"#!/bin/sh\nexec 2>&1\n{line}\n", 0o755)
    host.run("sv restart /srv/runit/advised")
    (again,) = host.pids("^sleep 31315$")
    assert again != pid
    assert niceness(host, again) == 19
    host.run("systemctl stop scan; sv down /srv/runit/advised", check=False)


def test_a_program_of_supervisord_gets_its_lines(host: Box) -> None:
    """Within its section; supervisord takes them as they are."""
    path = "/etc/supervisor/conf.d/advised.conf"
    host.write(path, "[program:advised]\ncommand=sleep 31316\nautorestart=true\n")
    host.run("systemctl start supervisor; supervisorctl update")
    pid = host.wait_for("the program", lambda: next(iter(host.pids("^sleep 31316$")), None))
    where, lines = advised(host, str(pid))
    assert where.startswith(f"{path}, the section of advised; then: ")
    host.write(path, "\n".join(("[program:advised]", "command=sleep 31316", *lines, "")))
    assert "advised: updated process group" in host.run(where.rpartition("then: ")[2]).stdout
    host.wait_for("the program again", lambda: set(host.pids("^sleep 31316$")) - {pid})
    host.run("systemctl stop supervisor")


def test_a_compose_service_gets_its_lines(host: Box) -> None:
    """Compose takes them, and the engine then counts its restarts; with the profile it stays out of the next `up`."""
    docker.import_image(host)
    service = {"image": docker.IMAGE, "command": program("advised", "sleep", "exit-0"), "restart": "always"}
    docker.compose_up(host, "/srv/shop", json.dumps({"services": {"web": service}}))
    told = json.loads(host.run("runaway-watchdog plan --container shop-web-1 --json", check=False).stdout)
    limits, held = told["plan"]["afterwards"][:2]
    assert limits["where"] == held["where"] == "/srv/shop/docker-compose.yml, under services: web:"
    kept = "\n".join(f"    {key}: {json.dumps(value)}" for key, value in service.items() if key != "restart")

    def rewritten(*lines: str) -> None:
        added = "\n".join(f"    {line}" for line in lines)
        docker.compose_up(host, "/srv/shop", f"services:\n  web:\n{kept}\n{added}\n")

    rewritten(*limits["lines"])
    assert docker.inspect(host, "shop-web-1")["HostConfig"]["RestartPolicy"] == {
        "Name": "on-failure", "MaximumRetryCount": 5,
    }  # fmt: skip
    assert "what exits with 0, as when the host shuts down, then stays down" in limits["what"]
    host.run("systemctl restart docker", timeout=60)
    assert docker.info(host, "shop-web-1").status == "exited"
    host.run("docker rm -f shop-web-1")
    host.write("/srv/shop/docker-compose.yml", f"services:\n  web:\n{kept}\n    {held['lines'][0]}\n")
    host.run("cd /srv/shop && docker compose up -d", check=False)
    assert not re.search("shop-web-1", host.run("docker ps -a").stdout)
