"""The watch on a real host: who burns through children that nobody sees, spinners on a full host, limits, loops.

The machine may be busy with other things: CPU is compared with CPU, and never with the time that has passed.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from e2e.rig import docker
from e2e.rig.box import Box, MakeBox
from e2e.rig.workloads import program

pytestmark = pytest.mark.truth

PYTHON = "/opt/runaway-watchdog/bin/python"
INSIDE = "/opt/rig/watch_inside.py"
NEXT_MINUTE_S = 80
LOOKS_S = 60
CONFIG = """\
[sampling]
interval = "1s"
[[rule]]
cpu = 90
for = "15s"
[[rule]]
name = "restart-loop"
kind = "restarts"
times = 2
for = "5m"
"""


@pytest.fixture(scope="module")
def host(make_box: MakeBox) -> Iterator[Box]:
    box = make_box()
    box.write(INSIDE, Path(__file__).with_name("watch_inside.py").read_text())
    yield box
    print(box.run("journalctl -u runaway-watchdog --no-pager -n 60", check=False).stdout)


def loop(box: Box, life_ms: int, name: str) -> list[str]:
    """A shell that runs one short program after the other; each counts for about `life_ms` of CPU."""
    count = "i=0; while [ $i -lt {} ]; do i=$((i+1)); done"
    timed = box.run(["bash", "-c", f"time busybox sh -c {shlex.quote(count.format(200_000))}"], check=False).stderr
    user_s = next(float(line.split("m")[-1].rstrip("s")) for line in timed.splitlines() if line.startswith("user"))
    child = shlex.quote(count.format(max(500, int(200_000 * life_ms / 1000 / user_s))))
    return ["/bin/busybox", "sh", "-c", f"while :; do busybox sh -c {child}; done", name]


def unit(box: Box, name: str, argv: list[str], *lines: str) -> None:
    command = " ".join(json.dumps(word.replace("$", "$$")) for word in argv)
    text = "\n".join(["[Service]", f"ExecStart={command}", *lines, ""])
    box.write(f"/etc/systemd/system/{name}.service", text)
    box.run(f"systemctl daemon-reload && systemctl start {name}")


def group_of(box: Box, name: str) -> str:
    """The cgroup of the shell whose last word is `name`."""
    pid = box.wait_for(f"{name} runs", lambda: next(iter(box.pids(f" {name}$")), None), timeout=NEXT_MINUTE_S)
    lines = box.read(f"/proc/{pid}/cgroup").splitlines()
    return next(line for line in lines if line.startswith("0::"))[3:]


@pytest.fixture(params=[20, 200, 1500], ids=lambda life: f"{life}ms")
def life(request: pytest.FixtureRequest) -> int:
    """How much CPU each short program uses, in milliseconds."""
    found: int = request.param
    return found


@pytest.fixture
def owners(life: int, host: Box) -> Iterator[dict[str, str]]:
    """One loop under each keeper, all at once, and the cgroup of each."""
    unit(host, "loop-unit", loop(host, life, "loop-unit"))
    host.run(["docker", "run", "-d", "--name=loop-box", docker.IMAGE, *loop(host, life, "loop-box")])
    script = f"#!/bin/sh\nexec flock -n /run/loop {shlex.join(loop(host, life, 'loop-cron'))}\n"
    host.write("/usr/local/bin/loop-cron.sh", script, 0o755)
    host.write("/etc/cron.d/loop", "* * * * * root /usr/local/bin/loop-cron.sh\n")
    host.run("systemctl start cron")
    session = f"setsid {shlex.join(loop(host, life, 'loop-session'))} </dev/null >/dev/null 2>&1 &"
    host.run(["su", "-l", "root", "-c", session])
    names = ("loop-unit", "loop-box", "loop-cron", "loop-session")
    yield {name: group_of(host, name) for name in names}
    host.run("rm -f /etc/cron.d/loop; docker rm -f -v loop-box; systemctl stop loop-unit cron", check=False)
    for name in names:
        host.run(["pkill", "-KILL", "-f", f" {name}$"], check=False)


def test_cpu_of_short_lives_goes_to_the_right_owner(host: Box, life: int, owners: dict[str, str]) -> None:
    """At least 97 % of what the kernel charged to unit, container, cron and session; all of them share few CPUs.

    Cron's unit holds all jobs, and a session all that was started in it: there, as much goes to processes of this very
    loop; to the shell that starts and buries them, where they live for less than the time between two looks.
    """
    done = host.run([PYTHON, INSIDE, str(LOOKS_S), "1", *owners.values()], timeout=2 * LOOKS_S + 120)
    found: dict[str, Any] = json.loads(done.stdout)
    print(json.dumps(found, indent=1))
    for name, group in owners.items():
        told = found["owners"][group]
        assert told["truth_s"] > 1, f"{name} hardly ran"
        assert 0.97 <= told["seen_s"] / told["truth_s"] <= 1.03, name
    for name in ("loop-cron", "loop-session"):
        told = found["owners"][owners[name]]
        of_nobody = told["nobody_s"] / told["truth_s"]
        assert of_nobody <= 0.03, f"{name}: {of_nobody:.0%} goes to nobody"
        by_shell = sum(used for line, used in told["named_s"].items() if line.endswith(f" {name}")) / told["truth_s"]
        lasts_s = life / 1000 * LOOKS_S / told["truth_s"]  # a program of 200 ms has taken 4 s on a crowded machine
        if lasts_s < 0.7:
            assert by_shell >= 0.97, f"{name}: its shell is named for {by_shell:.0%}"


def listed(box: Box) -> list[dict[str, Any]]:
    done = box.run("runaway-watchdog incidents --json")
    incidents: list[dict[str, Any]] = json.loads(done.stdout)["incidents"]
    return incidents


@pytest.fixture
def watched(host: Box) -> Iterator[Box]:
    """The host with the service installed."""
    host.write("/etc/runaway-watchdog/config.toml", CONFIG, 0o600)
    host.run("runaway-watchdog install", timeout=120)
    yield host
    host.run("systemctl stop runaway-watchdog")


def test_every_spinner_on_a_full_host_is_found(watched: Box) -> None:
    """Twice as many as there are CPUs, a unit each: nobody gets a core, and all of them wanted one."""
    names = [f"spin-{number}" for number in range(2 * (os.cpu_count() or 1))]
    for name in names:
        unit(watched, name, program(name))
    watched.wait_for("an incident for each", partial(all_are_told, watched, names), timeout=150)
    watched.run(["systemctl", "stop", *names])


def all_are_told(box: Box, names: list[str]) -> bool:
    told = json.dumps(listed(box))
    return all(f'"{name}.service"' in told for name in names)


def test_a_spinner_at_its_own_limit_is_found(make_box: MakeBox) -> None:
    """A fifth of a core is all that its container may use. (cgroup v1: a box has no CPU controller on v2.)"""
    box = make_box("v1")
    box.write("/etc/runaway-watchdog/config.toml", CONFIG, 0o600)
    box.run("runaway-watchdog install", timeout=120)
    box.run(["docker", "run", "-d", "--name=small", "--cpus=0.2", docker.IMAGE, *program("small")])
    incident = box.wait_for("an incident", partial(told_of, box, "small"), timeout=150)
    assert incident["cpu"]["percent"] < 30
    log = box.run("journalctl -u runaway-watchdog --no-pager -g event=runaway").stdout
    assert "all that its limit of 20 % allows, where it is throttled" in log


def told_of(box: Box, name: str) -> dict[str, Any] | None:
    return next((each for each in listed(box) if name in json.dumps(each)), None)


def test_a_restart_loop_of_lives_that_nobody_sees_is_found(watched: Box) -> None:
    """Each ends at once, and systemd starts it again after half a second: no sampler ever meets one of them hot."""
    unit(watched, "flap", ["/bin/sleep", "0.3"], "Restart=always", "RestartSec=500ms", "[Unit]\nStartLimitBurst=0")
    incident = watched.wait_for("an incident", partial(told_of, watched, "flap"), timeout=200)
    assert incident["rule"] == "restart-loop"
    watched.run("systemctl stop flap")
