"""Plans, really pasted, and then undone in reverse order: the host is as before."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from e2e.rig import docker
from e2e.rig.box import Box
from e2e.rig.plans import carry_out, undo
from e2e.rig.workloads import How, Keeper, program, running


def plan_of(box: Box, *words: str) -> list[dict[str, Any]]:
    done = box.run(["runaway-watchdog", "explain", *words, "--json"], check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    steps: list[dict[str, Any]] = json.loads(done.stdout)["plan"]["steps"]
    return steps


def states(box: Box, *units: str) -> list[str]:
    return [box.run(f"systemctl is-active {unit}; systemctl is-enabled {unit}", check=False).stdout for unit in units]


@pytest.fixture
def linked(box: Box) -> Iterator[str]:
    """A unit that was enabled by its path: its only name below /etc is a link."""
    command = " ".join(json.dumps(word) for word in program("linked-work", "sleep"))
    unit = f"[Service]\nExecStart={command}\nRestart=always\n[Install]\nWantedBy=multi-user.target\n"
    box.write("/srv/app/linked.service", unit)
    box.run("systemctl enable --now /srv/app/linked.service")
    yield "linked.service"
    box.run("systemctl disable --now linked.service", check=False)


def test_a_unit_that_was_enabled_by_its_path(box: Box, linked: str) -> None:
    """`disable` removes its name, and the undo gives it back."""
    before = states(box, linked)
    steps = plan_of(box, "--unit", linked)
    carry_out(box, steps)
    assert states(box, linked) != before
    undo(box, steps)
    assert states(box, linked) == before


def test_what_stops_with_a_unit_is_started_again(box: Box) -> None:
    """A service that requires it goes down with it; the effect says so, and the undo brings both back."""
    for name, lines in (("base", ""), ("dep", "Requires=base.service\nAfter=base.service")):
        command = " ".join(json.dumps(word) for word in program(f"{name}-work", "sleep"))
        box.write(f"/etc/systemd/system/{name}.service", f"[Unit]\n{lines}\n[Service]\nExecStart={command}\n")
    box.run("systemctl daemon-reload && systemctl start dep.service")
    before = states(box, "base", "dep")
    steps = plan_of(box, "--unit", "base")
    assert "dep.service stops with it" in " ".join(step["effect"] for step in steps)
    carry_out(box, steps)
    assert "inactive" in states(box, "dep")[0]
    undo(box, steps)
    assert states(box, "base", "dep") == before
    box.run("systemctl stop dep.service base.service")


def test_a_helper_in_a_container_leaves_the_container_alone(box: Box) -> None:
    """What `docker exec` put there, and its children, are ended by themselves; the container is not touched."""
    with running(box, "docker-run", work="sleep", restart="always") as work:
        box.run(["docker", "exec", "-d", work.name, "sh", "-c", "sleep 5005; true"])
        pid = box.wait_for("the helper", partial(helper, box))
        started = docker.info(box, work.name).started_at
        steps = plan_of(box, str(pid))
        carry_out(box, steps)
        box.wait_for("its end", lambda: pid not in box.pids("sleep 5005$"))
        assert docker.info(box, work.name).started_at == started


def helper(box: Box) -> int | None:
    return next(iter(box.pids("^sleep 5005$")), None)


def test_a_paused_container_is_paused_again(box: Box) -> None:
    """Also what was paused before is as it was."""
    with running(box, "docker-run", work="sleep", restart="always") as work:
        box.run(["docker", "pause", work.name])
        steps = plan_of(box, "--container", work.name)
        carry_out(box, steps)
        assert docker.info(box, work.name).status == "exited"
        undo(box, steps)
        found = docker.info(box, work.name)
        assert (found.status, found.policy) == ("paused", "always")


def test_a_frozen_orphan_goes_on(box: Box) -> None:
    """Stopped, and by the undo running again: the same process, as nice as it was."""
    with running(box, "unmanaged") as work:
        steps = [step for step in plan_of(box, str(work.pid)) if step["undo"]]
        carry_out(box, steps)
        assert box.run(["ps", "-o", "state=", "-p", str(work.pid)]).stdout.strip() == "T"
        undo(box, steps)
        assert box.run(["ps", "-o", "state=,ni=", "-p", str(work.pid)]).stdout.split() == ["R", "0"]


def test_another_process_is_never_hit(box: Box) -> None:
    """A command that is pasted after the PID was given to another process says so and does nothing."""
    with running(box, "unmanaged") as work:
        (freeze,) = [step for step in plan_of(box, str(work.pid)) if "STOP" in step["command"]]
        start = box.read(f"/proc/{work.pid}/stat").rpartition(")")[2].split()[19]
        stale = freeze["command"].replace(start, str(int(start) - 1))
        done = box.run(stale, check=False)
        assert (done.returncode != 0, "is no longer this process" in done.stdout) == (True, True)
        assert box.run(["ps", "-o", "state=", "-p", str(work.pid)]).stdout.strip() == "R"


def test_a_running_cron_job_survives_the_stop_of_cron(box: Box) -> None:
    """`explain` says so, and so it is: cron.service has KillMode=process."""
    box.write("/etc/cron.d/planned", "* * * * * root exec sleep 6006\n")
    pid = box.wait_for("the next minute", lambda: next(iter(box.pids("^sleep 6006$")), None), timeout=75)
    document = json.loads(box.run(["runaway-watchdog", "explain", str(pid), "--json"], check=False).stdout)
    outlook = next(each for each in document["prognosis"] if each["action"] == "owner-stop")
    box.run("rm /etc/cron.d/planned; systemctl stop cron")
    assert pid in box.pids("^sleep 6006$")
    assert outlook["ends"] is False
    box.run(["kill", str(pid)])
    box.run("systemctl start cron")


@pytest.mark.parametrize("keeper", ["docker-run", "systemd"])
def test_a_plan_as_a_script(box: Box, keeper: Keeper) -> None:
    """Each step is checked after it was done; `undo` brings the host back to what it was."""
    how: How = {"work": "sleep", "restart": "always", "service_lines": ["Restart=always"], "on_term": "exit-0"}
    with running(box, keeper, **how) as work:
        box.run(f"runaway-watchdog plan {work.pid} --script > /root/plan.sh")
        assert "done; to go back" in box.run(["sh", "/root/plan.sh"]).stderr
        assert not box.pids(f" {work.name}$")
        box.run(["sh", "/root/plan.sh", "undo"])
        box.wait_for("the work again", lambda: box.pids(f" {work.name}$"))
        again = box.run(f"runaway-watchdog plan {box.pids(f' {work.name}$')[0]} --script").stdout
        first = box.read("/root/plan.sh").replace(f"PID {work.pid}", "PID")
        assert [line for line in again.splitlines() if line.startswith(("docker ", "systemctl "))] == [
            line for line in first.splitlines() if line.startswith(("docker ", "systemctl "))
        ]
