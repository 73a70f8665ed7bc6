"""The whole watch, for real: a process of its own, real spinners, real signals, a real store."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.ends_are_told import ENDS_ARE_TOLD

from runaway_watchdog.model.events import Ending
from runaway_watchdog.store import outbox, queries
from runaway_watchdog.store.database import StoreUnavailable, connect
from runaway_watchdog.store.liveness import Liveness, last_liveness

TESTS = Path(__file__).parent.parent
RUN = """
import os, sys
from runaway_watchdog.watch.children import Modules
from runaway_watchdog.watch.log import Log
from runaway_watchdog.watch.start import Arguments, watch
stand_in = Modules(*("live.stand_in_case",) * 3)
sys.exit(watch(Arguments(int(sys.argv[1]), tuple(sys.argv[2:]), stand_in, retry_s=0.5), Log(2, "")))
"""
RULE: dict[str, Any] = {
    "name": "sustained-cpu",
    "kind": "cpu",
    "cpu": 20,
    "for_s": 1.5,
    "times": 5,
    "severity": "warning",
    "by_harm": False,
    "push": True,
    "only": {},
}
BURN = """
import os, sys, time
if os.geteuid() == 0:
    os.nice(-10)  # it has its core, however busy the machine is with others
end = time.monotonic() + 120
while time.monotonic() < end:
    pass
