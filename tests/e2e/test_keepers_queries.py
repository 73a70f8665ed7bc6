"""A query or a script that burns in a database server: it alone ends, and every other session goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from e2e.rig import docker, foretold, plans
from e2e.rig.box import Box, MakeBox

PORT = 6379


class Server(NamedTuple):
    """A database, what burns in it, and the line that an ordinary client is answered."""

    unit: str
    process: str
    burn: str
    another: str  # a session that must live on
    question: str
    answer: str
    alive: str  # prints 1 while the other session lives


MARIADB = Server(
    "mariadb",
    "mariadbd",
    "mariadb -e \"select benchmark(1e12, md5('x'))\"",
    'mariadb -e "select sleep(500)"',
    'mariadb -N -e "select 1 + 1"',
    "2",
    "mariadb -N -e \"select count(*) from information_schema.processlist where info like 'select sleep%'\"",
)
REDIS = Server(
    "redis-server",
    "redis-server",
    "redis-cli eval 'while true do end' 0",
    "redis-cli client setname other && redis-cli blpop nothing 500",
    "redis-cli ping",
    "PONG",
    "redis-cli client list | grep -c cmd=blpop",
)


@pytest.fixture(scope="module")
def box(make_box: MakeBox) -> Box:
    return make_box(extras=("databases",), docker_up=False)


@contextmanager
def burning(box: Box, server: Server) -> Iterator[int]:
    box.run(["systemctl", "start", server.unit])
    try:
        for line in (server.another, server.burn):
            box.run(f"setsid sh -c {_quoted(line)} >/dev/null 2>&1 </dev/null & sleep 1")
        yield int(box.run(["pgrep", "-x", server.process]).stdout.split()[0])
    finally:
        box.run(["systemctl", "kill", "-s", "KILL", server.unit], check=False)
        box.run(["systemctl", "stop", server.unit], check=False)


def _quoted(line: str) -> str:
    return "'" + line.replace("'", "'\\''") + "'"


def used(box: Box, pid: int) -> int:
    """Ticks of CPU in one second."""
    look = f"sed 's/(.*)/x/' /proc/{pid}/stat | cut -d' ' -f14"
    first, second = box.run(f"{look}; sleep 1; {look}").stdout.split()
    return int(second) - int(first)


def ordinary(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for step in document["plan"]["steps"] if step["phase"] != "last-resort"]


@pytest.mark.parametrize("server", [MARIADB, REDIS], ids=lambda server: server.unit)
def test_only_the_query_ends(box: Box, server: Server) -> None:
    """The same server, the same other session, and an answer for whoever asks."""
    with burning(box, server) as pid:
        box.wait_for("it burns", lambda: used(box, pid) > 10)
        document = foretold.explained(box, pid)
        steps = ordinary(document)
        assert [step["phase"] for step in steps] == ["look", "relieve", "hold"], steps
        assert any("systemctl stop" in step["command"] for step in document["plan"]["steps"])
        plans.carry_out(box, steps)
        assert used(box, pid) < 10
        assert box.run(server.question).stdout.strip() == server.answer
        assert box.run(server.alive).stdout.strip() == "1"


@pytest.mark.truth
def test_a_script_that_has_written_is_not_ended(box: Box) -> None:
    """Redis refuses; the step fails, and nothing after it is done."""
    burn = "redis-cli eval 'redis.call(\"set\", KEYS[1], 1) while true do end' 1 kept"
    with burning(box, REDIS._replace(burn=burn)) as pid:
        box.wait_for("it burns", lambda: used(box, pid) > 10)
        box.run(f"runaway-watchdog plan {pid} --script > /root/plan.sh")
        done = box.run("sh /root/plan.sh", check=False)
        assert done.returncode == 1
        assert "UNKILLABLE" in done.stdout + done.stderr
        assert used(box, pid) > 10


@pytest.mark.truth
@pytest.mark.parametrize("server", [MARIADB, REDIS], ids=lambda server: server.unit)
def test_a_server_at_work_is_not_held_for_one(box: Box, server: Server) -> None:
    """The near miss: many small commands of a program. No script is ended that is none."""
    small = {
        "redis-server": "while :; do redis-benchmark -q -n 20000 -t set >/dev/null; done",
        "mariadb": "while :; do mariadb -e 'select 1'; done",
    }
    with burning(box, server._replace(burn=small[server.unit])) as pid:
        box.run("sleep 2")
        steps = foretold.explained(box, pid)["plan"]["steps"]
        assert not any("SCRIPT KILL" in step["command"] for step in steps)
        assert box.run(server.alive).stdout.strip() == "1"
    box.run(["pkill", "-f", "redis-benchmark -q|mariadb -e"], check=False)


def test_of_two_servers_only_the_one_that_burns_is_told(box: Box) -> None:
    """A second one on a port of its own; the script of the first goes on."""
    another = REDIS._replace(unit="second", burn="redis-cli -p 7000 eval 'while true do end' 0", another="true")
    with burning(box, REDIS) as first:
        box.run("systemd-run --unit second -p Type=notify redis-server --port 7000 --supervised systemd --save ''")
        with burning(box, another):
            pid = int(box.run(["systemctl", "show", "-P", "MainPID", "second"]).stdout)
            box.wait_for("it burns", lambda: used(box, pid) > 10)
            document = foretold.explained(box, pid)
            assert all("-p 7000" in step["command"] for step in document["plan"]["steps"] if step["phase"] == "save")
            plans.carry_out(box, ordinary(document))
            assert used(box, pid) < 10
            assert box.run("redis-cli -p 7000 ping").stdout.strip() == "PONG"
            assert used(box, first) > 10


NAMED_ALIKE = """\
import ctypes, sys, threading
ctypes.CDLL(None).prctl(15, sys.argv[1].encode(), 0, 0, 0)
def burn():
    while True:
        pass
