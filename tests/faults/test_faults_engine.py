"""What happens to the Docker Engine does not happen to the watch: no alert, no incident and no write is lost."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from e2e.rig import docker, extras, product
from e2e.rig.box import Box
from faults.service import (
    NOTHING,
    Account,
    Service,
    container,
    explained,
    main_pid,
    set_going,
    signalled,
)

pytestmark = pytest.mark.rig

MANY = 100  # containers that are really there
CROWD = 500  # that an engine of ours tells of
EXPLAIN_S = 5.0  # of CPU, on a busy machine; alone on a quiet one it takes half a second


@contextmanager
def ready(service: Service, name: str, *options: str) -> Iterator[int]:
    """A container that waits to be set going, by the PID of its main process; removed at the end."""
    try:
        yield container(service.box, name, *options)
    finally:
        service.box.run(["docker", "rm", "-f", "-v", name], check=False)


def owner_of(service: Service, pid: int) -> dict[str, Any]:
    """The innermost owner that `explain` names now."""
    return dict(explained(service.box, str(pid))["owners"][0])


def test_dockerd_frozen(service: Service) -> None:
    """A container runs away while its engine answers nobody: told in time, with what could not be asked."""
    with ready(service, "frozen-spinner") as pid:
        daemon = main_pid(service.box, "docker.service")
        account = Account(service)
        signalled(service.box, "STOP", daemon)
        try:
            set_going(service.box, pid)
            told = service.wait_told(pid)
            lost = account.lost(pid)
        finally:
            signalled(service.box, "CONT", daemon)
        assert "cannot answer: its process is stopped" in " ".join(told.text.split())
        assert "frozen-spinner" not in told.text  # only its engine knows that name
        assert lost == NOTHING, f"lost while dockerd was frozen: {lost}"
        service.box.wait_for("its name again", lambda: owner_of(service, pid)["name"] == "frozen-spinner")


@pytest.mark.truth
def test_dockerd_killed(service: Service) -> None:
    """`kill -9` of the daemon: systemd brings it back, the daemon its container, and the incident goes on as one."""
    with ready(service, "killed-spinner", "--restart=always") as pid:
        set_going(service.box, pid)
        account = Account(service)
        service.wait_told(pid)
        daemon = main_pid(service.box, "docker.service")
        signalled(service.box, "KILL", daemon)
        box = service.box
        box.wait_for("another dockerd", lambda: box.run("docker version").returncode == 0, timeout=60)
        box.wait_for("it spins", lambda: docker.info(box, "killed-spinner").status == "running", timeout=60)
        back = docker.info(box, "killed-spinner").pid
        if back != pid:
            set_going(box, back)
        box.wait_for("an explanation", lambda: owner_of(service, back)["name"] == "killed-spinner", timeout=60)
        lost = account.lost(pid)
        assert lost == NOTHING, f"lost when dockerd was killed: {lost}"
        assert len([each for each in service.incidents() if pid in each["pids"]]) == 1


@pytest.mark.truth
def test_dockerd_restarted_while_it_is_asked(service: Service) -> None:
    """Whoever asks while it goes down and comes up gets the truth or a gap: never a traceback, never no owner."""
    with ready(service, "restarted-spinner", "--restart=always") as pid:
        set_going(service.box, pid)
        account = Account(service)
        service.wait_told(pid)
        answers: list[dict[str, Any]] = []
        over = threading.Event()

        def ask() -> None:
            while not over.is_set():
                answers.append(explained(service.box, "--container", "restarted-spinner"))

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            service.box.run("for i in 1 2 3; do systemctl restart docker; sleep 1; done", timeout=180)
        finally:
            over.set()
            asking.join()
        lost = account.lost(pid)
        whole = [each for each in answers if each.get("owners")]
        print(f"{len(answers)} answers, {len(whole)} of them whole")
        assert len(answers) >= 3
        assert {each["owners"][0]["name"] for each in whole} <= {"restarted-spinner"}
        # Without an owner it says what did not answer; without a document, that such a container does not run now.
        assert all(each["gaps"] for each in answers if each and not each["owners"])
        assert lost == NOTHING, f"lost when dockerd was restarted three times: {lost}"


@pytest.mark.truth
def test_dockerd_upgraded(service: Service, wheel: Path) -> None:
    """From 20.10 to Debian's newest under a burning container: the same owner, the same incident, no word twice."""
    (newer,) = extras.layers(("new-engine",))
    with Box(product.product_layers(wheel)) as box:
        docker.import_image(box)
        upgraded = Service(box)
        upgraded.install()
        with ready(upgraded, "upgraded-spinner", "--restart=always") as pid:
            set_going(box, pid)
            account = Account(upgraded)
            upgraded.wait_told(pid)
            before = owner_of(upgraded, pid)
            assert engine(box).startswith("20.10")
            box.run("systemctl stop docker.socket docker containerd")
            for part in ("usr/bin", "usr/sbin", "usr/libexec/docker"):
                subprocess.run(["cp", "-a", "--remove-destination", f"{newer / part}/.", box.root / part], check=True)
            box.run("systemctl start containerd docker", timeout=90)
            assert not engine(box).startswith("20.10")
            box.wait_for("it runs", lambda: docker.info(box, "upgraded-spinner").status == "running", timeout=60)
            back = docker.info(box, "upgraded-spinner").pid
            set_going(box, back)
            after = owner_of(upgraded, back)
            lost = account.lost(pid)
        assert (after["name"], after["id"], after["policy"]) == (before["name"], before["id"], before["policy"])
        assert lost == NOTHING, f"lost when the engine was upgraded: {lost}"


