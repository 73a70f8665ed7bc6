"""cgroups: owner-level groups, usage, members."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from runaway_watchdog.linux import cgroup_cpu
from runaway_watchdog.linux.cgroup import path_in
from runaway_watchdog.linux.files import Paths
from runaway_watchdog.watch import group_starts, groups
from runaway_watchdog.watch.clocks import system_clocks
from runaway_watchdog.watch.group_starts import GroupStarts
from runaway_watchdog.watch.groups import Tree
from runaway_watchdog.watch.sample import Sampler, this_host

POD = "pod0f1e2d3c-0000-4000-8000-0123456789ab"


@pytest.mark.parametrize(
    ("path", "group"),
    [
        ("/system.slice/nginx.service", "/system.slice/nginx.service"),
        ("/system.slice/docker-21fe.scope", "/system.slice/docker-21fe.scope"),
        ("/system.slice/docker-21fe.scope/init.scope", "/system.slice/docker-21fe.scope"),
        ("/user.slice/user-1000.slice/session-3.scope", "/user.slice/user-1000.slice/session-3.scope"),
        (
            "/user.slice/user-1000.slice/user@1000.service/app.slice/tracker.service",
            "/user.slice/user-1000.slice/user@1000.service/app.slice/tracker.service",
        ),
        ("/docker/21fe", "/docker/21fe"),
        ("/docker/21fe/inner", "/docker/21fe"),
        (f"/kubepods/burstable/{POD}/abc", f"/kubepods/burstable/{POD}/abc"),
        ("/kubepods.slice/kubepods-pod1.slice/cri-containerd-a.scope",) * 2,
        ("/init.scope", "/init.scope"),
        ("/", ""),
        ("", ""),
        ("/system.slice", ""),
        ("/../outside", ""),
    ],
)
def test_the_owner_is_the_outermost_group_that_is_no_parent(path: str, group: str) -> None:
    """A unit or container is found in every layout; slices and roots are nobody's."""
    assert groups.owner_group(path) == group


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=80))
def test_an_owner_group_is_a_prefix_of_its_path(path: str) -> None:
    """Whatever a path looks like, its owner is a part of it or nobody."""
    assert path.startswith(groups.owner_group(path))


def test_a_process_says_its_path_in_each_hierarchy() -> None:
    """v1 and v2 lines are told apart, and a path may hold colons."""
    text = "3:cpu,cpuacct:/docker/a\n1:name=systemd:/x\n0::/system.slice/a:b.service (deleted)\n"
    assert path_in(text, "cpuacct") == "/docker/a"
    assert path_in(text, "") == "/system.slice/a:b.service"
    assert path_in("garbage", "") == ""


def test_usage_is_nanoseconds_in_both_versions() -> None:
    """cpu.stat counts microseconds, cpuacct.usage nanoseconds."""
    assert cgroup_cpu.parse_usage(b"usage_usec 1500\nuser_usec 1000\n") == 1_500_000
    assert cgroup_cpu.parse_usage(b"1500\n") == 1500
    assert cgroup_cpu.parse_usage(b"nr_periods 0\n") is None
    assert cgroup_cpu.parse_usage(b"") is None
    assert cgroup_cpu.parse_usage(b"usage_usec x\n") is None


def _v2(root: Path) -> None:
    (root / "a.service").mkdir(parents=True)
    (root / "cgroup.controllers").write_text("")


def _v1(root: Path) -> None:
    (root / "docker").mkdir(parents=True)
    (root / "cpuacct.usage").write_text("1")


def test_v2_is_followed_where_it_is_mounted(tmp_path: Path) -> None:
    """A pure v2 host."""
    _v2(tmp_path)
    assert groups.find_tree(Paths(cgroup=str(tmp_path))) == Tree(str(tmp_path), "", "cpu.stat")


def test_a_hybrid_host_is_followed_in_v2(tmp_path: Path) -> None:
    """v2 knows every unit, v1 only those with accounting."""
    _v2(tmp_path / "unified")
    _v1(tmp_path / "cpuacct")
    tree = groups.find_tree(Paths(cgroup=str(tmp_path)))
    assert tree is not None
    assert tree.root.endswith("unified")


def test_a_v2_without_groups_is_not_followed_where_v1_has_them(tmp_path: Path) -> None:
    """Mounted, but not used: the containers are in v1."""
    (tmp_path / "unified").mkdir()
    (tmp_path / "unified" / "cgroup.controllers").write_text("")
    _v1(tmp_path / "cpu,cpuacct")
    tree = groups.find_tree(Paths(cgroup=str(tmp_path)))
    assert tree == Tree(f"{tmp_path}/cpu,cpuacct", "cpuacct", "cpuacct.usage")


def test_a_host_without_cgroups_has_no_tree(tmp_path: Path) -> None:
    """A minimal container, an odd host."""
    assert groups.find_tree(Paths(cgroup=str(tmp_path))) is None


