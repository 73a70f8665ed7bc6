"""Who can change what a path leads to."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from runaway_watchdog.world.ownership import Holders, LiveOwnership, Part, holders

FOLDER = Part("folder", 0, 0, 0o755)
FILE = Part("file", 0, 0, 0o644)
BOB, ALICE, SHARED, NOBODY = 1000, 1001, 50, 51
BASE: Mapping[str, Part] = {
    "/": FOLDER, "/etc": FOLDER, "/etc/a.conf": FILE, "/home": FOLDER,
    "/home/bob": Part("folder", BOB, BOB, 0o755), "/home/bob/a.conf": Part("file", BOB, BOB, 0o664),
    "/tmp": Part("folder", 0, 0, 0o1777), "/tmp/a": FILE, "/home/bob/roots": FILE,
}  # fmt: skip


def members(gid: int) -> Collection[int] | None:
    return {BOB: (BOB,), SHARED: (0, BOB, ALICE), NOBODY: (), 0: (0, ALICE)}.get(gid)


def of(path: str, **parts: Part) -> Holders:
    tree = {**BASE, **{f"/{name.replace('__', '/')}": part for name, part in parts.items()}}
    return holders(path, tree.get, members)


@pytest.mark.parametrize(
    ("path", "parts", "found"),
    [
        ("/etc/a.conf", {}, Holders(())),
        ("/etc/not-there/yet", {}, Holders(())),
        ("/home/bob/a.conf", {}, Holders((BOB,))),
        ("/home/bob/roots", {}, Holders((BOB,))),  # root's own file, in a folder of bob's
        ("/home/bob/not-there", {}, Holders((BOB,))),
        ("/home/bob/../../etc/a.conf", {}, Holders((BOB,))),
        ("/tmp/a", {}, Holders((), anyone=True)),
        ("/tmp/not-there", {}, Holders((), anyone=True)),
        ("/etc/link", {"etc__link": Part("link", 0, 0, 0o777, "/home/bob/a.conf")}, Holders((BOB,))),
        ("/etc/link", {"etc__link": Part("link", 0, 0, 0o777, "a.conf")}, Holders(())),
        ("/etc/link/x", {"etc__link": Part("link", 0, 0, 0o777, "../tmp")}, Holders((), anyone=True)),
        ("/etc/shared", {"etc__shared": Part("file", 0, SHARED, 0o664)}, Holders((BOB, ALICE))),
        ("/etc/shared", {"etc__shared": Part("file", 0, NOBODY, 0o664)}, Holders(())),
        ("/etc/shared", {"etc__shared": Part("file", 0, 999, 0o664)}, Holders((), anyone=True)),
        ("/etc/shared", {"etc__shared": Part("file", 0, 0, 0o664)}, Holders((ALICE,))),  # root's group may have members
        ("/etc/shared", {"etc__shared": Part("file", 0, 0, 0o644)}, Holders(())),
        ("/etc/shared", {"etc__shared": Part("file", 0, 0, 0o664, listed=True)}, Holders((), anyone=True)),
        ("/etc/open", {"etc__open": Part("file", 0, 0, 0o646)}, Holders((), anyone=True)),
        ("/etc/sock", {"etc__sock": Part("other", 0, SHARED, 0o666)}, Holders(())),  # who may talk, not who may change
        ("/etc/sock", {"etc__sock": Part("other", BOB, BOB, 0o700)}, Holders((BOB,))),
        ("/etc/none/../../home/bob", {}, Holders((), anyone=True)),  # who makes `none` says where that leads
    ],
)
def test_each_part_counts(path: str, parts: Mapping[str, Part], found: Holders) -> None:
    """Folders, links and their targets, groups with members, access lists; what is not there is its folder's."""
    assert of(path, **parts) == found


def test_a_link_to_itself_is_an_error() -> None:
    """And no endless walk."""
    with pytest.raises(OSError, match="symbolic links"):
        of("/etc/loop", etc__loop=Part("link", 0, 0, 0o777, "loop"))


def test_what_is_not_ours_to_see() -> None:
    """Below a folder that only root enters nobody else changes a thing; below another one, who knows?"""

    def look(path: str) -> Part | None:
        if path.count("/") > 1:
            raise PermissionError
        return {"/": FOLDER, "/root": Part("folder", 0, 0, 0o700), "/srv": Part("folder", 0, 0, 0o750)}[path]

    assert holders("/root/a/b", look, members) == Holders(())
    assert holders("/srv/a/b", look, members).anyone


def test_inside_a_container_its_own_root_is_the_first_part() -> None:
    """/proc/PID belongs to whoever runs the process, and says nothing of its files."""
    tree = {
        "/proc/7/root": FOLDER, "/proc/7/root/etc": FOLDER, "/proc/7/root/etc/a": Part("link", 0, 0, 0o777, "/etc/b"),
        "/proc/7/root/etc/b": FILE, "/proc/7": Part("folder", BOB, BOB, 0o555),
    }  # fmt: skip
    assert holders("/proc/7/root/etc/a", tree.get, members) == Holders(())
    assert holders("/proc/7/root/../etc/a", tree.get, members) == Holders(())


def test_on_this_host(tmp_path: Path) -> None:
    """The real calls: a folder that everybody may write, and one of root's."""
    found = LiveOwnership()
    assert found.of("/etc/hostname").root_only
    assert found.of("/dev/null").root_only
    opened = tmp_path / "open"
    opened.mkdir()
    opened.chmod(0o777)
    assert found.of(str(opened / "x")).anyone
    assert found.executable(os.getpid()) == os.stat(f"/proc/{os.getpid()}/exe").st_uid
