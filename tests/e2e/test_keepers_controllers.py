"""Who acts on containers beside the engine: a swarm, autoheal, units and crontabs that run Compose; and what a
project's own `down` leaves alone. Foretold and then really done."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from e2e.keepers import Action, Expected, OnTerm, carry_out, check, check_reboot, found, plan_of, program, undo
from e2e.rig import docker, foretold
from e2e.rig.box import Box, MakeBox
from e2e.rig.workloads import Workload, again

DOCKER_INSIDE = ["-v", "/var/run/docker.sock:/var/run/docker.sock"]
DOCKER_INSIDE += [word for each in ("usr", "lib", "lib64") for word in ("-v", f"/{each}:/{each}:ro")]
"""The host's own docker program, for a container that is made of busybox alone."""
ENGINE_LIMITS = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nTimeoutStopSec=40s\n"
HEAL = (
    "while :; do for c in $(/usr/bin/docker ps -q --filter health=unhealthy --filter label=autoheal=true); do "
    "/usr/bin/docker restart -t 1 $c; done; sleep 1; done"
)


@pytest.fixture(scope="module", params=["v2", pytest.param("v1", marks=pytest.mark.truth)])
def host(request: pytest.FixtureRequest, make_box: MakeBox) -> Box:
    box = make_box(request.param)
    box.write("/etc/systemd/system.conf.d/rig.conf", "[Manager]\nDefaultTimeoutStopSec=6s\n")
    box.write("/etc/systemd/system/docker.service.d/rig.conf", ENGINE_LIMITS)
    box.run("systemctl daemon-reexec")
    return box


def of_container(box: Box, name: str, marker: str) -> Workload:
    stop, restart = ("docker", "stop", "-t", "1", name), ("systemctl", "restart", "docker.service")
    return Workload(found(box, marker), marker, "docker", "docker", stop, restart, f"{marker} in {name}")


# --- a swarm ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def swarm(host: Box) -> Iterator[Box]:
    host.run(["docker", "swarm", "init", "--advertise-addr", "127.0.0.1"])
    yield host
    host.run("docker swarm leave --force; docker rm -f $(docker ps -aq)", check=False)


SWARM: list[tuple[str, OnTerm, Action]] = [
    ("any", "default", "sigkill"),
    ("any", "exit-0", "owner-stop"),
    ("on-failure", "default", "sigkill"),
    ("on-failure", "exit-0", "clean-exit"),
    ("on-failure", "default", "owner-stop"),
    ("none", "default", "sigkill"),
]


def task(box: Box, name: str, condition: str, on_term: OnTerm) -> Workload:
    words = ["docker", "service", "create", "--detach", "--no-resolve-image", f"--name={name}"]
    words += [f"--restart-condition={condition}", "--restart-delay=2s", docker.IMAGE, *program(name, on_term)]
    box.run(words)
    pid = found(box, name)
    container = box.run(
        ["docker", "ps", "-q", "--filter", f"label=com.docker.swarm.service.name={name}"]
    ).stdout.strip()
    assert docker.info(box, container).pid == pid
    return of_container(box, container, name)


@pytest.mark.truth
@pytest.mark.parametrize(("condition", "on_term", "action"), SWARM)
def test_a_swarm_replaces_by_its_condition(swarm: Box, condition: str, on_term: OnTerm, action: Action) -> None:
    """Its container has policy no, and comes back all the same, as another one."""
    name = f"{condition}-{on_term}-{action}"
    work = task(swarm, name, condition, on_term)
    try:
        check(swarm, work, action, kind="swarm-task", policy=f"{condition}, 2 s", watch_s=12)
    finally:
        swarm.run(["docker", "service", "rm", name])


@pytest.mark.truth
def test_a_swarm_goes_on_after_a_restart_of_the_engine(swarm: Box) -> None:
    """Where its condition lets it."""
    for condition in ("any", "none"):
        work = task(swarm, f"engine-{condition}", condition, "default")
        check(swarm, work, "owner-daemon-restart", kind="swarm-task", policy=condition, watch_s=45)
        swarm.run(["docker", "service", "rm", work.name])


# --- what acts from beside -------------------------------------------------------------------------------------------


