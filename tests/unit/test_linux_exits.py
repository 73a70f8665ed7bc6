"""How processes ended, as the kernel's process connector tells it: messages that it wrote, and others."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from runaway_watchdog.linux import exits, pidfd_info, sent_signals
from runaway_watchdog.linux.files import Paths
from runaway_watchdog.model.events import Ending

# Linux 6.18, x86_64: ended by SIGKILL, with 1, with 0; a thread, and the process that it was in; fork and exec.
KILLED, FAILED, WELL, THREAD, FIRST, FORK, EXEC = (
    bytes.fromhex(text)
    for text in (
        "4c000000030000007838010000000000010000000100000078380100000000002800000000000080010000000bb374b8520c0000"
        "f72b0000f72b00000900000011000000e22b0000e22b0000",
        "4c00000003000000a8420100000000000100000001000000a842010000000000280000000000008000000000c4529ab8520c0000"
        "fe2b0000fe2b00000001000011000000e22b0000e22b0000",
        "4c000000030000007f3801000000000001000000010000007f3801000000000028000000000000800100000075bfa3b8520c0000"
        "002c0000002c00000000000011000000e22b0000e22b0000",
        "4c000000030000008b3801000000000001000000010000008b380100000000002800000000000080010000006275ebb9520c0000"
        "062c0000032c000000000000ffffffff0000000000000000",
        "4c00000003000000c1380100000000000100000001000000c138010000000000280000000000008001000000b91c2ec0520c0000"
        "032c0000032c00000000000011000000e22b0000e22b0000",
        "4c00000003000000c4380100000000000100000001000000c438010000000000280000000100000001000000f3da39c0520c0000"
        "e22b0000e22b00002c2c00002c2c00000000000000000000",
        "4c00000003000000c7380100000000000100000001000000c7380100000000002800000002000000010000000b1050c0520c0000"
        "2d2c00002d2c000000000000000000000000000000000000",
    )
)


class Connector:
    """A socket in which these messages wait."""

    def __init__(self, *waiting: bytes | type[OSError], sender: int = 0) -> None:
        self.waiting = list(waiting)
        self.sender = sender
        self.sent: list[bytes] = []
        self.programs: list[bytes] = []

    def recvfrom(self, size: int) -> tuple[bytes, tuple[int, int]]:
        if not self.waiting:
            raise BlockingIOError
        first = self.waiting.pop(0)
        if isinstance(first, bytes):
            return first[:size], (self.sender, 1)
        raise first

    def send(self, message: bytes) -> None:
        self.sent.append(message)

    def setsockopt(self, *_: object) -> None:
        self.programs.append(b"")


Listening = Callable[..., exits.Exits]


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Listening:
    def listen(*waiting: bytes | type[OSError], sender: int = 0) -> exits.Exits:
        connector = Connector(*waiting, sender=sender)
        monkeypatch.setattr(exits, "has_the_hosts_pids", lambda: True)
        monkeypatch.setattr("_socket.socket", lambda *_, **__: connector)
        for done in ("bind", "setblocking"):
            monkeypatch.setattr(Connector, done, lambda *_: None, raising=False)
        found = exits.listen()
        assert found is not None
        found.only([0x2BF7, 0x2BFE, 0x2C00, 0x2C03])
        return found

    return listen


def passes(program: bytes, message: bytes) -> bool:
    """What the kernel does with a classic BPF program (bpf(4), linux/filter.h)."""
    instructions = list(struct.iter_unpack("=HBBI", program))
    accumulator = index = place = 0
    while True:
        code, if_true, if_false, constant = instructions[place]
        place += 1
        if code == 0x20:
            if constant + 4 > len(message):
                return False
            (accumulator,) = struct.unpack_from(">I", message, constant)
        elif code == 0x07:
            index = accumulator
        elif code in (0x15, 0x1D):
            place += if_true if accumulator == (constant if code == 0x15 else index) else if_false
        else:
            assert code == 0x06
            return bool(constant)


@pytest.mark.parametrize(
    ("message", "end"),
    [
        (KILLED, (0x2BF7, 9, 13549421507339)),
        (FAILED, (0x2BFE, 256, 13549423973060)),
        (WELL, (0x2C00, 0, 13549424590709)),
        (THREAD, (0x2C03, 0, 13549446067554)),
        (FORK, None),
        (EXEC, None),
        (KILLED[:67], None),
        (KILLED[:16] + b"\x02" + KILLED[17:], None),
        (b"", None),
    ],
)
def test_an_end_is_read_and_nothing_else_is(message: bytes, end: tuple[int, int, int] | None) -> None:
    """Its process, its status and its moment; not a fork, half a message, or another connector's."""
    assert exits.parse(message) == end


