"""Deaths and returns of the same work."""

import time

import pytest
from hypothesis import given, settings, strategies as st

from runaway_watchdog.model.events import Death, Ending
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import ProcessRate, Sample
from runaway_watchdog.watch import lineage
from runaway_watchdog.watch.lineage import Ended, LineageState, Seen, lineage_key

WALL = 1e9
G = "/system.slice/docker-1.scope"


def seen(
    pid: int, start_s: float, group: str = G, name: str = "tesseract", argv: tuple[str, ...] = ("tesseract",)
) -> Seen:
    key = ProcKey("boot", pid, int(start_s * 100))
    return Seen(key, group, lineage_key(group, name, argv), name, argv, start_s)


def ended(who: Seen, at: float, *, exact: bool = True) -> Ended:
    return Ended(who.key, at, WALL + at, exact)


def test_the_moment_of_an_end_lies_after_the_last_look_that_met_it_alive() -> None:
    """A first thread may have ended long before its process, and the kernel tells that thread's moment."""
    old = seen(10, 5.0)
    for at, expected in ((100.0, 100.0), (50.0, 99.0)):
        told = ended(old, at)._replace(ending=Ending(signal=9))
        _, (death,), _ = lineage.observe(tracking(old, at=99.0), [told], [], WALL + 101, 101.0)
        assert death == Death(old.key, WALL + expected, exact=True, ending=Ending(signal=9))


def tracking(*who: Seen, at: float = 0.0) -> LineageState:
    return lineage.track(LineageState(), who, WALL, at)


def test_a_return_is_the_same_program_in_the_same_group_after_the_death() -> None:
    """Its delay is the kernel's start time minus the moment of death, whenever it was noticed."""
    old, new = seen(10, 5.0), seen(11, 100.25)
    state, deaths, returns = lineage.observe(tracking(old), [ended(old, 100.0)], [new], WALL + 107, 107.0)
    assert [(death.key, death.wall, death.exact) for death in deaths] == [(old.key, WALL + 100.0, True)]
    assert [(back.key, back.predecessor, back.delay_s, back.wall) for back in returns] == [
        (new.key, old.key, 0.25, WALL + 100.25)
    ]
    assert set(state.tracked) == {new.key}
    assert state.awaited == ()


def test_others_do_not_take_the_place() -> None:
    """Another group, another program, and a process that started before the death are not the successor."""
    old = seen(10, 5.0)
    others = [seen(11, 101.0, group="/other.scope"), seen(12, 101.0, name="sh", argv=("sh",)), seen(13, 50.0)]
    state, _, returns = lineage.observe(tracking(old, at=99.0), [ended(old, 100.0)], others, WALL, 101.0)
    assert returns == ()
    assert [each.seen for each in state.awaited] == [old]


def test_a_start_time_is_cut_to_the_kernels_grain() -> None:
    """A successor may seem to have started up to 10 ms before the death; its delay is then 0."""
    old = seen(10, 5.0)
    state = tracking(old, at=100.004)
    _, _, returns = lineage.observe(state, [ended(old, 100.005)], [seen(11, 100.0)], WALL, 101.0)
    assert [back.delay_s for back in returns] == [0.0]
    _, _, returns = lineage.observe(state, [ended(old, 100.005)], [seen(11, 99.99)], WALL, 101.0)
    assert returns == ()


def test_on_a_saturated_host_the_successor_may_be_there_before_the_news() -> None:
    """The kernel's message waits for a CPU like everybody else; one that started after it is still preferred."""
    old, early, late = seen(10, 5.0), seen(11, 99.5), seen(12, 100.5)
    state = tracking(old, at=99.0)
    _, _, returns = lineage.observe(state, [ended(old, 100.0)], [early], WALL, 101.0)
    assert [(back.key, back.delay_s) for back in returns] == [(early.key, 0.0)]
    _, _, returns = lineage.observe(state, [ended(old, 100.0)], [early, late], WALL, 101.0)
    assert [(back.key, back.delay_s) for back in returns] == [(late.key, 0.5)]


def test_a_death_that_was_noticed_late_still_finds_its_successor() -> None:
    """Without pidfds the successor may have started before the look that missed the old one."""
    old, new = seen(10, 5.0), seen(11, 99.0)
    state, deaths, returns = lineage.observe(
        tracking(old, at=98.0), [ended(old, 100.0, exact=False)], [new], WALL + 100, 100.0
    )
    assert [death.exact for death in deaths] == [False]
    assert [back.key for back in returns] == [new.key]
    assert set(state.tracked) == {new.key}


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0.0, 50.0), min_size=1, max_size=30))
def test_a_chain_of_returns_is_one_story(delays: list[float]) -> None:
    """Each successor dies, cold or hot, and every return is seen with its own delay."""
    now, current = 10.0, seen(100, 10.0)
    state = tracking(current)
    found: list[float] = []
    for number, delay in enumerate(delays, 101):
        died = now + 1.0
        state, deaths, none = lineage.observe(state, [ended(current, died)], [], WALL, died)
        assert (len(deaths), none) == (1, ())
        now = died + delay
        current = seen(number, now)
        state, _, returns = lineage.observe(state, [], [current], WALL, now + 0.1)
        found += [back.delay_s for back in returns]
    assert len(found) == len(delays)
    assert all(abs(a - b) < 1e-6 for a, b in zip(found, delays, strict=True))
    assert set(state.tracked) == {current.key}


