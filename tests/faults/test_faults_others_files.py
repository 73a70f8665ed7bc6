"""An ordinary user who means harm: each plan is carried out by root, and back again, and root runs and writes nothing
of that user's.

What is set up here is what root's own commands would meet: programs, configurations, folders and links of the user's,
and names that belong to root's cron and to root's container.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from e2e.keepers import found, program
from e2e.rig import docker
from e2e.rig.box import Box, MakeBox

HOME = "/home/mallory"
SHOP_CRON = "/etc/cron.d/shop"
SHOP_CONF = "/etc/shop.conf"
BY_ROOT = f"{HOME}/ran-as-0"
CANARY = f"""\
#!/bin/sh
echo "$0 $*" >>{HOME}/ran-as-$(id -u)
exec /usr/bin/supervisorctl "$@"
"""
"""Stands where supervisorctl is looked for; the one of the host does the work."""
SUPERVISORD = f"""\
[unix_http_server]
file={HOME}/s.sock
[supervisord]
logfile={HOME}/s.log
pidfile={HOME}/s.pid
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{HOME}/s.sock
[include]
files = {HOME}/conf.d/*.conf
[program:own]
command={HOME}/own.sh
"""
STATE = "{{.State.Status}} {{.HostConfig.RestartPolicy.Name}}"
CRON = """\
import subprocess, sys
subprocess.run(["/bin/sh", "-c", sys.argv[1]])
"""
ROOTS_FILES = "find /etc /opt /usr/local /var/spool/cron -xdev -printf '%p %y %u %m %s %C@ %l\\n' | sort"
"""Each with the time of its last change of any kind."""


class Scene(NamedTuple):
    """The box, mallory's processes by what they are, and root's container."""

    box: Box
    pids: dict[str, int]
    container: str


def as_mallory(box: Box, line: str) -> None:
    box.run(["runuser", "-u", "mallory", "--", "sh", "-c", f"cd {HOME}; {line}"])


def in_the_background(box: Box, line: str) -> None:
    as_mallory(box, f"setsid {line} </dev/null >/dev/null 2>&1 &")


def script(box: Box, name: str) -> str:
    """A program of mallory's; its file."""
    path = f"{HOME}/{name}.sh"
    box.write(path, f"#!/bin/sh\nexec {shlex.join(program(name))}\n", 0o755)
    return path


@pytest.fixture(scope="module")
def scene(make_box: MakeBox) -> Iterator[Scene]:
    """Everything at once, in one box."""
    box = make_box(extras=("keepers",))
    box.run("useradd -m -s /bin/sh mallory && chmod 755 /home/mallory && loginctl enable-linger mallory")
    box.run(["docker", "run", "-d", "--name", "shop", "--restart", "always", "bb:1", "sleep", "9999"])
    container = box.run(["docker", "inspect", "-f", "{{.Id}}", "shop"]).stdout.strip()
    _supervisord(box)
    _s6(box)
    _units(box, container)
    _cron(box)
    box.run(f"chown -hR mallory: {HOME}")
    in_the_background(box, f"python3 {HOME}/bin/supervisord -n -c {HOME}/s.conf")
    in_the_background(box, f"s6-svscan {HOME}/s6")
    in_the_background(box, f"./cron cron.py {shlex.quote(shlex.join(program('nightly')))}")
    systemctl = "systemctl --user -M mallory@"
    box.wait_for("mallory's systemd", lambda: box.run(f"{systemctl} list-units", check=False).returncode == 0)
    box.run(f"{systemctl} daemon-reload && {systemctl} start top.service posing.service")
    uid = box.run(["id", "-u", "mallory"]).stdout.strip()
    bars = f"/run/user/{uid}/systemd/user"
    box.run(
        ["runuser", "-u", "mallory", "--", "sh", "-c", f"mkdir -p {bars}; ln -s /etc/shop.d {bars}/upheld.service.d"]
    )
    names = ("own", "linked", "stepped", "upheld", "posing", "nightly")
    yield Scene(box, {name: found(box, name) for name in names}, container)


def _supervisord(box: Box) -> None:
    """With programs of mallory's beside it, and a link to a file of root's among its configuration."""
    script(box, "own")
    script(box, "linked")
    box.run(f"mkdir -p {HOME}/bin {HOME}/conf.d && cp /usr/bin/supervisord {HOME}/bin/")
    box.write(f"{HOME}/bin/supervisorctl", CANARY, 0o755)
    box.write(f"{HOME}/s.conf", SUPERVISORD)
    box.write(SHOP_CONF, f"[program:linked]\ncommand={HOME}/linked.sh\n")
    box.run(f"ln -s {SHOP_CONF} {HOME}/conf.d/linked.conf")


def _s6(box: Box) -> None:
    box.write(f"{HOME}/s6/stepped/run", f"#!/bin/sh\nexec {script(box, 'stepped')}\n", 0o755)


def _units(box: Box, container: str) -> None:
    """One that another one upholds, so that a bar goes into mallory's folder; one that makes a group of that name."""
    folder = f"{HOME}/.config/systemd/user"
    box.run("mkdir -p /etc/shop.d")
    box.write(f"{folder}/upheld.service", f"[Service]\nExecStart={script(box, 'upheld')}\n")
    box.write(f"{folder}/top.service", "[Unit]\nUpholds=upheld.service\n[Service]\nExecStart=/bin/sleep 9999\n")
    posing = f"systemd-run --user --scope --unit=docker-{container}.scope {script(box, 'posing')}"
    box.write(f"{folder}/posing.service", f"[Service]\nExecStart={posing}\n")


def _cron(box: Box) -> None:
    """A line of root's, and what mallory makes of it: python under the name of cron, with a child that bears it."""
    line = shlex.join(program("nightly"))
    box.write(SHOP_CRON, f"0 3 * * * root {line}\n")
    box.run(f"cp $(readlink -f /usr/bin/python3) {HOME}/cron")
    box.write(f"{HOME}/cron.py", CRON)


def roots(box: Box) -> list[str]:
    """What root has, each file with all that a change of it would change."""
    return box.run(ROOTS_FILES).stdout.splitlines()


def carried_out(scene: Scene, name: str) -> str:
    """The script of a plan, run by root, with its way back; a step may well fail. Returns the script."""
    box = scene.box
    text = box.run(["runaway-watchdog", "plan", str(scene.pids[name]), "--script"], check=False).stdout
    box.write("/root/plan.sh", text)
    box.run("sh /root/plan.sh", check=False, timeout=90)
    return text


def undone(scene: Scene) -> None:
    scene.box.run("sh /root/plan.sh undo", check=False, timeout=90)


def test_a_name_is_no_owner(scene: Scene) -> None:
    """Neither root's line of cron nor root's container is named as the owner of what only bears its name."""
    for name in ("posing", "nightly"):
        done = scene.box.run(["runaway-watchdog", "explain", str(scene.pids[name])], check=False)
        assert f"PID {scene.pids[name]}" in done.stdout
        for others in (SHOP_CRON, "shop", "cron job"):
            assert others not in done.stdout, done.stdout


def damage(scene: Scene, before: list[str]) -> list[str]:
    """What was done to root's things, or by mallory's programs as root."""
    box = scene.box
    found = [line for line in {*roots(box)} ^ {*before} if line]
    left = "find /home/mallory /run/user/$(id -u mallory) -xdev -uid 0 ! -path '*/credentials*'"
    found += box.run(left, check=False).stdout.splitlines()
    found += box.read(BY_ROOT).splitlines() if box.exists(BY_ROOT) else []
    state = box.run(["docker", "inspect", "-f", STATE, "shop"]).stdout.split()
    return found if state == ["running", "always"] else [*found, *state]


