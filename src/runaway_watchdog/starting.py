"""How the watch and its cases start what is short-lived: as a child, or by asking a unit that has powers of its own.

In a terminal, and where no systemd is, each is a child. The installed service has units of systemd instead: whoever
connects to the socket of one (in FOLDER, for the service's user alone) is answered by a new process with that unit's
user, groups, capabilities and filter, none of which the asker needs.

On the connection: one JSON object, {"module", "arguments", "stdin", "seconds"}, up to the end of writing; then the exit
code as decimal digits and a newline. A connection that ends without one: the process was ended.
"""

import contextlib
import json
import os
import signal
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:  # a watch whose work is done by units does without it, and without subprocess
    from runaway_watchdog.programs import Child

CASE: Final = "runaway_watchdog.case"
SENDER: Final = "runaway_watchdog.alerts.send"
HEARTBEAT: Final = "runaway_watchdog.alerts.heartbeat"

FOLDER: Final = "/run/runaway-watchdog-handover"
"""Root's own: the sockets, and what `run --hand-over` leaves there."""
CONFIGURATION: Final = "configuration.json"
"""Compiled, without any secret: for the watch and its cases."""
CHANNELS: Final = "channels.json"
"""The same with the channels' secrets, for root alone: systemd gives it to a sender as a credential."""
CREDENTIAL: Final = "configuration"
"""The name under which the unit of a case or a sender finds its own of the two."""

ANSWERS: Final = {"case": (CASE,), "send": (SENDER, HEARTBEAT)}
"""The modules that each unit starts: no other, whatever it is asked for."""

EXITS: Final = "exits"
SENT_SIGNALS: Final = "sent-signals"
"""The names under which systemd keeps these for the watch: `linux.exits`' socket, and the trace of `sent_signals`."""

SEEN_TO: Final = 16
"""The exit code of a case that has seen to N of its requests, the first ones, and leaves the others: this and N."""

_ENDED: Final = -signal.SIGKILL
_MOST: Final = 1 << 20
_GRACE_S: Final = 30.0
"""Beyond its own limit: systemd has to start it first. One that is not heard of then is given up."""


class Request(NamedTuple):
    """What a unit is asked to start."""

    module: str
    arguments: tuple[str, ...]
    stdin: str
    seconds: int

    def to_json(self) -> bytes:
        return json.dumps(self._asdict()).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "Request":
        """Raises ValueError."""
        try:
            data = json.loads(text)
            words = tuple(str(word) for word in data["arguments"])
            return cls(str(data["module"]), words, str(data["stdin"]), int(data["seconds"]))
        except (KeyError, TypeError) as fault:
            raise ValueError(f"not a request: {type(fault).__name__}") from None


class Started(Protocol):
    """What was started and has not ended, as far as is known."""

    @property
    def fd(self) -> int | None:
        """Can be read once there is news of its end. None: only asking tells."""

    def poll(self) -> int | None:
        """Its exit code, negative: the signal that ended it; None: it goes on. Never waits."""

    def close(self) -> None:
        """It has ended: nothing is kept of it."""


class Starter(Protocol):
    """Both ways of starting one of our own modules. None of them waits; each raises OSError where it cannot."""

    def start(self, module: str, arguments: Sequence[str], *, seconds: int, stdin: bytes, config_fd: int) -> Started:
        """It ends by itself after `seconds` at the latest. `config_fd`: the compiled configuration of the asker."""

    def compile(self, module: str, arguments: Sequence[str], *, seconds: int, stdout: int) -> Started:
        """Put the configuration as it is now, compiled, into the file behind `stdout`."""


class _Child:
    """One of our modules as a child of this process."""

    def __init__(self, process: "Child") -> None:
        self._process = process
        self.fd: int | None
        try:
            self.fd = os.pidfd_open(process.pid)
        except OSError:
            self.fd = None

    def poll(self) -> int | None:
        return self._process.poll()

    def close(self) -> None:
        if self.fd is not None:
            os.close(self.fd)


