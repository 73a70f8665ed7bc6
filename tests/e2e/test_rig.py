"""The rig itself: a box is a real host, what is done in it really happens, and nothing of it is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from e2e.rig import cache, cgroups, docker, processes, sinks, workloads
from e2e.rig.box import Box, CommandError, MakeBox, NotSeenError, remove_stale

TESTS = Path(__file__).parent.parent


@pytest.fixture(scope="module", params=["v2", "v1"])
def bare(request: pytest.FixtureRequest, make_box: MakeBox) -> Box:
    """A box without the product, in each cgroup layout: the rig is tested also while the product does not build."""
    return make_box(request.param, installed=False)


def test_systemd_is_pid_1(bare: Box) -> None:
    """The box is booted by systemd, in the cgroup layout that was asked for."""
    assert bare.read("/proc/1/comm").strip() == "systemd"
    assert bare.run(["systemctl", "is-active", "docker.service", "cron.service"]).stdout.split() == ["active"] * 2
    assert bare.exists("/sys/fs/cgroup/cgroup.procs") == (bare.layout == "v2")
    assert bare.run(["docker", "info", "-f", "{{.CgroupVersion}}"]).stdout.strip() == bare.layout[1:]


def test_docker_and_both_composes(bare: Box) -> None:
    """Docker runs the imported image; Compose v1 and v2 are there."""
    assert bare.run(["docker", "run", "--rm", docker.IMAGE, "echo", "hello"]).stdout == "hello\n"
    assert bare.run(["docker-compose", "version", "--short"]).stdout.startswith("1.29.2")
    assert bare.run(["docker", "compose", "version", "--short"]).stdout.startswith("2.26.1")


def test_no_way_out(bare: Box) -> None:
    """A box has loopback and its own Docker networks: no traffic can leave it."""
    links = bare.run(["ip", "-brief", "link"]).stdout.split("\n")
    assert {line.split("@")[0].split()[0].rstrip("0123456789abcdef-") for line in links if line} <= {
        "lo",
        "docker",
        "veth",
        "br",
    }
    assert "default" not in bare.run(["ip", "route"]).stdout


def test_container_comes_back_after_kill_9(bare: Box) -> None:
    """Docker brings a `--restart always` container back within two seconds of kill -9, and counts it."""
    with workloads.running(bare, "docker-run", restart="always") as work:
        seen = workloads.end_and_watch(bare, work, "sigkill")
        assert (seen.ended, seen.returned) == (True, True)
        assert 0 < (seen.delay_s or 0) < 2
        known = docker.info(bare, work.name)
        assert (known.pid, known.restart_count) == (seen.new_pid, 1)


@pytest.mark.parametrize("version", [1, 2])
def test_compose_service_stopped_by_its_owner_stays_down(bare: Box, version: int) -> None:
    """A Compose service is brought back after kill -9 and not after its owner's stop."""
    how: workloads.How = {"work": "sleep", "restart": "unless-stopped", "compose_version": version}
    with workloads.running(bare, "compose", **how) as work:
        killed = workloads.end_and_watch(bare, work, "sigkill")
        assert killed.returned
        stopped = workloads.end_and_watch(bare, workloads.again(work, killed), "owner-stop", watch_s=5)
        assert (stopped.ended, stopped.returned, stopped.action_error) == (True, False, "")


@pytest.mark.parametrize(("action", "returned"), [("sigterm", False), ("sigkill", True)])
def test_restart_on_failure(bare: Box, action: workloads.Action, returned: bool) -> None:
    """systemd's Restart=on-failure holds SIGTERM to be a clean end and SIGKILL a failure."""
    with workloads.running(bare, "systemd", service_lines=["Restart=on-failure", "RestartSec=300ms"]) as work:
        seen = workloads.end_and_watch(bare, work, action, watch_s=2)
        assert (seen.ended, seen.returned) == (True, returned)
        assert not returned or 0.25 < (seen.delay_s or 0) < 1.5