@pytest.fixture
def autoheal(host: Box) -> Iterator[Box]:
    """A container with the Docker socket that restarts what is unhealthy, as autoheal does."""
    host.run(["docker", "tag", docker.IMAGE, "willfarrell/autoheal:1.2.0"])
    host.run(["docker", "run", "-d", "--name=heal", *DOCKER_INSIDE, "willfarrell/autoheal:1.2.0", "sh", "-c", HEAL])
    yield host
    host.run("docker rm -f heal")


def test_autoheal_is_told_and_does_what_is_told(autoheal: Box) -> None:
    """A healthy one it leaves alone; stopped it stays; unhealthy it is restarted, policy no or not."""
    health = ["--health-cmd=test ! -e /tmp/sick", "--health-interval=1s", "--health-retries=2"]
    words = ["docker", "run", "-d", "--name=patient", *health, "--label=autoheal=true", docker.IMAGE]
    autoheal.run([*words, *program("patient")])
    try:
        work = of_container(autoheal, "patient", "patient")
        policy = "no; autoheal beside"
        document, _ = check(autoheal, work, "owner-stop", kind="docker-container", policy=policy, watch_s=6)
        kinds = [(each["kind"], each["name"]) for each in document["owners"]]
        assert kinds == [("docker-container", "patient"), ("controller", "heal"), ("systemd-service", "docker.service")]
        autoheal.run("docker start patient")
        before = found(autoheal, "patient")
        autoheal.run(["docker", "exec", "patient", "touch", "/tmp/sick"])
        autoheal.wait_for("its restart", lambda: set(autoheal.pids(" patient$")) - {before})
    finally:
        autoheal.run("docker rm -f patient")


def test_who_is_not_in_autoheals_charge_has_no_such_layer(autoheal: Box) -> None:
    """No label, or no health check: it could not act on it."""
    autoheal.run(["docker", "run", "-d", "--name=well", "--label=autoheal=true", docker.IMAGE, *program("well")])
    document = foretold.explained(autoheal, found(autoheal, "well"))
    autoheal.run("docker rm -f well")
    assert [each["kind"] for each in document["owners"]] == ["docker-container", "systemd-service"]
    assert document["owners"][0]["facts"]["socket_holders"] == ["heal"]  # it might, for all that is known


# --- Compose ---------------------------------------------------------------------------------------------------------


def project(box: Box, folder: str, services: Sequence[str], on_term: OnTerm = "exit-0", restart: str = "no") -> None:
    base = folder.rpartition("/")[2]
    described = {
        name: {"image": docker.IMAGE, "command": program(f"{base}-{name}", on_term), "restart": restart}
        for name in services
    }
    box.write(f"{folder}/compose.yml", json.dumps({"services": described}, indent=1))


def down_of(document: dict[str, Any]) -> str:
    return " ".join(document["owners"][0]["facts"]["down"])


@pytest.mark.truth
def test_what_down_leaves_running_is_told(host: Box) -> None:
    """A one-off of `compose run`, and a service that is no longer in the file; the one that is in it goes."""
    project(host, "/srv/shop", ["web", "old"])
    docker.compose(host, "/srv/shop", "up -d")
    host.run(["docker", "compose", "-f", "/srv/shop/compose.yml", "run", "-d", "web", *program("one-off", "exit-0")])
    project(host, "/srv/shop", ["web"])
    told = {name: down_of(foretold.explained(host, found(host, name))) for name in ("shop-web", "shop-old", "one-off")}
    docker.compose(host, "/srv/shop", "down -t 1")
    skipped = {name: bool(host.pids(f" {name}$")) for name in told}
    host.run("docker rm -f $(docker ps -aq --filter label=com.docker.compose.project=shop)")
    assert skipped == {"shop-web": False, "shop-old": True, "one-off": True}
    assert {name: "skips it" in words for name, words in told.items()} == skipped
    assert "compose run web" in told["one-off"]


@pytest.mark.truth
def test_another_project_of_the_same_folder_name_is_told(host: Box) -> None:
    """Both are "app": a `down` in the one folder ends what the other one runs under the same service's name."""
    for folder, service in (("/srv/one/app", "web"), ("/srv/two/app", "worker")):
        project(host, folder, [service])
        docker.compose(host, folder, "up -d")
    pid = found(host, "app-worker")
    document = foretold.explained(host, pid)
    assert "/srv/one/app" in down_of(document)
    assert document["owners"][0]["facts"]["working_dir"] == "/srv/two/app"
    docker.compose(host, "/srv/one/app", "down -t 1")
    assert pid in host.pids(" app-worker$")  # an orphan to that `down`
    host.run("docker rm -f $(docker ps -aq --filter label=com.docker.compose.project=app)")


