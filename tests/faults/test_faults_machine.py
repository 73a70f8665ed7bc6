"""Faults that only a kernel of its own may take: its clock, its process numbers, all of its memory, a fork bomb."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from e2e.vm.machine import Machine
from faults.service import CONFIG, NOTHING, Account, Service, main_pid

pytestmark = [pytest.mark.rig, pytest.mark.truth]

DAY: Final = 86_400
OF_A_UNIT: Final = """
[[rule]]
name = "of-a-unit"
cpu = 40
for = "6s"
unit = "crowd-*"
"""
TASKS: Final = 150
LEFT_MIB: Final = 150
# Each of its children does the same, and goes on where it may not: no shell would, at its limit.
BOMB: Final = """
import os, time
while not os.path.exists("/run/now"):
    time.sleep(0.2)
while True:
    try:
        os.fork()
    except OSError:
        pass
"""
# Takes memory until little is left and keeps touching it; once it may, takes the rest.
HOG: Final = """
import os, sys, time
def left():
    with open("/proc/meminfo") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) >> 10
taken = []
while left() > int(sys.argv[1]):
    taken.append(bytearray(os.urandom(4096) * 1024))
open("/run/at-the-edge", "w").close()
while not os.path.exists("/run/over-the-edge"):
    for each in taken:
        each[0] ^= 1
    time.sleep(0.2)
while True:
    taken.append(bytearray(os.urandom(4096) * 1024))
"""
# How often the kernel has begun anew with its process numbers, until it has three times.
WRAPS: Final = """
import time
seen = wraps = 0
while wraps < 3:
    with open("/proc/sys/kernel/ns_last_pid") as last:
        now = int(last.read())
    wraps += now < seen
    seen = now
    time.sleep(0.05)
"""


@pytest.fixture(scope="session")
def watched(machine: Machine) -> Iterator[Service]:
    """The service, installed on the machine."""
    service = Service(machine)
    service.install(CONFIG + OF_A_UNIT)
    yield service
    print(service.log("-n80"))


@contextmanager
def unit(service: Service, name: str, *words: str) -> Iterator[None]:
    """A transient unit while the with-block lasts; `words`: options of systemd-run, then the command line."""
    service.box.run(["systemd-run", "--quiet", "--collect", f"--unit={name}", *words])
    try:
        yield
    finally:
        service.box.run(f"systemctl kill -s KILL {name}; systemctl stop {name}", check=False)


def move_clock(machine: Machine, seconds: int) -> None:
    """The machine's wall clock; its monotonic ones go on."""
    machine.run(f"date -s @$(( $(date +%s) + {seconds} ))")


def test_the_clock_set_by_days(machine: Machine, watched: Service) -> None:
    """A day back, two forward: the open incident stays one, and what burns then is told without waiting for it."""
    account, moved = Account(watched), 0
    try:
        with watched.burning("before-the-change") as first:
            watched.wait_told(first)
            for name, seconds in (("a-day-back", -DAY), ("a-day-ahead", 2 * DAY)):
                move_clock(machine, seconds)
                moved += seconds
                with watched.burning(name) as pid:
                    watched.wait_told(pid)
                    lost = account.lost(first, pid)
                assert lost == NOTHING, f"lost {name}: {lost}"
    finally:
        move_clock(machine, -moved)


def test_a_fork_bomb_in_a_limited_unit(machine: Machine, watched: Service) -> None:
    """It takes every process that it may have: its unit is told, and the watch still works for all others."""
    account = Account(watched)
    # Emulated, a case needs seconds of CPU: half a core is left to it.
    limits = ("-p", f"TasksMax={TASKS}", "-p", "CPUQuota=150%")
    with unit(watched, "crowd-bomb", *limits, "python3", "-c", BOMB):
        group = "/sys/fs/cgroup/system.slice/crowd-bomb.service"
        assert machine.read(f"{group}/pids.max") == f"{TASKS}\n", "no bomb without its limit"
        machine.run("touch /run/now")
        watched.wait_told("crowd-bomb.service")
        assert int(machine.read(f"{group}/pids.events").split()[1]) > 0, "it never met its limit"
        with watched.burning("beside-the-bomb") as pid:
            watched.wait_told(pid)
            lost = account.lost("crowd-bomb.service", pid)
    assert lost == NOTHING, f"lost beside a fork bomb: {lost}"


def test_the_edge_of_memory_and_beyond(machine: Machine, watched: Service) -> None:
    """Little is left and a runaway is told; nothing is left, and the kernel ends who took it, not the watch."""
    account, watch = Account(watched), watched.pid()
    with unit(watched, "hog", "-p", "OOMPolicy=continue", "python3", "-c", HOG, str(LEFT_MIB)):
        hog = main_pid(machine, "hog")
        machine.wait_for("the edge", lambda: machine.run("test -e /run/at-the-edge", check=False).returncode == 0, 60)
        with watched.burning("at-the-edge") as pid:
            watched.wait_told(pid)
            machine.run("touch /run/over-the-edge")
            machine.wait_for(
                "the kernel's choice", lambda: f"Killed process {hog} " in machine.run("dmesg").stdout, timeout=60
            )
            lost = account.lost(pid)
        with watched.burning("past-the-edge") as pid:
            watched.wait_told(pid)
    assert watched.pid() == watch
    assert lost == NOTHING, f"lost at the edge of memory: {lost}"


def test_process_numbers_come_around(machine: Machine, watched: Service) -> None:
    """Three times all of them, by processes of milliseconds: their unit is told, and so is the one that stays."""
    account, most = Account(watched), machine.read("/proc/sys/kernel/pid_max").strip()
    machine.run("echo 1000 > /proc/sys/kernel/pid_max")
    try:
        with (
            watched.burning("stays") as pid,
            unit(watched, "crowd-short", "sh", "-c", "while :; do /bin/true; done"),
        ):
            watched.wait_told(pid)
            watched.wait_told("crowd-short.service")
            machine.run(["python3", "-c", WRAPS], timeout=60)
            lost = account.lost(pid, "crowd-short.service")
    finally:
        machine.run(f"echo {most} > /proc/sys/kernel/pid_max")
    assert lost == NOTHING, f"lost when process numbers came around: {lost}"
