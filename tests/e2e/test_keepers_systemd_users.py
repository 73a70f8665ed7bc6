"""Users' own systemd, and what a reboot brings back of all."""

from __future__ import annotations

import json
import time

import pytest
from e2e import systemd_units
from e2e.keepers import (
    Action,
    Expected,
    carry_out,
    check,
    check_reboot,
    found,
    plan_of,
    program,
    script,
    undo,
    workload,
)
from e2e.rig import foretold
from e2e.rig.box import Box, Layout, MakeBox
from e2e.systemd_units import INIT, SYSTEM, lingering, of_bob, running, service

USERS = [
    ("Restart=always", "sigterm"),
    ("Restart=on-failure", "sigterm"),
    ("Restart=on-failure", "sigkill"),
    ("Restart=no", "sigkill"),
    ("Restart=always", "owner-stop"),
]


@pytest.mark.truth
@pytest.mark.parametrize(("policy", "action"), USERS)
def test_policies_of_a_user(host: Box, policy: str, action: Action) -> None:
    """The same rules as the system's."""
    with lingering(host, {"his.service": service("his", policy)}, ["his"]):
        check(host, of_bob(host, "his"), action, kind="systemd-user-service", policy=policy)


@pytest.mark.truth
@pytest.mark.parametrize(("policy", "action"), USERS[:2])
def test_policies_of_a_user_on_cgroup_v1(host_v1: Box, policy: str, action: Action) -> None:
    """There a user's units have no group of the unified hierarchy."""
    with lingering(host_v1, {"his.service": service("his", policy)}, ["his"]):
        check(host_v1, of_bob(host_v1, "his"), action, kind="systemd-user-service", policy=policy)


@pytest.mark.truth
@pytest.mark.parametrize("enabled", [True, False])
def test_a_restart_of_the_users_systemd(host: Box, enabled: bool) -> None:
    """It ends all that the user runs, and starts what is enabled."""
    with lingering(host, {"his.service": service("his", install="default.target")}, ["his"]) as systemctl:
        host.run(f"{systemctl} {'enable' if enabled else 'disable'} his")
        policy = "Restart=no, enabled" if enabled else "Restart=no, disabled"
        check(host, of_bob(host, "his"), "owner-daemon-restart", kind="systemd-user-service", policy=policy, watch_s=6)


@pytest.mark.truth
def test_a_timer_of_a_user(host: Box) -> None:
    """It starts the service again, also after a stop; stopped with it, nothing does."""
    texts = {"his.service": service("his"), "his.timer": "[Timer]\nOnUnitInactiveSec=3\nAccuracySec=10ms\n"}
    with lingering(host, texts, ["his.service", "his.timer"]):
        for action in ("sigkill", "owner-stop"):
            policy = "Restart=no, his.timer"
            check(
                host, of_bob(host, "his"), action, kind="systemd-user-service", policy=policy, by="his.timer", watch_s=5
            )
        carry_out(host, plan_of(host, found(host, "his")))
        time.sleep(5)
        assert host.pids(" his$") == []


@pytest.mark.truth
def test_a_plan_against_what_upholds_a_users_unit(host: Box) -> None:
    """The drop-in lies where that user's systemd reads it, and is gone after the undo."""
    texts = {"his.service": service("his"), "top.service": service("top", unit="Upholds=his.service")}
    with lingering(host, texts, ["top"]):
        check(host, of_bob(host, "his"), "owner-stop", kind="systemd-user-service", policy="Restart=no, Upholds=")
        steps = plan_of(host, found(host, "his"))
        carry_out(host, steps)
        time.sleep(3)
        assert host.pids(" his$") == []
        undo(host, steps)
        found(host, "his")
        assert "his.service.d" not in host.run("ls /run/user/*/systemd/user", check=False).stdout


CONFINED = (
    "User=daemon",
    "AmbientCapabilities=CAP_SYS_PTRACE CAP_DAC_READ_SEARCH",
    "CapabilityBoundingSet=CAP_SYS_PTRACE CAP_DAC_READ_SEARCH",
    "NoNewPrivileges=yes",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged @resources",
    "SystemCallFilter=~kill tkill tgkill pidfd_send_signal rt_sigqueueinfo rt_tgsigqueueinfo",
    "SystemCallErrorNumber=EPERM",
)
"""The daemon's rights, as its unit has them."""


