"""Asking a user's systemd through a process of that user's."""

import json
import os
import subprocess
import sys
from signal import SIGALRM
from typing import Any

import pytest

from runaway_watchdog import programs
from runaway_watchdog.world import Unanswered, user_manager
from runaway_watchdog.world.units import parse
from runaway_watchdog.world.user_manager import LiveUserManagers

Calls = list[list[str]]
NOBODY = 65534

pytestmark = pytest.mark.usefixtures("calm")


def answers(monkeypatch: pytest.MonkeyPatch, status: int, stdout: str = "") -> Calls:
    """Stand in for the process that asks; returns the calls."""
    calls: Calls = []

    def run(argv: Any, **_: Any) -> subprocess.CompletedProcess[str]:
        calls.append(list(argv))
        return subprocess.CompletedProcess(list(argv), status, stdout, "Traceback")

    monkeypatch.setattr(programs, "run", run)
    return calls


def test_one_process_answers_for_a_unit_and_its_relations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question is a process, so what is asked next comes along."""
    service = {"Id": "a.service", "TriggeredBy": ["a.timer"]}
    units = {"a.service": service, "a.timer": {"Id": "a.timer"}, "b.service": None}
    calls = answers(monkeypatch, 0, json.dumps({"value": units}))
    manager = LiveUserManagers()
    assert manager.unit(1000, "a.service") == parse(service)
    assert manager.unit(1000, "a.timer") == parse({"Id": "a.timer"})
    assert manager.unit(1000, "b.service") is None
    assert [call[-3:] for call in calls] == [["1000", "unit", "a.service"]]


def test_the_asking_process_takes_no_module_from_where_it_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """It starts with root's rights: a jeepney.py in the working folder must not be run by it."""
    calls = answers(monkeypatch, 0, '{"value": "x.service"}')
    assert LiveUserManagers().unit_of(1000, 7) == "x.service"
    assert "-P" in calls[0]


@pytest.mark.parametrize(("told", "release"), [("257", 257), ("null", None), ('"257"', None)])
def test_a_users_manager_says_its_release(monkeypatch: pytest.MonkeyPatch, told: str, release: int | None) -> None:
    """It may be another one than the system's; what is no number is none."""
    calls = answers(monkeypatch, 0, f'{{"value": {told}}}')
    assert LiveUserManagers().version(1000) == release
    assert calls[0][-3:-1] == ["1000", "version"]


@pytest.mark.parametrize(
    ("status", "stdout", "problem"),
    [
        (user_manager.REFUSED, "", "only that user and root may ask it"),
        (-SIGALRM, "", "did not answer within 2 s"),
        (1, '{"gap": ["systemd", "it has no bus", "look"]}', "it has no bus"),
        (1, "", "its answer cannot be read"),
        (0, "", "its answer cannot be read"),
        (0, "[]", "its answer cannot be read"),
        (0, "nonsense", "its answer cannot be read"),
        (1, '{"gap": ["one"]}', "its answer cannot be read"),
    ],
)
def test_every_way_not_to_answer_is_a_gap(
    monkeypatch: pytest.MonkeyPatch, status: int, stdout: str, problem: str
) -> None:
    """Asked once, and at once for all that follows."""
    calls = answers(monkeypatch, status, stdout)
    manager = LiveUserManagers()
    for _ in range(2):
        with pytest.raises(Unanswered) as raised:
            manager.unit(1000, "a.service")
        assert problem in raised.value.gap.problem
        assert raised.value.gap.fix
    assert len(calls) == 1


def test_a_manager_that_answers_slowly_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Just below the limit each time, it would hold the explanation up for as long as it likes."""
    clock = iter(range(0, 1000))
    monkeypatch.setattr("runaway_watchdog.world.user_manager.time.monotonic", lambda: float(next(clock)) * 1.5)
    calls = answers(monkeypatch, 0, '{"value": {}}')
    manager = LiveUserManagers()
    with pytest.raises(Unanswered, match="takes too long"):
        for number in range(10):
            manager.unit(1000, f"{number}.service")
    assert len(calls) == 2


ASKS_FOR_ROOT = f"""
import os, sys
import jeepney.io.blocking  # now: nobody may be barred from where Python's own files are
from runaway_watchdog.world import user_manager
if os.geteuid() == 0:
    os.setgroups([])
    os.setresgid({NOBODY}, {NOBODY}, {NOBODY})
    os.setresuid({NOBODY}, {NOBODY}, {NOBODY})
sys.argv[1:] = ["0", "unit", "a.service"]
sys.exit(user_manager.main())
"""


def test_another_users_rights_are_not_taken_by_anybody() -> None:
    """Without root the process says so with an exit code of its own."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", ASKS_FOR_ROOT], env=environment, timeout=30, check=False)
    assert done.returncode == user_manager.REFUSED


def test_a_user_without_a_bus_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """No systemd of that user runs here."""
    uid = os.getuid()
    monkeypatch.setattr(user_manager, "_bus", lambda _: "unix:path=/nonexistent/bus")
    monkeypatch.setattr("sys.argv", ["x", str(uid), "unit", "a.service"])
    assert user_manager.main() == 1
    source, problem, mend = json.loads(capsys.readouterr().out)["gap"]
    assert (source, "does not run" in problem) == ("systemd", True)
    assert mend == f"look: systemctl status user@{uid}"
