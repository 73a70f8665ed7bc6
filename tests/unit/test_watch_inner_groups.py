"""Processes in inner groups of a container are found, and are the outer container's."""

from pathlib import Path

import pytest
from unit.test_status import host
from unit.watch_host import FakeHost

from runaway_watchdog.linux.cgroup import HIERARCHIES, MOUNT, cgroup_path, owner_path
from runaway_watchdog.owners.docker.container import container_id
from runaway_watchdog.watch.identity import look_at
from runaway_watchdog.watch.short_lived import kind_of
from runaway_watchdog.world.filesystem import LiveFiles
from runaway_watchdog.world.processes import groups_like, members

OUTER, INNER = "0af1" * 16, "be2d" * 16
SCOPE = f"/system.slice/docker-{OUTER}.scope"
BARE = f"/docker/{OUTER}"


@pytest.mark.parametrize(
    ("outer", "inside"),
    [
        (SCOPE, f"/docker/{INNER}"),  # Docker in Docker
        (SCOPE, f"/system.slice/docker-{INNER}.scope"),
        (SCOPE, "/system.slice/nginx.service"),  # systemd in a container
        (SCOPE, "/init.scope"),
        (SCOPE, "/user.slice/user-0.slice/session-1.scope"),
        (SCOPE, f"/kubepods.slice/kubepods-besteffort.slice/cri-containerd-{INNER}.scope"),  # kind, k3d
        (SCOPE, "/a/b/c/d/e"),  # groups that it was handed
        (BARE, f"/docker/{INNER}"),
        (BARE, f"/docker/{INNER}/docker/{OUTER}"),
        (BARE, "/system.slice/cron.service"),
        (BARE, "/payload/x"),
    ],
)
def test_one_in_an_inner_group_is_the_outer_containers(tmp_path: Path, outer: str, inside: str) -> None:
    """The watch finds it as a process of the outer group; whoever explains it finds the outer container's ID."""
    host = FakeHost(tmp_path)
    above = outer.rpartition("/")[0]
    host.group(above, 0.0)
    host.group(outer, 0.0)
    host.group(outer + inside, 0.0)
    for group in (outer, outer + inside):
        (host.cgroups / group.lstrip("/") / "cgroup.procs").write_text("")
    key = host.process(10, start_s=500.0, group=outer + inside)
    host.look(2.0, 0.1)
    for used_s in (2.0, 4.0):
        host.used_ns[10] = round(used_s * 1e9)
        for group in (above, outer, outer + inside):
            host.group(group, used_s)
        sample = host.look(2.0, 2.1)
    assert [(each.key, each.group) for each in sample.processes] == [(key, outer)]
    assert [each.group for each in sample.groups] == [outer]
    seen = look_at(host.host, 10)
    assert seen is not None
    assert seen.group == outer
    assert container_id(cgroup_path(owner_path(f"0::{outer}{inside}\n"))) == OUTER
    assert container_id(cgroup_path(owner_path(f"3:cpuacct:/x\n1:name=systemd:{outer}{inside}\n0::/\n"))) == OUTER


@pytest.mark.parametrize("hidden", [0, 700, 1999])
def test_one_that_hides_among_thousands_of_inner_groups_is_found(tmp_path: Path, hidden: int) -> None:
    """No look searches more than some hundred of them, and the next one searches others."""
    host = FakeHost(tmp_path)
    host.group("/system.slice", 0.0)
    host.group(SCOPE, 0.0)
    for number in range(2000):
        folder = host.cgroups / SCOPE.lstrip("/") / f"g{number}"
        folder.mkdir()
        (folder / "cgroup.procs").write_text("")
    key = host.process(10, start_s=500.0, group=f"{SCOPE}/g{hidden}")
    found = []
    for number in range(60):
        host.used_ns[10] = number * 2_000_000_000
        for group in ("/system.slice", SCOPE):
            host.group(group, number * 2.0)
        found += [each.key for each in host.look(2.0, 2.1).processes]
    assert key in found


