"""Cases, senders and reloads: started, limited, tried again, given up."""

import json
import os
import select
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runaway_watchdog import programs, starting
from runaway_watchdog.model.events import CaseRequest
from runaway_watchdog.watch.children import (
    ATTEMPTS,
    CASE_S,
    LATE_S,
    MOST_CASES,
    MOST_TOGETHER,
    MOST_WAITING,
    RETRY_S,
    SECOND_S,
    TOGETHER_S,
    Children,
    Ended,
    Modules,
)

STAND_IN = Modules(*("live.stand_in_case",) * 3)


def request(number: int = 1, kind: Any = "opened") -> CaseRequest:
    return CaseRequest(number, kind, "r", "warning", 10, 100, "/g", "lineage", 99.0, 300.0, 1e9)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    return tmp_path


@pytest.fixture
def poll() -> select.poll:
    return select.poll()


@pytest.fixture
def children(state: Path, poll: select.poll) -> Iterator[Children]:
    fd = os.memfd_create("configuration")
    os.write(fd, json.dumps({"rules": [], "store": {"path": str(state / "watchdog.db")}}).encode())
    yield Children(poll, fd, starting.Children(), STAND_IN)
    os.close(fd)


def ends(children: Children, poll: select.poll, now: float = 0.0) -> Ended:
    """Wait until a pidfd says that somebody has ended, and collect."""
    assert poll.poll(20_000)
    return children.reap(now)


def asked(state: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (state / "asked").read_text().splitlines()]


def test_a_case_gets_its_request_and_the_configuration(children: Children, poll: select.poll, state: Path) -> None:
    """On standard input and as an inherited descriptor."""
    wanted = request()._replace(busiest=(("/system.slice/a.service", 97.5, 3),))
    children.request_case(wanted, "tesseract")
    assert children.start_cases(0.0) == ()
    assert ends(children, poll).cases == ((wanted, 0),)
    (told,) = asked(state)
    assert CaseRequest.several_from_json(told["stdin"]) == (wanted,)
    assert told["words"] == ["--config-fd", str(children.config_fd)]
    assert poll.poll(0) == []


def test_at_most_two_cases_run_at_once_and_what_waits_goes_together(
    children: Children, poll: select.poll, state: Path
) -> None:
    """A burst: the first begins at once, a second where that takes long, and what came meanwhile is one process's."""
    children.request_case(request(0), "x")
    children.start_cases(100.0)
    for number in range(1, 3):
        children.request_case(request(number), "x")
    assert children.next_start() == 100.0 + SECOND_S
    children.start_cases(100.0)
    assert len([child for child in children._running if child.cases]) == 1
    children.start_cases(100.0 + SECOND_S)
    assert children.next_start() is None
    for number in range(3, 3 + MOST_TOGETHER):
        children.request_case(request(number, "suspect" if number == 3 else "opened"), "x")
    children.start_cases(112.0)
    assert [len(child.cases) for child in children._running] == [1, 2]
    done: list[int] = []
    while len(done) < 3:
        done += [each.incident_id for each, _ in ends(children, poll).cases]
    children.start_cases(112.0)
    assert [each.incident_id for each, _ in ends(children, poll).cases] == [*range(4, 3 + MOST_TOGETHER), 3]
    assert sorted(done) == [0, 1, 2]
    assert len(asked(state)) == 3


def test_those_of_a_failed_process_are_tried_again_each_by_itself(
    children: Children, poll: select.poll, state: Path
) -> None:
    """One that ends the process every time costs the others one try."""
    (state / "exit").write_text("1")
    for number in range(3):
        children.request_case(request(number), "x")
    children.start_cases(0.0)
    assert [each.incident_id for each, _ in ends(children, poll).cases] == [0, 1, 2]
    (state / "exit").write_text("0")
    assert children.next_start() == RETRY_S
    children.start_cases(RETRY_S)
    told: list[tuple[CaseRequest, int]] = []
    while len(told) < 3:
        told += ends(children, poll, 100.0).cases
        children.start_cases(100.0)
    assert sorted(each.incident_id for each, _ in told) == [0, 1, 2]
    assert [len(CaseRequest.several_from_json(each["stdin"])) for each in asked(state)] == [3, 1, 1, 1]


