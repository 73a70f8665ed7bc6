"""Masters with workers: recognised by their titles, and what the end of one worker leads to."""

import time
from typing import Any

import pytest
from preflight.host_world import LINK, FakeHost
from support.builders import make_facts, make_process

from runaway_watchdog import owners
from runaway_watchdog.model.owner import Action, Outlook
from runaway_watchdog.owners import app_master
from runaway_watchdog.owners.common import worker_pools

RECORDED = [
    ("nginx", "nginx", "nginx: master process /usr/sbin/nginx -g daemon on;", "nginx: worker process"),
    ("php-fpm", "php-fpm8.2", "php-fpm: master process (/etc/php/8.2/fpm/php-fpm.conf)", "php-fpm: pool www"),
    ("Apache", "apache2", "/usr/sbin/apache2 -k start", "/usr/sbin/apache2 -k start"),
    (
        "PostgreSQL",
        "postgres",
        "/usr/lib/postgresql/15/bin/postgres -D /var/lib/postgresql/15/main",
        "postgres: 15/main: app shop 10.0.0.7(51200) SELECT",
    ),
    ("uWSGI", "uwsgi", "uWSGI master", "uWSGI worker 1"),
    ("uWSGI", "uwsgi", "/usr/bin/uwsgi --master --processes 2", "/usr/bin/uwsgi --master --processes 2"),
    ("gunicorn", "python3.11", "/usr/bin/python3 /usr/bin/gunicorn a:b", "/usr/bin/python3 /usr/bin/gunicorn a:b"),
    ("gunicorn", "python3.12", "gunicorn: master [shop.wsgi]", "gunicorn: worker [shop.wsgi]"),
    (
        "celery",
        "python3.11",
        "/srv/venv/bin/python /srv/venv/bin/celery -A shop worker -c 4",
        "/srv/venv/bin/python /srv/venv/bin/celery -A shop worker -c 4",
    ),
    ("celery", "python3.11", "[celeryd: celery@web:MainProcess] (worker)", "[celeryd: celery@web:ForkPoolWorker-1]"),
    ("puma", "ruby3.1", "puma 6.4.0 (tcp://0.0.0.0:3000) [shop]", "puma: cluster worker 0: 711 [shop]"),
    ("unicorn", "ruby3.1", "unicorn master -c unicorn.rb", "unicorn worker[0] -c unicorn.rb"),
    ("sidekiq", "ruby3.1", "ruby /srv/bin/sidekiqswarm -e production", "sidekiq 7.1 shop [3 of 5 busy]"),
    ("node cluster", "node", "node /srv/app.js", "node /srv/app.js"),
]  # fmt: skip
"""As `ps` shows them: those of nginx to gunicorn seen on Debian 12, the others as their manuals print them."""


@pytest.mark.parametrize(
    ("program", "exe", "master", "worker"), RECORDED, ids=[f"{row[0]}-{row[3][:20]}" for row in RECORDED]
)
def test_a_master_is_known_by_its_titles(program: str, exe: str, master: str, worker: str) -> None:
    """The pair is told by both lines, and by the one file that they both run."""
    above = make_process(50, exe=f"/usr/bin/{exe}", cmdline=tuple(master.split()))
    below = make_process(60, exe=f"/usr/bin/{exe}", cmdline=tuple(worker.split()))
    known = worker_pools.known(above, below)
    assert known is not None
    assert known.program == program
    other = make_process(60, exe="/usr/bin/burn", cmdline=tuple(worker.split()))
    assert worker_pools.known(above, other) is None


