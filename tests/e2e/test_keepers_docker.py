"""Docker's own ways: every policy against every end, foretold and then really done, on both layouts and two engines."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from e2e.keepers import Action, Expected, OnTerm, carry_out, check, check_reboot, found, plan_of, program, undo
from e2e.rig import docker, foretold
from e2e.rig.box import Box, MakeBox
from e2e.rig.workloads import Workload, again

SHUTDOWN_S = 30
"""A Docker that stops gives a container without a handler 10 s, and 15 s in all."""
SHORT_STOPS = "[Manager]\nDefaultTimeoutStopSec=4s\n"
"""Else a shutdown waits 90 s for what does not take SIGTERM."""
ENGINE_LIMITS = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nTimeoutStopSec=40s\n"
"""The engine itself needs its time to stop containers, and may be restarted more than three times a minute."""
numbers = itertools.count(1)


class Case(NamedTuple):
    """A container's policy, how its program takes SIGTERM, and what is done to it."""

    policy: str
    on_term: OnTerm
    action: Action
    options: Sequence[str] = ()
    watch_s: float = 2.5

    def __str__(self) -> str:
        return " ".join((self.policy, *self.options, self.on_term, self.action))


POLICIES = ("no", "always", "unless-stopped", "on-failure", "on-failure:3")
ENDS: tuple[tuple[OnTerm, Action, float], ...] = (
    ("default", "sigkill", 2.5),
    ("default", "sigterm", 1.5),
    ("exit-0", "clean-exit", 2.5),
    ("exit-0", "failure-exit", 2.5),
    ("exit-0", "owner-stop", 4),
    ("default", "owner-stop", 6),
)
MATRIX = [Case(policy, how, action, (), watch_s) for policy in POLICIES for how, action, watch_s in ENDS]
ENGINE_RESTARTS = [
    Case("always", "exit-0", "owner-daemon-restart", watch_s=SHUTDOWN_S),
    Case("unless-stopped", "exit-1", "owner-daemon-restart", watch_s=SHUTDOWN_S),
    Case("on-failure", "default", "owner-daemon-restart", watch_s=SHUTDOWN_S),
    Case("on-failure:3", "ignore", "owner-daemon-restart", watch_s=SHUTDOWN_S),
    Case("no", "exit-0", "owner-daemon-restart", watch_s=8),
    Case("no", "exit-0", "owner-daemon-restart", ("--rm",), 8),
    Case("no", "exit-0", "sigkill", ("--rm",)),
]
SAMPLE = [Case("on-failure", "default", "sigkill"), Case("always", "default", "owner-stop", watch_s=6)]


@contextmanager
def container(box: Box, policy: str, on_term: OnTerm = "default", options: Sequence[str] = ()) -> Iterator[Workload]:
    """`docker run` of a program that ends as it is told."""
    name = f"own-{next(numbers)}"
    run(box, name, policy, on_term, options)
    try:
        yield of_container(box, name)
    finally:
        box.run(["docker", "rm", "-f", "-v", name], check=False)


def run(box: Box, name: str, policy: str, on_term: OnTerm = "default", options: Sequence[str] = ()) -> None:
    words = ["docker", "run", "-d", f"--name={name}", f"--restart={policy}", *options, docker.IMAGE]
    box.run([*words, *program(name, on_term)])


def of_container(box: Box, name: str, marker: str = "") -> Workload:
    known = docker.info(box, name)
    box.wait_for(f"{name} running", lambda: known.pid in box.pids(f" {marker or name}$"))
    stop, restart = ("docker", "stop", "-t", "3", name), ("systemctl", "restart", "docker.service")
    return Workload(known.pid, marker or name, "docker-run", "docker", stop, restart, f"{name} (docker run)")