# --- units and crontabs that start it ------------------------------------------------------------------------------


@pytest.fixture
def attached(host: Box) -> Iterator[Box]:
    """A unit that runs a project in the foreground, and starts that again when it ends."""
    project(host, "/srv/site", ["web"])
    lines = "[Service]\nWorkingDirectory=/srv/site\nExecStart=/usr/bin/docker compose up\nRestart=always\n"
    host.write("/etc/systemd/system/site.service", f"{lines}[Install]\nWantedBy=multi-user.target\n")
    host.run("systemctl daemon-reload && systemctl enable --now site")
    found(host, "site-web")
    yield host
    host.run("systemctl disable --now site; rm /etc/systemd/system/site.service; docker rm -f site-web-1")


@pytest.mark.truth
def test_a_unit_that_runs_compose_brings_it_back(attached: Box) -> None:
    """Policy no, and yet `docker stop` is undone by the unit; the plan closes that door too."""
    work = of_container(attached, "site-web-1", "site-web")
    actions: tuple[Action, ...] = ("sigkill", "owner-stop")
    for action in actions:
        policy = "no; unit: compose up"
        document, seen = check(
            attached, work, action, kind="compose-service", policy=policy, by="site.service", watch_s=12
        )
        assert document["owners"][1]["kind"] == "controller"
        work = again(work, seen)
    steps = plan_of(attached, work.pid)
    carry_out(attached, steps)
    attached.run("sleep 4")
    assert not attached.pids(" site-web$")
    undo(attached, steps)
    found(attached, "site-web")


@pytest.mark.truth
def test_a_boot_brings_back_what_a_unit_starts(attached: Box) -> None:
    """Its policy is no, the unit is enabled."""
    work = of_container(attached, "site-web-1", "site-web")
    check_reboot(attached, [Expected(work, "reboot", "compose-service", "no; enabled unit: compose up")], 40)


@pytest.mark.truth
def test_a_crontab_that_runs_compose_brings_it_back(host: Box) -> None:
    """`docker compose up -d` every minute, by a script that the line calls."""
    project(host, "/srv/kept", ["web"])
    host.write("/usr/local/bin/keep-up", "#!/bin/sh\ncd /srv/kept && docker compose up -d\n", 0o755)
    host.write("/etc/cron.d/keep", "* * * * * root /usr/local/bin/keep-up >/dev/null 2>&1\n")
    docker.compose(host, "/srv/kept", "up -d")
    work = of_container(host, "kept-web-1", "kept-web")
    try:
        policy, by = "no; crontab: compose up -d", "line 1 of /etc/cron.d/keep"
        document, _ = check(host, work, "owner-stop", kind="compose-service", policy=policy, by=by, watch_s=75)
        before = host.read("/etc/cron.d/keep")
        steps: list[dict[str, Any]] = foretold.explained(host, found(host, "kept-web"))["plan"]["steps"]
        carry_out(host, steps)
        host.run("sleep 65", timeout=80)
        assert not host.pids(" kept-web$")
        undo(host, steps)
        assert host.read("/etc/cron.d/keep") == before
        assert "starts it again" in foretold.fate_of(document, "owner-stop")["why"]
    finally:
        host.run("rm /etc/cron.d/keep; docker rm -f kept-web-1")


@pytest.mark.truth
def test_docker_exec_in_a_crontab_starts_nothing(host: Box) -> None:
    """A near miss: it only runs something inside."""
    project(host, "/srv/near", ["web"])
    host.write("/etc/cron.d/near", "* * * * * root docker exec near-web-1 true\n")
    docker.compose(host, "/srv/near", "up -d")
    document = foretold.explained(host, found(host, "near-web"))
    host.run("rm /etc/cron.d/near; docker rm -f near-web-1")
    assert foretold.fate_of(document, "owner-stop")["returns"] is False
    assert document["owners"][0]["facts"]["controllers"] == []
