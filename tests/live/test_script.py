"""A plan as a shell script: really run, with steps that only write down that they ran."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings, strategies as st
from support.checks import check_of
from unit.golden.cases import cases

from runaway_watchdog.model.plan import Plan, Step
from runaway_watchdog.render.check import sentence, shell
from runaway_watchdog.render.document import from_json
from runaway_watchdog.render.script import NotWritableError, script

CASE = cases()["compose"]
STUBS = {"id": "echo ${FAKE_UID-0}", "sleep": ":"}


def make_step(name: str, *, command: str | None = None, undo: str | None = "", check: str | None = None) -> Step:
    """A step that appends its name to the file `log`."""
    return Step(
        f"do {name}",
        command or f"echo {quote(name)} >> log",
        "it is written down",
        "none",
        f"echo {quote('undo ' + name)} >> log" if undo == "" else undo,
        check_of(check or "look into the log"),
    )


def carry_out(folder: Path, steps: Sequence[Step], *words: str, uid: int = 0) -> subprocess.CompletedProcess[str]:
    """Write the script of these steps and run it in `folder`."""
    for name, body in STUBS.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    text = script(CASE._replace(plan=Plan("Stop it", tuple(steps), ())), "2026-11-22")
    (folder / "plan.sh").write_text(text, errors="surrogateescape")
    environment = {"PATH": f"{folder}:/usr/bin:/bin", "FAKE_UID": str(uid)}
    return subprocess.run(
        ["/bin/sh", "plan.sh", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def log(folder: Path) -> list[str]:
    path = folder / "log"
    return path.read_text().splitlines() if path.exists() else []


def test_the_steps_in_their_order_and_back_again(tmp_path: Path) -> None:
    """`undo` is the same way back."""
    steps = [make_step("a", check="`head -n 1 log` prints a"), make_step("b")]
    done = carry_out(tmp_path, steps)
    assert (done.returncode, log(tmp_path)) == (0, ["a", "b"])
    assert carry_out(tmp_path, steps, "undo").returncode == 0
    assert log(tmp_path) == ["a", "b", "undo b", "undo a"]


@pytest.mark.parametrize("broken", [make_step("b", command="false"), make_step("b", check="`tail -n 1 log` prints z")])
def test_it_stops_at_the_first_that_does_not_work(tmp_path: Path, broken: Step) -> None:
    """Also where only the check says so; it tells how to go back from there."""
    done = carry_out(tmp_path, [make_step("a"), broken, make_step("c")])
    assert done.returncode == 1
    assert "c" not in log(tmp_path)
    assert "undo 2" in done.stderr


def standing(name: str) -> Step:
    """One that makes something stand still, until a later one stops it."""
    return make_step(name)._replace(phase="relieve", risk="interrupts")


@pytest.mark.parametrize("broken", [make_step("b", command="false"), make_step("b", check="`tail -n 1 log` prints z")])
def test_what_was_frozen_to_be_stopped_goes_on_where_the_stop_fails(tmp_path: Path, broken: Step) -> None:
    """Nobody looks after it any more; only that is undone, and how to undo the rest is said."""
    done = carry_out(tmp_path, [standing("a"), make_step("kept"), broken, make_step("c")])
    assert done.returncode == 1
    assert [each for each in log(tmp_path) if each.startswith("undo")] == ["undo a"]
    assert "undo 3" in done.stderr


def test_a_freeze_that_fails_halfway_is_undone_too(tmp_path: Path) -> None:
    """Its check failed: what it did is not known."""
    assert carry_out(
        tmp_path, [standing("a")._replace(check=check_of("`cat log` prints z")), make_step("b")]
    ).returncode
    assert log(tmp_path) == ["a", "undo a"]


def test_what_is_meant_to_stand_still_does(tmp_path: Path) -> None:
    """Where no later step stops it, that is the plan itself: evidence that cannot be kept lets no intruder go on."""
    evidence = make_step("b", command="false")._replace(phase="save")
    assert carry_out(tmp_path, [standing("a"), evidence]).returncode == 1
    assert log(tmp_path) == ["a"]


@pytest.mark.parametrize("number", [1, 2, 15])
def test_broken_off_it_lets_go_too(tmp_path: Path, number: int) -> None:
    """A closed terminal, Ctrl-C, a `kill` of the script."""
    broken = make_step("b", command=f"kill -{number} $$; echo b >> log")  # $$ of a subshell is the script's own
    done = carry_out(tmp_path, [standing("a"), broken, make_step("c")])
    assert (done.returncode, "c" in log(tmp_path), log(tmp_path)[-1]) == (1, False, "undo a")
    assert "broken off" in done.stderr


def test_undo_begins_where_it_is_told(tmp_path: Path) -> None:
    """What was never done is not undone; one undo that fails does not keep the others from being tried."""
    steps = [make_step("a"), make_step("b", undo="false"), make_step("c")]
    done = carry_out(tmp_path, steps, "undo", "2")
    assert (done.returncode, log(tmp_path)) == (1, ["undo a"])
    assert "undo of step 2 failed" in done.stderr


@pytest.mark.parametrize("words", [("undo", "x"), ("undo", "9"), ("again",)])
def test_another_word_does_nothing(tmp_path: Path, words: tuple[str, ...]) -> None:
    """It says how it is used."""
    assert carry_out(tmp_path, [make_step("a")], *words).returncode == 2
    assert log(tmp_path) == []


def test_only_root_carries_it_out(tmp_path: Path) -> None:
    """A step that fails halfway for want of a right is worse than none."""
    done = carry_out(tmp_path, [make_step("a")], uid=1000)
    assert (done.returncode, log(tmp_path)) == (1, [])
    assert "sudo" in done.stderr


def test_a_step_that_exits_ends_only_itself(tmp_path: Path) -> None:
    """Each is a subshell."""
    assert carry_out(tmp_path, [make_step("a", command="echo a >> log; exit 0"), make_step("b")]).returncode == 0
    assert log(tmp_path) == ["a", "b"]


def test_a_plan_without_steps_is_no_script() -> None:
    """It says what there is to know instead."""
    with pytest.raises(NotWritableError, match="no steps"):
        script(CASE._replace(plan=Plan("Find the work behind it", (), ())), "2026-11-22")


def test_no_secret_is_written_down() -> None:
    """Such a command is carried out by hand."""
    step = make_step("a", command="docker -H tcp://x run -e MYSQL_PASSWORD=hunter2 x")
    with pytest.raises(NotWritableError, match="secret"):
        script(CASE._replace(plan=Plan("Stop it", (step,), ())), "2026-11-22")


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60))
def test_a_hostile_name_runs_nothing(name: str) -> None:
    """In a title, an effect or the goal it stays a comment, whatever line breaks or quotes it holds."""
    hostile = f"{name}\n touch owned; $(touch owned) `touch owned` '"
    step = make_step("a", undo=None)._replace(title=hostile, effect=hostile)
    owner = CASE.owners[0]._replace(name=hostile)
    case = CASE._replace(owners=(owner,), host=hostile, plan=Plan(hostile, (step,), ()))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "plan.sh"
        path.write_text(script(case, "2026-11-22"))
        (Path(folder) / "id").write_text("#!/bin/sh\necho 0\n")
        (Path(folder) / "id").chmod(0o755)
        for words in ([], ["undo"]):
            environment = {"PATH": f"{folder}:/usr/bin:/bin"}
            done = subprocess.run(["/bin/sh", str(path), *words], cwd=folder, env=environment, check=False)
            assert done.returncode == 0
        assert not (Path(folder) / "owned").exists()


SV = "`cat out; : /srv/web` says down"
STATUS = "`cat out; : web` says STOPPED"


@pytest.mark.parametrize(
    ("verify", "output", "holds"),
    [
        # systemctl is-active, of one unit and of two; systemctl show
        ("`cat out` prints inactive or failed", "inactive\nfailed", True),
        ("`cat out` prints inactive or failed", "inactive\nactive", False),
        ("`cat out` prints inactive or failed, also after a minute", "failed", True),
        ("`cat out` prints inactive or failed", "deactivating", False),
        ("`cat out` prints 200ms", "CPUQuotaPerSecUSec=200ms", True),
        ("`cat out` prints 200ms", "CPUQuotaPerSecUSec=infinity", False),
        # ps -o ni=, virsh domstate, pm2 pid, a line of a configuration
        ("`cat out` prints 19", "  19", True),
        ("`cat out` prints 19", "", False),
        ("`cat out` prints paused", "paused\n\n", True),
        ("`cat out` prints 0 or nothing", "", True),
        ("`cat out` prints Z or nothing", "Z", True),
        ("`cat out` prints Z or nothing", "S", False),
        ("`cat out` prints disabled, not-found or nothing", "not-found", True),
        ("`cat out` prints 0 or nothing", "0\n4711", False),
        ("`cat out` prints autostart=false", "autostart=false", True),
        ("`cat out` prints autostart=false", "autostart=true", False),
        ("`cat out` prints v1.2", "v1x2", False),
        ("`cat 'a`b' out` prints 1", "1", True),
        ("`test -e out || echo off` prints off", "it is there", False),
        ("`test -e no || echo off` prints off", "", True),
        # supervisorctl
        (STATUS, "web                              STOPPED   Nov 22 10:31 PM", True),
        (STATUS, "web                              STOPPING", False),
        (STATUS, "web                              RUNNING   pid 812, uptime 0:00:41", False),
        ("`cat out; : STOPPED` says STOPPED", "STOPPED                  RUNNING   pid 812, uptime 0:00:41", False),
        ("`cat out; : STOPPED` says STOPPED", "STOPPED                  STOPPED   Not started", True),
        # runit, s6, daemontools: `down` is also what they normally are, and what they were told to be
        (SV, "down: /srv/web: 3s, normally up", True),
        (SV, "run: /srv/web: (pid 812) 41s, normally down", False),
        (SV, "run: /srv/web: (pid 812) 41s, normally down, want down, got TERM", False),
        (SV, "down (exitcode 0) 3 seconds, normally up, ready 3 seconds", True),
        (SV, "up (pid 812 pgid 812) 41 seconds, normally down", False),
        (SV, "/srv/web: down 3 seconds, normally up", True),
        ("`cat out; : /srv/down` says down", "run: /srv/down: (pid 812) 41s", False),
        ("`cat out; : /srv/down` says down", "down: /srv/down: 3s", True),
        # circusctl, rc-service, qm
        ("`cat out` says stopped", "stopped", True),
        ("`cat out` says stopped", "active", False),
        ("`cat out` says stopped", " * status: stopped", True),
        ("`cat out` says stopped", " * status: started", False),
        ("`cat out` says paused", "name: web\nqmpstatus: paused\nstatus: running", True),
        ("`cat out` says paused", "name: web\nqmpstatus: running\nstatus: running", False),
        # PostgreSQL's title of a process that may be gone
        ("`cat out` says idle, or nothing", "postgres: app shop 10.0.0.7(5120) idle in transaction (aborted)", True),
        ("`cat out` says idle, or nothing", "postgres: app shop 10.0.0.7(5120) SELECT", False),
        ("`cat out` says idle, or nothing", "", True),
        ("`cat out` says idle", "", False),
        # a held line of a crontab
        ("`cat out` begins with # held:", "# held: * * * * * x", True),
        ("`cat out` begins with # held:", "* * * * * x", False),
        # whether there is anything
        ("`test -e out` shows nothing", "x", False),
        ("`test -e no` shows nothing", "x", True),
        ("`ls out` shows it", "x", True),
        ("`ls no` shows the copy", "x", False),
        ("one name stands out", "", True),
    ],
)
def test_what_a_person_would_see_is_checked(tmp_path: Path, verify: str, output: str, holds: bool) -> None:
    """The script reads the same sentence as the person does, from what such commands print."""
    (tmp_path / "out").write_text(output)
    (tmp_path / "a`b").touch()
    assert (carry_out(tmp_path, [make_step("a", check=verify)]).returncode == 0) is holds


HOSTS = sorted((Path(__file__).parents[1] / "hosts").glob("*/explain.json"))
ONLY_A_PERSON = {
    "one name stands out",  # in a table of all containers or connections
}
"""Sentences whose truth no command's output tells by itself."""


