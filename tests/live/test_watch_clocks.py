"""Reading the kernel's counters."""

import os
import subprocess
import sys
import time
from pathlib import Path

from hypothesis import given, settings, strategies as st

from runaway_watchdog.linux import clock, cmdline, files, host, stat_brief as proc_stat
from runaway_watchdog.linux.files import Paths
from runaway_watchdog.linux.host import HostTimes
from runaway_watchdog.watch import clocks

STAT = b"cpu  100 0 50 3000 200 0 5 1 0 0\ncpu0 50 0 25 1500 100 0 3 1 0 0\ncpu1 50 0 25 1500 100 0 2 0 0 0\nintr 1 2\n"
PID_STAT = b"42 (%s) R 1 42 42 0 -1 4194304 1 0 0 0 7 3 0 0 20 0 1 0 123456 1000 10 0 0\n"


def test_idle_time_is_idle_and_iowait() -> None:
    """The gate needs idle + iowait in seconds, and the number of online CPUs."""
    assert host.parse_times(STAT) == HostTimes(
        3200 / clock.CLOCK_TICKS, 2, 1 / clock.CLOCK_TICKS, interrupts_s=5 / clock.CLOCK_TICKS
    )


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=200))
def test_host_times_take_any_text(text: bytes) -> None:
    """Whatever stands in for /proc/stat, parsing it never fails."""
    assert host.parse_times(text) is None or text.startswith(b"cpu")


def test_cut_off_host_times_prove_nothing() -> None:
    """A first line without an iowait column is not believed."""
    assert host.parse_times(b"cpu  1 2 3 4\ncpu0 1 2 3 4\n") is None


def test_a_name_with_parentheses_does_not_shift_the_fields() -> None:
    """comm ends at the last parenthesis, whatever it contains."""
    stat = proc_stat.parse(PID_STAT % b") R 1 (x\n)")
    assert stat is not None
    assert (stat.comm, stat.dead, stat.start_ticks) == (") R 1 (x\n)", False, 123456)


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=300))
def test_process_stat_takes_any_text(text: bytes) -> None:
    """Short or hostile text is no process."""
    assert proc_stat.parse(text) is None or b")" in text


def test_a_zombie_is_dead() -> None:
    """A process that only waits to be collected has ended."""
    stat = proc_stat.parse((PID_STAT % b"x").replace(b") R", b") Z"))
    assert stat is not None
    assert stat.dead


def test_lxcfs_is_recognised(tmp_path: Path) -> None:
    """A /proc/stat that lxcfs made is no bound for the host."""
    (tmp_path / "self").mkdir()
    mounts = tmp_path / "self" / "mounts"
    mounts.write_text("proc /proc proc rw 0 0\n")
    assert not host.times_are_virtual(Paths(proc=str(tmp_path)))
    mounts.write_text("proc /proc proc rw 0 0\nlxcfs /proc/stat fuse.lxcfs rw 0 0\n")
    assert host.times_are_virtual(Paths(proc=str(tmp_path)))


def test_absent_files_are_none(tmp_path: Path) -> None:
    """What is not there is told by None, not by an exception."""
    paths = Paths(proc=str(tmp_path / "nowhere"))
    assert host.read_times(paths) is None
    assert proc_stat.read(paths, 1) is None
    assert cmdline.read(paths, 1) == ()
    assert files.read_pids(paths) == []
    assert files.read_boot_id(paths) == ""


def test_the_kernels_clock_agrees_with_our_own() -> None:
    """The clock id formula gives this process's CPU time, to the nanosecond scale."""
    before = time.process_time_ns()
    used = clocks.process_cpu_ns(os.getpid())
    assert used is not None
    assert before <= used <= time.process_time_ns()


def test_psutil_serves_where_the_kernel_refuses() -> None:
    """The fallback tells the same time, in ticks."""
    used, ours = clocks.psutil_cpu_ns(os.getpid()), clocks.process_cpu_ns(os.getpid())
    assert used is not None
    assert ours is not None
    assert abs(used - ours) < 200e6


def test_a_process_that_is_gone_has_no_clock() -> None:
    """Both ways say None for a PID that is nobody's."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert clocks.process_cpu_ns(child.pid) is None
    assert clocks.psutil_cpu_ns(child.pid) is None


def test_this_very_process_is_read() -> None:
    """Against the real /proc: the start time and the command line are ours."""
    stat = proc_stat.read(Paths(), os.getpid())
    assert stat is not None
    assert 0 <= clock.boottime() - stat.start_s < 86400
    argv = cmdline.read(Paths(), os.getpid())
    assert argv == tuple(Path("/proc/self/cmdline").read_text().rstrip("\0").split("\0"))
    assert os.getpid() in files.read_pids(Paths())
