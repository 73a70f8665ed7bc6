"""What a subject wanted, on full hosts, under limits and under steal."""

import pytest
from hypothesis import given, strategies as st

from runaway_watchdog.model.sampling import Contention, HostLoad, ThreadShares
from runaway_watchdog.watch.demand import demand, smallest_share

PERCENT = st.floats(0, 1600)


@pytest.mark.parametrize(
    ("percent", "waited", "crowding"),
    [(50.0, 50.0, 2.0), (50.0, 50.0, 1.5), (20.0, 80.0, 5.0), (12.5, 87.5, 8.0)],
    ids=["4 on 2", "the unlucky of 3 on 2", "10 on 2", "16 on 2"],
)
def test_a_spinner_among_spinners_wanted_a_whole_core(percent: float, waited: float, crowding: float) -> None:
    """Its CPU and its waiting make up all of the time."""
    assert demand(percent, Contention(waited=waited), HostLoad(crowding)) == pytest.approx(100)


def test_a_victim_is_not_a_runaway() -> None:
    """Many threads that wait a moment each time they wake have waited long between them, and wanted little."""
    assert demand(8.0, Contention(waited=400.0), HostLoad(2.0)) < 30


def test_what_sleeps_by_itself_sleeps_on() -> None:
    """A fifth is spent waiting, most of the rest asleep; what was not seen of it may have wanted more."""
    load, seen = HostLoad(8.0), ThreadShares(7.0, 9.0, 71.0)
    assert demand(7.0, Contention(waited=85.0), load) == 92
    assert demand(7.0, Contention(waited=85.0, threads=seen), load) == 9
    assert demand(10.0, Contention(waited=85.0, threads=seen), load) == 9 + 3 * 15
    assert demand(30.0, Contention(waited=70.0, threads=ThreadShares(30.0, 100.0, 0.0)), load) == 100


def test_a_shell_sleeps_for_the_programs_of_its_loop() -> None:
    """29 loops on two CPUs: the shell's third of what its loop got is followed, its short-lived programs are not."""
    shell = Contention(waited=95.0, threads=ThreadShares(1.5, 3.5, 41.0))
    assert demand(4.5, shell, HostLoad(14.5)) == 99.5
    assert demand(1.6, shell, HostLoad(14.5)) < 10  # it sleeps by itself: hardly anything is left that it waits for


def test_on_a_host_with_room_waiting_counts_for_nothing() -> None:
    """Nobody can have been kept from much."""
    assert demand(40.0, Contention(waited=60.0), HostLoad(1.0)) == 40


def test_a_small_limit_is_the_measure_of_its_group() -> None:
    """Half a core of half a core is all; what may use several cores is judged by one."""
    assert demand(49.0, Contention(limit=50.0), HostLoad()) == 98
    assert demand(95.0, Contention(limit=200.0), HostLoad()) == 95


def test_under_steal_the_share_of_what_the_host_got_counts() -> None:
    """A spinner that got seven tenths while three were stolen wanted all; nobody wants more than its core."""
    assert demand(70.0, Contention(steal=30.0), HostLoad(steal=30.0)) == pytest.approx(100)
    assert demand(90.0, Contention(steal=30.0), HostLoad(steal=30.0)) == 100


@given(PERCENT, st.floats(0, 1e6), st.none() | st.floats(0, 6400), st.floats(0, 100), st.floats(1, 1000))
def test_nobody_wanted_less_than_it_got(
    percent: float, waited: float, limit: float | None, steal: float, crowding: float
) -> None:
    """And nothing that is under the smallest share can have wanted as much as the rule asks for, limits apart."""
    load = HostLoad(crowding, 0.0, steal)
    wanted = demand(percent, Contention(waited, limit, 0.0, steal), load)
    assert wanted >= percent
    if limit is None and percent < smallest_share(90.0, load) * 0.999:
        assert wanted < 90.0
