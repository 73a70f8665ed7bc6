"""Masters with workers, shell loops and terminals in a box, each as a Workload."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from e2e.rig import docker
from e2e.rig.box import Box
from e2e.rig.workloads import Workload

_numbers = itertools.count(1)
APP = "def application(environ, start):\n    start('200 OK', [])\n    return [b'x']\n"
SLEEPER = "#!/usr/bin/python3\nimport time\nwhile True:\n    time.sleep(1)\n"
GUNICORN = "/usr/bin/gunicorn -w 2 -b 127.0.0.1:8001 app:application"
UWSGI = (
    "/usr/bin/uwsgi --plugin python3 --master --processes 2 --http-socket 127.0.0.1:8002 --wsgi-file /srv/app/app.py"
)
POOL = """\
import multiprocessing, time

if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(time.sleep, [1000, 1000])
"""


class Master(NamedTuple):
    """A unit, and how one of its workers is told from the others by its command line; "" for any."""

    program: str
    unit: str
    pick: str = ""
    command: str = ""  # of a unit that the test makes; else Debian's own


MASTERS = {
    "nginx": Master("nginx", "nginx.service", "worker process"),
    "php-fpm": Master("php-fpm", "php8.2-fpm.service", "pool www"),
    "apache": Master("Apache", "apache2.service"),
    "gunicorn": Master("gunicorn", "guni.service", "", GUNICORN),
    "uwsgi": Master("uWSGI", "uw.service", "", UWSGI),
    "postgres background": Master("PostgreSQL", "postgresql@15-main.service", "walwriter"),
    "postgres client": Master("PostgreSQL", "postgresql@15-main.service", "[local] SELECT"),
}


def prepare(box: Box) -> None:
    """nginx on a port of its own beside Apache, a Python application, and units for what Debian has none."""
    site = "/etc/nginx/sites-enabled/default"
    box.run(["sed", "-i", "s/listen 80 default_server/listen 8081 default_server/; /\\[::\\]:80/d", site])
    box.write("/srv/app/app.py", APP)
    for master in MASTERS.values():
        if master.command:
            # Without --die-on-term uWSGI takes SIGTERM for a reload, as its manual says.
            stop = "KillSignal=SIGQUIT\n" if master.program == "uWSGI" else ""
            lines = f"[Service]\nWorkingDirectory=/srv/app\nExecStart={master.command}\nRestart=always\n{stop}"
            box.write(f"/etc/systemd/system/{master.unit}", lines + "[Install]\nWantedBy=multi-user.target\n")
    # Its recovery writes every file of the cluster to the disk, which many tests share.
    box.write("/etc/postgresql/15/main/conf.d/test.conf", "fsync = off\n")
    box.run(["systemctl", "daemon-reload"])


@contextmanager
def worker(box: Box, name: str) -> Iterator[Workload]:
    """One worker of a running master; the master is stopped at the end."""
    master = MASTERS[name]
    box.run(["systemctl", "start", master.unit])
    try:
        if name == "postgres client":
            query = (
                "with recursive t(n) as (values (1) union all select n + 1 from t) select count(*) from t where n < 0"
            )
            box.run(["sh", "-c", f"su postgres -c \"setsid psql -c '{query}'\" >/dev/null 2>&1 &"])
        pid, title = box.wait_for(f"a worker of {name}", lambda: _worker(box, master))
        stop = ("systemctl", "stop", master.unit)
        group = f"/{master.unit}"
        yield Workload(pid, title, name, group, stop, ("systemctl", "daemon-reexec"), f"{name} worker")
    finally:
        box.run(["systemctl", "stop", master.unit], check=False)
        box.run(["systemctl", "reset-failed", master.unit], check=False)


def _worker(box: Box, master: Master) -> tuple[int, str] | None:
    """PID of a worker, and the longest of its words: what a successor has too."""
    main = box.run(["systemctl", "show", "-P", "MainPID", master.unit]).stdout.strip()
    for pid in box.run(["pgrep", "-P", main], check=False).stdout.split():
        line = box.read(f"/proc/{pid}/cmdline")
        if master.pick in line:
            return int(pid), max(line.split("\0"), key=len)
    return None


def sleeper(box: Box) -> str:
    """A program of its own, with a path that nothing else has."""
    path = f"/usr/local/bin/sleeper-{next(_numbers)}"
    box.write(path, SLEEPER, 0o755)
    return path


@contextmanager
def looped(box: Box, way: str, text: str) -> Iterator[Workload]:
    """A program (`@` in `text`) under a shell's loop.

    `way`: the shell that reads `text` from a script (`bash`, `dash`, `busybox`), `-c` for `sh -c TEXT`, `unit` for a
    script that is a service with Restart=always, `container` for a container's main process, or `line` for a command
    as it stands.
    """
    path = sleeper(box)
    text = text.replace("@", path)
    script = f"{path}.sh"
    name = path.rpartition("/")[2]
    owner = ":/"
    stop: tuple[str, ...] = ()
    if way in ("bash", "dash", "busybox"):
        box.write(script, text + "\n")
        words = ["busybox", "sh", script] if way == "busybox" else [f"/bin/{way}", script]
    elif way == "-c":
        words = ["/bin/sh", "-c", text]
    else:
        words = text.split()
    if way == "unit":
        box.write(script, f"#!/bin/sh\n{text}\n", 0o755)
        box.write(f"/etc/systemd/system/{name}.service", f"[Service]\nExecStart={script}\nRestart=always\n")
        box.run(f"systemctl daemon-reload && systemctl start {name}.service")
        owner, stop = f"/{name}.service", ("systemctl", "stop", f"{name}.service")
    elif way == "container":
        words = ["docker", "run", "-d", "--name", name, "--restart", "always", docker.IMAGE, "sh", "-c", text]
        owner, stop = box.run(words).stdout.strip(), ("docker", "stop", "-t", "1", name)
    else:
        box.run(["sh", "-c", 'setsid "$@" </dev/null >/dev/null 2>&1 &', "start", *words])
    try:
        marker = text.split("sleep ")[1].split(";")[0] if way == "container" else path
        pid = box.wait_for("the loop's child", lambda: _child(box, way, marker))
        loop = box.run(["ps", "-o", "ppid=", "-p", str(pid)]).stdout.strip()
        restart = ("systemctl", "restart", "docker") if way == "container" else ("systemctl", "daemon-reexec")
        yield Workload(pid, marker, f"{way} loop", owner, stop or ("kill", "-9", loop), restart, text)
    finally:
        box.run(["docker", "rm", "-f", name], check=False)
        box.run(["systemctl", "stop", f"{name}.service"], check=False)
        box.run(["pkill", "-9", "-f", "--", script], check=False)
        box.run(["pkill", "-9", "-f", "--", path], check=False)


def _child(box: Box, way: str, marker: str) -> int | None:
    pattern = f"^sleep {marker}$" if way == "container" else f"^/usr/bin/python3 {marker}$"
    return next(iter(box.pids(pattern)), None)


@contextmanager
def in_tmux(box: Box, command: Callable[[str], str] = str) -> Iterator[Workload]:
    """A program that somebody typed into a shell in tmux; `command` makes the line from the program's path."""
    path = sleeper(box)
    box.run(["setsid", "tmux", "new-session", "-d", "-s", "work", "bash"])
    try:
        box.run(["tmux", "send-keys", "-t", "work", command(path), "Enter"])
        pid = box.wait_for("the program in tmux", lambda: next(iter(box.pids(f"^/usr/bin/python3 {path}$")), None))
        yield Workload(pid, path, "tmux", ":/", ("tmux", "kill-session", "-t", "work"), (), "typed in tmux")
    finally:
        box.run(["tmux", "kill-server"], check=False)
        box.run(["pkill", "-9", "-f", "--", path], check=False)
