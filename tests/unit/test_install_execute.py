"""Carrying out a plan on a tree of its own, with a systemd that only remembers."""

import os
import signal
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from hypothesis import given, settings, strategies as st

from runaway_watchdog import shipped
from runaway_watchdog.install import host as places, plan, unit
from runaway_watchdog.install.execute import StepError, perform
from runaway_watchdog.install.steps import Already, Do, MakeLink, RemoveFolder, RunProgram, Step, WriteFile

PROGRAM = Path("/opt/runaway-watchdog/bin/runaway-watchdog")
METRICS = "# Written by `runaway-watchdog install --metrics`\n[Service]\nExecStart=@PROGRAM@ metrics\n"
HELPERS = tuple(f"# {name} runs @PROGRAM@\n" for name in shipped.HELPER_UNITS)
SHIPPED = plan.Shipped("[Service]\nExecStart=@PROGRAM@ run\n", HELPERS, METRICS, "u runaway-watchdog\n", "# sample\n")
UNITS = {unit.NAME: places.UNIT, unit.METRICS: places.METRICS_UNIT}
USER = "runaway-watchdog:x:995:995::/var/lib/runaway-watchdog:/usr/sbin/nologin\n"


class FakeSystem:
    """A root folder, and the programs that an installation runs, acting on it."""

    def __init__(self, root: Path, *, docker: bool) -> None:
        self.root = root
        self.active: set[str] = set()
        self.enabled: set[str] = set()
        for folder in ("etc/systemd/system", "usr/local/bin", "run/systemd/system", "var/lib"):
            (root / folder).mkdir(parents=True)
        (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
        (root / "etc/group").write_text("root:x:0:\n" + ("docker:x:999:\n" if docker else ""))

    def run(self, argv: Sequence[str], *, seconds: int) -> CompletedProcess[str]:
        """What the real program would do, as far as a plan can see it."""
        assert seconds > 0
        passwd = self.root / "etc/passwd"
        match list(argv):
            case ["systemd-sysusers", path]:
                assert (self.root / path[1:]).is_file()
                passwd.write_text(passwd.read_text() + USER)
            case ["userdel", _]:
                passwd.write_text(passwd.read_text().replace(USER, ""))
            case ["systemctl", "show", name, _]:
                return CompletedProcess(argv, 0, self._shown(name), "")
            case ["systemctl", "stop", "runaway-watchdog-case.socket", "runaway-watchdog-send.socket"]:
                assert all((self.root / path[1:]).is_file() for path in places.HELPER_UNITS), "stop without a unit"
            case ["systemctl", "daemon-reload"]:
                pass
            case ["systemctl", verb, unit.NAME | unit.METRICS as name]:
                self._do(verb, name)
            case _:
                raise AssertionError(argv)
        return CompletedProcess(argv, 0, "", "")

    def _do(self, verb: str, name: str) -> None:
        assert (self.root / UNITS[name][1:]).is_file(), f"{verb} without a unit"
        if verb in ("start", "restart"):
            assert USER in (self.root / "etc/passwd").read_text()
            self.active.add(name)
        if verb in ("start", "restart") and name == unit.NAME:
            (self.root / places.STATE_FOLDER[1:]).mkdir(exist_ok=True)
            (self.root / places.STATE_FOLDER[1:] / "watchdog.db").touch()
        elif verb == "stop":
            self.active.discard(name)
        elif verb == "enable":
            self.enabled.add(name)
        elif verb == "disable":
            self.enabled.discard(name)

    def _shown(self, name: str) -> str:
        there = (self.root / UNITS[name][1:]).exists()
        file = "enabled" if name in self.enabled else "disabled" if there else ""
        load, active = "loaded" if there else "not-found", "active" if name in self.active else "inactive"
        return f"LoadState={load}\nActiveState={active}\nUnitFileState={file}\nMainPID=7\n"

    def take(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if isinstance(step, Do):
                perform(step.action, self.run, self.root)

    def plan_install(self, *, metrics: bool = False) -> tuple[Step, ...]:
        return plan.install(places.survey(PROGRAM, self.run, self.root), SHIPPED, metrics=metrics)

    def plan_uninstall(self, *, purge: bool) -> tuple[Step, ...]:
        return plan.uninstall(places.survey(PROGRAM, self.run, self.root), purge=purge)

    def files(self) -> dict[str, str]:
        """Every file and link below the root, with what is in it."""
        found = {}
        for path in self.root.rglob("*"):
            name = str(path.relative_to(self.root))
            if path.is_symlink():
                found[name] = f"-> {os.readlink(path)}"
            elif path.is_file():
                found[name] = path.read_text()
        return found


PRESENT = st.sets(
    st.sampled_from(
        [
            "etc/runaway-watchdog/config.toml",
            "etc/runaway-watchdog/urls",
            "etc/systemd/system/runaway-watchdog.service.d/override.conf",
            "etc/systemd/system/runaway-watchdog.service.d/docker.conf",
            "etc/systemd/system/runaway-watchdog-case@.service.d/docker.conf",
            "etc/systemd/system/runaway-watchdog-case@.service.d/override.conf",
            "etc/systemd/system/runaway-watchdog-send@.service.d/override.conf",
            "etc/systemd/system/runaway-watchdog-send@.service",
            "etc/systemd/system/runaway-watchdog.service",
            "etc/systemd/system/runaway-watchdog-metrics.service.d/override.conf",
            "etc/systemd/system/runaway-watchdog-metrics.service",
            "etc/sysusers.d/runaway-watchdog.conf",
            "usr/local/bin/watchdog",
            "usr/local/bin/runaway-watchdog",
            "usr/sbin/watchdog",
            "var/lib/runaway-watchdog/notes",
        ]
    )
)
OURS = {
    "etc/runaway-watchdog/config.toml",
    "etc/systemd/system/runaway-watchdog-case@.service.d/docker.conf",
    "etc/systemd/system/runaway-watchdog-send@.service",
    "etc/systemd/system/runaway-watchdog.service",
    "etc/sysusers.d/runaway-watchdog.conf",
    "var/lib/runaway-watchdog/watchdog.db",
}


@settings(max_examples=60, deadline=None)
@given(PRESENT, st.booleans(), st.booleans())
def test_any_host_is_settled_after_one_run_and_clean_after_the_purge(
    present: set[str], docker: bool, metrics: bool
) -> None:
    """Whatever lay there: a second run finds nothing to do, and a purge leaves exactly what was not ours."""
    with tempfile.TemporaryDirectory() as folder:
        system = FakeSystem(Path(folder), docker=docker)
        for name in present:
            path = system.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("somebody's")
            path.chmod(0o755)
        foreign = {name: text for name, text in system.files().items() if name not in OURS}
        metrics = metrics and places.METRICS_UNIT[1:] not in present  # somebody's own is not replaced: it is refused
        system.take(system.plan_install(metrics=metrics))
        assert system.active == ({unit.NAME, unit.METRICS} if metrics else {unit.NAME})
        settled = system.files()
        assert not [step for step in system.plan_install() if isinstance(step, Do)]
        assert foreign.items() <= {**settled, "etc/passwd": foreign["etc/passwd"]}.items()
        if "etc/runaway-watchdog/config.toml" in present:
            assert settled["etc/runaway-watchdog/config.toml"] == "somebody's"
        system.take(system.plan_uninstall(purge=True))
        left = system.files()
        assert not system.active
        assert {**left, "etc/passwd": ""} == {**foreign, "etc/passwd": ""}
        assert not [step for step in system.plan_uninstall(purge=True) if isinstance(step, Do)]


def test_uninstall_keeps_configuration_and_history(tmp_path: Path) -> None:
    """And an installation after it finds both again."""
    system = FakeSystem(tmp_path, docker=True)
    before = set(system.files())
    system.take(system.plan_install())
    system.take(system.plan_uninstall(purge=False))
    assert set(system.files()) - before == {
        "etc/runaway-watchdog/config.toml",
        "var/lib/runaway-watchdog/watchdog.db",
    }
    assert not system.active
    assert any(isinstance(step, Already) and "config.toml" in step.title for step in system.plan_install())


def test_a_written_file_has_its_mode_at_once(tmp_path: Path) -> None:
    """Whatever the umask; and nothing unfinished is left beside it."""
    before = os.umask(0o077)
    try:
        perform(WriteFile("/etc/x/open", "a", 0o644), _no_program, tmp_path)
    finally:
        os.umask(before)
    perform(WriteFile("/etc/x/secret", "b", 0o600), _no_program, tmp_path)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "etc/x").iterdir()}
    assert modes == {"open": 0o644, "secret": 0o600}


