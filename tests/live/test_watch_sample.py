"""The sampler: against made-up hosts, and once against the real one."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from unit.watch_host import FakeHost

from runaway_watchdog.linux.files import Paths
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import Sample
from runaway_watchdog.watch.clocks import system_clocks
from runaway_watchdog.watch.counters import Mark, rate
from runaway_watchdog.watch.sample import Sampler, this_host


@pytest.fixture(params=[2, 1], ids=["v2", "v1"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path, version=request.param)


SCOPE = "/system.slice/docker-1.scope"


def hot_container(host: FakeHost) -> ProcKey:
    host.group("/system.slice", 100.0)
    host.group(SCOPE, 50.0)
    host.group("/system.slice/cold.service", 50.0)
    host.process(20, start_s=10.0, group="/system.slice/cold.service")
    key = host.process(10, start_s=10.0, group=SCOPE)
    host.look(0.0, 0.0)
    return key


def burn(host: FakeHost, seconds: float, share: float = 1.0) -> Sample:
    host.used_ns[10] += round(seconds * share * 1e9)
    host.burnt_s += seconds * share
    host.group("/system.slice", 100.0 + host.burnt_s)
    host.group(SCOPE, 50.0 + host.burnt_s)
    return host.look(seconds, seconds * share)


def test_a_hot_container_and_its_process_are_found(host: FakeHost) -> None:
    """One look to notice the group, one more for the rate of the process in it."""
    key = hot_container(host)
    first, second = burn(host, 2.0), burn(host, 2.0)
    assert [(each.group, round(each.percent)) for each in first.groups] == [(SCOPE, 100)]
    assert [(each.group, round(each.percent)) for each in second.groups] == [(SCOPE, 100)]
    assert [(each.key, each.group, round(each.percent), each.span_s) for each in second.processes] == [
        (key, SCOPE, 100, 2.0)
    ]


def test_cold_groups_are_not_entered(host: FakeHost) -> None:
    """Processes of a group that cannot meet a rule are not read."""
    hot_container(host)
    burn(host, 2.0)
    burn(host, 2.0)
    assert 10 in host.reads
    assert 20 not in host.reads


def test_a_cold_host_costs_one_read(host: FakeHost) -> None:
    """Below the lowest rule, nobody can have passed it, and nobody is looked at."""
    hot_container(host)
    sample = host.look(2.0, 0.5)
    assert host.reads == []
    assert sample.busy_percent is not None
    assert 25 <= sample.busy_percent < 35
    assert (sample.processes, sample.groups) == ((), ())


def test_what_is_tracked_is_read_on_a_cold_host(host: FakeHost) -> None:
    """Deaths and resolution do not wait for the gate."""
    key = hot_container(host)
    burn(host, 2.0)
    burn(host, 2.0)
    sample = host.look(2.0, 0.1, {key: SCOPE}, [SCOPE])
    assert [(each.key, each.percent) for each in sample.processes] == [(key, 0.0)]
    assert [(each.group, each.percent) for each in sample.groups] == [(SCOPE, 0.0)]


def test_a_tracked_process_that_is_gone_is_missing(host: FakeHost) -> None:
    """Gone, a zombie, or replaced by another of the same PID."""
    key = hot_container(host)
    assert host.look(2.0, 0.1, {key: SCOPE}).processes
    host.process(10, start_s=10.0, group=SCOPE, state="Z")
    assert host.look(2.0, 0.1, {key: SCOPE}).processes == ()
    host.process(10, start_s=1003.0, group=SCOPE)
    assert host.look(2.0, 0.1, {key: SCOPE}).processes == ()
    del host.used_ns[10]
    assert host.look(2.0, 0.1, {key: SCOPE}).processes == ()


def test_a_reused_pid_has_its_own_rate(host: FakeHost) -> None:
    """The new process is not charged with what the old one used, nor taken for it."""
    old = hot_container(host)
    burn(host, 2.0)
    burn(host, 2.0)
    new = host.process(10, start_s=host.now + 1.0, group=SCOPE, used_ns=-900_000_000)
    sample = burn(host, 2.0, 0.95)  # 0.9 s by the old one, before it ended, and 1.0 s by the new one
    assert [each.key for each in sample.processes] == [new]
    assert new != old
    assert sample.processes[0].percent == pytest.approx(100.0)
    assert sample.processes[0].span_s == pytest.approx(1.0)


def test_a_group_that_restarted_starts_anew(host: FakeHost) -> None:
    """Its counter went backwards: what it shows was used since, and the rate is never negative."""
    hot_container(host)
    burn(host, 2.0)
    host.group(SCOPE, 1.9)
    host.group("/system.slice", 104.0)
    sample = host.look(2.0, 2.0)
    assert [(each.group, round(each.percent)) for each in sample.groups] == [(SCOPE, 95)]


def test_a_burner_is_found_after_a_long_quiet_time(host: FakeHost) -> None:
    """Counters that were last read long ago do not hide what has just begun."""
    key = hot_container(host)
    for _ in range(10):
        host.look(2.0, 0.2)
    burn(host, 2.0)
    sample = burn(host, 2.0)
    assert [each.key for each in sample.processes] == [key]


def test_processes_outside_of_groups_are_seen(host: FakeHost) -> None:
    """Those in the root belong to no group, and are read when the groups do not explain the host's use."""
    hot_container(host)
    key = host.process(30, start_s=10.0)
    for _ in range(2):
        host.used_ns[30] += 2_000_000_000
        sample = host.look(2.0, 2.0)
    assert [(each.key, each.group) for each in sample.processes] == [(key, "")]