@pytest.mark.truth
def test_the_confined_daemon_says_what_it_may_not_ask(host: Box) -> None:
    """It cannot become that user: a gap that names the command which can."""
    settings = [word for each in CONFINED for word in ("-p", each)]
    with lingering(host, {"his.service": service("his", "Restart=always")}, ["his"]):
        words = ["systemd-run", "--pipe", "--wait", "-q", *settings, "runaway-watchdog", "explain"]
        document = json.loads(host.run([*words, str(found(host, "his")), "--json"], check=False).stdout)
        assert foretold.fate_of(document, "sigkill")["returns"] is None
        (gap,) = [gap for gap in document["gaps"] if gap["source"] == "systemd"]
        assert gap["mend"] == "run it with sudo: runaway-watchdog explain PID"


@pytest.mark.truth
def test_a_scope_of_a_user(host: Box) -> None:
    """Kept by nobody."""
    with lingering(host, {}, []):
        line = f"systemd-run --user --scope --unit=hers {script(host, 'hers')}"
        uid = host.run(["id", "-u", "bob"]).stdout.strip()
        host.run(f"runuser -u bob -- env XDG_RUNTIME_DIR=/run/user/{uid} {line} >/dev/null 2>&1 &")
        work = workload(host, "hers", "systemd --user", "/hers.scope")
        document, _ = check(host, work, "sigkill", kind="systemd-scope", policy="systemd-run --user --scope")
        assert document["owners"][-1]["name"] == f"user@{uid}.service"


@pytest.mark.truth
@pytest.mark.parametrize("layout", ["v2", "v1"])
def test_what_a_reboot_brings_back(make_box: MakeBox, layout: Layout) -> None:
    """Everything that is started before it, explained, and looked for after it."""
    box = make_box(layout, docker_up=False)
    boot, timer = "multi-user.target", "[Install]\nWantedBy=timers.target\n"
    texts = {
        "enabled.service": service("enabled", install=boot),
        "disabled.service": service("disabled", install=boot),
        "unwanted.service": service("unwanted", "Restart=always"),
        "runtime.service": service("runtime", install=boot),
        "indirect.service": service("indirect", install="nearby.target"),
        "nearby.target": f"[Install]\nWantedBy={boot}\n",
        "astray.service": service("astray", install="far.target"),
        "far.target": "",
        "raised.service": service("raised"),
        "raiser.service": service("raiser", unit="Upholds=raised.service", install=boot),
        "early.service": service("early"),
        "early.timer": f"[Timer]\nOnBootSec=1\nOnUnitActiveSec=1h\nAccuracySec=10ms\n{timer}",
        "never.service": service("never"),
        "never.timer": f"[Timer]\nOnUnitActiveSec=5\nAccuracySec=10ms\n{timer}",
        "filled.service": service("filled"),
        "filled.path": "[Path]\nPathExists=/etc/passwd\n[Install]\nWantedBy=paths.target\n",
    }
    enabled = "enabled indirect nearby.target astray raiser early.timer never.timer filled.path"
    systemd_units.write(box, {f"{SYSTEM}/{name}": text for name, text in texts.items()})
    systemd_units.write(box, {f"/lib/systemd/system/{name}.service": service(name, install=boot) for name in MASKED})
    box.run(
        f"systemctl daemon-reload; systemctl enable {enabled} {' '.join(MASKED)}; systemctl enable --runtime runtime"
    )
    started = [name for name in texts if name.endswith(".service")] + ["nearby.target", *MASKED]
    box.run(["systemctl", "start", *started, "early.timer", "never.timer", "filled.path"])
    box.run("systemctl mask masked; systemctl mask --runtime veiled")
    box.run(["systemd-run", "--unit=fleeting", *program("fleeting")])
    script(box, "oldie")
    box.write("/etc/init.d/oldie", INIT, 0o755)
    box.run("systemctl daemon-reload; systemctl enable oldie; systemctl start oldie")
    users = {name: service(name, install="default.target") for name in ("hers", "his")}
    names = [name.partition(".")[0] for name in texts if name.endswith(".service")]
    with lingering(box, {f"{name}.service": text for name, text in users.items()}, ["hers", "his"]) as systemctl:
        box.run(f"{systemctl} enable hers")
        cases = [
            Expected(running(box, name), "reboot", "systemd-service", f"{name}, before a reboot")
            for name in (*names, *MASKED, "fleeting")
            if name != "astray"
        ]
        cases.append(Expected(running(box, "oldie"), "reboot", "sysv-service", "enabled, before a reboot"))
        cases += [
            Expected(of_bob(box, name), "reboot", "systemd-user-service", f"{state}, lingering, before a reboot")
            for name, state in (("hers", "enabled"), ("his", "disabled"))
        ]
        astray = foretold.fate_of(foretold.explained(box, found(box, "astray")), "reboot")
        assert astray["returns"] is None, astray  # wanted by a target that no boot reaches, as far as it is known
        check_reboot(box, cases, wait_s=20)
    box.stop()


MASKED = ("masked", "veiled")
