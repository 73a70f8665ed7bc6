"""What counts as lost, and which foretelling speaks of it."""

from typing import Any

import pytest

from field.compare import Contents, Lost, Told, changed, covers, in_foretold_words, losses, told

V = "/var/lib/docker/volumes"
EMPTY: dict[str, Any] = {
    "files": {}, "committed": [], "heads": {}, "texts": {},
    "layers": {}, "volumes": [], "containers": {}, "images": [], "networks": [],
    "databases": {}, "units": [], "journal": ["1.0"], "refs": [],
}  # fmt: skip


def contents(**parts: object) -> Contents:
    return {**EMPTY, **parts}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"/srv/a": "x:1"}, {}, ["path /srv/a"]),
        ({"/srv/a": "x:1"}, {"/srv/a": "y:1"}, ["path /srv/a"]),
        ({"/srv/a": "x:1"}, {"/srv/b": "x:1"}, []),  # moved
        ({"/srv/a": "x:1", "/srv/b": "y:1"}, {"/srv/b": "x:1"}, ["path /srv/b"]),  # moved over another
        ({"/srv/a": "x:1", "/srv/b": "x:1"}, {"/srv/b": "x:1"}, ["path /srv/a"]),  # one of two copies
        ({"/srv/a": "e:0", "/srv/l": "link /x", "/tmp/a": "x:1", "/srv/.git/index": "y:1"}, {}, []),
        ({"/var/log/a": "x:5"}, {"/var/log/a": "y:9"}, []),
        ({"/var/log/a": "x:5"}, {"/var/log/a": "y:0"}, ["path /var/log/a"]),
        ({f"{V}/data/_data/rows": "x:1"}, {}, [f"path {V}/data/_data/rows"]),
    ],
)
def test_a_file_is_lost_with_its_content(before: dict[str, str], after: dict[str, str], expected: list[str]) -> None:
    """Wherever the content still is, nothing is lost."""
    there = contents(files=before, volumes=["data"]), contents(files=after, volumes=["data"])
    assert [str(each) for each in losses(*there)] == expected


def test_what_a_commit_holds_is_not_lost() -> None:
    """A branch or a stash; and what stands before that which was added to a file."""
    before = contents(files={"/srv/a": "x:1", "/srv/b": "y:1", "/srv/c": "z:9000"}, committed=["y:1"])
    after = contents(committed=["x:1"], files={"/srv/c": "w:9004"}, heads={"/srv/c": "z:9000"})
    assert losses(before, after) == [Lost("path", "/srv/b")]


def test_what_a_container_had_written_as_well_is_no_copy_that_a_line_has_made() -> None:
    """Two databases whose PG_VERSION is the same."""
    layers = {"box": {"/var/lib/db/PG_VERSION": "x:3"}}
    before = contents(files={f"{V}/data/_data/PG_VERSION": "x:3"}, volumes=["data"], layers=layers)
    assert losses(before, contents(volumes=["data"], layers=layers)) == [Lost("path", f"{V}/data/_data/PG_VERSION")]


def test_a_volume_is_lost_as_one_thing() -> None:
    """With what was in it, or empty."""
    before = contents(files={f"{V}/data/_data/rows": "x:1"}, volumes=["data", "empty", "kept"])
    assert losses(before, contents(volumes=["kept"])) == [Lost("volume", "data"), Lost("volume", "empty")]


def test_an_addition_loses_nothing() -> None:
    """Lines that are all still there, rows that are all still there; the head of a crontab is nobody's."""
    table = "/var/spool/cron/crontabs/root"
    old = ["# (- installed on Mon Dec  1)", "0 3 * * * a", "0 4 * * * b"]
    new = ["# (- installed on Tue Dec  2)", *old[1:], "0 5 * * * c"]

    def lost(lines: list[str], rows: list[str]) -> list[str]:
        before = contents(files={table: "x:1"}, texts={table: old}, databases={"mysql shop": {"t": ["1", "2"]}})
        after = contents(files={table: "y:1"}, texts={table: lines}, databases={"mysql shop": {"t": rows}})
        return [str(each) for each in losses(before, after)]

    assert lost(new, ["1", "2", "3"]) == []
    assert lost(new[:2], ["1"]) == [f"path {table}", "database mysql shop"]
    assert lost([], []) == [f"path {table}", "database mysql shop"]


def test_a_container_made_anew_loses_what_it_wrote() -> None:
    """Its name is there again, and its layer is another."""
    before, same = contents(layers={"db": {"/data": "x:9"}, "web": {}}), contents(layers={"db": {"/data": "x:9"}})
    assert losses(before, contents(layers={"db": {}, "web": {}})) == [Lost("container", "db")]
    assert losses(before, same) == []


def test_the_parts_that_must_be_brought_back() -> None:
    """Whatever is not as it was, lost or only new."""
    now = contents(files={"/srv/new": "x:1", f"{V}/v/_data/new": "x:1"}, databases={"redis 0": {}}, units=["a"])
    assert changed(EMPTY, EMPTY) == set()
    assert changed(EMPTY, now) == {"files", "docker", "redis", "units"}


@pytest.mark.parametrize(
    ("foretold", "lost", "expected"),
    [
        ("path /srv/a", Lost("path", "/srv/a/b"), True),
        ("path /srv/a", Lost("path", "/srv/ab"), False),
        ("path /srv/a/one and 3 more", Lost("path", "/srv/a/two"), True),
        ("path /srv/salt and pepper", Lost("path", "/srv/salt and pepper"), True),
        ("path /srv/salt and pepper", Lost("path", "/srv/other"), False),
        ("volume v", Lost("volume", "v"), True),
        ("volume v", Lost("path", f"{V}/v/_data/x"), True),
        ("volume v", Lost("volume", "vv"), False),
        (f"path {V}/v/_data", Lost("path", f"{V}/v/_data/x"), True),
        ("crontab root", Lost("path", "/var/spool/cron/crontabs/root"), True),
        ("container db", Lost("container", "db"), True),
        ("database shop", Lost("database", "mysql shop"), True),
        ("database shop", Lost("database", "mysql crm"), False),
        ("database /srv/app.db", Lost("path", "/srv/app.db"), True),
        ("database every database of this Redis", Lost("database", "redis 1"), True),
        ("database Redis database 0", Lost("database", "redis 1"), False),
    ],
)
def test_which_loss_is_foretold(foretold: str, lost: Lost, expected: bool) -> None:
    """A folder speaks of what is in it, a volume of its files, and neither of its neighbour."""
    assert covers(foretold, lost) == expected


def test_both_sides_of_a_telling() -> None:
    """What was lost without a word, and what was spared in spite of one; the same in one set of names."""
    lost = [Lost("path", "/srv/a/1"), Lost("path", "/srv/b")]
    assert told(["path /srv/a", "volume v"], lost) == Told(["path /srv/b"], ["volume v"])
    assert told(["path /srv"], lost).right
    assert in_foretold_words(["path /srv/a"], lost) == ["path /srv/a", "path /srv/b"]
