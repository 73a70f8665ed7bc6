"""The one place that starts another program.

Every child carries an alarm of its own, set before it runs: the unit's seccomp filter denies the kill family of
system calls, and there `subprocess`'s own timeout cannot end a child, it waits for it (seen: a limit of 1 s ended
after 6.0 s with PermissionError).
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence

Child = subprocess.Popen[bytes]
"""A program that was started in the background."""


def _limit(seconds: int) -> Callable[[], None]:
    def set_alarm() -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
        signal.alarm(seconds)

    return set_alarm


def run(
    argv: Sequence[str], *, seconds: int, stdin: str | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, or to the end of its time: then `returncode` is -SIGALRM.

    Raises OSError when it cannot be started.
    """
    return subprocess.run(
        list(argv),
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env=env,
        preexec_fn=_limit(seconds),  # alarm(2) is async-signal-safe and survives exec
    )


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
    handover = os.memfd_create("commission")
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
