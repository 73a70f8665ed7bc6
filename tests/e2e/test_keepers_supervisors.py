"""Supervisors: what they do about every end, really tried, and plans that keep their programs down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import pytest
from e2e.keepers import (
    Action,
    Expected,
    OnTerm,
    carry_out,
    check,
    check_reboot,
    found,
    plan_of,
    running,
    script,
    undo,
    workload,
)
from e2e.keepers_plans import holds_over_a_restart
from e2e.rig import docker
from e2e.rig.box import Box, MakeBox
from e2e.rig.workloads import Workload


class Case(NamedTuple):
    """A supervisor's settings, how the program takes SIGTERM, and what is done to it."""

    policy: str
    action: Action
    on_term: OnTerm = "default"

    def __str__(self) -> str:
        return f"{self.policy or 'default'} {self.action} {self.on_term}"


# --- supervisord -------------------------------------------------------------------------------------------------


def configure(
    box: Box, name: str, settings: str = "", on_term: OnTerm = "default", *, wrapped: bool = False
) -> Workload:
    """A program of the box's supervisord, running. `wrapped`: below a shell that waits for it."""
    path = script(box, name, on_term)
    command = f'sh -c "{path}; true"' if wrapped else path
    box.write(f"/etc/supervisor/conf.d/{name}.conf", f"[program:{name}]\ncommand={command}\n{settings}\n")
    box.run("supervisorctl reread && supervisorctl update", timeout=60)
    box.run(f"supervisorctl start {name}", check=False)
    return workload(
        box, name, "supervisord", "/supervisor.service",
        stop=f"supervisorctl stop {name}", restart="systemctl restart supervisor",
    )  # fmt: skip


@contextmanager
def program_of_supervisord(box: Box, case: Case, name: str, *, wrapped: bool = False) -> Iterator[Workload]:
    box.run("systemctl start supervisor")
    box.wait_for("supervisord", lambda: "refused" not in box.run("supervisorctl pid", check=False).stdout)
    settings = case.policy.replace(" ", "\n")
    work = configure(box, name, f"{settings}\nstartsecs=0", case.on_term, wrapped=wrapped)
    try:
        yield work
    finally:
        box.run(f"rm /etc/supervisor/conf.d/{name}.conf; supervisorctl update", check=False)
        box.run(["pkill", "-9", "-f", "--", f" {name}$"], check=False)


UNCAUGHT: tuple[Action, ...] = ("sigterm", "sigkill", "clean-exit", "failure-exit")
SUPERVISORD = [
    *(Case("", action) for action in UNCAUGHT),
    Case("", "sigterm", "ignore"),
    Case("autorestart=true", "sigterm", "exit-0"),
    Case("autorestart=true", "clean-exit"),
    Case("autorestart=false", "sigkill"),
    Case("autorestart=false", "failure-exit"),
    Case("exitcodes=0,1", "failure-exit"),
    Case("exitcodes=3", "clean-exit"),
    Case("", "owner-stop"),
    Case("autorestart=true", "owner-stop", "ignore"),
    Case("", "owner-daemon-restart"),
    Case("autostart=false autorestart=true", "owner-daemon-restart"),
]


def supervised(box: Box, case: Case) -> None:
    name = "sv-" + "".join(letter for letter in str(case) if letter.isalnum())
    watch_s = 20 if "daemon" in case.action or (case.on_term == "ignore" and case.action == "owner-stop") else 3
    with program_of_supervisord(box, case, name) as work:
        check(
            box, work, case.action, kind="supervisord-program", policy=case.policy or "default", by="supervisord",
            watch_s=watch_s,
        )  # fmt: skip


@pytest.mark.truth
@pytest.mark.parametrize("case", SUPERVISORD, ids=str)
def test_supervisord_does_what_is_foretold(keepers: Box, case: Case) -> None:
    """autorestart against every kind of end, a stop, and a restart of supervisord."""
    supervised(keepers, case)


def test_supervisord_revives_what_was_killed(keepers: Box) -> None:
    """The commonest case of all, and its clean exit that stays."""
    supervised(keepers, Case("autorestart=unexpected", "sigkill"))
    supervised(keepers, Case("autorestart=unexpected", "clean-exit"))


@pytest.mark.truth
@pytest.mark.parametrize("case", [SUPERVISORD[1], SUPERVISORD[2], SUPERVISORD[11], SUPERVISORD[13]], ids=str)
def test_supervisord_does_the_same_on_cgroup_v1(keepers_v1: Box, case: Case) -> None:
    """The cgroup says no more than the unit there, too."""
    supervised(keepers_v1, case)


