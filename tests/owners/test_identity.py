"""A manager is who it says only if its user and its program's file say so too; what a user keeps is acted on as that
user."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest
from owners.keepers_host import WORK, KeepersHost
from preflight.host_world import LINK
from support.made_world import made_world
from support.owned import owned

from runaway_watchdog import owners
from runaway_watchdog.explain import root_commands
from runaway_watchdog.owners.docker.containment import client
from runaway_watchdog.world import Engine, crontabs
from runaway_watchdog.world.ownership import Holders
from runaway_watchdog.world.program_states import ProgramState

MALLORY = 33
HOME = "/home/mallory"
MALLORYS = Holders((MALLORY,))
WEB = ("/usr/bin/web",)
CRON = ("/usr/sbin/cron", "-f")
JOB = ("/bin/sh", "-c", "backup --all")
GOD = "PM2 v7.0.4: God Daemon (/root/.pm2)"
UNIT = "/system.slice/x.service"


def host(
    manager: Sequence[str], child: Sequence[str], uids: tuple[int, int], executables: Mapping[int, int] | None = None
) -> KeepersHost:
    """A manager, PID 59, and its child, each with its real uid; what is below mallory's home is mallory's."""
    found = KeepersHost(ownership=owned({HOME: MALLORYS}, executables))
    found.line(manager, child)
    for pid, words, uid in ((59, manager, uids[0]), (WORK, child, uids[1])):
        found.process(pid, "x", comm=words[0].rpartition("/")[2], ppid=1 if pid == 59 else 59, uid=uid, cgroup=UNIT)
        found.files.add(f"/proc/{pid}/cmdline", "".join(f"{word}\0" for word in words))
        found.files.add(f"/proc/{pid}/exe", f"{LINK}{words[0]}")
    found.files.add("/etc/cron.d/backup", "0 3 * * * root backup --all\n")
    return found


@pytest.mark.parametrize(
    ("manager", "child", "uids", "executables", "kind"),
    [
        (CRON, JOB, (0, 0), {}, "cron-job"),
        (CRON, JOB, (MALLORY, MALLORY), {}, ""),  # cron's own file, started by a user
        ((f"{HOME}/cron", "-f"), JOB, (MALLORY, MALLORY), {}, ""),  # a copy of python under that name
        ((f"{HOME}/cron", "-f"), JOB, (0, 0), {}, ""),  # root runs a user's file: that is not root's cron
        (CRON, JOB, (0, 0), {59: MALLORY}, ""),  # the file that runs is another one than the path names by now
        (("/usr/sbin/anacron",), JOB, (MALLORY, MALLORY), {}, ""),
        (("/usr/sbin/atd",), WEB, (MALLORY, MALLORY), {}, ""),
        (("/usr/bin/su", "supervisord", "-c", "/x"), WEB, (0, MALLORY), {}, ""),  # setuid: root's uid, a user's words
        (("/usr/bin/python3", "/usr/bin/supervisord"), WEB, (1000, MALLORY), {}, ""),  # cannot start others' programs
        (("/usr/bin/python3", "/usr/bin/circusd", "/etc/c.ini"), WEB, (1000, MALLORY), {}, ""),
        (("/usr/bin/runsv", "web"), WEB, (1000, MALLORY), {}, ""),
        ((f"{HOME}/runsv", "web"), WEB, (0, 0), {}, ""),
        (("/usr/bin/perl", GOD), WEB, (0, 0), {}, ""),  # a title is chosen freely
        (("/usr/bin/node", "/x/forever/bin/monitor"), WEB, (1000, MALLORY), {}, ""),
        (("/usr/bin/python3", "/x/forever/bin/monitor"), WEB, (0, 0), {}, ""),
    ],
)
def test_a_name_alone_is_no_manager(
    manager: Sequence[str], child: Sequence[str], uids: tuple[int, int], executables: Mapping[int, int], kind: str
) -> None:
    """By the user, the file that runs and whose that is."""
    kinds = host(manager, child, uids, executables).kinds()
    assert (kind or "systemd-service") in kinds
    if not kind:
        others = {
            "cron-job",
            "at-job",
            "supervisord-program",
            "circus-watcher",
            "runit-service",
            "pm2-app",
            "forever-app",
        }
        assert not others & set(kinds)


def test_a_line_of_roots_starts_nothing_of_anybody_elses() -> None:
    """Its words are there for everybody to bear, also below root's own cron."""
    found = host(CRON, JOB, (0, MALLORY))
    assert [each.owner.policy for each in found.layers()][:1] == ["line not found"]


