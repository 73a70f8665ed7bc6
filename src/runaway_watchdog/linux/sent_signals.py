"""Who sent the signal that ended a process: the kernel's own trace of signals (tracefs), where root has switched it on.

An instance of our own, so that whoever else traces is not disturbed; a filter in the kernel lets pass the signals by
which people and managers end processes, and none of the others, of which a host sends thousands a second. It is opened
by root and read by whoever is given the descriptor, at a death and not before.
"""

import contextlib
import errno
import os
import re
import time
from collections.abc import Collection
from typing import Final, NamedTuple

from runaway_watchdog.linux import status
from runaway_watchdog.linux.files import Paths, read, read_all
from runaway_watchdog.linux.namespaces import has_the_hosts_pids

INSTANCE: Final = "/sys/kernel/tracing/instances/runaway-watchdog"
_SIGNALS: Final = (1, 2, 3, 6, 9, 15)
_ASK: Final = (2, 3, 15)  # to end; SIGHUP asks most daemons for something else
_ASKED_S: Final = 90.0  # systemd's DefaultTimeoutStopSec
_SETTINGS: Final = (
    ("trace_clock", "mono"),
    ("buffer_size_kb", "64"),  # for each CPU: some 600 signals
    ("events/signal/signal_generate/filter", " || ".join(f"sig=={number}" for number in _SIGNALS)),
    ("events/signal/signal_generate/enable", "1"),
    ("events/oom/mark_victim/enable", "1"),
)
# A name is 15 bytes, whatever they are: too few for a line of its own choice. The reader's own name is written
# before its PID, and the rest is the kernel's.
_LINE: Final = re.compile(
    rb"^ *(?P<name>.{1,16}?)-(?P<sender>\d+) +\[\d+\] +\S+ +(?P<at>\d+\.\d+): (?:"
    rb"signal_generate: sig=(?P<signal>\d+) errno=-?\d+ code=(?P<code>-?\d+) comm=(?s:.{0,15}?)"
    rb" pid=(?P<pid>\d+) grp=\d res=(?P<result>\d)$|mark_victim: pid=(?P<victim>\d+)\b)",
    re.MULTILINE,
)
_DELIVERED: Final = (b"0", b"2")  # TRACE_SIGNAL_DELIVERED, TRACE_SIGNAL_ALREADY_PENDING
_SI_KERNEL: Final = 128
_KILL: Final = 9
_NO_NAME: Final = "<...>"
_MOST_READS: Final = 64
_ANCESTORS: Final = 16
_NOT_SET: Final = "4294967295"
_ADDRESS: Final = re.compile(rb"(?:^|\0)SSH_CONNECTION=([0-9A-Fa-f.:]{2,45}) ")

_SESSION: Final = re.compile(
    rb"(?m)^\d{1,3}:(?:name=systemd)?:/user\.slice/user-(\d{1,10})\.slice/session-([0-9a-z]{1,20})\.scope$"
)
"""A login's own group, which logind makes: below `user@UID.service` a user makes groups of any name."""
_REMOTE: Final = re.compile(rb"(?m)^REMOTE_HOST=([0-9A-Fa-f.:]{2,45})$")


class Sent(NamedTuple):
    """A signal on its way."""

    signal: int
    thread: int  # of the sender
    name: str  # comm of the sender: hostile
    at: float  # seconds of CLOCK_MONOTONIC
    by_kernel: bool
    by_oom_killer: bool = False

    @property
    def asks(self) -> bool:
        """Whether one that has ended by itself now did so for this."""
        return self.signal in _ASK and time.monotonic() - self.at <= _ASKED_S


class Someone(NamedTuple):
    """Who a thread is. What is not known is ""."""

    pid: int
    name: str  # comm: hostile
    user: str
    login: str  # whom it logged in as, where that is another user
    ssh: str  # the address that it came from
    ssh_is_said: bool  # by its environment, which is its own word