@pytest.mark.parametrize(
    ("on_term", "ended", "returned"),
    [("default", True, False), ("exit-0", True, False), ("exit-1", True, True), ("ignore", False, False)],
)
def test_what_a_program_does_with_sigterm(bare: Box, on_term: workloads.OnTerm, ended: bool, returned: bool) -> None:
    """The programs' four ways with SIGTERM are what they say, seen under Restart=on-failure."""
    how: workloads.How = {"on_term": on_term, "work": "sleep", "service_lines": ["Restart=on-failure"]}
    with workloads.running(bare, "systemd", **how) as work:
        seen = workloads.end_and_watch(bare, work, "sigterm", watch_s=1)
        assert (seen.ended, seen.returned) == (ended, returned)


def test_restart_of_docker_starts_a_container_anew(bare: Box) -> None:
    """A restart of dockerd ends a container with a policy and starts it again."""
    with workloads.running(bare, "docker-run", restart="always", on_term="exit-0") as work:
        seen = workloads.end_and_watch(bare, work, "owner-daemon-restart", watch_s=20)
        assert (seen.ended, seen.returned, seen.action_error) == (True, True, "")


def test_reexec_of_systemd_leaves_a_service_alone(bare: Box) -> None:
    """systemd's daemon-reexec does not touch what it keeps."""
    with workloads.running(bare, "systemd") as work:
        seen = workloads.end_and_watch(bare, work, "owner-daemon-restart", watch_s=2)
        assert (seen.ended, seen.action_error) == (False, "")


@pytest.mark.parametrize("keeper", ["unmanaged", "session"])
def test_nobody_brings_it_back(bare: Box, keeper: workloads.Keeper) -> None:
    """What nobody keeps ends for good, and has no owner to be stopped."""
    with workloads.running(bare, keeper) as work:
        with pytest.raises(ValueError, match="no owner-stop"):
            workloads.end_and_watch(bare, work, "owner-stop")
        seen = workloads.end_and_watch(bare, work, "sigterm", watch_s=1)
        assert (seen.ended, seen.returned) == (True, False)


@pytest.mark.parametrize("keeper", ["docker-run", "compose", "systemd", "unmanaged", "session"])
def test_spinning_and_discarded(bare: Box, keeper: workloads.Keeper) -> None:
    """A spinning workload burns a core whoever keeps it, and none is left when it is discarded."""
    with workloads.running(bare, keeper) as work:
        before = _cpu_ticks(bare, work.pid)
        # As long as it takes: what else this machine does decides how much of a core there is to burn.
        bare.wait_for("half a second of CPU", lambda: _cpu_ticks(bare, work.pid) - before > 50)
    assert bare.pids(work.name) == []


def test_volume_checksum(bare: Box) -> None:
    """The checksum of a volume stays the same while nothing is written, and changes when one byte does."""
    write = ["docker", "run", "--rm", "-v", "data:/data", docker.IMAGE, "sh", "-c"]
    bare.run([*write, "echo one > /data/file"])
    first = docker.volume_checksum(bare, "data")
    bare.run([*write, "cat /data/file"])
    assert docker.volume_checksum(bare, "data") == first
    bare.run([*write, "echo two > /data/file"])
    assert docker.volume_checksum(bare, "data") != first


def test_sinks(bare: Box) -> None:
    """The mail server and the webhook receiver keep what they are sent."""
    sinks.start_sinks(bare)
    bare.run(["curl", "-sS", "https://hooks.slack.com/services/T/B/x", "--json", '{"text": "down"}'])
    bare.run(["curl", "-sS", f"http://127.0.0.1:{sinks.HTTP_PORT}/plain", "-d", "a=b"])
    bare.write("/tmp/mail", "Subject: hot\n\nbody\n")
    bare.run("curl -sS smtp://127.0.0.1:2525 --mail-from a@box --mail-rcpt b@box -T /tmp/mail")
    secure, plain = sinks.hooks(bare)
    assert (secure.scheme, secure.path, secure.body) == ("https", "/services/T/B/x", {"text": "down"})
    assert (plain.scheme, plain.body, plain.text) == ("http", None, "a=b")
    (mail,) = sinks.mails(bare)
    assert (mail["Subject"], mail["X-Envelope-To"], mail.get_content().strip()) == ("hot", "b@box", "body")


