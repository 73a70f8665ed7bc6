"""Control groups that begin anew: which beginnings count, and which are a schedule's or a login's."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from runaway_watchdog.watch import groups
from runaway_watchdog.watch.allowance import Allowance
from runaway_watchdog.watch.new_groups import NewGroups


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[groups.Tree]:
    (tmp_path / "system.slice").mkdir()
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)
    yield groups.Tree(str(tmp_path), "cpu.stat", "")
    signal.signal(signal.SIGIO, before)


def began(found: NewGroups, tree: groups.Tree, name: str, now: float) -> None:
    """The unit is started, seen, and gone again."""
    folder = Path(tree.root) / "system.slice" / name
    keep = folder.with_name(f"{name}.number{now}")  # so that a file system gives no number twice
    folder.mkdir()
    found.came(tree, now)
    folder.rename(keep)


def test_each_prompt_beginning_counts(tree: groups.Tree) -> None:
    """Every three seconds: all but the first; what another unit does beside it changes nothing."""
    found = NewGroups(0.0)
    found.watch(tree, ["/system.slice"])
    for number in range(6):
        began(found, tree, "bot.service", 3.0 * number)
    began(found, tree, "other.service", 20.0)
    assert found.take() == ["/system.slice/bot.service"] * 5
    assert found.take() == []
    found.close()


def test_what_runs_already_has_begun_at_no_known_time(tree: groups.Tree) -> None:
    """Its first return may be the first for months; the next one counts."""
    (Path(tree.root) / "system.slice" / "shop.service").mkdir()
    found = NewGroups(0.0)
    found.watch(tree, ["/system.slice"])
    began(found, tree, "other.service", 1.0)
    (Path(tree.root) / "system.slice" / "shop.service").rename(Path(tree.root) / "old")
    began(found, tree, "shop.service", 2.0)
    assert found.take() == []
    began(found, tree, "shop.service", 4.0)
    assert found.take() == ["/system.slice/shop.service"]
    found.close()


def test_what_a_schedule_starts_does_not(tree: groups.Tree) -> None:
    """More than a minute between two beginnings."""
    found = NewGroups(0.0)
    found.watch(tree, ["/system.slice"])
    for number in range(6):
        began(found, tree, "probe.service", 61.0 * number)
    assert found.take() == []
    found.close()


def test_a_slice_that_was_made_anew_is_watched_again(tree: groups.Tree) -> None:
    """Its old directory tells of nothing any more."""
    found = NewGroups(0.0)
    found.watch(tree, ["/system.slice"])
    folder = Path(tree.root) / "system.slice"
    folder.rename(folder.with_name("old"))
    folder.mkdir()
    found.watch(tree, ["/system.slice"])
    assert os.fstat(found._folders["/system.slice"]).st_ino == folder.stat().st_ino
    found.watch(tree, [])
    assert found._folders == {}


def test_a_crowd_of_groups_is_left_to_the_sweeps(tree: groups.Tree) -> None:
    """Listing them all at each new one would cost what a look may not."""
    found = NewGroups(0.0)
    found.watch(tree, ["/system.slice"])
    for number in range(1100):
        (Path(tree.root) / "system.slice" / f"{number}.service").mkdir()
    found.came(tree, 1.0)
    assert found._folders == {}
    assert not found.counts("/system.slice/7.service")
    found.watch(tree, ["/system.slice"])
    assert found._folders == {}


def test_nobody_is_ended_by_the_kernels_word(tree: groups.Tree) -> None:
    """Without a handler, SIGIO would end whoever asked for it."""
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    found = NewGroups(0.0)
    found.watch(tree, ["/system.slice"])
    began(found, tree, "bot.service", 1.0)
    assert found._folders == {}


def test_nothing_of_a_login_is_watched(tree: groups.Tree) -> None:
    """Its manager comes and goes with it."""
    (Path(tree.root) / "user.slice").mkdir()
    found = NewGroups(0.0)
    found.watch(tree, ["/user.slice", "/user.slice/user-1.slice"])
    assert found._folders == {}


def test_a_host_that_makes_groups_all_the_time_costs_no_more() -> None:
    """Twenty at once, then two a second."""
    allowance = Allowance(2.0, 20.0, 0.0)
    assert sum(allowance.take(0.0) for _ in range(100)) == 20
    assert sum(allowance.take(0.01 * number) for number in range(1000)) == pytest.approx(20, abs=1)
