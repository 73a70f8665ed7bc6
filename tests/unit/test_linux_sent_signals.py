"""Who sent a signal, as the kernel's trace says it: lines that it wrote, and names that were made to mislead."""

import os
import select
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from runaway_watchdog.linux.files import Paths
from runaway_watchdog.linux.sent_signals import Sent, SentSignals, Someone, parse, who
from runaway_watchdog.model.events import Ending, Sender
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.watch.pidfds import Pidfds, Tellers

KILLED = (
    b"            bash-17570   [000] d..1. 15355.357973: signal_generate: sig=9 errno=0 code=0 comm=sleep pid=17591"
    b" grp=1 res=0\n"
)
ASKED = (
    b"            kill-17593   [001] d..1. 15355.386622: signal_generate: sig=15 errno=0 code=0 comm=bash pid=17592"
    b" grp=1 res=0\n"
)
OOM = (
    b"          python-400     [001] d..2. 15400.000001: signal_generate: sig=9 errno=0 code=128 comm=java pid=501"
    b" grp=1 res=0\n"
    b"          python-400     [001] ....1 15400.000002: mark_victim: pid=501 comm=java total-vm=9kB\n"
)


def test_a_line_names_the_sender_and_the_target() -> None:
    """One that was ignored ended nobody."""
    assert parse(KILLED + ASKED + ASKED.replace(b"17592", b"17599").replace(b"res=0", b"res=1")) == [
        (17591, Sent(9, 17570, "bash", 15355.357973, by_kernel=False)),
        (17592, Sent(15, 17593, "kill", 15355.386622, by_kernel=False)),
    ]


def test_the_oom_killer_is_not_whoever_asked_for_memory() -> None:
    """The end of a PID namespace is the kernel's SIGKILL too, and none of the OOM killer's."""
    ((_, of_oom),) = parse(OOM)
    assert (of_oom.by_kernel, of_oom.by_oom_killer) == (True, True)
    ((_, of_kernel),) = parse(OOM.split(b"\n")[0] + b"\n")
    assert (of_kernel.by_kernel, of_kernel.by_oom_killer) == (True, False)


@pytest.mark.parametrize(
    ("line", "name", "sender"),
    [
        (KILLED.replace(b"bash-17570", b"a b-1 [000] d-17570"), "a b-1 [000] d", 17570),
        (KILLED.replace(b"bash-17570", b"x-1 [0] d 1.2: -17570"), "x-1 [0] d 1.2: ", 17570),
        (KILLED.replace(b"bash-17570", b"\xff\x1b[2J-17570"), "\ufffd\x1b[2J", 17570),
        (KILLED.replace(b"comm=sleep", b"comm= pid=7 grp=1 r"), "bash", 17570),
        (KILLED.replace(b"comm=sleep", b"comm=a\nb"), "bash", 17570),
        (KILLED.replace(b"comm=sleep", b"comm="), "bash", 17570),
    ],
)
def test_a_name_misleads_nobody(line: bytes, name: str, sender: int) -> None:
    """Fifteen bytes of the process's own choice stand where the kernel's words are looked for."""
    ((target, sent),) = parse(line)
    assert (target, sent.thread, sent.name) == (17591, sender, name)


@given(st.binary(max_size=400))
def test_no_trace_breaks_it(text: bytes) -> None:
    """Whatever its bytes are: half a line too."""
    assert len(parse(KILLED + text)) >= 1


KILL = Sender(17593, "kill", "")
Tracing = Callable[[bytes], SentSignals]


@pytest.fixture
def tracing() -> Iterator[Tracing]:
    ends: list[int] = []

    def trace(text: bytes) -> SentSignals:
        reader, writer = os.pipe2(os.O_NONBLOCK)
        os.write(writer, text)
        ends.extend((reader, writer))
        return SentSignals(reader)

    yield trace
    for end in ends:
        os.close(end)


