"""`runaway-watchdog preflight` as a user meets it: its forms, its exit codes, its document."""

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.store import records
from runaway_watchdog.store.database import connect


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def start_ticks(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def preflight(*words: str, given: str | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "runaway_watchdog", "preflight", *words],
        capture_output=True, text=True, check=False, timeout=30, input=given, cwd=cwd,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stdout
    return done


def test_the_exit_codes() -> None:
    """The contract's: 0 safe, 20 destroys data, 30 cannot tell, 2 usage."""
    assert preflight("ls -la").returncode == 0
    assert preflight("journalctl --vacuum-size=1M").returncode == 20
    assert preflight("frobnicate").returncode == 30
    assert preflight("").returncode == 2
    assert preflight().returncode == 2


def test_all_forms_are_the_same_line() -> None:
    """Quoted, on standard input, or a plain command, after `--` or without quotes at all."""
    forms = [
        preflight("journalctl --vacuum-size=1M", "--json"),
        preflight("-", "--json", given="journalctl --vacuum-size=1M"),
        preflight("--json", "--", "journalctl", "--vacuum-size=1M"),
        preflight("--json", "journalctl", "--vacuum-size=1M"),
    ]
    documents = [json.loads(each.stdout) for each in forms]
    assert {each.returncode for each in forms} == {20}
    assert all(each == documents[0] for each in documents)
    assert documents[0]["verdict"] == "destroys-data"
    assert set(documents[0]) == {
        "schema_version", "command", "folder", "verdict", "nothing", "effects", "helps", "safer", "unknown",
        "unknown_risks", "risk",
    }  # fmt: skip


def test_a_line_that_is_piped_is_shown_as_it_is() -> None:
    """`echo` ends it with a line break, which is no part of it."""
    assert "ls -la\n" in preflight("-", given="ls -la\n").stdout
    assert "not shown" not in preflight("-", given="ls -la\n").stdout


def test_what_cannot_be_told_is_not_denied() -> None:
    """A part that is not known may well end it."""
    found = json.loads(preflight("frobnicate", "--for", str(os.getpid()), "--json").stdout)
    assert (found["verdict"], found["helps"]["ends"]) == ("unknown", None)
    known = json.loads(preflight("ls", "--for", str(os.getpid()), "--json").stdout)
    assert known["helps"]["ends"] is False


def test_an_incident_that_the_line_is_not_about_proposes_nothing(tmp_path: Path) -> None:
    """Its way out would stop something that nobody spoke of."""
    key = ProcKey(boot_id(), os.getpid(), start_ticks(os.getpid()))
    work = records.LineageRecord("k", "/g", "n")
    with closing(connect(tmp_path / "watchdog.db")) as store:
        records.put_process(store, records.ProcessRecord(key, work, "[]", 1.0, 1.0), 1.0)
        incident = records.IncidentRecord(1, work, "r", "warning", "s", 1.0, 99.0, 300.0, key.pid, key.start_ticks)
        records.open_incident(store, incident)
    config = tmp_path / "config.toml"
    config.write_text(f'[store]\npath = "{tmp_path}/watchdog.db"\n')
    config.chmod(0o600)
    (tmp_path / "data").mkdir()
    found = json.loads(preflight(f"rm -rf {tmp_path}/data", "--json", "--config", str(config)).stdout)
    assert found["helps"]["pid"] == os.getpid()
    assert found["safer"] == []
    meant = json.loads(preflight(f"kill -9 {os.getpid()}", "--json", "--config", str(config)).stdout)
    assert meant["helps"]["ends"] is True


def test_a_pid_that_is_none() -> None:
    assert preflight("ls", "--for", "0").returncode == 2
    assert preflight("ls", "--for", "4194304").returncode == 2


def test_it_runs_nothing(tmp_path: Path) -> None:
    """Neither the line nor its substitutions."""
    marker = tmp_path / "marker"
    preflight(f"touch {marker}; echo $(touch {marker}); sh -c 'touch {marker}'", "--json")
    assert not marker.exists()
