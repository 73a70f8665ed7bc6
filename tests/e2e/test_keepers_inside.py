"""Inside of containers: what nobody reaps, what `docker exec` or an intruder put there, and the shims around them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from e2e.keepers import carry_out, undo
from e2e.rig import docker, foretold
from e2e.rig.box import Box, MakeBox

from runaway_watchdog.owners.common.rooms import AT_START_S

CONFIG = '[sampling]\ninterval = "1s"\n[[rule]]\nname = "hot"\ncpu = 30\nfor = "4s"\n'
BURNER = "^yes$"
STRAY = "^/bin/busybox yes$"


@pytest.fixture(scope="module")
def box(make_box: MakeBox) -> Box:
    """With the watch as the installed, confined service, and a container whose PID 1 reaps nothing."""
    found = make_box()
    found.write("/etc/runaway-watchdog/config.toml", CONFIG, 0o600)
    found.run("runaway-watchdog install", timeout=120)
    found.run(f"docker run -d --name zz --restart always {docker.IMAGE} sleep 99999")
    return found


@contextmanager
def running(box: Box, *options: str) -> Iterator[str]:
    """A container of that many options more, with a shell that goes on."""
    try:
        box.run(["docker", "run", "-d", "--name", "c1", *options, docker.IMAGE, "sleep", "1000000"])
        yield "c1"
    finally:
        box.run(["docker", "rm", "-f", "c1"], check=False)


def shim_of(box: Box, container: str) -> int:
    return int(box.run(["ps", "-o", "ppid=", "-p", str(docker.info(box, container).pid)]).stdout)


def put_there(box: Box, container: str) -> int:
    """Something that burns, whose starter is gone: what is left of an `exec`, or of an intruder."""
    known = set(box.pids(STRAY))
    box.run(["docker", "exec", "-d", container, "sh", "-c", "(/bin/busybox yes >/dev/null &)"])
    return box.wait_for("the stray", lambda: next(iter(set(box.pids(STRAY)) - known), None))


def judged(box: Box, line: str, pid: int | None = None) -> dict[str, Any]:
    about = [] if pid is None else ["--for", str(pid)]
    found: dict[str, Any] = json.loads(
        box.run(["runaway-watchdog", "preflight", line, *about, "--json"], check=False).stdout
    )
    return found


def test_a_zombie_leads_to_who_took_its_place(box: Box) -> None:
    """The old PID is still in /proc, since its PID 1 asks for no exit code: the watch knows the rest."""
    old = put_there(box, "zz")
    box.wait_for("an incident", lambda: recorded(box, old), timeout=60)
    box.run(["kill", "-9", str(old)])
    new = put_there(box, "zz")
    assert box.run(["ps", "-o", "state=", "-p", str(old)]).stdout.strip() == "Z"

    def told() -> dict[str, Any] | None:
        document: dict[str, Any] = json.loads(box.run(f"runaway-watchdog explain {old} --json", check=False).stdout)
        return document if document["process"]["pid"] == new else None

    document = box.wait_for("the story of the old one", told, timeout=30)
    death = document["history"]["deaths"][0]
    assert (document["asked_pid"], death["pid"], death["successor_pid"]) == (old, old, new)
    assert (
        json.loads(box.run("runaway-watchdog explain --name '^/bin/busybox yes$' --json").stdout)["process"]["pid"]
        == new
    )
    box.run(["kill", "-9", str(new)])


@pytest.mark.parametrize(
    ("options", "returns"),
    [((), False), pytest.param(("--restart", "unless-stopped"), True, marks=pytest.mark.truth)],
)
def test_the_end_of_a_shim_is_the_end_of_its_container(box: Box, options: tuple[str, ...], returns: bool) -> None:
    """Whose it is, is told; then the policy decides, as foretold."""
    with running(box, *options) as name:
        before, shim = docker.info(box, name), shim_of(box, name)
        document = foretold.explained(box, shim)
        assert (document["owners"][0]["kind"], document["owners"][0]["name"]) == ("docker-container", name)
        fate = foretold.fate_of(document, "sigkill")
        assert (fate["ends"], fate["returns"]) == (True, returns), fate
        assert "shim of container c1" in fate["why"]
        effects = judged(box, f"kill -9 {shim}")["effects"]
        assert ("container", name, "restart" if returns else "stop") in [
            (each["type"], each["name"], each["verb"]) for each in effects
        ]
        box.run(["kill", "-9", str(shim)])
        box.run(["sleep", "5"])
        after = docker.info(box, name)
        assert after.pid != before.pid
        assert (after.status == "running") is returns


@pytest.mark.truth
def test_sigterm_to_a_shim_does_as_foretold(box: Box) -> None:
    """It handles the signal, so whether it ends is not known; its container ends with it, and only then."""
    with running(box) as name:
        before, shim = docker.info(box, name), shim_of(box, name)
        fate = foretold.fate_of(foretold.explained(box, shim), "sigterm")
        assert (fate["returns"], fate["certainty"]) == (None, "unknown"), fate
        assert "it handles SIGTERM" in fate["why"]
        assert "killed when the shim ends" in fate["why"]
        box.run(["kill", str(shim)])
        box.run(["sleep", "5"])
        gone = box.run(["test", "-e", f"/proc/{shim}"], check=False).returncode != 0
        after = docker.info(box, name)
        assert (after.status, after.pid) == (("exited", 0) if gone else ("running", before.pid))


def test_the_plan_for_a_shim_is_its_containers(box: Box) -> None:
    """Carried out and undone."""
    with running(box, "--restart", "always") as name:
        steps = foretold.explained(box, shim_of(box, name))["plan"]["steps"]
        carry_out(box, steps)
        assert docker.info(box, name).status == "exited"
        undo(box, steps)
        assert (docker.info(box, name).status, docker.info(box, name).policy) == ("running", "always")


@pytest.mark.parametrize("line", ["docker restart zz", "docker stop -t 1 zz && docker start zz"])
def test_a_restart_does_not_bring_back_what_somebody_put_there(box: Box, line: str) -> None:
    """The container's own main process alone comes back with it."""
    box.run(["sleep", str(AT_START_S + 2)])  # what is put there sooner may be of its start
    pid, main = put_there(box, "zz"), docker.info(box, "zz").pid
    told = judged(box, line, pid)["helps"]
    assert (told["ends"], told["returns"]) == (True, False), told
    assert judged(box, line, main)["helps"]["returns"] is True
    assert foretold.fate_of(foretold.explained(box, pid), "owner-daemon-restart")["returns"] is False
    box.run(line, timeout=90)
    box.run(["sleep", "2"])
    assert box.pids(STRAY) == []
    assert docker.info(box, "zz").pid not in (0, main)