def engine(box: Box) -> str:
    return box.run("docker version -f '{{.Server.Version}}'").stdout


@pytest.mark.truth
def test_a_hundred_containers(service: Service) -> None:
    """Really there and idle: the one that runs away is told with its name, and explained within seconds."""
    box = service.box
    names = " ".join(f"idle-{number}" for number in range(MANY))
    start = f"for n in {names}; do docker run -d --network=none --name=$n bb:1 sleep 1000000 >/dev/null; done"
    try:
        box.run(start, timeout=600)
        with ready(service, "one-of-many") as pid:
            account = Account(service)
            set_going(box, pid)
            service.wait_told(pid)
            spent_s = cpu_of_explain(service, pid)
            lost = account.lost(pid)
        print(f"explain among {MANY} containers: {spent_s:.2f} s of CPU")
        assert spent_s < EXPLAIN_S
        assert lost == NOTHING, f"lost among {MANY} containers: {lost}"
    finally:
        box.run(f"docker rm -f -v {names} >/dev/null 2>&1", check=False, timeout=300)


@pytest.mark.truth
def test_an_engine_with_five_hundred_containers(service: Service) -> None:
    """All of them are known by the few questions that are asked of any number, and the runaway is explained whole."""
    box, path = service.box, "/run/crowded-engine.sock"
    box.write("/opt/rig/crowded_engine.py", Path(__file__).with_name("crowded_engine.py").read_text())
    box.run(f"systemd-run --quiet --collect --unit=crowded-engine python3 /opt/rig/crowded_engine.py {path}")
    try:
        with ready(service, "one-of-five-hundred") as pid:
            set_going(box, pid)
            box.wait_for("the socket", lambda: box.exists(path))
            environment = {"DOCKER_HOST": f"unix://{path}"}
            listed = box.run("docker ps -q | wc -l", env=environment).stdout
            document = explained(box, str(pid), env=environment)
            asked = box.run("journalctl -u crowded-engine -ocat").stdout.splitlines()
            spent_s = cpu_of_explain(service, pid, environment)
    finally:
        box.run(f"systemctl stop crowded-engine; rm -f {path}", check=False)
    questions = [line for line in asked if line.startswith("/v")]
    print(f"explain among {CROWD} containers: {spent_s:.2f} s of CPU, {len(questions)} questions")
    assert int(listed) > CROWD
    assert document["owners"][0]["name"] == "one-of-five-hundred"
    assert document["gaps"] == [], f"lost: {len(document['gaps'])} answers"
    assert spent_s < EXPLAIN_S


def cpu_of_explain(service: Service, pid: int, environment: dict[str, str] | None = None) -> float:
    """What one explanation costs, in seconds of CPU."""
    timed = f"TIMEFORMAT=%U; time runaway-watchdog explain {pid} >/dev/null"
    return float(service.box.run(["bash", "-c", timed], env=environment, check=False, timeout=90).stderr.split()[-1])
