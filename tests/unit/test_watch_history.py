"""What the watch sums up between two writes of its curves."""

from pathlib import Path

import pytest
from unit.watch_host import FakeHost

from runaway_watchdog.model.sampling import GroupRate, Sample
from runaway_watchdog.store.curves import HOST, MOST_GROUPS, Used
from runaway_watchdog.watch.history import History


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


def _sample(at: float, *groups: GroupRate) -> Sample:
    return Sample(at, 1e9 + at, 4, None, (), groups)


def test_host_and_groups_are_summed_up(host: FakeHost) -> None:
    """CPU seconds of each since the last time, the busiest group first; the host's from what was not idle."""
    history = History(host.host.paths, host.now)
    for _ in range(5):
        host.passes(2.0, 1.5)
        history.note(_sample(host.now, GroupRate("/a", 25.0, 2.0), GroupRate("/b", 50.0, 2.0)))
    used, watched_s = history.take()
    assert watched_s == 10.0
    assert dict(used)[HOST] == pytest.approx(7.5, abs=0.1)
    assert used[1:] == (Used("/b", 5.0), Used("/a", 2.5))
    host.passes(2.0, 0.0)
    history.note(_sample(host.now))
    assert [each.group for each in history.take()[0]] == [HOST]


def test_a_sweep_s_rate_counts_for_the_time_since_the_last_look_only(host: FakeHost) -> None:
    """A counter that was not read for half a minute must not put half a minute into one step."""
    history = History(host.host.paths, host.now)
    host.passes(2.0, 2.0)
    history.note(_sample(host.now, GroupRate("/a", 90.0, 30.0)))
    assert history.take()[0][1] == Used("/a", 1.8)


def test_only_so_many_groups_are_summed_up(host: FakeHost) -> None:
    """Memory is bounded, and who is known stays known."""
    history = History(host.host.paths, host.now)
    for _ in range(2):
        host.passes(2.0, 2.0)
        history.note(_sample(host.now, *(GroupRate(f"/{number}", 50.0, 2.0) for number in range(100))))
    used = [each for each in history.take()[0] if each.group != HOST]
    assert len(used) == MOST_GROUPS
    assert used[0].cpu_s == 2.0


def test_counters_that_cannot_be_compared_tell_nothing_of_the_host(host: FakeHost) -> None:
    """Idle time that went backwards, or CPUs that came and went, make no figure."""
    history = History(host.host.paths, host.now)
    host.idle_s -= 100.0
    host.passes(2.0, 2.0)
    history.note(_sample(host.now))
    assert history.take() == ((), 2.0)
