"""podman's commands, judged from what Podman says of itself, and what is not judged."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

import pytest
from preflight.host_world import EngineWith, FakeHost

from runaway_watchdog.model.effect import risk
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.preflight.safer import safer
from runaway_watchdog.preflight.sequence import Preflight, Shell, judge
from runaway_watchdog.world import Engine, Podman, Unanswered, World

DATA = "/var/lib/containers/storage/volumes/{}/_data"
LAYERS = "/var/lib/containers/storage/overlay"
UNNAMED = "ab" * 32


def container(name: str, state: str, *volumes: str, **changes: Any) -> Mapping[str, Any]:
    """As `podman ps` lists it, with what `podman inspect` adds under its own keys."""
    mounts = [{"Type": "volume", "Name": each} for each in volumes]
    return {
        "Id": name.ljust(64, "0"), "Names": [name], "State": state, "ImageID": "1" * 64, "Image": "localhost/bb:1",
        "Labels": None, "Created": 1, "AutoRemove": False, "Pod": "", "Mounts": mounts,
        "NetworkSettings": {"Networks": {"podman": {}}}, "GraphDriver": {"Data": {"UpperDir": f"{LAYERS}/{name}"}},
        **changes,
    }  # fmt: skip


class FakePodman:
    """Three containers, one of them in a pod; a volume that is used, one that is not, one without a name."""

    def __init__(self, *, rootless: bool = False) -> None:
        self._rootless = rootless

    def rootless(self) -> bool:
        return self._rootless

    def containers(self) -> Sequence[Mapping[str, Any]]:
        unit = {"PODMAN_SYSTEMD_UNIT": "web.service"}
        return [
            container("runs", "running", "data", UNNAMED, Labels=unit),
            container("ended", "exited", "old"),
            container("inpod", "exited", Pod="9" * 12),
        ]

    def container(self, reference: str) -> Mapping[str, Any] | None:
        found = next((each for each in self.containers() if each["Id"] == reference), None)
        return None if found is None else {**found, "State": {"Status": found["State"]}}

    def volumes(self) -> Sequence[Mapping[str, Any]]:
        names = ("data", "old", "spare", UNNAMED)
        return [
            {"Name": each, "Driver": "local", "Mountpoint": DATA.format(each), "Anonymous": each == UNNAMED}
            for each in names
        ]

    def images(self) -> Sequence[Mapping[str, Any]]:
        return [{"Id": "1" * 64, "Names": ["localhost/bb:1"], "Created": 1}, {"Id": "2" * 64, "Names": None}]

    def networks(self) -> Sequence[Mapping[str, Any]]:
        return [{"name": "podman", "id": "a"}, {"name": "idle", "id": "b"}]

    def pods(self) -> Sequence[Mapping[str, Any]]:
        return [{"Id": "9" * 64, "Name": "pod", "InfraId": ""}]


class Frozen:
    """A Podman that does not answer."""

    def __getattr__(self, method: str) -> Any:
        def refuse(*_: Any) -> Any:
            raise Unanswered(Gap("podman", "it did not answer within 2 s", "see whether it hangs: podman ps"))

        return refuse


def world(podman: object) -> World:
    host = FakeHost()
    for name in ("data", "old", "spare", UNNAMED):
        host.files.add(f"{DATA.format(name)}/rows", "rows")
    for name in ("runs", "ended", "inpod"):
        host.files.add(f"{LAYERS}/{name}/run/main.pid", "1")
    return host.world._replace(podman=cast(Podman, podman))


def judged(line: str, podman: object | None = None, environment: Mapping[str, str] | None = None) -> Preflight:
    return judge(line, world(podman or FakePodman()), Shell(environment or {}, "/srv", "/root"))


LINES: list[tuple[str, str]] = [
    ("podman rm runs", ""),
    ("podman rm -f runs", "remove runs"),
    ("podman rm -fv runs", f"remove runs, delete {UNNAMED}"),
    ("podman rm run", ""),
    ("podman rm -a", "remove ended, remove inpod"),
    ("podman stop runs", "stop runs"),
    ("podman kill -s WINCH runs", ""),
    ("podman volume rm data spare", "delete spare"),
    ("podman volume rm -f data", "remove runs, delete data"),
    ("podman volume prune -f", "delete spare"),
    ("podman rm ended; podman volume prune -f", "remove ended, delete old, delete spare"),
    ("podman container prune -f", "remove ended"),
    ("podman pod rm pod", "remove inpod"),
    ("podman pod prune -f", "remove inpod"),
    ("podman rmi bb:1", ""),
    ("podman network rm -f podman", f"remove runs, remove ended, remove inpod, delete {UNNAMED}"),
    ("podman network prune -f", "remove idle"),
    ("podman rm -f $(podman ps -q)", "remove runs"),
    ("podman ps -a", ""),
    ("podman volume prune --help", ""),
]


@pytest.mark.parametrize(("line", "expected"), LINES, ids=[line for line, _ in LINES])
def test_exactly_this_happens(line: str, expected: str) -> None:
    """Podman's own rules, where they differ from Docker's too."""
    found = judged(line)
    assert {f"{each.verb} {each.name}" for each in found.effects} == set(filter(None, expected.split(", ")))
    assert found.unknown == ()
    assert {each.name for each in found.lost} == {each.name for each in found.effects if each.type == "volume"}


def test_everything_goes_with_a_reset() -> None:
    """Every volume is lost, each with those that use it."""
    found = judged("podman system reset -f")
    assert {each.name: each.used_by for each in found.lost} == {
        "data": ("runs",), "old": ("ended",), "spare": (), UNNAMED: ("runs",),
    }  # fmt: skip
    assert all(each.size is not None and each.size.bytes == len("rows") for each in found.lost)


def test_a_units_container_may_come_back() -> None:
    """What systemd runs by way of Podman has systemd's policy."""
    assert "web.service" in judged("podman stop runs").effects[0].why