def test_the_root_is_left_alone_where_its_groups_explain_all(host: FakeHost) -> None:
    """A hot container does not make us read thousands of processes of the root."""
    hot_container(host)
    host.process(30, start_s=10.0)
    burn(host, 2.0)
    burn(host, 2.0)
    burn(host, 2.0)
    assert 30 not in host.reads


def test_a_full_sweep_comes_every_half_minute(host: FakeHost) -> None:
    """Also on a cold host every group is read now and then, and a slow truth comes out."""
    hot_container(host)
    host.group(SCOPE, 50.0 + 29.0)
    host.group("/system.slice", 100.0 + 29.0)
    for _ in range(14):
        assert host.look(2.0, 0.2).groups == ()
    assert [each.group for each in host.look(2.0, 0.2).groups] == [SCOPE]


def test_marks_of_the_gone_are_forgotten(host: FakeHost) -> None:
    """Memory does not grow with every process that ever was."""
    hot_container(host)
    burn(host, 2.0)
    burn(host, 2.0)
    for path in (host.cgroups / "system.slice" / "docker-1.scope").iterdir():
        path.unlink()
    (host.cgroups / "system.slice" / "docker-1.scope").rmdir()
    for _ in range(5):
        host.look(31.0, 0.1)
    assert SCOPE not in host.sampler._groups
    assert 10 not in host.sampler._processes.known()


def test_without_cgroups_every_process_is_read(tmp_path: Path) -> None:
    """A minimal container: step 3 over everything."""
    host = FakeHost(tmp_path, version=None)
    key = host.process(10, start_s=10.0)
    host.process(11, start_s=10.0)
    host.look(0.0, 0.0)
    host.used_ns[10] += 2_000_000_000
    sample = host.look(2.0, 2.0)
    assert [(each.key, each.group, round(each.percent)) for each in sample.processes] == [(key, "", 100)]


def test_a_host_without_proc_stat_is_read_all_the_same(tmp_path: Path) -> None:
    """Without the gate every look goes down."""
    host = FakeHost(tmp_path)
    key = hot_container(host)
    stat = tmp_path / "proc" / "stat"
    host._write_host = stat.unlink  # type: ignore[method-assign]
    host.used_ns[10] += 2_000_000_000
    host.group("/system.slice", 102.0)
    host.group(SCOPE, 52.0)
    assert [each.group for each in host.look(2.0, 2.0).groups] == [SCOPE]
    assert key


def test_cpus_that_come_or_go_open_the_gate(tmp_path: Path) -> None:
    """Idle times of different sets of CPUs prove nothing."""
    host = FakeHost(tmp_path)
    host.look(2.0, 0.1)
    stat = tmp_path / "proc" / "stat"
    host._write_host = lambda: stat.write_text("cpu 9 0 9 999999 0 0\ncpu0 1\n")  # type: ignore[assignment,method-assign]
    assert host.look(2.0, 0.1).busy_percent is None


@settings(deadline=None, max_examples=60)
@given(before=st.integers(0, 2**63), after=st.integers(0, 2**63), span=st.floats(-10, 1e6), start=st.floats(0, 1e6))
def test_no_counter_yields_a_negative_rate(before: int, after: int, span: float, start: float) -> None:
    """Backwards counters and clocks included; and never more than has been counted."""
    percent, span_s = rate(Mark(before, start), Mark(after, start + span))
    assert percent >= 0
    assert span_s >= 0
    assert percent * span_s <= after / 1e7 * 1.001


@pytest.fixture
def spinner() -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    yield child
    child.kill()
    child.wait()


def test_a_real_spinner_is_found_on_this_host(spinner: subprocess.Popen[bytes]) -> None:
    """The real /proc and the real clocks, whatever cgroups there are; the machine may be busy with others.

    What the sampler says is no less than the process's own clock says of the time between two looks, and no more than
    it has used in its life.
    """
    sampler = Sampler(this_host(Paths(), system_clocks()), 1.0)

    def clock() -> tuple[int, int]:
        return time.clock_gettime_ns((~spinner.pid << 3) | 2), time.monotonic_ns()

    sampler.look({}, ())
    inner_start = clock()
    time.sleep(0.5)
    inner_end = clock()
    (found,) = [each for each in sampler.look({}, ()).processes if each.key.pid == spinner.pid]
    outer_end = clock()
    least = (inner_end[0] - inner_start[0]) / 1e7
    most = outer_end[0] / 1e7
    assert least * 0.99 <= found.percent * found.span_s <= most
    assert 0.5 <= found.span_s <= (outer_end[1] - inner_start[1]) / 1e9 + 1