def test_what_a_process_leaves_for_want_of_time_is_asked_for_again(
    children: Children, poll: select.poll, state: Path
) -> None:
    """It has not failed: the rest goes to the next one, in its order, and together."""
    (state / "exit").write_text(str(starting.SEEN_TO + 1))
    for number in range(3):
        children.request_case(request(number), "x")
    children.start_cases(0.0)
    assert [(each.incident_id, code) for each, code in ends(children, poll).cases] == [(0, 0)]
    (state / "exit").write_text("0")
    children.start_cases(0.0)
    assert [(each.incident_id, code) for each, code in ends(children, poll).cases] == [(1, 0), (2, 0)]


def test_what_nobody_is_told_of_waits_for_company(children: Children, poll: select.poll, state: Path) -> None:
    """It gets a process for itself once its time has come, and goes beside another sooner."""
    children.request_case(request(1, "suspect"), "x", 10.0)
    children.start_cases(0.0)
    assert children.next_start() == 10.0
    children.request_case(request(2), "x")
    children.start_cases(1.0)
    assert [each.incident_id for each, _ in ends(children, poll).cases] == [2, 1]
    children.request_case(request(3, "suspect"), "x", 10.0)
    children.start_cases(10.0)
    assert [each.incident_id for each, _ in ends(children, poll).cases] == [3]
    assert len(asked(state)) == 2


def test_the_turns_of_one_incident_come_one_after_the_other(children: Children, poll: select.poll, state: Path) -> None:
    """In their order, also where the first has to be tried again: an end is not told before its beginning."""
    (state / "exit").write_text("1")
    for kind in ("opened", "resolved"):
        children.request_case(request(7, kind), "x")
    children.start_cases(0.0)
    assert children.next_start() is None, "nothing to do before the first has ended"
    assert [each.kind for each, _ in ends(children, poll).cases] == ["opened"]
    children.start_cases(0.0)
    assert poll.poll(0) == [], "it waits for another try, and the end behind it"
    (state / "exit").write_text("0")
    later = children.next_start()
    assert later is not None
    for kind in ("opened", "resolved"):
        children.start_cases(later)
        assert [(each.kind, code) for each, code in ends(children, poll).cases] == [(kind, 0)]


def test_a_failed_case_is_tried_again_and_given_up(children: Children, poll: select.poll, state: Path) -> None:
    """Three times, with pauses; then its request comes back."""
    (state / "exit").write_text("1")
    children.request_case(request(), "tesseract")
    now = 0.0
    for attempt in range(1, ATTEMPTS + 1):
        children.start_cases(now)
        ended = ends(children, poll, now)
        assert ended.cases == ((request(), 1),)
        assert len(ended.given_up) == (1 if attempt == ATTEMPTS else 0)
        if attempt < ATTEMPTS:
            later = children.next_start()
            assert later is not None
            assert later > now
            children.start_cases(now)
            assert poll.poll(0) == []
            now = later
    assert [(case.request, case.name) for case in ended.given_up] == [(request(), "tesseract")]
    assert children.next_start() is None


def test_cases_that_never_answer_keep_no_other_incident_waiting(
    children: Children, poll: select.poll, state: Path
) -> None:
    """Two hang, and again at each further try: what is opened meanwhile is told all the same, and soon."""
    (state / "never").write_text("1 2")
    children.request_case(request(1), "x")
    children.start_cases(0.0)
    children.request_case(request(2), "x")
    children.start_cases(SECOND_S)
    children.request_case(request(3), "x")
    later = children.next_start()
    assert later is not None
    assert later <= LATE_S
    children.start_cases(later)
    assert [each.incident_id for each, _ in ends(children, poll).cases] == [3]
    (state / "exit").write_text("1")
    (state / "never").unlink()
    failed: list[int] = []
    while len(failed) < 2:
        failed += [each.incident_id for each, _ in ends(children, poll, CASE_S).cases]
    (state / "never").write_text("1 2")
    assert sorted(failed) == [1, 2]
    for now in (CASE_S + RETRY_S, CASE_S + RETRY_S + SECOND_S):
        children.start_cases(now)
    children.request_case(request(4), "x")
    later = children.next_start()
    assert later is not None
    assert later <= CASE_S + RETRY_S + 2 * SECOND_S, "what has failed before holds nobody's place"
    (state / "exit").write_text("0")
    children.start_cases(later)
    assert [each.incident_id for each, _ in ends(children, poll, later).cases] == [4]
    (state / "never").unlink()
    while children._running:
        ends(children, poll, later)


