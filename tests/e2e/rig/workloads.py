"""Programs to be watched, under every kind of keeper, and what really happens when something is done to them."""

from __future__ import annotations

import itertools
import json
import shlex
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypedDict, Unpack

from . import docker
from .box import Box

Keeper = Literal["docker-run", "compose", "systemd", "unmanaged", "session"]
Work = Literal["spin", "sleep"]
OnTerm = Literal["default", "exit-0", "exit-1", "ignore"]
Action = Literal["sigterm", "sigkill", "owner-stop", "owner-daemon-restart"]

_TRAPS: dict[OnTerm, str] = {
    "default": "",
    "exit-0": 'trap "exit 0" TERM; ',
    "exit-1": 'trap "exit 1" TERM; ',
    "ignore": 'trap "" TERM; ',
}
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Workload:
    """One running program. `pid` is its PID in the box; `owner` is the part of its cgroup path that names its owner;
    `name` is a word of its command line that nothing else has. The two argv are the owner's stop and its daemon's
    restart, as a person would type them; empty where there is no such thing."""

    pid: int
    name: str
    keeper: str
    owner: str
    stop_argv: tuple[str, ...]
    daemon_restart_argv: tuple[str, ...]
    describe: str


@dataclass(frozen=True)
class Observation:
    """What happened. `delay_s` runs from the observed death to the new process's start time (10 ms ticks)."""

    ended: bool
    returned: bool
    delay_s: float | None
    new_pid: int | None
    ended_after_s: float | None = None
    action_error: str = ""


def program(name: str, work: Work = "spin", on_term: OnTerm = "default") -> list[str]:
    """The command line of a workload: one busybox shell, no children, `name` its last word.

    As PID 1 of a container the default is that SIGTERM does nothing: the kernel gives it no default action there.
    """
    if work == "spin":
        body = "while :; do :; done"
    else:
        # A read from a pipe that nobody writes to: it sleeps, signals wake it, and there is no child to confuse.
        body = f"mkfifo /tmp/{name}.pipe; exec 3<>/tmp/{name}.pipe; while :; do read -r line <&3; done"
    return ["/bin/busybox", "sh", "-c", _TRAPS[on_term] + body, name]


class How(TypedDict, total=False):
    """The choices of `start`; each has a default."""

    name: str  # default: the work and a number
    work: Work  # default: spin
    on_term: OnTerm  # default: default
    restart: str  # Docker's policy (docker-run, compose); default: no
    service_lines: Sequence[str]  # into [Service] (systemd), such as `Restart=always`; default: none
    docker_options: Sequence[str]  # before the image (docker-run); default: none
    compose_version: int  # 1 or 2; default: 2


def start(box: Box, keeper: Keeper, **how: Unpack[How]) -> Workload:
    """Start a program under `keeper` and return it running; the choices are those of How.

    `session` is a login of root that has ended, its process left in the session's scope; `unmanaged` is in the root
    control group, with its parent gone.
    """
    work = how.get("work", "spin")
    name = how.get("name") or f"{work}-{next(_numbers)}"
    argv = program(name, work, how.get("on_term", "default"))
    restart = how.get("restart", "no")
    if keeper == "docker-run":
        return _start_docker(box, name, argv, restart, how.get("docker_options", ()))
    if keeper == "compose":
        return _start_compose(box, name, argv, restart, how.get("compose_version", 2))
    if keeper == "systemd":
        return _start_systemd(box, name, argv, how.get("service_lines", ()))
    return _start_alone(box, keeper, name, argv)


def end_and_watch(box: Box, workload: Workload, action: Action, watch_s: float = 5) -> Observation:
    """Do `action` to `workload` in the box, and watch for `watch_s` seconds whether the same program comes back.

    The same program is one with the same command line under the same owner and another start time. ValueError where
    the keeper has no such action.
    """
    job: dict[str, object] = {"pid": workload.pid, "marker": workload.name, "owner": workload.owner, "watch_s": watch_s}
    if action == "sigterm":
        job["signal"] = int(signal.SIGTERM)
    elif action == "sigkill":
        job["signal"] = int(signal.SIGKILL)
    else:
        job["argv"] = workload.stop_argv if action == "owner-stop" else workload.daemon_restart_argv
        if not job["argv"]:
            raise ValueError(f"{workload.describe} has no {action}")
    done = box.run(["python3", put(box, "watch.py")], input=json.dumps(job), timeout=watch_s + 90)
    return Observation(**json.loads(done.stdout))


def put(box: Box, program: str) -> str:
    """One of the two programs that watch, and what they share under the name that it has here; returns its path."""
    inside, folder = Path(__file__).parent / "inside", "/opt/rig"
    box.write(f"{folder}/e2e/rig/inside/looks.py", (inside / "looks.py").read_text())
    box.write(f"{folder}/{program}", (inside / program).read_text())
    return f"{folder}/{program}"


def _start_docker(box: Box, name: str, argv: list[str], restart: str, options: Sequence[str]) -> Workload:
    box.run(["docker", "run", "-d", f"--name={name}", f"--restart={restart}", *options, docker.IMAGE, *argv])
    return _of_container(
        box, name, "docker-run", ("docker", "stop", "-t", "3", name), f"docker run --restart {restart}"
    )