@pytest.mark.truth
@pytest.mark.parametrize("action", ["sigkill", "owner-stop"])
def test_a_program_below_a_waiting_shell(keepers: Box, action: Action) -> None:
    """Its end ends the shell, which supervisord waits for; a stop ends the shell alone."""
    case = Case("autorestart=true", action)
    with program_of_supervisord(keepers, case, f"wrapped-{action}", wrapped=True) as work:
        check(keepers, work, action, kind="supervisord-program", policy="autorestart=true, below sh -c", watch_s=3)


@pytest.mark.truth
def test_a_plan_for_supervisord_holds_over_its_restart(keepers: Box) -> None:
    """Pasted, it stays away, also after supervisord is restarted; undone, it runs, and the file is as it was."""
    with program_of_supervisord(keepers, Case("autorestart=true", "sigkill"), "planned") as work:
        holds_over_a_restart(keepers, work, 4, "/etc/supervisor/conf.d/planned.conf")


@pytest.mark.truth
def test_a_supervisord_that_is_killed_leaves_its_programs_behind(keepers: Box) -> None:
    """Its unit starts it after 50 s, and then it starts a second copy; one that is killed until then is one of two."""
    with program_of_supervisord(keepers, Case("", "sigkill"), "left-behind") as work:
        keepers.run(["kill", "-9", keepers.run(["systemctl", "show", "-P", "MainPID", "supervisor"]).stdout.strip()])
        assert work.pid in running(keepers, "left-behind")
        check(keepers, work, "owner-stop", kind="supervisord-program", policy="supervisord was killed", watch_s=1)
        check(keepers, work, "sigkill", kind="supervisord-program", policy="supervisord was killed", watch_s=65)


CONTAINED = """\
[supervisord]
nodaemon=true
logfile=/dev/null
logfile_maxbytes=0
pidfile=/run/supervisord.pid
[unix_http_server]
file=/run/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix:///run/supervisor.sock
[program:contained]
command={path}
autorestart=true
"""


@contextmanager
def supervisord_in_a_container(box: Box) -> Iterator[Workload]:
    """The host's own Python and supervisor, as the main process of a container that has the same socket path."""
    box.write("/srv/contained/supervisord.conf", CONTAINED.format(path=script(box, "contained")))
    mounts = ("/usr:/usr", "/usr/lib:/lib", "/usr/lib64:/lib64", "/opt/rig:/opt/rig", "/bin/busybox:/bin/busybox")
    options = [word for each in (*mounts, "/srv/contained:/srv/contained") for word in ("-v", f"{each}:ro")]
    words = ["/usr/bin/python3", "/usr/bin/supervisord", "-c", "/srv/contained/supervisord.conf"]
    run = ["docker", "run", "-d", "--name", "shop", "--restart", "always", "--tmpfs", "/run", *options]
    box.run([*run, docker.IMAGE, *words])
    container = docker.info(box, "shop").id
    stop = "docker exec shop /usr/bin/python3 /usr/bin/supervisorctl -c /srv/contained/supervisord.conf stop contained"
    try:
        yield workload(box, "contained", "supervisord in a container", container, stop=stop)
    finally:
        box.run(["docker", "rm", "-f", "-v", "shop"], check=False)


@pytest.mark.truth
def test_supervisord_in_a_container(box: Box) -> None:
    """Asked at the container's own socket, not at the host's; its plan stops the one program by `docker exec`."""
    box.run("systemctl start supervisor")
    with supervisord_in_a_container(box) as work:
        document, seen = check(box, work, "sigkill", kind="supervisord-program", policy="autorestart=true", watch_s=4)
        assert [owner["kind"] for owner in document["owners"]][:2] == ["supervisord-program", "docker-container"]
        assert document["owners"][0]["facts"]["asked"] is True
        assert seen.new_pid is not None
        steps = plan_of(box, seen.new_pid)
        carry_out(box, steps)
        box.run("sleep 2")
        assert running(box, "contained") == []
        assert docker.info(box, "shop").status == "running"
        undo(box, steps)
        again = replace(work, pid=found(box, "contained"))
        check(box, again, "owner-stop", kind="supervisord-program", policy="autorestart=true, in a container")


# --- runit, s6, daemontools --------------------------------------------------------------------------------------


class Suite(NamedTuple):
    kind: str
    scanner: str
    lines: str  # of the unit that runs the scanner, as Debian's runit-run has it
    down: str
    once: str


SUITES = {
    "runit": Suite("runit-service", "runsvdir -P", "KillSignal=SIGHUP\nKillMode=process", "sv down", "sv once"),
    "s6": Suite("s6-service", "s6-svscan", "KillSignal=SIGTERM\nKillMode=process", "s6-svc -d", "s6-svc -O"),
    "daemontools": Suite("daemontools-service", "svscan", "KillMode=process", "svc -d", "svc -o"),
}