@pytest.mark.parametrize("host", HOSTS, ids=lambda path: path.parent.name)
def test_every_planned_step_is_checked_and_every_script_is_sound(host: Path, tmp_path: Path) -> None:
    """For each recorded host: no step with a check that does nothing, but for those above; and a sound script."""
    case = from_json(json.loads(host.read_text()))
    assert [
        told
        for step in json.loads(host.read_text())["plan"]["steps"]
        if shell(check_of(told := step["verify"])) == ":" and told not in ONLY_A_PERSON
    ] == []
    if case.plan.steps:
        path = tmp_path / "plan.sh"
        path.write_text(script(case, "2026-11-22"))
        assert subprocess.run(["/bin/sh", "-n", str(path)], check=False).returncode == 0


def test_every_sentence_for_a_person_alone_stands_in_a_plan() -> None:
    """The list above holds none that is gone."""
    planned = {step["verify"] for host in HOSTS for step in json.loads(host.read_text())["plan"]["steps"]}
    assert planned >= ONLY_A_PERSON


@pytest.mark.parametrize("host", HOSTS, ids=lambda path: path.parent.name)
def test_a_check_and_its_sentence_say_the_same(host: Path) -> None:
    """The sentence that a person reads names the command and the answers that the script goes by."""
    for step in json.loads(host.read_text())["plan"]["steps"]:
        assert sentence(check_of(step["verify"])) == step["verify"]