def test_the_last_signal_to_those_who_are_asked_about(tracing: Tracing, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others' are forgotten; so is one to whoever had the PID before."""
    monkeypatch.setattr(time, "monotonic", lambda: 15360.0)
    sent = tracing(KILLED + ASKED + ASKED.replace(b"sig=15", b"sig=9"))
    sent.only([17592])
    last = sent.last(17592, 60.0)
    assert last is not None
    assert last.signal == 9
    assert sent.last(17592, 4.0) is None
    assert sent.last(17591, 60.0) is None


@pytest.mark.parametrize(
    ("ending", "number", "now", "told"),
    [
        (Ending(exit_code=3), 15, 15360.0, Ending(exit_code=3, sent=15, sender=KILL)),
        (Ending(exit_code=3), 15, 15600.0, Ending(exit_code=3)),
        (Ending(exit_code=3), 1, 15360.0, Ending(exit_code=3)),  # SIGHUP: a reload
        (Ending(exit_code=3), 9, 15360.0, Ending(exit_code=3)),
        (Ending(signal=9), 9, 15600.0, Ending(signal=9, sender=KILL)),
        (Ending(signal=11), 15, 15360.0, Ending(signal=11)),
        (Ending(), 15, 15360.0, Ending(sent=15, sender=KILL)),
        (Ending(), 9, 15360.0, Ending(signal=9, sender=KILL)),
        (Ending(), 1, 15360.0, None),
    ],
)
def test_a_signal_is_told_that_led_to_the_end(
    tracing: Tracing, monkeypatch: pytest.MonkeyPatch, ending: Ending, number: int, now: float, told: Ending | None
) -> None:
    """The one that ended it, however long that took, or SIGTERM just before it ended by itself; no other."""
    monkeypatch.setattr(time, "monotonic", lambda: now)
    sent = tracing(ASKED.replace(b"sig=15", f"sig={number}".encode()))
    pidfds = Pidfds(select.poll(), Paths("/nowhere"), Tellers(None, sent))
    sent.only([17592])
    assert pidfds._by(ProcKey("boot", 17592, 0), ending) == told


def of_process(proc: Path, pid: int, ppid: int, uid: int, login: int = 4294967295, environ: bytes = b"") -> None:
    (proc / f"{pid}").mkdir()
    (proc / f"{pid}" / "status").write_text(f"Name:\tx\nTgid:\t{pid}\nPPid:\t{ppid}\nUid:\t{uid}\t0\t0\t0\n")
    (proc / f"{pid}" / "loginuid").write_text(str(login))
    (proc / f"{pid}" / "environ").write_bytes(environ)
    (proc / f"{pid}" / "comm").write_text("bash\n")


def test_a_sender_is_known_by_its_user_its_login_and_where_it_came_from(tmp_path: Path) -> None:
    """sudo's shell has no SSH_CONNECTION: the one above it has. A user that no file knows is a number."""
    users = tmp_path / "passwd"
    users.write_text("root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/bash\n")
    connection = b"A=b\0SSH_CONNECTION=198.51.100.7 50000 203.0.113.1 22\0"
    of_process(tmp_path, 30, 1, 1000, 1000, connection)
    of_process(tmp_path, 31, 30, 0, 1000, b"SUDO_USER=ann\0")
    of_process(tmp_path, 32, 1, 4242, environ=b"XSSH_CONNECTION=192.0.2.1 1 2 3\0SSH_CONNECTION=\x1b[2J 1\0")
    paths = Paths(str(tmp_path))
    assert who(paths, 31, "bash", str(users)) == Someone(31, "bash", "root", "ann", "198.51.100.7", True)
    assert who(paths, 30, "<...>", str(users)) == Someone(30, "bash", "ann", "", "198.51.100.7", True)
    assert who(paths, 32, "x", str(users)) == Someone(32, "x", "user 4242", "", "", False)
    assert who(paths, 99, "kill", str(users)) == Someone(99, "kill", "", "", "", False)
    (tmp_path / "32" / "cgroup").write_text("0::/user.slice/user-0.slice/session-7.scope\n")
    (tmp_path / "7").write_text("UID=0\nREMOTE=1\nREMOTE_HOST=203.0.113.9\nSERVICE=sshd\n")
    assert who(paths, 32, "x", str(users), str(tmp_path))[-2:] == ("203.0.113.9", False)


@pytest.mark.parametrize(
    "group",
    [
        "/user.slice/user-1000.slice/user@1000.service/session-7.scope",
        "/user.slice/user-1000.slice/user@1000.service/user.slice/user-0.slice/session-7.scope",
        "/user.slice/user-1000.slice/session-7.scope",  # another one's by now
        "/docker/x/user.slice/user-0.slice/session-7.scope",
    ],
)
def test_nobody_comes_from_another_ones_login(tmp_path: Path, group: str) -> None:
    """A user makes groups of any name below a manager of its own."""
    (tmp_path / "32").mkdir()
    (tmp_path / "32" / "status").write_text("Tgid:\t32\nPPid:\t1\nUid:\t1000\t1000\t1000\t1000\n")
    (tmp_path / "32" / "cgroup").write_text(f"0::{group}\n1:name=systemd:{group}\n")
    (tmp_path / "7").write_text("UID=0\nREMOTE=1\nREMOTE_HOST=203.0.113.9\nSERVICE=sshd\n")
    assert who(Paths(str(tmp_path), ""), 32, "x", str(tmp_path / "none"), str(tmp_path)).ssh == ""
