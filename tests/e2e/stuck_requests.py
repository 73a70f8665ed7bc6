"""Sites and queues in a box whose one request, or one task, never ends: for each program that serves in a pool."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from e2e.rig.box import Box

ASKED = "spin"
"""A request with this word in its query never ends."""

_PHP = '<?php if (isset($_GET["spin"])) { set_time_limit(0); while (1) {} } echo "fine";\n'
_PYTHON = """\
import threading


def burn():
    while True:
        pass


def application(environ, start):
    if "thread" in environ.get("QUERY_STRING", ""):
        threading.Thread(target=burn, daemon=True).start()
    if "spin" in environ.get("QUERY_STRING", ""):
        burn()
    start("200 OK", [])
    return [b"fine"]
"""
_RACK = 'run lambda { |env| (loop {}) if env["QUERY_STRING"].include?("spin"); [200, {}, ["fine"]] }\n'
_TASKS = """\
from celery import Celery

queue = {"data_folder_in": "/srv/app/q", "data_folder_out": "/srv/app/q", "control_folder": "/srv/app/control"}
app = Celery("tasks", broker="filesystem://", broker_transport_options=queue)


@app.task
def spin():
    while True:
        pass


@app.task
def touch():
    open("/srv/app/touched", "a").write("x")
"""
_NGINX = """\
server { listen 8082; location / { include fastcgi_params; fastcgi_pass unix:/run/php/shop.sock;
    fastcgi_param SCRIPT_FILENAME /var/www/shop/index.php; } }
server { listen 8083; location / { include fastcgi_params; fastcgi_pass unix:/run/php/blog.sock;
    fastcgi_param SCRIPT_FILENAME /var/www/blog/index.php; } }
