"""The watch's parts together, on a made-up host: hours of a runaway's life in a second."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from unit.watch_host import FakeHost

from runaway_watchdog.model.events import CaseRequest, Ending, Sender
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import Rule
from runaway_watchdog.model.user_input import Expectation, UserInput, Window
from runaway_watchdog.store import curves, events, outbox, queries, records
from runaway_watchdog.store.database import connect
from runaway_watchdog.store.writer import Operation, Writer
from runaway_watchdog.watch.configuration import Configuration
from runaway_watchdog.watch.driver import Driver
from runaway_watchdog.watch.events import End
from runaway_watchdog.watch.log import Log
from runaway_watchdog.watch.loop import QuickLooks
from runaway_watchdog.watch.recorder import Recorder
from runaway_watchdog.watch.timer import Timer

SCOPE = "/system.slice/docker-1.scope"
RULE = Rule("sustained-cpu", 90.0, 300.0, "warning")


class WritesAtOnce(Writer):
    """The writer without its thread."""

    def __init__(self, store: sqlite3.Connection) -> None:
        self._store = store
        self._dropped = 0

    def put(self, operation: Operation) -> bool:
        operation(self._store)
        return True


class Story:
    """A made-up host under watch."""

    def __init__(self, host: FakeHost, store: sqlite3.Connection, group: str = SCOPE) -> None:
        self.host = host
        self.group = group
        self.store = store
        self.requests: list[CaseRequest] = []
        self.burnt_s = 100.0
        self.driver = self.new_driver()
        host.group("/system.slice", 100.0)
        host.group(group, 100.0)
        host.group("/init.scope", 0.0)

    def new_driver(self) -> Driver:
        with open("/dev/null", "wb") as nowhere:  # its number is reused: nothing is ever written there
            log = Log(nowhere.fileno(), "")
        configuration = Configuration(2.0, (RULE,), ("terminal",), 3600.0, "", 86400.0)
        recorder = Recorder(WritesAtOnce(self.store), lambda: self.host.now, lambda: 1e9 + self.host.now)
        log._write = lambda *_: None  # type: ignore[method-assign]
        return Driver(self.host.host, configuration, recorder, log, lambda request, *_: self.requests.append(request))

    def goes_on(self, seconds: float, burning: int | None = None) -> None:
        """Tick every two seconds; one process, or nobody, burns a core meanwhile."""
        for _ in range(int(seconds / 2)):
            if burning is not None:
                self.host.used_ns[burning] += 2_000_000_000
                self.burnt_s += 2.0
                self.host.group("/system.slice", self.burnt_s)
                self.host.group(self.group, self.burnt_s)
            self.host.passes(2.0, 2.0 if burning else 0.1)
            self.driver.tick()

    def cases_do_their_work(self) -> None:
        """Each has written its message."""
        for request in self.requests:
            if request.incident_id:
                outbox.enqueue(self.store, request.incident_id, request.kind, "terminal", "{}", request.opened_at)

    def restarts(self) -> None:
        """The watch ends, and another one goes on."""
        self.driver = self.new_driver()
        self.driver.resume(records.resume(self.store, "", 0.0, 1e9 + self.host.now, 100))

    def told(self) -> list[tuple[str, int, int]]:
        return [(each.kind, each.incident_id, each.pid) for each in self.requests]

    def replaced(self, old: int, new: int) -> None:
        """Killed, and started again by its owner between two ticks."""
        self.host.end(old, SCOPE)
        self.host.process(new, start_s=self.host.now + 0.5, group=SCOPE)


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    with closing(connect(tmp_path / "watchdog.db")) as store:
        yield Story(FakeHost(tmp_path / "host"), store)


def test_a_runaway_that_keeps_coming_back_is_one_incident(story: Story) -> None:
    """Killed twice: an alert, the first return, a reminder about the process of that hour, an end; two returns."""
    story.host.process(10, start_s=10.0, group=SCOPE)
    story.goes_on(400, burning=10)
    story.replaced(10, 11)
    story.goes_on(1000, burning=11)
    story.replaced(11, 12)
    story.goes_on(3000, burning=12)
    story.host.end(12, SCOPE)
    story.goes_on(400)
    assert story.told() == [
        ("suspect", 0, 10), ("opened", 1, 10), ("returned", 1, 11), ("reminder", 1, 12), ("resolved", 1, 12)
    ]  # fmt: skip
    (incident,) = queries.incidents(story.store)
    assert (incident.state, incident.pid, incident.name) == ("resolved", 10, "p")
    history = queries.lineage_history(story.store, incident.lineage_id)
    assert (history.returns_seen, history.pids) == (2, (10, 11, 12))
    assert [death.successor_pid for death in history.deaths] == [None, 12, 11]


def test_who_killed_it_is_stored_clean_with_the_story(story: Story) -> None:
    """As the kernel told it when the process died; a name that a terminal would obey is none in the store."""
    key = story.host.process(10, start_s=10.0, group=SCOPE)
    story.goes_on(400, burning=10)
    story.host.end(10, SCOPE)
    killer = Sender(812, "\x1b[2Jbash", "root", "ann", "198.51.100.7")
    story.driver.died([End(ProcKey(*key), Ending(signal=9, sender=killer), 0.5)])
    (incident,) = queries.incidents(story.store)
    (died,) = [each for each in events.events(story.store, incident.id) if each.kind == "died"]
    told = Ending(signal=9, sender=killer._replace(name="bash"))
    assert Ending.from_json(died.detail) == told
    assert died.at == pytest.approx(1e9 + story.host.now - 0.5)
    (death,) = queries.lineage_history(story.store, incident.lineage_id).deaths
    assert (death.ending, death.died_at) == (told, died.at)


def test_the_next_of_a_series_is_no_news(story: Story) -> None:
    """None of them met the rule by itself: that they come back is what the alert says. It is counted all the same."""
    story.host.process(100, start_s=10.0, group=SCOPE)
    for number in range(100, 120):
        story.goes_on(30, burning=number)
        story.replaced(number, number + 1)
    kinds = [kind for kind, _, _ in story.told()]
    assert "opened" in kinds
    assert "returned" not in kinds
    (incident,) = queries.incidents(story.store)
    assert queries.lineage_history(story.store, incident.lineage_id).returns_seen > 10


def test_what_is_stored_holds_no_secret(story: Story) -> None:
    """The command line of the process has one."""
    key = story.host.process(10, start_s=10.0, group=SCOPE)
    story.goes_on(400, burning=10)
    stored = queries.by_key(story.store, ProcKey(*key))
    assert stored is not None
    assert stored.cmdline == ("/usr/bin/p", "--token=***")
    assert "hunter2" not in "".join(story.store.iterdump())
    assert "hunter2" not in repr(story.requests)


def test_the_figure_of_a_hot_process_stays_fresh(story: Story) -> None:
    """`explain` shows the watch's own measurement, never older than a few ticks."""
    key = story.host.process(10, start_s=10.0, group=SCOPE)
    story.goes_on(100, burning=10)
    share = queries.cpu_record(story.store, key, 1e9 + story.host.now - 15)
    assert share is not None
    assert round(share.percent) == 100
    stored = queries.by_key(story.store, key)
    assert stored is not None
    assert stored.hot_since is not None
    assert stored.hot_since <= 1e9 + 1000 + 6


