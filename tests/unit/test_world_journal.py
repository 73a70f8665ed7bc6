"""The journal's entries, and why there may be none."""

import json
from signal import SIGALRM
from subprocess import CompletedProcess
from typing import Any

import pytest
from hypothesis import given, strategies as st

from runaway_watchdog import programs
from runaway_watchdog.world import Unanswered
from runaway_watchdog.world.journal import LiveJournal, parse

pytestmark = pytest.mark.usefixtures("calm")


def answers(monkeypatch: pytest.MonkeyPatch, status: int, stdout: str = "", stderr: str = "") -> list[list[str]]:
    """Stand in for journalctl; returns the calls."""
    calls: list[list[str]] = []

    def run(argv: Any, **_: Any) -> CompletedProcess[str]:
        calls.append(list(argv))
        return CompletedProcess(list(argv), status, stdout, stderr)

    monkeypatch.setattr(programs, "run", run)
    return calls


def test_entries_come_as_they_were_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Oldest first, as journalctl prints them; no more than were asked for."""
    calls = answers(monkeypatch, 0, '{"MESSAGE": "one", "_PID": "1"}\n{"MESSAGE": "two"}\n')
    found = LiveJournal().entries(["_PID=1", "UNIT=x.service"], 5)
    assert [each["MESSAGE"] for each in found] == ["one", "two"]
    assert calls == [["journalctl", "--no-pager", "--output=json", "--lines=5", "--", "_PID=1", "UNIT=x.service"]]


def test_the_number_of_entries_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is asked for."""
    calls = answers(monkeypatch, 0)
    LiveJournal().entries([], 10**9)
    assert "--lines=1000" in calls[0]


@pytest.mark.parametrize(
    ("status", "stderr", "problem"),
    [
        (-SIGALRM, "", "did not answer within 2 s"),
        (1, "Failed to add match 'x': Invalid argument", "Failed to add match"),
        (0, "Hint: You are currently not seeing messages from other users and the system.", "not seeing messages"),
        (0, "No journal files were found.", "No journal files"),
        (1, "", "cannot be read"),
    ],
)
def test_what_may_not_be_seen_is_not_taken_for_nothing(
    monkeypatch: pytest.MonkeyPatch, status: int, stderr: str, problem: str
) -> None:
    """journalctl ends well where it hides all but the user's own entries."""
    answers(monkeypatch, status, stderr=stderr)
    with pytest.raises(Unanswered) as raised:
        LiveJournal().entries(["_PID=1"], 5)
    assert problem in raised.value.gap.problem


def test_without_journalctl_the_journal_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host without systemd."""

    def absent(*_: Any, **__: Any) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(programs, "run", absent)
    with pytest.raises(Unanswered) as raised:
        LiveJournal().entries([], 1)
    assert "cannot be started" in raised.value.gap.problem


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        ([104, 105], "hi"),
        ([255], "\udcff"),
        (None, None),
        ([["a"], "b"], None),
        (["a", "b"], "a"),
        (7, None),
    ],
)
def test_a_field_is_text_or_left_out(value: Any, text: str | None) -> None:
    """Numbers where it is not UTF-8, null where it is too long, a list where it is there several times."""
    (found,) = parse(json.dumps({"MESSAGE": value}))
    assert found.get("MESSAGE") == text


@given(st.text())
def test_no_output_breaks_it(text: str) -> None:
    """Entries hold what any program has written."""
    for entry in parse(text):
        assert all(isinstance(value, str) for value in entry.values())
