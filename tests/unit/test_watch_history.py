"""What the watch sums up between two writes of its curves."""

from pathlib import Path

import pytest
from unit.watch_host import FakeHost

from runaway_watchdog.model.sampling import GroupUse, Sample
from runaway_watchdog.store.curves import HOST, MOST_GROUPS, Used
from runaway_watchdog.watch.history import History, Stretch


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


def _sample(at: float, *used: GroupUse) -> Sample:
    return Sample(at, 1e9 + at, 4, None, (), (), used=used)


def _look(host: FakeHost, history: History, seconds: float, *used: GroupUse) -> None:
    host.passes(seconds, 0.0)
    history.note(_sample(host.now, *used))


def _groups(stretch: Stretch) -> dict[str, float]:
    return {each.group: round(each.cpu_s, 3) for each in stretch.used if each.group != HOST}


def test_host_and_groups_are_summed_up(host: FakeHost) -> None:
    """CPU seconds of each in ten seconds, the busiest group first; the host's from what was not idle."""
    history = History(host.host.paths, host.now)
    for _ in range(5):
        host.passes(2.0, 1.5)
        history.note(_sample(host.now, GroupUse("/a", 0.5, 2.0), GroupUse("/b", 1.0, 2.0)))
    (stretch,) = history.take()
    assert (stretch.watched_s, stretch.wall) == (10.0, 1e9 + host.now)
    assert dict(stretch.used)[HOST] == pytest.approx(7.5, abs=0.1)
    assert stretch.used[1:] == (Used("/b", 5.0), Used("/a", 2.5))
    assert history.take() == ()


def test_a_minute_is_handed_over_in_stretches_of_ten_seconds(host: FakeHost) -> None:
    """Oldest first, without a hole between them, the last one as long as it has come."""
    history = History(host.host.paths, host.now)
    for _ in range(12):
        _look(host, history, 2.0)
    taken = history.take()
    assert [each.watched_s for each in taken] == [10.0, 10.0, 4.0]
    assert [each.wall - host.now for each in taken] == [1e9 - 14.0, 1e9 - 4.0, 1e9]


def test_what_a_sweep_tells_is_spread_over_the_time_since_the_last(host: FakeHost) -> None:
    """Half a minute of a group that is far from hot must not look like ten hot seconds."""
    history = History(host.host.paths, host.now)
    for _ in range(2):
        _look(host, history, 10.0)
    _look(host, history, 10.0, GroupUse("/a", 3.6, 30.0))
    assert [_groups(each) for each in history.take()] == [{"/a": 1.2}] * 3


def test_what_was_handed_over_is_added_to(host: FakeHost) -> None:
    """An alert may have wanted the curves in the middle of that half minute: no second counts as watched twice."""
    history = History(host.host.paths, host.now)
    for _ in range(2):
        _look(host, history, 10.0)
    history.take()
    _look(host, history, 10.0, GroupUse("/a", 3.6, 30.0))
    taken = history.take()
    assert [(_groups(each), each.watched_s) for each in taken] == [({"/a": 1.2}, 0.0)] * 2 + [({"/a": 1.2}, 10.0)]
    assert [each.wall - 1e9 for each in taken] == [host.now - 20.0, host.now - 10.0, host.now]


def test_what_was_before_the_watch_is_left_out(host: FakeHost) -> None:
    """Of a counter that is older, only the part that was watched."""
    history = History(host.host.paths, host.now)
    _look(host, history, 10.0, GroupUse("/a", 40.0, 40.0))
    assert [_groups(each) for each in history.take()] == [{"/a": 10.0}]


def test_memory_is_bounded_and_the_busiest_come_first(host: FakeHost) -> None:
    """The store takes as many as it has room for, from the front; who is known stays known."""
    history = History(host.host.paths, host.now)
    for _ in range(2):
        _look(host, history, 2.0, *(GroupUse(f"/{number}", 1.0 + number, 2.0) for number in range(1000)))
    (stretch,) = history.take()
    used = [each for each in stretch.used if each.group != HOST]
    assert MOST_GROUPS < len(used) <= 4 * MOST_GROUPS
    assert used == sorted(used, key=lambda each: -each.cpu_s)
    assert used[-1].cpu_s == 2.0
    for _ in range(100):
        _look(host, history, 10.0)
    assert len(history.take()) <= 12


def test_counters_that_cannot_be_compared_tell_nothing_of_the_host(host: FakeHost) -> None:
    """Idle time that went backwards, or CPUs that came and went, make no figure."""
    history = History(host.host.paths, host.now)
    host.idle_s -= 100.0
    host.passes(2.0, 2.0)
    history.note(_sample(host.now))
    assert history.take() == (Stretch((), 2.0, 1e9 + host.now),)
