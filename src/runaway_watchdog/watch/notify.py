"""Tells systemd how the watch is: sd_notify(3), without a library."""

import os
from collections.abc import Mapping
from typing import Final

_FIRST_GIVEN: Final = 3  # SD_LISTEN_FDS_START


class Notifier:
    """Sends to $NOTIFY_SOCKET; does nothing where there is none."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        period = environment.get("WATCHDOG_USEC", "")
        meant_for_us = environment.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
        self.period_s = int(period) / 1e6 or None if period.isdecimal() and meant_for_us else None
        """How often systemd wants a sign of life; None: it does not ask."""
        self._status = ""

    def given(self, environment: Mapping[str, str]) -> dict[str, int]:
        """Descriptors that systemd has kept for us, by their names (sd_listen_fds(3)); now they are ours alone."""
        if environment.get("LISTEN_PID") != str(os.getpid()):
            return {}
        names = environment.get("LISTEN_FDNAMES", "").split(":")
        found = {name: _FIRST_GIVEN + place for place, name in enumerate(names) if name}
        for name, fd in found.items():
            os.set_inheritable(fd, False)
            self._send(f"FDSTOREREMOVE=1\nFDNAME={name}")
        return found

    def ready(self) -> None:
        """The watch is up, or has reloaded."""
        self._send("READY=1")

    def reloading(self, monotonic: float) -> None:
        """A reload has begun; `monotonic` in seconds."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={int(monotonic * 1e6)}")

    def alive(self, status: str) -> None:
        """A sign of life, and one line for `systemctl status` where it has changed."""
        changed = status != self._status
        self._status = status
        if changed or self.period_s is not None:
            self._send(f"WATCHDOG=1\nSTATUS={status}" if changed else "WATCHDOG=1")

    def stopping(self) -> None:
        """A clean stop has begun."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        import socket

        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) as door:
                door.sendto(message.encode(), self._address)
        except OSError:
            return  # systemd is busy or gone: it hears from us at the next tick
