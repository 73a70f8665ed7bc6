"""Records hosts of cron, at and the supervisors.

cd tests && python -m e2e.record_keepers [NAME …]
"""

import sys
from collections.abc import Callable
from pathlib import Path

from e2e.keepers import found, script
from e2e.record_hosts import main_pid, record
from e2e.rig import docker, product
from e2e.rig.box import Box
from e2e.rig.extras import layers
from e2e.test_keepers_node import FOLDER, app, by_node, pm2
from e2e.test_keepers_pollers import circus, watched
from e2e.test_keepers_supervisors import Case, program_of_supervisord, service_of, supervisord_in_a_container

MINUTE_S = 75


def cron(box: Box) -> None:
    """All of one minute: a user's line, one that bash became, a script of run-parts, a daemon, and cron itself."""
    box.run("useradd -m alice")
    lines = [
        "# alice's own",
        f"*/1 * * * * cd / && {script(box, 'plain')} 'it''s'; echo 50 \\% done%input",
        "SHELL=/bin/bash",
        f"* * * * * exec {script(box, 'by-bash')}",
        f"* * * * * {script(box, 'leaves')}.d",
        "",
    ]
    box.write("/opt/rig/leaves.sh.d", f"#!/bin/sh\nsetsid {script(box, 'left')} >/dev/null 2>&1 &\n", 0o755)
    box.run("crontab -u alice -", input="\n".join(lines))
    box.write("/etc/cron.d/parts", "* * * * * root cd / && run-parts --report /etc/cron.mine\n")
    box.write("/etc/cron.mine/part", f"#!/bin/sh\nexec {script(box, 'in-parts')}\n", 0o755)
    for name in ("plain", "by-bash", "in-parts", "left"):
        found(box, name, MINUTE_S)
    record(box, f"cron-user-line-{box.layout}", found(box, "plain"), "a line of a user's crontab, with % in it")
    record(box, f"cron-bash-{box.layout}", found(box, "by-bash"), "bash became the program: the journal has the line")
    record(box, f"cron-run-parts-{box.layout}", found(box, "in-parts"), "a script of run-parts, in a line of cron.d")
    record(box, f"cron-daemon-left-{box.layout}", found(box, "left"), "a daemon that left its cron job's shell")
    record(box, f"cron-near-miss-{box.layout}", main_pid(box, "cron.service"), "cron itself is a service, no job")
    box.run("crontab -u alice -r; rm /etc/cron.d/parts")
    box.run(["pkill", "-9", "-f", "--", "^/bin/busybox .* (plain|by-bash|in-parts|left)$"], check=False)


def anacron(box: Box) -> None:
    box.write("/etc/anacrontab", f"SHELL=/bin/sh\n7 0 weekly {script(box, 'by-anacron')}\n")
    box.run("rm -f /var/spool/anacron/weekly; systemctl start --no-block anacron")
    record(box, "anacron-job", found(box, "by-anacron"), "a job of anacron: once in seven days")
    box.run(["pkill", "-9", "-f", "--", "^/bin/busybox .* by-anacron$"], check=False)


def at(box: Box) -> None:
    path = script(box, "at-job")
    for when in ("now", "now + 2 hours"):
        box.run(f"cd /; echo {path} | at {when}")
    record(box, "at-job-twice", found(box, "at-job"), "a job of at, and the same commands wait for another time")
    box.run("atrm $(atq | cut -f1)", check=False)
    box.run(["pkill", "-9", "-f", "--", "^/bin/busybox .* at-job$"], check=False)


def supervisord(box: Box) -> None:
    with program_of_supervisord(box, Case("", "sigkill"), "web") as work:
        record(box, f"supervisord-program-{box.layout}", work.pid, "a program of supervisord, with its defaults")
    near = "supervisord itself is a service"
    record(box, f"supervisord-near-miss-{box.layout}", main_pid(box, "supervisor.service"), near)


def supervisord_below_a_shell(box: Box) -> None:
    case = Case("autorestart=true", "sigkill")
    with program_of_supervisord(box, case, "wrapped", wrapped=True) as work:
        record(box, "supervisord-below-a-shell", work.pid, "a program whose shell supervisord waits for")


def supervisord_contained(box: Box) -> None:
    with supervisord_in_a_container(box) as work:
        record(box, "supervisord-in-a-container", work.pid, "supervisord as the main process of a container")


def suites(box: Box) -> None:
    with service_of(box, "runit", "rv") as work:
        record(box, f"runit-service-{box.layout}", work.pid, "a service of runit")
    with service_of(box, "s6", "s6") as work:
        box.run(f"s6-svc -O /srv/s6-s6/{work.name}")
        record(box, f"s6-once-{box.layout}", work.pid, "a service of s6 that was told to run once")
    with service_of(box, "daemontools", "dt") as work:
        box.run("touch /srv/daemontools-dt/dt/down")
        record(box, f"daemontools-down-file-{box.layout}", work.pid, "a service of daemontools with a file `down`")


def monit(box: Box) -> None:
    with watched(box, "web") as work:
        record(box, "monit-service", work.pid, "a process that monit started and watches")


def watcher(box: Box) -> None:
    with circus(box, "web") as work:
        record(box, "circus-watcher", work.pid, "a watcher of circus, found by its command")


def apps(box: Box) -> None:
    box.run(["mkdir", "-p", FOLDER])
    pm2(box, "startup systemd")
    with app(box, "web", stop_exit_codes=[0]) as work:
        pm2(box, "save --force")
        record(box, "pm2-fork", work.pid, "an app of pm2 in fork mode, saved; stop_exit_codes 0")
    with app(box, "clu", exec_mode="cluster", instances=2) as work:
        record(box, "pm2-cluster", work.pid, "an app of pm2 in cluster mode, not saved")
    for keeper in ("forever", "nodemon"):
        record(box, f"{keeper}-app", by_node(box, keeper, keeper).pid, f"an app of {keeper}")


SITUATIONS: dict[str, Callable[[Box], None]] = {
    "cron": cron,
    "anacron": anacron,
    "at": at,
    "supervisord": supervisord,
    "supervisord-below-a-shell": supervisord_below_a_shell,
    "supervisord-in-a-container": supervisord_contained,
    "suites": suites,
    "monit": monit,
    "circus": watcher,
    "node": apps,
}
ON_V1 = ("cron", "supervisord", "suites")


def main(names: list[str]) -> None:
    tops = product.product_layers(product.build_wheel(Path(__file__).parent.parent.parent))
    lower = (*tops[:-1], *layers(("keepers", "node")), tops[-1])
    for layout, wanted, ending in (("v2", tuple(SITUATIONS), ""), ("v1", ON_V1, "-v1")):
        chosen = [name for name in wanted if not names or f"{name}{ending}" in names]
        if not chosen:
            continue
        with Box(lower, layout="v2" if layout == "v2" else "v1") as box:
            docker.import_image(box)
            for name in chosen:
                SITUATIONS[name](box)


if __name__ == "__main__":
    main(sys.argv[1:])