@pytest.mark.parametrize(
    ("exe", "master", "worker"),
    [
        ("node", "node /srv/parent.js", "node /srv/child.js"),
        ("bash", "bash /srv/x.sh", "bash /srv/x.sh"),
        ("python3", "python3 /srv/manage.py", "python3 /srv/other.py"),
        ("ruby", "ruby /srv/rake", "ruby /srv/rake jobs"),
    ],
)
def test_a_parent_is_not_a_master_for_that(exe: str, master: str, worker: str) -> None:
    """Another script of the same interpreter, and a shell's own fork, are nobody's workers."""
    parent = make_process(50, exe=f"/usr/bin/{exe}", cmdline=tuple(master.split()))
    child = make_process(60, exe=f"/usr/bin/{exe}", cmdline=tuple(worker.split()), ppid=50)
    assert app_master.claim(make_facts(child, parent)) is None


def host(exe: str, master: str, worker: str, *, siblings: int = 1, **changes: Any) -> FakeHost:
    """A master (PID 50) with workers from PID 60 on."""
    found = FakeHost()
    found.process(1, "/sbin/init", comm="systemd", ppid=0)
    found.process(50, master, comm=exe, ppid=1)
    for pid in range(60, 61 + siblings):
        found.process(pid, worker, comm=exe, ppid=50, **changes)
    found.files.add("/proc/50/task/50/children", " ".join(str(pid) for pid in range(60, 61 + siblings)))
    return found


def outlook(found: FakeHost, action: Action = "sigkill", pid: int = 60) -> tuple[tuple[owners.Layer, ...], Outlook]:
    facts, _ = owners.facts(found.world, pid)
    layers, _ = owners.layers(facts, found.world)
    return layers, owners.outlook(layers, action)


def test_a_worker_that_is_killed_is_replaced() -> None:
    """By its master, and the layer around is the master's own."""
    layers, killed = outlook(host("nginx", "nginx: master process nginx", "nginx: worker process"))
    assert [layer.owner.kind for layer in layers] == ["app-master", "unmanaged"]
    assert layers[0].owner.told().facts["workers"] == 2
    assert (killed.returns, killed.by, killed.certainty) == (True, "nginx", "certain")


def test_the_masters_own_owner_is_the_one_to_act_on() -> None:
    """The steps are those of the layer around; the worker only gives way."""
    layers, stopped = outlook(host("nginx", "nginx: master process nginx", "nginx: worker process"), "owner-stop")
    assert (stopped.ends, stopped.returns) == (True, False)
    commands = [step.command for step in owners.contain(layers).steps]
    assert any("kill -STOP 50" in command for command in commands)
    assert not any("kill -STOP 60" in command for command in commands)


def test_a_fork_pool_waits_for_a_request() -> None:
    """`pm = ondemand`, in the pool's own section alone."""
    found = host("php-fpm8.2", "php-fpm: master process (/etc/php-fpm.conf)", "php-fpm: pool shop")
    found.files.add("/proc/50/root/etc/php-fpm.conf", "[global]\ninclude=/etc/pool.d/*.conf\n")
    found.files.add(
        "/proc/50/root/etc/pool.d/a.conf", "[www]\npm = ondemand\n[shop]\nuser = x\n ; pm = ondemand\npm = dynamic\n"
    )
    assert outlook(found)[0][0].owner.told().facts["reaction"] == "respawns"
    found.files.add("/proc/50/root/etc/pool.d/a.conf", "[www]\npm = dynamic\n[shop]\nuser = x\npm = ondemand\n")
    layers, killed = outlook(found)
    assert layers[0].owner.told().facts["reaction"] == "respawns-when-asked"
    assert (killed.returns, killed.certainty) == (True, "likely")


POSTGRES = "/usr/lib/postgresql/15/bin/postgres -D /x"


def test_killing_a_backend_hard_restarts_them_all() -> None:
    """And the explanation says so; SIGTERM ends that one session alone."""
    found = host("postgres", POSTGRES, "postgres: 15/main: app shop [local] SELECT", caught="4000")
    layers, killed = outlook(found)
    assert "EVERY client" in killed.why
    termed = outlook(found, "sigterm")[1]
    assert "EVERY" not in termed.why
    assert (termed.ends, termed.returns) == (True, False)
    steps = owners.contain(layers).steps
    assert not any("kill -9" in step.command for step in steps)
    assert any("kill -INT 60" in step.command for step in steps)