def test_what_a_user_writes_into_the_journal_is_not_crons() -> None:
    """`logger -t CRON` may be typed by anybody; who did is said by the journal itself."""
    entry = {"MESSAGE": "(root) CMD (backup)", "__REALTIME_TIMESTAMP": "1000000"}
    assert len(list(crontabs.logged([{**entry, "_UID": "0"}]))) == 1
    assert list(crontabs.logged([{**entry, "_UID": "33"}])) == []


# --- as that user ------------------------------------------------------------------------------------------------

CONF = "[unix_http_server]\nfile=/run/s.sock\n[supervisorctl]\n[program:web]\ncommand=/usr/bin/web\n"


def supervisord(conf: str, uid: int, text: str = CONF, **folders: Holders) -> KeepersHost:
    found = host(("/usr/bin/python3", "/usr/bin/supervisord", "-c", conf), WEB, (uid, uid))
    found.ownership = owned({HOME: MALLORYS, **{name.replace("__", "/"): each for name, each in folders.items()}})
    found.files.add(conf, text)
    found.files.add("/usr/bin/supervisorctl", "")
    found.files.add(f"/proc/{WORK}/environ", "SUPERVISOR_PROCESS_NAME=web\0SUPERVISOR_GROUP_NAME=web\0")
    found.files.all_there = True
    return found


def commands(found: KeepersHost) -> list[str]:
    """All that is shown for root, after the look at whose it is."""
    containment = root_commands.contained(found.layers(), found.world)
    return [text for step in containment.steps for text in (step.command, step.undo or "")]


def test_a_users_supervisord_is_asked_and_told_as_that_user() -> None:
    """In a session of its own and without root's environment; its file is changed by its own user."""
    found = commands(supervisord(f"{HOME}/s.conf", MALLORY))
    as_user = 'runuser -u www-data -- setsid -w env -i PATH="$PATH" supervisorctl -c /home/mallory/s.conf'
    assert f"kill -CONT 60 2>/dev/null; {as_user} stop web" in found
    assert f"{as_user} start web" in found
    assert (
        sum('runuser -u www-data -- setsid -w env -i PATH="$PATH" sh -c \'umask 077; case ' in each for each in found)
        == 1
    )
    assert all("/root/" not in each for each in found)


def test_a_program_of_others_that_root_would_find_by_its_name_is_not_run() -> None:
    """root's shell looks into /usr/local/bin first, and what lies there belongs to a user."""
    found = supervisord("/etc/s.conf", 0, usr__none=MALLORYS)
    assert any("supervisorctl -c /etc/s.conf stop web" in each for each in commands(found))
    found.ownership = owned({"/usr/local/bin/supervisorctl": MALLORYS})
    containment = root_commands.contained(found.layers(), found.world)
    assert [each.title for each in containment.steps] == ["Freeze it"]
    assert "/usr/local/bin/supervisorctl can be changed by www-data" in containment.goal


def test_a_socket_of_others_in_a_folder_with_a_space_is_not_roots_to_use() -> None:
    """A name goes on behind what ends one elsewhere."""
    found = host(("/usr/bin/python3", "/usr/bin/circusd", "/etc/c.ini"), WEB, (0, 0))
    found.files.add("/etc/c.ini", "[circus]\nendpoint = ipc:///srv/my apps/s\n[watcher:web]\ncmd = /usr/bin/web\n")
    assert any("circusctl" in each for each in commands(found))
    found.ownership = owned({"/srv/my apps": MALLORYS})
    assert not any("circusctl" in each for each in commands(found))