@given(st.binary(max_size=100))
def test_no_message_breaks_it(message: bytes) -> None:
    """Whatever its bytes are."""
    end = exits.parse(message)
    assert end is None or len(message) >= 68


@pytest.mark.parametrize("crowd", [0, 1, 100, exits.MOST_PIDS - 4])
def test_the_kernel_lets_pass_whom_is_asked_about(crowd: int) -> None:
    """However many they are; of a process not the threads that come and go, but one that a signal ends."""
    program = exits.program([*range(100_000, 100_000 + crowd), 0x2BF7, 0x2BFE, 0x2C00, 0x2C03])
    assert all(passes(program, each) for each in (KILLED, FAILED, WELL, FIRST))
    assert not any(passes(program, each) for each in (THREAD, FORK, EXEC, KILLED[:56], b""))
    assert passes(program, THREAD[:60] + KILLED[60:64] + THREAD[64:])
    others = exits.program([*range(100_000, 100_000 + crowd), 0x2BF8])
    assert not any(passes(others, each) for each in (KILLED, FAILED, WELL, FIRST))


def test_the_end_is_known_to_whoever_asks_and_as_often(listening: Listening) -> None:
    """Of those that end together each; of who was let go nothing."""
    found = listening(KILLED, FORK, FAILED)
    failed = found.of(0x2BFE)
    killed = found.of(0x2BF7)
    assert (failed and failed.status, killed and killed.status, found.of(0x2C00)) == (256, 9, None)
    found.only([0x2BFE])
    assert found.of(0x2BF7) is None


def test_the_last_word_counts(listening: Listening) -> None:
    """A first thread that ended with 0 long before its process was killed."""
    end = listening(FIRST, THREAD[:60] + KILLED[60:64] + THREAD[64:]).of(0x2C03)
    assert end is not None
    assert end.status == 9


def test_who_is_not_the_kernel_is_not_believed(listening: Listening) -> None:
    """Another process may write to a netlink socket, where it may at all."""
    assert listening(KILLED, sender=4321).of(0x2BF7) is None


def test_a_container_hears_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The kernel speaks of the host's numbers, and in a container another process has the same one."""
    for module in (exits, sent_signals):
        monkeypatch.setattr(module, "has_the_hosts_pids", lambda: False)
    assert exits.listen() is None
    with pytest.raises(OSError, match="not in a container"):
        sent_signals.set_up(str(tmp_path / "instance"))
    assert list(tmp_path.iterdir()) == []


def test_where_the_kernel_dropped_some_nothing_is_believed(listening: Listening) -> None:
    """What came before the gap may not be the last word."""
    assert listening(OSError, KILLED).of(0x2BF7) is None


@pytest.mark.parametrize(
    ("status", "ending"),
    [
        (9, Ending(signal=9)),
        (0x8B, Ending(signal=11)),  # with a core file
        (256, Ending(exit_code=1)),
        (0, Ending(exit_code=0)),
    ],
)
def test_a_status_is_a_signal_or_an_exit_code(status: int, ending: Ending) -> None:
    """As waitpid(2) has it; and it comes back from JSON as it was."""
    assert Ending.of(status) == ending
    assert Ending.from_json({"pid": 1, "exact": True, **ending.to_json()}) == ending


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("7 (a) Z) Z " + "0 " * 48 + "9", 9),
        ("7 (a) S " + "0 " * 48 + "9", None),  # it lives: the number is of another time
        ("7 (a) Z " + "0 " * 48 + "0", None),  # ended well, or not ours to know
        ("7 (a) Z " + "0 " * 48 + "nine", None),
        ("7 (a) Z 0", None),
        ("", None),
    ],
)
def test_a_zombie_says_how_it_ended(line: str, status: int | None, tmp_path: Path) -> None:
    """Where the kernel says nothing by the pidfd, which here is none."""
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_text(line)
    with open(os.devnull, "rb") as none:
        assert pidfd_info.status(Paths(str(tmp_path)), none.fileno(), 7) == status
        assert pidfd_info.status(Paths(str(tmp_path)), none.fileno(), 8) is None
