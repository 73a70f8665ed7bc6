"""What a login that is over left behind: told as that, whatever is between it and its orphan, and ended as a whole."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from e2e.keepers import carry_out, undo
from e2e.rig import foretold
from e2e.rig.box import Box

BURNER = "^python3 -c while True: pass$"
WRAPPED = "sh -c 'python3 -c \"while True: pass\"; :'"
EDITOR = """\
import subprocess, time
for each in ("while True: pass", "import time; time.sleep(9999)"):
    subprocess.Popen(["python3", "-c", each])
time.sleep(9999)
"""
LEFT = {
    "wrapped": WRAPPED,
    "timeout": f"timeout 3000 {WRAPPED}",
    "editor": f"python3 -c {shlex.quote(EDITOR)}",
}


@contextmanager
def left(host: Box, line: str, logins: int = 1) -> Iterator[list[int]]:
    """The PIDs of what burns, once each login that started one of them is over."""
    try:
        for _ in range(logins):
            host.run(["su", "-l", "root", "-c", f"nohup {line} </dev/null >/dev/null 2>&1 &"])
        yield host.wait_for("what burns", lambda: [] if len(found := host.pids(BURNER)) < logins else found)
    finally:
        host.run("pkill -9 -f '[w]hile True: pass'; pkill -9 -f '[t]ime.sleep.9999'", check=False)


def states(host: Box, pids: list[int]) -> set[str]:
    shown = host.run(["ps", "-o", "state=", "-p", ",".join(map(str, pids))], check=False).stdout
    return {each for each in shown.split() if each != "Z"}


@pytest.mark.parametrize(
    "way", ["wrapped", *(pytest.param(each, marks=pytest.mark.truth) for each in ("timeout", "editor"))]
)
def test_the_whole_of_it_is_held_and_ended(host: Box, way: str) -> None:
    """From the orphan down; undone, all of it goes on."""
    with left(host, LEFT[way]) as (pid,):
        host.run(["sleep", "1"])
        orphan = int(
            host.run(f"p={pid}; while [ $(ps -o ppid= -p $p) != 1 ]; do p=$(ps -o ppid= -p $p); done; echo $p").stdout
        )
        tree = [orphan, *map(int, host.run(f"pgrep -P {orphan}").stdout.split()), pid]
        document = foretold.explained(host, pid)
        assert document["owners"][0]["facts"]["over"] is True
        assert "the login that started it is over" in document["left_behind"]["why"]
        steps = document["plan"]["steps"]
        carry_out(host, steps[:1])
        assert states(host, tree) == {"T"}
        undo(host, steps[:1])
        assert "T" not in states(host, tree)
        carry_out(host, steps)
        assert states(host, tree) == set()


def test_copies_of_many_logins_are_one_finding(host: Box) -> None:
    """One plan for all of them, whichever is asked about."""
    with left(host, WRAPPED, logins=4) as pids:
        document = foretold.explained(host, pids[2])
        assert sorted(document["left_behind"]["pids"]) == pids
        steps = document["plan"]["steps"]
        carry_out(host, steps[:1])
        assert states(host, pids) == {"T"}
        carry_out(host, steps[1:])
        assert host.pids(BURNER) == []


def test_a_login_that_goes_on_left_nothing(host: Box) -> None:
    """The near miss: a program waits for what it started there."""
    caller = f"import subprocess; subprocess.run(['su', '-l', 'root', '-c', {WRAPPED!r}])"
    host.run(["sh", "-c", f"setsid -f python3 -c {shlex.quote(caller)} </dev/null >/dev/null 2>&1"])
    try:
        pid = host.wait_for("what burns", lambda: next(iter(host.pids(BURNER)), None))
        document = foretold.explained(host, pid)
        assert document["left_behind"] is None
        assert document["owners"][0]["kind"] == "session"
    finally:
        host.run("pkill -9 -f '[w]hile True: pass'", check=False)


SHOP = """\
import os, socket, sys, time
if os.fork() == 0:
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("0.0.0.0", 3003))
    server.listen()
    time.sleep(9999)
time.sleep(1)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]) or 1)
"""
UNIT = """\
[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/usr/bin/python3 /srv/shop.py
Restart=always
RestartSec=2
KillMode=process
"""


def holder(box: Box) -> int:
    return int(box.run("ss -Hltnp 'sport = 3003' | grep -o 'pid=[0-9]*' | cut -d= -f2").stdout)


def test_an_orphan_that_holds_the_port_of_its_successor(host: Box) -> None:
    """The unit starts, finds its port taken and ends, for ever: its own last life is named, and ended by the plan. The
    unit then runs, and nobody stopped it."""
    host.write("/srv/shop.py", SHOP)
    host.write("/etc/systemd/system/shop.service", UNIT)
    host.run("systemctl daemon-reload; systemctl start shop; sleep 2")
    try:
        orphan = holder(host)
        host.run("kill -9 $(systemctl show -P MainPID shop); sleep 8")
        document = foretold.explained(host, orphan)
        assert any("still listens on 3003, which shop.service needs" in each for each in document["condition"])
        document = foretold.explained(host, "--unit", "shop")
        assert any(
            f"port 3003, which it needs, is held by python3 (PID {orphan})" in each for each in document["condition"]
        )
        first, *rest = document["plan"]["steps"]
        assert all(step["phase"] == "last-resort" for step in rest)
        carry_out(host, [first])
        host.run("sleep 5")
        assert holder(host) != orphan
        restarts = host.run("systemctl show -P NRestarts shop").stdout
        host.run("sleep 5")
        assert host.run("systemctl show -P NRestarts shop").stdout == restarts
        assert foretold.explained(host, "--unit", "shop")["condition"] == []
    finally:
        host.run("systemctl stop shop; pkill -9 -f '[/]srv/shop.py'", check=False)