UNKNOWN = [
    "podman frob",
    "podman volume prune --frob",
    "podman volume prune -f --filter dangling=true",
    "podman rm --filter status=exited",
    "podman --root /elsewhere volume prune -f",
    "podman $X",
    "podman rm $X",
    "podman exec $X rm -rf /data",
    "podman system migrate",
    "podman kube down pod.yml",
    "sudo -u web podman volume prune -f",
    'su - web -c "podman volume prune -f"',
    "CONTAINER_HOST=ssh://web podman volume prune -f",
    "podman-compose down -v",
]


@pytest.mark.parametrize("line", UNKNOWN)
def test_it_is_said_what_is_not_known(line: str) -> None:
    """Another place, another user, an option that is not followed: never safe, and nothing invented."""
    found = judged(line)
    assert found.unknown
    assert found.effects == ()


def test_a_podman_that_does_not_answer_is_not_safe() -> None:
    """Its own words are in the answer."""
    assert "did not answer" in judged("podman rm -f x", Frozen()).unknown[0]


def test_root_by_sudo_is_another_one_for_a_user() -> None:
    """A user's own Podman was asked; the line is about root's."""
    assert judged("sudo podman volume prune -f", FakePodman(rootless=True)).unknown
    assert judged("sudo podman volume prune -f", FakePodman()).unknown == ()


class CleansUp(FakePodman):
    """The container that runs was made with --rm."""

    def containers(self) -> Sequence[Mapping[str, Any]]:
        return [container("runs", "running", "data", UNNAMED, AutoRemove=True)]


@pytest.mark.parametrize(
    ("line", "unsure"),
    [("podman rm -f runs", True), ("podman rm -fv runs", False), ("podman stop runs", False), ("podman ps", False)],
)
def test_two_removals_at_once_are_a_race(line: str, unsure: bool) -> None:
    """A container's own --rm deletes its unnamed volumes, if it is quicker than the command: both were seen."""
    assert any("--rm is quicker" in each for each in judged(line, CleansUp()).unknown) is unsure