def test_what_is_usual_at_this_hour_is_told_with_the_alert(story: Story) -> None:
    """From the group's own curve of a week; asked while it is a suspect, since the loop waits for no disk."""
    now = 1e9 + story.host.now
    for day in range(1, 9):
        for tenth in range(-3, 6):
            at = now - day * 86400 + tenth * 600
            curves.put_curves(story.store, (curves.Used(SCOPE, 72.0),), 600.0, at)
    story.host.process(10, start_s=10.0, group=SCOPE)
    story.goes_on(400, burning=10)
    (opened,) = (request for request in story.requests if request.kind == "opened")
    assert opened.harm.endswith("; normally 12 % at this hour, now 100 %")


def test_the_curve_is_written_before_the_alert_that_shows_it(story: Story) -> None:
    """It is written once a minute else: the minute that matters most must not be missing."""
    story.host.process(10, start_s=10.0, group=SCOPE)
    until: list[float] = []
    story.driver._carriers["request case"] = lambda *_: until.append(
        story.store.execute("SELECT max(at) FROM watched WHERE step_s = 10").fetchone()[0]
    )
    hot = 1e9 + story.host.now
    story.goes_on(302, burning=10)
    assert until[-1] >= hot + 290


def test_the_curve_of_the_runaway_s_group_outlives_the_watch(story: Story) -> None:
    """A point for every ten seconds, of the group and of the host; a new watch goes on with it."""
    story.host.process(10, start_s=10.0, group=SCOPE)
    story.goes_on(60)
    hot = 1e9 + story.host.now
    story.goes_on(60, burning=10)
    story.driver = story.new_driver()
    story.goes_on(60, burning=10)
    told = curves.curve(story.store, SCOPE, hot + 10, hot + 110)
    assert len(told) >= 10
    assert sum(each.percent > 90 for each in told) >= 8
    assert min(each.percent for each in told) > 70  # the first look of a watch knows no rate
    assert max(each.percent for each in told) < 130
    assert [each.percent for each in curves.curve(story.store, SCOPE, hot - 50, hot - 10)] == [0.0] * 4
    assert 90 < curves.curve(story.store, curves.HOST, hot + 20, hot + 40)[0].percent < 130


