"""monit and circus, which look from time to time, and an init that reads inittab: really tried."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from e2e.keepers import Action, Expected, OnTerm, check, check_reboot, program, script, workload
from e2e.keepers_plans import holds_over_a_restart
from e2e.rig import docker
from e2e.rig.box import Box, MakeBox
from e2e.rig.workloads import Workload

CYCLE_S = 2
WATCH_S = 2 * CYCLE_S + 3


# --- monit -------------------------------------------------------------------------------------------------------


def control(box: Box, name: str, lines: str = "", on_term: OnTerm = "default") -> Workload:
    """A process that monit starts and watches."""
    path = script(box, name, on_term)
    box.write(f"/opt/rig/{name}.start", f"#!/bin/sh\n{path} & echo $! >/run/{name}.pid\n", 0o755)
    text = f"""\
set daemon {CYCLE_S}
set httpd port 2812 and use address localhost allow localhost
check process {name} with pidfile "/run/{name}.pid"
  start program = "/opt/rig/{name}.start"
  stop program = "/bin/sh -c 'kill $(cat /run/{name}.pid)'"
  {lines}
"""
    box.write("/etc/monit/conf.d/rig", text)
    box.run("systemctl restart monit")
    if lines:  # it may be told not to start what is not there
        box.run(f"sleep 1; monit start {name}")
    return workload(
        box, name, "monit", "/monit.service", stop=f"monit stop {name}; sleep 1", restart="systemctl restart monit"
    )


@contextmanager
def watched(box: Box, name: str, lines: str = "", on_term: OnTerm = "default") -> Iterator[Workload]:
    try:
        work = control(box, name, lines, on_term)
        box.run(["sleep", str(CYCLE_S + 1)])
        yield work
    finally:
        box.run("systemctl stop monit; rm -f /etc/monit/conf.d/rig /var/lib/monit/state", check=False)
        box.run(["pkill", "-9", "-f", "--", f" {name}$"], check=False)


MONIT: list[tuple[str, Action]] = [
    ("", "sigkill"),
    ("", "sigterm"),
    ("", "clean-exit"),
    ("if does not exist then alert", "sigkill"),
    ("mode passive", "sigkill"),
    ("", "owner-stop"),
    ("", "owner-daemon-restart"),
]


@pytest.mark.truth
@pytest.mark.parametrize(("lines", "action"), MONIT)
def test_monit_does_what_is_foretold(keepers: Box, lines: str, action: Action) -> None:
    """At its next look, whichever way the process ended; not where it only looks."""
    with watched(keepers, f"monit-{MONIT.index((lines, action))}", lines) as work:
        check(keepers, work, action, kind="monit-service", policy=lines or "default", by="monit", watch_s=WATCH_S)


@pytest.mark.truth
def test_monit_forgets_what_it_does_not_watch(keepers: Box) -> None:
    """A process that was unmonitored by hand stays away when it is killed."""
    with watched(keepers, "unwatched") as work:
        keepers.run(f"monit unmonitor unwatched; sleep {CYCLE_S + 2}")
        check(keepers, work, "sigkill", kind="monit-service", policy="unmonitored", watch_s=WATCH_S)


@pytest.mark.truth
def test_monit_on_cgroup_v1(keepers_v1: Box) -> None:
    """Found by its mark and its unit's group there too."""
    with watched(keepers_v1, "on-v1") as work:
        check(keepers_v1, work, "sigkill", kind="monit-service", policy="default", by="monit", watch_s=WATCH_S)


@pytest.mark.truth
def test_a_plan_for_monit_holds_over_its_restart(keepers: Box) -> None:
    """`mode passive` holds, where `monit unmonitor` would not; undone, monit starts it at its next look."""
    with watched(keepers, "planned") as work:
        holds_over_a_restart(keepers, work, 2 * CYCLE_S, "/etc/monit/conf.d/rig", not_undone="kill")