def test_many_that_hang_at_their_further_tries_wait_for_each_other(
    children: Children, poll: select.poll, state: Path
) -> None:
    """And for nobody else: there are never more processes than the unit's socket lets in."""
    (state / "exit").write_text("1")
    for number in range(1, 7):
        children.request_case(request(number), "x")
    children.start_cases(0.0)
    assert len(ends(children, poll).cases) == 6
    (state / "never").write_text("1 2 3 4 5 6 8 9")
    for now in range(100, 200, 5):
        children.start_cases(float(now))
    assert [len(child.cases) for child in children._running] == [1, 1]
    assert children.next_start() is None, "the loop has nothing to wake up for"
    for number in (8, 9, 10):
        children.request_case(request(number), "x")
        children.start_cases(200.0 + 10 * number)
    assert len(children._running) == MOST_CASES
    assert children.next_start() is None
    (state / "never").unlink()
    while children._running:
        ends(children, poll, 300.0)


def test_one_that_hangs_costs_those_beside_it_less_than_its_own_time(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are tried again without it."""
    limits: list[int] = []

    def start(*_: object, seconds: int, **__: object) -> None:
        limits.append(seconds)
        raise BlockingIOError

    monkeypatch.setattr(programs, "start_module", start)
    for number in range(2):
        children.request_case(request(number), "x")
    children.start_cases(0.0)
    children.start_cases(RETRY_S)
    assert limits == [TOGETHER_S, CASE_S, CASE_S]


def test_a_case_that_cannot_be_started_counts_as_failed(children: Children, monkeypatch: pytest.MonkeyPatch) -> None:
    """No memory, no process number left: tried again all the same."""

    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError

    monkeypatch.setattr(programs, "start_module", refuse)
    children.request_case(request(), "x")
    given_up = [case for number in range(ATTEMPTS) for case in children.start_cases(1000.0 * number)]
    assert [case.request for case in given_up] == [request()]
    children.start_senders(["slack"], 0.0)
    assert not children.start_reload(())


def test_a_flood_of_requests_costs_the_preparing_ones_first(children: Children) -> None:
    """Bounded, and an alert is worth more than a suspicion."""
    children.request_case(request(1, "opened"), "x")
    for number in range(2, MOST_WAITING + 10):
        children.request_case(request(number, "suspect"), "x")
    waiting = [case.request.incident_id for case in children._waiting]
    assert len(waiting) == MOST_WAITING
    assert waiting[0] == 1


def test_a_channel_rests_as_its_last_sender_took_long(children: Children, poll: select.poll, state: Path) -> None:
    """On a crowded host what comes meanwhile is sent by one process; another channel is none the later for it."""
    children.start_senders(["slack"], 100.0)
    assert ends(children, poll, 104.0).senders == (("slack", 0),)
    children.start_senders(["slack", "mail"], 115.0)
    assert ends(children, poll, 115.0).senders == (("mail", 0),)
    children.start_senders(["slack"], 116.0)
    assert ends(children, poll, 176.0).senders == (("slack", 0),)
    children.start_senders(["slack"], 205.0)
    assert children._running == []
    children.start_senders(["slack"], 206.0)
    assert ends(children, poll, 206.5).senders == (("slack", 0),)
    assert [each["words"][-1] for each in asked(state)] == ["slack", "mail", "slack", "slack"]


def test_one_sender_for_each_channel(children: Children, poll: select.poll, state: Path) -> None:
    """A channel that is being sent to is left alone; one that failed has a pause that grows."""
    children.start_senders(["slack", "mail"], 0.0)
    children.start_senders(["slack"], 0.0)
    done: list[tuple[str, int]] = []
    while len(done) < 2:
        done += ends(children, poll).senders
    assert sorted(done) == [("mail", 0), ("slack", 0)]
    assert sorted(told["words"][-1] for told in asked(state)) == ["mail", "slack"]

    (state / "exit").write_text("1")
    for now, started in ((100.0, True), (105.0, False), (111.0, True), (125.0, False), (131.5, True)):
        children.start_senders(["slack"], now)
        assert bool(children._running) is started
        if started:
            assert ends(children, poll, now).senders == (("slack", 1),)


def test_a_reload_writes_the_new_configuration(children: Children, poll: select.poll, state: Path) -> None:
    """Its output is in a descriptor, and only one reload runs at a time."""
    (state / "new.json").write_text('{"new": 1}')
    assert children.start_reload(("--config", str(state / "new.json")))
    assert not children.start_reload(())
    ended = ends(children, poll)
    assert ended.reload is not None
    code, fd = ended.reload
    assert (code, os.pread(fd, 100, 0)) == (0, b'{"new": 1}\n')
    os.close(fd)
