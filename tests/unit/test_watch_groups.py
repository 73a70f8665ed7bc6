"""cgroups: owner-level groups, usage, members."""

from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from runaway_watchdog.linux import cgroup_cpu
from runaway_watchdog.linux.cgroup import path_in
from runaway_watchdog.linux.files import Paths
from runaway_watchdog.watch import groups
from runaway_watchdog.watch.groups import Tree

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
