"""Programs whose answer is awaited: to their end, or to the end of their time."""

import signal
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
