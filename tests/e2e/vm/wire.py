"""The line to a machine's agent: jobs go out, answers come in, in any order. One line for each start of QEMU."""

from __future__ import annotations

import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any


class WireError(RuntimeError):
    """The machine did not answer in time, or its line is gone."""


class Wire:
    """One connection to the Unix socket that QEMU keeps for the agent's port; may be used from several threads.

    Raises OSError while QEMU does not listen there yet.
    """

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise
        self._numbers = itertools.count(1)
        self._changed = threading.Condition()
        self._answers: dict[int, dict[str, Any]] = {}
        self._boot = ""
        self._open = True
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def close(self) -> None:
        """Hang up; whoever still waits gets a WireError."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(5)
        self._socket.close()

    def wait_for_boot(self, timeout: float) -> str:
        """The boot ID that the agent says when it is there; raises WireError."""
        with self._changed:
            self._wait(lambda: self._boot != "", timeout, "a boot")
            return self._boot

    def ask(
        self, argv: Sequence[str], env: Mapping[str, str], text: str | None, timeout: float, grace: float
    ) -> dict[str, Any]:
        """Run a command in the machine, at most `timeout` seconds there; `grace` is for the way there and back."""
        number = next(self._numbers)
        job = {"id": number, "argv": list(argv), "env": dict(env), "input": text, "timeout": timeout}
        with self._changed:
            try:
                self._socket.sendall((json.dumps(job) + "\n").encode())
            except OSError as error:
                raise WireError(f"the machine is gone: {error}") from error
            self._wait(lambda: number in self._answers, timeout + grace, f"an answer to {argv[0]}")
            return self._answers.pop(number)

    def _wait(self, arrived: Callable[[], bool], timeout: float, what: str) -> None:
        begun = time.monotonic()
        if not self._changed.wait_for(lambda: arrived() or not self._open, timeout) or not arrived():
            state = "the line is closed" if not self._open else f"nothing for {time.monotonic() - begun:.0f} s"
            raise WireError(f"waited for {what}: {state}")

    def _read(self) -> None:
        pending = b""
        while got := self._received():
            *whole, pending = (pending + got).split(b"\n")
            for line in whole:
                self._take(line)
        with self._changed:
            self._open = False
            self._changed.notify_all()

    def _received(self) -> bytes:
        try:
            return self._socket.recv(65536)
        except OSError:
            return b""

    def _take(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            return  # half a line: the machine went down while it spoke
        with self._changed:
            if "boot" in message:
                self._boot = message["boot"]
            else:
                self._answers[message["id"]] = message
            self._changed.notify_all()
