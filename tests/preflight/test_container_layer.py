"""What a container wrote outside of volumes, and which of it is data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from preflight.host_world import EngineWith, FakeHost

from runaway_watchdog.effects.docker import layer
from runaway_watchdog.preflight.verdict import verdict

LAYER = "/var/lib/docker/overlay2/abc/diff"
ID = "ab" * 32
MORNING, NOON = "2026-06-01T06:00:00Z", 1_780_315_200.0


def container(state: str = "running", *, layer: str = LAYER, **host: Any) -> Mapping[str, Any]:
    return {
        "Id": ID, "Names": ["/db"], "Image": "bb:1", "ImageID": "sha256:1", "State": state, "Labels": {}, "Mounts": [],
        "Created": MORNING, "GraphDriver": {"Data": {"UpperDir": layer}}, "HostConfig": host,
    }  # fmt: skip


class Engine(EngineWith):
    """Its containers' layers are kept where nobody may look; it tells itself what changed."""

    def __init__(self, found: Mapping[str, Any], changed: tuple[str, ...] = (), size: int | None = 10) -> None:
        super().__init__([found], [])
        self._changed, self._size = changed, size

    def containers(self) -> list[Mapping[str, Any]]:
        return [{**each, "Created": 1} for each in super().containers()]

    def changes(self, reference: str) -> list[Mapping[str, Any]]:
        assert reference == ID
        return [{"Path": path, "Kind": 1} for path in self._changed]

    def sized(self, reference: str) -> Mapping[str, Any]:
        assert reference == ID
        return {"SizeRw": self._size}


def host(*written: str, state: str = "running", at: float = NOON, **options: Any) -> FakeHost:
    made = FakeHost(engine=Engine(container(state, **options)))
    made.files.add(f"{LAYER}/run/main.pid", "1")
    for path in written:
        made.files.add(f"{LAYER}{path}", "what it holds")
        made.files.times[f"{LAYER}{path}"] = at
    return made


GOING = (
    "docker rm -f db", "docker rm -fv db", "docker container rm --force db", "docker stop db && docker rm db",
    "docker stop db; docker container prune -f", "docker kill db && docker system prune -af",
    "docker stop db; docker system prune -f --volumes", "docker rm -f $(docker ps -aq)",
    "docker ps -aq | xargs docker rm -f", "docker container stop db && docker container prune --force",
)  # fmt: skip


@pytest.mark.parametrize("line", GOING)
def test_data_in_a_layer_goes_with_its_container(line: str) -> None:
    (lost,) = host("/var/lib/db/PG_VERSION", "/var/lib/db/base").judge(line).lost
    assert (lost.type, lost.name, lost.size and lost.size.bytes) == ("container", "db", 26)
    assert "PostgreSQL's data, 2 files in /var/lib/db" in lost.why


@pytest.mark.parametrize("line", GOING)
def test_nothing_is_lost_with_an_image_s_own_churn(line: str) -> None:
    assert verdict(host().judge(line)) == "interrupts"


@pytest.mark.parametrize("line", ["docker stop db", "docker restart db", "docker kill db", "docker rm db"])
def test_what_leaves_the_container_leaves_its_layer(line: str) -> None:
    assert not host("/data/rows").judge(line).lost


@pytest.mark.parametrize("line", ["docker stop db", "docker kill db", "reboot"])
def test_one_that_was_created_with_rm_goes_when_it_stops(line: str) -> None:
    assert [each.name for each in host("/data/rows", AutoRemove=True).judge(line).lost] == ["db"]


@pytest.mark.parametrize(
    "path",
    [
        "/tmp/upload", "/var/tmp/x", "/run/postgresql/.s.lock", "/var/run/app.pid", "/var/cache/nginx/1",
        "/root/.cache/x",
        "/root/.bash_history", "/app/__pycache__/a.pyc", "/app/node_modules/a/b.js", "/usr/lib/libx.so", "/bin/vim",
        "/var/lib/dpkg/status", "/var/lib/apt/lists/x", "/etc/passwd", "/etc/ld.so.cache", "/usr/local/lib/x.py",
        "/var/log/nginx/access.log", "/app/logs/today", "/app/app.log", "/app/storage/framework/views/1.php",
        "/etc/apk/world", "/app/tmp/pids/server.pid",
    ],
)  # fmt: skip
def test_churn(path: str) -> None:
    assert not host(path).judge("docker rm -f db").lost


@pytest.mark.parametrize(
    "path",
    [
        "/data/rows", "/app/uploads/a.jpg", "/srv/app.db", "/root/dump.sql", "/etc/nginx/conf.d/site.conf", "/home/a/b",
        "/usr/share/nginx/html/index.html", "/usr/src/app/uploads/a", "/var/lib/grafana/grafana.db", "/opt/app/data/x",
        "/var/www/html/index.php", "/data/dump.rdb", "/var/lib/mysql/ibdata1", "/app/public/new.png",
        "/letsencrypt/a.json",
    ],
)  # fmt: skip
def test_data(path: str) -> None:
    assert host(path).judge("docker rm -f db").lost


@pytest.mark.parametrize("path", ["/etc/nginx/conf.d/default.conf", "/app/staticfiles/a.css", "/opt/app/env.js"])
def test_what_a_start_writes_is_written_again(path: str) -> None:
    assert not host(path, at=NOON - 6 * 3600 + 5).judge("docker rm -f db").lost


def test_where_the_layer_may_not_be_read_the_engine_tells_what_changed() -> None:
    changed = ("/var", "/var/lib", "/var/lib/db", "/var/lib/db/PG_VERSION", "/tmp", "/tmp/x")
    (lost,) = FakeHost(engine=Engine(container(layer=""), changed)).judge("docker rm -f db").lost
    assert (lost.size and lost.size.bytes, "PostgreSQL's data" in lost.why) == (10, True)
    assert not FakeHost(engine=Engine(container(layer=""), changed, 0)).judge("docker rm -f db").lost
    assert not FakeHost(engine=Engine(container(layer=""), ("/run", "/run/a"))).judge("docker rm -f db").lost


def test_a_container_that_never_ran_wrote_nothing() -> None:
    assert not host("/data/rows", state="created").judge("docker rm db").lost


@pytest.mark.parametrize(
    ("path", "again"),
    [
        ("/usr/local/share/app/data.sqlite3", False),
        ("/usr/local/lib/app/app.db", False),
        ("/usr/local/lib/python3.11/site-packages/x.py", True),
        ("/usr/lib/x/shipped.db", True),
        ("/tmp/app.db", True),
    ],
)
def test_a_database_beside_a_program_is_none_of_its_files(path: str, again: bool) -> None:
    """Below /usr/local programs are put by hand, and keep their databases beside themselves."""
    assert layer.churn(layer.File(path, 10, 5e9), ()) is again
