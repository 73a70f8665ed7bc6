"""A daemon that is stopped or frozen: it is not waited for as one that is late."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runaway_watchdog.linux.files import Paths
from runaway_watchdog.world import Unanswered, docker, patience
from runaway_watchdog.world.held import held


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is called dockerd and does nothing."""
    (tmp_path / "dockerd").symlink_to("/bin/sleep")
    with subprocess.Popen([tmp_path / "dockerd", "600"]) as process:
        yield process
        process.kill()


@pytest.fixture
def pid_file(daemon: subprocess.Popen[bytes], tmp_path: Path) -> Path:
    path = tmp_path / "docker.pid"
    path.write_text(f"{daemon.pid}")
    deadline = time.monotonic() + 10
    while Path(f"/proc/{daemon.pid}/comm").read_text() != "dockerd\n" and time.monotonic() < deadline:
        time.sleep(0.01)
    return path


def stop(process: subprocess.Popen[bytes]) -> None:
    os.kill(process.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)


def test_a_stopped_daemon_is_held_and_one_that_sleeps_is_not(daemon: subprocess.Popen[bytes], pid_file: Path) -> None:
    """As long as it is stopped; another program that got the PID of a dead daemon says nothing."""
    assert held(str(pid_file), "dockerd") == ""
    stop(daemon)
    assert held(str(pid_file), "dockerd") == "stopped"
    assert held(str(pid_file), "podman") == ""
    assert held(f"{pid_file}.none", "dockerd") == ""
    os.kill(daemon.pid, signal.SIGCONT)
    os.waitid(os.P_PID, daemon.pid, os.WCONTINUED)
    assert held(str(pid_file), "dockerd") == ""


@pytest.mark.parametrize(
    ("line", "file", "text", "found"),
    [
        ("0::/s/docker.service", "s/docker.service/cgroup.events", "populated 1\nfrozen 1\n", "frozen"),
        ("0::/s/docker.service", "s/docker.service/cgroup.events", "populated 1\nfrozen 0\n", ""),
        ("0::/d", "unified/d/cgroup.events", "populated 1\nfrozen 1\n", "frozen"),
        ("6:freezer:/d\n0::/", "freezer/d/freezer.state", "FROZEN\n", "frozen"),
        ("6:freezer:/d\n0::/", "freezer/d/freezer.state", "THAWED\n", ""),
        ("0::/../elsewhere", "cgroup.events", "frozen 1\n", ""),
    ],
)  # fmt: skip
def test_a_frozen_group_holds_its_daemon(line: str, file: str, text: str, found: str, tmp_path: Path) -> None:
    """As both versions of control groups tell it; a path outside of what we see tells nothing."""
    process, told = tmp_path / "proc/7", tmp_path / "cgroup" / file
    process.mkdir(parents=True)
    told.parent.mkdir(parents=True)
    (process / "stat").write_text(f"7 (dockerd) S {' '.join(['0'] * 49)}\n")
    (process / "cgroup").write_text(f"{line}\n")
    told.write_text(text)
    (tmp_path / "docker.pid").write_text("7")
    paths = Paths(str(tmp_path / "proc"), str(tmp_path / "cgroup"))
    assert held(str(tmp_path / "docker.pid"), "dockerd", paths) == found


def test_a_stopped_engine_is_not_waited_for(
    daemon: subprocess.Popen[bytes], pid_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is asked, and however late the host is; the gap says why, and how it goes on."""
    monkeypatch.setattr(docker, "PID_FILE", str(pid_file))
    monkeypatch.setattr(docker, "DEFAULT_SOCKET", str(tmp_path / "docker.sock"))
    monkeypatch.setattr(patience, "limit_s", lambda: 8)
    stop(daemon)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "docker.sock"))
        server.listen()
        begun = time.monotonic()
        engine = docker.LiveEngine({})
        for ask in (engine.containers, engine.info, engine.volumes):
            with pytest.raises(Unanswered, match=r"cannot answer: its process is stopped") as raised:
                ask()
        assert "--signal=CONT" in raised.value.gap.fix
    assert time.monotonic() - begun < 1
