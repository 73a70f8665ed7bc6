"""The system's manager: which properties are kept, and when a calendar comes next."""

from signal import SIGALRM
from subprocess import CompletedProcess
from typing import Any

import pytest
from hypothesis import given, strategies as st

from runaway_watchdog import programs
from runaway_watchdog.world import Unanswered
from runaway_watchdog.world.systemd import LiveManager, parse_calendar
from runaway_watchdog.world.units import parse


class Manager(LiveManager):
    """One whose bus answers as the test likes."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer

    def _send(self, *question: Any) -> Any:
        return "/unit" if "GetUnit" in question else self.answer


def test_a_value_of_another_type_is_left_out() -> None:
    """Whoever answers for a user's bus: what is kept has the type that owners reckon with."""
    unit = Manager({"Id": ("s", "x.service"), "MainPID": ("s", "many"), "Restart": ("as", ["always"])}).unit(
        "x.service"
    )
    assert unit == parse({"Id": "x.service"})


def test_of_commands_only_their_number_is_kept() -> None:
    """Their arguments may hold secrets."""
    command = ("/bin/kill", ["/bin/kill", "--password=x"], False, 0, 0, 0, 0, 0, 0, 0)
    unit = Manager({"Id": ("s", "x.service"), "ExecStop": ("a(sasbttttuii)", [command])}).unit("x.service")
    assert unit == parse({"Id": "x.service", "ExecStop": 1})


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("    Next elapse: Sun 2026-11-22 19:57:00 UTC\n       From now: 9s left\n", 1795377420.0),
        ("    Next elapse: Mon 2026-11-23 03:57:00 CST\n       (in UTC): Sun 2026-11-22 19:57:00 UTC\n", 1795377420.0),
        ("    Next elapse: Sun 2026-11-22 19:57:00.500000 UTC\n", 1795377420.0),
        ("    Next elapse: never\n", None),
    ],
)
def test_the_next_time_is_read_in_utc(text: str, moment: float | None) -> None:
    """As systemd-analyze of 252 prints it."""
    assert parse_calendar(f"  Original form: daily\nNormalized form: *-*-* 00:00:00\n{text}") == moment


@given(st.text())
def test_anything_else_is_not_an_answer(text: str) -> None:
    """And never a guess."""
    with pytest.raises(Unanswered):
        parse_calendar(text)


def test_who_does_not_tell_times_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that is late pays the limit once, however many timers start the unit."""
    calls: list[list[str]] = []

    def run(argv: Any, **_: Any) -> CompletedProcess[str]:
        calls.append(list(argv))
        return CompletedProcess(list(argv), -SIGALRM, "", "")

    monkeypatch.setattr(programs, "run", run)
    manager = LiveManager()
    for calendar in ("daily", "weekly", "daily"):
        with pytest.raises(Unanswered, match="did not answer"):
            manager.next_elapse(calendar)
    assert len(calls) == 1


def test_an_expression_is_never_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user writes it."""
    calls: list[list[str]] = []

    def run(argv: Any, **_: Any) -> CompletedProcess[str]:
        calls.append(list(argv))
        return CompletedProcess(list(argv), 0, "Next elapse: never\n", "")

    monkeypatch.setattr(programs, "run", run)
    assert LiveManager().next_elapse("--help") is None
    assert calls == [["systemd-analyze", "calendar", "--", "--help"]]
