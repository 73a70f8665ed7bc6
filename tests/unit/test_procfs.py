"""Parsing of /proc: exact on what the kernel writes, harmless on anything else."""

import os
import time
from typing import cast

import pytest
from hypothesis import given, strategies as st

from runaway_watchdog import owners
from runaway_watchdog.explain import casefile
from runaway_watchdog.explain.records import NoRecords
from runaway_watchdog.glance import Glance
from runaway_watchdog.linux import cgroup, schedstat, stat as proc_stat
from runaway_watchdog.world import live, procfs

STAT = "3355 (a ) b) R 17 3355 3300 34816 3355 4194304 {} 0 0 0 100 5 0 0 20 {} 1 0 991827 0 0\n"


def test_a_name_may_hold_parentheses() -> None:
    """comm ends at the last parenthesis, whatever the process calls itself."""
    stat = proc_stat.parse(STAT.format(0, 5))
    assert (stat.comm, stat.state, stat.ppid, stat.nice, stat.start_ticks) == ("a ) b", "R", 17, 5, 991827)


@given(st.text(max_size=300))
def test_a_hostile_stat_is_a_value_error(text: str) -> None:
    """Nothing but ValueError comes out of a line that is no stat line."""
    try:
        proc_stat.parse(text)
    except ValueError:
        return
    assert ")" in text


@given(
    st.text(alphabet=st.characters(blacklist_characters="\x00", blacklist_categories=["Cs"]), min_size=1, max_size=15)
)
def test_any_name_is_read_back(name: str) -> None:
    """A process may be called anything: no name moves the fields behind it."""
    stat = proc_stat.parse(f"1 ({name}) S 0 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 -5 1 0 42 0 0")
    assert (stat.comm, stat.nice, stat.start_ticks) == (name, -5, 42)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("0::/system.slice/burn.service\n", "/system.slice/burn.service"),
        ("12:cpuacct:/\n1:name=systemd:/system.slice/q.service\n0::/\n", "/system.slice/q.service"),
        ("5:memory:/\n1:name=systemd:/\n0::/system.slice/h.service\n", "/system.slice/h.service"),
        ("0::/\n", "/"),
        ("", ""),
        ("nonsense", ""),
        ("0::/system.slice/with:colon.service\n", "/system.slice/with:colon.service"),
    ],
)
def test_the_cgroup_that_names_the_owner(text: str, path: str) -> None:
    """systemd's own hierarchy where it says something, else the unified one: v2, v1 and hybrid."""
    assert cgroup.owner_path(text) == path


@pytest.mark.parametrize(
    ("caught", "ignored", "outlook"),
    [
        ("0000000000000000", "0000000000000000", "default"),
        ("0000000000004000", "0000000000000000", "handled"),
        ("0000000000000000", "0000000000004000", "ignored"),
        ("zz", "0", "unknown"),
    ],
)
def test_what_sigterm_meets(caught: str, ignored: str, outlook: str) -> None:
    """Bit 15 of the masks SigCgt and SigIgn."""
    assert procfs.sigterm_disposition({"SigCgt": caught, "SigIgn": ignored}) == outlook


def test_this_very_process_is_read() -> None:
    """The real /proc, end to end."""
    facts, gaps = owners.facts(live(), os.getpid())
    assert facts.process.pid == os.getpid()
    assert facts.process.uid == os.getuid()
    assert facts.ancestors[0].pid == os.getppid()
    assert not facts.process.kernel_thread
    assert gaps == ()


def test_no_such_process() -> None:
    """A PID that is not there is an answer of its own."""
    with pytest.raises(procfs.NoSuchProcessError):
        procfs.process(live().files, 2**22)


def test_the_second_look_waits_for_what_is_left_of_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an earlier first look the share is over all the time since, and nobody sleeps for it."""
    world = live()
    cpu, at = cast(tuple[int, int], procfs.cpu_mark(world.files, os.getpid()))
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    share = procfs.cpu_share(world, os.getpid(), (cpu, at - 10**9))
    assert share is not None
    assert share.window_s >= 1
    assert sum(slept) <= 0


def test_a_clock_that_went_back_is_another_process() -> None:
    """Its PID was given away between the two looks: no share is told, instead of one below zero."""
    world = live()
    cpu, at = cast(tuple[int, int], procfs.cpu_mark(world.files, os.getpid()))
    assert procfs.cpu_share(world, os.getpid(), (cpu + 10**15, at)) is None


@pytest.mark.parametrize(("text", "seconds"), [("5000 2500000 7\n", 0.0025), ("", 0.0), ("0 x 0", 0.0)])
def test_how_long_we_waited_for_a_core(text: str, seconds: float) -> None:
    """The second figure of our own schedstat, in nanoseconds; nothing where the kernel does not count it."""
    told = schedstat.parse(text)
    assert (0.0 if told is None else told[1] / 1e9) == seconds


@pytest.mark.parametrize(("waited_s", "early"), [(0.0, True), (1.0, False)])
def test_an_early_look_counts_where_we_took_no_core_from_the_process(
    waited_s: float, early: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where we did, both looks are taken while we sleep."""
    monkeypatch.setattr(casefile, "waited_s", lambda: 9 + waited_s)
    world = live()
    cpu, at = world.files.cpu_clock(os.getpid())
    case = casefile.explain(world, NoRecords(), os.getpid(), seen=Glance((cpu, at - 5 * 10**9), None, 9))
    assert case.cpu is not None
    assert (case.cpu.window_s >= 5) is early
