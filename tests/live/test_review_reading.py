"""What a hostile review found in the reading commands: who is hidden, what could not be asked, what was printed raw."""

import argparse
import errno
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from runaway_watchdog import owners
from runaway_watchdog.cli import about, explain, main as watchdog, reading, scan, selection
from runaway_watchdog.config import locate
from runaway_watchdog.explain.records import NoRecords
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.world import Unanswered, World, filesystem, procfs
from runaway_watchdog.world.recorded import replay

GONE, DENIED = {"errno": errno.ENOENT}, {"errno": errno.EACCES}
CLOCK = {"value": [1, 1]}
HIDEPID = {"value": "proc /proc proc rw,relatime,hidepid=invisible 0 0\n"}
PLAIN = {"value": "proc /proc proc rw,relatime 0 0\n"}


def host(answers: Mapping[str, Any]) -> World:
    """A host that answers these questions, and with ENOENT or an odd clock to nothing else."""
    return replay({"host": "h", "asked": {question: [answer] for question, answer in answers.items()}})


def test_a_hidden_process_is_no_missing_process() -> None:
    """hidepid=2: /proc shows nothing, but the kernel's clock ticks."""
    hidden = host({"files.read /proc/7/stat": GONE, "files.cpu_clock 7": CLOCK})
    with pytest.raises(Unanswered) as told:
        procfs.process(hidden.files, 7)
    assert "hidepid" in told.value.gap.problem
    assert "sudo" in told.value.gap.fix


def test_without_clocks_hidepid_itself_leaves_it_open() -> None:
    """Where the kernel refuses the clock of PID 1 too, only the mount can tell; where it does not, there is nobody."""
    none = {"errno": errno.EINVAL}
    asked = {"files.read /proc/7/stat": GONE, "files.cpu_clock 7": none}
    with pytest.raises(Unanswered):
        procfs.process(host({**asked, "files.cpu_clock 1": none, "files.read /proc/self/mounts": HIDEPID}).files, 7)
    for other in ({"files.cpu_clock 1": CLOCK}, {"files.cpu_clock 1": none, "files.read /proc/self/mounts": PLAIN}):
        with pytest.raises(procfs.NoSuchProcessError):
            procfs.process(host({**asked, **other}).files, 7)


def test_a_process_that_may_not_be_opened_is_hidden() -> None:
    """hidepid=1: the folder is there, and everything in it is refused."""
    with pytest.raises(Unanswered):
        procfs.process(host({"files.read /proc/7/stat": DENIED}).files, 7)


@pytest.mark.parametrize("option", ["hidepid=1", "hidepid=2", "hidepid=invisible", "hidepid=ptraceable"])
def test_hidepid_is_read_from_the_mount_that_is_seen(option: str) -> None:
    """The last one over /proc, in numbers or words."""
    lines = f"proc /proc proc rw 0 0\nproc /proc proc rw,{option} 0 0\n"
    assert procfs.hides(host({"files.read /proc/self/mounts": {"value": lines}}).files)
    over = lines + "proc /proc proc rw,hidepid=off 0 0\n"
    assert not procfs.hides(host({"files.read /proc/self/mounts": {"value": over}}).files)


STAT = "7 (x) R 6 7 7 0 7 0 0 0 0 0 1 1 0 0 20 0 1 0 42 0 0"


@pytest.mark.parametrize("refusal", [GONE, DENIED])
def test_a_hidden_parent_is_told(refusal: dict[str, int]) -> None:
    """Who started it decides who brings it back: that this was not seen is a gap, not silence."""
    mine = host(
        {
            "files.read /proc/7/stat": {"value": STAT},
            "files.read /proc/7/status": {"value": "Uid:\t1000\t1000\t1000\t1000\n"},
            "files.target /proc/7/exe": {"value": "/bin/x"},
            "files.read /proc/7/cmdline": {"value": "x\0"},
            "files.read /proc/7/cgroup": {"value": "0::/\n"},
            "files.read /proc/7/environ": {"value": ""},
            "files.read /proc/sys/kernel/random/boot_id": {"value": "0b00"},
            "files.read /proc/stat": {"value": "btime 1\n"},
            "files.user 1000": {"value": "ana"},
            "files.read /proc/6/stat": refusal,
            "files.cpu_clock 6": CLOCK,
        }
    )
    facts, gaps = owners.facts(mine, 7)
    assert facts.process.cmdline == ("x",)
    assert [gap.fix for gap in gaps] == ["run it with sudo"]


