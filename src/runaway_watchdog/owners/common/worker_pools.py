"""Programs that run as a master with workers, as their processes show themselves. Pure.

How soon a killed worker's successor starts, and what SIGTERM does to a worker, was measured on Debian 12 (nginx 1.22,
Apache 2.4, PHP-FPM 8.2, gunicorn 20.1, uWSGI 2.0, PostgreSQL 15). celery, puma, unicorn, sidekiq and node's cluster
are known by the titles that their manuals show. What SIGTERM does to a worker that is stuck in a request was seen with
these and unicorn 6.0, puma 5.6 and celery 5.2 too: gunicorn and puma first finish what they are at, which it never is.

billiard 3.6, which is celery's pool, has the worker send its master a last message, and the master answers it with a
second SIGTERM: where the workers share one queue (the file system as broker), the worker ended while it held the lock
of that queue in 4 of 4 trials on a loaded host, and no task was done any more. SIGKILL left the pool whole, 4 of 4.
"""

import re
from typing import Literal, NamedTuple

from runaway_watchdog.model.process import Process
from runaway_watchdog.owners.common.shells import RUNNING_SHELLS, base

Reaction = Literal["respawns", "respawns-when-asked", "crash", "own", "unclear"]
"""What the master does when a worker ends: starts another one; starts one when a request comes; takes it for a crash
and ends them all (PostgreSQL, SIGKILL alone); what its own program says (node); not to be told from outside."""
OnSigterm = Literal["ends", "finishes", "may-jam"]
"""What a worker does when it is asked to exit: it ends; it finishes its work first; it may take a lock with it that the
rest of its pool waits for."""
Work = Literal["request", "task", "connections"]
"""What a worker is at, one at a time in each thread, and waits for the next one after it; of connections that may all
be idle, which a client or a proxy keeps open, no more is known."""


class Master(NamedTuple):
    """A known kind of master. The patterns are met by the whole command line; a worker may also bear its master's."""

    program: str
    exe: str  # the program's file name
    process_title: str = ".*"
    worker: str = ""
    after_s: float | None = None  # None: not measured, so its return is likely at most
    reaction: Reaction = "respawns"
    works_on: Work | None = None  # None: its work is not in pieces that end (nginx serves all at once)
    on_sigterm: OnSigterm = "ends"


_PYTHON = r"(?:pypy|python)[\d.]*"
_RUBY = r"ruby[\d.]*"
_SCRIPT = r"(?:\S+\s+){0,3}\S*\b"
"""What comes before a script's name: its interpreter, with an option or two."""
MASTERS = (
    Master("nginx", "nginx|openresty", r"nginx: master process .*", r"nginx: (worker|cache manager) process.*", 0.1),
    Master("php-fpm", r"php-fpm[\d.]*", r"php-fpm: master process .*", r"php-fpm: pool .*", 0.1, works_on="request"),
    Master("Apache", "apache2|httpd", after_s=1.0, works_on="request"),
    Master("PostgreSQL", "postgres(ql)?", worker=r"postgres: .*", after_s=0.2, reaction="crash"),
    Master(
        *("uWSGI", r"uwsgi\S*", r"uWSGI master.*|.*\s(--master|-M)(\s.*)?", r"uWSGI (worker|http) \d+.*", 1.0),
        works_on="request",
    ),
    Master("uWSGI", r"uwsgi\S*", reaction="unclear"),
    Master(
        *("gunicorn", _PYTHON, rf"gunicorn: master.*|{_SCRIPT}gunicorn(/__main__\.py)?\s.*", "gunicorn: worker.*", 0.1),
        works_on="request",
        on_sigterm="finishes",
    ),
    Master(
        *("celery", _PYTHON, rf"\[celeryd: .*|{_SCRIPT}celery(/__main__\.py)?\s.*\bworker\b.*", r"\[celeryd: .*"),
        works_on="task",
        on_sigterm="may-jam",
    ),
    Master("puma", _RUBY, r"puma \d\S* .*", r"puma: cluster worker .*", works_on="request", on_sigterm="finishes"),
    Master("unicorn", _RUBY, r"unicorn(_rails)? master .*", r"unicorn(_rails)? worker.*", works_on="request"),
    Master("sidekiq", _RUBY, rf"{_SCRIPT}sidekiqswarm.*", r"sidekiq .*"),
    Master("node cluster", r"node(js)?", reaction="own"),
)
"""In the order in which they are asked."""

ROLE = r"postgres: (?:[^\s/]++/\S++(?<=:) )?(?P<role>.*)"
BACKGROUND = (
    r"(?:checkpointer|background writer|walwriter|autovacuum launcher|logical replication launcher|archiver.*"
    r"|stats collector|logger|io worker.*|slotsync worker.*|walsummarizer|walreceiver.*|startup.*)"
)
PASSING = r"(?:parallel worker for PID \d+|autovacuum worker.*|logical replication worker.*)"
"""Of PostgreSQL's processes; patterns that are compiled when one of those is looked at."""
TITLE_LIMIT = 2000


def title(process: Process) -> str:
    """The command line as one line, as far as it tells; a process that writes its own title pads it."""
    return " ".join(process.cmdline)[:TITLE_LIMIT].strip()


def known(master: Process, worker: Process) -> Master | None:
    """Which kind of master this is to that worker; None for none that is known."""
    if base(master.exe) != base(worker.exe):
        return None
    return next((each for each in MASTERS if _fits(each, master, worker)), None)


def _fits(each: Master, master: Process, worker: Process) -> bool:
    if not (re.fullmatch(each.exe, base(master.exe)) and re.fullmatch(each.process_title, title(master), re.DOTALL)):
        return False
    if each.reaction == "own":  # each worker of a cluster runs the same script, perhaps with more options
        return len(_plain(worker)) > 1 and _plain(master) == _plain(worker)
    return same(master, worker) or (each.worker != "" and re.fullmatch(each.worker, title(worker)) is not None)


def _plain(process: Process) -> list[str]:
    return [word for word in process.cmdline if not word.startswith("-")][:2]


def same(master: Process, worker: Process) -> bool:
    """A fork that never became another program: the same file and the same words."""
    return bool(worker.cmdline) and (master.exe, master.cmdline) == (worker.exe, worker.cmdline)


def forked(master: Process, worker: Process) -> bool:
    """Perhaps a master that is not known by name: its child is itself. A shell's fork is a part of its script."""
    return same(master, worker) and base(master.exe) not in RUNNING_SHELLS | {"busybox", "init", "systemd"}


def postgres_role(worker: Process) -> str:
    """`checkpointer`, `app shop 10.0.0.7(5120) SELECT`: what a PostgreSQL process says it does."""
    found = re.fullmatch(ROLE, title(worker))
    return found["role"] if found else title(worker)
