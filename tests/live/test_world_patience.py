"""How long a source is waited for on a host that is late."""

import builtins
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import StringIO
from pathlib import Path
from signal import SIGALRM
from typing import Any

import pytest
from hypothesis import given, strategies as st

from runaway_watchdog import programs
from runaway_watchdog.world import LIMIT_S, Unanswered, patience
from runaway_watchdog.world.clients import LiveClients
from runaway_watchdog.world.docker import LiveEngine
from runaway_watchdog.world.journal import LiveJournal
from runaway_watchdog.world.podman import LivePodman
from runaway_watchdog.world.systemd import LiveManager
from runaway_watchdog.world.user_manager import LiveUserManagers


@pytest.mark.parametrize(
    ("load", "cpus", "limit"),
    [
        ("0.10 0.20 0.30 1/200 4711", 2, 2),
        ("2.00 2.00 2.00 2/200 4711", 2, 2),  # every CPU is busy, and nobody waits
        ("3.00 2.00 2.00 1/200 4711", 2, 3),
        ("3.10 2.00 2.00 1/200 4711", 2, 4),  # rounded up: an alarm counts in whole seconds
        ("0.50 0.20 0.30 6/200 4711", 2, 6),  # the crowd came just now, before the mean tells
        ("18.00 9.00 4.00 19/200 4711", 2, 8),
        ("18.00 9.00 4.00 19/200 4711", 32, 2),
    ],
)
def test_the_limit_grows_with_the_tasks_for_each_cpu(load: str, cpus: int, limit: int) -> None:
    """Twice as many tasks as CPUs take twice as long."""
    assert patience.stretched(2, load, cpus) == limit


@pytest.mark.parametrize(("started_s", "limit"), [(0.08, 2), (0.3, 4), (1.5, 8)])
def test_the_limit_grows_where_our_own_start_was_slow(started_s: float, limit: int) -> None:
    """A slow machine is slow for everybody, also where nobody else wants to run."""
    assert patience.stretched(2, "0.10 0.20 0.30 1/200 4711", 2, started_s) == limit
    assert patience.stretched(2, "", 2, started_s) == limit


@given(st.text() | st.tuples(st.floats(), st.integers()).map(lambda each: f"{each[0]} 0 0 {each[1]}/1 1"))
def test_the_limit_is_bounded_whatever_the_kernel_says(load: str) -> None:
    """It is never less than usual and never more than the bound."""
    assert 5 <= patience.stretched(5, load, 2) <= patience.MOST_S


def test_the_host_is_looked_at_for_each_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that is crowded now, as /proc/loadavg tells it, gets more time."""
    monkeypatch.setattr(patience, "_STARTED_S", 0.08)
    monkeypatch.setattr(builtins, "open", lambda *_, **__: StringIO(f"{6 * (os.cpu_count() or 1)}.0 1 1 1/9 9"))
    assert patience.limit_s() == patience.MOST_S
    monkeypatch.setattr(builtins, "open", lambda *_, **__: StringIO("0.0 1 1 1/9 9"))
    assert patience.limit_s() == LIMIT_S


def test_a_host_that_does_not_tell_its_load_gets_the_usual_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without /proc/loadavg nothing is stretched."""
    monkeypatch.setattr(patience, "_STARTED_S", 0.08)

    def hidden(*_: Any, **__: Any) -> Any:
        raise PermissionError

    monkeypatch.setattr(builtins, "open", hidden)
    assert patience.limit_s(5) == 5


def _podman() -> object:
    return LivePodman({"HOME": "/root"}).version()


def _compose() -> object:
    return LiveClients().compose_version("docker compose")


def _users_manager() -> object:
    return LiveUserManagers().unit(1000, "a.service")


def _journal() -> object:
    return LiveJournal().entries(["_PID=1"], 1)


def _calendar() -> object:
    return LiveManager().next_elapse("daily")


@pytest.mark.parametrize("ask", [_podman, _compose, _users_manager, _journal, _calendar])
def test_each_program_is_given_the_hosts_time(ask: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its alarm is set to the stretched limit, and the gap tells that one."""
    given: list[int] = []

    def run(argv: Sequence[str], *, seconds: int, **_: Any) -> subprocess.CompletedProcess[str]:
        given.append(seconds)
        return subprocess.CompletedProcess(list(argv), -SIGALRM, "", "")

    monkeypatch.setattr(programs, "run", run)
    monkeypatch.setattr(patience, "limit_s", lambda usual_s=2: usual_s + 5)
    with pytest.raises(Unanswered) as raised:
        ask()
    assert given in ([7], [10])
    assert f"did not answer within {given[0]} s" in raised.value.gap.problem


@pytest.mark.parametrize(("limit_s", "late"), [(1, True), (4, False)])
def test_a_late_engine_is_heard_where_the_host_is_late(
    limit_s: int, late: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same engine, 1.5 s late each time: a gap on a host at rest, an answer where all are late."""
    monkeypatch.setattr(patience, "limit_s", lambda: limit_s)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "docker.sock"))
        server.listen()

        def answer() -> None:
            with suppress(OSError), server.accept()[0] as connection:
                time.sleep(1.5)
                connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"ApiVersion":"1.45"}')

        serving = threading.Thread(target=answer)
        serving.start()
        engine = LiveEngine({"DOCKER_HOST": f"unix://{tmp_path}/docker.sock"})
        if late:
            with pytest.raises(Unanswered, match=r"within 1 s"):
                engine.version()
        else:
            assert engine.version() == {"ApiVersion": "1.45"}
        serving.join()


def test_a_silent_bus_is_waited_for_as_long_as_the_host_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The greeting counts too: the D-Bus library by itself would wait one second for it."""
    monkeypatch.setattr(patience, "limit_s", lambda: 2)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "bus"))
        server.listen()
        begun = time.monotonic()
        with pytest.raises(Unanswered, match=r"within 2 s"):
            LiveManager(f"unix:path={tmp_path}/bus").unit("a.service")
    assert time.monotonic() - begun > 1.9