def test_two_deaths_have_two_successors() -> None:
    """Each newcomer takes one place, the oldest death's first."""
    a, b = seen(10, 1.0), seen(11, 1.0)
    new = [seen(21, 102.0), seen(20, 101.0), seen(22, 103.0)]
    deaths = [ended(a, 100.0), ended(b, 100.5)]
    _, _, returns = lineage.observe(tracking(a, b), deaths, new, WALL, 104.0)
    assert [(back.predecessor.pid, back.key.pid) for back in returns] == [(10, 20), (11, 21)]


def test_the_dead_does_not_succeed_itself() -> None:
    """A zombie that is still listed is not its own return."""
    old = seen(10, 99.995)
    _, _, returns = lineage.observe(tracking(old), [ended(old, 100.0)], [old], WALL, 100.1)
    assert returns == ()


def sampled(percent: float, key: ProcKey, span: float = 2.0) -> Sample:
    return Sample(0.0, WALL, 2, None, (ProcessRate(key, G, percent, span),), ())


def test_a_process_is_tracked_after_seconds_of_heat() -> None:
    """Five seconds above make it ripe; a pause starts anew."""
    key, state = ProcKey("boot", 1, 1), LineageState()
    for percent, expected in ((99, False), (99, False), (1, False), (99, False), (99, False), (99, True)):
        state, ripe = lineage.warm_up(state, sampled(percent, key), 90.0, 0.0)
        assert (key in ripe) is expected


def test_the_tracked_are_bounded_and_the_coldest_goes() -> None:
    """A host with thousands of hot processes costs no more than a hundred descriptors."""
    state = LineageState()
    crowd = [seen(100 + number, 1.0) for number in range(lineage.MOST_TRACKED + 10)]
    for number, each in enumerate(crowd):
        state = lineage.track(state, [each], WALL, float(number))
    assert len(state.tracked) == lineage.MOST_TRACKED
    assert crowd[0].key not in state.tracked
    assert crowd[-1].key in state.tracked


def test_the_awaited_are_bounded_in_number_and_time() -> None:
    """Nobody is waited for longer than an hour."""
    crowd = [seen(100 + number, 1.0) for number in range(lineage.MOST_AWAITED + 10)]
    state, _, _ = lineage.observe(tracking(*crowd, at=100.0), [ended(each, 100.0) for each in crowd], [], WALL, 100.0)
    assert len(state.awaited) == lineage.MOST_AWAITED
    assert state.awaited_groups(0.0) == {G: 100.0 - 0.01}
    assert state.awaited_groups(101.0) == {}
    state, _, _ = lineage.observe(state, [], [], WALL, 100.0 + lineage.AWAITED_S)
    assert state.awaited == ()


def test_the_cold_are_let_go_unless_they_are_needed() -> None:
    """A quarter of an hour without heat ends it, except for an open incident."""
    a, b = seen(10, 1.0), seen(11, 1.0)
    state = lineage.let_go(tracking(a, b), {b.key: G}, lineage.COLD_S)
    assert set(state.tracked) == {b.key}


def test_numbers_and_random_words_do_not_make_another_program() -> None:
    """A worker with another port, temporary file or shard is the same work."""
    first = lineage_key(G, "ocr", ("ocr", "--port=4711", "/tmp/tmpab12cd.png", "queue1"))
    second = lineage_key(G, "ocr", ("ocr", "--port=80", "/tmp/tmpx9f3qq.png", "queue22"))
    assert first == second


def test_another_script_or_queue_is_another_program() -> None:
    """Words tell programs of one interpreter apart."""
    keys = {lineage_key(G, "python3", ("python3", script)) for script in ("a.py", "b.py")}
    assert len(keys) == 2
    assert lineage_key(G, "c", ("c", "queue1")) != lineage_key(G, "c", ("c", "mail1"))


def test_a_rewritten_title_is_known_by_its_first_words() -> None:
    """PostgreSQL's title changes with each statement."""
    titles = ("postgres: app shop 10.0.0.1(4711) SELECT", "postgres: app shop 10.0.0.2(99) idle")
    assert len({lineage_key(G, "postgres", (title,)) for title in titles}) == 1


@settings(deadline=None, max_examples=60)
@given(group=st.text(max_size=30), name=st.text(max_size=15), argv=st.lists(st.text(max_size=30), max_size=5))
def test_a_key_can_be_stored_and_holds_no_argument(group: str, name: str, argv: list[str]) -> None:
    """Any name makes a key that SQLite takes; arguments only enter as 32 bits."""
    key = lineage_key(group, name, argv)
    key.encode("utf-8")
    assert key[-9] == "|"


def test_a_name_of_invalid_bytes_makes_a_key() -> None:
    """Names from the kernel may be no UTF-8."""
    lineage_key("/a\udcff.service", "x", ()).encode("utf-8")


@pytest.mark.parametrize("letter", ["a", "1", "a1", "-"])
def test_a_long_argument_costs_little(letter: str) -> None:
    """An argument may be 128 KiB of what its owner chose: the shape is made in time linear to it."""
    begun = time.process_time()
    lineage.lineage_key(G, "sh", [letter * 100_000])
    assert time.process_time() - begun < 1
