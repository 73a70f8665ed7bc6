"""Paths that others choose: what is no regular file is not opened, and a link in the state folder leads nowhere."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from runaway_watchdog.world.filesystem import MAX_READ, LiveFiles


@pytest.fixture(autouse=True)
def impatient() -> Iterator[None]:
    """What would wait for ever is a failure."""

    def late(*_: object) -> None:
        raise AssertionError("it waits")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def test_a_pipe_is_not_read(tmp_path: Path) -> None:
    """Nobody writes into it: who opens it waits until somebody does."""
    os.mkfifo(tmp_path / "compose.yml")
    (tmp_path / "link").symlink_to(tmp_path / "compose.yml")
    for name in ("compose.yml", "link"):
        with pytest.raises(OSError, match="not a regular file") as refused:
            LiveFiles().read(str(tmp_path / name))
        assert refused.value.filename == str(tmp_path / name)


def test_a_device_is_not_even_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """/dev/watchdog would reset the host a minute after it was opened; a descriptor of O_PATH opens no device."""
    asked: list[tuple[str, int]] = []
    really = os.open

    def watched(path: str, flags: int, *more: int) -> int:
        asked.append((path, flags))
        return really(path, flags, *more)

    (tmp_path / "link").symlink_to("/dev/null")
    monkeypatch.setattr(os, "open", watched)
    for path in ("/dev/null", str(tmp_path / "link")):
        with pytest.raises(OSError, match="not a regular file"):
            LiveFiles().read(path)
    assert [path for path, _ in asked] == ["/dev/null", str(tmp_path / "link")]
    assert all(flags & os.O_PATH for _, flags in asked)


def test_sockets_and_folders_are_refused(tmp_path: Path) -> None:
    """With an error that names the path, as for a file that is not there."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        for path in (tmp_path / "socket", tmp_path, tmp_path / "absent"):
            with pytest.raises(OSError) as refused:
                LiveFiles().read(str(path))
            assert refused.value.filename == str(path)


def test_files_and_what_the_kernel_writes_are_read(tmp_path: Path) -> None:
    """Text that is no UTF-8 too, up to the limit; and through a link."""
    (tmp_path / "file").write_bytes(b"a\xff" + b"x" * 2 * MAX_READ)
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for name in ("file", "link"):
        text = LiveFiles().read(str(tmp_path / name))
        assert (text[:3], len(text)) == ("a\udcffx", MAX_READ)
    assert LiveFiles().read("/proc/self/stat").startswith(f"{os.getpid()} ")
    assert LiveFiles().read(f"/proc/{os.getpid()}/stat").startswith(f"{os.getpid()} ")
    assert LiveFiles().read("/proc/loadavg")
