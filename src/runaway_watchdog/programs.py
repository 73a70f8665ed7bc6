"""The one place that starts another program.

Every child carries an alarm of its own, set before it runs: the unit's seccomp filter denies the kill family of
system calls, and there `subprocess`'s own timeout cannot end a child, it waits for it (seen: a limit of 1 s ended
after 6.0 s with PermissionError). Programs written in Go (docker, podman) catch that alarm and go on (seen: 8.0 s
instead of 2), so a program whose answer is awaited has a guard above it, which the alarm does end, and the kernel
then ends the program: no system call of ours is needed for it.

What the program has started itself is in a session of its own, and ended with it where the kill family is allowed; a
plugin of docker's makes itself a process group, and stays in the session. Where it is not, limits of memory and CPU
hold for all of them.
"""

import contextlib
import errno
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
MOST_MEMORY = 2 << 30
"""Bytes that a program may write to, of its own: Compose took the host's memory over `env_file: /dev/zero`."""
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
    limits = _limits(seconds)

    def split() -> None:
        limits()
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


def _limits(seconds: int) -> Callable[[], None]:
    """What a program and all that it starts may take; a service's filter may refuse the limits, and has its own.

    Not how many processes: RLIMIT_NPROC counts all of the user's threads, and on a host that is full of them not even
    the guard could ask then. In the service TasksMax bounds them.
    """
    import resource  # the watch does without it

    cpu = (seconds + GRACE_S) * (os.cpu_count() or 1)
    wanted = {
        resource.RLIMIT_DATA: MOST_MEMORY,
        resource.RLIMIT_CPU: cpu,
        resource.RLIMIT_CORE: 0,
    }
    lowered = {which: _lower(most, *resource.getrlimit(which)) for which, most in wanted.items()}
    setrlimit = resource.setrlimit

    def lower() -> None:
        for which, pair in lowered.items():
            with contextlib.suppress(OSError, ValueError):
                setrlimit(which, pair)

    return lower


def _lower(most: int, soft: int, hard: int) -> tuple[int, int]:
    """Both limits, no higher than they are; -1 is none."""
    return (most if soft < 0 else min(most, soft)), (most if hard < 0 else min(most, hard))


def _end_session(leader: int) -> None:
    """End what a program of ours has left behind: all that is in the session that was made for it, and nothing else.

    Each is held by its descriptor before it is looked at: its PID cannot become another's in between.
    """
    for name in os.listdir("/proc"):
        if not name.isdecimal():
            continue
        with contextlib.suppress(OSError, ValueError):
            descriptor = os.pidfd_open(int(name))
            try:
                if os.getsid(int(name)) == leader:
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            finally:
                os.close(descriptor)


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
    try:
        child = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_guarded(seconds),  # noqa: PLW1509 - it makes a few system calls and no more
        )
    except subprocess.SubprocessError as fault:  # its guard could not be made
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from fault
    stdout = stderr = b""
    ended = False
    try:
        # a lone surrogate stands for a byte that was no text
        given = None if stdin is None else stdin.encode("utf-8", "surrogateescape")
        stdout, stderr = child.communicate(given, seconds + GRACE_S)
        ended = child.returncode != -signal.SIGALRM
    except subprocess.TimeoutExpired:
        for stream in (child.stdin, child.stdout, child.stderr):
            if stream is not None:
                stream.close()
    finally:
        if not ended:  # out of time, or somebody has interrupted us
            _end_session(child.pid)
    return subprocess.CompletedProcess(list(argv), child.wait(), _text(stdout), _text(stderr))


def _text(said: bytes) -> str:
    return said.decode("utf-8", "replace")


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
