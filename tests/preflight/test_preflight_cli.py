"""`runaway-watchdog preflight` as a user meets it: its forms, its exit codes, its document."""

import json
import subprocess
import sys
from pathlib import Path


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
    """Quoted, on standard input, or a plain command after `--`."""
    forms = [
        preflight("journalctl --vacuum-size=1M", "--json"),
        preflight("-", "--json", given="journalctl --vacuum-size=1M"),
        preflight("--json", "--", "journalctl", "--vacuum-size=1M"),
    ]
    documents = [json.loads(each.stdout) for each in forms]
    assert {each.returncode for each in forms} == {20}
    assert documents[0] == documents[1] == documents[2]
    assert documents[0]["verdict"] == "destroys-data"
    assert set(documents[0]) == {"schema_version", "command", "verdict", "effects", "helps", "safer", "unknown"}


def test_a_pid_that_is_none() -> None:
    assert preflight("ls", "--for", "0").returncode == 2
    assert preflight("ls", "--for", "4194304").returncode == 2


def test_it_runs_nothing(tmp_path: Path) -> None:
    """Neither the line nor its substitutions."""
    marker = tmp_path / "marker"
    preflight(f"touch {marker}; echo $(touch {marker}); sh -c 'touch {marker}'", "--json")
    assert not marker.exists()
