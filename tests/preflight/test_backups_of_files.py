"""cp, mv, install and ln that keep what they write over: the second backup takes the place of the first."""

import pytest
from preflight.host_world import FakeHost, shop

OLD = "/srv/data/old.sql"


def host() -> FakeHost:
    found = shop()
    for name in ("old.sql", "one.sql", "two.sql"):
        found.files.add(f"/srv/data/{name}", "rows")
    return found


@pytest.mark.parametrize(
    "line",
    [
        "cp --backup one.sql old.sql; cp --backup two.sql old.sql",
        "cp -b one.sql old.sql && mv -b two.sql old.sql",
        "mv -b one.sql old.sql; mv --backup=simple two.sql old.sql",
        "ln -sb one.sql old.sql; ln -sb two.sql old.sql",
        "install -b one.sql old.sql; cp -S '~' two.sql old.sql",
        "cp -S .bak one.sql old.sql; cp --suffix=.bak two.sql old.sql",
        "for each in one.sql two.sql; do cp -b $each old.sql; done",
        "for turn in 1 2; do cp -b one.sql old.sql; done",
        "while true; do cp -b one.sql old.sql; sleep 60; done",
        "SIMPLE_BACKUP_SUFFIX=.o cp -b one.sql old.sql; mv one.sql old.sql.o",
        "cp -b one.sql old.sql; rm old.sql~",
        "cp -b one.sql old.sql; rm *~",
        "cp --backup=t one.sql old.sql; rm old.sql.~1~",
        "cp --backup=t one.sql old.sql; cp -b two.sql old.sql; rm *.~1~",
        "mv --backup=numbered one.sql old.sql; rm *~",
    ],
)
def test_the_first_backup_is_lost(line: str) -> None:
    assert OLD in {effect.name for effect in host().judge(line, "/srv/data").lost}


def test_a_backup_of_yesterday_is_written_over() -> None:
    found = host()
    found.files.add(f"{OLD}~", "rows of yesterday")
    assert [effect.name for effect in found.judge("cp -b one.sql old.sql", "/srv/data").lost] == [f"{OLD}~"]
    assert found.judge("cp --backup=numbered one.sql old.sql", "/srv/data").lost == ()


@pytest.mark.parametrize(
    "line",
    [
        "cp --backup one.sql old.sql",
        "mv -b one.sql old.sql; rm one.sql",
        "cp --backup=t one.sql old.sql; cp --backup=numbered two.sql old.sql",
        "VERSION_CONTROL=numbered cp -b one.sql old.sql; cp --backup=t two.sql old.sql",
        "cp -b one.sql old.sql; cp -S .2 two.sql old.sql",
    ],
)
def test_near_misses(line: str) -> None:
    found = host().judge(line, "/srv/data")
    assert (found.lost, found.unknown) == ((), ())


def test_a_suffix_that_is_not_known() -> None:
    assert host().judge('cp -S "$X" one.sql old.sql', "/srv/data").unknown


def test_a_copy_that_is_made_twice() -> None:
    """What the line itself has written has no time of its own, which rsync compares."""
    assert host().judge("rsync -a data/ empty-one/; rsync -au --delete data/ empty-one/", "/srv").lost == ()
