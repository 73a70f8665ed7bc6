"""What systemd says of our unit, read; and the commands, which concern no other unit."""

from collections.abc import Sequence
from subprocess import CompletedProcess
from typing import get_args

import pytest

from runaway_watchdog.install import unit

SHOWN = """\
MainPID=207
NRestarts=1
StatusText=watching 212 processes = all
ExecMainStartTimestampMonotonic=5000000
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
NeedDaemonReload=yes
InvocationID=0f
"""


class Answers:
    """Gives one answer after the other, the last one for ever, and remembers the questions."""

    def __init__(self, *answers: str | OSError | CompletedProcess[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, argv: Sequence[str], *, seconds: int) -> CompletedProcess[str]:
        self.asked.append(f"{' '.join(argv)} ({seconds} s)")
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, OSError):
            raise answer
        return answer if isinstance(answer, CompletedProcess) else CompletedProcess(argv, 0, answer, "")


def test_an_answer_is_read() -> None:
    """Every property in its type; the start in wall time; an equals sign in a text is no end."""
    assert unit.parse(SHOWN, boot_wall=1000.0) == unit.UnitState(
        "loaded", "active", "running", "enabled", 207, 1, True, "watching 212 processes = all", 1005.0, "0f"
    )


def test_a_unit_that_never_was_is_read() -> None:
    """systemd answers for it too, with empty values."""
    shown = "MainPID=0\nExecMainStartTimestampMonotonic=0\nUnitFileState=\nLoadState=not-found\nActiveState=inactive\n"
    assert unit.parse(shown, boot_wall=1000.0) == unit.UnitState()


@pytest.mark.parametrize("verb", get_args(unit.Verb))
def test_no_command_names_another_unit(verb: unit.Verb) -> None:
    """Each call ends with our own unit's name, or concerns none."""
    argv = unit.systemctl(verb).argv
    assert argv in {("systemctl", verb, "runaway-watchdog.service"), ("systemctl", "daemon-reload")}


def test_waiting_ends_when_it_runs() -> None:
    """It looks again while systemd is starting the unit, and no longer."""
    answers = Answers("ActiveState=activating", "ActiveState=activating", "ActiveState=active\nMainPID=9")
    assert unit.await_active(answers, seconds=60, sleep=lambda _: None).main_pid == 9
    assert len(answers.asked) == 3


@pytest.mark.parametrize("state", ["failed", "activating"])
def test_waiting_ends_without_it(state: str) -> None:
    """A failure is told at once; a unit that is always about to start, at the end of the time."""
    assert unit.await_active(Answers(f"ActiveState={state}"), seconds=0, sleep=lambda _: None).active == state


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (FileNotFoundError(2, "No such file or directory"), "systemctl: No such file or directory"),
        (CompletedProcess([], 1, "", "Failed to connect to bus\n"), "Failed to connect to bus"),
        (CompletedProcess([], -14, "", ""), "exit code -14"),
    ],
)
def test_a_systemd_that_does_not_answer_is_told(answer: OSError | CompletedProcess[str], told: str) -> None:
    """Never taken for "the unit is not there"."""
    with pytest.raises(unit.SystemdError, match=told):
        unit.look(Answers(answer))


def test_last_words_are_of_the_last_start() -> None:
    """The journal is asked for this invocation's lines alone."""
    answers = Answers(SHOWN, " config.toml: broken\n")
    assert unit.last_words(answers) == "config.toml: broken"
    assert "_SYSTEMD_INVOCATION_ID=0f + INVOCATION_ID=0f" in answers.asked[1]


def test_no_last_words_are_no_fault() -> None:
    """Where journal or systemd is silent, the message goes without."""
    assert unit.last_words(Answers(SHOWN, FileNotFoundError(2, "no journalctl"))) == ""
    assert unit.last_words(Answers("ActiveState=inactive\n")) == ""
