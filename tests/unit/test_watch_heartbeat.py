"""Since when no heartbeat arrives: what the watch keeps of it."""

from runaway_watchdog.watch.heartbeat import PERIOD_S, Heartbeat


def test_one_goes_out_a_minute_where_somebody_waits_for_it() -> None:
    """At once, then once in PERIOD_S; none where nobody is named."""
    heartbeat = Heartbeat(100.0, wanted=True, failed_at=None)
    assert heartbeat.due(100.0)
    assert not heartbeat.due(100.0 + PERIOD_S - 1)
    assert heartbeat.due(100.0 + PERIOD_S)
    assert not Heartbeat(100.0, wanted=False, failed_at=None).due(100.0)


def test_the_first_that_fails_and_the_first_that_arrives_are_news() -> None:
    """The moment of the first failure stays while it goes on failing."""
    heartbeat = Heartbeat(100.0, wanted=True, failed_at=None)
    assert [heartbeat.ended(code, wall) for code, wall in ((0, 1.0), (1, 2.0), (1, 3.0))] == [False, True, False]
    assert heartbeat.failed_at == 2.0
    assert [heartbeat.ended(0, wall) for wall in (4.0, 5.0)] == [True, False]
    assert heartbeat.failed_at is None


def test_a_watch_that_starts_goes_on_where_the_one_before_it_was() -> None:
    """An upgrade in the middle of an outage makes it no shorter; one that now arrives is news."""
    heartbeat = Heartbeat(100.0, wanted=True, failed_at=7.0)
    assert not heartbeat.ended(1, 50.0)
    assert heartbeat.failed_at == 7.0
    assert heartbeat.ended(0, 60.0)
    assert Heartbeat(100.0, wanted=False, failed_at=7.0).failed_at is None


def test_a_service_that_was_taken_out_of_the_configuration_is_missed_by_nobody() -> None:
    """Nor by one that was under way during the reload; when it is named again, it begins anew."""
    heartbeat = Heartbeat(100.0, wanted=True, failed_at=7.0)
    heartbeat.want(wanted=False)
    assert heartbeat.failed_at is None
    assert not heartbeat.ended(1, 50.0)
    assert heartbeat.failed_at is None
    heartbeat.want(wanted=True)
    assert heartbeat.ended(1, 60.0)
    assert heartbeat.failed_at == 60.0
