"""Records hosts of systemd's ways: what starts a unit again, what a unit leaves behind, and users' own units.

    cd tests && python -m e2e.record_systemd [NAME …]

The older scenes of systemd are recorded with these, since they ask the same questions.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from e2e import record_hosts
from e2e.keepers import found, program, script
from e2e.record_hosts import main_pid, record
from e2e.rig import product
from e2e.rig.box import Box, Layout
from e2e.rig.sources import Suite
from e2e.systemd_units import bus_service, init_script, lingering, service, units, watched

OLDER = ("systemd-always", "systemd-timer")


def upheld(box: Box) -> None:
    texts = {
        "held.service": service("held"),
        "holder.service": service("holder", unit="Upholds=held.service", install="multi-user.target"),
    }
    with units(box, texts, ["holder"]):
        box.run("systemctl enable holder")
        record(box, "systemd-upheld", found(box, "held"), "a service with Restart=no that another one upholds")


def runaway_job(box: Box) -> None:
    texts = {"job.service": service("job"), "job.timer": "[Timer]\nOnCalendar=*:*:0/5\nAccuracySec=10ms\n"}
    with units(box, texts, ["job.timer"]):
        pid = found(box, "job")
        silent = "systemctl show -P NextElapseUSecMonotonic job.timer"
        box.wait_for("the timer's silence", lambda: "infinity" in box.run(silent).stdout)
        record(box, "systemd-timer-running", pid, "a job that its timer started: the timer itself says never")


def behind_a_socket(box: Box) -> None:
    texts = {
        "asked.socket": "[Socket]\nListenStream=/run/asked.sock\n[Install]\nWantedBy=sockets.target\n",
        "asked.service": service("asked"),
    }
    with units(box, texts, ["asked.socket", "asked.service"]):
        box.run("systemctl enable asked.socket")
        record(box, "systemd-socket", found(box, "asked"), "a service that its socket starts for the next client")


def behind_the_bus(box: Box) -> None:
    with bus_service(box) as pid:
        record(box, "systemd-bus", pid, "a service that a D-Bus call starts: TriggeredBy= says nothing of it")


def left_behind(box: Box) -> None:
    start = f"/bin/sh -c '{script(box, 'behind')} & exec sleep 5001'"
    with units(box, {"leaves.service": service("", "KillMode=process Restart=always", start=start)}, ["leaves"]):
        pid = found(box, "behind")
        box.run("systemctl stop leaves")
        record(box, "systemd-left-behind", pid, "KillMode=process: the unit is down, its child is still in its group")


def masked(box: Box) -> None:
    text = service("veiled", "Restart=always", install="multi-user.target")
    with units(box, {"veiled.service": text}, [], folder="/lib/systemd/system"):
        box.run("systemctl enable --now veiled")
        pid = found(box, "veiled")
        box.run("systemctl mask --runtime veiled")
        record(box, "systemd-masked", pid, "a service that was masked while it runs: its policy is gone")
        box.run("systemctl unmask --runtime veiled; systemctl disable veiled")


def removed(box: Box) -> None:
    with units(box, {"gone.service": service("gone", "Restart=always")}, ["gone"]):
        pid = found(box, "gone")
        box.run("rm /etc/systemd/system/gone.service; systemctl daemon-reload")
        record(box, "systemd-removed", pid, "a service whose file was deleted while it runs")


def transient(box: Box) -> None:
    box.run(["systemd-run", "--unit=fleeting", "-p", "Restart=always", *program("fleeting")])
    record(box, f"systemd-transient-{box.layout}", found(box, "fleeting"), "systemd-run: a stop forgets its definition")
    box.run("systemctl kill -s KILL fleeting; systemctl stop fleeting")


def forked(box: Box) -> None:
    for name in ("twin", "forked"):
        script(box, name)
    start = "/bin/sh -c '/opt/rig/forked.sh & /opt/rig/twin.sh & exit 0'"
    text = service("", "Type=forking GuessMainPID=no Restart=always", start=start)
    with units(box, {"forks.service": text}, ["forks"]):
        found(box, "twin")
        record(box, "systemd-forking", found(box, "forked"), "one of two processes of a unit without a known main one")


def sysv(box: Box) -> None:
    with init_script(box) as work:
        record(box, "sysv-service", work.pid, "a script in /etc/init.d, enabled")


def of_a_user(box: Box) -> None:
    text = service("hers", "Restart=always", install="default.target")
    with lingering(box, {"hers.service": text}, ["hers"]) as systemctl:
        box.run(f"{systemctl} enable hers")
        pid = found(box, "hers")
        record(box, f"systemd-user-{box.layout}", pid, "a service of a user who lingers, explained by root")
        if box.layout == "v2":
            about = "the same, explained by somebody who may not ask that user's systemd"
            record(box, "systemd-user-unasked", pid, about, as_user="nobody")
            uid = box.run(["id", "-u", "bob"]).stdout.strip()
            about = "the user's systemd itself: a service of the system's, and none of the user's own"
            record(box, "systemd-user-manager", main_pid(box, f"user@{uid}.service"), about)


def frozen(box: Box) -> None:
    with units(box, {"ice.service": service("ice", "Restart=always", install="multi-user.target")}, ["ice"]):
        pid = found(box, "ice")
        box.run("systemctl enable ice; systemctl freeze ice")
        record(box, "systemd-frozen-257", pid, "a service that is frozen, on Debian 13: a stop is refused")
        box.run("systemctl thaw ice")


def with_a_watchdog(box: Box) -> None:
    with watched(box) as pid:
        record(box, "systemd-watchdog-257", pid, "a service with WatchdogSec=, on Debian 13: it is never frozen")


SCENES: dict[str, Callable[[Box], None]] = {
    "systemd-upheld": upheld,
    "systemd-timer-running": runaway_job,
    "systemd-socket": behind_a_socket,
    "systemd-bus": behind_the_bus,
    "systemd-left-behind": left_behind,
    "systemd-masked": masked,
    "systemd-removed": removed,
    "systemd-transient": transient,
    "systemd-forking": forked,
    "sysv-service": sysv,
    "systemd-user": of_a_user,
}
ON_TRIXIE = {"systemd-frozen-257": frozen, "systemd-watchdog-257": with_a_watchdog}
ON_V1 = {"systemd-transient-v1": transient, "systemd-user-v1": of_a_user}


def main(names: list[str]) -> None:
    wheel = product.build_wheel(Path(__file__).parent.parent.parent)
    older = {name: record_hosts.SITUATIONS[name] for name in OLDER}
    kinds: tuple[tuple[Mapping[str, Callable[[Box], None]], Layout, Suite], ...] = (
        ({**older, **SCENES}, "v2", "bookworm"),
        (ON_V1, "v1", "bookworm"),
        (ON_TRIXIE, "v2", "trixie"),
    )
    for scenes, layout, suite in kinds:
        chosen = [scene for name, scene in scenes.items() if not names or name in names]
        if chosen:
            with Box(product.product_layers(wheel, suite=suite), layout=layout, suite=suite, docker=False) as box:
                for scene in chosen:
                    scene(box)


if __name__ == "__main__":
    main(sys.argv[1:])
