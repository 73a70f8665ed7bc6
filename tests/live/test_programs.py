"""Programs whose answer is awaited: to their end, or to the end of their time."""

import contextlib
import errno
import os
import resource
import signal
import sys
import time

import pytest

from runaway_watchdog import programs

LONG = "sleep 20"


@pytest.mark.parametrize(
    "script",
    [
        f"exec {LONG}",
        f'trap "" ALRM; {LONG}; true',  # as a program in Go does: the alarm is caught, and nothing happens
        f'trap "" ALRM; (exec {LONG}) & wait',  # as docker does with its plugins: they share its output
    ],
)
def test_a_program_that_takes_too_long_is_not_waited_for(script: str) -> None:
    """Whatever it does about the alarm, the answer is -SIGALRM, within its time and a second."""
    before = time.monotonic()
    done = programs.run(["sh", "-c", script], seconds=1)
    assert time.monotonic() - before < 1 + programs.GRACE_S + 1
    assert done.returncode == -signal.SIGALRM


def test_the_end_of_a_program_is_told_as_a_shell_tells_it() -> None:
    """Its exit code, or 128 and the signal."""
    assert programs.run(["sh", "-c", "exit 7"], seconds=5).returncode == 7
    assert programs.run(["sh", "-c", "kill -9 $$"], seconds=5).returncode == 128 + signal.SIGKILL


def test_all_that_it_says_is_read() -> None:
    """More than a pipe holds, in both directions, and standard error apart."""
    text = "x" * 1_000_000
    done = programs.run(["sh", "-c", "cat; echo oops >&2"], seconds=10, stdin=text)
    assert (done.stdout, done.stderr) == (text, "oops\n")


def test_a_program_that_is_not_there() -> None:
    """It is an OSError at once, not an exit code."""
    with pytest.raises(FileNotFoundError):
        programs.run(["/no/such/program"], seconds=5)


def running(marker: str) -> list[int]:
    """The processes whose command line holds this text."""
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/cmdline", "rb") as file:
            if marker.encode() in file.read():
                found.append(int(name))
    return found


@pytest.mark.parametrize(
    "script",
    [
        "sleep {0} & wait",
        "(trap '' ALRM HUP TERM; sleep {0}; true) & exec sleep 20",  # it outlives its parent
        "set -m; sleep {0} & wait",  # in a process group of its own, as docker's plugins
    ],
)
def test_what_a_program_has_started_ends_with_it(script: str) -> None:
    """A plugin that waits at a pipe for ever, in a process group of its own."""
    marker = f"31.{os.getpid()}{abs(hash(script)) % 10**6}"
    programs.run(["sh", "-c", script.format(marker)], seconds=1)
    for _ in range(40):
        if not running(f"sleep\0{marker}"):
            break
        time.sleep(0.05)
    assert running(f"sleep\0{marker}") == []


def test_a_program_may_not_take_the_hosts_memory() -> None:
    """Compose, over a file without an end."""
    done = programs.run([sys.executable, "-c", "x = bytearray(3 << 30)"], seconds=10)
    assert (done.returncode, "MemoryError" in done.stderr) == (1, True)


def test_what_a_program_leaves_running_is_bounded_in_processor_time() -> None:
    """The kernel ends a loop that nobody is there to end."""
    done = programs.run(["sh", "-c", "ulimit -t; ulimit -d; ulimit -c"], seconds=2)
    assert int(done.stdout.split()[0]) <= (2 + programs.GRACE_S) * (os.cpu_count() or 1)
    assert int(done.stdout.split()[1]) <= programs.MOST_MEMORY // 1024
    assert done.stdout.split()[2] == "0"


def test_a_carriage_return_is_no_end_of_a_line() -> None:
    """It comes as it was written."""
    assert programs.run(["printf", "a\\rb\\r\\n"], seconds=5).stdout == "a\rb\r\n"


def test_a_host_that_has_no_process_left_is_told_as_a_program_that_cannot_be_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever asks a program is prepared for that; anything else would end it without an answer."""

    def refused() -> int:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refused)
    with pytest.raises(OSError, match="Resource temporarily unavailable"):
        programs.run(["true"], seconds=5)


def test_threads_that_run_already_are_no_reason_to_start_nothing() -> None:
    """The limit on a user's processes stays what it is: it counts the threads of everything that the user runs."""
    asked = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    code = "import resource; print(resource.getrlimit(resource.RLIMIT_NPROC)[0])"
    assert programs.run([sys.executable, "-c", code], seconds=10).stdout == f"{asked}\n"
