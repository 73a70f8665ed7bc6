"""Restart loops, by what comes back."""

from hypothesis import given, strategies as st

from runaway_watchdog.model.events import Finding
from runaway_watchdog.model.sampling import Rule
from runaway_watchdog.watch import returns
from runaway_watchdog.watch.returns import ReturnState

RULE = Rule("restart-loop", 0.0, 600.0, "warning", "restarts", times=5)
G = "/system.slice/flap.service"


def run(times: list[float], until: float, rules: tuple[Rule, ...] = (RULE,)) -> list[Finding]:
    state = ReturnState()
    found: list[Finding] = []
    for at in range(0, int(until), 10):
        due = [each for each in times if at <= each < at + 10]
        for each in due:
            state = returns.note(state, [G], "group", each)
        state, new = returns.detect(state, float(at + 10), 1e9 + at + 10, rules)
        found += new
    return found


def test_five_returns_within_the_window_are_a_loop_told_once() -> None:
    """And it is over when nothing came back for as long as the window."""
    found = run([30.0 * n for n in range(1, 30)], 3000)
    assert [(each.stage, each.group, each.returns) for each in found] == [("sustained", G, 5), ("resolved", G, 0)]
    assert found[0].wall - 1e9 <= 160
    assert 870 + 600 <= found[1].wall - 1e9 <= 870 + 620


def test_a_few_restarts_a_day_are_no_loop() -> None:
    """Each one alone in its window."""
    assert run([700.0 * n for n in range(1, 20)], 15000) == []


def test_two_kinds_of_evidence_are_not_added_up() -> None:
    """They tell of the same returns."""
    state = ReturnState()
    for at in range(3):
        state = returns.note(state, [G], "group", float(at))
        state = returns.note(state, [G], "process", float(at))
    assert returns.detect(state, 5.0, 0.0, (RULE,))[1] == ()


def test_a_rule_that_is_gone_ends_its_story() -> None:
    """A reload leaves nothing open for ever."""
    state = returns.resume(ReturnState(), RULE, G, 0.0)
    state, found = returns.detect(state, 10.0, 0.0, ())
    assert [each.stage for each in found] == ["resolved"]
    assert state == ReturnState()


@given(st.lists(st.tuples(st.integers(0, 400), st.floats(0, 1)), max_size=600))
def test_its_memory_is_bounded(came: list[tuple[int, float]]) -> None:
    """Whatever comes back, however often."""
    state = ReturnState()
    for number, at in came:
        state = returns.note(state, [f"/g{number}"], "group", at)
    assert len(state.tallies) <= 256
    assert all(len(each.group) <= 64 for each in state.tallies.values())
