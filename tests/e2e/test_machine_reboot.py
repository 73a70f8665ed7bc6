"""One real reboot of a whole machine: a kernel that starts anew, and who is there again afterwards."""

from __future__ import annotations

import shlex
from typing import Any, NamedTuple

import pytest
from e2e.keepers import Expected, carry_out, check_reboot, found, plan_of, program, script, undo, workload
from e2e.rig import docker, foretold, workloads
from e2e.vm.machine import Machine

pytestmark = pytest.mark.truth

NEXT_MINUTE_S = 75
AT_BOOT = "[Install]\nWantedBy=multi-user.target"
OF_USER = "/home/boots/.config/systemd/user"


def containers(machine: Machine) -> list[Expected]:
    """Every policy, and a service of a Compose project."""
    cases = [
        Expected(
            workloads.start(machine, "docker-run", name=f"run-{policy}", work="sleep", restart=policy),
            "reboot",
            "docker-container",
            policy,
        )
        for policy in ("no", "always", "unless-stopped", "on-failure")
    ]
    service = workloads.start(machine, "compose", name="composed", work="sleep", restart="unless-stopped")
    return [*cases, Expected(service, "reboot", "compose-service", "unless-stopped")]


def units(machine: Machine) -> list[Expected]:
    """Enabled for good, for this boot, not at all, not to be enabled, by a timer, and a transient one."""
    lines = {
        "enabled": [AT_BOOT],
        "disabled": [AT_BOOT],
        "enabled-runtime": [AT_BOOT],
        "static": [],
        "timed": [],
    }
    works = {
        state: workloads.start(machine, "systemd", name=f"unit-{state}", work="sleep", service_lines=more)
        for state, more in lines.items()
    }
    machine.run("systemctl enable unit-enabled && systemctl enable --runtime unit-enabled-runtime")
    machine.write("/etc/systemd/system/unit-timed.timer", "[Timer]\nOnBootSec=10s\n[Install]\nWantedBy=timers.target\n")
    machine.run("systemctl daemon-reload && systemctl enable --now unit-timed.timer")
    machine.run(["systemd-run", "--unit=passing", *program("passing")])
    works["transient"] = workload(machine, "passing", "systemd", "/passing.service")
    return [Expected(work, "reboot", "systemd-service", state) for state, work in works.items()]


def of_a_user(machine: Machine) -> Expected:
    """Enabled by a user whose own systemd is started at boot."""
    unit = f"[Service]\nExecStart={script(machine, 'lingering')}\n[Install]\nWantedBy=default.target\n"
    machine.run("useradd -m -s /bin/sh boots")
    machine.write(f"{OF_USER}/lingering.service", unit)
    machine.run("chown -R boots: /home/boots && loginctl enable-linger boots")
    run = "systemctl --user -M boots@"
    machine.wait_for("the user's systemd", lambda: machine.run(f"{run} daemon-reload && {run} enable --now lingering"))
    work = workload(machine, "lingering", "systemd --user", "/lingering.service")
    return Expected(work, "reboot", "systemd-user-service", "enabled, lingering")


def jobs(machine: Machine) -> list[Expected]:
    """A line for every minute, and one for every boot, which cron takes for its first start here."""
    lines = {"by-minute": "* * * * *", "at-boot": "@reboot"}
    text = "\n".join(f"{when} root {script(machine, name)}" for name, when in lines.items())
    machine.write("/etc/cron.d/boots", f"{text}\n")
    machine.run("rm -f /run/crond.reboot && systemctl restart cron")
    found(machine, "at-boot")
    works = {name: workload(machine, name, "cron", "/cron.service", timeout=NEXT_MINUTE_S) for name in lines}
    return [Expected(work, "reboot", "cron-job", lines[name]) for name, work in works.items()]


def left_behind(machine: Machine) -> list[Expected]:
    """What nobody keeps: an orphan, and a process of a login that has ended."""
    orphan = workloads.start(machine, "unmanaged", name="orphan", work="sleep")
    session = workloads.start(machine, "session", name="of-login", work="sleep")
    return [Expected(orphan, "reboot", "unmanaged", "-"), Expected(session, "reboot", "session", "-")]


class Held(NamedTuple):
    """Work whose plans were carried out; `boot_id` is of the boot in which that was."""

    boot_id: str
    plans: dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def held(machine: Machine) -> Held:
    """Three that a reboot would bring back, each held by its own plan."""
    works = {
        "held-run": workloads.start(machine, "docker-run", name="held-run", work="sleep", restart="always"),
        "held-composed": workloads.start(machine, "compose", name="held-composed", work="sleep", restart="always"),
        "held-unit": workloads.start(machine, "systemd", name="held-unit", work="sleep", service_lines=[AT_BOOT]),
    }
    machine.run("systemctl enable held-unit")
    plans = {name: plan_of(machine, work.pid) for name, work in works.items()}
    for steps in plans.values():
        carry_out(machine, steps)
    return Held(machine.boot_id, plans)


@pytest.fixture(scope="module")
def stopped(machine: Machine) -> dict[str, bool | None]:
    """Containers that somebody stopped, whose programs did not take SIGTERM: what is foretold of each."""
    told: dict[str, bool | None] = {}
    for policy in ("always", "unless-stopped", "on-failure"):
        name = f"stopped-{policy}"
        workloads.start(machine, "docker-run", name=name, work="sleep", restart=policy)
        machine.run(["docker", "stop", "-t", "1", name])
        assert docker.info(machine, name).exit_code == 137
        told[name] = foretold.fate_of(foretold.explained(machine, "--container", name), "reboot")["returns"]
    return told


def test_a_reboot_brings_back_what_was_foretold(machine: Machine, held: Held, stopped: dict[str, bool | None]) -> None:
    """Everything at once, since a reboot under emulation takes its time."""
    cases = [*containers(machine), *units(machine), of_a_user(machine), *jobs(machine), *left_behind(machine)]
    check_reboot(machine, cases, NEXT_MINUTE_S)


def after_reboot(machine: Machine, boot_id: str) -> None:
    """The test above has rebooted the machine, unless it was left out."""
    if machine.boot_id == boot_id:
        machine.reboot()


def test_a_container_that_was_stopped_by_hand(machine: Machine, held: Held, stopped: dict[str, bool | None]) -> None:
    """A boot brings back `always`, and `on-failure` too, since the stop ended it with 137."""
    after_reboot(machine, held.boot_id)
    assert {name: docker.info(machine, name).status == "running" for name in stopped} == stopped


def test_a_plan_holds_over_a_reboot_and_is_undone_after_it(machine: Machine, held: Held) -> None:
    """None of the work is there after the boot; the undo, in reverse order, brings all of it back."""
    after_reboot(machine, held.boot_id)
    for name, steps in held.plans.items():
        assert not machine.pids(f" {name}$"), shlex.join(step["command"] for step in steps)
        undo(machine, steps)
        found(machine, name)
    assert docker.info(machine, "held-run").policy == "always"
    assert machine.run(["systemctl", "is-enabled", "held-unit"]).stdout == "enabled\n"
