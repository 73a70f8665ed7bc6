"""The CPU clocks of processes, and what is read only now and then."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from unit.watch_host import CPUS, FakeHost

from runaway_watchdog.linux.files import Paths
from runaway_watchdog.watch.clocks import process_cpu_ns
from runaway_watchdog.watch.counters import Mark, ProcessClocks
from runaway_watchdog.watch.gate import Gate
from runaway_watchdog.watch.identity import Newcomers
from runaway_watchdog.watch.load import LoadMeter
from runaway_watchdog.watch.pid_scan import PidScan, parse_number

UNIT = "/system.slice/ocr.service"


def test_those_that_have_not_run_are_passed_over() -> None:
    """All are read; the new, the running and the wanted are told, the gone are forgotten."""
    used: dict[int, int] = {1: 10, 2: 20, 3: 30}
    now = 0.0
    clocks = ProcessClocks(used.get, lambda: now)
    assert [(pid, before) for pid, before, _ in clocks.read((1, 2, 3, 4), ())] == [(1, None), (2, None), (3, None)]
    now, used[2] = 1.0, 25
    assert [tuple(each) for each in clocks.read((1, 2, 3), (3,))] == [
        (2, Mark(20, 0.0), Mark(25, 1.0)),
        (3, Mark(30, 0.0), Mark(30, 1.0)),
    ]
    assert clocks.read_since(1, 1.0)  # passed over, and read all the same: its next rate is of one look
    now = 2.0
    used[1] = 15
    del used[3]
    assert [tuple(each) for each in clocks.read((1, 3), ())] == [(1, Mark(10, 1.0), Mark(15, 2.0))]
    assert set(clocks.known()) == {1, 2}
    clocks.forget(1.5)
    assert set(clocks.known()) == {1}


def meter(host: FakeHost) -> tuple[LoadMeter, Gate]:
    return LoadMeter(host.host.paths), Gate(host.host.paths, host.host.clocks)


def test_load_and_pressure_are_read_every_five_seconds(tmp_path: Path) -> None:
    """They change no faster; how many tasks run comes with /proc/stat at every look."""
    host = FakeHost(tmp_path)
    load, gate = meter(host)
    stat = tmp_path / "proc" / "stat"
    host.crowd(2.0 * CPUS, 1, 40.0)
    for number in range(7):
        host.passes(1.0, 1.0)
        stat.write_text(f"{stat.read_text()}ctxt 5\nprocs_running {1 + 8 * CPUS}\nprocs_blocked 0\n")
        gate.busy_percent()
        told = load.read(host.now, gate)
        host.crowd(0.0, 1, 90.0)
        assert told.waiting == (40.0 if number < 5 else 90.0)
        assert told.crowding >= 2.0
    assert told.crowding > 7.0


def test_where_proc_stat_does_not_tell_who_runs_the_load_is_read_at_every_look(tmp_path: Path) -> None:
    """A made-up /proc/stat, as some containers have."""
    host = FakeHost(tmp_path)
    load, gate = meter(host)
    for waiting in (10.0, 20.0):
        host.crowd(0.0, 3 * CPUS, waiting)
        host.passes(1.0, 1.0)
        gate.busy_percent()
        assert gate.running is None
        assert load.read(host.now, gate).waiting == waiting


def test_the_sweep_lists_a_cold_slice_and_reads_nothing_in_it(tmp_path: Path) -> None:
    """Its own counter holds what is in it. Who burns there next is found as quickly as ever."""
    host = FakeHost(tmp_path)
    host.group("/system.slice", 7.0)
    host.group(UNIT, 5.0)
    key = host.process(10, start_s=10.0, group=UNIT)
    for _ in range(8):
        host.look(31.0, 0.1)
    counter = host.cgroups / UNIT.lstrip("/") / "cpu.stat"
    counter.rename(tmp_path / "aside")
    assert host.look(31.0, 0.1).groups == ()
    (tmp_path / "aside").rename(counter)
    for number in range(1, 3):
        host.used_ns[10] += 2_000_000_000
        host.group("/system.slice", 7.0 + 2 * number)
        host.group(UNIT, 5.0 + 2 * number)
        sample = host.look(2.0, 2.0)
    assert [(each.key, round(each.percent)) for each in sample.processes] == [(key, 100)]
    assert [(each.group, round(each.percent)) for each in sample.groups] == [(UNIT, 100)]


def test_strangers_are_looked_at_until_they_are_what_they_are(tmp_path: Path) -> None:
    """Without groups everybody who is new may be the one; five seconds after its start it has been looked at."""
    host = FakeHost(tmp_path, version=None)
    newcomers = Newcomers(host.host, host.sampler)
    host.process(10, start_s=10.0)
    host.process(11, start_s=host.now + 1.0)
    host.now += 2.0
    assert [each.key.pid for each in newcomers.find({"": 1000.0}, ())] == [11]
    host.now += 4.0
    assert [each.key.pid for each in newcomers.find({"": 1000.0}, ())] == [11]
    host.now += 1.0
    assert newcomers.find({"": 1000.0}, ()) == []
    host.now += 30.0
    assert [each.key.pid for each in newcomers.find({"": 1000.0}, ())] == [11]


def numbered(root: Path, last: int, *pids: int) -> PidScan:
    """A /proc in which these are listed, and the last number that was given out."""
    (root / "sys" / "kernel").mkdir(parents=True)
    (root / "sys" / "kernel" / "ns_last_pid").write_text(f"{last}\n")
    for pid in pids:
        (root / str(pid)).mkdir()
    return PidScan(Paths(str(root)))


def test_who_is_new_has_a_number_after_the_last(tmp_path: Path) -> None:
    """The list is read at first, and now and then; one that was just being made at the last look is asked for again."""
    scan = numbered(tmp_path, 50, 1, 40, 7000)
    last = tmp_path / "sys" / "kernel" / "ns_last_pid"
    assert sorted(scan.everybody((), anew=True)) == [1, 40, 7000]
    last.write_text("52\n")
    assert sorted(scan.everybody({1, 40}, anew=False)) == [1, 40, 7000]
    last.write_text("53\n")
    assert sorted(scan.everybody({1, 40, 52}, anew=False)) == [1, 40, 51, 52, 53]
    assert sorted(scan.everybody({1, 40}, anew=False)) == [1, 40, 53]
    assert sorted(scan.everybody({1, 40}, anew=False)) == [1, 40]
    assert sorted(scan.everybody({1, 40}, anew=True)) == [1, 40, 7000]


@pytest.mark.parametrize("text", ["12\n", "", "x", "-1", "9999999\n"])
def test_the_list_is_read_where_the_numbers_prove_nothing(tmp_path: Path, text: str) -> None:
    """They began from below again, are not told, or are too many."""
    scan = numbered(tmp_path, 50, 1, 40)
    for _ in range(2):
        scan.everybody((), anew=True)
    (tmp_path / "sys" / "kernel" / "ns_last_pid").write_text(text)
    assert sorted(scan.everybody({1}, anew=False)) == [1, 40]


def test_a_real_newcomer_is_among_everybody() -> None:
    """On this host, where others start processes too, and whether or not its kernel tells the last number."""
    scan = PidScan(Paths())
    for _ in range(2):
        scan.everybody((), anew=True)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        time.sleep(0.05)
        assert child.pid in scan.everybody((), anew=False)
        assert process_cpu_ns(child.pid) is not None
        assert os.getpid() in scan.everybody({os.getpid()}, anew=False)
    finally:
        child.kill()
        child.wait()


def test_the_last_number_is_a_number() -> None:
    """Or not told."""
    assert (parse_number(b" 42\n"), parse_number(b"-3"), parse_number(b"")) == (42, None, None)
