"""Records hosts for tests/hosts: boots a box, makes each situation for real, and keeps what explaining it asked.

    cd tests && python -m e2e.record_hosts [NAME …]

A recording is evidence: make it anew only when an explanation asks something new, and look at the golden answers.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from e2e.rig import docker, product, workloads
from e2e.rig.box import Box

HOSTS = Path(__file__).parent.parent / "hosts"
RECORD = Path(__file__).parent.parent / "support" / "record.py"
PYTHON = "/opt/runaway-watchdog/bin/python"
SPIN = "trap 'exit 0' TERM; while :; do :; done"


def record(box: Box, name: str, pid: int, about: str, *, as_user: str = "root") -> None:
    """Explain a PID in the box and keep the recording under `name`."""
    box.write("/opt/rig/record.py", RECORD.read_text())
    words = [PYTHON, "/opt/rig/record.py", str(pid), about]
    if as_user != "root":
        words = ["setpriv", f"--reuid={as_user}", "--clear-groups", *words]
    recording = json.loads(box.run(words).stdout)
    folder = HOSTS / name
    folder.mkdir(exist_ok=True)
    (folder / "recording.json").write_text(json.dumps(recording, indent=1, sort_keys=True) + "\n")
    print(f"{name}: {len(recording['asked'])} questions", file=sys.stderr)


def main_pid(box: Box, unit: str) -> int:
    return int(box.run(["systemctl", "show", "-P", "MainPID", unit]).stdout)


def compose_worker(box: Box) -> None:
    services = {
        "db": {
            "image": docker.IMAGE,
            "command": ["sh", "-c", "echo rows > /data/1; exec sleep 1000"],
            "volumes": ["pgdata:/data"],
        },
        "worker": {"image": docker.IMAGE, "command": ["sh", "-c", SPIN], "restart": "always", "volumes": ["/cache"]},
    }
    docker.compose_up(box, "/srv/ocr", json.dumps({"services": services, "volumes": {"pgdata": {}}}))
    record(
        box, f"compose-worker-{box.layout}", docker.info(box, "ocr-worker-1").pid, "a Compose service, restart: always"
    )


def story(box: Box) -> None:
    """The one that the README shows: a worker that spins beside a database."""
    database = "[ -f /data/base ] || head -c 48000000 /dev/zero > /data/base; exec sleep 1000"
    services = {
        "db": {"image": docker.IMAGE, "command": ["sh", "-c", database], "volumes": ["pgdata:/data"]},
        "worker": {
            "image": docker.IMAGE,
            "command": ["/usr/local/bin/ocr-worker", "--queue", "scans"],
            "restart": "always",
            "volumes": ["./ocr-worker:/usr/local/bin/ocr-worker:ro"],
        },
    }
    box.write("/srv/scans/ocr-worker", f"#!/bin/sh\n{SPIN}\n", 0o755)
    docker.compose_up(box, "/srv/scans", json.dumps({"services": services, "volumes": {"pgdata": {}}}))
    box.wait_for("ten seconds of life", lambda: docker.info(box, "scans-worker-1").pid > 1)
    time.sleep(10)
    record(box, "story", docker.info(box, "scans-worker-1").pid, "the README's story: a worker beside a database")


def on_failure(box: Box) -> None:
    with workloads.running(box, "docker-run", restart="on-failure:5", on_term="exit-1") as work:
        record(box, "docker-on-failure", work.pid, "docker run --restart on-failure:5")


def removed_when_stopped(box: Box) -> None:
    with workloads.running(box, "docker-run", docker_options=["--rm"]) as work:
        record(box, "docker-rm", work.pid, "docker run --rm: stopping it deletes it")


def exec_stray(box: Box) -> None:
    with workloads.running(box, "docker-run", work="sleep", restart="always") as work:
        box.run(["docker", "exec", "-d", work.name, "sh", "-c", "while :; do :; done; # stray"])
        pid = box.wait_for("the stray", lambda: next(iter(box.pids("# stray$")), None))
        record(box, "docker-exec-stray", pid, "a process that docker exec put beside the container's main one")


def restarting_service(box: Box) -> None:
    lines = ["Restart=always", "[Install]", "WantedBy=multi-user.target"]
    with workloads.running(box, "systemd", service_lines=lines) as work:
        box.run(["systemctl", "enable", work.owner.lstrip("/")])
        record(box, "systemd-always", work.pid, "a service with Restart=always, enabled")
        box.run(["systemctl", "disable", work.owner.lstrip("/")])


def timed_service(box: Box) -> None:
    with workloads.running(box, "systemd", name="nightly") as work:
        timer = "[Timer]\nOnCalendar=*-*-* 02:00:00\n[Install]\nWantedBy=timers.target\n"
        box.write("/etc/systemd/system/nightly.timer", timer)
        box.run("systemctl daemon-reload && systemctl enable --now nightly.timer")
        record(box, "systemd-timer", work.pid, "a service with Restart=no that an enabled timer starts")
        box.run("systemctl disable --now nightly.timer && rm /etc/systemd/system/nightly.timer")


def dockerd(box: Box) -> None:
    record(box, "dockerd", main_pid(box, "docker.service"), "dockerd is a systemd service, not a container")


def orphan(box: Box) -> None:
    with workloads.running(box, "unmanaged") as work:
        record(box, "orphan", work.pid, "a process whose parent is gone, in no unit")


def left_in_a_session(box: Box) -> None:
    with workloads.running(box, "session") as work:
        record(box, "session", work.pid, "a process that a login left behind")


def another_users(box: Box) -> None:
    pid = docker.info(box, "ocr-worker-1").pid
    record(box, "without-root", pid, "the same container, explained by a user who may see little", as_user="nobody")


def frozen_engine(box: Box) -> None:
    pid = docker.info(box, "ocr-worker-1").pid
    engine = main_pid(box, "docker.service")
    box.run(["kill", "-STOP", str(engine)])
    try:
        record(box, "frozen-engine", pid, "the same container while dockerd does not answer")
    finally:
        box.run(["kill", "-CONT", str(engine)])


SITUATIONS: dict[str, Callable[[Box], None]] = {
    "compose-worker": compose_worker,
    "story": story,
    "docker-on-failure": on_failure,
    "docker-rm": removed_when_stopped,
    "docker-exec-stray": exec_stray,
    "systemd-always": restarting_service,
    "systemd-timer": timed_service,
    "dockerd": dockerd,
    "orphan": orphan,
    "session": left_in_a_session,
    "without-root": another_users,
    "frozen-engine": frozen_engine,
}


def main(names: list[str]) -> None:
    wheel = product.build_wheel(Path(__file__).parent.parent.parent)
    layers = product.product_layers(wheel)
    with Box(layers) as box:
        docker.import_image(box)
        for name, situation in SITUATIONS.items():
            if not names or name in names or name == "compose-worker":
                situation(box)
    if not names or "compose-worker-v1" in names:
        with Box(layers, layout="v1") as box:
            docker.import_image(box)
            compose_worker(box)


if __name__ == "__main__":
    main(sys.argv[1:])
