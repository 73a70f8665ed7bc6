"""Work that burns under every returning keeper: what tests/e2e/test_plans_matrix.py carries plans out for."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace

from e2e.rig import docker
from e2e.rig.box import Box
from e2e.rig.plans import Case, as_file, program

UNIT = "/etc/systemd/system"
ENGINE = "systemctl restart docker"
ENGINE_LIMITS = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nTimeoutStopSec=20s\n"
BOOT = "[Install]\nWantedBy=multi-user.target\n"


def engine(name: str, keeper: str, start: str, clean: str = "") -> Case:
    """Work in a container; its settings are all that an undo could have left otherwise."""
    fields = "{{.HostConfig.RestartPolicy}} {{.HostConfig.NanoCpus}} {{.HostConfig.CpuQuota}} {{.State.Status}}"
    ids = f"docker ps -aq --filter name={name}"
    state = f"docker inspect -f {shlex.quote(fields)} $({ids}) | sed 's/ -1 / 0 /'"  # both are no quota
    return Case(name, keeper, start, ENGINE, state, clean=clean or f"docker rm -fv $({ids})")


def docker_run(policy: str) -> Case:
    name = f"run-{policy}"
    mounts = ["-v", f"{name}-data:/data", "-v", f"/srv/data/{name}:/bind"]
    words = ["docker", "run", "-d", f"--name={name}", f"--restart={policy}", *mounts, docker.IMAGE, *program(name)]
    fill = f"docker run --rm -v {name}-data:/data {docker.IMAGE} sh -c 'echo kept >/data/file'"
    return engine(name, f"docker run --restart {policy}", f"{fill}; {shlex.join(words)}")


def compose(version: int) -> Case:
    name, words = f"composed-{version}", {1: "docker-compose", 2: "docker compose"}[version]
    worker = {
        "image": docker.IMAGE, "command": program(name), "restart": "always", "stop_grace_period": "3s",
        "volumes": ["data:/data", f"/srv/data/{name}:/bind"],
    }  # fmt: skip
    beside = {"image": docker.IMAGE, "command": ["sleep", "70007"], "restart": "always", "volumes": ["data:/data"]}
    text = json.dumps({"version": "3.8", "services": {"worker": worker, "db": beside}, "volumes": {"data": {}}})
    folder = f"/srv/{name}"
    start = f"mkdir -p {folder}; cd {folder}; echo {shlex.quote(text)} >docker-compose.yml; {words} up -d"
    start += f" && {words} exec -T db sh -c 'echo kept >/data/file'"
    return engine(name, f"Compose v{version}, restart: always", start, f"cd {folder}; {words} down -v -t 1")


def swarm() -> Case:
    name = "of-swarm"
    words = ["docker", "service", "create", "--detach", "--no-resolve-image", f"--name={name}", "--restart-delay=2s"]
    words += ["--mount", f"type=volume,src={name}-data,dst=/data"]
    fill = f"docker run --rm -v {name}-data:/data {docker.IMAGE} sh -c 'echo kept >/data/file'"
    start = f"{fill}; {shlex.join([*words, docker.IMAGE, *program(name)])}"
    state = f"docker service inspect -f '{{{{json .Spec}}}}' {name}"
    init = "docker swarm init --advertise-addr 127.0.0.1"
    return Case(
        name, "a swarm's service", f"{init}; {start}", ENGINE, state, delay_s=20,
        clean=f"docker service rm {name}; docker swarm leave --force",
    )  # fmt: skip


def stray() -> Case:
    name = "stray"
    start = shlex.join(["docker", "exec", "-d", "bystander", *program(name)])
    state = "docker inspect -f '{{.State.Status}}' bystander"
    return Case(
        name, "docker exec, left behind", start, "", state, clean=f"pkill -9 -f ' {name}$'", runs_again=False,
        at_boot=False,
    )  # fmt: skip


def unit(
    name: str, keeper: str, lines: str = "", *, start: str, more: dict[str, str] | None = None, delay_s: float = 5
) -> Case:
    """Work in a service; `more` are the units beside it."""
    command = " ".join(json.dumps(word) for word in program(name))
    texts = {f"{name}.service": f"[Service]\nExecStart={command}\n{lines}\n", **(more or {})}
    files = "; ".join(f"printf %s {shlex.quote(text)} >{UNIT}/{file}" for file, text in texts.items())
    names = " ".join(texts)
    look = f"systemctl is-enabled $u; systemctl is-active $u; systemctl show -p CPUQuotaPerSecUSec $u; cat {UNIT}/$u"
    state = f"for u in {names}; do {look}; done"
    clean = f"systemctl disable --now {names}; cd {UNIT} && rm -f {names}; systemctl daemon-reload"
    begin = f"{files}; systemctl daemon-reload; {start}"
    return Case(name, keeper, begin, "systemctl daemon-reexec", state, clean=clean, delay_s=delay_s)


def units() -> list[Case]:
    timer = "[Timer]\nOnActiveSec=1s\nOnCalendar=*:*:0/10\nAccuracySec=1s\n[Install]\nWantedBy=timers.target\n"
    socket = "[Socket]\nListenStream=127.0.0.1:7007\n[Install]\nWantedBy=sockets.target\n"
    path = "[Path]\nPathExists=/srv/data/by-path/file\n[Install]\nWantedBy=paths.target\n"
    holder = f"[Unit]\nUpholds=upheld.service\n[Service]\nExecStart=/bin/sleep 70008\n{BOOT}"
    ask = "bash -c 'exec 3<>/dev/tcp/127.0.0.1/7007; echo x >&3'"
    return [
        unit("always", "systemd, Restart=always", f"Restart=always\n{BOOT}", start="systemctl enable --now always"),
        unit(
            "timed", "systemd, a timer", start="systemctl enable --now timed.timer", more={"timed.timer": timer},
            delay_s=12,
        ),
        unit(
            "asked", "systemd, a socket", start=f"systemctl enable --now asked.socket; {ask}",
            more={"asked.socket": socket}, delay_s=2,
        ),
        unit("by-path", "systemd, a path", start="systemctl enable --now by-path.path", more={"by-path.path": path}),
        unit(
            "upheld", "systemd, Upholds=", start="systemctl enable --now up-holder.service",
            more={"up-holder.service": holder},
        ),
        of_user(),
    ]  # fmt: skip


def of_user() -> Case:
    name, folder, systemctl = "of-bob", "/home/bob/.config/systemd/user", "systemctl --user -M bob@"
    command = " ".join(json.dumps(word) for word in program(name))
    text = f"[Service]\nExecStart={command}\nRestart=always\n[Install]\nWantedBy=default.target\n"
    start = (
        f"id bob >/dev/null 2>&1 || useradd -m bob; loginctl enable-linger bob; mkdir -p {folder};"
        f" printf %s {shlex.quote(text)} >{folder}/{name}.service; chown -R bob: /home/bob;"
        f" until {systemctl} daemon-reload; do sleep 0.5; done; {systemctl} enable --now {name}"
    )
    state = f"{systemctl} is-enabled {name}; {systemctl} is-active {name}; {systemctl} cat {name}"
    return Case(
        name, "systemd --user, Restart=always", start, "", state, delay_s=15,
        clean=f"{systemctl} disable --now {name}; rm {folder}/{name}.service",
    )  # fmt: skip


def supervisors(box: Box) -> list[Case]:
    """Those that Debian packages, each with its own configuration."""
    monit = """\
