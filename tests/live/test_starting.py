"""The two ways of starting what is short-lived: as a child, and by a unit that is asked over a socket."""

import errno
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from runaway_watchdog import cli, starting
from runaway_watchdog.cli.handing_over import hand_over
from runaway_watchdog.starting import CASE, HEARTBEAT, SENDER, Children, Request, Started, Units
from runaway_watchdog.store import outbox
from runaway_watchdog.store.database import connect
from runaway_watchdog.watch.children import Children as Watched, Modules

SECRET = "json://user:of-the-channel@127.0.0.1:9/"
HEARTBEAT_SECRET = "https://hc.example/of-the-heartbeat"


def compiled(state: Path, heartbeat: str | None = None) -> dict[str, Any]:
    """As much of a compiled configuration as a sender reads, with a channel."""
    alerts = {"urls": [SECRET], "channels": ["json(127.0.0.1)"], "remind_after_s": 3600.0, "heartbeat_url": heartbeat}
    more = {"quiet": None, "per_hour": 12, "per_hour_in_all": 60, "digest_minute": None}
    rules: list[object] = []
    return {"rules": rules, "alerts": {**alerts, **more}, "store": {"path": str(state / "watchdog.db"), "keep_s": 1e6}}


class Systemd:
    """Listens as the sockets of both units do, and starts a process for each connection, with a credential."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.credentials = folder / "credentials"
        self.credentials.mkdir()
        self.started: list[subprocess.Popen[bytes]] = []
        self._doors = [self._listen(unit) for unit in starting.ANSWERS]

    def _listen(self, unit: str) -> socket.socket:
        door = socket.socket(socket.AF_UNIX)
        door.bind(str(self.folder / f"{unit}.sock"))
        door.listen(4)
        threading.Thread(target=self._serve, args=(door, unit), daemon=True).start()
        return door

    def _serve(self, door: socket.socket, unit: str) -> None:
        environment = {**os.environ, "CREDENTIALS_DIRECTORY": str(self.credentials)}
        words = [sys.executable, "-m", "runaway_watchdog", "run", "--answer", unit]
        with suppress(OSError):
            while True:
                connection, _ = door.accept()
                with connection:
                    self.started.append(subprocess.Popen(words, stdin=connection.fileno(), env=environment))

    def close(self) -> None:
        for door in self._doors:
            with suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)
            door.close()
        for process in self.started:
            process.kill()
            process.wait()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    with closing(Systemd(tmp_path)) as stand_in:
        configuration = json.dumps(compiled(tmp_path))
        (stand_in.credentials / starting.CREDENTIAL).write_text(configuration)
        yield stand_in


def code_of(started: Started) -> int:
    """Its descriptor wakes whoever polls it."""
    poll = select.poll()
    assert started.fd is not None
    poll.register(started.fd, select.POLLIN)
    while (code := started.poll()) is None:
        assert poll.poll(30_000)
    started.close()
    return code


def ask(folder: Path, module: str, *arguments: str, stdin: bytes = b"") -> int:
    return code_of(Units(str(folder)).start(module, arguments, seconds=30, stdin=stdin, config_fd=-1))


def test_a_sender_is_asked_for_and_tells_how_it_ended(systemd: Systemd, tmp_path: Path) -> None:
    """It finds the channel's URL in its own credential, and what is due in the store: nobody hands it over."""
    with closing(connect(tmp_path / "watchdog.db")) as store:
        outbox.enqueue(store, None, "opened", "json(127.0.0.1)", "{}", 1e9)
    assert ask(tmp_path, SENDER, "--channel", "json(127.0.0.1)") == 0
    with closing(connect(tmp_path / "watchdog.db")) as store:
        (error,) = store.execute("SELECT last_error FROM outbox").fetchone()
    assert "not a message" in error
    assert ask(tmp_path, HEARTBEAT) == 1, "there is no address to fetch"


def test_a_unit_does_its_own_work_alone(systemd: Systemd, tmp_path: Path) -> None:
    """Whatever it is asked for; and what is no request is refused too."""
    (tmp_path / "send.sock").rename(tmp_path / "kept")
    (tmp_path / "case.sock").rename(tmp_path / "send.sock")
    assert ask(tmp_path, SENDER, "--channel", "x") == 1
    with socket.socket(socket.AF_UNIX) as door:
        door.connect(str(tmp_path / "kept"))
        door.sendall(b'{"module": 1}')
        door.shutdown(socket.SHUT_WR)
        assert door.recv(64) == b"1\n"


def test_who_is_ended_is_a_failure(tmp_path: Path) -> None:
    """The connection ends without a word; a unit's time limit, or the kernel for want of memory."""
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(tmp_path / "case.sock"))
        door.listen(1)
        started = Units(str(tmp_path)).start(CASE, (), seconds=1, stdin=b"{}", config_fd=-1)
        assert started.poll() is None
        door.accept()[0].close()
        assert code_of(started) < 0