"""


def compiled(state: Path, **rule: object) -> dict[str, Any]:
    return {
        "interval_s": 0.2,
        "rules": [RULE | rule],
        "alerts": {"urls": [], "channels": ["terminal"], "remind_after_s": 3600.0},
        "store": {"path": str(state / "watchdog.db"), "keep_s": 7776000.0},
        "sources": [],
    }


class Watch:
    """One watch under test."""

    def __init__(self, state: Path, *arguments: str, content: str | None = None) -> None:
        self.state = state
        self.log = state / f"log-{time.monotonic_ns()}"
        fd = os.memfd_create("configuration")
        os.write(fd, (json.dumps(compiled(state)) if content is None else content).encode())
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", RUN, str(fd), *arguments],
                pass_fds=(fd,), stderr=log, env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])},
            )  # fmt: skip
        os.close(fd)

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(20)

    def says(self, *words: str) -> bool:
        return any(all(word in line for word in words) for line in self.log.read_text().splitlines())

    def wait(self, true: Callable[[], object], seconds: float = 90.0) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def asked(self) -> list[dict[str, Any]]:
        notes = self.state / "asked"
        return [json.loads(line) for line in notes.read_text().splitlines()] if notes.exists() else []

    def requested(self, kind: str, **wanted: object) -> dict[str, Any] | None:
        """The first that a case got; this machine may have other runaways."""
        requests = (one for each in self.asked() if each["stdin"] for one in json.loads(each["stdin"]))
        return next((each for each in requests if each["kind"] == kind and wanted.items() <= each.items()), None)


@pytest.fixture
def watches(tmp_path: Path) -> Iterator[Callable[..., Watch]]:
    started: list[Watch] = []

    def start(*arguments: str, content: str | None = None) -> Watch:
        started.append(Watch(tmp_path, *arguments, content=content))
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def spin() -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts a burner: one program, so that all of them are the same work."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, "-c", BURN]))
        return started[-1]

    yield start
    for each in started:
        each.kill()
        each.wait()


def stored(state: Path, pid: int) -> queries.StoredProcess | None:
    try:
        with closing(connect(state / "watchdog.db", readonly=True)) as store:
            return next(iter(queries.processes_by_pid(store, pid)), None)
    except StoreUnavailable:
        return None


def test_a_runaway_is_found_and_its_return_is_seen(
    watches: Callable[..., Watch], spin: Callable[[], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """Suspect, incident, exact death, return with its delay, resolution, a case for each; a clean stop at the end."""
    watch = watches()
    first = spin()
    watch.wait(lambda: watch.requested("opened", pid=first.pid))
    opened = watch.requested("opened", pid=first.pid)
    assert opened is not None
    died = time.time()
    first.kill()
    first.wait()
    second = spin()
    watch.wait(lambda: watch.says("came-back", f"pid={second.pid}", f"after_pid={first.pid}"))
    watch.wait(lambda: (found := stored(tmp_path, second.pid)) and found.predecessor_pid == first.pid)
    old, new = stored(tmp_path, first.pid), stored(tmp_path, second.pid)
    assert old is not None
    assert new is not None
    assert old.death_exact
    assert old.died_at is not None
    assert died <= old.died_at < died + 0.5
    assert new.return_delay_s is not None
    assert 0 <= new.return_delay_s < 5
    second.kill()
    second.wait()
    watch.wait(lambda: watch.requested("resolved", incident_id=opened["incident_id"]))
    assert watch.stop() == 0
    assert watch.says("stopped")

    with closing(connect(tmp_path / "watchdog.db", readonly=True)) as store:
        history = queries.lineage_history(store, old.lineage_id)
        incident = queries.incident(store, opened["incident_id"])
        liveness = last_liveness(store)
    assert incident is not None
    assert history.returns_seen == 1
    assert set(history.pids) == {first.pid, second.pid}
    endings = {death.pid: death.ending for death in history.deaths}
    assert endings[first.pid] == Ending(signal=signal.SIGKILL) or not ENDS_ARE_TOLD
    assert (incident.pid, incident.state, incident.lineage_id) == (first.pid, "resolved", old.lineage_id)
    assert liveness is not None
    assert liveness.pid == watch.process.pid
    assert opened["lineage"] == incident.lineage_key


def test_what_no_case_can_explain_goes_out_all_the_same(
    watches: Callable[..., Watch], spin: Callable[[], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """Three failed cases, then an alert with what is known is in the outbox, and its sender is started."""
    (tmp_path / "exit").write_text("1")
    watch = watches()
    burner = spin()
    watch.wait(lambda: watch.says("case-given-up", "kind=opened", f"pid={burner.pid}"))
    watch.wait(lambda: any("--channel" in each["words"] for each in watch.asked()))
    assert watch.stop() == 0
    with closing(connect(tmp_path / "watchdog.db", readonly=True)) as store:
        rows = [row for row in outbox.due(store, time.time() + 1) if row.kind == "opened"]
    assert rows
    assert {row.channel for row in rows} == {"terminal"}
    assert any(f"runaway-watchdog explain {burner.pid}" in json.loads(row.message)["text"] for row in rows)


def test_an_incident_survives_a_restart_of_the_watch(
    watches: Callable[..., Watch], spin: Callable[[], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """It is not told a second time, and is resolved by the next watch once the process is gone."""
    watch, burner = watches(), spin()
    watch.wait(lambda: watch.says("runaway", f"PID {burner.pid}"))
    assert watch.stop(signal.SIGINT) == 0
    again = watches()
    again.wait(lambda: again.says("resumed"))
    burner.kill()
    burner.wait()
    again.wait(lambda: again.says("resolved", f"pid={burner.pid}"))
    assert not again.says("runaway", f"PID {burner.pid}")
    assert again.stop() == 0


def test_a_heartbeat_that_does_not_arrive_is_on_record(watches: Callable[..., Watch], tmp_path: Path) -> None:
    """`status` and `doctor` read it there: the outside service says that this host is dead, and it is not."""
    content = compiled(tmp_path)
    content["alerts"]["heartbeat_url"] = "http://127.0.0.1:9/"  # nobody listens on discard
    since = time.time()
    watch = watches(content=json.dumps(content))
    watch.wait(lambda: (last := left_liveness(tmp_path)) and last.heartbeat_failed_at)
    last = left_liveness(tmp_path)
    assert last is not None and last.heartbeat_failed_at is not None
    assert since <= last.heartbeat_failed_at <= time.time()
    assert watch.says("heartbeat-failed", "alerts.heartbeat_url")


def left_liveness(state: Path) -> Liveness | None:
    try:
        with closing(connect(state / "watchdog.db", readonly=True)) as store:
            return last_liveness(store)
    except StoreUnavailable:
        return None


def test_a_store_has_one_watch(watches: Callable[..., Watch]) -> None:
    """The second one says so and ends."""
    first = watches()
    first.wait(lambda: first.says("watching"))
    second = watches()
    assert second.process.wait(20) == 1
    assert second.says("cannot-start", "another watch is running")
    assert first.stop() == 0


def test_a_reload_takes_the_new_configuration_or_keeps_the_old_one(
    watches: Callable[..., Watch], tmp_path: Path
) -> None:
    """Broken or unreadable: the watch goes on as before."""
    source = tmp_path / "config.json"
    link = tmp_path / "current.json"
    source.write_text(json.dumps(compiled(tmp_path, cpu=30)))
    watch = watches("--config", str(source))
    watch.wait(lambda: watch.says("watching"))
    watch.process.send_signal(signal.SIGHUP)
    watch.wait(lambda: watch.says("event=reloaded", "rules=1"))
    source.write_text("{}")
    watch.process.send_signal(signal.SIGHUP)
    watch.wait(lambda: watch.says("reload-failed", "kept="))
    assert not link.exists()
    assert watch.stop() == 0


@pytest.mark.parametrize("content", ["", "{}", '{"interval_s": "mailto://u:hunter2@x"}'])
def test_a_broken_handover_is_exit_code_2(watches: Callable[..., Watch], content: str) -> None:
    """With a sentence, and without a secret or a traceback."""
    watch = watches(content=content)
    assert watch.process.wait(20) == 2
    text = watch.log.read_text()
    assert "no-configuration" in text
    assert "hunter2" not in text
    assert "Traceback" not in text


def test_a_store_that_cannot_be_there_is_exit_code_1(watches: Callable[..., Watch], tmp_path: Path) -> None:
    """The path leads through a file."""
    (tmp_path / "file").write_text("")
    content = json.dumps(compiled(tmp_path) | {"store": {"path": str(tmp_path / "file" / "x.db"), "keep_s": 1e6}})
    watch = watches(content=content)
    assert watch.process.wait(20) == 1
    assert watch.says("cannot-start", "mend=")


@pytest.mark.parametrize("words", [[], ["--config-fd"], ["--config-fd", "x"], ["--config-fd", "0", "--what", "1"]])
def test_a_wrong_command_line_names_the_right_one(words: list[str]) -> None:
    """Nobody starts the module by hand; who does is told what to do."""
    done = subprocess.run(
        [sys.executable, "-m", "runaway_watchdog.watch", *words],
        check=False, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 1
    assert "runaway-watchdog run" in done.stderr