set daemon 2
set httpd port 2812 and use address localhost allow localhost
check process by-monit with pidfile "/run/by-monit.pid"
  start program = "/opt/rig/by-monit.start"
  stop program = "/bin/sh -c 'kill $(cat /run/by-monit.pid)'"
"""
    start = f"#!/bin/sh\n{as_file(box, 'by-monit')} & echo $! >/run/by-monit.pid\n"
    box.write("/opt/rig/by-monit.start", start, 0o755)
    box.write("/etc/monit/conf.d/rig", monit)
    box.write(
        "/etc/supervisor/conf.d/by-supervisord.conf",
        f"[program:by-supervisord]\ncommand={as_file(box, 'by-supervisord')}\n",
    )
    suites = [
        suite(box, "runit", "runsvdir -P", "KillSignal=SIGHUP\nKillMode=process"),
        suite(box, "s6", "s6-svscan", "KillSignal=SIGTERM\nKillMode=process"),
        suite(box, "daemontools", "svscan", "KillMode=process"),
    ]
    return [
        Case(
            # RUNNING after its startsecs: a state taken before that would differ from the one that the undos reach.
            "by-supervisord", "supervisord", "systemctl enable --now supervisor; supervisorctl update; "
            "until supervisorctl status by-supervisord | grep -q RUNNING; do sleep 0.2; done",
            "systemctl restart supervisor", "supervisorctl status | cut -c1-45; cat /etc/supervisor/conf.d/*",
            clean="rm /etc/supervisor/conf.d/by-supervisord.conf; supervisorctl update",
        ),
        Case(
            "by-monit", "monit", "systemctl enable --now monit; systemctl restart monit", "systemctl restart monit",
            "cat /etc/monit/conf.d/*", delay_s=10, clean="systemctl disable --now monit; pkill -9 -f ' by-monit$'",
        ),
        *suites,
    ]  # fmt: skip


def suite(box: Box, name: str, scanner: str, lines: str) -> Case:
    """A service below a scanner that is a unit of its own."""
    work, folder, scan = f"by-{name}", f"/srv/{name}", f"scan-{name}"
    box.write(f"{folder}/{work}/run", f"#!/bin/sh\nexec {as_file(box, work)}\n", 0o755)
    text = f"[Service]\nExecStart=/usr/bin/{scanner} {folder}\nRestart=always\n{lines}\n{BOOT}"
    box.write(f"{UNIT}/{scan}.service", text)
    clean = f"systemctl disable --now {scan}; systemctl kill -s KILL {scan}; "
    clean += f"pkill -9 -f '(runsv|supervise) {work}'; pkill -9 -f ' {work}$'"
    return Case(
        work, name, f"systemctl daemon-reload; systemctl enable --now {scan}", f"systemctl restart {scan}",
        f"ls {folder}/{work}", delay_s=8, clean=clean,
    )  # fmt: skip


def jobs(box: Box) -> list[Case]:
    """A line of a user's table and one of the system's; both come by the minute."""
    user, system = as_file(box, "by-crontab"), as_file(box, "by-cron-d")
    restart = "systemctl restart cron"
    return [
        Case(
            "by-crontab", "cron, a user's table",
            f"useradd -m alice; echo '* * * * * {user}' | crontab -u alice -", restart, "crontab -u alice -l",
            clean="crontab -u alice -r; pkill -9 -f ' by-crontab$'", delay_s=65,
        ),
        Case(
            "by-cron-d", "cron, /etc/cron.d", f"echo '* * * * * root {system}' >/etc/cron.d/planned", restart,
            "cat /etc/cron.d/planned", clean="rm /etc/cron.d/planned; pkill -9 -f ' by-cron-d$'", delay_s=65,
        ),
    ]  # fmt: skip


def starters(box: Box) -> list[Case]:
    """A shell's loop, and a parent that starts its child again: nothing of them survives a boot."""
    loop, child = as_file(box, "in-a-loop"), as_file(box, "of-a-parent")
    box.write("/opt/rig/loop.sh", f"#!/bin/bash\nwhile :; do\n  {loop}\n  sleep 1\ndone\n", 0o755)
    lines = f"import subprocess, time\nwhile True:\n    subprocess.run(['{child}'])\n    time.sleep(1)\n"
    box.write("/opt/rig/parent.py", lines)
    return [
        Case(
            "in-a-loop", "a shell's loop", "setsid /opt/rig/loop.sh >/dev/null 2>&1 </dev/null &",
            clean="pkill -9 -f loop.sh; pkill -9 -f ' in-a-loop$'", at_boot=False,
        ),
        Case(
            "of-a-parent", "a parent that starts it again",
            "setsid python3 /opt/rig/parent.py >/dev/null 2>&1 </dev/null &",
            clean="pkill -9 -f parent.py; pkill -9 -f ' of-a-parent$'", at_boot=False,
        ),
    ]  # fmt: skip


