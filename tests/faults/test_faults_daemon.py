"""What happens to the watch itself: stopped and continued, reloaded with a broken file, started twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from faults.service import CONFIG, CONFIG_FILE, NOTHING, TOLD_WITHIN_S, Account, Service, signalled
from unit.test_watch_observer import SCOPE, Story
from unit.watch_host import FakeHost

from runaway_watchdog.store.database import connect

rig = pytest.mark.rig


@rig
def test_a_reload_with_a_broken_file(service: Service) -> None:
    """systemctl says that it failed, also a bare SIGHUP keeps the old configuration, and the wrong key is named; what
    burns is told all the same."""
    box, before, account = service.box, service.log(), Account(service)
    watch = service.pid()
    box.write(CONFIG_FILE, CONFIG.replace("interval", "intervall"), 0o600)
    try:
        assert box.run("systemctl reload runaway-watchdog", check=False).returncode != 0
        service.wait_log("intervall", after=before)
        signalled(box, "HUP", watch)
        service.wait_log("reload-failed", after=before)
        with service.burning("under-the-old-rules") as pid:
            service.wait_told(pid)
            lost = account.lost(pid)
    finally:
        box.write(CONFIG_FILE, CONFIG, 0o600)
        middle = service.log()
        box.run("systemctl reload runaway-watchdog")
    assert "intervall" in service.log().removeprefix(before)
    assert lost == NOTHING, f"lost by a broken reload: {lost}"
    service.wait_log("event=reloaded", after=middle)
    assert service.pid() == watch


@rig
def test_two_daemons(service: Service) -> None:
    """The second one says who is in its way and ends; the first one does not notice."""
    account, watch = Account(service), service.pid()
    done = service.box.run(["runaway-watchdog", "run"], check=False, timeout=30)
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "another watch is running on the store" in said
    assert "Traceback" not in said
    assert service.pid() == watch
    lost = account.lost()
    assert lost == NOTHING, f"lost by a second daemon: {lost}"


@rig
def test_a_unit_that_ends_while_the_watch_is_down(service: Service) -> None:
    """Its incident is over soon after the start, and the message says that nobody saw it end."""
    with service.burning("ends-unseen") as pid:
        service.wait_told(pid)
        with service.stopped():
            service.box.run(["systemctl", "stop", "ends-unseen"])
    unseen = "while the watch was not running"
    found = service.box.wait_for(
        "its end", lambda: [each for each in service.told() if unseen in " ".join(each.text.split())], TOLD_WITHIN_S
    )
    assert len(found) == 1
    assert "ends-unseen" in found[0].text
    assert [each["state"] for each in service.incidents() if pid in each["pids"]] == ["resolved"]


@rig
@pytest.mark.truth
def test_stopped_for_a_while_and_continued(service: Service) -> None:
    """Shorter than systemd's patience: the same process goes on, and tells what began meanwhile."""
    account, watch = Account(service), service.pid()
    signalled(service.box, "STOP", watch)
    with service.burning("began-meanwhile") as pid:
        service.box.run("sleep 15")
        assert not any(each.speaks_of(pid) for each in service.told())
        signalled(service.box, "CONT", watch)
        service.wait_told(pid)
        lost = account.lost(pid)
    assert service.pid() == watch
    assert lost == NOTHING, f"lost by a stop of 15 s: {lost}"


@rig
@pytest.mark.truth
def test_stopped_for_longer_than_systemd_waits(service: Service) -> None:
    """WatchdogSec ends it and starts another: the incident that was open goes on, and nobody is told twice."""
    with service.burning("before-the-stop") as pid:
        account, watch = Account(service), service.pid()
        service.wait_told(pid)
        signalled(service.box, "STOP", watch)
        service.box.wait_for("another watch", lambda: service.shown("MainPID") not in ("0", str(watch)), timeout=240)
        service.wait_alive()
        with service.burning("after-the-stop") as another:
            service.wait_told(another)
            lost = account.lost(pid, another)
        about = [each for each in service.incidents() if pid in each["pids"]]
    assert lost == NOTHING._replace(restarts=1), f"lost by a stop without end: {lost}"
    assert [each["state"] for each in about] == ["open"]


# --- an hour, on a made-up host ---

HOUR_S = 3600.0


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    with closing(connect(tmp_path / "watchdog.db")) as store:
        yield Story(FakeHost(tmp_path / "host"), store)


def stands_still(story: Story, burning: int | None = None) -> None:
    """The watch for an hour, and nothing else."""
    if burning is not None:
        story.host.used_ns[burning] += int(HOUR_S * 1e9)
        story.burnt_s += HOUR_S
        story.host.group("/system.slice", story.burnt_s)
        story.host.group(SCOPE, story.burnt_s)
    story.host.passes(HOUR_S, HOUR_S if burning is not None else 1.0)


def test_an_hour_in_the_middle_of_an_incident(story: Story) -> None:
    """It goes on as one incident; what comes after the hour is the reminder that is due then."""
    story.host.process(10, start_s=10.0, group=SCOPE)
    story.goes_on(400, burning=10)
    stands_still(story, burning=10)
    story.goes_on(60, burning=10)
    assert story.told() == [("suspect", 0, 10), ("opened", 1, 10), ("reminder", 1, 10)], "lost: the incident's thread"


def test_an_hour_in_which_it_burnt_unseen(story: Story) -> None:
    """What has burnt for the whole hour is told at once, and once."""
    story.host.process(10, start_s=10.0, group=SCOPE)
    story.goes_on(60, burning=10)
    stands_still(story, burning=10)
    story.goes_on(30, burning=10)
    assert [kind for kind, _, _ in story.told()].count("opened") == 1, "lost: 1 alert"


def test_an_hour_in_which_it_was_calm(story: Story) -> None:
    """Hot before and after, for less than the rule's time, and calm for the hour between: nobody is told."""
    story.host.process(10, start_s=10.0, group=SCOPE)
    story.goes_on(60, burning=10)
    stands_still(story)
    story.goes_on(120, burning=10)
    assert "opened" not in [kind for kind, _, _ in story.told()], "an alert about nothing"


def test_an_hour_in_which_it_ended(story: Story) -> None:
    """The death that nobody saw is written down as not exact, and the incident ends."""
    story.host.process(10, start_s=10.0, group=SCOPE)
    story.goes_on(400, burning=10)
    story.host.end(10, SCOPE)
    stands_still(story)
    story.goes_on(400)
    assert story.told()[-1] == ("resolved", 1, 10), "lost: the end of 1 incident"
    assert story.store.execute("SELECT death_exact FROM process WHERE pid = 10").fetchone() == (0,)