def test_failures_are_told(bare: Box) -> None:
    """A failed command and a wait in vain say what was seen."""
    with pytest.raises(CommandError, match="no such thing"):
        bare.run("echo no such thing >&2; exit 3")
    with pytest.raises(NotSeenError, match=r"a unicorn.*returned 0"):
        bare.wait_for("a unicorn", lambda: 0, timeout=0.1)
    with pytest.raises(subprocess.TimeoutExpired):
        bare.run("sleep 77.7", timeout=0.3)
    assert bare.pids("sleep 77.7") == []


def test_product_is_installed(box: Box) -> None:
    """The wheel's command answers in the box, from its own folder."""
    assert (
        box.run(["readlink", "-f", "/usr/local/bin/runaway-watchdog"]).stdout
        == "/opt/runaway-watchdog/bin/runaway-watchdog\n"
    )
    assert box.run(["runaway-watchdog", "--help"]).stdout


def test_a_box_of_the_next_debian(make_box: MakeBox) -> None:
    """Debian 13, by its own systemd, Docker and Compose v2, with the wheel under its own Python."""
    box = make_box(suite="trixie")
    assert "VERSION_CODENAME=trixie" in box.read("/etc/os-release").splitlines()
    assert box.run(["systemctl", "--version"]).stdout.startswith("systemd 257 ")
    assert box.run(["docker", "run", "--rm", docker.IMAGE, "echo", "hello"]).stdout == "hello\n"
    assert box.run(["docker", "compose", "version", "--short"]).stdout.startswith("2.")
    assert box.run(["/opt/runaway-watchdog/bin/python", "-V"]).stdout.startswith("Python 3.13.")
    with workloads.running(box, "systemd", service_lines=["Restart=always"]) as work:
        assert "systemd service, Restart=always" in box.run(["runaway-watchdog", "explain", str(work.pid)]).stdout
        assert workloads.end_and_watch(box, work, "sigkill").returned
    box.stop()


def test_two_boxes_at_once_and_no_trace() -> None:
    """Two boxes run side by side, do not see each other, and leave no process, mount, control group or file."""
    one, two = Box(docker=False), Box(docker=False)
    with one, two:
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda box: box.write("/root/mine", box.name), (one, two)))
        assert (one.read("/root/mine"), two.read("/root/mine")) == (one.name, two.name)
        inside = [identity for box in (one, two) for identity in _processes_of(box)]
        assert len(inside) > 4
    assert [identity for identity in inside if identity.alive()] == []
    for box in (one, two):
        assert _traces(box.folder) == []


def test_box_of_a_killed_run_is_removed_by_the_next() -> None:
    """A run that is killed cannot tear down; the next one does it, by the folder's own record."""
    script = (
        "from e2e.rig.box import Box; b = Box(docker=False); b.start(); print(b.folder, b.leader, flush=True); input()"
    )
    argv = [sys.executable, "-c", script]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=TESTS) as run:
        assert run.stdout is not None
        folder, leader = run.stdout.readline().split()
        inside = processes.identify(int(leader))
        assert inside is not None
        os.kill(run.pid, signal.SIGKILL)
    assert inside.alive()
    remove_stale()
    assert not inside.alive()
    assert _traces(Path(folder)) == []


def _processes_of(box: Box) -> list[processes.Identity]:
    """All processes, on the machine below, in the box's PID namespace."""
    namespace = os.readlink(f"/proc/{box.leader}/ns/pid")
    found: list[processes.Identity] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            identity = processes.identify(int(folder.name)) if os.readlink(folder / "ns/pid") == namespace else None
        except OSError:
            continue
        if identity is not None:
            found.append(identity)
    return found


def _cpu_ticks(box: Box, pid: int) -> int:
    """User and system time of a process of the box, in hundredths of a second."""
    fields = box.read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _traces(folder: Path) -> list[str]:
    """What is left of the box that had `folder`."""
    groups = [hierarchy.mount / folder.name for hierarchy in cgroups.of_this_machine()]
    kept = [Path("/run/systemd/nspawn") / kind / folder.name for kind in ("propagate", "unix-export")]
    return cache.mounts_under(folder) + [str(path) for path in [folder, *groups, *kept] if path.exists()]