class SentSignals:
    """What the descriptor of `set_up` tells of those who are asked about."""

    def __init__(self, trace: int) -> None:
        self._trace = trace
        self._pids: frozenset[int] = frozenset()
        self._last: dict[int, Sent] = {}

    def only(self, pids: Collection[int]) -> None:
        """Remember the signals to these."""
        self._pids = frozenset(pids)
        self._last = {pid: sent for pid, sent in self._last.items() if pid in self._pids}

    def last(self, pid: int, lived_s: float) -> Sent | None:
        """The last signal to a process that has lived for so long; another one had its PID before."""
        text = b""
        with contextlib.suppress(OSError):  # it is empty
            for _ in range(_MOST_READS):
                text += os.read(self._trace, 1 << 16)
        for target, sent in parse(text):
            if target in self._pids:
                self._last[target] = sent
        found = self._last.get(pid)
        return found if found is not None and time.monotonic() - found.at <= lived_s else None

    def who(self, paths: Paths, sent: Sent) -> Someone:
        """What can still be read of its sender, at once: a `kill` is gone within a millisecond."""
        return who(paths, sent.thread, sent.name)

    def close(self) -> None:
        os.close(self._trace)


def parse(text: bytes) -> list[tuple[int, Sent]]:
    """Targets, and what they were sent. The OOM killer's SIGKILL bears the name of whoever asked for memory."""
    found: dict[int, list[Sent]] = {}
    victims: set[int] = set()
    for line in _LINE.finditer(text):
        if line["victim"] is not None:
            victims.add(int(line["victim"]))
        elif line["result"] in _DELIVERED:
            name = line["name"].decode("utf-8", "replace")
            by_kernel = int(line["code"]) == _SI_KERNEL
            sent = Sent(int(line["signal"]), int(line["sender"]), name, float(line["at"]), by_kernel)
            found.setdefault(int(line["pid"]), []).append(sent)
    return [
        (pid, sent._replace(by_oom_killer=sent.by_kernel and sent.signal == _KILL and pid in victims))
        for pid, all_sent in found.items()
        for sent in all_sent
    ]


def who(
    paths: Paths, thread: int, name: str, users: str = "/etc/passwd", sessions: str = "/run/systemd/sessions"
) -> Someone:
    text = (read(f"{paths.proc}/{thread}/status") or b"").decode("utf-8", "replace")
    uid = (status.value(text, "Uid") or "").partition("\t")[0]
    login = (read(f"{paths.proc}/{thread}/loginuid", 32) or b"").decode("ascii", "replace")
    if name == _NO_NAME:
        name = (read(f"{paths.proc}/{thread}/comm", 64) or b"").decode("utf-8", "replace").removesuffix("\n")
    return Someone(
        int(status.value(text, "Tgid") or thread),
        name,
        _user(uid, users),
        "" if login in ("", _NOT_SET, uid) else _user(login, users),
        *_came_from(paths, thread, sessions),
    )


def _user(uid: str, users: str) -> str:
    """From the file alone: a directory service may not answer, and the watch waits for nobody."""
    for line in (read_all(users) or b"").decode("utf-8", "replace").split("\n") if uid else ():
        fields = line.split(":")
        if len(fields) > 2 and fields[2] == uid:
            return fields[0]
    return f"user {uid}" if uid else ""


def _came_from(paths: Paths, pid: int, sessions: str) -> tuple[str, bool]:
    """By logind's record of its session, which anybody may read; else by the environment of itself, or of the nearest
    that it descends from, which the confined service may not."""
    session = _SESSION.search(read(f"{paths.proc}/{pid}/cgroup") or b"")
    if session is not None:
        record = read(f"{sessions}/{session[2].decode('ascii')}") or b""
        remote = _REMOTE.search(record)
        if remote is not None and b"\nUID=%s\n" % session[1] in b"\n" + record:
            return remote[1].decode("ascii"), False
    for _ in range(_ANCESTORS):
        address = _ADDRESS.search(read_all(f"{paths.proc}/{pid}/environ") or b"")
        if address is not None:
            return address[1].decode("ascii"), True
        text = (read(f"{paths.proc}/{pid}/status") or b"").decode("utf-8", "replace")
        pid = int(status.value(text, "PPid") or 0)
        if pid <= 1:
            break
    return "", False


def set_up(instance: str = INSTANCE) -> int:
    """Switch it on, and open it. Raises OSError. With root's rights."""
    if not has_the_hosts_pids():
        raise OSError(errno.EPERM, "it can be had on the host itself, and not in a container", instance)
    with contextlib.suppress(FileExistsError):
        os.mkdir(instance)
    try:
        for file, text in _SETTINGS:
            with open(f"{instance}/{file}", "wb") as setting:
                setting.write(text.encode("ascii"))
        return os.open(f"{instance}/trace_pipe", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        remove(instance)
        raise


def remove(instance: str = INSTANCE) -> None:
    """Switch it off. Nothing is left of it."""
    with contextlib.suppress(OSError):
        os.rmdir(instance)
