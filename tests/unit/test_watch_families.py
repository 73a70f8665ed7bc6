"""Whose children burn: asked of everybody now and then, and at every look of those whose children do."""

from runaway_watchdog.watch.clocks import ProcessStat
from runaway_watchdog.watch.families import Families


def _stat(children_s: float, start_ticks: int = 5) -> ProcessStat:
    return ProcessStat("sh", False, start_ticks, children_s)


def test_all_members_are_asked_every_five_seconds_or_less_often() -> None:
    """Of each group by itself; where there are thousands, each a file to read, the pause is longer."""
    families = Families()
    for group, members, expected in (("", 10, [0, 5, 10, 15]), ("/cron.service", 3000, [0, 10])):
        asked: list[int] = []
        for now in range(20):
            if families.is_due(group, float(now)):
                families.asked(group, members, float(now))
                asked.append(now)
        assert asked == expected


def test_whose_children_burn_is_asked_at_every_look() -> None:
    """From the first figure on, until they no longer burn."""
    families = Families()
    for now in (0.0, 5.0, 10.0):
        families.percent(7, _stat(0.9 * now), now)
        families.percent(8, _stat(0.0), now)
    assert families.breeds(7)
    assert not families.breeds(8)
    assert families.percent(7, _stat(9.9), 11.0) == 90.0
    for now in (20.0, 30.0, 40.0, 50.0):
        families.percent(7, _stat(9.9), now)
    assert not families.breeds(7)


def test_a_process_that_is_gone_is_forgotten() -> None:
    """What nobody asks for does not stay."""
    families = Families()
    families.percent(7, _stat(0.0), 0.0)
    families.percent(7, _stat(9.0), 10.0)
    assert families.breeds(7)
    families.forget(100.0)
    assert not families.breeds(7)
    assert families.is_due("", 0.0)
