"""Hundreds of units that flap at once: one message tells of them, and no other alert waits for it."""

import json
import select
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest
from unit.test_watch_observer import RULE, SCOPE, Story
from unit.test_watch_observer_rules import LOOP, made_anew, under
from unit.watch_host import FakeHost

from runaway_watchdog.alerts import send
from runaway_watchdog.alerts.answers import Delivered
from runaway_watchdog.alerts.gathered import MOST_LISTED
from runaway_watchdog.model.events import CaseRequest
from runaway_watchdog.render.message import Message
from runaway_watchdog.store import outbox
from runaway_watchdog.store.database import connect
from runaway_watchdog.watch import crowding
from runaway_watchdog.watch.children import MOST_WAITING, Children, Modules
from runaway_watchdog.watch.crowding import Crowding, join, part

MANY = 300


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    with closing(connect(tmp_path / "watchdog.db")) as store:
        yield Story(FakeHost(tmp_path / "host"), store)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Message]:
    """What a channel was given."""
    given: list[Message] = []

    def deliver(_url: str, message: Message, _name: str = "") -> Delivered:
        given.append(message)
        return Delivered()

    monkeypatch.setattr(send, "deliver", deliver)
    return given


def sends(story: Story) -> None:
    send.send_due(story.store, "terminal", "json://x", {"alerts": {"channels": ["terminal"], "urls": ["json://x"]}})


