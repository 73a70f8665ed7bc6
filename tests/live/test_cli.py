"""The commands as a user meets them: exit codes of the contract, clear sentences, never a traceback."""

import argparse
import ast
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from unit.golden.cases import cases

from runaway_watchdog.cli import about, selection
from runaway_watchdog.cli.options import first_look
from runaway_watchdog.explain.records import NoRecords
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.render.document import to_json
from runaway_watchdog.store import queries, records
from runaway_watchdog.store.database import connect

PID_MAX = 2**22


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    """A configuration that names a store of its own, so that this host's is left alone."""
    config = tmp_path / "config.toml"
    config.write_text(f'[store]\npath = "{tmp_path}/state/watchdog.db"\n')
    yield config


def watchdog(*words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "runaway_watchdog", *words], capture_output=True, text=True, check=False, timeout=30
    )
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    return done


def test_no_such_process(store: Path) -> None:
    """Exit code 3, and a sentence on standard error alone."""
    done = watchdog("explain", str(PID_MAX), "--config", str(store))
    assert (done.returncode, done.stdout) == (3, "")
    assert f"no process {PID_MAX}" in done.stderr


@pytest.mark.parametrize("word", ["abc", "0", "-1", str(PID_MAX + 1), "١٢"])
def test_what_is_no_pid(word: str) -> None:
    """Exit code 2, and what a PID is."""
    assert watchdog("explain", word).returncode == 2


def test_several_matches_are_listed(store: Path) -> None:
    """Exit code 2, and which they are: nobody is picked by chance."""
    sleepers = [subprocess.Popen(["sleep", "31.4159"]) for _ in range(2)]
    try:
        done = watchdog("explain", "--name", r"31\.4159", "--config", str(store))
    finally:
        for sleeper in sleepers:
            sleeper.kill()
            sleeper.wait()
    assert done.returncode == 2
    assert all(str(sleeper.pid) in done.stderr for sleeper in sleepers)


def test_the_shell_that_only_started_it_is_not_meant(store: Path) -> None:
    """As cron's does: it bears the same words."""
    line = "sleep 27.1828; true"
    with subprocess.Popen(["/bin/sh", "-c", line]) as shell:
        try:
            deadline = time.monotonic() + 10
            while not (inner := Path(f"/proc/{shell.pid}/task/{shell.pid}/children").read_text().split()):
                assert time.monotonic() < deadline
            done = watchdog("explain", "--name", r"27\.1828", "--json", "--config", str(store))
        finally:
            os.kill(int(inner[0]), signal.SIGKILL)
    assert json.loads(done.stdout)["process"]["pid"] == int(inner[0])


def test_a_dead_process_is_told_as_it_was_recorded(store: Path) -> None:
    """Its owner may have been changed since: nobody is made to believe that it was asked again."""
    key = ProcKey("0b00", PID_MAX, 4711)
    lineage = records.LineageRecord("key", "/g", "tesseract")
    with closing(connect(store.parent / "state" / "watchdog.db")) as connection:
        records.put_process(connection, records.ProcessRecord(key, lineage, "[]", 1e9, 1e9), 1e9)
        number = queries.lineage_id_of(connection, lineage.key)
        assert number is not None
        queries.save_case_file(connection, number, json.dumps(to_json(cases()["compose"])), 1e9)
    done = watchdog("explain", str(PID_MAX), "--config", str(store))
    assert about.AS_RECORDED in " ".join(done.stdout.split())


def test_json_is_one_document(store: Path) -> None:
    """`--json` prints the contract's document and nothing else on standard output."""
    done = watchdog("explain", str(os.getpid()), "--json", "--config", str(store))
    document = json.loads(done.stdout)
    assert done.returncode in (0, 4)
    assert (done.returncode == 4) == bool(document["gaps"])
    assert document["schema_version"] == 1
    assert document["process"]["pid"] == os.getpid()
    assert {outlook["action"] for outlook in document["prognosis"]} >= {"sigterm", "sigkill"}
    assert set(document) >= {"process", "owners", "prognosis", "history", "plan", "gaps"}