class Children:
    """Everything is a child, with the powers of its starter."""

    def start(self, module: str, arguments: Sequence[str], *, seconds: int, stdin: bytes, config_fd: int) -> Started:
        from runaway_watchdog import programs

        words = ("--config-fd", str(config_fd), *arguments)
        return _Child(programs.start_module(module, words, seconds=seconds, stdin=stdin, pass_fds=(config_fd,)))

    def compile(self, module: str, arguments: Sequence[str], *, seconds: int, stdout: int) -> Started:
        from runaway_watchdog import programs

        words = ("run", "--compile", *arguments)
        return _Child(programs.start_module(module, words, seconds=seconds, stdin=b"", stdout=stdout))


class _Asked:
    """A process of another unit, known by its connection."""

    def __init__(self, path: str, request: bytes, seconds: int) -> None:
        import socket  # the watch has it in memory where systemd started it

        with contextlib.ExitStack() as unless_asked:
            kind = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
            self._door = unless_asked.enter_context(socket.socket(socket.AF_UNIX, kind))
            self._door.connect(path)
            self._door.sendall(request)  # all of it at once, or BlockingIOError
            self._door.shutdown(socket.SHUT_WR)
            unless_asked.pop_all()
        self._said = b""
        self._until = time.monotonic() + seconds + _GRACE_S

    @property
    def fd(self) -> int:
        return self._door.fileno()

    def poll(self) -> int | None:
        try:
            found = self._door.recv(64)
        except BlockingIOError:
            return None if time.monotonic() < self._until else _ENDED
        except OSError:
            return _ENDED
        self._said += found
        if found and not found.endswith(b"\n") and len(self._said) < 64:
            return None
        try:
            return int(self._said)
        except ValueError:
            return _ENDED

    def close(self) -> None:
        self._door.close()


class _Done(NamedTuple):
    """It needed no process."""

    code: int
    fd: int | None = None

    def poll(self) -> int | None:
        return self.code

    def close(self) -> None:
        return


class Units:
    """Every kind has a unit of systemd, whose socket is in `folder`."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._taken = self._newest()

    def _newest(self) -> int:
        """Which of the files that were handed over lies there; 0: none."""
        try:
            return os.stat(f"{self._folder}/{CONFIGURATION}").st_mtime_ns
        except OSError:
            return 0

    def start(
        self,
        module: str,
        arguments: Sequence[str],
        *,
        seconds: int,
        stdin: bytes,
        config_fd: int,  # noqa: ARG002
    ) -> Started:
        unit = next(name for name, modules in ANSWERS.items() if module in modules)
        request = Request(module, tuple(arguments), stdin.decode(), seconds)
        return _Asked(f"{self._folder}/{unit}.sock", request.to_json(), seconds)

    def compile(self, module: str, arguments: Sequence[str], *, seconds: int, stdout: int) -> Started:  # noqa: ARG002
        """systemd has had it compiled, with the rights to read it, before it told of the reload.

        A failure where nothing was handed over since: a bare signal came instead of `systemctl reload`.
        """
        newest = self._newest()
        try:
            if newest != self._taken:
                os.write(stdout, handed_over(self._folder))
        except OSError:
            newest = self._taken
        code, self._taken = int(newest == self._taken), newest
        return _Done(code)


def starter(folder: str | None) -> Starter:
    """By units whose sockets are in that folder; None: as children."""
    return Children() if folder is None else Units(folder)


def handed_over(folder: str) -> bytes:
    """The compiled configuration that `run --hand-over` has left there. Raises OSError."""
    with open(f"{folder}/{CONFIGURATION}", "rb") as file:
        return file.read(_MOST)


def receive(door: int) -> Request:
    """The request that comes out of a connection. Raises OSError, ValueError."""
    text = b""
    while found := os.read(door, 1 << 16):
        text += found
        if len(text) > _MOST:
            raise ValueError("the request is too long")
    return Request.from_json(text)


def tell(door: int, code: int) -> None:
    """The end of it, to whoever asked; who does not wait for it is no fault."""
    with contextlib.suppress(OSError):
        os.write(door, b"%d\n" % code)