@contextmanager
def service_of(box: Box, suite: str, name: str, on_term: OnTerm = "default") -> Iterator[Workload]:
    """A service below a scanner that is a unit of its own."""
    how, folder = SUITES[suite], f"/srv/{suite}-{name}"
    path = script(box, name, on_term)
    box.write(f"{folder}/{name}/run", f"#!/bin/sh\nexec {path}\n", 0o755)
    unit = f"scan-{suite}-{name}.service"
    text = f"[Service]\nExecStart=/usr/bin/{how.scanner} {folder}\nRestart=always\n{how.lines}\n"
    box.write(f"/etc/systemd/system/{unit}", f"{text}[Install]\nWantedBy=multi-user.target\n")
    box.run(f"systemctl daemon-reload && systemctl enable --now {unit}")
    stop = f"{how.down} {folder}/{name}"
    try:
        yield workload(box, name, suite, f"/{unit}", stop=stop, restart=f"systemctl restart {unit}")
    finally:
        box.run(f"systemctl disable --now {unit}; systemctl kill -s KILL {unit}", check=False)
        for word in (f"^(runsv|s6-supervise|supervise) {name}$", f" {name}$"):
            box.run(["pkill", "-9", "-f", "--", word], check=False)


ENDS: list[Action] = ["sigterm", "sigkill", "clean-exit", "owner-stop", "owner-daemon-restart"]


def watched(box: Box, suite: str, action: Action, on_term: OnTerm = "default") -> None:
    name = f"{suite}-{action}-{on_term}"
    with service_of(box, suite, name, on_term) as work:
        box.run(["sleep", "1.5"])  # a service that ran for less than a second is started more slowly
        check(box, work, action, kind=SUITES[suite].kind, policy=f"up, SIGTERM: {on_term}", watch_s=5)


@pytest.mark.truth
@pytest.mark.parametrize("action", ENDS)
@pytest.mark.parametrize("suite", SUITES)
def test_a_supervision_suite_does_what_is_foretold(keepers: Box, suite: str, action: Action) -> None:
    """Every end is answered; down stays down; a restart of the scanner as its unit does it."""
    watched(keepers, suite, action)


def test_runit_revives_what_was_killed(keepers: Box) -> None:
    """Within a tenth of a second."""
    watched(keepers, "runit", "sigkill")


@pytest.mark.truth
@pytest.mark.parametrize("suite", SUITES)
def test_a_supervision_suite_does_the_same_on_cgroup_v1(keepers_v1: Box, suite: str) -> None:
    """One end and one stop."""
    watched(keepers_v1, suite, "sigkill")
    watched(keepers_v1, suite, "owner-stop", "exit-0")


@pytest.mark.truth
@pytest.mark.parametrize("suite", SUITES)
def test_once_is_once(keepers: Box, suite: str) -> None:
    """A service that was told to run just once is not started again."""
    with service_of(keepers, suite, f"once-{suite}") as work:
        keepers.run(f"{SUITES[suite].once} /srv/{suite}-{work.name}/{work.name}; sleep 1.5")
        check(keepers, work, "sigkill", kind=SUITES[suite].kind, policy="once")


@pytest.mark.truth
@pytest.mark.parametrize("suite", SUITES)
def test_a_plan_for_a_supervision_suite_holds(keepers: Box, suite: str) -> None:
    """It stays down when its scanner is restarted, and comes up by the undo, with no file left behind."""
    name = f"planned-{suite}"
    with service_of(keepers, suite, name) as work:
        holds_over_a_restart(keepers, work, 3)
        assert not keepers.exists(f"/srv/{suite}-{name}/{name}/down")


# --- the reboot --------------------------------------------------------------------------------------------------


@pytest.mark.truth
def test_what_a_reboot_brings_back(make_box: MakeBox) -> None:
    """autostart, `down` files, and whether the supervisor's own unit is enabled."""
    box = make_box(extras=("keepers",), docker_up=False)
    cases = [
        Expected(configure(box, "boots"), "reboot", "supervisord-program", "autostart=true"),
        Expected(configure(box, "boots-not", "autostart=false"), "reboot", "supervisord-program", "autostart=false"),
    ]
    with service_of(box, "runit", "rv-up") as up, service_of(box, "runit", "rv-down") as down:
        box.run("touch /srv/runit-rv-down/rv-down/down")
        with service_of(box, "s6", "s6-up") as s6, service_of(box, "daemontools", "dt-off") as off:
            box.run("systemctl disable scan-daemontools-dt-off")
            cases += [
                Expected(up, "reboot", "runit-service", "up"),
                Expected(down, "reboot", "runit-service", "a down file"),
                Expected(s6, "reboot", "s6-service", "up"),
                Expected(off, "reboot", "daemontools-service", "its scanner is disabled"),
            ]
            check_reboot(box, cases, 15)