def test_a_background_process_of_postgres_is_started_again() -> None:
    """It is not a session that somebody could end."""
    layers, killed = outlook(host("postgres", POSTGRES, "postgres: 15/main: walwriter"))
    assert (killed.returns, killed.by) == (True, "PostgreSQL")
    assert not any("-INT" in step.command for step in owners.contain(layers).steps)


def test_a_threaded_apache_worker_does_not_take_sigterm() -> None:
    """Seen with mpm_event: it goes on."""
    found = host("apache2", "/usr/sbin/apache2 -k start", "/usr/sbin/apache2 -k start", caught="4000")
    for task in (60, 99):
        found.files.add(f"/proc/60/task/{task}/comm", "apache2")
    assert outlook(found, "sigterm")[1].ends is False
    assert outlook(found)[1].returns is True


def test_an_unknown_prefork_parent_is_not_guessed() -> None:
    """Siblings make it a master, and what it does stays unknown until the watch has seen it."""
    layers, killed = outlook(host("python3", "python3 /srv/pool.py", "python3 /srv/pool.py"))
    assert layers[0].owner.kind == "app-master"
    assert (killed.returns, killed.certainty) == (None, "unknown")
    alone = host("python3", "python3 /srv/pool.py", "python3 /srv/pool.py", siblings=0)
    assert outlook(alone)[0][0].owner.kind == "unmanaged"


def test_what_a_worker_started_is_not_a_worker() -> None:
    """The master does not wait for its grandchild."""
    found = host("nginx", "nginx: master process nginx", "nginx: worker process")
    found.process(70, "/usr/bin/convert a b", comm="convert", ppid=60)
    layers, killed = outlook(found, pid=70)
    assert layers[0].owner.kind == "app-master"
    assert (killed.returns, killed.certainty) == (None, "unknown")


def test_a_hostile_title_is_read_in_no_time() -> None:
    """A process may write a megabyte over its arguments."""
    for piece in ("a ", "gunicorn ", "a", "celery worker ", "postgres: "):
        long = make_process(50, exe="/usr/bin/python3", cmdline=tuple((piece * 50_000).split(" ")))
        begun = time.process_time()
        worker_pools.known(long, make_process(60, exe="/usr/bin/python3", cmdline=("x",)))
        assert time.process_time() - begun < 2


TCP = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
ROW = "   0: 0100007F:1F90 {peer} {state} 00000000:00000000 00:00000000 00000000     0     0 {inode} 1 0 100\n"


def connected(found: FakeHost, pid: int, *, listens: bool = True) -> None:
    """The worker holds the pool's listening socket, and one connection from 10.0.0.7 whose client gave up."""
    found.files.add(f"/proc/{pid}/fd/5", f"{LINK}socket:[100]" if listens else f"{LINK}/dev/null")
    found.files.add(f"/proc/{pid}/fd/9", f"{LINK}socket:[101]")
    found.files.add(f"/proc/{pid}/cwd", f"{LINK}/var/www/shop")
    listening = ROW.format(peer="00000000:0000", state="0A", inode=100)
    found.files.add(f"/proc/{pid}/net/tcp", TCP + listening + ROW.format(peer="0700000A:C350", state="08", inode=101))


def test_a_request_is_all_that_ends() -> None:
    """An idle worker is no return of the work; the whole service is the last resort alone."""
    found = host("php-fpm8.2", "php-fpm: master process (/etc/php-fpm.conf)", "php-fpm: pool shop", siblings=2)
    connected(found, 60)
    layers, killed = outlook(found)
    now = layers[0].owner.told().facts["current"]
    assert now == {"work": "request", "folder": "/var/www/shop", "clients": ["10.0.0.7:50000"]}
    assert (killed.ends, killed.returns, killed.certainty) == (True, False, "likely")
    steps = owners.contain(layers).steps
    assert [(step.phase, step.last_resort) for step in steps] == [("relieve", False), ("hold", False), ("hold", True)]
    assert "kill -KILL 60" in steps[1].command
    assert "kill 50" in steps[2].command


