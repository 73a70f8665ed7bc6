"""The main job, end to end: a runaway in a Compose project, and its twin in a systemd service.

The watchdog runs as the installed, confined service; alerts go to a real SMTP server and to an HTTPS sink in the
shape of Slack; the steps that it proposes are pasted into a root shell as they are; and at the very end the command
that it warned of is really run, to see whether it destroys what was predicted.
"""

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from e2e.rig import docker, sinks
from e2e.rig.box import Box, MakeBox
from e2e.rig.workloads import program

PROJECTS = ("ocr", "shop", "blog")
DATABASE_BYTES = 3_000_000
CONFIG = """\
[sampling]
interval = "1s"

[[rule]]
name = "sustained-cpu"
cpu = 50     # two cores are shared by the whole test
for = "8s"

[alerts]
urls = [
    "mailto://127.0.0.1:2525/?from=watchdog@box.example&to=me@box.example&mode=insecure",
    "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/?verify=no",
]
"""


def project(name: str) -> str:
    """A database with a named volume, and a worker with an anonymous one; the worker of "ocr" spins."""
    work = program("ocr-spinner", "spin" if name == "ocr" else "sleep", "exit-0")
    database = f"[ -f /data/1 ] || head -c {DATABASE_BYTES} /dev/urandom > /data/1; exec sleep 1000000"
    services = {
        "db": {"image": docker.IMAGE, "command": ["sh", "-c", database], "volumes": ["pgdata:/data"]},
        "worker": {"image": docker.IMAGE, "command": work, "restart": "always", "volumes": ["/cache"]},
    }
    return json.dumps({"services": services, "volumes": {"pgdata": {}}})


@pytest.fixture(scope="module")
def host(make_box: MakeBox) -> Iterator[Box]:
    """A VPS with three Compose projects, where the watchdog is installed and alerts by mail and Slack."""
    box = make_box()
    sinks.start_sinks(box)
    box.write("/etc/runaway-watchdog/config.toml", CONFIG, 0o600)
    box.run("runaway-watchdog install", timeout=120)
    for name in PROJECTS:
        docker.compose_up(box, f"/srv/{name}", project(name))
    yield box
    print(box.run("journalctl -u 'runaway-watchdog*' --no-pager -n 80", check=False).stdout)


def explain(box: Box, *words: str) -> dict[str, Any]:
    """`explain --json`; its exit code is 0, or 4 where something could not be read."""
    done = box.run(["runaway-watchdog", "explain", *words, "--json"], check=False)
    assert done.returncode in (0, 4), done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["gaps"] == []
    return document


def checksums(box: Box) -> dict[str, str]:
    return {volume: docker.volume_checksum(box, volume) for volume in docker.volumes(box)}


def started(box: Box, without: str) -> dict[str, str]:
    """When every container but one was started."""
    names = box.run("docker ps -a --format '{{.Names}}'").stdout.split()
    return {name: docker.info(box, name).started_at for name in names if name != without}


def spinner(box: Box) -> int:
    pid = docker.info(box, "ocr-worker-1").pid
    assert pid > 1
    return pid


def body_of(mail: Any) -> str:
    part = mail.get_body(("plain",)) or mail.get_body(("html",))
    return str(part.get_content())


@pytest.fixture(scope="module")
def alerted(host: Box) -> int:
    """The PID that the first alert is about."""
    pid = spinner(host)
    host.wait_for("a mail", lambda: sinks.mails(host), timeout=60)
    host.wait_for("a Slack message", lambda: sinks.hooks(host), timeout=30)
    return pid


EVERY_ALERT_SAYS = (
    "ocr/worker",  # project and service
    "bb:1",
    "/srv/ocr/docker-compose.yml",
    "always",
    "docker update --restart=no ocr-worker-1",
    "docker stop ocr-worker-1",
    "docker compose -p ocr down -v",
    "ocr_pgdata",
    "ocr-db-1",
)


def test_the_mail_says_it_all(host: Box, alerted: int) -> None:
    """What it is, who brings it back, what to do, and what `down -v` would delete."""
    mail = sinks.mails(host)[0]
    text = body_of(mail)
    for words in (str(alerted), *EVERY_ALERT_SAYS):
        assert words in text
    assert text.index("--restart=no") < text.index("docker stop ocr-worker-1")
    assert "2.9 MiB" in text
    assert len(str(mail["Subject"])) <= 60


def test_the_slack_message_says_it_all(host: Box, alerted: int) -> None:
    """The same, in the shape of a Slack webhook."""
    hook = sinks.hooks(host)[0]
    text = json.dumps(hook.body, ensure_ascii=False)
    assert hook.path.startswith("/services/")
    for words in (str(alerted), *EVERY_ALERT_SAYS):
        assert words in text


def test_the_incident_is_listed(host: Box, alerted: int) -> None:
    """`incidents --json` has it, open, with its owners."""
    listed = json.loads(host.run("runaway-watchdog incidents --json").stdout)["incidents"]
    (incident,) = [each for each in listed if alerted in each["pids"]]
    assert incident["state"] == "open"
    assert incident["owners"][0]["name"] == "ocr/worker"