def with_docker(box: Box) -> list[Case]:
    """Everything that Docker, systemd, cron and Debian's supervisors keep."""
    box.write("/etc/systemd/system.conf.d/rig.conf", "[Manager]\nDefaultTimeoutStopSec=6s\n")
    box.write(f"{UNIT}/docker.service.d/rig.conf", ENGINE_LIMITS)
    box.run("systemctl daemon-reexec; systemctl enable --now cron")
    docker.import_image(box)
    box.run(["docker", "run", "-d", "--name=bystander", "--restart=always", docker.IMAGE, "sleep", "70006"])
    return [
        *jobs(box),
        *map(docker_run, ("always", "unless-stopped", "on-failure")),
        *map(compose, (1, 2)),
        swarm(),
        stray(),
        *units(),
        *supervisors(box),
        *starters(box),
    ]


def by_systemd_257(box: Box) -> list[Case]:
    """What systemd keeps, on Debian 13: there no frozen unit can be stopped."""
    box.write("/etc/systemd/system.conf.d/rig.conf", "[Manager]\nDefaultTimeoutStopSec=6s\n")
    box.run("systemctl daemon-reexec")
    return [replace(case, keeper=f"{case.keeper} (Debian 13)") for case in units()]


def on_v1(box: Box) -> list[Case]:
    """Where the host can limit CPU: that takes the pressure off."""
    names = {"run-always", "composed-2", "always", "timed", "by-supervisord"}
    return [case for case in with_docker(box) if case.name in names]


