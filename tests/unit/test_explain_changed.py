"""What was changed before a process became hot."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st
from support.builders import CONTAINER_ID, make_container, make_cron_job, make_service
from support.made_world import NOW, made_world

from runaway_watchdog.explain.changed import changed
from runaway_watchdog.hostile import clean
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.cron.details import TableLine
from runaway_watchdog.world import World

HOT = NOW
MINUTE = 60.0


class MadeTraces:
    """Files and when they were written; logs and their text."""

    def __init__(self, written: dict[str, float], logs: dict[str, str]) -> None:
        self._written, self._logs = written, logs

    def written(self, path: str) -> float | None:
        return self._written.get(path)

    def newest(self, pattern: str) -> float | None:
        return self._written.get(pattern)

    def tail(self, path: str) -> str | None:
        return self._logs.get(path)


def _world(written: dict[str, float] | None = None, logs: dict[str, str] | None = None) -> World:
    return made_world(())._replace(traces=MadeTraces(written or {}, logs or {}))


def _process(pid: int, started_at: float) -> Process:
    return Process(
        ProcKey("boot", pid, 5), "burn", "running", 1, started_at, "/usr/bin/burn", ("burn",), 0, "root", 0, "/g",
        False, (pid,), "default", pid,
    )  # fmt: skip


FACTS = Facts(_process(100, HOT - 5 * MINUTE), (_process(90, HOT - 6 * MINUTE),), (), None)


def _line(at: float, what: str) -> str:
    return f"{datetime.fromtimestamp(at):%Y-%m-%d %H:%M:%S} {what}\n"


def test_a_container_its_image_and_its_compose_file_are_told_newest_first() -> None:
    """With the moment of each, and where it is known from."""
    owner = make_container(
        kind="compose-service", container="app-web-1", image="web:2", config_files=("/srv/app/compose.yml",),
        created_at=HOT - 2 * MINUTE, image_file="/docker/image/*/x",
    )  # fmt: skip
    world = _world({"/docker/image/*/x": HOT - 4 * MINUTE, "/srv/app/compose.yml": HOT - 9 * MINUTE})
    found = changed(world, FACTS, (owner,), HOT)
    assert [(each.kind, each.told) for each in found] == [
        ("container", "container app-web-1 was created"),
        ("image", "image web:2 came to this host"),
        ("compose-file", "/srv/app/compose.yml was edited"),
    ]
    assert found[0].at == HOT - 2 * MINUTE
    assert found[0].evidence == f"GET /containers/{CONTAINER_ID[:12]}/json: Created"


def test_a_unit_its_drop_ins_a_crontab_and_the_job_itself_are_told() -> None:
    """A drop-in counts as the unit; of a cron job the table and its start."""
    unit = make_service(unit_file="/etc/u.service", drop_ins=["/etc/u.service.d/x.conf"])
    cron = make_cron_job("web", TableLine("/etc/cron.d/web", 1, "root", "", of_user=False), main_pid=90)
    written = {"/etc/u.service.d/x.conf": HOT - MINUTE, "/etc/u.service": HOT - 99 * MINUTE, "/etc/cron.d/web": HOT - 9}
    found = changed(_world(written), FACTS, (cron, unit), HOT)
    assert [(each.kind, each.told) for each in found] == [
        ("crontab", "/etc/cron.d/web was edited"),
        ("unit", "/etc/u.service.d/x.conf was edited"),
        ("cron-job", "cron started web"),
    ]


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/var/log/dpkg.log", "{local:%Y-%m-%d %H:%M:%S} upgrade {name}:amd64 1 2"),
        ("/var/log/dnf.rpm.log", "{utc:%Y-%m-%dT%H:%M:%S%z} SUBDEBUG Upgrade: {name}"),
        ("/var/log/pacman.log", "[{utc:%Y-%m-%dT%H:%M:%S%z}] [ALPM] upgraded {name} (1 -> 2)"),
    ],
)
def test_packages_are_one_line_for_each_log(path: str, form: str) -> None:
    """How many, and not which; other lines of the log and older ones do not count."""
    names = ["curl", "openssl", "libc6", "bash", "vim"]
    moments = [HOT - 14 * MINUTE, *(HOT - (10 - number) * MINUTE for number in range(5))]
    lines = [
        form.format(local=datetime.fromtimestamp(at), utc=datetime.fromtimestamp(at, UTC), name=name)
        for at, name in zip(moments, ["old", *names], strict=True)
    ]
    log = "\n".join([*lines, "rubbish", "2026-11-22 25:61:00 upgrade x:amd64 1 2", ""])
    (found,) = changed(_world(logs={path: log}), FACTS, (), HOT)
    assert (found.told, found.at) == ("5 packages were upgraded", int(HOT - 6 * MINUTE))


def test_verbs_are_told_apart() -> None:
    """Upgraded, installed, removed."""
    log = _line(HOT - 9, "install a:amd64 <none> 1") + _line(HOT - 8, "remove b:amd64 1 <none>")
    (found,) = changed(_world(logs={"/var/log/dpkg.log": log}), FACTS, (), HOT)
    assert found.told == "1 package was installed; 1 package was removed"


@pytest.mark.parametrize(
    ("exe", "words", "listed"),
    [
        ("/usr/bin/burn", ("burn",), "/.\n/usr/bin/burn\n"),
        ("/usr/bin/burn", ("burn",), "/bin/burn\n"),
        ("/usr/bin/python3.11", ("/usr/bin/python3", "-u", "/usr/sbin/shopd"), "/usr/sbin/shopd\n"),
    ],
)
def test_the_package_that_the_process_runs_is_named(exe: str, words: tuple[str, ...], listed: str) -> None:
    """Of hundreds; what is in a container runs nothing of the host's packages."""
    log = _line(HOT - 60, "upgrade shop:amd64 1 2") + "".join(
        _line(HOT - 50 + number / 9, f"upgrade p{number}:amd64 1 2") for number in range(30)
    )
    world = _world(logs={"/var/log/dpkg.log": log, "/var/lib/dpkg/info/shop:amd64.list": listed})
    process = FACTS.process._replace(exe=exe, cmdline=words)
    (found,) = changed(world, FACTS._replace(process=process), (), HOT)
    assert found.told == "31 packages were upgraded, with what it runs: shop"
    inside = FACTS._replace(process=process._replace(namespace_pids=(100, 1)))
    assert changed(world, inside, (), HOT)[0].told == "31 packages were upgraded"


