"""What every plan keeps to, whatever the names on the host are."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st
from support.builders import make_container, make_facts, make_process, make_service

from runaway_watchdog.cli import main
from runaway_watchdog.explain.prognosis import prognosis
from runaway_watchdog.model.casefile import History
from runaway_watchdog.model.owner import ACTIONS
from runaway_watchdog.model.plan import Step
from runaway_watchdog.model.process import Process
from runaway_watchdog.owners import Layer, contain, outlook
from runaway_watchdog.owners.docker import containment
from runaway_watchdog.owners.interface import Owner
from runaway_watchdog.owners.systemd.details import Trigger

STUB = """\
#!/bin/sh
for word; do printf '%s\\0' "$word"; done > "$0.ran"
"""
hostile = st.text(
    alphabet=st.characters(blacklist_characters="\x00", blacklist_categories=["Cs"]), min_size=1, max_size=40
)
owners = st.one_of(
    st.builds(
        make_container,
        st.sampled_from(["no", "always", "unless-stopped", "on-failure", "on-failure:3"]),
        kind=st.sampled_from(["docker-container", "compose-service", "swarm-task"]),
        auto_remove=st.booleans(),
        cpu_limit=st.booleans(),
        live_restore=st.booleans(),
        nano_cpus=st.sampled_from([0, 100_000_000, 1_500_000_000]),
        restart_count=st.integers(0, 9),
        up_s=st.floats(0, 1e6),
        main_pid=st.sampled_from([3355, 17]),
    ),
    st.builds(
        make_service,
        st.sampled_from(["no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always"]),
        transient=st.booleans(),
        unit_file_state=st.sampled_from(["enabled", "enabled-runtime", "disabled", "static", "generated", ""]),
        upheld_by=st.sampled_from([[], ["guard.service"]]),
        bus_name=st.sampled_from(["", "org.example.Burn"]),
        triggered_by=st.sampled_from(
            [(), (Trigger("burn.timer", active=True, unit_file_state="enabled", next_in_s=9.0),)]
        ),
        main_pid=st.sampled_from([3355, 17]),
        cpu_controller=st.booleans(),
    ),
)
processes = st.builds(
    make_process,
    sigterm=st.sampled_from(["default", "handled", "ignored", "unknown"]),
    state=st.sampled_from(["running", "sleeping", "zombie", "stopped", "disk-sleep"]),
    namespace_pids=st.sampled_from([(3355,), (3355, 1), (3355, 7)]),
    nice=st.integers(-20, 19),
)


def steps_of(owner: Owner, name: str = "x") -> tuple[Step, ...]:
    return contain([Layer(owner, make_facts(make_process(name=name)))]).steps


@given(owners, processes)
def test_a_plan_never_loses_data_and_can_be_undone(owner: Owner, process: Process) -> None:
    """No step loses data or kills what would return; what cannot be undone comes last, and says so."""
    facts = make_facts(process)
    steps = contain([Layer(owner, facts)]).steps
    for step in steps:
        assert step.risk != "loses-data"
        assert not re.search(r"\b(rm|prune|down)\b|\bkill -(9|KILL)", step.command)
        if re.search(r"\bkill [0-9]", step.command):
            assert outlook([Layer(owner, facts)], "sigkill").returns is False
        if step.undo is None:
            assert step is steps[-1]
            assert "no undo" in step.effect


@given(owners, processes, st.integers(0, 5))
def test_every_prognosis_is_whole(owner: Owner, process: Process, returns: int) -> None:
    """One fate for each action; a certain one is never open, and what does not end does not return."""
    history = History(returns, 0.1 if returns else None, 3.0 if returns else None)
    outlooks = prognosis([Layer(owner, make_facts(process))], history)
    assert tuple(told.action for told in outlooks) == ACTIONS
    for told in outlooks:
        assert told.why
        assert not (told.certainty == "certain" and told.returns is None)
        assert told.ends or not told.returns
        if process.sigterm == "handled" and told.action == "sigterm":
            assert told.certainty != "certain" or not told.ends


@pytest.fixture
def jail(tmp_path: Path) -> Iterator[Path]:
    """A folder with a docker and a systemctl that only write down what they were told."""
    for name in ("docker", "systemctl"):
        (tmp_path / name).write_text(STUB)
        (tmp_path / name).chmod(0o755)
    yield tmp_path
    shutil.rmtree(tmp_path)


def ran(jail: Path, command: str) -> Sequence[str]:
    """The words that the one program was given; whatever else ran would have failed, as it is not in the jail."""
    for old in jail.glob("*.ran"):
        old.unlink()
    done = subprocess.run(
        ["/bin/sh", "-c", command], env={"PATH": str(jail)}, cwd=jail, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (found,) = jail.glob("*.ran")
    assert {path.name for path in jail.iterdir()} == {"docker", "systemctl", found.name}
    return found.read_bytes().decode("utf-8").split("\0")[:-1]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(hostile)
def test_a_hostile_container_name_stays_one_word(jail: Path, name: str) -> None:
    """Quotes, `$(…)`, newlines: the shell hands the name on as it is, and runs nothing else."""
    assume(not containment.LOOKS_LIKE_AN_ID.fullmatch(name))
    for step in steps_of(make_container(container=name)):
        for command in (step.command, step.undo or ""):
            assert ran(jail, command)[-1] == name


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(hostile)
def test_a_hostile_unit_name_stays_one_word(jail: Path, name: str) -> None:
    """The same for a unit."""
    for step in steps_of(make_service("always")._replace(name=name)):
        for command in (step.command, step.undo or ""):
            assert name in ran(jail, command)


@pytest.mark.parametrize(("line", "idle"), [("sleep 60", True), ("while :; do :; done", False)])
def test_what_uses_no_cpu_needs_no_plan(line: str, idle: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said first; the way out is there for whoever must."""
    process = subprocess.Popen(["/bin/sh", "-c", f"exec {line}" if idle else line], start_new_session=True)
    try:
        time.sleep(0.2)
        main(["plan", str(process.pid), "--json"])
    finally:
        process.kill()
        process.wait()
    goal = json.loads(capsys.readouterr().out)["plan"]["goal"]
    assert goal.startswith("It uses no CPU: nothing to do. If you must stop it: ") is idle
