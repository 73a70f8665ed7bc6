"""Our own units, through systemctl: the watch, and what answers Prometheus.

The product never stops or starts anything that it watches. Its own services are none of these: this file, used by
`install` and `uninstall` alone, is the only one that tells systemd to change something, and it knows two units' names.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from runaway_watchdog.install.steps import RunProgram
from runaway_watchdog.linux.text import lines as lines_of

NAME = "runaway-watchdog.service"
METRICS = "runaway-watchdog-metrics.service"

Verb = Literal["daemon-reload", "enable", "start", "restart", "disable", "stop", "reset-failed"]

_START_S = 90  # the unit's own TimeoutStartSec is 60
_ANSWER_S = 20

_PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "MainPID",
    "NRestarts",
    "NeedDaemonReload",
    "StatusText",
    "ExecMainStartTimestampMonotonic",
    "InvocationID",
)


class Answer(Protocol):
    """What a program that has ended leaves behind."""

    @property
    def returncode(self) -> int: ...

    @property
    def stdout(self) -> str: ...

    @property
    def stderr(self) -> str: ...


class Runner(Protocol):
    """`programs.run`, or a test's own. Raises OSError where the program cannot be started."""

    def __call__(self, argv: Sequence[str], *, seconds: int) -> Answer: ...


class SystemdError(Exception):
    """systemd did not answer; the message says what was asked and what came instead."""


@dataclass(frozen=True, slots=True)
class UnitState:
    """What systemd says of a unit of ours. `started_at` is seconds since the epoch, None where it never ran."""

    load: str = "not-found"
    active: str = "inactive"
    sub: str = "dead"
    file: str = ""  # enabled, disabled, masked, …
    main_pid: int = 0
    restarts: int = 0
    needs_reload: bool = False
    status: str = ""
    started_at: float | None = None
    invocation: str = ""


def systemctl(verb: Verb, name: str = NAME) -> RunProgram:
    """The call that does `verb` to one of our units."""
    seconds = _START_S if verb in ("start", "restart", "stop") else _ANSWER_S
    return RunProgram(("systemctl", verb) if verb == "daemon-reload" else ("systemctl", verb, name), seconds)


def parse(text: str, boot_wall: float) -> UnitState:
    """Read the answer of `systemctl show`. `boot_wall` is the wall time at which the monotonic clock was 0."""
    values = dict(line.split("=", 1) for line in lines_of(text) if "=" in line)
    started_us = int(values.get("ExecMainStartTimestampMonotonic") or 0)
    return UnitState(
        load=values.get("LoadState", "not-found"),
        active=values.get("ActiveState", "inactive"),
        sub=values.get("SubState", "dead"),
        file=values.get("UnitFileState", ""),
        main_pid=int(values.get("MainPID") or 0),
        restarts=int(values.get("NRestarts") or 0),
        needs_reload=values.get("NeedDaemonReload") == "yes",
        status=values.get("StatusText", ""),
        started_at=boot_wall + started_us / 1e6 if started_us else None,
        invocation=values.get("InvocationID", ""),
    )


def look(run: Runner, name: str = NAME) -> UnitState:
    """Ask systemd for the state of one of our units. Raises SystemdError."""
    argv = ("systemctl", "show", name, f"--property={','.join(_PROPERTIES)}")
    try:
        answer = run(argv, seconds=_ANSWER_S)
    except OSError as error:
        raise SystemdError(f"{argv[0]}: {error.strerror}") from error
    if answer.returncode != 0:
        raise SystemdError(f"{' '.join(argv[:3])}: {answer.stderr.strip() or f'exit code {answer.returncode}'}")
    return parse(answer.stdout, time.time() - time.monotonic())


def await_active(run: Runner, *, seconds: float, sleep: Callable[[float], None] = time.sleep) -> UnitState:
    """Look until the unit is active, or has failed, or the time is over; the state that was seen last.

    systemd tells "activating" between two attempts of a program that keeps failing.
    """
    deadline = time.monotonic() + seconds
    while True:
        state = look(run)
        if state.active in ("active", "failed") or time.monotonic() >= deadline:
            return state
        sleep(0.2)


def last_words(run: Runner, name: str = NAME) -> str:
    """What the unit said, and systemd of it, since it was started last; empty where nobody tells."""
    try:
        invocation = look(run, name).invocation
        own, systemds = f"_SYSTEMD_INVOCATION_ID={invocation}", f"INVOCATION_ID={invocation}"
        argv = ("journalctl", "--lines=12", "--no-pager", "--output=cat", own, "+", systemds)
        return run(argv, seconds=_ANSWER_S).stdout.strip() if invocation else ""
    except (OSError, SystemdError):
        return ""