def test_a_file_that_cannot_be_written_is_as_before(tmp_path: Path) -> None:
    """The failure is one line that names the path; no half of a file takes the place of a whole one."""
    target = tmp_path / "etc/x"
    target.mkdir(parents=True)
    (target / "keep").write_text("")
    with pytest.raises(StepError, match=r"etc/.*irectory"):
        perform(WriteFile("/etc/x", "text", 0o644), _no_program, tmp_path)
    assert [path.name for path in (tmp_path / "etc").iterdir()] == ["x"]


def test_a_link_is_led_anew(tmp_path: Path) -> None:
    """An older link is replaced in one step."""
    perform(MakeLink("/usr/local/bin/watchdog", "/old"), _no_program, tmp_path)
    perform(MakeLink("/usr/local/bin/watchdog", "/new"), _no_program, tmp_path)
    assert os.readlink(tmp_path / "usr/local/bin/watchdog") == "/new"


def test_a_folder_that_is_not_empty_stays(tmp_path: Path) -> None:
    """A file that came between the look and the step is not lost."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d/late").write_text("")
    with pytest.raises(StepError):
        perform(RemoveFolder("/d"), _no_program, tmp_path)
    assert (tmp_path / "d/late").exists()


@pytest.mark.parametrize(
    ("code", "said", "expected"),
    [
        (1, "Job failed.\x1b[31m\nSee the log.", "systemctl start runaway-watchdog.service: Job failed. See the log."),
        (3, "", "exit code 3"),
        (-signal.SIGALRM, "", "no answer within 5 s"),
    ],
)
def test_a_program_that_fails_is_quoted_in_one_line(code: int, said: str, expected: str) -> None:
    """With what it said, cleaned of what a terminal would obey; a time limit is named as such."""

    def run(argv: Sequence[str], *, seconds: int) -> CompletedProcess[str]:
        return CompletedProcess(argv, code, "", said)

    with pytest.raises(StepError) as failure:
        perform(RunProgram(("systemctl", "start", unit.NAME), 5), run)
    assert expected in str(failure.value)
    assert "\n" not in str(failure.value)


def _no_program(argv: Sequence[str], *, seconds: int) -> CompletedProcess[str]:
    raise AssertionError(argv)
