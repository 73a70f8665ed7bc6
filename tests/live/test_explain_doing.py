"""What a process is doing, of real programs that do it, and of counters that nobody made for us."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from runaway_watchdog.explain.doing import doing, judge
from runaway_watchdog.model.doing import Doing
from runaway_watchdog.world import World, live
from runaway_watchdog.world.activity import Look, Thread, first_look, parse

PYTHON = (sys.executable, "-c")
COLLECTOR = """
import ctypes, threading
def collect(number):
    ctypes.CDLL(None).prctl(15, b"GC Thread#%d" % number, 0, 0, 0)
    while True: pass
for number in range(3): threading.Thread(target=collect, args=(number,)).start()
"""
THRASHER = """
import mmap, os, sys
file, size = os.open(sys.argv[1], os.O_RDWR), 32 << 20
memory = mmap.mmap(file, size, mmap.MAP_SHARED, mmap.PROT_READ)
memory.madvise(mmap.MADV_RANDOM)
while True:
    memory.madvise(21)  # MADV_PAGEOUT
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    for at in range(0, size, 4096): memory[at]
"""


@contextlib.contextmanager
def _running(*words: str) -> Iterator[int]:
    # Where it may, it has its core, however busy the machine is with others.
    first = ("nice", "-n", "-10") if os.geteuid() == 0 else ()
    with subprocess.Popen([*first, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(0.3)
        try:
            yield process.pid
        finally:
            process.kill()


def _seen(world: World, pid: int) -> Doing:
    """In a window as on a busy host. Others may have had the core meanwhile: the busiest of three looks."""
    looks: list[Doing] = []
    for _ in range(3):
        before = first_look(world, pid)
        time.sleep(0.3)
        if (found := doing(world, pid, before)) is not None:
            looks.append(found)
    return max(looks, key=lambda each: each.user_percent + each.system_percent + each.children_percent)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("spinning", (*PYTHON, "while True: pass")),
        ("computing", (*PYTHON, "while True: sorted(str(each) for each in range(200000))")),
        ("in-kernel", (*PYTHON, "import os\nwhile True: os.urandom(1 << 20)")),
        ("io", ("dd", "if=/dev/zero", "of=/dev/null", "bs=64k")),
        ("forking", ("sh", "-c", "while :; do /bin/true; done")),
        ("collecting-garbage", (*PYTHON, COLLECTOR)),
        ("waiting", ("sleep", "60")),
    ],
)
def test_a_real_program_is_told_by_what_it_does(kind: str, words: tuple[str, ...]) -> None:
    """From /proc alone, with little CPU of our own, and the sentence carries its figures."""
    with _running(*words) as pid:
        began = time.process_time()
        found = _seen(live(), pid)
        assert time.process_time() - began < 0.3
    assert found.kind == kind, found
    assert "%" in found.told


def test_a_program_whose_memory_comes_back_from_the_disk_thrashes(pytestconfig: pytest.Config) -> None:
    """Page after page that the kernel took from it. (The file is in the checkout: /tmp may itself be in memory.)"""
    file = pytestconfig.cache.mkdir("thrashing") / "memory"
    file.write_bytes(b"x" * (32 << 20))
    with file.open() as written:
        subprocess.run(["sync", str(file)], check=True)
        del written
    with _running(*PYTHON, THRASHER, str(file)) as pid:
        found = _seen(live(), pid)
    file.unlink()
    if found.major_faults == 0:
        pytest.skip("this file system keeps the file in memory")
    assert found.kind == "thrashing", found


def test_the_busiest_thread_is_named(tmp_path: Path) -> None:
    """One of several burns: its name and its share, and what a hostile one calls itself is cleaned."""
    script = tmp_path / "threads.py"
    script.write_text(
        "import ctypes, threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()\n"
        'ctypes.CDLL(None).prctl(15, b"wo\\x1b[2Jrker", 0, 0, 0)\n'
        "while True: pass\n"
    )
    with _running(sys.executable, str(script)) as pid:
        found = _seen(live(), pid)
    assert (found.kind, len(found.threads)) == ("spinning", 1)
    assert "busiest threads: wo" in found.told
    assert "\x1b" not in found.told


def test_a_process_that_goes_is_not_told_of() -> None:
    """Gone at the first look or at the second: nothing, and no error."""
    with _running("sleep", "60") as pid:
        before = first_look(live(), pid)
    assert before is not None
    assert doing(live(), pid, before) is None
    assert first_look(live(), pid) is None
    assert doing(live(), pid, None) is None


LOOK = Look(
    at_s=100.0, state="R", start_ticks=5, page_faults=10, major_faults=0, child_faults=0, user_s=5.0, system_s=1.0,
    children_s=0.0, io={"rchar": 0, "wchar": 0, "syscr": 0, "syscw": 0}, host_starts=50, system_call=None,
    waits_in=None, threads={7: Thread("work", 6_000_000_000, 3, 4)}, all_threads=True,
)  # fmt: skip


def _later(**changes: object) -> Look:
    ran = {7: Thread("work", 7_000_000_000, 3, 9)}
    return LOOK._replace(**{"at_s": 101.0, "user_s": 6.0, "threads": ran, **changes})  # type: ignore[arg-type]


def test_what_may_not_be_read_is_not_claimed() -> None:
    """Without /proc/PID/io nobody knows that there was no read: it computes, and is not said to spin."""
    assert judge(LOOK, _later()).kind == "spinning"
    found = judge(LOOK._replace(io=None), _later(io=None))
    assert (found.kind, found.io_calls, found.read_bytes) == ("computing", None, None)
    assert judge(LOOK, _later(page_faults=500)).kind == "computing"


def test_too_little_to_tell_is_unknown() -> None:
    """Two ticks of the clock say nothing about user mode and kernel."""
    found = judge(LOOK, _later(at_s=100.1, user_s=5.01, threads={7: Thread("work", 6_020_000_000, 3, 4)}))
    assert found.kind == "unknown"
    assert "20 % of a core in 0.1 s" in found.told


def test_children_are_told_with_the_host_s_own_count() -> None:
    """What ended children took is known exactly, how many there were is not: the bound is named as the host's."""
    found = judge(LOOK, _later(user_s=5.1, system_s=1.1, children_s=0.7, child_faults=9000, host_starts=850))
    assert found.kind == "forking"
    assert "70 % of a core, itself 20 %; the whole host starts 800 processes" in found.told
    calm = judge(LOOK, _later(children_s=0.7, child_faults=9000, host_starts=55))
    assert calm.kind != "forking"


