"""A `cd` that may not run: what comes next is judged in both folders, also by what it lists or reads there."""

from __future__ import annotations

import pytest
from preflight.host_world import FakeHost, shop

IN_NEITHER = ("/root/junk", "/srv/empty-folder")
MAYBE = (
    "false || cd {}",
    "[ -e /x ] && cd {}",
    "[ -e /x ] || cd {}",
    "if [ -e /x ]; then cd {}; fi",
    "! true && pushd {}",
)
REMOVED = (
    "rm -rf *",
    "ls | xargs rm -rf",
    "ls -A | xargs -I{} rm -rf {}",
    "find . -type f | xargs rm",
    "find . -type f -print0 | xargs -0 rm -f",
    "find . -type f -exec rm {} +",
    "find . -mindepth 1 -exec rm -rf {} \\;",
    "find . -type f -execdir rm {} \\;",
    "rm -rf $(ls)",
    "rm -rf `ls`",
    'for each in *; do rm -rf "$each"; done',
    "for each in $(ls); do rm -rf $each; done",
    "ls | while read each; do rm $each; done",
    "while read each; do rm $each; done < <(ls)",
    "mapfile -t all < <(ls); rm -f ${all[@]}",
    "xargs -a list rm",
    "xargs rm < list",
    "while read each; do rm $each; done < list",
    "rm $(cat list)",
    "sh ./rm.sh",
    ". ./rm.sh",
    "cat rm.sh | sh",
    "sh < rm.sh",
    "make clean",
    "rm -rf $(pwd)",
    'rm -rf "$PWD"',
    "cd inner && rm -rf *",
    "cd inner; rm -rf ./*",
    "(cd inner && find . -delete)",
    "sh -c 'ls | xargs rm -rf'",
)


def host() -> FakeHost:
    found = shop()
    for folder in ("/srv/data", "/root/data"):
        found.files.add(f"{folder}/a.sql", "rows")
        found.files.add(f"{folder}/list", "a.sql\n")
        found.files.add(f"{folder}/rm.sh", "rm a.sql\n")
        found.files.add(f"{folder}/Makefile", "clean:\n\trm a.sql\n")
        found.files.add(f"{folder}/inner/b.sql", "rows")
    found.files.folders.update(IN_NEITHER)
    return found


@pytest.mark.parametrize("doubtful", MAYBE)
@pytest.mark.parametrize("removed", REMOVED)
def test_what_is_lost_in_either_folder_is_not_called_safe(doubtful: str, removed: str) -> None:
    """There is something to lose in just one of the two, be it the one that the shell is in or the other one."""
    for folder, target in (("/root/data", "/srv/empty-folder"), ("/root/junk", "/srv/data")):
        line = f"{doubtful.format(target)}; {removed}"
        found = host().judge(line, folder)
        assert found.lost or found.unknown, (line, folder)


@pytest.mark.parametrize(
    "line", ["cd /srv/data && ls | xargs rm", "cd data; ls | xargs rm", "cd data && find . -type f -exec rm {} +"]
)
def test_a_folder_that_is_surely_there_is_the_only_one(line: str) -> None:
    """The near miss: nothing is asked about, and the names are told."""
    found = host().judge(line, "/srv")
    assert "/srv/data/a.sql" in {each.name for each in found.lost}
    assert not found.unknown


def test_a_folder_that_is_in_one_of_the_two_alone() -> None:
    """`cd inner` fails in the one, and the shell stays there; in the other it is what counts."""
    found = host().judge("[ -e /x ] && cd /srv/data; cd inner && rm -rf *", "/root/junk")
    assert [each.name for each in found.lost] == ["/srv/data/inner/b.sql"]