threading.Thread(target=burn).start()
"""


@pytest.mark.parametrize("server", [REDIS, MARIADB], ids=lambda server: server.process)
def test_who_only_calls_itself_so_ends_nothing_of_the_real_one(box: Box, server: Server) -> None:
    """A user's process by that name burns beside a server that is at work for its own clients."""
    box.write("/tmp/alike.py", NAMED_ALIKE)
    with burning(box, server) as real:
        words = f"python3 /tmp/alike.py {server.process} 127.0.0.1:{PORT}"
        box.run(f"setsid setpriv --reuid 65534 --clear-groups {words} >/dev/null 2>&1 </dev/null & sleep 1")
        pid = next(each for each in map(int, box.run(["pgrep", "-x", server.process]).stdout.split()) if each != real)
        try:
            steps = foretold.explained(box, pid)["plan"]["steps"]
            assert not any(step["phase"] == "save" or "SCRIPT" in step["command"] for step in steps)
            for step in steps:
                box.run(step["command"], check=False)
            assert box.run(["test", "-e", f"/proc/{pid}"], check=False).returncode != 0
            assert used(box, real) > 10
        finally:
            box.run(["kill", "-9", str(pid)], check=False)


@pytest.mark.truth
def test_a_script_in_a_container_is_ended_in_there(make_box: MakeBox) -> None:
    """By the client of its own image."""
    own = make_box(extras=("databases",), image=False)
    docker.import_programs(own, "cache", ["/usr/bin/redis-server", "/usr/bin/redis-cli", "/bin/sh"])
    own.run("docker run -d --name cache --restart always cache redis-server --save ''")
    own.wait_for("it answers", lambda: "PONG" in own.run("docker exec cache redis-cli ping", check=False).stdout)
    own.run("setsid docker exec cache redis-cli eval 'while true do end' 0 >/dev/null 2>&1 </dev/null &")
    pid = int(own.run(["docker", "inspect", "-f", "{{.State.Pid}}", "cache"]).stdout)
    own.wait_for("it burns", lambda: used(own, pid) > 10)
    own.run("sleep 5")
    steps = ordinary(foretold.explained(own, pid))
    assert all("exec cache sh -c" in step["command"] for step in steps if step["phase"] != "relieve")
    plans.carry_out(own, steps)
    assert used(own, pid) < 10
    assert own.run(["docker", "inspect", "-f", "{{.State.Pid}}", "cache"]).stdout.strip() == str(pid)