def test_a_crash_loop_of_short_lives_is_found(story: Story) -> None:
    """Each process burns for 20 seconds only; the work does for ten minutes."""
    pid = 10
    story.host.process(pid, start_s=10.0, group=SCOPE)
    for _ in range(30):
        story.goes_on(20, burning=pid)
        story.replaced(pid, pid + 1)
        pid += 1
    opened = [request for request in story.requests if request.kind == "opened"]
    assert len(opened) == 1
    (incident,) = queries.incidents(story.store)
    assert queries.lineage_history(story.store, incident.lineage_id).returns_seen >= 28


@pytest.mark.parametrize("gone", [True, False])
def test_a_new_watch_goes_on_where_the_last_one_stopped(story: Story, gone: bool) -> None:
    """No second alert for what burns on; a death that nobody saw is written down and its incident resolved."""
    key = story.host.process(10, start_s=10.0, group=SCOPE)
    story.goes_on(400, burning=10)
    story.cases_do_their_work()
    before = story.told()
    if gone:
        story.host.end(10, SCOPE)
    story.restarts()
    story.goes_on(400, burning=None if gone else 10)
    new = story.told()[len(before) :]
    assert new == ([("resolved", 1, 10)] if gone else [])
    stored = queries.by_key(story.store, key)
    assert stored is not None
    assert (stored.died_at is not None) is gone
    assert stored.death_exact is (False if gone else None)


def test_a_return_while_nobody_watched_is_found(story: Story) -> None:
    """The watch was restarted meanwhile: the death is not exact, the new start is."""
    story.host.process(10, start_s=10.0, group=SCOPE)
    story.goes_on(400, burning=10)
    story.cases_do_their_work()
    story.host.passes(60.0, 1.0)
    story.replaced(10, 11)
    story.host.passes(60.0, 1.0)
    story.restarts()
    story.goes_on(100, burning=11)
    (stored,) = queries.processes_by_pid(story.store, 11)
    assert stored.predecessor_pid == 10
    assert [request.kind for request in story.requests] == ["suspect", "opened", "returned"]


def test_work_that_goes_up_and_down_is_prepared_for_once(story: Story) -> None:
    """A suspect costs a case; the same one again within ten minutes does not."""
    story.host.process(10, start_s=10.0, group=SCOPE)
    for _ in range(3):
        story.goes_on(160, burning=10)
        story.goes_on(60)
    assert story.told() == [("suspect", 0, 10)]


def test_a_removed_rule_resolves_its_incidents(story: Story) -> None:
    """After a reload nothing stays open that nothing would ever close."""
    story.host.process(10, start_s=10.0, group=SCOPE)
    story.goes_on(400, burning=10)
    other = Rule("other", 300.0, 60.0, "info")
    story.driver.configure(Configuration(2.0, (other,), ("terminal",), 3600.0, "", 86400.0))
    story.goes_on(10, burning=10)
    assert story.told()[-1] == ("resolved", 1, 10)


def test_an_alert_that_was_cut_off_is_told_by_the_next_watch(story: Story) -> None:
    """The watch ended between the incident and its case; once the case has written, nothing is told again."""
    story.host.process(10, start_s=10.0, group=SCOPE)
    story.goes_on(400, burning=10)
    story.restarts()
    assert story.told() == [("suspect", 0, 10), ("opened", 1, 10), ("opened", 1, 10)]
    story.cases_do_their_work()
    story.restarts()
    assert len(story.told()) == 3


def test_what_began_and_ended_unheard_is_told_whole_by_the_next_watch(story: Story) -> None:
    """The watch ended before the first of its cases had written: the alert is not lost because it is over by now."""
    story.host.process(10, start_s=10.0, group=SCOPE)
    story.goes_on(400, burning=10)
    story.goes_on(600)
    before = len(story.told())
    story.restarts()
    assert [each[:2] for each in story.told()[before:]] == [("opened", 1), ("resolved", 1)]
    story.cases_do_their_work()
    story.restarts()
    assert len(story.told()) == before + 2


