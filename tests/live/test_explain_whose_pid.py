"""A number is not a process: who had this PID when the watch wrote it down, and who has it now."""

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from runaway_watchdog import cli
from runaway_watchdog.model.events import Death
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.store import records
from runaway_watchdog.store.database import connect
from runaway_watchdog.store.records import IncidentRecord, LineageRecord, ProcessRecord
from runaway_watchdog.world import Unanswered

WORK = LineageRecord("/g|tesseract|00", "/g", "tesseract")


@pytest.fixture
def innocent() -> Iterator[int]:
    """A living process; its PID belonged to a runaway of an earlier boot."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process.pid
        process.kill()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(tmp_path / "watchdog.db")) as connection:
        yield connection


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "config.toml"
    file.write_text(f'[store]\npath = "{tmp_path}/watchdog.db"\n')
    file.chmod(0o600)
    return str(file)


def runaway(store: sqlite3.Connection, pid: int, *, died_at: float | None) -> None:
    """Incident 1: tesseract, under this PID, in another boot."""
    key = ProcKey("another boot", pid, 4711)
    records.put_process(store, ProcessRecord(key, WORK, json.dumps(["tesseract"]), 1_000_000.0, 1_000_005.0), 1e6 + 300)
    records.open_incident(
        store, IncidentRecord(1, WORK, "cpu", "warning", "tesseract burns", 1e6 + 300, 99.0, 300.0, pid, 4711)
    )
    if died_at is not None:
        records.put_death(store, Death(key, died_at, exact=True))


@pytest.mark.parametrize("died_at", [1e6 + 400, None])
@pytest.mark.parametrize("words", [["explain"], ["plan"], ["plan", "--script"]])
def test_an_incident_is_never_about_who_has_its_pid_now(
    store: sqlite3.Connection, config: str, innocent: int, capsys: pytest.CaptureFixture[str], words: list[str],
    died_at: float | None,
) -> None:  # fmt: skip
    """Whether its death was seen, or the host went down with it: nothing is said, and no plan made, of the innocent."""
    runaway(store, innocent, died_at=died_at)
    assert cli.main([*words, "--incident", "1", "--config", config]) == 3
    output = capsys.readouterr()
    assert output.out == ""
    assert f"tesseract (PID {innocent}) {'ended' if died_at else 'was seen last'} 1970-01-12" in output.err
    assert "runaway-watchdog incidents show 1" in output.err


def test_a_reused_pid_shows_both_stories(
    store: sqlite3.Connection, config: str, innocent: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The one that lives whole, the other by its name, its end, and where to read it."""
    runaway(store, innocent, died_at=1e6 + 400)
    assert cli.main(["explain", str(innocent), "--config", config]) in (0, 4)
    told = " ".join(capsys.readouterr().out.split())
    assert told.startswith(f"sleep (PID {innocent})")
    assert f"before, PID {innocent} was tesseract, which ended 1970-01-12" in told
    assert "`runaway-watchdog explain --incident 1` tells its story" in told


def test_a_pid_whose_explanation_was_not_kept_is_known_all_the_same(
    store: sqlite3.Connection, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The watch saw it: it says when it ended, and does not deny it."""
    runaway(store, 4_194_303, died_at=1e6 + 400)
    assert cli.main(["explain", "4194303", "--config", config]) == 3
    told = capsys.readouterr().err
    assert "tesseract (PID 4194303) ended 1970-01-12" in told
    assert "incidents show 1" in told


def test_preflight_asks_about_no_innocent(
    store: sqlite3.Connection, config: str, innocent: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The open incident's process is gone, and somebody else has its PID: whether a line helps is not asked."""
    runaway(store, innocent, died_at=None)
    cli.main(["preflight", f"kill {innocent}", "--json", "--config", config])
    assert json.loads(capsys.readouterr().out)["helps"] is None


def test_preflight_says_that_it_does_not_know_of_a_runaway(
    store: sqlite3.Connection, config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`helps` is null for want of an answer then, not for want of a runaway."""
    store.close()
    (tmp_path / "watchdog.db").write_text("no database at all" * 200)
    cli.main(["preflight", "true", "--json", "--config", config])
    output = capsys.readouterr()
    assert json.loads(output.out)["helps"] is None
    assert "whether a runaway is open is not known for sure: " in output.err


def test_preflight_for_a_hidden_process_says_so(
    config: str, innocent: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """hidepid: exit code 2 with the mend, and no fault of ours."""

    def hidden(*_: object) -> None:
        raise Unanswered(Gap("procfs", "process 5 is another user's", "run it with sudo"))

    monkeypatch.setattr("runaway_watchdog.preflight.helps.helps", hidden)
    assert cli.main(["preflight", "true", "--for", str(innocent), "--config", config]) == 2
    assert "another user's: run it with sudo" in capsys.readouterr().err
