"""systemd: units of every kind, and processes that are not a unit's main one."""

from __future__ import annotations

import shlex

import pytest
from e2e.keepers import (
    Action,
    Expected,
    carry_out,
    check,
    check_together,
    found,
    plan_of,
    program,
    script,
    undo,
    workload,
)
from e2e.rig.box import Box
from e2e.systemd_units import command, init_script, running, service, units


@pytest.mark.truth
def test_a_drop_in_and_a_template(host: Box) -> None:
    """The policy is that of the last drop-in, the instance's own included."""
    texts = {
        "many@.service": service("", "Restart=always", start=command("many")),
        "many@1.service.d/no.conf": "[Service]\nRestart=no\n",
        "dropped.service": service("dropped"),
        "dropped.service.d/restart.conf": "[Service]\nRestart=on-failure\n",
    }
    with units(host, texts, ["many@1.service", "dropped.service"]):
        check(
            host,
            running(host, "many", "many@1.service"),
            "sigkill",
            kind="systemd-service",
            policy="many@1, its drop-in Restart=no",
        )
        check(host, running(host, "dropped"), "sigkill", kind="systemd-service", policy="drop-in Restart=on-failure")


@pytest.mark.truth
def test_transient_services_and_scopes(host: Box) -> None:
    """systemd-run: the service has a policy, the scope has none."""
    host.run(["systemd-run", "--unit=fleeting", "-p", "Restart=always", *program("fleeting")])
    check(host, running(host, "fleeting"), "sigkill", kind="systemd-service", policy="systemd-run, Restart=always")
    check(host, running(host, "fleeting"), "owner-stop", kind="systemd-service", policy="systemd-run, Restart=always")
    host.run(f"systemd-run --scope --unit=scoped {shlex.join(program('scoped'))} >/dev/null 2>&1 &")
    check(
        host,
        workload(host, "scoped", "systemd", "/scoped.scope"),
        "sigkill",
        kind="systemd-scope",
        policy="systemd-run --scope",
    )


@pytest.mark.truth
def test_a_script_of_init_d(host: Box) -> None:
    """systemd does not see its process end, the script stops it, and the plan holds it and gives it back."""
    with init_script(host) as work:
        check(host, work, "sigkill", kind="sysv-service", policy="/etc/init.d")
        host.run("systemctl restart oldie")
        steps = plan_of(host, found(host, "oldie"))
        check(host, running(host, "oldie"), "owner-stop", kind="sysv-service", policy="/etc/init.d")
        host.run("systemctl start oldie")
        carry_out(host, steps)
        assert host.pids(" oldie$") == []
        assert "enabled" not in host.run("systemctl is-enabled oldie", check=False).stdout.split()
        undo(host, steps)
        found(host, "oldie")
        assert "enabled" in host.run("systemctl is-enabled oldie", check=False).stdout.split()


@pytest.mark.truth
def test_what_a_stop_leaves_behind(host: Box) -> None:
    """KillMode=process: the unit is down, its child burns on in its group, and no stop reaches it any more."""
    start = f"/bin/sh -c '{script(host, 'behind')} & exec sleep 5001'"
    with units(host, {"leaves.service": service("", "KillMode=process Restart=always", start=start)}, ["leaves"]):
        found(host, "behind")
        host.run("systemctl stop leaves")
        work = workload(host, "behind", "systemd", "/leaves.service", stop="systemctl stop leaves")
        check(host, work, "owner-stop", kind="systemd-service", policy="KillMode=process, left behind")
        check(host, work, "sigterm", kind="systemd-service", policy="KillMode=process, left behind")


@pytest.mark.truth
@pytest.mark.parametrize(
    ("policy", "last"), [("always", True), ("on-success", True), ("on-failure", True), ("always", False)]
)
def test_a_service_without_a_known_main_process(host: Box, policy: str, last: bool) -> None:
    """Type=forking with several children: systemd hears of nothing before the last of them is gone."""
    for name in ("twin", "forked"):
        script(host, name)
    start = "/bin/sh -c '/opt/rig/forked.sh & /opt/rig/twin.sh & exit 0'"
    text = service("", f"Type=forking GuessMainPID=no Restart={policy}", start=start)
    with units(host, {"forks.service": text}, ["forks"]):
        twin = found(host, "twin")
        if last:
            found(host, "forked")
            host.run(["kill", "-9", str(twin)])
            host.wait_for("its end", lambda: not host.pids(" twin$"))
        work = workload(host, "forked", "systemd", "/forks.service")
        words = "the last one" if last else "one of two"
        check(host, work, "sigkill", kind="systemd-service", policy=f"Type=forking, Restart={policy}, {words}")


@pytest.mark.truth
def test_a_start_script_that_only_waits(host: Box) -> None:
    """ExecStart= is a shell that waits for its program: that one's end is the unit's, as a failure."""
    script(host, "wrapped")
    host.write("/opt/rig/start.sh", "#!/bin/sh\n/opt/rig/wrapped.sh\n", 0o755)
    cases: tuple[tuple[str, Action], ...] = (("on-failure", "sigterm"), ("on-success", "sigkill"))
    for policy, action in cases:
        with units(host, {"wraps.service": service("", f"Restart={policy}", start="/opt/rig/start.sh")}, ["wraps"]):
            work = workload(host, "wrapped", "systemd", "/wraps.service")
            check(host, work, action, kind="systemd-service", policy=f"a start script, Restart={policy}")


@pytest.mark.truth
def test_the_start_of_a_unit_fails_with_what_it_waits_for(host: Box) -> None:
    """ExecStartPre= that hangs: SIGTERM is a failure of the start, and the policy acts on that."""
    texts = {
        f"pre-{policy}.service": service(
            "", f"Restart={policy}", start="/bin/true", unit="StartLimitIntervalSec=0"
        ).replace("ExecStart=", f"ExecStartPre={command(f'pre-{policy}')}\nExecStart=")
        for policy in ("on-failure", "on-success", "on-abort")
    }
    with units(host, texts, list(texts)):
        cases = [
            Expected(
                workload(host, f"pre-{policy}", "systemd", ""),
                "sigterm",
                "systemd-service",
                f"ExecStartPre=, Restart={policy}",
            )
            for policy in ("on-failure", "on-success", "on-abort")
        ]
        check_together(host, cases, 3)


@pytest.mark.truth
@pytest.mark.parametrize("how", ["masked", "masked at runtime", "removed"])
def test_a_unit_that_was_masked_or_removed_while_it_runs(host: Box, how: str) -> None:
    """Its policy is gone with its file; the plan does nothing that could not be undone, and its undo restores all."""
    text = service("veiled", "Restart=always", install="multi-user.target")
    with units(host, {"veiled.service": text}, [], folder="/lib/systemd/system"):
        host.run("systemctl enable --now veiled")
        found(host, "veiled")
        before = "systemctl is-active veiled; systemctl is-enabled veiled"
        host.run(
            {"masked": "systemctl mask veiled", "masked at runtime": "systemctl mask --runtime veiled"}.get(
                how, "rm /lib/systemd/system/veiled.service; systemctl daemon-reload"
            )
        )
        states = host.run(before, check=False).stdout
        steps = plan_of(host, found(host, "veiled"))
        carry_out(host, steps)
        undo(host, steps)
        assert host.run(before, check=False).stdout == states
        check(
            host,
            running(host, "veiled"),
            "sigkill",
            kind="systemd-service",
            policy=f"Restart=always, {how} while it ran",
        )
        host.run("systemctl unmask veiled; systemctl unmask --runtime veiled; systemctl disable veiled", check=False)