@pytest.mark.parametrize(
    ("line", "copied"),
    [
        ("podman volume rm spare", ["spare"]),
        ("podman system reset -f", ["old", "spare"]),  # "data" is a unit's, which starts its container again
        ("podman volume rm spare; docker volume rm spare", []),
    ],
)
def test_a_copy_is_made_of_podmans_own_folder(line: str, copied: list[str]) -> None:
    """Docker may have a volume of the same name: it is never taken for Podman's."""
    docker = [{"Name": "spare", "Driver": "local", "Mountpoint": "/var/lib/docker/volumes/spare/_data", "Labels": {}}]
    here = world(FakePodman())._replace(engine=cast(Engine, EngineWith([], docker)))
    again = partial(judge, world=here, shell=Shell({}, "/srv", "/root"))
    found = [each.command for each in safer(again(line), here, None, again)]
    assert found == [f"tar -C {DATA.format(name)} -cf /var/backups/{name}.tar ." for name in copied]


class Mounted(FakePodman):
    """One container that runs, with its volume in /data and a folder of the host in /up."""

    def containers(self) -> Sequence[Mapping[str, Any]]:
        mounts = [
            {"Type": "volume", "Name": "data", "Source": DATA.format("data"), "Destination": "/data", "RW": True},
            {"Type": "bind", "Source": "/srv/up", "Destination": "/up", "RW": True},
        ]
        return [container("runs", "running", Mounts=mounts, Config={"WorkingDir": "/data", "Env": ["D=/data"]})]

    def container(self, reference: str) -> Mapping[str, Any] | None:
        found = super().container(reference)
        return None if found is None else {**found, "State": {"Status": "running", "Pid": 42}}


ROWS = f"{DATA.format('data')}/rows"


@pytest.mark.parametrize(
    ("line", "lost"),
    [
        ("podman exec runs rm /data/rows", [ROWS]),
        ("podman exec runs rm rows", [ROWS]),
        ("podman exec -w /data runs sh -c 'rm $D/r*'", [ROWS]),
        ("podman container exec -it runs find /data -delete", [ROWS]),
        ("podman exec runs rm -rf /data", ["data"]),
        ("podman exec runs rm -rf /up", ["/srv/up"]),
        ("podman exec -i runs sh <<< 'rm rows'", [ROWS]),
        ("podman run --rm -v data:/x alpine rm /x/rows", [ROWS]),
        ("podman run --rm -v data:/x:Z alpine sh -c 'rm /x/*'", [ROWS]),
        ("podman run --rm -v /srv/up:/x:z alpine rm -rf /x/a.jpg", ["/srv/up/a.jpg"]),
        ("podman run --pod new --rm --volumes-from runs alpine rm /data/rows", [ROWS]),
        ("podman cp /srv/new.txt runs:/data/rows", [ROWS]),
        ("podman cp runs:/data/rows /srv/notes.txt", ["/srv/notes.txt"]),
        ("podman save -o /srv/notes.txt bb:1", ["/srv/notes.txt"]),
        ("podman export -o /srv/notes.txt runs", ["/srv/notes.txt"]),
        ("podman exec runs cat /data/rows > /srv/notes.txt", ["/srv/notes.txt"]),
        ("podman exec runs ls /data", []),
        ("podman exec nobody rm /data/rows", []),
        ("podman run --rm -v data:/x:ro alpine rm -rf /x", []),
        ("podman run -d --name web -p 80:80 nginx", []),
        ("podman run --rm alpine echo hi", []),
        ("podman save -o /srv/new.tar bb:1", []),
        ("podman cp runs:/data/rows /srv/fresh", []),
        ("podman run -d --name runs nginx", []),
    ],
)
def test_what_runs_in_a_container(line: str, lost: list[str]) -> None:
    """As Docker's, over Podman's own volumes."""
    host = FakeHost()
    for path in (ROWS, "/srv/up/a.jpg", "/srv/notes.txt", "/srv/new.txt"):
        host.files.add(path, "what it holds")
    here = host.world._replace(podman=cast(Podman, Mounted()))
    found = judge(line, here, Shell({}, "/srv", "/root"))
    assert ([each.name for each in found.lost], risk(found.unknown) == "high") == (lost, False), found.unknown


def test_replace_removes_the_container_of_that_name() -> None:
    """And the new one is told after it."""
    found = judged("podman run -d --replace --name runs nginx")
    assert [(each.verb, each.name) for each in found.effects] == [("remove", "runs")]