def explained(box: Box, name: str) -> dict[str, Any]:
    """A container by its name, whether it has a process or not."""
    done = box.run(["runaway-watchdog", "explain", "--container", name, "--json"], check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.mark.parametrize("case", SAMPLE, ids=str)
def test_a_container(box: Box, case: Case) -> None:
    """Two that tell most; the others are below."""
    with container(box, case.policy, case.on_term, case.options) as work:
        check(box, work, case.action, kind="docker-container", policy=case.policy, watch_s=case.watch_s)


@pytest.fixture(scope="module", params=["v2", "v1", "new"])
def host(request: pytest.FixtureRequest, make_box: MakeBox) -> Box:
    """Both layouts, and a new engine."""
    extras = ("new-engine",) if request.param == "new" else ()
    box = make_box("v1" if request.param == "v1" else "v2", extras=extras)  # type: ignore[arg-type]
    box.write("/etc/systemd/system.conf.d/rig.conf", SHORT_STOPS)
    box.write("/etc/systemd/system/docker.service.d/rig.conf", ENGINE_LIMITS)
    box.run("systemctl daemon-reexec")
    return box


@pytest.mark.truth
@pytest.mark.parametrize("case", [*MATRIX, *ENGINE_RESTARTS], ids=str)
def test_every_policy_answers_every_end_as_foretold(host: Box, case: Case) -> None:
    """Signals, exits, a stop by hand, a restart of the engine."""
    with container(host, case.policy, case.on_term, case.options) as work:
        policy = " ".join((case.policy, *case.options))
        check(host, work, case.action, kind="docker-container", policy=policy, watch_s=case.watch_s)


@pytest.mark.truth
def test_the_restarts_of_on_failure_are_used_up_and_counted_anew(host: Box) -> None:
    """on-failure:1 returns once; the engine's own restart does not forget that, `docker start` does."""
    with container(host, "on-failure:1") as work:
        _, seen = check(host, work, "sigkill", kind="docker-container", policy="on-failure:1")
        told, second = "on-failure:1, used up", again(work, seen)
        _, seen = check(host, second, "owner-daemon-restart", kind="docker-container", policy=told, watch_s=SHUTDOWN_S)
        assert not seen.returned
        host.run(["docker", "start", work.name])
        third, policy = of_container(host, work.name), "on-failure:1, started by hand"
        _, seen = check(host, third, "sigkill", kind="docker-container", policy=policy)
        _, seen = check(host, again(third, seen), "sigkill", kind="docker-container", policy=told)
        assert not seen.returned


INIT = [
    ("always", "default", "sigkill", True),
    ("always", "default", "sigterm", True),
    ("on-failure", "default", "sigterm", True),
    ("no", "default", "sigterm", True),
    ("always", "default", "sigterm", False),
    ("always", "ignore", "sigterm", False),
    ("no", "default", "sigterm", False),
    ("always", "default", "sigkill", False),
]


@pytest.mark.truth
@pytest.mark.parametrize(("policy", "on_term", "action", "child"), INIT)
def test_an_init_passes_on_what_becomes_of_its_child(
    host: Box, policy: str, on_term: OnTerm, action: Action, child: bool
) -> None:
    """--init: the program's end is the container's; a signal to the init reaches the program."""
    with container(host, policy, on_term, ["--init"]) as work:
        inner = next(pid for pid in host.pids(f" {work.name}$") if pid != work.pid)
        subject = replace(work, pid=inner if child else work.pid)
        told = f"{policy}, --init: {'its child' if child else 'itself'}"
        check(host, subject, action, kind="docker-container", policy=told)


STRAYS: tuple[tuple[Action, float], ...] = (("sigkill", 2.5), ("owner-daemon-restart", SHUTDOWN_S))


@pytest.mark.truth
@pytest.mark.parametrize(("action", "watch_s"), STRAYS)
def test_what_docker_exec_put_there_does_not_return(host: Box, action: Action, watch_s: float) -> None:
    """Not by a signal, and not with the container either."""
    with container(host, "always") as work:
        name = f"{work.name}-stray"
        host.run(["docker", "exec", "-d", work.name, *program(name)])
        stray = replace(work, pid=found(host, name), name=name)
        check(host, stray, action, kind="docker-container", policy="always, docker exec", watch_s=watch_s)


@pytest.mark.truth
def test_a_container_in_a_restart_loop_is_explained_and_held(host: Box) -> None:
    """It has no process at the moment: --container explains it, the plan ends the loop, the undo begins it anew."""
    host.run(["docker", "run", "-d", "--name=loop", "--restart=always", docker.IMAGE, "sh", "-c", "exit 3"])
    host.wait_for("a long delay", lambda: docker.info(host, "loop").restart_count >= 6, timeout=60)
    host.wait_for("a pause", lambda: docker.info(host, "loop").pid == 0)
    document = explained(host, "loop")
    assert document["process"]["pid"] is None
    assert foretold.fate_of(document, "sigkill")["returns"] is True
    assert foretold.fate_of(document, "owner-stop")["returns"] is False
    steps = document["plan"]["steps"]
    carry_out(host, steps)
    host.run("sleep 8")
    assert docker.info(host, "loop").status == "exited"
    host.run(["systemctl", "restart", "docker.service"])
    assert docker.info(host, "loop").status == "exited"
    stopped = explained(host, "loop")
    assert [foretold.fate_of(stopped, each)["returns"] for each in ("owner-daemon-restart", "reboot")] == [False, False]
    undo(host, steps)
    host.wait_for("the loop again", lambda: docker.info(host, "loop").restart_count >= 2)
    host.run(["docker", "rm", "-f", "loop"])


BOOTS: list[tuple[str, str, OnTerm]] = [
    ("boot-no", "no", "exit-0"),
    ("boot-always", "always", "exit-0"),
    ("boot-unless", "unless-stopped", "exit-0"),
    ("boot-failure", "on-failure", "default"),
]


@pytest.mark.truth
def test_what_a_boot_brings_back(host: Box) -> None:
    """Of what runs, and of what somebody stopped: `always`, and an `on-failure` that was killed by the stop."""
    for name, policy, on_term in BOOTS:
        run(host, name, policy, on_term)
        run(host, f"{name}-stopped", policy, on_term)
    run(host, "boot-rm", "no", "exit-0", ["--rm"])
    works = [of_container(host, name) for name, _, _ in BOOTS] + [of_container(host, "boot-rm")]
    host.run(["docker", "stop", "-t", "1", *(f"{name}-stopped" for name, _, _ in BOOTS)])
    told = {name: foretold.fate_of(explained(host, f"{name}-stopped"), "reboot")["returns"] for name, _, _ in BOOTS}
    policies = {name: policy for name, policy, _ in BOOTS}
    cases = [Expected(work, "reboot", "docker-container", policies.get(work.name, "no, --rm")) for work in works]
    check_reboot(host, cases, 20)
    seen = {name: docker.info(host, f"{name}-stopped").status == "running" for name, _, _ in BOOTS}
    assert told == seen == {"boot-no": False, "boot-always": True, "boot-unless": False, "boot-failure": True}
    host.run("docker rm -f $(docker ps -aq)")


@pytest.mark.truth
def test_live_restore(host: Box) -> None:
    """Containers outlive the engine, and a boot finds them dead: on-failure brings back even what exits with 0."""
    host.write("/etc/docker/daemon.json", '{"live-restore": true}')
    host.run(["systemctl", "restart", "docker.service"])
    try:
        run(host, "live-no", "no", "exit-0")
        run(host, "live-failure", "on-failure", "exit-0")
        for name in ("live-no", "live-failure"):
            work = of_container(host, name)
            check(host, work, "owner-daemon-restart", kind="docker-container", policy="live-restore", watch_s=4)
        cases = [
            Expected(of_container(host, name), "reboot", "docker-container", f"{policy}, live-restore")
            for name, policy in (("live-no", "no"), ("live-failure", "on-failure"))
        ]
        check_reboot(host, cases, 20)
    finally:
        host.run("docker rm -f live-no live-failure; rm /etc/docker/daemon.json; systemctl restart docker")


HOLDS = [("always", "exit-0"), ("on-failure", "default"), ("unless-stopped", "exit-1")]


@pytest.mark.truth
@pytest.mark.parametrize(("policy", "on_term"), HOLDS)
def test_a_plan_holds_over_a_restart_of_the_engine(host: Box, policy: str, on_term: OnTerm) -> None:
    """Pasted as written it stays away; undone it is as it was."""
    with container(host, policy, on_term) as work:
        steps = plan_of(host, work.pid)
        carry_out(host, steps)
        host.run(["systemctl", "restart", "docker.service"])
        host.run("sleep 3")
        assert docker.info(host, work.name).status == "exited"
        undo(host, steps)
        known = docker.info(host, work.name)
        assert (known.status, known.policy) == ("running", policy)