def test_who_is_not_heard_of_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd hangs: the connection stays open, and nobody answers it."""
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(tmp_path / "case.sock"))
        door.listen(1)
        started = Units(str(tmp_path)).start(CASE, (), seconds=60, stdin=b"{}", config_fd=-1)
        now = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: now + 80)
        assert started.poll() is None
        monkeypatch.setattr(time, "monotonic", lambda: now + 100)
        assert (code := started.poll()) is not None
        assert code < 0
        started.close()


def test_nobody_waits_at_a_door(tmp_path: Path) -> None:
    """None there, one that nobody opens, one where too many stand: each is an error at once."""
    with pytest.raises(FileNotFoundError):
        ask(tmp_path, CASE)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(tmp_path / "case.sock"))
        with pytest.raises(ConnectionRefusedError):
            ask(tmp_path, CASE)
        door.listen(0)
        units, waiting = Units(str(tmp_path)), list[Started]()
        with pytest.raises(BlockingIOError):
            for _ in range(10):
                waiting.append(units.start(CASE, (), seconds=1, stdin=b"{}", config_fd=-1))
        with pytest.raises(OSError):
            units.start(CASE, (), seconds=1, stdin=b"x" * 10_000_000, config_fd=-1)
        for each in waiting:
            each.close()


def test_the_watch_does_not_mind_who_starts(systemd: Systemd, tmp_path: Path) -> None:
    """Senders run once for each channel, a reload takes what was handed over, and its absence fails it."""
    poll = select.poll()
    watched = Watched(poll, -1, starting.starter(str(tmp_path)), Modules())
    watched.start_senders(["json(127.0.0.1)"], 0.0)
    watched.start_senders(["json(127.0.0.1)"], 0.0)
    ended = watched.reap(0.0)
    while not ended.senders:
        assert poll.poll(30_000)
        ended = watched.reap(0.0)
    assert (ended.senders, len(systemd.started)) == ((("json(127.0.0.1)", 0),), 1)
    assert watched.start_reload(())
    failed = watched.reap(0.0).reload
    assert failed is not None
    assert failed[0] == 1
    os.close(failed[1])
    (tmp_path / starting.CONFIGURATION).write_text("{}")
    assert watched.start_reload(())
    taken = watched.reap(0.0).reload
    assert taken is not None
    assert (taken[0], os.pread(taken[1], 10, 0)) == (0, b"{}")
    os.close(taken[1])


def test_a_child_gets_the_configuration_by_inheritance(tmp_path: Path) -> None:
    """Where there is no unit: the same sender, the same end."""
    fd = os.memfd_create("configuration")
    os.write(fd, json.dumps(compiled(tmp_path)).encode())
    assert isinstance(starting.starter(None), Children)
    child = Children().start(SENDER, ("--channel", "json(127.0.0.1)"), seconds=30, stdin=b"", config_fd=fd)
    assert code_of(child) == 0
    os.close(fd)


def test_a_request_is_read_as_it_was_written() -> None:
    request = Request(CASE, ("--a", "ä"), '{"pid": 1}', 60)
    assert Request.from_json(request.to_json()) == request
    for wrong in (b"", b"[]", b"{}", b"\xff", b'{"module": "x", "arguments": 1, "stdin": "", "seconds": 1}'):
        with pytest.raises(ValueError):
            Request.from_json(wrong)


def test_what_is_handed_over_has_secrets_for_root_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch and its cases learn which channels there are, and that somebody waits for a heartbeat."""
    monkeypatch.setattr(os, "chown", lambda *_: None)
    folder = tmp_path / "handover"
    assert hand_over(folder, compiled(tmp_path, HEARTBEAT_SECRET)) == 0
    whole, shown = (folder / name for name in (starting.CHANNELS, starting.CONFIGURATION))
    assert [path.stat().st_mode & 0o777 for path in (whole, shown)] == [0o600, 0o640]
    assert all(secret in whole.read_text() for secret in (SECRET, HEARTBEAT_SECRET))
    assert "of-the" not in shown.read_text()
    alerts = json.loads(shown.read_text())["alerts"]
    assert (alerts["channels"], alerts["heartbeat_url"], alerts["urls"]) == (["json(127.0.0.1)"], True, [])


def test_a_faulty_configuration_is_not_handed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was handed over before stays, for a watch that goes on with it; and without any the watch does not start."""
    monkeypatch.setattr(os, "chown", lambda *_: None)
    file, folder = tmp_path / "config.toml", tmp_path / "handover"
    words = ["run", "--config", str(file), "--hand-over", str(folder)]
    file.write_text("[sampling]\ninterval = '3s'\n")
    assert cli.main(words) == 0
    before = (folder / starting.CONFIGURATION).read_text()
    file.write_text("[sampling]\nintervall = '3s'\n")
    assert cli.main(words) == 2
    assert (folder / starting.CONFIGURATION).read_text() == before
    (folder / starting.CONFIGURATION).unlink()
    assert cli.main(words) == 2
    assert cli.main(["run", "--units", str(folder)]) == 2


@pytest.mark.parametrize("left", [None, "", '{"rules": ['])
def test_what_was_not_handed_over_may_be_at_the_next_start(
    tmp_path: Path, left: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full /run, an end for want of memory: exit 1, after which systemd tries again, and the file is named."""
    if left is not None:
        (tmp_path / starting.CONFIGURATION).write_text(left)
    assert cli.main(["run", "--units", str(tmp_path)]) == 1
    assert f"{tmp_path}/{starting.CONFIGURATION}: " in capsys.readouterr().err


def test_a_failure_to_hand_over_names_what_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full disk is an error of no file."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert hand_over(tmp_path / "handover", compiled(tmp_path)) == 1
    assert f"{tmp_path}/handover: No space left" in capsys.readouterr().err
    assert cli.main(["run", "--units", str(tmp_path / "handover")]) == 1