@pytest.mark.parametrize(
    ("whose", "spool", "taken"),
    [
        (MALLORY, "/var/spool/cron/atjobs", True),
        (0, "/var/spool/cron/atjobs", False),
        (MALLORY, f"{HOME}/atjobs", False),
    ],
)
def test_a_job_of_ats_is_the_users_whose_it_is(whose: int, spool: str, taken: bool) -> None:
    """Another user's job of the same words stays in its line; a folder of the user's own is no spool of at's."""
    found = host(("/usr/sbin/atd",), JOB, (0, MALLORY))
    minute = format(30_000_000, "08x")
    found.files.add(f"/proc/{WORK}/fd/0", f"{LINK}{spool}/a00009{minute}")
    for name, uid in (("=00009", MALLORY), ("a0000a", whose)):
        head = f"#!/bin/sh\n# atrun uid={uid} gid={uid}\ncd / || {{\n exit 1\n}}\n"
        found.files.add(f"/var/spool/cron/atjobs/{name}{minute}", f"{head}backup --all\n")
    assert any("held-a0000a" in each for each in commands(found)) is taken


@pytest.mark.parametrize(
    ("endpoint", "shown"),
    [
        (None, "docker"),
        ("tcp://127.0.0.1:2375", "docker -H tcp://127.0.0.1:2375"),
        ("unix:///tmp/d.sock", "docker -H unix:///tmp/d.sock"),
        (
            "unix:///run/user/1000/docker.sock",
            'runuser -u bob -- setsid -w env -i PATH="$PATH" docker -H unix:///run/user/1000/docker.sock',
        ),
    ],
)
def test_a_users_engine_is_spoken_to_as_that_user(endpoint: str | None, shown: str) -> None:
    """Whose the socket is, is looked at."""
    engine = Reached(endpoint)
    whose = owned({"/run/user/1000": Holders((1000,)), "/tmp": Holders((), True)})
    world = made_world([], engine=cast(Engine, engine), users={1000: "bob"})._replace(ownership=whose)
    assert client(world) == shown


class Reached:
    def __init__(self, endpoint: str | None) -> None:
        self._endpoint = endpoint

    def endpoint(self) -> str | None:
        return self._endpoint


def test_a_users_file_that_roots_supervisord_reads_is_not_roots_to_use() -> None:
    """Neither as that user, who may not ask it, nor as root: the program is only frozen, and why is said."""
    found = supervisord(f"{HOME}/s.conf", 0)
    containment = root_commands.contained(found.layers(), found.world)
    assert [each.title for each in containment.steps] == ["Freeze it"]
    assert f"{HOME}/s.conf can be changed by www-data" in containment.goal


def test_what_is_left_out_is_said() -> None:
    """Of a file that others may write beside root's: whose program it is, is known; what it says is not believed."""
    found = supervisord("/etc/s.conf", 0, CONF.replace("[program:web]", f"[include]\nfiles={HOME}/a.conf\n[program:x]"))
    found.files.add(f"{HOME}/a.conf", "[program:web]\ncommand=/usr/bin/web\nautorestart=false\n")
    facts, _ = owners.facts(found.world, WORK)
    layers, gaps = owners.layers(facts, found.world)
    assert layers[0].owner.policy == "not known"
    assert any(f"{HOME}/a.conf was not read" in gap.problem for gap in gaps)


def test_a_password_goes_to_whose_file_it_stands_in() -> None:
    """Not to another user's socket that a command line names together with root's file."""
    secret = CONF.replace("file=/run/s.sock", "file=/run/s.sock\nusername=a\npassword=b")
    asked: list[tuple[Any, ...]] = []

    class Asked:
        def supervisord(self, *words: Any) -> Sequence[ProgramState]:
            asked.append(words)
            return ()

    for path, uid in (("/etc/s.conf", MALLORY), (f"{HOME}/s.conf", 0), ("/etc/s.conf", 0), (f"{HOME}/s.conf", MALLORY)):
        found = supervisord(path, uid, secret)
        found.processes = ()
        found.told = Asked()
        found.layers()
    assert [words[-1] for words in asked] == [0, MALLORY]


@pytest.mark.parametrize("uid", [0, MALLORY])
def test_a_supervised_folder_belongs_to_one_of_them(uid: int) -> None:
    """As its user, or not at all."""
    found = host(("/usr/bin/runsv", "web"), WEB, (uid, uid))
    found.files.add("/proc/59/cwd", f"{LINK}{HOME}/sv/web")
    found.files.add("/proc/59/cwd/supervise/status", (b"@" * 12 + b"\1\0\0\0\0u\0\1").decode())
    shown = commands(found)
    assert any("sv down" in each for each in shown) is bool(uid)
    for each in shown:
        assert HOME not in each or each.partition(HOME)[0].count("runuser -u www-data -- ") == 1
