"""CPU over time in the store: finer while it is young, bounded for ever."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from runaway_watchdog.store import curves, database, schema
from runaway_watchdog.store.curves import (
    HOST,
    MOST_GROUPS,
    RESOLUTIONS,
    Point,
    Used,
    busiest,
    curve,
    forget_groups,
    put_curves,
    usual,
)

AT = 1_795_000_000.0 - 1_795_000_000.0 % 3600  # a full hour


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(database.connect(tmp_path / "watchdog.db")) as connection:
        yield connection


def _watch(store: sqlite3.Connection, group: str, percent: float, *, begin: float, seconds: int) -> None:
    for second in range(0, seconds, 10):
        used = Used(group, percent / 10)
        put_curves(store, (Used(HOST, 2.0), used) if percent else (Used(HOST, 2.0),), 10.0, begin + second + 10)


def test_a_young_curve_has_a_point_for_every_ten_seconds(store: sqlite3.Connection) -> None:
    """In percent of one core, at the middle of each step, oldest first."""
    _watch(store, "/g", 99.0, begin=AT, seconds=30)
    _watch(store, "/g", 50.0, begin=AT + 30, seconds=10)
    assert curve(store, "/g", AT, AT + 40) == (
        Point(AT + 5, 99.0), Point(AT + 15, 99.0), Point(AT + 25, 99.0), Point(AT + 35, 50.0),
    )  # fmt: skip
    assert {each.percent for each in curve(store, HOST, AT, AT + 40)} == {20.0}


def test_where_the_watch_looked_and_wrote_nothing_the_group_was_cold(store: sqlite3.Connection) -> None:
    """A step without the watch is missing, one without the group is 0."""
    _watch(store, "/g", 90.0, begin=AT, seconds=10)
    _watch(store, "/g", 0.0, begin=AT + 10, seconds=10)
    _watch(store, "/g", 80.0, begin=AT + 60, seconds=10)
    assert [(each.at - AT, each.percent) for each in curve(store, "/g", AT, AT + 70)] == [
        (5, 90.0), (15, 0.0), (65, 80.0),
    ]  # fmt: skip


def test_an_old_curve_is_coarser_and_means_the_same(store: sqlite3.Connection) -> None:
    """Three hours ago there are minutes left, three days ago ten minutes, three weeks ago hours."""
    _watch(store, "/g", 60.0, begin=AT, seconds=600)
    for later_s, points in ((3 * 3600, 10), (3 * 86400, 1), (21 * 86400, 1)):
        put_curves(store, (Used(HOST, 1.0),), 10.0, AT + later_s)
        told = curve(store, "/g", AT, AT + 600)
        assert [each.percent for each in told] == [60.0] * points


def test_a_group_that_never_was_has_no_curve(store: sqlite3.Connection) -> None:
    """No points, rather than a line of zeros."""
    _watch(store, "/g", 60.0, begin=AT, seconds=60)
    assert curve(store, "/other", AT, AT + 60) == ()
    assert curve(store, "/g", AT + 1000, AT + 2000) == ()


def test_a_step_holds_only_so_many_groups(store: sqlite3.Connection) -> None:
    """A unit that makes a new group each second cannot fill the disk, and what is known goes on."""
    put_curves(store, [Used(HOST, 1.0), Used("/first", 1.0)], 10.0, AT + 10)
    put_curves(store, [Used(HOST, 1.0), *(Used(f"/{number}", 1.0) for number in range(100))], 10.0, AT + 10)
    put_curves(store, [Used("/first", 1.0)], 10.0, AT + 10)
    rows = store.execute("SELECT count(*) FROM curve WHERE step_s = 10").fetchone()[0]
    assert rows == MOST_GROUPS + 1
    assert curve(store, "/first", AT, AT + 10)[0].percent == pytest.approx(100 * 2 / 30, abs=0.1)
    assert forget_groups(store) == 102 - (MOST_GROUPS + 1)


def test_a_full_step_gives_room_to_who_burns_more(store: sqlite3.Connection) -> None:
    """A runaway late in an hour in which many units did a little is in that hour's step as well; the host stays."""
    put_curves(store, [Used(HOST, 0.1), *(Used(f"/{number}", 1.0 + number) for number in range(40))], 10.0, AT + 10)
    put_curves(store, [Used("/hot", 30.0), Used("/cold", 0.5)], 10.0, AT + 10)
    told = dict(busiest(store, AT, AT + 60, 100))
    assert "/hot" in told
    assert not {"/0", "/cold"} & told.keys()
    assert len(told) == MOST_GROUPS
    assert curve(store, HOST, AT, AT + 10)[0].percent == 0.5


def _days(store: sqlite3.Connection, now: float, **percents: list[float]) -> None:
    """What each group used around this time of the day, yesterday first."""
    for day in range(1, 9):
        used = [Used(f"/{name}", each[day - 1] * 6) for name, each in percents.items() if day <= len(each)]
        for tenth in range(-3, 5):
            put_curves(store, (Used(HOST, 600.0), *used), 600.0, now - day * 86400 + tenth * 600)