def options(**given: Any) -> argparse.Namespace:
    names = ("pid", "name", "port", "container", "unit", "incident", "config")
    switches = {"json": False, "verbose": False, "watch": False, "no_color": True}
    return argparse.Namespace(**{**dict.fromkeys(names), **switches, **given})


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize(
    ("given", "question"),
    [({"container": "x"}, "engine.container x"), ({"unit": "x.service"}, "manager.unit x.service")],
)
def test_what_could_not_be_asked_is_a_gap(
    given: dict[str, str],
    question: str,
    as_json: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 4, not "no such": the one who would know was not heard."""
    no_podman = {"podman.container x": {"gap": ["podman", "no Podman here", "install it"]}}
    asked = {question: {"gap": ["it", "it is frozen", "wake it"]}, **no_podman}
    monkeypatch.setattr(about, "live", lambda: host(asked))
    assert explain.run(options(json=as_json, **given)) == 4
    shown = capsys.readouterr()
    assert "it is frozen; wake it" in shown.err
    if as_json:
        document = json.loads(shown.out)
        assert document["process"] is None
        assert document["gaps"] == [{"source": "it", "problem": "it is frozen", "mend": "wake it"}]
    else:
        assert shown.out == ""


@pytest.mark.parametrize("as_json", [True, False])
def test_matches_are_shown_clean_and_masked(
    as_json: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """To people on standard error, to programs as one document; secrets and escapes to neither."""
    found = tuple(selection.Match(pid, "x\x1b[2J", ("x", "--password", "CANARY", "a\nb")) for pid in (7, 8))

    def several(*_: object) -> int:
        raise selection.SelectionError("2 match", found)

    monkeypatch.setattr(selection, "pid_of", several)
    assert explain.run(options(name="x", json=as_json)) == 2
    shown = capsys.readouterr()
    assert "CANARY" not in shown.out + shown.err
    assert "\x1b" not in shown.out + shown.err
    if as_json:
        document = json.loads(shown.out)
        assert document["schema_version"] == 1
        assert [each["pid"] for each in document["matches"]] == [7, 8]
        assert document["matches"][0]["cmdline"] == ["x", "--password", "***", "a\nb"]
    else:
        assert shown.out == ""
        assert len(shown.err.splitlines()) == 4
        assert shown.err.endswith("name one by its PID: runaway-watchdog explain 7\n")


@pytest.mark.parametrize(
    "words",
    [
        ["explain", "--name", "("],
        ["explain", "--container", "../x"],
        ["explain", "--container", ""],
        ["explain", "--unit", ""],
        ["explain", "--unit", "a/b"],
        ["explain", "--port", "99999999"],
        ["explain", "--incident", "99999999999999999999"],
        ["incidents", "show", "99999999999999999999"],
        ["incidents", "show", "-1"],
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 before anybody is asked."""
    try:
        code = watchdog(words)
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == 2
    assert "should not happen" not in capsys.readouterr().err


def test_root_is_not_sent_to_sudo() -> None:
    """What root may not read is kept from root: the mend is another one."""
    other = Gap("docker", "x", "run it with sudo")
    told = reading.as_whom((procfs.UNREADABLE, other), 0)
    assert "sudo" not in told[0].fix
    assert told[1] == other
    assert reading.as_whom((procfs.UNREADABLE,), 1000) == (procfs.UNREADABLE,)


def test_a_scan_says_that_it_saw_only_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """ "Nothing used CPU" would be a lie where nothing else is shown."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(scan, "live", lambda: host({"files.read /proc/self/mounts": HIDEPID}))
    monkeypatch.setattr(scan, "_busiest", list)
    assert scan.run(options()) == 0
    shown = capsys.readouterr()
    assert "that is shown to you" in shown.out
    assert "hidepid" in shown.err
    scan.run(options(json=True))
    assert json.loads(capsys.readouterr().out)["gaps"][0]["mend"] == "run it with sudo"


def test_doctor_lives_without_pid_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """hidepid=2 has no /proc/1."""
    from runaway_watchdog.cli import doctor

    asked = {
        "files.target /proc/1/exe": GONE,
        "files.read /proc/self/mounts": HIDEPID,
        "files.cpu_clock 1": {"errno": errno.EINVAL},
    }
    checks = list(doctor._processes(host(asked), options()))
    assert checks[0].state == "missing"
    assert "hidepid" in checks[0].told


@pytest.mark.parametrize("words", ["explain $$", "scan", "doctor", "--help"])
def test_a_closed_output_is_no_fault(words: str, tmp_path: Path) -> None:
    """`>&-`: nothing is printed, and nothing breaks."""
    line = f"{sys.executable} -m runaway_watchdog {words} >&-"
    done = subprocess.run(["bash", "-c", line], stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert "should not happen" not in done.stderr
    assert "Traceback" not in done.stderr


# --- where things are ------------------------------------------------------------------------------------------


def test_home_is_the_users_own_where_the_environment_names_none() -> None:
    """Not root's: an ordinary user's cron has no business there."""
    assert locate.home({}, 65534) != Path("/root")
    assert locate.home({"HOME": "/x"}, 65534) == Path("/x")
    assert locate.home({}, 0) == Path("/root")
    assert locate.home({}, 4_000_000_000) == Path("/")


def test_a_home_that_may_not_be_entered_holds_no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's file counts all the same: reading it tells why."""
    around = locate.Surroundings({}, 1000, tmp_path / "home", tmp_path)

    def refused(path: Path) -> None:
        raise PermissionError(errno.EACCES, "no", str(path))

    monkeypatch.setattr(Path, "lstat", refused)
    assert locate.config_files(None, around) == (around.at(locate.SYSTEM_FILE),)


# --- sizes -----------------------------------------------------------------------------------------------------


def test_a_folder_of_many_files_is_left_at_the_deadline(tmp_path: Path) -> None:
    """The clock is looked at within a folder too."""
    for number in range(600):
        (tmp_path / str(number)).write_bytes(b"x")
    found = filesystem.measured_within(str(tmp_path), -0.2)
    assert found.at_least
    assert found.bytes is not None
    assert found.bytes < 600
    whole = filesystem.LiveFiles().size(str(tmp_path), 5)
    assert (whole.bytes, whole.at_least) == (600, False)


def test_a_mount_that_hangs_does_not_hang_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was counted until then is told as "at least"."""
    (tmp_path / "a").write_bytes(b"xyz")
    (tmp_path / "dead").mkdir()
    release = threading.Event()
    real = os.scandir

    def hangs(path: str) -> Any:
        if path.endswith("dead"):
            release.wait(30)
        return real(path)

    monkeypatch.setattr(os, "scandir", hangs)
    begun = time.monotonic()
    found = filesystem.LiveFiles().size(str(tmp_path), 0.1)
    release.set()
    assert time.monotonic() - begun < 5
    assert (found.bytes, found.at_least) == (3, True)


def test_a_folder_that_is_not_there_is_still_an_error(tmp_path: Path) -> None:
    """The thread's fault is the caller's."""
    with pytest.raises(FileNotFoundError):
        filesystem.LiveFiles().size(str(tmp_path / "none"), 1)


def test_records_are_asked_of_nobody_hidden() -> None:
    """`find` passes on that the process is hidden."""
    hidden = {"files.read /proc/7/stat": DENIED, "files.cpu_clock 7": CLOCK}
    with pytest.raises(Unanswered):
        about.find(host(hidden), NoRecords(), 7)