@pytest.mark.truth
def test_a_restart_brings_back_what_the_main_program_starts(box: Box) -> None:
    """At its start, in the background."""
    try:
        text = "sleep 71717 & exec sleep 999"
        box.run(["docker", "run", "-d", "--name", "two", docker.IMAGE, "sh", "-c", text])
        pid = box.wait_for("the second", lambda: next(iter(box.pids("^sleep 71717$")), None))
        told = judged(box, "docker restart -t 1 two", pid)["helps"]
        assert (told["ends"], told["returns"]) == (True, True), told
        box.run("docker restart -t 1 two", timeout=60)
        assert box.wait_for("the next", lambda: set(box.pids("^sleep 71717$")) - {pid})
    finally:
        box.run("docker rm -f two", check=False)


HOSTS_PYTHON = [word for folder in ("/usr", "/lib", "/lib64") for word in ("-v", f"{folder}:{folder}:ro")]
SUITES = {"s6": "s6-svscan /sv", "runit": "runsvdir -P /sv", "daemontools": "svscan /sv"}


@pytest.mark.parametrize(
    "suite", ["runit", *(pytest.param(each, marks=pytest.mark.truth) for each in ("s6", "daemontools"))]
)
def test_a_service_in_a_container_is_stopped_alone(box: Box, make_box: MakeBox, suite: str) -> None:
    """By its suite's own program in there: its neighbour, and the container, go on."""
    if suite != "runit":
        box = make_box(extras=("keepers",))
        docker.import_image(box)
    for name, line in {"hot": "while :; do :; done", "web": "exec sleep 52525"}.items():
        box.write(f"/srv/{suite}/{name}/run", f"#!/bin/sh\n{line}\n", 0o755)
    words = ["docker", "run", "-d", "--name", suite, "--restart", "always", *HOSTS_PYTHON, "-e", "PATH=/usr/bin:/bin"]
    try:
        box.run([*words, "-v", f"/srv/{suite}:/sv", docker.IMAGE, *SUITES[suite].split()])
        pid = box.wait_for("the service", lambda: next(iter(box.pids("^/bin/sh ./run")), None))
        (web,), before = box.pids("^sleep 52525$"), docker.info(box, suite)
        document = foretold.explained(box, pid)
        assert document["owners"][0]["kind"] == f"{suite}-service"
        carry_out(box, document["plan"]["steps"])
        box.run(["sleep", "3"])
        assert (box.pids("^/bin/sh ./run"), box.pids("^sleep 52525$")) == ([], [web])
        assert docker.info(box, suite) == before
        undo(box, document["plan"]["steps"])
        assert box.wait_for("the service again", lambda: box.pids("^/bin/sh ./run"))
    finally:
        box.run(["docker", "rm", "-f", suite], check=False)


APP = (
    "import subprocess, time\nwhile True:\n    subprocess.run(['yes'], stdout=subprocess.DEVNULL)\n    time.sleep(3)\n"
)
RESPAWNERS: dict[str, list[str]] = {
    "main": ["docker", "run", "-d", "--name", "c2", *HOSTS_PYTHON, "-e", "PATH=/usr/bin", docker.IMAGE],
    "exec": ["docker", "exec", "-d", "c3"],
    "host": ["setsid", "-f"],
}
RESPAWNERS["between"] = RESPAWNERS["main"]
BETWEEN = APP.replace("['yes']", "['timeout', '600', 'yes']")


