"""What happens to the host around the watch: buses, journals, process numbers, crowds, memory."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from e2e.rig.box import MakeBox
from faults.service import CONFIG, MEANT, NOTHING, Account, Service, explained, main_pid, signalled
from unit.watch_host import FakeHost

from runaway_watchdog.model.identity import ProcKey

rig = pytest.mark.rig

CROWD = 30_000
FIRST = 100
GROUP = "/system.slice/crowd.service"
TASKS = 300
BOMB = """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
"""
HOG = """
kept = []
while True:
    kept.append(b"x" * 1_000_000)
"""
LIMITED = f"""{CONFIG.replace(MEANT, 'unit = "limited-*"')}
[[rule]]
name = "restart-loop"
kind = "restarts"
times = 3
for = "5m"
unit = "limited-*"
"""
LOOK_S = 1.0  # of CPU, on a busy machine and with clocks made up in Python


@rig
def test_systemd_re_executed(service: Service) -> None:
    """PID 1 replaces itself, twice: the watch is not restarted, its signs of life arrive, what burns is told."""
    account, watch = Account(service), service.pid()
    with service.burning("across-the-reexec") as pid:
        service.box.run("systemctl daemon-reexec && sleep 1 && systemctl daemon-reexec", timeout=60)
        service.wait_told(pid)
        lost = account.lost(pid)
    assert service.pid() == watch
    assert lost == NOTHING, f"lost when systemd was re-executed: {lost}"


@rig
@pytest.mark.truth
def test_no_bus(service: Service) -> None:
    """No D-Bus at all: the owner is known by its control group, and what could not be asked is named."""
    box, account = service.box, Account(service)
    box.run("systemctl stop dbus.socket dbus.service", check=False)
    try:
        with service.burning("without-a-bus") as pid:
            told = service.wait_told(pid)
            owners = explained(box, str(pid))["owners"]
            lost = account.lost(pid)
    finally:
        box.run("systemctl start dbus.socket dbus.service")
    assert owners[0]["name"] == "without-a-bus.service"
    assert "no system bus here" in " ".join(told.text.split())
    assert lost == NOTHING, f"lost without D-Bus: {lost}"


@rig
@pytest.mark.truth
def test_the_journal_rotated_and_restarted(service: Service) -> None:
    """Rotated, emptied, and its daemon killed: what the watch says afterwards is in the journal, and all is told."""
    box, account = service.box, Account(service)
    box.run("journalctl --rotate && journalctl --vacuum-size=1")
    signalled(box, "KILL", main_pid(box, "systemd-journald.service"))
    with service.burning("after-the-rotation") as pid:
        service.wait_told(pid)
        service.box.wait_for("its line", lambda: "after-the-rotation" in service.log("-g", "event=runaway"))
        lost = account.lost(pid)
    assert lost == NOTHING, f"lost when the journal was rotated: {lost}"


@rig
@pytest.mark.truth
def test_a_process_number_comes_around(service: Service) -> None:
    """The runaway's number is given to a sleeper: it is not held for the runaway, and its story is its own."""
    box, account = service.box, Account(service)
    with service.burning("had-the-number") as pid:
        service.wait_told(pid)
        lost = account.lost(pid)
    # The last number that was given, of this box's own numbers: the next process gets the one after it.
    box.run(f"sh -c 'echo {pid - 1} > /proc/sys/kernel/ns_last_pid; exec setsid -f sleep 1000000 >/dev/null 2>&1'")
    box.wait_for("its end", lambda: all(each["state"] == "resolved" for each in service.incidents()), timeout=60)
    assert box.read(f"/proc/{pid}/comm") == "sleep\n"
    try:
        story = explained(box, str(pid))
    finally:
        signalled(box, "KILL", pid)
    assert story["process"]["name"] == "sleep"
    assert lost == NOTHING, f"lost when a number came around: {lost}"


@pytest.fixture(scope="module")
def limited(make_box: MakeBox) -> Service:
    """The service on a host whose units can be limited: a box has these controllers in the v1 layout alone."""
    service = Service(make_box("v1", docker_up=False))
    service.install(LIMITED)
    return service