POLL = "pos:\t0\nflags:\t02000002\ntfd:        9 events:{events:>9} data:                9  pos:0 ino:65 sdev:8\n"


@pytest.mark.parametrize(("events", "work"), [("2019", "connections"), ("40000000", "request"), ("", "request")])
def test_an_idle_connection_is_no_request(events: str, work: str) -> None:
    """A proxy keeps it open, and the worker's own thread burns: that may come back. A one-shot has fired."""
    found = host("python3.11", "gunicorn: master [app]", "gunicorn: worker [app]", siblings=2)
    connected(found, 60)
    found.files.add("/proc/60/fd/7", f"{LINK}anon_inode:[eventpoll]")
    found.files.add("/proc/60/fdinfo/7", POLL.format(events=events))
    layers, killed = outlook(found)
    assert layers[0].owner.told().facts["current"]["work"] == work
    assert (killed.returns, killed.certainty) == ((None, "unknown") if work == "connections" else (False, "likely"))
    held = owners.contain(layers)
    assert ("request" in f"{killed.why} {held.goal} {held.steps[1].title}".replace("not a request", "")) == (
        work == "request"
    )
    assert [step.last_resort for step in held.steps] == [False, False, True]


@pytest.mark.parametrize("other", ["no listening socket of its own", "an idle worker", "nginx"])
def test_what_is_no_request(other: str) -> None:
    """A connection that the worker made itself; none at all; a program that serves all of them at once."""
    titles = ("php-fpm8.2", "php-fpm: master process (/etc/php-fpm.conf)", "php-fpm: pool shop")
    found = host(*(titles if other != "nginx" else ("nginx", "nginx: master process nginx", "nginx: worker process")))
    if other != "an idle worker":
        connected(found, 60, listens=other == "nginx")
    layers, killed = outlook(found)
    assert "current" not in layers[0].owner.told().facts
    assert killed.returns is True


@pytest.mark.parametrize(("state", "busy"), [("R", True), ("S", False), ("T", True)])
def test_a_task_is_what_a_worker_that_does_not_wait_is_at(state: str, busy: bool) -> None:
    """celery's workers wait for the next one in a read; one that somebody froze was at something."""
    line = "/usr/bin/python3 /usr/bin/celery -A shop worker"
    layers, killed = outlook(host("python3.11", line, line, state=state))
    assert ("current" in layers[0].owner.told().facts) is busy
    assert killed.returns is (not busy)


def test_a_graceful_master_waits_for_the_request() -> None:
    """SIGTERM does not end what gunicorn lets finish: the step is SIGKILL."""
    line = "/usr/bin/python3 /usr/bin/gunicorn shop:app"
    found = host("python3.11", line, line, caught="4000")
    connected(found, 60)
    layers, termed = outlook(found, "sigterm")
    assert termed.ends is False
    assert "kill 60" not in owners.contain(layers).steps[1].command


def test_a_celery_worker_that_is_asked_to_exit_may_take_a_lock_of_its_pool_along() -> None:
    """Its master ends it a second time in the midst of its good-bye, and no task is done any more."""
    line = "/usr/bin/python3 /usr/bin/celery -A shop worker"
    layers, termed = outlook(host("python3.11", line, line, state="R", caught="4000"), "sigterm")
    command = owners.contain(layers).steps[1].command
    assert "kill -KILL 60" in command and "kill 60" not in command
    assert (termed.ends, termed.returns) == (True, False)
    assert any("no further task is done" in reason.text for reason in termed.reasons), termed.reasons