def test_what_comes_back_within_a_day_is_the_same_incident(story: Story) -> None:
    """Killed, calm for ten minutes, back as another process: told at once, under its old number, with its story."""
    story.host.process(10, start_s=10.0, group=SCOPE)
    story.goes_on(400, burning=10)
    story.host.end(10, SCOPE)
    story.goes_on(600)
    story.host.process(11, start_s=story.host.now, group=SCOPE)
    story.goes_on(400, burning=11)
    assert [each for each in story.told() if each[0] != "suspect"] == [
        ("opened", 1, 10), ("resolved", 1, 10), ("opened", 1, 11)
    ]  # fmt: skip
    (incident,) = queries.incidents(story.store)
    assert (incident.state, incident.pid) == ("open", 11)
    kinds = [each.kind for each in events.events(story.store, 1)]
    assert kinds == ["opened", "died", "resolved", "reopened"]


def test_a_restart_of_the_watch_does_not_make_it_a_new_incident(story: Story) -> None:
    """What was over is remembered in the store."""
    story.host.process(10, start_s=10.0, group=SCOPE)
    story.goes_on(400, burning=10)
    story.goes_on(600)
    story.cases_do_their_work()
    story.restarts()
    story.goes_on(400, burning=10)
    assert [each.id for each in queries.incidents(story.store)] == [1]
    assert queries.incidents(story.store)[0].state == "open"


def test_what_goes_up_and_down_is_not_told_at_each_turn(story: Story) -> None:
    """Three times hot within an hour is one alert and its end; then comes the reminder."""
    story.host.process(10, start_s=10.0, group=SCOPE)
    for _ in range(3):
        story.goes_on(400, burning=10)
        story.goes_on(600)
    told = [each[0] for each in story.told() if each[0] not in ("suspect", "recorded")]
    assert told == ["opened", "resolved"]
    story.goes_on(2400, burning=10)
    told = [each[0] for each in story.told() if each[0] not in ("suspect", "recorded")]
    assert told == ["opened", "resolved", "reminder"]


def test_an_acknowledged_incident_sends_no_reminder(story: Story) -> None:
    """Its end is told all the same; once the acknowledgement has run out, reminders come again."""
    story.host.process(10, start_s=10.0, group=SCOPE)
    story.goes_on(400, burning=10)
    story.driver.hear(UserInput(frozenset((1,))))
    story.goes_on(4000, burning=10)
    assert [each[0] for each in story.told()] == ["suspect", "opened"]
    story.driver.hear(UserInput())
    story.goes_on(8000, burning=10)
    assert [each[0] for each in story.told()] == ["suspect", "opened", "reminder"]


def test_expected_work_is_listed_and_told_only_when_its_time_is_over(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hot from 01:47 (the made-up host's clock, in UTC), expected until 02:30."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    story.driver.hear(UserInput(expectations=(Expectation("docker-*.scope", Window(0, 150)),)))
    story.host.process(10, start_s=10.0, group=SCOPE)
    assert time.gmtime(1e9 + story.host.now)[3:5] == (2, 3)
    story.goes_on(1500, burning=10)
    assert [each[0] for each in story.told()] == ["suspect", "recorded"]
    assert [each.severity for each in queries.incidents(story.store)] == ["info"]
    story.goes_on(300, burning=10)
    assert [each[0] for each in story.told()] == ["suspect", "recorded", "opened"]


def test_missed_ticks_are_skipped() -> None:
    """After a stall there is one tick, not a hundred."""
    timer = Timer(2.0, 100.0)
    assert not timer.due(99.9)
    assert timer.due(100.0)
    assert timer.at == 102.0
    assert timer.due(302.5)
    assert not timer.due(302.6)
    assert 303.0 <= timer.at <= 304.5


def test_looks_between_ticks_are_rationed() -> None:
    """A fast crash loop does not make the watch burn too."""
    looks, now, done = QuickLooks(0.0), 0.0, 0
    for _ in range(10_000):
        looks.plan(now)
        now += 0.05
        done += looks.due(now)
    assert now == pytest.approx(500)
    assert 200 < done <= 275
    looks.cancel()
    assert looks.next() is None


def test_looks_between_ticks_come_soon_after_a_death() -> None:
    """The successor may live for a second only."""
    looks = QuickLooks(0.0)
    looks.plan(10.0)
    times: list[float] = []
    while (at := looks.next()) is not None:
        assert looks.due(at)
        times.append(round(at - 10.0, 3))
    assert times == [0.05, 0.1, 0.2, 0.4, 0.8]