# --- masters with workers, and Node.js ---------------------------------------------------------------------------

APP = """\
def application(environ, start):
    while environ["PATH_INFO"] == "/burn":
        pass
    start("200 OK", [])
    return [b"x"]
"""
SITE = """\
server {
    listen 8083;
    location /burn { include fastcgi_params; fastcgi_param SCRIPT_FILENAME /srv/app/burn.php;
                     fastcgi_pass unix:/run/php/php8.2-fpm.sock; fastcgi_read_timeout 3600; }
    location / { root /srv/app; }
}
"""


def ask(port: int) -> str:
    """A request that makes a worker burn; nobody waits for the answer."""
    line = f"for i in 1 2 3 4 5 6 7 8 9; do curl -s -m 3600 localhost:{port}/burn && break; sleep 1; done"
    return f"setsid sh -c '{line}' >/dev/null 2>&1 </dev/null &"


def masters(box: Box) -> list[Case]:
    """A worker of each burns on a request that never ends."""
    box.write("/srv/app/app.py", APP)
    box.write("/srv/app/burn.php", "<?php set_time_limit(0); while (true) {}\n")
    box.write("/etc/nginx/sites-enabled/default", SITE)
    guni = "/usr/bin/gunicorn -w 2 --timeout 0 -b 127.0.0.1:8001 app:application"
    text = f"[Service]\nWorkingDirectory=/srv/app\nExecStart={guni}\nRestart=always\n{BOOT}"
    box.write(f"{UNIT}/guni.service", text)
    box.run("systemctl daemon-reload; systemctl enable --now nginx; head -c 50M /dev/zero >/srv/app/big")
    many = "setsid sh -c 'while :; do curl -s localhost:8083/big; done' >/dev/null 2>&1 </dev/null &"
    return [
        Case(
            "guni", "gunicorn's worker", f"systemctl enable --now guni; {ask(8001)}", "systemctl daemon-reexec",
            "systemctl is-enabled guni; systemctl is-active guni; cat /etc/systemd/system/guni.service",
            "gunicorn", clean="systemctl disable --now guni", poke=ask(8001), delay_s=15,
        ),
        Case(
            "php8.2-fpm", "php-fpm's worker", f"systemctl enable --now php8.2-fpm; {ask(8083)}",
            "systemctl daemon-reexec", "systemctl is-enabled php8.2-fpm; systemctl is-active php8.2-fpm",
            "^php-fpm: pool", clean="systemctl disable --now php8.2-fpm", poke=ask(8083), delay_s=15,
        ),
        Case(
            "nginx", "nginx's worker", many, "systemctl daemon-reexec",
            "systemctl is-enabled nginx; systemctl is-active nginx", "^nginx: worker",
            clean="pkill -f localhost:8083/big", poke=many, delay_s=15,
        ),
    ]  # fmt: skip