def test_a_broken_configuration_is_a_gap_for_reading_commands(tmp_path: Path) -> None:
    """`explain` goes on and says so; `run` does not start."""
    broken = tmp_path / "broken.toml"
    broken.write_text("[store\n")
    done = watchdog("explain", str(os.getpid()), "--json", "--config", str(broken))
    assert done.returncode == 4
    assert any("not valid TOML" in gap["problem"] for gap in json.loads(done.stdout)["gaps"])
    assert watchdog("run", "--config", str(broken)).returncode == 2


def test_a_store_that_breaks_where_it_is_read_is_a_gap(store: Path) -> None:
    """Its head is whole, so it opens; the explanation goes on without it, and says what to do."""
    file = store.parent / "state/watchdog.db"
    with closing(connect(file)):
        pass
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    file.write_bytes(content)
    done = watchdog("explain", str(os.getpid()), "--json", "--config", str(store))
    assert done.returncode == 4
    assert any("is damaged" in gap["problem"] for gap in json.loads(done.stdout)["gaps"])


def test_an_unknown_command_is_told_the_nearest() -> None:
    """A typing error costs a second, not a search."""
    done = watchdog("explian", "1")
    assert done.returncode == 2
    assert "did you mean `explain`?" in done.stderr


def test_incidents_without_a_store_say_so(store: Path) -> None:
    """Nothing was watched yet: that is not the same as nothing found."""
    done = watchdog("incidents", "--config", str(store))
    assert done.returncode == 1
    assert "nothing has been watched yet" in done.stderr


def test_an_incident_is_told_from_the_store(store: Path) -> None:
    """The list, one of them whole, and one that is not there."""
    path = store.parent / "state" / "watchdog.db"
    connection = connect(path)
    lineage = records.LineageRecord("key", "/system.slice/burn.service", "burn")
    records.open_incident(
        connection,
        records.IncidentRecord(7, lineage, "sustained-cpu", "warning", "burn burns", 1e9, 99.0, 300.0, 3355, 4711),
    )
    dead = records.ProcessRecord(ProcKey("0b00", 3355, 4711), lineage, "[]", 1e9, 1e9)
    records.put_process(connection, dead, 1e9)
    assert queries.incident(connection, 7) is not None
    connection.close()
    listed = json.loads(watchdog("incidents", "--json", "--config", str(store)).stdout)
    assert [(each["id"], each["state"], each["pids"]) for each in listed["incidents"]] == [(7, "open", [3355])]
    table = watchdog("incidents", "--config", str(store)).stdout
    assert "burn burns" in table
    assert "opened for PID 3355" in watchdog("incidents", "show", "7", "--config", str(store)).stdout
    missing = watchdog("incidents", "show", "8", "--config", str(store))
    assert missing.returncode == 3


def test_doctor_tells_each_thing_with_its_mend(store: Path) -> None:
    """Every line that is missing has a mend, and decides the exit code."""
    done = watchdog("doctor", "--json", "--config", str(store))
    checks = json.loads(done.stdout)["checks"]
    missing = [check for check in checks if check["state"] == "missing"]
    assert done.returncode == (1 if missing else 0)
    assert all(check["mend"] for check in missing)
    assert {"processes", "cgroups", "configuration", "alerts", "watch"} <= {check["subject"] for check in checks}


def test_a_closed_pipe_is_no_fault(store: Path) -> None:
    """`| head -1` has seen enough, and nobody complains."""
    line = f"{sys.executable} -m runaway_watchdog explain {os.getpid()} --config {store} | head -1"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True, timeout=30)
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize("module", ["cli.about", "cli.incidents", "cli.scan", "case"])
def test_what_has_to_answer_on_a_saturated_host_stays_light(module: str) -> None:
    """No alert service, and no library for schemas, logs or terminals is imported."""
    heavy = ["apprise", "structlog", "pydantic", "asyncio", "docker", "rich", "jinja2"]
    code = f"import sys, runaway_watchdog.{module}; print([each for each in {heavy} if each in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"


