"""What ends while the watch is down: its incident is over soon after the next start, and the message says so."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from unit.golden.cases import NOW, cases
from unit.test_watch_observer import RULE, SCOPE, Story
from unit.test_watch_observer_rules import LOOP, made_anew, named, under
from unit.watch_host import FakeHost

from runaway_watchdog.model.events import CaseRequest, Finding
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import Rule
from runaway_watchdog.render.message import Incident, fallback, message
from runaway_watchdog.store import queries, records
from runaway_watchdog.store.database import connect
from runaway_watchdog.watch import incidents

SOON_S = 30.0
SESSION = "/user.slice/user-1000.slice/session-3.scope"


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    with closing(connect(tmp_path / "watchdog.db")) as store:
        yield Story(FakeHost(tmp_path / "host"), store)


def is_down(story: Story, seconds: float = 600.0) -> None:
    """The watch, for a while."""
    story.cases_do_their_work()
    story.host.passes(seconds, 1.0)


def starts(story: Story, rule: Rule) -> None:
    """Another watch, which goes on where that one ended."""
    story.requests.clear()
    story.driver = story.new_driver()
    under(story, rule)
    story.driver.resume(records.resume(story.store, "", 0.0, 1e9 + story.host.now, 100))


def states(story: Story) -> list[str]:
    return [each.state for each in queries.incidents(story.store)]


def ends_unseen(story: Story) -> CaseRequest:
    """Soon after the start it is over, and that is told once."""
    starts(story, RULE._replace(for_s=3600.0))
    story.goes_on(SOON_S)
    assert states(story) == ["resolved"]
    story.goes_on(400)
    (told,) = story.requests
    assert (told.kind, told.unseen) == ("resolved", True)
    return told


@pytest.mark.parametrize("group", [SCOPE, SESSION, ""])
@pytest.mark.parametrize("alone", [True, False])
def test_a_process_that_is_gone(tmp_path: Path, group: str, alone: bool) -> None:
    """Its group with it, or others are still in it; or it is in none."""
    with closing(connect(tmp_path / "watchdog.db")) as store:
        story = Story(FakeHost(tmp_path / "host"), store, group or SCOPE)
        story.group = group
        story.host.process(10, start_s=10.0, group=group)
        if not alone:
            story.host.process(9, start_s=9.0, group=group, state="S")
        story.goes_on(400, burning=10)
        assert states(story) == ["open"]
        is_down(story)
        story.host.end(10, group)
        if alone and group:
            shutil.rmtree(story.host.cgroups / group.lstrip("/"))
        assert ends_unseen(story).pid == 10


def test_a_process_number_that_is_anothers_now(story: Story) -> None:
    """The same PID, another start."""
    story.host.process(10, start_s=10.0, group=SCOPE)
    story.goes_on(400, burning=10)
    is_down(story)
    story.host.end(10, SCOPE)
    story.host.process(10, start_s=story.host.now - 5, group=SCOPE, state="S")
    named(story, 10, "another")
    ends_unseen(story)


def test_a_unit_in_a_restart_loop_that_was_stopped(story: Story) -> None:
    """Between two lives it is gone as well: it has a minute to come back."""
    under(story, LOOP)
    story.host.group(SCOPE, 0.0)
    for _ in range(8):
        story.goes_on(32)
        made_anew(story, SCOPE)
    story.goes_on(60)
    is_down(story)
    shutil.rmtree(story.host.cgroups / SCOPE.lstrip("/"))
    starts(story, LOOP)
    story.goes_on(90)
    assert [(each.kind, each.unseen) for each in story.requests] == [("resolved", True)]


def test_work_that_came_back_is_no_end(story: Story) -> None:
    """Started again by its owner while nobody looked, and burning: the incident goes on, and nothing is told."""
    story.host.process(10, start_s=10.0, group=SCOPE)
    story.goes_on(400, burning=10)
    is_down(story)
    story.replaced(10, 11)
    starts(story, RULE)
    story.goes_on(400, burning=11)
    assert states(story) == ["open"]
    assert [each.kind for each in story.requests if each.kind != "suspect"] in ([], ["returned"])


def test_what_goes_on_goes_on(story: Story) -> None:
    """And what ends an hour later has not ended unseen."""
    story.host.process(10, start_s=10.0, group=SCOPE)
    story.goes_on(400, burning=10)
    is_down(story)
    starts(story, RULE)
    story.goes_on(600, burning=10)
    assert (states(story), story.requests) == (["open"], [])
    story.host.end(10, SCOPE)
    story.goes_on(400)
    assert [(each.kind, each.unseen) for each in story.requests] == [("resolved", False)]


@pytest.mark.parametrize("group", [SCOPE, ""])
def test_what_came_back_and_then_ends_has_not_ended_unseen(tmp_path: Path, group: str) -> None:
    """It is soon over, but the watch has seen it burn."""
    with closing(connect(tmp_path / "watchdog.db")) as store:
        story = Story(FakeHost(tmp_path / "host"), store)
        story.group = group
        story.host.process(10, start_s=10.0, group=group)
        story.goes_on(400, burning=10)
        is_down(story)
        story.host.end(10, group)
        story.host.process(11, start_s=story.host.now - 5, group=group)
        starts(story, RULE)
        story.goes_on(30, burning=11)
        story.host.end(11, group)
        story.goes_on(400)
        assert [each.unseen for each in story.requests if each.kind == "resolved"] == [False]


def test_a_process_that_has_moved_ends_as_itself() -> None:
    """Its control group is not its name: the incident of one that went to another one, seen or unseen, ends with it."""
    key = ProcKey("boot", 10, 1000)
    found = Finding("sustained", "r", "warning", SCOPE, key, 95.0, 300.0, NOW)
    book, opened = incidents.sustain(incidents.Book(), found, incidents.Work("k", SCOPE, "p"), 0.0, 3600.0)
    assert opened is not None
    book, over = incidents.resolve(book, found._replace(stage="resolved", group=SESSION))
    assert over is not None
    assert book.incidents == {}


def test_the_message_says_that_nobody_saw_it() -> None:
    """Not "is calm again", and no length that it may not have had."""
    case = cases()["compose"]
    told = message(case, "resolved", NOW, Incident(number=12, unseen=True))
    assert "has ended, and not come back, while the watch was not running" in " ".join(told.text.split())
    assert "It lasted" not in told.text
    request = CaseRequest(12, "resolved", "r", "warning", 10, 1, SCOPE, "k", 95.0, 300.0, NOW - 600, unseen=True)
    text = fallback(request, NOW, host="vm", reason="it ended").text
    assert "while the watch was not running" in " ".join(text.split())
