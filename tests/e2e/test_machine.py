"""The second rig itself: a whole machine, with what a box does not have."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from e2e.vm.machine import Machine

pytestmark = pytest.mark.truth


def test_every_controller_is_on_cgroup_v2(machine: Machine) -> None:
    """What a box cannot limit, a machine can; and its commands run in the root control group."""
    assert {"cpu", "memory", "io", "pids"} <= set(machine.read("/sys/fs/cgroup/cgroup.controllers").split())
    assert machine.read("/proc/pressure/cpu").startswith("some avg10=")
    assert machine.read("/proc/self/cgroup") == "0::/\n"
    assert machine.run(["docker", "info", "-f", "{{.CgroupVersion}} {{.CPUCfsQuota}}"]).stdout.split() == ["2", "true"]


def test_a_command_is_ended_at_its_time_limit(machine: Machine) -> None:
    """It and its children, inside of the machine: nothing is left that would burn on."""
    with pytest.raises(subprocess.TimeoutExpired):
        machine.run("sleep 7654 & sleep 7654", timeout=0.2)
    machine.wait_for("their end", lambda: not machine.pids("^sleep 7654"))


def test_answers_find_who_asked(machine: Machine) -> None:
    """Several threads may ask at once; each gets its own answer, however long it took."""
    with ThreadPoolExecutor() as pool:
        said = pool.map(lambda number: machine.run(f"sleep 0.{9 - number}; echo {number}").stdout, range(5))
    assert list(said) == [f"{number}\n" for number in range(5)]


NOTIFIED = """\
import fcntl, os, signal, subprocess
seen = []
folder = os.open("/sys/fs/cgroup/system.slice", os.O_RDONLY)
signal.signal(signal.SIGIO, lambda *_: seen.append("short.service" in os.listdir("/sys/fs/cgroup/system.slice")))
fcntl.fcntl(folder, fcntl.F_NOTIFY, fcntl.DN_CREATE | fcntl.DN_MULTISHOT)
for _ in range(5):
    subprocess.run(["systemd-run", "--quiet", "--wait", "--unit", "short", "true"], check=True)
print(len(seen), sum(seen))
"""


def test_the_kernel_tells_when_a_control_group_is_made(machine: Machine) -> None:
    """Debian 12's own, for each unit that starts. What `watch/new_groups.py` rests on."""
    told, there = machine.run(["python3", "-c", NOTIFIED], timeout=120).stdout.split()
    assert int(told) >= 5
    assert int(there) >= 1


def test_text_comes_back_as_it_was(machine: Machine) -> None:
    """Long output, other scripts' letters, and bytes that are no text."""
    assert len(machine.run("head -c 300000 /dev/zero | tr '\\0' x").stdout) == 300_000
    assert machine.run(["cat"], input="žluťoučký\n").stdout == "žluťoučký\n"
    assert machine.run("printf '\\377'; exit 3", check=False).stdout == "\N{REPLACEMENT CHARACTER}"
