"""Commands inside a container: what they would lose is told by where it lies, in a volume, a folder or a layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from preflight.host_world import EngineWith, FakeHost

from runaway_watchdog.preflight.sequence import Preflight
from runaway_watchdog.preflight.verdict import verdict

ID = "cd" * 32
LAYER = "/var/lib/docker/overlay2/abc/diff"
DATA = "/var/lib/docker/volumes/pg/_data"
FIRST, SECOND = f"{DATA}/base", f"{DATA}/rows"
CONTAINER: Mapping[str, Any] = {
    "Id": ID, "Names": ["/db"], "Image": "bb:1", "ImageID": "sha256:1", "Labels": {}, "Created": 1, "State": "running",
    "Mounts": [
        {"Type": "volume", "Name": "pg", "Source": DATA, "Destination": "/data"},
        {"Type": "bind", "Source": "/srv/uploads", "Destination": "/uploads"},
    ],
    "GraphDriver": {"Data": {"UpperDir": LAYER}}, "Config": {"WorkingDir": "/data", "Env": ["PGDATA=/data"]},
}  # fmt: skip


class Engine(EngineWith):
    def container(self, reference: str) -> Mapping[str, Any] | None:
        found = super().container(reference)
        return None if found is None else {**found, "Created": "", "State": {"Status": "running", "Pid": 42}}


def host() -> FakeHost:
    volume = {"Name": "pg", "Driver": "local", "Mountpoint": DATA, "Labels": {}}
    made = FakeHost(engine=Engine([CONTAINER], [volume]))
    for path in (FIRST, SECOND, "/srv/uploads/a.jpg", "/srv/notes.txt", f"{LAYER}/app/keys", "/proc/42/root/app/keys"):
        made.files.add(path, "what it holds")
    made.files.add("/proc/42/root/etc/of-the-image", "what it holds")
    made.files.add("/proc/42/root/tmp/x", "what it holds")
    made.files.add(f"{LAYER}/tmp/x", "what it holds")
    made.files.add("/dev/null", "\0device")
    for folder in ("/proc/42/root/data", "/proc/42/root/uploads"):
        made.files.folders.add(folder)
    return made


def judged(line: str) -> Preflight:
    return host().judge(line)


@pytest.mark.parametrize(
    "line",
    [
        "docker exec -w /data db rm rows",
        "docker exec --workdir /data db rm -f rows",
        "docker exec db rm rows",
        "docker exec --workdir=/data db rm ./rows",
        "docker exec -w /data/ db /bin/rm -- rows",
        "docker exec db rm //data//rows",
        "docker exec -w // db rm data/rows",
        "docker exec -w /app db rm ../data/rows",
        "docker exec db rm /app/../data/rows",
        "docker exec -w /data db sh -c 'rm rows'",
        "docker exec db sh -c 'cd /data && rm -f rows'",
        "docker exec db bash -lc 'cd /; cd data; rm rows'",
        "docker exec db sh -c '> rows'",
        "docker exec db sh -ec 'cp /dev/null rows'",
        "docker exec db sh -c 'rm $PGDATA/rows'",
        "docker exec -e D=/data db sh -c 'rm \"$D/rows\"'",
        "docker exec db sh -c 'find /data -name rows -delete'",
        "docker exec db find /data -name rows -exec rm {} +",
        "docker exec db truncate -s 0 /data/rows",
        "docker exec db cp /data/base /data/rows",
        "docker exec db mv base rows",
        "docker exec db dd if=/dev/null of=/data/rows",
        "docker exec db env A=1 rm rows",
        "docker exec db timeout 5 rm rows",
        "docker exec -i db sh <<'E'\nrm /data/rows\nE",
        "docker exec -i db sh <<< 'rm rows'",
        "echo 'rm /data/rows' | docker exec -i db sh",
        "docker exec -i db sh -s <<'E'\ncd /data\nrm rows\nE",
        "docker container exec db rm rows",
        "docker exec db sh -c 'ls /data/r* | xargs rm'",
        "docker cp /srv/notes.txt db:/data/rows",
        "docker container cp /srv/notes.txt db:data/rows",
        "docker exec db sh -c 'for f in /data/r*; do rm $f; done'",
        "docker run --rm -v pg:/x bb:1 rm /x/rows",
        "docker run --rm -v pg:/x -w /x bb:1 rm rows",
        "docker run -v pg:/x bb:1 sh -c 'rm /x/r*'",
        "docker run --rm --mount type=volume,source=pg,target=/x bb:1 rm /x/rows",
        "docker run --rm --volumes-from db bb:1 rm /data/rows",
        "docker run --rm -v /var/lib/docker/volumes/pg/_data:/x bb:1 rm /x/rows",
        "docker run --rm --entrypoint rm -v pg:/x bb:1 /x/rows",
        "docker run --rm -v pg:/tmp/x bb:1 rm /tmp/x/rows",
        "docker run --rm -i -v pg:/x bb:1 sh <<'E'\nrm /x/rows\nE",
    ],
)
def test_a_file_of_a_volume(line: str) -> None:
    assert [each.name for each in judged(line).lost] == [SECOND], judged(line)


@pytest.mark.parametrize(
    ("line", "lost"),
    [
        ("docker exec db sh -c 'rm -rf /data/*'", [FIRST, SECOND]),
        ("docker exec db sh -c 'rm -rf *'", [FIRST, SECOND]),
        ("docker exec db rm -rf /data", ["pg"]),
        ("docker run --rm -v pg:/x bb:1 sh -c 'rm -rf /x/*'", [FIRST, SECOND]),
        ("docker run --rm -v /srv/uploads:/x busybox sh -c 'rm -rf /x/*'", ["/srv/uploads/a.jpg"]),
        ("docker run --rm -v ./uploads:/x busybox rm -rf /x/a.jpg", ["/srv/./uploads/a.jpg"]),
        ("docker exec db rm -rf /uploads", ["/srv/uploads"]),
        ("docker exec db rm /app/keys", ["db"]),
        ("docker exec -w /app db sh -c 'rm *'", ["db"]),
        ("docker cp /srv/notes.txt db:/app/keys", ["db"]),
        ("docker cp db:/data/rows /srv/notes.txt", ["/srv/notes.txt"]),
        ("docker exec db cat /data/rows > /srv/notes.txt", ["/srv/notes.txt"]),
    ],
)
def test_each_place_is_named(line: str, lost: list[str]) -> None:
    assert [each.name for each in judged(line).lost] == [each.replace("/./", "/") for each in lost]


@pytest.mark.parametrize(
    "line",
    [
        "docker exec db ls /data",
        "docker exec db rm -rf /data/*",
        "docker exec db rm /etc/of-the-image",
        "docker exec db rm /tmp/x",
        "docker exec db rm -rf /nope",
        "docker exec -w / db rm rows",
        "docker exec db sh -c 'cat /data/rows > /tmp/x'",
        "docker cp /srv/notes.txt db:/data/new",
        "docker cp db:/data/rows /srv/new",
        "docker exec nobody rm /data/rows",
    ],
)
def test_nothing_is_lost(line: str) -> None:
    assert verdict(judged(line)) in ("safe", "interrupts")


@pytest.mark.parametrize(
    "line",
    [
        "docker exec db rm $X",
        "docker exec -w $X db rm rows",
        "docker exec $C rm /data/rows",
        "docker exec db sh -c 'rm $X/rows'",
        'docker exec db sh -c "$X"',
        "docker exec db pkill postgres",
        "docker exec db docker ps -q",
        "docker exec db ./tidy",
        "docker run --rm -v pg:/x bb:1",
        "docker run --rm -v $V:/x bb:1 rm /x/rows",
        "docker run -v pg:/x bb:1 tidy /x",
        "docker run --rm -v pg:/x bb:1 cp -r /of-the-image /x",
        "docker cp - db:/data",
        "docker exec -i db sh",
        "docker cp $F db:/data/rows",
        "docker run --rm -v pg:/x $I rm /x/rows",
        "docker run --rm -v pg:/x rclone/rclone sync /x",
    ],
)
def test_what_is_not_known_is_never_safe(line: str) -> None:
    assert verdict(judged(line)) in ("unknown", "destroys-data")