def test_usual_is_the_median_of_the_same_hour_on_other_days(store: sqlite3.Connection) -> None:
    """One day on which it ran away does not become its habit; a group of its own each."""
    now = AT + 1800.0
    _days(store, now, g=[99.0, 12.0, 11.0, 12.0, 13.0, 12.0, 12.0, 12.0], other=[50.0] * 8)
    assert usual(store, "/g", now) == pytest.approx(12.0)
    assert usual(store, "/other", now) == pytest.approx(50.0)
    assert usual(store, "/never-seen", now) is None


def test_a_young_group_has_no_habits(store: sqlite3.Connection) -> None:
    """The days before it was first seen do not count as idle ones, and two are no habit."""
    now = AT + 1800.0
    _days(store, now, young=[12.0] * 2, known=[12.0] * 4)
    assert usual(store, "/young", now) is None
    assert usual(store, "/known", now) == pytest.approx(12.0)


def test_an_hour_in_which_nobody_looked_tells_nothing(store: sqlite3.Connection) -> None:
    """The host was off, or the watch: that is no idle hour."""
    now = AT + 1800.0
    put_curves(store, (Used(HOST, 1.0), Used("/g", 9.0)), 10.0, now - 8 * 86400)
    assert usual(store, "/g", now) is None
    for day in (1, 2, 3):
        put_curves(store, (Used(HOST, 1.0),), 1800.0, now - day * 86400 + 900)
    assert usual(store, "/g", now) == 0.0


def test_an_hour_is_the_same_on_the_clock_after_the_clocks_were_changed(
    store: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs go by local time: on 26 October 2026, nine o'clock is 25 hours after nine o'clock the day before."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        nine = datetime(2026, 10, 26, 9, tzinfo=ZoneInfo("Europe/Berlin"))
        for day in range(1, 9):
            at = (nine - timedelta(days=day)).timestamp()
            put_curves(store, (Used(HOST, 1.0), Used("/g", 1800.0)), 3600.0, at + 1800)
            put_curves(store, (Used(HOST, 1.0),), 3600.0, at + 1800 + 3600)
        assert usual(store, "/g", nine.timestamp() + 1800) == pytest.approx(50.0)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_nothing_is_kept_beyond_its_time(store: sqlite3.Connection) -> None:
    """Years of watching cost what the resolutions allow, and names go with their last step."""
    for day in range(200):
        put_curves(store, [Used(HOST, 1.0), Used(f"/day/{day}", 5.0)], 10.0, AT + day * 86400.0)
    assert store.execute("SELECT count(*) FROM watched WHERE step_s = 10").fetchone()[0] == 1
    assert store.execute("SELECT min(at) FROM curve").fetchone()[0] >= AT + (199 - 90) * 86400 - 3600
    forget_groups(store)
    assert store.execute("SELECT count(*) FROM curve_group").fetchone()[0] <= 1 + 91


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(percents=st.lists(st.floats(0, 800), min_size=1, max_size=60), since=st.integers(0, 600))
def test_every_resolution_tells_the_same_cpu(store: sqlite3.Connection, percents: list[float], since: int) -> None:
    """What was used is counted once at each resolution, and points lie in the asked span and in order."""
    store.execute("DELETE FROM curve")
    store.execute("DELETE FROM watched")
    for number, percent in enumerate(percents):
        put_curves(store, (Used(HOST, 1.0), Used("/g", percent / 10)), 10.0, AT + 10 * number + 10)
    for resolution in RESOLUTIONS:
        row = store.execute(
            "SELECT sum(cpu_s) FROM curve JOIN curve_group ON id = group_id WHERE group_path = '/g' AND step_s = ?",
            (resolution.step_s,),
        ).fetchone()
        assert row[0] == pytest.approx(sum(percents) / 10)
    told = [each.at for each in curve(store, "/g", AT + since, AT + 600)]
    assert told == sorted(told)
    assert all(AT + since - 10 < at < AT + 610 for at in told)


def test_a_store_of_the_first_version_gets_its_curves(tmp_path: Path) -> None:
    """What was in it stays; the upgrade adds the tables."""
    file = tmp_path / "watchdog.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as old:
        for statement in schema.MIGRATIONS[0].split(";\n"):
            old.execute(statement)
        old.execute("INSERT INTO lineage (key, group_path, name, first_seen, last_seen) VALUES ('k', '/g', 'n', 1, 2)")
        old.execute("PRAGMA user_version = 1")
    with closing(database.connect(file)) as store:
        assert store.execute("PRAGMA user_version").fetchone() == (schema.SCHEMA_VERSION,)
        assert store.execute("SELECT name FROM lineage").fetchall() == [("n",)]
        put_curves(store, (Used(HOST, 2.0),), 10.0, AT + 10)
    with closing(database.connect(file, readonly=True)) as reader:
        assert curves.curve(reader, HOST, AT, AT + 10) == (Point(AT + 5, 20.0),)
    assert curves.HOST == curves.HOST
