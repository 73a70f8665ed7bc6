"""The one place that starts another program.

Every child carries an alarm of its own, set before it runs: the unit's seccomp filter denies the kill family of
system calls, and there `subprocess`'s own timeout cannot end a child, it waits for it (seen: a limit of 1 s ended
after 6.0 s with PermissionError). Programs written in Go (docker, podman) catch that alarm and go on (seen: 8.0 s
instead of 2), so a program whose answer is awaited has a guard above it, which the alarm does end, and the kernel
then ends the program: no system call of ours is needed for it.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

Child = subprocess.Popen[bytes]
"""A program that was started in the background."""
GRACE_S = 1
"""After its end, for whoever shares its output: a plugin that `docker` had started itself is not ended with it."""
PR_SET_PDEATHSIG = 1  # linux/prctl.h: the signal that the kernel sends once the parent is gone


def _limit(seconds: int) -> Callable[[], None]:
    def set_alarm() -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
        signal.alarm(seconds)

    return set_alarm


def _guarded(seconds: int) -> Callable[[], None]:
    """Split in two before the program starts: the guard waits with an alarm, the other becomes the program."""
    import ctypes  # a megabyte that the watch does without

    prctl = ctypes.CDLL(None).prctl  # looked up before the fork
    set_alarm = _limit(seconds)

    def split() -> None:
        set_alarm()
        guard = os.getpid()
        program = os.fork()
        if program != 0:
            _stand_guard(program)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != guard:
            os._exit(1)
        set_alarm()  # an alarm is not inherited; this one ends a set-uid program, which the kernel would spare

    return split


def _stand_guard(program: int) -> NoReturn:
    """End as the program ends; of its open files none is kept, or its reader would wait for the guard too."""
    os.closerange(0, os.sysconf("SC_OPEN_MAX"))
    _, status = os.waitpid(program, 0)
    number = os.waitstatus_to_exitcode(status)
    if number == -signal.SIGALRM:
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        signal.pause()
    os._exit(number if number >= 0 else 128 - number)


def run(
    argv: Sequence[str],
    *,
    seconds: int,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, or to the end of its time: then `returncode` is -SIGALRM.

    One that a signal ended has 128 and the signal's number, as in a shell. Raises OSError when it cannot be started;
    its `filename` is `cwd` where it is that folder that cannot be entered.
    """
    child = subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=env,
        cwd=cwd,
        preexec_fn=_guarded(seconds),  # noqa: PLW1509 - it makes a few system calls and no more
    )
    try:
        stdout, stderr = child.communicate(stdin, seconds + GRACE_S)
    except subprocess.TimeoutExpired:
        stdout = stderr = ""
        for stream in (child.stdin, child.stdout, child.stderr):
            if stream is not None:
                stream.close()
    return subprocess.CompletedProcess(list(argv), child.wait(), stdout, stderr)


def start_module(
    module: str,
    arguments: Sequence[str],
    *,
    seconds: int,
    stdin: bytes,
    stdout: int | None = None,
    pass_fds: Sequence[int] = (),
) -> Child:
    """Start one of our own modules in the background; it ends by itself after `seconds` at the latest.

    `stdin` is handed over through an anonymous file, so that the starter never waits for the child to read. For the
    same reason `stdout` is a file that is read once the child has ended; None: it is shared with the starter.
    """
    handover = os.memfd_create("handover")
    try:
        os.write(handover, stdin)
        os.lseek(handover, 0, os.SEEK_SET)
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=handover,
            stdout=stdout,
            pass_fds=tuple(pass_fds),
            cwd="/",
            preexec_fn=_limit(seconds),  # noqa: PLW1509 - it only makes three system calls
        )
    finally:
        os.close(handover)