@pytest.mark.parametrize(
    "way",
    [
        pytest.param("main", id="main"),
        *(pytest.param(each, marks=pytest.mark.truth) for each in RESPAWNERS if each != "main"),
    ],
)
def test_a_parent_that_starts_it_again_is_named_and_held(box: Box, way: str) -> None:
    """Once the watch has seen it do so, also through a `timeout`; the plan holds both, and is undone."""
    try:
        if way == "exec":
            box.run(
                [
                    "docker",
                    "run",
                    "-d",
                    "--name",
                    "c3",
                    *HOSTS_PYTHON,
                    "-e",
                    "PATH=/usr/bin:/bin",
                    docker.IMAGE,
                    "sleep",
                    "9999",
                ]
            )
        box.run(
            shlex.join([*RESPAWNERS[way], "/usr/bin/python3", "-c", BETWEEN if way == "between" else APP])
            + " </dev/null >/dev/null 2>&1"
        )
        pid = box.wait_for("the child", lambda: next(iter(box.pids(BURNER)), None))
        box.wait_for("a record", lambda: recorded(box, pid), timeout=60)
        box.run(["kill", "-9", str(pid)])
        new = box.wait_for("the next child", lambda: next(iter(set(box.pids(BURNER)) - {pid}), None))

        def named() -> dict[str, Any] | None:
            document: dict[str, Any] = json.loads(box.run(f"runaway-watchdog explain {new} --json", check=False).stdout)
            return document if document["owners"][0]["kind"] == "respawner" else None

        document = box.wait_for("the parent's name", named, timeout=30)
        fate = foretold.fate_of(document, "sigkill")
        assert (fate["returns"], "python3" in fate["by"], fate["after_s"] > 2) == (True, True, True), fate
        steps = document["plan"]["steps"]
        carry_out(box, steps)
        box.run(["sleep", "8"])
        assert not burns(box)
        undo(box, steps)
        box.wait_for("it burns again", lambda: burns(box), timeout=20)
    finally:
        box.run("docker rm -f c2 c3; pkill -9 -f '[s]ubprocess.run'; pkill -9 -x yes", check=False)


def recorded(box: Box, pid: int) -> bool:
    """Whether the watch holds the process for a runaway."""
    listed = json.loads(box.run("runaway-watchdog incidents --json").stdout)["incidents"]
    return any(each["state"] != "resolved" and pid in each["pids"] for each in listed)


def burns(box: Box) -> bool:
    ticks = "t=0; for p in $(pgrep -x yes); do set -- $(cat /proc/$p/stat); t=$((t + ${14} + ${15})); done; echo $t"
    before = box.run(ticks).stdout
    box.run(["sleep", "1"])
    return box.run(ticks).stdout != before


EXECS = {
    "unit": "systemctl daemon-reload; systemctl start into",
    "loop": "setsid /root/into.sh >/dev/null 2>&1 </dev/null &",
    "cron": "cp /root/into.cron /etc/cron.d/into",
}


@pytest.mark.parametrize("way", ["unit", *(pytest.param(each, marks=pytest.mark.truth) for each in ("loop", "cron"))])
def test_who_of_the_host_puts_it_into_a_container(box: Box, way: str) -> None:
    """`docker exec` by a unit, a loop or a line of cron: named, and held before the process is ended; the container
    itself goes on."""
    pattern = "^sleep 71718$"
    box.run(f"docker run -d --name web {docker.IMAGE} sleep 99999; systemctl start cron")
    line = "/usr/bin/docker exec web sleep 71718"
    box.write("/etc/systemd/system/into.service", f"[Service]\nExecStart={line}\nRestart=always\nRestartSec=1\n")
    unless = "sh -c 'pgrep -f 7171[8] || sleep 71718'"
    box.write("/root/into.cron", f"* * * * * root docker exec -d web {unless}\n")
    box.write("/root/into.sh", f"#!/bin/sh\nwhile :; do timeout 600 {line}; sleep 1; done\n", 0o755)
    try:
        box.run(EXECS[way])
        (pid, *_) = box.wait_for("it", lambda: box.pids(pattern), 75)
        document = foretold.explained(box, pid)
        fate = foretold.fate_of(document, "sigkill")
        assert fate["returns"] is True, fate
        assert {"unit": "into.service", "loop": "into.sh", "cron": "line 1 of /etc/cron.d/into"}[way] in fate["by"]
        assert foretold.fate_of(document, "owner-stop")["returns"] is False
        box.run(["kill", "-9", str(pid)])
        (again, *_) = box.wait_for("it again", lambda: box.pids(pattern), 75)
        steps = foretold.explained(box, again)["plan"]["steps"]
        carry_out(box, steps)
        box.run(["sleep", "65" if way == "cron" else "5"], timeout=80)
        assert box.pids(pattern) == []
        assert docker.info(box, "web").status == "running"
        undo(box, steps)
        assert box.wait_for("it once more", lambda: box.pids(pattern), 75)
    finally:
        box.run("systemctl stop into; rm -f /etc/cron.d/into /etc/systemd/system/into.service", check=False)
        box.run("pkill -9 -f '[i]nto.sh'; docker rm -f web", check=False)
