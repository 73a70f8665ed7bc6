"""Whose children burn: asked of everybody now and then, and at every look of those whose children do."""

from runaway_watchdog.linux.stat_brief import ProcessStat
from runaway_watchdog.watch.families import Families


def _stat(children_s: float, start_ticks: int = 5) -> ProcessStat:
    return ProcessStat("sh", False, start_ticks, children_s)


def test_all_that_have_run_are_asked_every_five_seconds_or_less_often() -> None:
    """Of each group by itself; where there are thousands, each a file to read, the pause is longer."""
    families = Families()
    for group, members, expected in (("", 10, [1, 6, 11, 16]), ("/cron.service", 3000, [1, 11])):
        asked: list[int] = []
        for now in range(20):
            if len(families.to_ask(group, float(now))) == members:
                asked.append(now)
            for pid in range(members):
                families.ran(group, pid)
        assert asked == expected


def test_who_has_not_run_is_not_asked() -> None:
    """It has waited for no child either: a sleeping host costs nothing."""
    families = Families()
    families.ran("", 7)
    assert families.to_ask("", 0.0) == {7}
    families.ran("", 8)
    assert families.to_ask("", 1.0) == set()
    assert families.to_ask("", 10.0) == {8}


def test_whose_children_burn_is_asked_at_every_look() -> None:
    """From the first figure on, until they no longer burn."""
    families = Families()
    for now in (0.0, 5.0, 10.0):
        families.rates(7, _stat(0.9 * now), 0.0, now)
        families.rates(8, _stat(0.0), 0.0, now)
    families.ran("", 9)
    assert families.to_ask("", 10.0) == {7, 9}
    assert families.to_ask("", 11.0) == {7}
    assert families.rates(7, _stat(9.9), 0.0, 11.0).children == 90.0
    for now in (20.0, 30.0, 40.0, 50.0):
        families.rates(7, _stat(9.9), 0.0, now)
    assert families.to_ask("", 50.0) == set()


def test_who_slept_for_long_is_found_as_soon_as_others() -> None:
    """The hours before do not thin out what its children have begun to burn."""
    families = Families()
    families.rates(7, _stat(3.0), 0.0, 0.0)
    assert families.rates(7, _stat(4.0), 0.0, 3600.0).children == 0.0
    assert families.rates(7, _stat(9.0), 0.0, 3605.0).children == 100.0


def test_children_and_their_group_are_told_over_the_same_seconds() -> None:
    """So that the one bounds the other, also where a busy host lets the group run at one look and not at the next."""
    families = Families()
    cpu_s = [families.total_s("/g", percent, 2.0 * look) for look, percent in enumerate((0.0, 100.0, 0.0) * 4)]
    assert cpu_s[-1] == 8.0
    for look, group_s in enumerate(cpu_s):
        told = families.rates(7, _stat(group_s), group_s, 2.0 * look)
    assert told.children == told.group > 30.0


def test_hours_of_a_job_come_in_one_lump() -> None:
    """Whoever waits for it gets them all when it ends: its group tells that they were not used now."""
    families = Families()
    for now, children_s in ((0.0, 0.0), (5.0, 0.0), (10.0, 10_000.0)):
        told = families.rates(7, _stat(children_s), families.total_s("/g", 5.0, now), now)
    assert (told.children, told.group) == (100_000.0, 5.0)


def test_a_process_that_is_gone_is_forgotten() -> None:
    """What nobody asks for does not stay."""
    families = Families()
    families.rates(7, _stat(0.0), 0.0, 0.0)
    families.rates(7, _stat(9.0), 0.0, 10.0)
    families.ran("", 8)
    families.forget(100.0)
    assert families.to_ask("", 10.0) == set()
