"""Control groups: the path that names the owner, told alike to the watch and to an explanation."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st
from support.builders import make_facts, make_process

from runaway_watchdog import owners
from runaway_watchdog.linux import cgroup
from runaway_watchdog.watch.groups import owner_group

OTHER_BREAKS = ("\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029")
"""Where str.splitlines() ends a line as well, and the kernel does not."""
NAMES = st.text(st.characters(blacklist_characters="/\n\x00", blacklist_categories=["Cs"]), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("0::/system.slice/a.service (deleted)\n", "/system.slice/a.service"),
        ("1:name=systemd:/system.slice/a.service (deleted)\n0::/\n", "/system.slice/a.service"),
        ("1:name=systemd:/../..\n0::/system.slice/x.scope\n", "/system.slice/x.scope"),
        ("1:name=systemd:/..\n0::/system.slice/x.scope\n", "/system.slice/x.scope"),
        ("1:name=systemd:/system.slice/x.scope\n0::/../other\n", "/system.slice/x.scope"),
        ("0::/../../system.slice/x.scope\n", ""),
        ("0::/..x/y\n", "/..x/y"),
    ],
)
def test_the_path_that_names_the_owner(text: str, path: str) -> None:
    """Without the kernel's mark of a removed group; one that lies outside of our namespace says nothing."""
    assert cgroup.owner_path(text) == path


@pytest.mark.parametrize(
    "text",
    [
        "0::/system.slice/a.service (deleted)\n",
        "1:name=systemd:/../..\n0::/system.slice/a.service\n",
        "3:memory:/\n1:name=systemd:/system.slice/a.service\n0::/system.slice/a.service\n",
    ],
)
def test_the_watch_and_an_explanation_mean_the_same_group(text: str) -> None:
    """What is counted as one thing is what is explained."""
    assert owner_group(cgroup.path_in(text, "")) == cgroup.owner_path(text) == "/system.slice/a.service"
    claim = owners.claimed(make_facts(make_process(cgroup=cgroup.owner_path(text))))
    assert (claim.kind, claim.ref) == ("systemd-service", "a.service")


@pytest.mark.parametrize("mark", OTHER_BREAKS)
@pytest.mark.parametrize("controller", ["", "cpuacct"])
def test_a_groups_name_forges_no_line(mark: str, controller: str) -> None:
    """The kernel refuses a line feed in a name, and nothing else: a container may name its groups so."""
    forged = f"/x{mark}0::/system.slice/shop-stack.service{mark}2:cpuacct:/system.slice/shop-stack.service"
    text = f"4:memory:{forged}\n2:cpuacct:/docker/a\n1:name=systemd:/docker/a\n0::/docker/a\n"
    assert cgroup.path_in(text, controller) == "/docker/a"
    assert cgroup.owner_path(text) == "/docker/a"
    assert cgroup.owner_path(f"0::{forged}\n") == forged


@given(st.lists(NAMES.filter(lambda name: name not in (".", "..")), min_size=1, max_size=5))
def test_any_path_is_read_back(names: list[str]) -> None:
    """Whatever its groups are called, a path is itself, and its parts are its names."""
    path = "/" + "/".join(names)
    if path.endswith(" (deleted)"):
        return
    found = cgroup.cgroup_path(cgroup.owner_path(f"0::{path}\n"))
    assert (found.path, list(found.segments), found.leaf) == (path, names, names[-1])
    assert found.slices + found.below == found.segments


@pytest.mark.parametrize(
    ("path", "slices", "unit", "uid", "users_own"),
    [
        ("", (), "", None, None),
        ("/", (), "", None, None),
        ("/init.scope", (), "init.scope", None, None),
        ("/system.slice", ("system.slice",), "", None, None),
        ("/a.slice/a-b.slice/c.service/d.scope", ("a.slice", "a-b.slice"), "c.service", None, None),
        ("/payload/system.slice/c.service", (), "", None, None),
        ("/.slice/.service", (), "", None, None),
        ("/user.slice/user-7.slice/session-3.scope", ("user.slice", "user-7.slice"), "session-3.scope", 7, None),
        (
            "/user.slice/user-7.slice/user@7.service/app.slice/t.service",
            ("user.slice", "user-7.slice"),
            "user@7.service",
            7,
            "/app.slice/t.service",
        ),
        ("/user.slice/user-7.slice/user@8.service/t", ("user.slice", "user-7.slice"), "user@8.service", 7, None),
    ],
)
def test_the_parts_of_a_path(
    path: str, slices: tuple[str, ...], unit: str, uid: int | None, users_own: str | None
) -> None:
    """Slices come first; the unit is right below them, and a user's own manager counts from its own service on."""
    found = cgroup.cgroup_path(path)
    own = found.users_own
    assert (found.slices, found.unit, found.uid) == (slices, unit, uid)
    assert (None if own is None else own.path) == users_own


def test_members_are_those_of_everything_inside() -> None:
    """Each group is asked for its own; PID 0 stands for one that we cannot see."""
    procs = {"/a": "1\n0\n2\n", "/a/b": "3\n", "/a/b/c": ""}
    inner = {"/a": ["/a/b"], "/a/b": ["/a/b/c"], "/a/b/c": []}
    found = cgroup.members("/a", lambda at: cgroup.parse_procs(procs[at]), lambda at: inner[at])
    assert sorted(found) == [1, 2, 3]


def test_a_maze_of_groups_ends() -> None:
    """A container may make as many groups as it likes."""
    assert sum(1 for _ in cgroup.members("/a", lambda _: [1], lambda at: [f"{at}/x", f"{at}/y"])) == 512


ID = "21fe8d0c5b7a4e9f83d2c6b1a0e4f7d8c9b2a3e5f6071829384756a1b2c3d4e5"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (f"/system.slice/docker-{ID}.scope", "container 21fe8d0c5b7a"),
        (f"/docker/{ID}", "container 21fe8d0c5b7a"),
        (f"/kubepods.slice/kubepods-pod1.slice/cri-containerd-{ID}.scope", "container 21fe8d0c5b7a"),
        (f"/machine.slice/libpod-conmon-{ID}.scope", "libpod-conmon-21fe8d0c5b7a.scope"),
        ("/system.slice/ocr.service", "ocr.service"),
        ("/user.slice/user-1000.slice/session-c3.scope", "session c3 of user 1000"),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/burn.service", "burn.service of user 1000"),
        ("/system.slice/docker-*.scope", "docker-*.scope"),
        ("/", ""),
        ("", ""),
    ],
)
def test_a_group_is_called_as_a_person_says_it(path: str, name: str) -> None:
    """The container, the unit, the session; neither its path nor 64 digits."""
    assert cgroup.called(path) == name