def test_a_thread_that_was_born_in_between_counts_from_its_birth() -> None:
    """Unless not all threads were looked at: then it may have been there before."""
    born = {**_later().threads, 8: Thread("GC Thread#1", 900_000_000, 1, 1)}
    assert judge(LOOK, _later(threads=born)).threads[1].percent == 90.0
    assert len(judge(LOOK._replace(all_threads=False), _later(threads=born)).threads) == 1


TEXTS = st.none() | st.text() | st.sampled_from(["running", "0 0x1", "a: 1\nb: x", "1 2 3", "processes 12\n"])
COUNTS = st.integers(0, 2**64)


@given(
    stat=TEXTS | st.lists(st.integers(), min_size=20, max_size=50).map(lambda all_: f"1 (a) b) R {all_}"),
    texts=st.lists(TEXTS, min_size=7, max_size=7),
)
def test_hostile_texts_are_refused_or_read(stat: str | None, texts: list[str | None]) -> None:
    """Whatever a kernel or a forged name says, there is a look or a ValueError."""
    told = {
        "at_ns": 5, "stat": stat, "io": texts[0], "wchan": texts[1], "syscall": texts[2], "host": texts[3],
        "threads": {"7": texts[4:7]}, "more_threads": 0,
    }  # fmt: skip
    with contextlib.suppress(ValueError):
        parse(told)


@given(st.lists(COUNTS, min_size=6, max_size=6), st.lists(COUNTS, min_size=6, max_size=6), st.floats(0.001, 1e6))
def test_any_two_looks_are_judged(old: list[int], new: list[int], span_s: float) -> None:
    """Counters that jump or go backwards make no error and no negative rate."""

    def look(numbers: list[int], at_s: float) -> Look:
        faults, major, child, user, system, starts = numbers
        return LOOK._replace(
            at_s=at_s, page_faults=faults, major_faults=major, child_faults=child, user_s=user / 100,
            system_s=system / 100, children_s=user / 50, host_starts=starts,
        )  # fmt: skip

    found = judge(look(old, 1.0), look(new, 1.0 + span_s))
    assert found.told
    assert min(found.user_percent, found.system_percent, found.page_faults, found.host_starts or 0.0) >= 0
