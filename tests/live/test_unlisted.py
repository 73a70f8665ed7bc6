"""CPU that nobody who is listed has used: a spinner that the listing leaves out, a quiet host, and many short lives."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from runaway_watchdog.linux import unlisted
from runaway_watchdog.linux.files import Paths, read_pids
from runaway_watchdog.linux.host import HostTimes, parse_times

PATHS = Paths()
SPIN = "while True: pass"
FORKS = "while :; do /bin/true; done"

pytestmark = pytest.mark.skipif(
    unlisted.begin(PATHS) is None, reason="a container, whose counters are the whole host's"
)


@contextmanager
def running(*argv: str, copies: int = 1) -> Iterator[list[int]]:
    children = [subprocess.Popen(argv) for _ in range(copies)]
    before = os.getpriority(os.PRIO_PROCESS, 0)
    try:
        for pid in (0, *(child.pid for child in children)):
            with suppress(PermissionError):  # a crowd on this machine leaves them little
                os.setpriority(os.PRIO_PROCESS, pid, -15)
        time.sleep(0.2)
        yield [child.pid for child in children]
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, before)
        for child in children:
            child.kill()
            child.wait()


def measured(hidden: list[int], span_s: float = 1.5) -> unlisted.Unlisted | None:
    def listing() -> list[int]:
        return [pid for pid in read_pids(PATHS) if pid not in hidden]

    before = unlisted.begin(PATHS, listing)
    assert before is not None
    time.sleep(span_s)
    return unlisted.end(before, PATHS, listing)


@pytest.mark.truth  # on a crowded machine what is read late counts as listed
def test_what_is_hidden_is_noticed_by_what_it_uses() -> None:
    """Its time is in the host's counters, and in nobody's; listed, it is no news."""
    with running(sys.executable, "-c", SPIN, copies=3) as spinners:
        found = next(filter(None, (measured(spinners) for _ in range(5))), None)
        assert found is not None
        assert found.percent >= unlisted.LEAST_PERCENT
        assert measured([]) is None


@pytest.mark.parametrize(("kept_from_list", "percent"), [({77}, 100), (set(), None), ({3, 77}, 120)])
def test_a_host_with_a_hidden_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept_from_list: set[int], percent: int | None
) -> None:
    """Two CPUs for ten seconds, of which one is idle: 77 used all of the other but two seconds, which are 3's."""
    clock = iter((5.0, 15.0))
    monkeypatch.setattr("runaway_watchdog.linux.unlisted.time.monotonic", lambda: next(clock))
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "mounts").write_text("proc /proc proc rw 0 0\n")

    def host(idle_s: int, used_s: dict[int, int]) -> None:
        text = f"cpu  9 0 9 {idle_s * 100} 0 0 0 0 0 0\ncpu0 1\ncpu1 1\nprocesses 900\n"
        (tmp_path / "stat").write_text(text)
        for pid, seconds in used_s.items():
            (tmp_path / str(pid)).mkdir(exist_ok=True)
            flags = 0x00200000 if pid == 2 else 0
            fields = f"S 1 1 1 0 -1 {flags} 0 0 0 0 {seconds * 100} 0 0 0 20 0 1 0 5 0 0"
            (tmp_path / str(pid) / "stat").write_text(f"{pid} (x) {fields}\n")

    paths = Paths(proc=str(tmp_path))
    host(100, {1: 4, 2: 0, 3: 50, 77: 900})
    before = unlisted.begin(paths, lambda: {1, 2, 3, 77} - kept_from_list)
    assert before is not None
    host(108, {1: 4, 2: 0, 3: 52, 77: 910})
    found = unlisted.end(before, paths, lambda: {1, 2, 3, 77} - kept_from_list)
    assert found == (None if percent is None else unlisted.Unlisted(float(percent), or_short_lived=False))


def test_many_short_lives_are_their_parents() -> None:
    """As in a build: those who end meanwhile are in the time of who waited for them."""
    with running("/bin/sh", "-c", FORKS, copies=3):
        assert [measured([], 1.0) for _ in range(4)] == [None] * 4


def test_lives_that_end_in_the_middle_of_a_listing() -> None:
    """Jobs of a tenth of a second, several at once: each may go after its parent was read."""
    job = f'{sys.executable} -S -c "import time; e = time.process_time() + 0.1\nwhile time.process_time() < e: pass"'
    with running("/bin/sh", "-c", f"while :; do {job} & {job} & {job} & wait; done", copies=2):
        assert [measured([], 1.0) for _ in range(4)] == [None] * 4


def test_what_a_child_used_before_the_span_is_not_of_it() -> None:
    """Its parent has waited for it: a long life that ends hides nobody. Nor does one for which nobody waits."""
    before = {1: unlisted.Use(1, 0, 50, 7), 10: unlisted.Use(5, 1, 900, 100), 11: unlisted.Use(6, 1, 30, 0)}
    ended = {1: unlisted.Use(1, 0, 51, 7 + 1020), 11: unlisted.Use(6, 1, 40, 0), 12: unlisted.Use(9, 1, 3, 2)}
    assert unlisted._since(before, ended) == 1 + 20 + 10 + 5
    lost = {1: unlisted.Use(1, 0, 51, 7), 11: unlisted.Use(6, 1, 40, 0)}
    assert unlisted._since(before, lost) == 1 + 10


def test_what_the_counters_say_of_interrupts_steal_and_idle_is_nobodys() -> None:
    """One of four CPUs was busy for ten seconds; what is small beside the host says nothing."""
    before, idle = HostTimes(100.0, 4, 5.0, None, 1.0), HostTimes(126.0, 4, 8.0, None, 2.0)
    found = unlisted.judge(before, idle, 10.0, 2.0, forked=False)
    assert found is not None
    assert (round(found.percent), found.or_short_lived) == (80, False)
    assert unlisted.judge(before, idle, 10.0, 8.0, forked=True) is None
    assert (
        unlisted.judge(before._replace(online_cpus=64), idle._replace(online_cpus=64), 10.0, 603.0, forked=True) is None
    )
    times = parse_times(b"cpu  9 0 9 700 100 30 40 50 0 0\ncpu0 1\n")
    assert times is not None
    assert (times.idle_s, times.interrupts_s, times.steal_s) == (8.0, 0.7, 0.5)