def node(box: Box) -> list[Case]:
    """pm2 as its own start-up unit runs it, and forever, which nobody starts at boot."""
    for name in ("by-pm2", "by-forever"):
        box.write(f"/srv/app/{name}.js", "for (;;) {}\n")
    pm2 = "cd /srv/app; export USER=root; "
    start = f"{pm2} pm2 startup systemd; pm2 start by-pm2.js; pm2 save --force; pm2 kill; systemctl start pm2-root"
    state = 'pm2 jlist 2>/dev/null | grep -o \'"status":"[a-z]*"\'; cat /root/.pm2/dump.pm2'
    return [
        Case(
            "by-pm2", "pm2", start, "systemctl restart pm2-root", state, r"^(/usr/bin/)?node /srv/app/by-pm2\.js",
            delay_s=20, clean="pm2 delete by-pm2",
        ),
        Case(
            "by-forever", "forever", "cd /srv/app; forever start /srv/app/by-forever.js",
            pattern=r"^/usr/bin/node /srv/app/by-forever\.js", clean="pkill -9 -f by-forever.js", at_boot=False,
        ),
    ]  # fmt: skip


def with_masters(box: Box) -> list[Case]:
    return [*masters(box), *node(box)]


# --- Podman ------------------------------------------------------------------------------------------------------


def with_podman(box: Box) -> list[Case]:
    """Podman's own restarts; no daemon of it watches."""
    box.run("systemctl stop docker.socket docker.service containerd; systemctl enable podman-restart")
    box.run(PODMAN_IMAGE)
    return [podman("always"), podman("on-failure")]


PODMAN_IMAGE = """
set -e
d=$(mktemp -d)
mkdir -p $d/bin $d/tmp $d/etc
cp /bin/busybox $d/bin/
for applet in $(/bin/busybox --list); do test $applet = busybox || ln -s busybox $d/bin/$applet; done
tar -C $d -c . > /srv/bb.tar
podman import --change 'CMD ["sh"]' --change 'ENV PATH=/bin' /srv/bb.tar bb:1
"""


def podman(policy: str) -> Case:
    name = f"pod-{policy}"
    words = ["podman", "run", "-d", f"--name={name}", f"--restart={policy}", "--network=none"]
    words += ["-v", f"/srv/data/{name}:/bind", docker.IMAGE, *program(name)]
    state = f"podman inspect -f '{{{{.HostConfig.RestartPolicy.Name}}}} {{{{.State.Status}}}}' {name}"
    return Case(
        name, f"podman, --restart {policy}", shlex.join(words), "", state, clean=f"podman rm -f -t 1 {name}"
    )  # fmt: skip
