"""How and when processes end, from the kernel's process connector (linux/cn_proc.h, linux/connector.h).

Since Linux 6.6 it takes no capability, only the initial PID and user namespaces and the host's network. The kernel
filters: nothing but the ends of the processes asked about is queued, so that a storm of others costs no work here, and
nobody is woken. Who is told of an end in another way (a pidfd) takes out here how it was.
"""

import _socket as socket  # without what the module of that name loads beside it: the watch is resident
import struct
import time
from array import array
from collections.abc import Collection
from typing import Final, NamedTuple

from runaway_watchdog.linux.namespaces import has_the_hosts_pids

_CONNECTOR: Final = 11  # NETLINK_CONNECTOR
_PROC: Final = (1, 1)  # CN_IDX_PROC, CN_VAL_PROC
_LISTEN, _IGNORE = 1, 2  # PROC_CN_MCAST_*
_EXIT: Final = 0x80000000  # PROC_EVENT_EXIT
_ATTACH_FILTER: Final = 26  # SO_ATTACH_FILTER
MOST_PIDS: Final = 240
"""A jump of the filter goes over 255 instructions at most."""
_MOST_TAKEN: Final = 4096
_LONGEST: Final = 512

_EVENT: Final = struct.Struct("=IHHII IIIIHH IIQ IIII")
"""nlmsghdr, cn_msg, proc_event as far as the exit code: pid (a thread), tgid (its process), exit_code."""
_REQUEST: Final = struct.Struct("=IHHII IIIIHH II")
_WHAT, _PID, _TGID, _CODE = 36, 52, 56, 60  # where they stand in a message


class Exit(NamedTuple):
    """The end of a process."""

    status: int  # as waitpid(2) has it
    ago_s: float  # since its first thread ended, or the last one that did not end with 0


class Exits:
    """One socket. It listens only while somebody is asked about."""

    def __init__(self, connector: socket.socket) -> None:
        self._socket = connector
        self._pids: frozenset[int] = frozenset()
        self._found: dict[int, tuple[int, int]] = {}  # status, and nanoseconds of CLOCK_MONOTONIC

    def only(self, pids: Collection[int]) -> None:
        """Keep the ends of these, from now on. Where the kernel refuses, nothing is ever known."""
        listened, self._pids = bool(self._pids), frozenset(list(pids)[:MOST_PIDS])
        self._found = {pid: end for pid, end in self._found.items() if pid in self._pids}
        try:
            if self._pids:
                attach(self._socket, program(self._pids))
            if bool(self._pids) != listened:
                self._socket.send(request(_LISTEN if self._pids else _IGNORE))
        except OSError:
            return

    def of(self, pid: int) -> Exit | None:
        """How and when this process ended, to be asked once it has. None: it is not known."""
        self._take()
        if pid not in self._found:
            return None
        status, at_ns = self._found[pid]
        return Exit(status, max(0, time.clock_gettime_ns(time.CLOCK_MONOTONIC) - at_ns) / 1e9)

    def _take(self) -> None:
        """The last word on a process counts: its first thread may have ended long before."""
        lost = False
        for _ in range(_MOST_TAKEN):
            try:
                message, sender = self._socket.recvfrom(_LONGEST)
            except BlockingIOError:
                break
            except OSError:  # ENOBUFS, told once: the kernel had to drop some, and what can be read is older
                lost = True
                continue
            end = parse(message) if sender[0] == 0 else None
            if end is not None and end[0] in self._pids:
                self._found[end[0]] = end[1:]
        if lost:
            self._found.clear()

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()


def listen(given: int | None = None) -> Exits | None:
    """`given`: a descriptor of such a socket, where it was made for us. It listens to nobody yet.

    None: a kernel before 6.6, a container, another network or a filter of system calls.
    """
    if not has_the_hosts_pids():
        return None
    try:
        connector = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _CONNECTOR, fileno=given)
    except OSError:
        return None
    try:
        connector.setblocking(False)
        attach(connector, program(()))
        if given is None:
            connector.bind((0, _PROC[0]))
        connector.send(request(_IGNORE))
    except OSError:
        connector.close()
        return None
    return Exits(connector)


def request(operation: int) -> bytes:
    """To the kernel: whether this socket listens, and that only to exits (an older kernel knows no second word)."""
    # NLMSG_DONE; the lengths are those of the whole, and of the two words.
    return _REQUEST.pack(_REQUEST.size, 3, 0, 0, 0, *_PROC, 0, 0, 8, 0, operation, _EXIT)


def parse(message: bytes) -> tuple[int, int, int] | None:
    """PID of the process, status as waitpid(2) has it, and nanoseconds of CLOCK_MONOTONIC. None: something else."""
    if len(message) < _EVENT.size:
        return None
    fields = _EVENT.unpack_from(message)
    if fields[5:7] != _PROC or fields[11] != _EXIT:
        return None
    at_ns, _, tgid, status, _ = fields[13:]
    return tgid, status, at_ns


def program(pids: Collection[int]) -> bytes:
    """The classic BPF program (linux/filter.h) that lets pass the ends of these processes.

    Of a process the end of its first thread, and that of another one with something to tell: a thread that comes and
    goes ends with 0. Words are loaded as big-endian, and the kernel writes them in its own order.
    """
    count = len(pids)
    drop = 9 + count  # where the instruction is that drops it
    instructions = [
        (0x20, 0, 0, _WHAT),  # load a word
        (0x15, 0, drop - 2, socket.htonl(_EXIT)),  # equal? else drop
        (0x20, 0, 0, _PID),
        (0x07, 0, 0, 0),  # to X
        (0x20, 0, 0, _TGID),
        (0x1D, 3, 0, 0),  # equal to X? the first thread
        (0x20, 0, 0, _CODE),
        (0x15, drop - 8, 0, 0),
        (0x20, 0, 0, _TGID),
        *((0x15, count - place, 0, socket.htonl(pid)) for place, pid in enumerate(pids)),
        (0x06, 0, 0, 0),  # drop
        (0x06, 0, 0, 0xFFFF),  # pass
    ]
    return b"".join(struct.pack("=HBBI", *each) for each in instructions)


def attach(connector: socket.socket, instructions: bytes) -> None:
    """Raises OSError."""
    kept = array("B", instructions)  # its address is known without ctypes, which would cost the watch 300 KiB
    length = len(instructions) // 8
    connector.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HP", length, kept.buffer_info()[0]))
