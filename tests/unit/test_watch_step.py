"""The observer by itself: one event in, decisions out, and nothing of the state before it has changed."""

from runaway_watchdog.model.events import CaseRequest
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import ProcessRate, Rule, Sample
from runaway_watchdog.model.user_input import UserInput
from runaway_watchdog.watch import effects
from runaway_watchdog.watch.configuration import Configuration
from runaway_watchdog.watch.events import Died, End, Examination, Identification, Newcomers, Now, QueuedCase, Sampled
from runaway_watchdog.watch.judging import Particulars
from runaway_watchdog.watch.lineage import Seen
from runaway_watchdog.watch.observer import step
from runaway_watchdog.watch.state import State, initial

KEY = ProcKey("boot", 10, 1000)
GROUP = "/system.slice/ocr.service"
SEEN = Seen(KEY, GROUP, "lineage", "tesseract", ("tesseract",), 10.0)
RULE = Rule("sustained-cpu", 90.0, 8.0, "warning")
CONFIGURATION = Configuration(2.0, (RULE,), ("terminal",), 3600.0, "", 86400.0)
START = initial(CONFIGURATION, "boot", "", 0.0)


def at(second: float) -> Now:
    return Now(second, 1e9 + second, 1000.0 + second)


def look(second: float, *keys: ProcKey, percent: float = 99.0) -> Sampled:
    processes = tuple(ProcessRate(key, GROUP, percent, 2.0, percent) for key in keys)
    return Sampled(Sample(second, 1e9 + second, 2, 100.0, processes, ()), 1000.0 + second)


def tracked() -> State:
    """After three looks at a process that burns it is known who that is."""
    state = START
    for second in (2.0, 4.0):
        state, wanted = step(state, look(second, KEY), at(second))
        assert [each for each in wanted if isinstance(each, Identification)] == []
    state, wanted = step(state, look(6.0, KEY), at(6.0))
    (question,) = wanted
    assert isinstance(question, Identification)
    assert list(question.hot_s) == [KEY]
    state, wanted = step(state, question._replace(seen=(SEEN,)), at(6.0))
    assert wanted[0] == effects.store_process(SEEN, 1e9)
    assert list(state.lineages.tracked) == [KEY]
    return state


def test_an_idle_look_is_one_step_without_effects() -> None:
    """Nothing is asked, and nothing is written."""
    state, wanted = step(START, look(2.0), at(2.0))
    assert wanted == []
    assert state._replace(detected=START.detected) == START


def test_a_step_leaves_the_state_before_it_alone() -> None:
    """The same state and the same event lead to the same decisions, however often."""
    state = tracked()
    assert step(state, Died((End(KEY),)), at(7.0)) == step(state, Died((End(KEY),)), at(7.0))
    assert list(state.lineages.tracked) == [KEY]


def test_a_death_is_told_and_written_with_its_moment() -> None:
    """And it is asked at the next look who has come instead."""
    state, wanted = step(tracked(), Died((End(KEY),)), at(7.0))
    assert [each.action for each in wanted if isinstance(each, effects.Effect)] == ["log", "store death"]
    _, wanted = step(state, look(8.0), at(8.0))
    question = wanted[-1]
    assert isinstance(question, Newcomers)
    assert list(question.awaited) == [GROUP]


def test_a_finding_asks_before_it_opens_an_incident() -> None:
    """The question is the last effect of its step; with the answer come the log, the store and the case, in order."""
    state, wanted = step(tracked(), look(8.0, KEY), at(8.0))
    question = wanted[-1]
    assert isinstance(question, Examination)
    assert [each.finding.stage for each in question.questions] == ["sustained"]
    state, wanted = step(state, question._replace(answers=(Particulars(SEEN),)), at(8.0))
    actions = [each.action for each in wanted if isinstance(each, effects.Effect)]
    assert actions[:4] == ["log", "store incident", "store curves", "request case"]
    assert [each.id for each in state.book.incidents.values()] == [1]


def test_news_is_taken_in_without_effects() -> None:
    """What people have told, and a reload."""
    told = UserInput(frozenset((1,)))
    state, wanted = step(START, told, at(1.0))
    assert (state.user_input, wanted) == (told, [])
    state, wanted = step(state, CONFIGURATION._replace(rules=(RULE._replace(cpu=20.0),)), at(2.0))
    assert (state.lowest, wanted) == (20.0, [])


def test_what_no_case_explains_is_told_all_the_same() -> None:
    """But for what would have sent nothing."""
    request = CaseRequest(1, "opened", "r", "warning", 10, 1000, GROUP, "lineage", 99.0, 300.0, 1e9)
    for attempts, told in ((2, "tell unexplained"), (0, "tell together")):  # it failed, or it gave way to others
        _, wanted = step(START, QueuedCase(request, "tesseract", attempts=attempts), at(1.0))
        assert [each.action for each in wanted if isinstance(each, effects.Effect)] == ["log", told]
    _, wanted = step(START, QueuedCase(request._replace(kind="suspect"), "tesseract"), at(1.0))
    assert [each.action for each in wanted if isinstance(each, effects.Effect)] == ["log"]