def start_limited(service: Service, name: str, program: str, *properties: str) -> None:
    """A unit whose main process runs this Python program."""
    options = [word for each in properties for word in ("-p", each)]
    service.box.run(["systemd-run", "--quiet", f"--unit={name}", *options, "python3", "-c", program])


@rig
@pytest.mark.truth
def test_a_fork_bomb_in_a_limited_unit(limited: Service) -> None:
    """Each of its processes is next to nothing, and all of them are the unit's: told as one, while it still forks."""
    box, account, watch = limited.box, Account(limited), limited.pid()
    start_limited(limited, "limited-bomb", BOMB, f"TasksMax={TASKS}", "CPUQuota=70%")
    try:
        limited.wait_told("limited-bomb.service")
        tasks = int(box.run("systemctl show -P TasksCurrent limited-bomb").stdout)
        lost = account.lost("limited-bomb.service")
    finally:
        box.run("systemctl kill -s KILL limited-bomb; systemctl stop limited-bomb", check=False)
    print(f"{tasks} processes in the bomb")
    assert tasks > TASKS * 0.9, "it was no bomb"
    assert limited.pid() == watch
    assert lost == NOTHING, f"lost beside a fork bomb: {lost}"


@rig
@pytest.mark.truth
def test_memory_to_the_edge_in_a_limited_unit(limited: Service) -> None:
    """A unit that the kernel ends for memory, again and again: told as the loop that it is, and nothing else ends."""
    box, account, watch = limited.box, Account(limited), limited.pid()
    start_limited(limited, "limited-hog", HOG, "MemoryMax=64M", "Restart=always", "RestartSec=300ms")
    try:
        limited.wait_told("limited-hog.service", timeout=180)
        lost = account.lost("limited-hog.service")
        kills = box.run("journalctl -u limited-hog -ocat -g oom-kill | wc -l").stdout
    finally:
        box.run("systemctl stop limited-hog", check=False)
    print(f"ended for memory {kills.strip()} times")
    assert int(kills) >= 3, "it was not ended for memory"
    assert limited.pid() == watch
    assert lost == NOTHING, f"lost beside a unit without memory: {lost}"


# --- a made-up host: process numbers are the machine's, and 30,000 real ones would leave none to anybody else ---


@pytest.fixture(params=[2, None], ids=["groups", "no groups"])
def crowded(request: pytest.FixtureRequest, tmp_path: Path) -> FakeHost:
    """30,000 idle processes, in one group or, where the host has none, in no group."""
    host = FakeHost(tmp_path, version=request.param)
    for pid in range(FIRST, FIRST + CROWD):
        folder = tmp_path / "proc" / str(pid)
        folder.mkdir()
        (folder / "stat").write_text(f"{pid} (p) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {pid} 1 1\n")
        host.used_ns[pid] = 1_000_000
    if request.param is not None:
        host.group(GROUP, 30.0)
        (host.cgroups / GROUP.lstrip("/") / "cgroup.procs").write_text("\n".join(map(str, host.used_ns)))
    host.look(2, 0.1)
    return host


def test_thirty_thousand_processes(crowded: FakeHost) -> None:
    """The one that burns is found at the second look, at microseconds of our own for each of the others."""
    runaway = FIRST + CROWD // 2
    if crowded.version is not None:
        crowded.look(2, 0.1)
        assert crowded.reads == [], "a cold crowd is not read"
    seen: list[float] = []
    spent = time.process_time()
    for look in range(1, 3):
        crowded.used_ns[runaway] += 2_000_000_000
        if crowded.version is not None:
            crowded.group(GROUP, 30.0 + 2 * look)
        sample = crowded.look(2, 2.1)
        seen += [each.percent for each in sample.processes if each.key == ProcKey("", runaway, runaway)]
    spent = time.process_time() - spent
    print(f"{CROWD} processes: {spent / 2 * 1000:.0f} ms of CPU a look")
    assert [pytest.approx(100, abs=5)] == seen[-1:], f"lost: 1 runaway of {CROWD} processes"
    assert spent / 2 < LOOK_S