"""


class Pool(NamedTuple):
    """A unit that serves in workers; `command` is of one that Debian has no unit for."""

    program: str  # as the explanation calls it
    unit: str
    url: str  # "": it takes tasks from a queue
    folder: str  # that the explanation names
    command: str = ""
    other_url: str = ""  # another site of the same service

    def __str__(self) -> str:
        return self.unit


POOLS = (
    Pool("php-fpm", "php8.2-fpm", "http://127.0.0.1:8082/", "/var/www/shop", other_url="http://127.0.0.1:8083/"),
    Pool("Apache", "apache2", "http://127.0.0.1:8090/", "/var/www/html"),
    *(
        Pool(program, unit, f"http://127.0.0.1:{port}/", "/srv/app", command)
        for program, unit, port, command in (
            ("gunicorn", "guni-stuck", 8001, "gunicorn -w 2 -t 0 -b 127.0.0.1:8001 app:application"),
            ("gunicorn", "guni-threads", 8005, "gunicorn -w 1 --threads 4 -b 127.0.0.1:8005 app:application"),
            (
                *("uWSGI", "uwsgi-stuck", 8006),
                "uwsgi --plugin python3 --master --processes 2 --http-socket 127.0.0.1:8006 --wsgi-file app.py",
            ),
            ("puma", "puma-stuck", 8003, "puma -w 2 -b tcp://127.0.0.1:8003 config.ru"),
            ("unicorn", "unicorn-stuck", 8004, "unicorn -l 127.0.0.1:8004 config.ru"),
        )
    ),
    Pool("celery", "celery-stuck", "", "/srv/app", "celery -A tasks worker -c 2"),
)


def prepare(box: Box) -> None:
    """The sites, the units and their configuration; nothing runs yet."""
    for site in ("shop", "blog"):
        box.write(f"/var/www/{site}/index.php", _PHP)
        lines = f"sed 's/^\\[www\\]/[{site}]/; s#^listen = .*#listen = /run/php/{site}.sock#' www.conf > {site}.conf"
        box.run(f"cd /etc/php/8.2/fpm/pool.d && {lines}")
    box.write("/var/www/html/index.php", _PHP)
    box.write("/etc/nginx/sites-enabled/default", _NGINX)
    box.run("rm -f /var/www/html/index.html /etc/php/8.2/fpm/pool.d/www.conf")
    box.run("sed -i 's/^Listen 80$/Listen 8090/' /etc/apache2/ports.conf")
    box.write("/srv/app/app.py", _PYTHON)
    box.write("/srv/app/config.ru", _RACK)
    box.write("/srv/app/tasks.py", _TASKS)
    box.run("mkdir -p /srv/app/q /srv/app/control")
    for pool in POOLS:
        if pool.command:
            # Without --die-on-term uWSGI takes SIGTERM for a reload, as its manual says.
            lines = f"[Service]\nWorkingDirectory=/srv/app\nExecStart=/usr/bin/{pool.command}\nRestart=always\n"
            box.write(f"/etc/systemd/system/{pool.unit}.service", lines + "KillSignal=SIGQUIT\n")
    box.run("systemctl daemon-reload")


@contextmanager
def started(box: Box, pool: Pool) -> Iterator[None]:
    """The service, which is stopped at the end."""
    box.run(["systemctl", "start", pool.unit, *(["nginx"] if pool.other_url else [])])
    try:
        box.wait_for(f"{pool.unit} answering", lambda: answers(box, pool))
        yield
    finally:
        box.run(["systemctl", "kill", "-s", "KILL", pool.unit], check=False)
        box.run(["systemctl", "stop", pool.unit, "nginx"], check=False)
        box.run(["systemctl", "reset-failed", pool.unit], check=False)


@contextmanager
def stuck(box: Box, pool: Pool) -> Iterator[int]:
    """The PID of the worker that burns on one request."""
    with started(box, pool):
        ask(box, pool)
        yield box.wait_for(f"a worker of {pool.unit} burning", lambda: burning(box, pool))


def ask(box: Box, pool: Pool) -> None:
    """What never ends. The client waits for no more than three seconds, as people do: the worker goes on."""
    if pool.url:
        box.run(f"curl -s -m 3 '{pool.url}?{ASKED}=1' >/dev/null 2>&1 &")
    else:
        box.run("cd /srv/app && python3 -c 'import tasks; tasks.spin.delay()'")


def keep_open(box: Box, pool: Pool) -> None:
    """As a proxy does: a request that starts what burns is answered, and its connection stays for the next one."""
    host = pool.url.removeprefix("http://").rstrip("/")
    client = f"""import http.client, time
connection = http.client.HTTPConnection("{host}")
connection.request("GET", "/?thread=1")
connection.getresponse().read()
time.sleep(60)
"""
    box.write("/srv/app/client.py", client)
    box.run("setsid timeout 60 python3 /srv/app/client.py >/dev/null 2>&1 </dev/null &")


def answers(box: Box, pool: Pool, url: str = "") -> bool:
    """Whether an ordinary request is served, or an ordinary task done."""
    if pool.url:
        done = box.run(["curl", "-s", "-m", "2", url or pool.url], check=False)
        return done.stdout == "fine"
    box.run("cd /srv/app && rm -f touched && python3 -c 'import tasks; tasks.touch.delay()'")
    box.run("for try in $(seq 40); do test -s /srv/app/touched && break; sleep 0.25; done")
    return box.run(["test", "-s", "/srv/app/touched"], check=False).returncode == 0


def burning(box: Box, pool: Pool) -> int | None:
    """A process of the unit, other than its main one, that used half of its time in the last second."""
    main = box.run(["systemctl", "show", "-P", "MainPID", pool.unit]).stdout.strip()
    ticks = "sed 's/(.*)/x/'"
    look = f"for each in $(pgrep -P {main}); do echo $each $({ticks} /proc/$each/stat | cut -d' ' -f14); done"
    seen = [dict(line.split() for line in box.run(text).stdout.splitlines()) for text in (look, f"sleep 1; {look}")]
    used = {pid: int(after) - int(seen[0].get(pid, after)) for pid, after in seen[1].items()}
    hot = [pid for pid, count in used.items() if count >= 10]
    return int(hot[0]) if hot else None