def test_a_killed_pid_is_explained(host: Box, alerted: int) -> None:
    """After `kill` and `kill -9` the old PID leads to the new one, and the returns are counted with their delays."""
    for number, signal in enumerate(("TERM", "KILL"), start=1):
        old = spinner(host)
        host.wait_for("hot long enough to be followed", partial(_is_followed, host, old), timeout=40)
        promised = {outlook["action"]: outlook for outlook in explain(host, str(old))["prognosis"]}[
            f"sig{signal.lower()}"
        ]
        assert promised["returns"] is True
        assert promised["after_s"] <= 1
        host.run(["kill", f"-{signal}", str(old)])
        host.wait_for("the new container process", partial(spinner_or_none, host, old), timeout=5)
        new = spinner(host)
        document = host.wait_for("the return on record", partial(_returned, host, old, number), timeout=20)
        assert document["process"]["pid"] == new
        assert document["history"]["returns_seen"] == number
        assert document["history"]["longest_s"] <= 1
        text = host.run(["runaway-watchdog", "explain", str(old)], check=False).stdout
        assert re.search(rf"PID {old} (died|was ended by SIG{signal}|exited with \d+)", text)  # as the kernel tells it
        assert f"as PID {new}" in text


def spinner_or_none(box: Box, other_than: int) -> int | None:
    pid = docker.info(box, "ocr-worker-1").pid
    return pid if pid > 1 and pid != other_than else None


def _is_followed(box: Box, pid: int) -> bool:
    """The watch has a figure of its own for it, which `explain` then shows; and it has lived for ten seconds, after
    which the engine's delay is the first one again."""
    document = explain(box, str(pid))
    return bool(document["process"]["cpu"]["window_s"] > 0.5 and document["owners"][0]["facts"]["up_s"] >= 10)


def _returned(box: Box, pid: int, returns: int) -> dict[str, Any] | None:
    done = box.run(["runaway-watchdog", "explain", str(pid), "--json"], check=False)
    document: dict[str, Any] = json.loads(done.stdout) if done.stdout else {"history": {"returns_seen": 0}}
    return document if document["history"]["returns_seen"] >= returns else None


def test_the_plan_holds_and_nothing_is_lost(host: Box, alerted: int) -> None:
    """The steps, pasted one after the other, end it for good; and their undo, in reverse, brings it back."""
    before, others = checksums(host), started(host, without="ocr-worker-1")
    plan = explain(host, str(spinner(host)))["plan"]
    for step in plan["steps"]:
        host.run(step["command"])
    assert docker.info(host, "ocr-worker-1").status == "exited"
    assert started(host, without="ocr-worker-1") == others
    host.run("systemctl restart docker", timeout=90)
    host.wait_for("the others are back", lambda: docker.info(host, "shop-worker-1").status == "running", timeout=30)
    assert docker.info(host, "ocr-worker-1").status == "exited"
    assert checksums(host) == before
    for step in reversed(plan["steps"]):
        host.run(step["undo"])
    worker = docker.info(host, "ocr-worker-1")
    assert (worker.status, worker.policy) == ("running", "always")


def test_what_it_warns_of_is_what_would_happen(host: Box, alerted: int) -> None:
    """`docker compose -p ocr down -v`, really run: exactly the predicted volumes are gone."""
    warned = explain(host, str(spinner(host)))["plan"]["never"]
    (never,) = (each for each in warned if each["command"] == "docker compose -p ocr down -v")
    before = set(docker.volumes(host))
    host.run(never["command"], timeout=90)
    gone = before - set(docker.volumes(host))
    assert gone == {loss["name"] for loss in never["would_lose"]}
    assert "ocr_pgdata" in gone


def test_the_systemd_twin(host: Box, alerted: int) -> None:
    """A service with Restart=always: found, alerted, killed and explained, ended for good by the steps, and undone."""
    mails = len(sinks.mails(host))
    spin = " ".join(json.dumps(word) for word in program("burn-spinner", "spin"))
    host.write(
        "/etc/systemd/system/burn.service",
        f"[Service]\nExecStart={spin}\nRestart=always\n[Install]\nWantedBy=multi-user.target\n",
    )
    host.run("systemctl daemon-reload && systemctl enable --now burn.service")
    old = main_pid(host)
    mail = host.wait_for("a mail", lambda: next(iter(_mails_about(host, mails, "burn.service")), None), timeout=60)
    text = body_of(mail)
    for words in (str(old), "Restart=always", "systemctl stop burn.service", "systemctl disable burn.service"):
        assert words in text
    host.run(["kill", "-9", str(old)])
    document = host.wait_for("the return on record", lambda: _returned(host, old, 1), timeout=20)
    assert document["process"]["pid"] == main_pid(host) != old
    assert document["owners"][0]["kind"] == "systemd-service"
    steps = document["plan"]["steps"]
    for step in steps:
        host.run(step["command"])
    host.run("systemctl daemon-reexec")
    state = host.run("systemctl is-active burn.service; systemctl is-enabled burn.service", check=False).stdout
    assert state.split() in (["inactive", "disabled"], ["failed", "disabled"])
    for step in reversed(steps):
        host.run(step["undo"])
    state = host.run("systemctl is-active burn.service; systemctl is-enabled burn.service").stdout
    assert state.split() == ["active", "enabled"]


def main_pid(box: Box) -> int:
    return int(box.run("systemctl show -P MainPID burn.service").stdout)


def _mails_about(box: Box, after: int, words: str) -> list[Any]:
    return [mail for mail in sinks.mails(box)[after:] if words in body_of(mail)]