def test_the_resident_watch_stays_light() -> None:
    """Each of these alone takes more memory than all that the watch has seen."""
    heavy = [
        "dataclasses",
        "inspect",
        "ast",
        "logging",
        "asyncio",
        "socket",
        "pathlib",
        "jinja2",
        "runaway_watchdog.model.owner",
    ]
    code = f"import sys, runaway_watchdog.watch.loop; print([each for each in {heavy} if each in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["cli.explain", "cli.plan"])
def test_the_first_look_at_the_cpu_waits_for_no_import(module: str) -> None:
    """What the explanation needs is imported while the tenth of a second until the second look passes."""
    code = f"import sys, runaway_watchdog.{module}; print(sorted(each for each in sys.modules if each[:4] == 'runa'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    kernel = {f"runaway_watchdog.linux{name}" for name in ("", ".clock", ".files", ".schedstat")}  # half a millisecond
    light = {"runaway_watchdog", "runaway_watchdog.cli", "runaway_watchdog.cli.options", "runaway_watchdog.glance"}
    assert set(ast.literal_eval(done.stdout)) == {*light, *kernel, f"runaway_watchdog.{module}"}


def test_a_first_look_is_taken_at_a_process_that_is_named() -> None:
    """Nothing is said yet about one that is gone: who looks closer tells."""
    seen = first_look(argparse.Namespace(pid=os.getpid()))
    assert seen is not None
    assert seen.mark is not None
    assert seen.activity is not None
    gone = first_look(argparse.Namespace(pid=PID_MAX))
    assert gone is not None
    assert (gone.mark, gone.activity) == (None, None)
    assert first_look(argparse.Namespace(pid=None)) is None


def test_reader_that_leaves_early_hears_nothing_of_it(store: Path) -> None:
    """`| head` has seen enough: no word on standard error, though the little that there is is written at the end."""
    line = f"{sys.executable} -m runaway_watchdog check-config {store} | sh -c 'exec <&-; sleep 1'"
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(["sh", "-c", line], env=buffered, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("named", "pids", "asked"), [(None, [11, 12, 13], 2), (11, [11, 12], 1)])
def test_a_name_whose_process_has_just_gone_is_asked_for_again(
    named: int | None, pids: list[int], asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container in a restart loop has another one by then; a PID that was named is meant as it is."""
    worlds: list[object] = []
    rest = iter(pids)

    def live() -> object:
        worlds.append(object())
        return worlds[-1]

    monkeypatch.setattr(about, "live", live)
    monkeypatch.setattr(selection, "pid_of", lambda *_: next(rest))
    monkeypatch.setattr(about, "find", lambda _world, _records, pid, *_: "a case" if pid == 12 else None)
    options = argparse.Namespace(pid=named, incident=None, container="loop")
    found = about._case(options, NoRecords(), None)
    assert found == ((12, "a case", worlds[1]) if asked == 2 else (11, None, worlds[0]))
    assert len(worlds) == asked


@pytest.mark.parametrize("line", ["ls /", "grep x /etc/hosts | wc -l"])
def test_a_preflight_loads_what_its_line_needs(line: str) -> None:
    """No engine, no owners and no family of programs that the line does not name; nothing that makes classes."""
    words = [sys.executable, "-X", "importtime", "-m", "runaway_watchdog", "preflight", line]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=30)
    loaded = {row.rpartition("|")[2].strip() for row in done.stderr.splitlines()}
    heavy = {"dataclasses", "inspect", "hashlib", "tempfile", "socket", "subprocess", "runaway_watchdog.owners"}
    families = {f"runaway_watchdog.effects.{name}" for name in ("host.git", "host.databases", "docker.command")}
    assert loaded & (heavy | families) == set()
    assert "runaway_watchdog.preflight.sequence" in loaded
