"""What happens to the host around the watch: PID 1, buses, journals, process numbers, crowds."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from faults.service import NOTHING, Account, Service, explained, main_pid, signalled
from unit.watch_host import FakeHost

from runaway_watchdog.model.identity import ProcKey

rig = pytest.mark.rig

CROWD = 30_000
FIRST = 100
GROUP = "/system.slice/crowd.service"
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
def test_hidden_processes(service: Service) -> None:
    """/proc is mounted again with hidepid=2 while it watches: its capability lets it see all the same."""
    box, account = service.box, Account(service)
    as_nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups ls /proc"
    box.run("mount -o remount,hidepid=2 /proc")
    try:
        assert "1" not in box.run(as_nobody).stdout.split()
        mounts = box.read(f"/proc/{service.pid()}/mounts").splitlines()
        assert "hidepid=" in next(line for line in mounts if " /proc proc " in line)
        with service.burning("behind-hidepid") as pid:
            told = service.wait_told(pid)
            lost = account.lost(pid)
    finally:
        box.run("mount -o remount,hidepid=0 /proc")
    assert "1" in box.run(as_nobody).stdout.split()
    assert "behind-hidepid.service" in told.text
    assert lost == NOTHING, f"lost behind hidepid: {lost}"


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