@pytest.mark.parametrize("unit", ["flap-{}", "{}"])
def test_hundreds_of_units_that_flap_are_one_message(story: Story, sent: list[Message], unit: str) -> None:
    """Whatever they are called. Some cases and one message, the others go out meanwhile, and their ends are one too."""
    under(story, LOOP, RULE)
    words = [f"{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(MANY)]
    units = [f"/system.slice/{unit.format(number if '-' in unit else words[number])}.service" for number in range(MANY)]
    for each in units:
        story.host.group(each, 0.0)
    story.host.process(10, start_s=10.0, group=SCOPE)
    told_at: dict[tuple[str, str, int], float] = {}
    for turn in range(12):
        for _ in range(16):
            story.goes_on(2, burning=10)
            for request in story.requests:
                told_at.setdefault((request.rule, request.kind, request.incident_id), story.host.now - 1000)
        for each in units if turn < 8 else ():
            made_anew(story, each)
    (burner,) = [at for (rule, kind, _), at in told_at.items() if (rule, kind) == (RULE.name, "opened")]
    assert burner <= RULE.for_s + 10
    assert len([request for request in story.requests if request.rule == LOOP.name]) <= crowding.MOST_SINGLE
    sends(story)
    (message,) = sent
    assert f"{MANY - len(story.requests) + 2} of" in message.subject
    assert "the worst: " in message.subject
    assert "ends and comes back" in message.text
    assert story.store.execute("SELECT count(DISTINCT incident_id) FROM outbox WHERE sent_at IS NULL").fetchone() == (
        0,
    )
    sent.clear()
    story.goes_on(1300)
    sends(story)
    (message,) = sent
    assert "0 of" in message.subject
    assert len([request for request in story.requests if request.rule == LOOP.name]) <= 2 * crowding.MOST_SINGLE


def request(
    number: int,
    kind: Literal["suspect", "opened", "escalated", "resolved"] = "opened",
    group: str = "/a.slice/x-1.service",
    severity: str = "warning",
) -> CaseRequest:
    return CaseRequest(number, kind, "r", severity, 0, 0, group, "k", 95.0, 300.0, 1e9)


def joined(state: Crowding, *requests: CaseRequest, at: float = 0.0) -> tuple[Crowding, list[bool]]:
    waits = []
    for each in requests:
        state, waiting = join(state, each, each.group, at)
        waits.append(waiting)
    return state, waits


def test_what_is_like_none_of_them_does_not_wait() -> None:
    """Another unit, another severity, another rule, while many gather."""
    state, waits = joined(Crowding(), *map(request, range(50)))
    assert waits == [False] * 3 + [True] * 47
    others = [
        request(60, group="/a.slice/db.service"),
        request(61, severity="critical"),
        request(62)._replace(rule="another"),
        request(63, "resolved"),
    ]
    assert joined(state, *others)[1] == [False] * 4


def test_the_turns_of_one_incident_stay_in_their_order() -> None:
    """The end of one whose beginning waits, waits with it."""
    state, _ = joined(Crowding(), *map(request, range(20)))
    state, waits = joined(state, request(19, "resolved"), at=10.0)
    assert waits == [True]
    assert part(state, 39.0)[1] == ()
    state, (crowd,) = part(state, 40.0)
    assert [each.kind for each, _ in crowding.worst_last(crowd) if each.incident_id == 19] == ["opened", "resolved"]
    assert state.crowds == {}


def test_what_was_told_long_ago_is_forgotten() -> None:
    """A watch lives for months, and names are chosen by others: neither counts nor memory grow with them."""
    state = Crowding()
    for hour in range(200):
        state, waits = joined(state, request(hour, group=f"/a.slice/{chr(200 + hour)}.service"), at=hour * 3600.0)
        assert waits == [False]
    assert len(state.singles) == 2


def test_a_crowd_that_does_not_end_is_told_of_in_between() -> None:
    """After five minutes, though each second brings another."""
    state, second = Crowding(), 0
    while not part(state, float(second))[1]:
        second += 1
        state, _ = joined(state, request(second), at=float(second))
    assert second == 1 + crowding.SINGLE + crowding.LONGEST_S


class Endless:
    """A case that goes on."""

    fd = None

    def poll(self) -> None:
        """It has not ended."""

    def close(self) -> None:
        """Nothing is kept of it."""


class Starter:
    """Starts nothing."""

    def start(self, *_: object, **__: object) -> Endless:
        return Endless()

    compile = start


def test_what_matters_most_is_explained_first() -> None:
    """Preparations that came before wait; and what has to give way is told, though nobody has explained it."""
    children = Children(select.poll(), -1, Starter(), Modules())
    for number in range(MOST_WAITING - 1):
        children.request_case(request(number + 1, "suspect"), "x")
    children.request_case(request(1000), "x")
    children.start_cases(time.monotonic())
    assert children._running[0].cases[0].request.incident_id == 1000
    for number in range(MOST_WAITING + 50):
        children.request_case(request(2000 + number), "x")
    gave_way = [case for case in children.start_cases(time.monotonic()) if case.request.kind == "opened"]
    assert [(case.request.incident_id, case.attempts) for case in gave_way] == [(2000 + each, 0) for each in range(50)]


def test_a_message_about_many_shows_the_worst(sent: list[Message], tmp_path: Path) -> None:
    """Not the newest: the critical one among hundreds of warnings."""
    with closing(connect(tmp_path / "watchdog.db")) as store:
        for number in range(MANY):
            severity = "critical" if number in (5, 7) else "warning"
            document = {"incident": {"severity": severity}}
            told = json.dumps({"subject": f"unit {number}", "text": f"It is unit {number}.", "document": document})
            outbox.enqueue(store, number, "opened", "terminal", told, time.time() - 1000 + number)
        send.send_due(store, "terminal", "json://x", {"alerts": {"channels": ["terminal"], "urls": ["json://x"]}})
    (message,) = sent
    assert message.subject.endswith("the worst: unit 7")
    assert "It is unit 7." in message.text
    assert f"{MANY} of {MANY}" in message.subject
    listed = [line.split()[-1] for line in message.text.splitlines() if line.startswith("  20")]
    assert (listed[:2], listed[-1], len(listed)) == (["5", "7"], str(MANY - 1), MOST_LISTED)


def test_a_crowd_that_waits_when_the_watch_ends_is_told(story: Story) -> None:
    """What has become worse is not said again by the next watch."""
    waiting = tuple((request(number, "escalated", severity="critical"), "x") for number in range(1, 4))
    crowds = {("escalated", "r", "critical"): crowding.Crowd(0.0, 0.0, waiting)}
    story.driver.state = story.driver.state._replace(crowding=Crowding(crowds=crowds))
    story.driver.close()
    told = story.store.execute("SELECT incident_id, kind, urgent FROM outbox").fetchall()
    assert told == [(number, "escalated", 1) for number in range(1, 4)]
