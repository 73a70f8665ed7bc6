"""Records hosts of this family: masters, loops, terminals, what was left behind, and the innocent burner.

cd tests && python -m e2e.record_masters [NAME …]
"""

import sys
from collections.abc import Callable
from pathlib import Path

from e2e import record_hosts, stuck_requests
from e2e.keepers_masters import in_tmux, looped, prepare, sleeper, worker
from e2e.record_hosts import main_pid, record
from e2e.rig import docker, product
from e2e.rig.box import Box
from e2e.rig.extras import layers

BACKGROUND = 'setsid "$@" </dev/null >/dev/null 2>&1 &'


def masters(box: Box) -> None:
    for name in ("nginx", "postgres client"):
        with worker(box, name) as work:
            record(box, f"{name.replace(' ', '-')}-worker", work.pid, f"a worker of {name} in a unit")


def requests(box: Box) -> None:
    stuck_requests.prepare(box)
    for pool in stuck_requests.POOLS:
        if pool.unit in ("php8.2-fpm", "guni-threads", "celery-stuck"):
            with stuck_requests.stuck(box, pool) as pid:
                what = "a request" if pool.url else "a task"
                record(
                    box, f"{pool.program}-worker", pid, f"a worker of {pool.program} in a unit, in {what} without end"
                )


def loops(box: Box) -> None:
    for way, text, name in (
        ("bash", "while true; do @; sleep 2; done", "loop-in-a-script"),
        ("unit", "while true; do @; done", "loop-in-a-unit"),
        ("-c", "@; true", "script-without-a-loop"),
    ):
        with looped(box, way, text) as work:
            record(box, name, work.pid, f"`{text.replace('@', 'the program')}` ({way})")


def tmux(box: Box) -> None:
    with in_tmux(box) as work:
        record(box, "tmux", work.pid, "a program that somebody typed into a shell in tmux")


def intruder(box: Box) -> None:
    box.run("cp /bin/sleep /tmp/sleep")
    line = "exec -a '[kworker/0:1]' /tmp/sleep 1021"
    box.run(["sh", "-c", BACKGROUND, "start", "bash", "-c", line])
    pid = box.wait_for("it", lambda: next(iter(box.pids(r"^\[kworker/0:1\] 1021")), None))
    box.run("rm /tmp/sleep")
    record(box, "posing-as-a-kernel-thread", pid, "a deleted program of /tmp that calls itself [kworker/0:1]")
    box.run(["kill", "-9", str(pid)])


def copies(box: Box) -> None:
    path = sleeper(box)
    for _ in range(6):
        box.run(["sh", "-c", BACKGROUND, "start", path])
    pids = box.wait_for("six copies", lambda: found if len(found := box.pids(path)) == 6 else None)
    record(box, "six-orphans", pids[0], "six copies of a program that nobody waits for")
    box.run(["pkill", "-9", "-f", "--", path])


def flood(box: Box) -> None:
    text = "[Service]\nExecStart=/usr/bin/yes an error again and again\nRestart=always\n"
    box.write("/etc/systemd/system/flood.service", text)
    box.run("systemctl daemon-reload && systemctl start flood && sleep 2")
    record(box, "journald-flooded", main_pid(box, "systemd-journald.service"), "journald, which flood.service floods")
    box.run("systemctl stop flood && rm /etc/systemd/system/flood.service && systemctl daemon-reload")


def restart_loop(box: Box) -> None:
    text = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=50ms\n"
    box.write("/etc/systemd/system/crash.service", text)
    box.run("systemctl daemon-reload && systemctl start --no-block crash && sleep 3")
    record(box, "systemd-restart-loop", 1, "PID 1, while crash.service dies twenty times a second")
    box.run("systemctl stop crash && rm /etc/systemd/system/crash.service && systemctl daemon-reload")


SITUATIONS: dict[str, Callable[[Box], None]] = {
    "masters": masters,
    "requests": requests,
    "loops": loops,
    "tmux": tmux,
    "intruder": intruder,
    "copies": copies,
    "flood": flood,
    "restart-loop": restart_loop,
    # Of the first recordings, those that are asked more now.
    "orphan": record_hosts.orphan,
    "session": record_hosts.left_in_a_session,
    "dockerd": record_hosts.dockerd,
}


def main(names: list[str]) -> None:
    wheel = product.build_wheel(Path(__file__).parent.parent.parent)
    top, *below = product.product_layers(wheel)
    with Box((top, *below[:-1], *layers(("masters", "keepers")), below[-1])) as box:
        docker.import_image(box)
        prepare(box)
        for name, situation in SITUATIONS.items():
            if not names or name in names:
                situation(box)


if __name__ == "__main__":
    main(sys.argv[1:])