def test_a_case_finds_the_groups_of_a_kind_that_are_there_now() -> None:
    """By the shell's wildcards, right inside their parent; none where that is gone."""
    names = [f"docker-{INNER}.scope", "nginx.service", f"docker-{OUTER}.scope", "cgroup.procs"]
    gone = {
        f"files.names {MOUNT}{each}/{name}": {"errno": 2}
        for each in HIERARCHIES
        for name in ("system.slice", "gone.slice")
    }
    files = host(gone | {f"files.names {MOUNT}/system.slice": names}).files
    assert groups_like(files, "/system.slice/docker-*.scope") == [f"/system.slice/docker-{INNER}.scope", SCOPE]
    assert groups_like(files, "/system.slice/run-u*.service") == []
    assert groups_like(files, "/gone.slice/docker-*.scope") == []


def test_a_case_finds_the_groups_of_every_pod() -> None:
    """Whichever parts of the path differ; the kernel's own files are no groups, and take nobody's place."""
    above = "/kubepods/burstable"
    pods = [f"{above}/pod{number:08x}-1111-2222-3333-444444444444" for number in range(80)]
    kernels = [f"memory.{name}" for name in range(80)]
    procs = {f"files.exists {MOUNT}{pod}/{name}/cgroup.procs": False for pod in pods for name in kernels}
    gone = {f"files.names {MOUNT}{each}{above}": {"errno": 2} for each in HIERARCHIES}
    empty = {f"files.names {MOUNT}{pod}": kernels for pod in pods}
    here = (
        gone | procs | empty | {f"files.names {MOUNT}{above}": ["cpu.stat", *(pod.rpartition("/")[2] for pod in pods)]}
    )
    living = f"{pods[79]}/{INNER}"
    kind = kind_of(living)
    assert kind == "/kubepods/burstable/pod*/*"
    assert groups_like(host(here | {f"files.names {MOUNT}{pods[79]}": [*kernels, INNER]}).files, kind) == [living]
    full = {f"files.names {MOUNT}{pod}": [*kernels, OUTER] for pod in pods}
    assert groups_like(host(here | full).files, kind) == [f"{pod}/{OUTER}" for pod in pods[:64]]
    assert groups_like(
        host(here | {f"files.names {MOUNT}{pods[0]}": {"errno": 2}} | {f"files.names {MOUNT}{pods[1]}": [OUTER]}).files,
        kind,
    ) == [f"{pods[1]}/{OUTER}"]


def test_a_case_finds_a_group_that_has_a_files_name() -> None:
    """LXC's groups have dots in their names, as the kernel's files have."""
    gone = {f"files.names {MOUNT}{each}": {"errno": 2} for each in HIERARCHIES}
    there = {f"files.exists {MOUNT}/lxc.payload.web1/cgroup.procs": True}
    here = gone | there | {f"files.names {MOUNT}": ["lxc.payload.web1", "cpu.stat"]}
    assert groups_like(host(here).files, kind_of("/lxc.payload.web7")) == ["/lxc.payload.web1"]


class Crowded(LiveFiles):
    """A hundred thousand groups right inside one."""

    def __init__(self) -> None:
        self.asked = 0

    def names(self, path: str) -> list[str]:
        return [str(number) for number in range(100_000)] if path.endswith(BARE) else []

    def exists(self, path: str) -> bool:
        self.asked += 1
        return BARE in path

    def read(self, path: str) -> str:
        return "7\n" if path.endswith(f"{BARE}/cgroup.procs") else ""


def test_a_case_looks_at_so_many_inner_groups_only() -> None:
    """Whoever may make groups may make a hundred thousand: to look at each of them took two seconds, several times."""
    files = Crowded()
    assert members(files, BARE) == (7,)
    assert files.asked < 10_000
