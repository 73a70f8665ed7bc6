"""Commands inside a container: what they would lose is told by where it lies, in a volume, a folder or a layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from preflight.host_world import LINK, EngineWith, FakeHost

from runaway_watchdog.model.effect import risk
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


QUIET = [
    "docker run -d nginx", "docker run --rm hello-world", "docker run -it --rm ubuntu bash", "docker run -it alpine",
    "docker run -d --name web -p 80:80 nginx", "docker run -d --name db postgres:16",
    "docker run -d -v /srv/data:/data app",
    "docker run -d -v new:/var/lib/postgresql/data -e POSTGRES_PASSWORD=x postgres:16",
    "docker run --rm alpine echo hi", "docker run --rm -v $PWD:/app -w /app node:20 npm ci",
    "docker run --rm -v /srv:/src golang:1.22 go build ./...",
    "docker run -v /var/run/docker.sock:/var/run/docker.sock portainer/portainer-ce",
    "docker run --privileged -it alpine sh", "docker run --rm --network host nicolaka/netshoot ss -tlnp",
    "docker run --rm curlimages/curl -s http://x", "docker run --rm -v pg:/x:ro alpine rm -rf /x",
    "docker run --rm -v pg:/x:ro bb:1 sh -c 'rm -rf /x/*'",
    "docker run --rm --mount type=volume,src=pg,dst=/x,readonly alpine rm -rf /x/rows",
    "docker run --rm myapp migrate", "docker run --rm -v pg:/x alpine ls -la /x",
    "docker run --rm -v pg:/x:ro -v /srv:/b alpine tar czf /b/pg.tgz /x",
    "docker run --rm -it --volumes-from db alpine sh", "docker run --rm -v pg:/data postgres:16 pg_controldata /data",
    "docker run -d --restart always -v pg2:/data redis:7", "docker run --rm -v /srv:/w restic/restic backup /w",
]  # fmt: skip


@pytest.mark.parametrize("line", QUIET)
def test_a_new_container_passes_in_silence(line: str) -> None:
    """What an image does by itself is not known, and of low risk; what is mounted to be read only stays."""
    found = judged(line)
    assert (found.lost, risk(found.unknown) == "high") == ((), False), found.unknown


ASKED = [
    "docker run -d -v pg:/var/lib/postgresql/data postgres:16", "docker run -v pg:/var/lib/mysql mysql:8",
    "docker run -d --mount type=volume,src=pg,dst=/var/lib/mysql mariadb:11", "docker run --rm -v pg:/x app purge",
    "docker run --rm -v pg:/x app rm -rf /x/$Y", "docker run --rm -v /:/host alpine chroot /host rm -rf /srv",
    "docker run -v /srv/mysql:/var/lib/postgresql/data postgres:16",
]  # fmt: skip


@pytest.mark.parametrize("line", ASKED)
def test_a_new_container_that_may_destroy_is_asked_about(line: str) -> None:
    """A second database on the same files, and words that speak of deleting."""
    here = host()
    here.files.add("/srv/mysql/ibdata1", "what it holds")
    assert risk(here.judge(line).unknown) == "high"


def test_the_program_of_an_image_is_the_one_that_it_is_called_after() -> None:
    """`jrottenberg/ffmpeg -y …` is ffmpeg's line."""
    line = "docker run --rm -v /srv:/w jrottenberg/ffmpeg -y -i /w/a /w/notes.txt"
    assert [each.name for each in judged(line).lost] == ["/srv/notes.txt"]
    assert [each.name for each in judged("docker run --rm restic/restic forget --prune x").lost] != []


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
        "docker run --rm -v pg:/x other/tool sync /x",
    ],
)
def test_what_is_not_known_is_never_safe(line: str) -> None:
    assert verdict(judged(line)) in ("unknown", "destroys-data")


@pytest.mark.parametrize(
    ("program", "verdicts"), [("busybox", "destroys-data"), ("toybox", "destroys-data"), ("", "unknown")]
)
def test_a_small_images_rm_deletes_the_root(program: str, verdicts: str) -> None:
    """GNU rm refuses it; which one it is shows where the link leads."""
    made = host()
    made.files.folders.add("/proc/42/root/")
    for folder in ("", "/bin", "/data"):
        made.files.folders.add(f"/proc/42/root{folder}")
    if program:
        made.files.add("/proc/42/root/bin/rm", f"{LINK}{program}")
    found = made.judge("docker exec db rm -rf /")
    assert verdict(found) == verdicts, (found.effects, found.unknown)
    assert ("pg" in [each.name for each in found.lost]) is bool(program)
