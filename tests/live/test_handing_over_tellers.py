"""What the watch may not open itself, and is given by systemd."""

import os
import socket
from pathlib import Path

import pytest

from runaway_watchdog.cli import handing_over
from runaway_watchdog.linux import exits, sent_signals


@pytest.mark.parametrize(("senders", "kept"), [(True, b"FDNAME=sent-signals"), (False, b"")])
def test_the_trace_is_switched_on_for_who_wants_it_alone(
    senders: bool, kept: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And off for everybody else, at each start."""
    done: list[str] = []

    def set_up() -> int:
        done.append("on")
        return os.open(os.devnull, os.O_RDONLY)

    monkeypatch.setattr(sent_signals, "remove", lambda: done.append("off"))
    monkeypatch.setattr(sent_signals, "set_up", set_up)
    monkeypatch.setattr(exits, "listen", lambda: None)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.delenv("MAINPID", raising=False)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        handing_over.hand_over_tellers(senders=senders, host_network=str(tmp_path / "none"))
        assert done == (["off", "on"] if senders else ["off"])
        if not kept:
            with pytest.raises(BlockingIOError):
                systemd.recv(100)
            return
        told, fds, _, _ = socket.recv_fds(systemd, 100, 2)
        assert kept in told
        assert len(fds) == 1
        os.close(fds[0])


def test_a_trace_that_cannot_be_had_is_told_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A kernel without it, or one that is locked down: the service starts all the same."""
    monkeypatch.setattr(sent_signals, "set_up", lambda: os.open(tmp_path / "none", os.O_RDONLY))
    monkeypatch.setattr(sent_signals, "remove", lambda: None)
    monkeypatch.setattr(exits, "listen", lambda: None)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.delenv("MAINPID", raising=False)
    handing_over.hand_over_tellers(senders=True, host_network=str(tmp_path / "none"))
    assert "senders" in capsys.readouterr().err