def test_members_are_those_of_inner_groups_too(tmp_path: Path) -> None:
    """A container may run a whole init inside; PIDs that we cannot see are left out."""
    inner = tmp_path / "docker-1.scope" / "system.slice"
    inner.mkdir(parents=True)
    (inner.parent / "cgroup.procs").write_text("10\n0\n11\n")
    (inner / "cgroup.procs").write_text("12\n")
    tree = Tree(str(tmp_path), "", "cpu.stat")
    assert sorted(groups.members(tree, "/docker-1.scope")) == [10, 11, 12]
    assert list(groups.members(tree, "/gone.scope")) == []


def test_a_bomb_of_inner_groups_is_bounded(tmp_path: Path) -> None:
    """A container that makes thousands of groups does not hold the watch up."""
    for number in range(600):
        (tmp_path / "bomb.scope" / str(number)).mkdir(parents=True)
        (tmp_path / "bomb.scope" / str(number) / "cgroup.procs").write_text(f"{number + 2}\n")
    found = list(groups.members(Tree(str(tmp_path), "", "cpu.stat"), "/bomb.scope"))
    assert 400 < len(found) < 520


def test_parents_are_gone_into_as_deep_as_any_host_has_them() -> None:
    """From there on they count as one group, to the look and to each process's own path alike."""
    path = "/a.slice" * 1100 + "/x.service"
    owner = groups.owner_group(path)
    assert path.startswith(owner)
    assert owner.count("/") < 20
    assert not groups.holds_groups(owner)
    assert groups.holds_groups(owner.rpartition("/")[0])


def deep(folder: Path, levels: int) -> None:
    """Folders within folders, made from inside: their path is longer than a call may take."""
    here = os.getcwd()
    try:
        os.chdir(folder)
        for _ in range(levels):
            os.mkdir("a.slice")
            Path("a.slice/cpu.stat").write_text("usage_usec 5000000\n")
            os.chdir("a.slice")
    finally:
        os.chdir(here)


def taken_away(folder: Path, levels: int) -> None:
    """From the innermost on, one by one: Python's own way goes down one within the other."""
    here = os.getcwd()
    try:
        os.chdir(folder)
        for _ in range(levels):
            os.chdir("a.slice")
        for _ in range(levels):
            os.unlink("cpu.stat")
            os.chdir("..")
            os.rmdir("a.slice")
    finally:
        os.chdir(here)


def counting(folder: Path) -> Sampler:
    """A sampler over made-up groups, beside the host's own /proc."""
    (folder / "cgroup.controllers").touch()
    return Sampler(this_host(Paths(cgroup=str(folder)), system_clocks()), 1.0)


def test_a_thousand_folders_in_a_row_end_no_look(tmp_path: Path) -> None:
    """A user's own systemd, or a container that is its own root, may make them."""
    deep(tmp_path, 1100)
    try:
        assert counting(tmp_path).look({}, ()).busy_percent is None
    finally:
        taken_away(tmp_path, 1100)


def test_a_crowd_of_empty_groups_costs_no_look_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as somebody likes are made; the look lists as many as it has time for, of several folders each."""
    for number in range(6):
        for each in range(1000):
            (tmp_path / f"{number}.slice" / f"{each}.service").mkdir(parents=True)
    monkeypatch.setattr(groups, "_MOST_INSIDE", 500)
    monkeypatch.setattr(groups, "MOST_A_LOOK", 1500)
    listed: list[str] = []
    monkeypatch.setattr(Sampler, "_note_start", lambda *given: listed.append(given[2]))
    before = time.thread_time()
    counting(tmp_path).look({}, ())
    assert len(listed) <= 1500
    assert time.thread_time() - before < 5


def test_a_path_is_gone_into_as_far_as_any_host_has_it_long() -> None:
    """Sixteen names of 255 characters for each of thousands of groups would fill the watch's memory."""
    path = f"/{'a' * 249}.slice" * 10 + "/x.service"
    owner = groups.owner_group(path)
    assert path.startswith(owner)
    assert len(owner) < 1024 + 256 + 1
    assert not groups.holds_groups(owner)


def test_groups_that_are_made_under_ever_new_names_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user makes as many as they like, for hours. What the host's own manager made is remembered all the while."""
    monkeypatch.setattr(group_starts, "MOST_REMEMBERED", 1000)
    starts = GroupStarts(None, 0.0)
    assert starts.note("/system.slice/a.service", 1, 0.0) == "new"
    for number in range(1, 11):
        for each in range(800):
            starts.note(f"/user.slice/user-1000.slice/user@1000.service/{number}-{each}.scope", 1, number * 30.0)
        starts.forget(number * 30.0, ())
    assert len(starts.numbers) <= 1800
    assert "/user.slice/user-1000.slice/user@1000.service/10-799.scope" in starts.numbers
    assert starts.note("/system.slice/a.service", 2, 330.0) == "again"