def test_only_the_minutes_before_count() -> None:
    """Neither what came later nor what came long before. Without a watch its start is what it is measured from."""
    for at, told in ((HOT - 14 * MINUTE, 0), (HOT - 9 * MINUTE, 1), (HOT + 5, 1), (HOT + 60, 0)):
        world = _world({"/etc/u.service": at})
        assert len(changed(world, FACTS, (make_service(unit_file="/etc/u.service"),), HOT)) == told
    world = _world({"/etc/u.service": HOT - 2 * MINUTE})  # three minutes after it started
    assert changed(world, FACTS, (make_service(unit_file="/etc/u.service"),), None) == ()


def test_where_nobody_can_look_nothing_is_told() -> None:
    """A recorded host without these traces, and files that are not ours to read."""
    owner = make_container(created_at=HOT - 5)
    assert changed(made_world(()), FACTS, (owner,), HOT) == ()
    assert changed(_world(), FACTS, (make_service(unit_file="/etc/u.service"),), HOT) == ()


@given(st.text(max_size=300))
def test_hostile_logs_are_read_without_an_error(text: str) -> None:
    """A log holds whatever a package is called."""
    logs = dict.fromkeys(("/var/log/dpkg.log", "/var/log/dnf.rpm.log", "/var/log/pacman.log"), text)
    changed(_world(logs=logs), FACTS, (), HOT)


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\n"), max_size=20), min_size=1, max_size=8))
def test_names_are_cleaned(names: list[str]) -> None:
    """No control character reaches the sentence."""
    log = "".join(_line(HOT - 5, f"install {name} <none> 1") for name in names)
    for each in changed(_world(logs={"/var/log/dpkg.log": log}), FACTS, (), HOT):
        assert clean(each.told, 1000) == each.told