def _start_compose(box: Box, name: str, argv: list[str], restart: str, version: int) -> Workload:
    folder = f"/srv/{name}"
    # JSON is YAML; a $ would have to be doubled, the programs here have none.
    service = {"image": docker.IMAGE, "command": argv, "restart": restart, "stop_grace_period": "3s"}
    docker.compose_up(box, folder, json.dumps({"version": "3.8", "services": {"worker": service}}), version=version)
    words = ("docker", "compose") if version == 2 else ("docker-compose",)
    stop = (*words, "--project-directory", folder, "-f", f"{folder}/docker-compose.yml", "stop")
    container = docker.compose(box, folder, "ps -q worker", version=version).strip()
    return _of_container(box, container, "compose", stop, f"Compose v{version} service, restart: {restart}", name)


def _of_container(
    box: Box, container: str, keeper: Keeper, stop: tuple[str, ...], how: str, name: str | None = None
) -> Workload:
    known = docker.info(box, container)
    name = name or known.name
    box.wait_for(f"{name} in {known.id[:12]}", lambda: known.pid in box.pids(f" {name}$"))
    restart = ("systemctl", "restart", "docker.service")
    return Workload(known.pid, name, keeper, known.id, stop, restart, f"{name} ({how})")


def _start_systemd(box: Box, name: str, argv: list[str], lines: Sequence[str]) -> Workload:
    unit = f"{name}.service"
    # systemd's own quoting: double quotes with backslash, as in C, is a subset of what JSON writes.
    command = " ".join(json.dumps(word) for word in argv)
    text = "\n".join(["[Unit]", f"Description={name}", "[Service]", f"ExecStart={command}", *lines, ""])
    box.write(f"/etc/systemd/system/{unit}", text)
    box.run(f"systemctl daemon-reload && systemctl start {unit}")
    pid = box.wait_for(f"a main process of {unit}", lambda: _main_pid(box, unit, name))
    how = f"{name} (systemd service, {' '.join(lines) or 'no lines'})"
    return Workload(pid, name, "systemd", f"/{unit}", ("systemctl", "stop", unit), ("systemctl", "daemon-reexec"), how)


def _main_pid(box: Box, unit: str, name: str) -> int | None:
    pid = int(box.run(["systemctl", "show", "-P", "MainPID", unit]).stdout)
    return pid if pid > 1 and pid in box.pids(f" {name}$") else None


def _start_alone(box: Box, keeper: Keeper, name: str, argv: list[str]) -> Workload:
    background = f"setsid {shlex.join(argv)} </dev/null >/dev/null 2>&1 &"
    box.run(["su", "-l", "root", "-c", background] if keeper == "session" else background)
    pid = box.wait_for(f"{name} in the background", lambda: next(iter(box.pids(f" {name}$")), None))
    path = box.read(f"/proc/{pid}/cgroup")
    if ("session-" in path) != (keeper == "session"):
        raise AssertionError(f"{name} ({keeper}) is in another control group than it should be:\n{path}")
    owner = "/session-" if keeper == "session" else ":/"
    return Workload(pid, name, keeper, owner, (), (), f"{name} ({keeper})")


def again(workload: Workload, observation: Observation) -> Workload:
    """The same workload after it came back: its new PID."""
    if observation.new_pid is None:
        raise ValueError(f"{workload.describe} did not come back")
    return replace(workload, pid=observation.new_pid)


def discard(box: Box, workload: Workload) -> None:
    """End it for good, whatever state it is in, and remove what kept it: a spinning leftover slows every later test."""
    if workload.keeper in ("docker-run", "compose"):
        box.run(["docker", "rm", "-f", "-v", workload.owner], check=False)
    elif workload.keeper == "systemd":
        unit = workload.owner.lstrip("/")
        box.run(["systemctl", "kill", "-s", "KILL", unit], check=False)
        box.run(f"systemctl stop {unit}; rm -f /etc/systemd/system/{unit}; systemctl daemon-reload", check=False)
    else:
        # Without a shell in between; pkill never matches itself.
        box.run(["pkill", "-9", "-f", "--", f" {workload.name}$"], check=False)


@contextmanager
def running(box: Box, keeper: Keeper, **how: Unpack[How]) -> Iterator[Workload]:
    """`start` for the time of a with-block, `discard` at its end."""
    workload = start(box, keeper, **how)
    try:
        yield workload
    finally:
        discard(box, workload)


REDIS_IMAGE = """
set -e
d=$(mktemp -d)
mkdir -p $d/bin $d/data $d/tmp
cp "$(readlink -f "$(command -v redis-server)")" $d/bin/redis-server
cp "$(readlink -f "$(command -v redis-cli)")" $d/bin/redis-cli
cp /bin/busybox $d/bin/
for applet in sh cat; do ln -s busybox $d/bin/$applet; done
for library in $(ldd $d/bin/redis-server $d/bin/redis-cli | grep -o '/[^ ]*[.]so[^ ]*'); do
    mkdir -p "$d$(dirname "$library")"
    cp -Ln "$library" "$d$library"
done
tar -C $d -c . | docker import --change 'ENV PATH=/bin' - redis:1
rm -rf $d
docker run -d --name=cache -v cachedata:/data redis:1 redis-server --dir /data --save ''
"""
