"""Doors between the loopbacks of boxes and of this machine: a box has no other network, and none is made for it.

A socket belongs to the network namespace of the thread that made it, whoever uses it later.
"""

from __future__ import annotations

import ctypes
import os
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from .box import Box

CLONE_NEWNET = 0x40000000
LOOPBACK = "127.0.0.1"
_IDLE_S = 60.0

Connect = Callable[[], socket.socket]


@contextmanager
def out_of(box: Box, port: int, target: int) -> Iterator[None]:
    """Whoever connects to `port` in the box reaches `target` on this machine's loopback, as long as this lasts."""
    with _inside(box, lambda: socket.create_server((LOOPBACK, port))) as door:
        _open(door, lambda: socket.create_connection((LOOPBACK, target), _IDLE_S))
        try:
            yield
        finally:
            door.shutdown(socket.SHUT_RDWR)


@contextmanager
def into(box: Box, port: int) -> Iterator[int]:
    """A port of this machine's loopback that leads to `port` in the box, as long as this lasts."""
    with socket.create_server((LOOPBACK, 0)) as door:
        _open(door, lambda: _inside(box, lambda: socket.create_connection((LOOPBACK, port), _IDLE_S)))
        try:
            yield int(door.getsockname()[1])
        finally:
            door.shutdown(socket.SHUT_RDWR)


def _inside(box: Box, make: Connect) -> socket.socket:
    """`make`, called in the box's network. A thread of its own enters it, and is gone with it."""

    def entered() -> socket.socket:
        namespace = os.open(f"/proc/{box.leader}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(namespace, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"setns into the network of {box.name}")
        finally:
            os.close(namespace)
        return make()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(entered).result()


def _open(door: socket.socket, connect: Connect) -> None:
    def welcome() -> None:
        with suppress(OSError):  # the door was shut
            while True:
                caller, _ = door.accept()
                threading.Thread(target=_join, args=(caller, connect), daemon=True).start()

    threading.Thread(target=welcome, daemon=True).start()


def _join(caller: socket.socket, connect: Connect) -> None:
    """Both ways, until both have said all. A caller whom nobody answers is hung up on."""
    caller.settimeout(_IDLE_S)
    with caller, suppress(OSError), connect() as other:
        back = threading.Thread(target=_pour, args=(other, caller), daemon=True)
        back.start()
        _pour(caller, other)
        back.join()


def _pour(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