@pytest.mark.truth
def test_monit_and_a_reboot(make_box: MakeBox) -> None:
    """Its unit is enabled: monit starts what it does not find."""
    box = make_box(extras=("keepers",), docker_up=False)
    box.run("systemctl enable monit")
    check_reboot(box, [Expected(control(box, "after-boot"), "reboot", "monit-service", "monit is enabled")], 30)


# --- circus ------------------------------------------------------------------------------------------------------


@contextmanager
def circus(box: Box, name: str, lines: str = "", on_term: OnTerm = "default") -> Iterator[Workload]:
    """A watcher of a circusd that is a unit of its own."""
    # As it is: a script that becomes another program would leave no trace of the watcher's command.
    command = shlex.join(program(name, on_term)).replace("$", "$$")
    text = f"""\
[circus]
check_delay = {CYCLE_S}
[watcher:other]
cmd = /bin/sleep 7001
[watcher:{name}]
cmd = {command}
{lines}
"""
    box.write("/etc/circus.ini", text)
    unit = "[Service]\nExecStart=/opt/keepers/bin/circusd /etc/circus.ini\n[Install]\nWantedBy=multi-user.target\n"
    box.write("/etc/systemd/system/circus.service", unit)
    box.run("systemctl daemon-reload && systemctl enable --now circus")
    ctl = "/opt/keepers/bin/circusctl"
    try:
        box.wait_for("circusd", lambda: name in box.run(f"{ctl} status", check=False).stdout)
        box.run(f"{ctl} start {name}")  # it may be told not to start by itself
        stop, restart = f"{ctl} stop {name}; sleep 1", "systemctl restart circus"
        yield workload(box, name, "circus", "/circus.service", stop=stop, restart=restart)
    finally:
        box.run("systemctl disable --now circus; systemctl kill -s KILL circus", check=False)


CIRCUS: list[tuple[str, Action]] = [
    ("", "sigkill"),
    ("", "sigterm"),
    ("", "clean-exit"),
    ("respawn = False", "sigkill"),
    ("", "owner-stop"),
    ("", "owner-daemon-restart"),
    ("autostart = False", "owner-daemon-restart"),
]


@pytest.mark.truth
@pytest.mark.parametrize(("lines", "action"), CIRCUS)
def test_circus_does_what_is_foretold(keepers: Box, lines: str, action: Action) -> None:
    """respawn against every end, autostart for a new circusd."""
    with circus(keepers, f"circus-{CIRCUS.index((lines, action))}", lines) as work:
        check(keepers, work, action, kind="circus-watcher", policy=lines or "default", by="circusd", watch_s=8)


@pytest.mark.truth
def test_a_plan_for_circus_holds_over_its_restart(keepers: Box) -> None:
    """Stopped, also by a new circusd; undone, it runs, and the file is as it was."""
    with circus(keepers, "planned-circus") as work:
        holds_over_a_restart(keepers, work, 5, "/etc/circus.ini")


# --- init --------------------------------------------------------------------------------------------------------


@pytest.mark.truth
def test_busybox_init_in_a_container(box: Box) -> None:
    """A respawn line of inittab is the inner owner, the container the outer one, and an orphan belongs to no line."""
    box.write("/srv/inittab", "::sysinit:/bin/true\n::respawn:/bin/sleep 8008\n")
    mounts = ["-v", "/srv/inittab:/etc/inittab:ro"]
    box.run(["docker", "run", "-d", "--name", "with-init", "--restart", "always", *mounts, docker.IMAGE, "init"])
    container = docker.info(box, "with-init").id
    pid = box.wait_for("its child", lambda: next(iter(box.pids("^/bin/sleep 8008$")), None))
    work = Workload(pid, "8008", "busybox init", container, (), (), "sleep under busybox's init")
    document, seen = check(box, work, "sigkill", kind="openrc-service", policy="respawn", by="init", watch_s=4)
    assert [owner["kind"] for owner in document["owners"]][:2] == ["openrc-service", "docker-container"]
    assert seen.new_pid is not None
    again = replace(work, pid=seen.new_pid)
    check(box, again, "sigterm", kind="openrc-service", policy="respawn", by="init", watch_s=4)
    box.run(["docker", "rm", "-f", "-v", "with-init"])
