"""Parsing of /proc: exact on what the kernel writes, harmless on anything else."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runaway_watchdog.world import live, procfs

STAT = "3355 (a ) b) R 17 3355 3300 34816 3355 4194304 {} 0 0 0 100 5 0 0 20 {} 1 0 991827 0 0\n"


def test_a_name_may_hold_parentheses() -> None:
    """comm ends at the last parenthesis, whatever the process calls itself."""
    stat = procfs.parse_stat(STAT.format(0, 5))
    assert (stat.comm, stat.state, stat.ppid, stat.nice, stat.start_ticks) == ("a ) b", "running", 17, 5, 991827)


@given(st.text(max_size=300))
def test_a_hostile_stat_is_a_value_error(text: str) -> None:
    """Nothing but ValueError comes out of a line that is no stat line."""
    try:
        procfs.parse_stat(text)
    except ValueError:
        return
    assert ")" in text


@given(
    st.text(alphabet=st.characters(blacklist_characters="\x00", blacklist_categories=["Cs"]), min_size=1, max_size=15)
)
def test_any_name_is_read_back(name: str) -> None:
    """A process may be called anything: no name moves the fields behind it."""
    stat = procfs.parse_stat(f"1 ({name}) S 0 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 -5 1 0 42 0 0")
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
    assert procfs.parse_cgroup(text) == path


@pytest.mark.parametrize(
    ("caught", "ignored", "fate"),
    [
        ("0000000000000000", "0000000000000000", "default"),
        ("0000000000004000", "0000000000000000", "handled"),
        ("0000000000000000", "0000000000004000", "ignored"),
        ("zz", "0", "unknown"),
    ],
)
def test_what_sigterm_meets(caught: str, ignored: str, fate: str) -> None:
    """Bit 15 of the masks SigCgt and SigIgn."""
    assert procfs.sigterm_fate({"SigCgt": caught, "SigIgn": ignored}) == fate


def test_this_very_process_is_read() -> None:
    """The real /proc, end to end."""
    facts, gaps = procfs.facts(live(), os.getpid())
    assert facts.process.pid == os.getpid()
    assert facts.process.uid == os.getuid()
    assert facts.ancestors[0].pid == os.getppid()
    assert not facts.process.kernel_thread
    assert gaps == ()


def test_no_such_process() -> None:
    """A PID that is not there is an answer of its own."""
    with pytest.raises(procfs.NoSuchProcessError):
        procfs.process(live().files, 2**22)