@pytest.mark.parametrize("name", ["own", "linked", "stepped", "upheld", "posing", "nightly"])
def test_roots_shell_runs_and_writes_nothing_of_another_users(scene: Scene, name: str) -> None:
    """The plan of each, and its undo: no program of mallory's runs as root, no file of root's changes, nothing of
    root's is left in mallory's folders, and root's container goes on."""
    box = scene.box
    box.run(
        f"rm -f {BY_ROOT}; docker update --restart always shop; docker unpause shop; docker start shop", check=False
    )
    before = roots(box)
    carried_out(scene, name)
    assert damage(scene, before) == []
    undone(scene)
    assert damage(scene, before) == []


@pytest.mark.parametrize("name", ["own", "stepped"])
def test_what_belongs_to_a_user_is_stopped_as_that_user(scene: Scene, name: str) -> None:
    """The plan is no worse for it: the program stays away, and its undo brings it back."""
    box = scene.box
    scene.pids[name] = found(box, name)
    text = carried_out(scene, name)
    assert "runuser -u mallory -- " in text
    box.wait_for("its end", lambda: not box.pids(f"^/bin/busybox .* {name}$"))
    undone(scene)
    found(box, name)
    assert not box.exists(BY_ROOT), box.read(BY_ROOT)


def test_docker_is_there(scene: Scene) -> None:
    """Else the container's part of this proves nothing."""
    assert docker.info(scene.box, "shop").status == "running"
