"""The watch's parts together: what is kept quiet, what gets worse, what means others, and what is said of the host."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from unit.test_watch_observer import SCOPE, Story
from unit.watch_host import FakeHost

from runaway_watchdog.model.sampling import Rule
from runaway_watchdog.store import digest, queries, records
from runaway_watchdog.store.database import connect
from runaway_watchdog.watch.configuration import Configuration
from runaway_watchdog.watch.events import QueuedCase

CPU = Rule("sustained-cpu", 90.0, 300.0, "warning", by_harm=True)
SLOW = Rule("slow-burn", 40.0, 600.0, "info", push=False)
LOOP = Rule("restart-loop", 0.0, 600.0, "warning", "restarts", times=5, by_harm=True)
PRESSURE = Rule("pressure", 60.0, 300.0, "warning", "pressure", by_harm=True)
BACKUP = "/system.slice/nightly-backup.service"


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    with closing(connect(tmp_path / "watchdog.db")) as store:
        yield Story(FakeHost(tmp_path / "host"), store)


@pytest.fixture
def at_night(tmp_path: Path) -> Iterator[Story]:
    with closing(connect(tmp_path / "watchdog.db")) as store:
        yield Story(FakeHost(tmp_path / "host"), store, BACKUP)


def under(story: Story, *rules: Rule) -> None:
    story.driver.configure(Configuration(2.0, rules, ("terminal",), 3600.0, "", 86400.0))


def severities(store: sqlite3.Connection) -> list[tuple[str, str]]:
    return [(each.rule, each.severity) for each in queries.incidents(store)]


def named(story: Story, pid: int, name: str) -> None:
    stat = story.host.root / "proc" / str(pid) / "stat"
    stat.write_text(stat.read_text().replace("(p)", f"({name})"))


def test_ordinary_work_is_told_of_only_when_it_takes_too_long(at_night: Story) -> None:
    """A backup of twenty minutes is listed and explained; one of forty is an alert."""
    under(at_night, CPU)
    at_night.host.process(10, start_s=10.0, group=BACKUP)
    named(at_night, 10, "restic")
    at_night.goes_on(1200, burning=10)
    assert at_night.told() == [("suspect", 0, 10), ("recorded", 1, 10)]
    assert severities(at_night.store) == [("sustained-cpu", "info")]
    at_night.goes_on(700, burning=10)
    assert at_night.told() == [("suspect", 0, 10), ("recorded", 1, 10), ("opened", 1, 10)]
    assert severities(at_night.store) == [("sustained-cpu", "warning")]


def test_ordinary_work_that_ends_in_time_is_never_told_of(at_night: Story) -> None:
    """Neither its beginning nor its end."""
    under(at_night, CPU)
    at_night.host.process(10, start_s=10.0, group=BACKUP)
    named(at_night, 10, "restic")
    at_night.goes_on(1700, burning=10)
    at_night.host.end(10, BACKUP)
    at_night.goes_on(1000)
    assert at_night.told() == [("suspect", 0, 10), ("recorded", 1, 10)]
    assert [each.state for each in queries.incidents(at_night.store)] == ["resolved"]


def test_how_long_work_usually_takes_survives_a_restart(at_night: Story) -> None:
    """Three runs of a minute were stored: the fourth is too long after a few."""
    under(at_night, CPU)
    for number in range(3):
        at_night.host.process(10 + number, start_s=at_night.host.now, group=BACKUP)
        named(at_night, 10 + number, "restic")
        at_night.goes_on(60, burning=10 + number)
        at_night.host.end(10 + number, BACKUP)
        at_night.goes_on(80)
    left = records.resume(at_night.store, "", 0.0, 1e9 + at_night.host.now, 100)
    assert [round(seconds / 20) for _, seconds in left.lengths] == [3, 3, 3]
    at_night.driver = at_night.new_driver()
    at_night.driver.resume(left)
    under(at_night, CPU)
    at_night.host.process(20, start_s=at_night.host.now, group=BACKUP)
    named(at_night, 20, "restic")
    at_night.goes_on(400, burning=20)
    assert ("opened", 1, 20) in at_night.told()


def test_an_incident_gets_worse_when_others_begin_to_wait(story: Story) -> None:
    """It was opened on a host with room; the change of its severity is told once."""
    under(story, CPU)
    story.host.process(10, start_s=10.0, group=SCOPE)
    story.goes_on(400, burning=10)
    assert severities(story.store) == [("sustained-cpu", "warning")]
    story.host.crowd(8.0, 8, 90.0)
    story.driver._sampler._gate._virtual = True  # nothing proves that there is room
    story.goes_on(200, burning=10)
    assert severities(story.store) == [("sustained-cpu", "critical")]
    assert [each.kind for each in story.requests] == ["suspect", "opened", "escalated"]
    assert story.requests[-1].severity == "critical"


def test_a_rule_that_means_others_opens_nothing(story: Story) -> None:
    """Its unit does not fit."""
    under(story, CPU._replace(only=(("unit", "shop*"),)))
    story.host.process(10, start_s=10.0, group=SCOPE)
    story.goes_on(800, burning=10)
    story.goes_on(400)
    assert story.told() == []
    assert severities(story.store) == []


def test_a_slow_rule_is_silent_where_a_faster_one_has_spoken(story: Story) -> None:
    """One runaway, one incident."""
    under(story, CPU, SLOW)
    story.host.process(10, start_s=10.0, group=SCOPE)
    story.goes_on(2000, burning=10)
    assert [name for name, _ in severities(story.store)] == ["sustained-cpu"]


def test_a_slow_rule_is_listed_without_a_message(story: Story) -> None:
    """Half a core for long enough: explained, and nobody is woken."""
    under(story, CPU, SLOW)
    story.host.process(10, start_s=10.0, group=SCOPE)
    for _ in range(700):
        story.host.used_ns[10] -= 1_000_000_000
        story.burnt_s -= 1.0
        story.goes_on(2, burning=10)
    assert severities(story.store) == [("slow-burn", "info")]
    assert [each.kind for each in story.requests] == ["suspect", "recorded"]


def made_anew(story: Story, group: str) -> None:
    old = story.host.cgroups / group.lstrip("/")
    old.rename(story.host.root / "gone")
    story.host.group(group, 0.0)
    shutil.rmtree(story.host.root / "gone")


@pytest.mark.parametrize(("group", "told"), [("/system.slice/flap.service", 1), ("/system.slice/cron.service", 0)])
def test_a_restart_loop_of_lives_that_nobody_sees_is_told(story: Story, group: str, told: int) -> None:
    """Its group is made anew again and again; what a schedule starts is meant to come back."""
    under(story, CPU, LOOP)
    story.host.group(group, 0.0)
    for _ in range(8):
        story.goes_on(32)
        made_anew(story, group)
    story.goes_on(100)
    assert [(each.kind, each.group, each.severity) for each in story.requests] == [("opened", group, "warning")] * told
    story.goes_on(1200)
    assert [each.kind for each in story.requests] == ["opened", "resolved"] * told


OTHERS = ("/system.slice/a.service", "/system.slice/b.service", f"/system.slice/docker-{'ab' * 32}.scope")


def crowded(story: Story, *rules: Rule) -> None:
    """Processes wait for a CPU; nothing is proved of the host."""
    under(story, *rules)
    story.driver._sampler._gate._virtual = True
    story.host.crowd(8.0, 8, 90.0)
    story.host.process(10, start_s=10.0, group=SCOPE)


def burn_alike(story: Story, seconds: float) -> None:
    """Three others use as much as PID 10 does."""
    for _ in range(int(seconds / 2)):
        for group in OTHERS:
            story.host.group(group, story.burnt_s - 3)
        story.goes_on(2, burning=10)


def test_a_host_under_pressure_names_who_uses_most(story: Story) -> None:
    """Its case does, once no culprit has come within a minute; where it fails, names of units and containers do."""
    crowded(story, CPU._replace(for_s=9000.0), PRESSURE)
    burn_alike(story, 340)
    assert [each.rule_kind for each in story.requests] == []
    burn_alike(story, 60)
    assert severities(story.store) == [("pressure", "critical")]
    (request,) = story.requests
    assert (request.kind, request.rule_kind, request.group) == ("opened", "pressure", "")
    assert [percent for _, percent, _ in request.busiest] == [100.0] * 3
    request = request._replace(busiest=((OTHERS[2], 60.0, 0), (OTHERS[0], 40.0, 7)))
    for attempts in (0, 3):
        story.driver.give_up(QueuedCase(request, "the host", attempts=attempts))
    rows = story.store.execute("SELECT message, kind, urgent FROM outbox").fetchall()
    message = json.loads(rows[0][0])
    assert tuple(rows[0][1:]) == ("opened", 1)
    told = message["document"]
    assert (told["kind"], told["incident"]["severity"], told["case"]) == ("opened", "critical", None)
    assert "processes wait for a CPU" in message["subject"]
    assert "60 % of a core  container abababababab\n" in message["text"]
    assert "40 % of a core  a.service (incident 7)\n" in message["text"]
    assert "/system.slice" not in message["text"]


@pytest.mark.parametrize(("cpu_s", "pressure_s", "beside"), [(300.0, 330.0, 0), (330.0, 300.0, 1)])
def test_pressure_and_its_culprit_are_one_alert(story: Story, cpu_s: float, pressure_s: float, beside: int) -> None:
    """Whichever comes first, within a minute of the other; where only the pressure goes on, it is told by itself."""
    crowded(story, CPU._replace(for_s=cpu_s), PRESSURE._replace(for_s=pressure_s))
    story.goes_on(1000, burning=10)
    assert [(each.kind, each.rule_kind) for each in story.requests] == [("opened", "cpu")]
    assert set(severities(story.store)) == {("sustained-cpu", "critical"), ("pressure", "critical")}
    assert story.requests[-1].beside == beside
    story.requests.clear()
    story.goes_on(900)
    assert [(each.kind, each.rule_kind) for each in story.requests] == [("resolved", "cpu"), ("opened", "pressure")]


def test_many_alike_are_told_beside_the_host(story: Story) -> None:
    """None of them is the culprit: the alert about the host names them, and theirs refer to it."""
    crowded(story, CPU._replace(for_s=330.0), PRESSURE)
    burn_alike(story, 460)
    told = [(each.kind, each.rule_kind, each.beside) for each in story.requests if each.kind == "opened"]
    assert ("opened", "pressure", 0) in told
    assert ("opened", "cpu", 1) in told


@pytest.mark.parametrize(("waiting", "prepared"), [(90.0, 0), (0.0, 4)])
def test_on_a_crowded_host_no_suspect_is_prepared_for(story: Story, waiting: float, prepared: int) -> None:
    """Each preparation is a process of its own, which others wait for."""
    crowded(story, CPU)
    story.host.crowd(8.0, 8, waiting)
    burn_alike(story, 200)
    assert [each.kind for each in story.requests] == ["suspect"] * prepared


@pytest.mark.parametrize(("waiting", "waits_s"), [(90.0, 15.0), (30.0, 0.0)])
def test_on_a_crowded_host_an_alert_waits_for_others(story: Story, waiting: float, waits_s: float) -> None:
    """They are explained by one process; elsewhere each begins at once."""
    crowded(story, CPU)
    story.host.crowd(8.0, 8, waiting)
    burn_alike(story, 298)
    asked: list[float] = []
    story.driver._carriers["request case"] = lambda _request, _name, not_before: asked.append(not_before)
    while not asked:
        burn_alike(story, 2)
    now = story.host.host.clocks.monotonic()
    assert asked == [pytest.approx(now + waits_s) if waits_s else 0.0] * len(asked)


def passes_untold(story: Story, *rules: Rule) -> None:
    """Pressure that is over within its minute."""
    crowded(story, *rules)
    burn_alike(story, 20)
    assert severities(story.store) == [("pressure", "critical")]
    story.host.crowd(0.0, 0, 0.0)
    burn_alike(story, 200)


BRIEF = (CPU._replace(for_s=9000.0), PRESSURE._replace(for_s=10.0))


def test_pressure_that_passes_within_its_minute_is_not_told(story: Story) -> None:
    """Neither its beginning nor its end; nor by the next watch, nor as something harmless."""
    passes_untold(story, *BRIEF)
    assert story.requests == []
    story.host.passes(3600.0, 1.0)
    story.restarts()
    under(story, *BRIEF)
    burn_alike(story, 100)
    assert story.requests == []
    assert digest.put_digest(story.store, ["terminal"], "vm", 1e9 + story.host.now) == 0
    assert story.store.execute("SELECT COUNT(*) FROM outbox").fetchone() == (0,)


@pytest.mark.parametrize("restarts", [False, True])
def test_pressure_that_comes_back_after_it_passed_untold_is_told(story: Story, restarts: bool) -> None:
    """Nobody has heard of it yet: it is no going up and down that waits for the next reminder."""
    passes_untold(story, *BRIEF)
    if restarts:
        story.restarts()
        under(story, *BRIEF)
        story.driver._sampler._gate._virtual = True
    story.host.crowd(8.0, 8, 90.0)
    burn_alike(story, 200)
    assert [(each.kind, each.rule_kind) for each in story.requests] == [("opened", "pressure")]


def test_pressure_is_told_with_nothing_that_may_wait_longer(story: Story) -> None:
    """A warning waits for the end of a quiet night: what is critical of the host does not go with it, nor stay with it
    once it has become critical."""
    crowded(story, CPU._replace(by_harm=False), PRESSURE._replace(for_s=330.0))
    story.goes_on(500, burning=10)
    told = [(each.rule_kind, each.severity) for each in story.requests if each.kind == "opened"]
    assert told == [("cpu", "warning"), ("pressure", "critical")]


def test_pressure_that_gets_worse_than_what_it_was_told_with_is_told(story: Story) -> None:
    """Both were warnings."""
    crowded(story, CPU._replace(by_harm=False, for_s=60.0), PRESSURE._replace(for_s=70.0, cpu=40.0))
    story.host.crowd(8.0, 8, 50.0)
    story.goes_on(200, burning=10)
    assert [each.rule_kind for each in story.requests if each.kind == "opened"] == ["cpu"]
    story.host.crowd(8.0, 8, 90.0)
    story.goes_on(200, burning=10)
    told = [(each.rule_kind, each.severity) for each in story.requests if each.kind == "opened"]
    assert told == [("cpu", "warning"), ("pressure", "critical")]


def test_pressure_that_is_over_is_not_told_when_its_culprit_has_ended(story: Story) -> None:
    """Its incident drains for longer than the culprit's: nobody waits any more."""
    crowded(story, CPU._replace(for_s=100.0), PRESSURE._replace(for_s=120.0))
    story.goes_on(600, burning=10)
    under(story, CPU._replace(for_s=100.0), PRESSURE._replace(for_s=600.0))
    story.goes_on(700, burning=10)
    story.host.crowd(0.0, 0, 0.0)
    story.goes_on(700)
    assert [(each.kind, each.rule_kind) for each in story.requests] == [("opened", "cpu"), ("resolved", "cpu")]
