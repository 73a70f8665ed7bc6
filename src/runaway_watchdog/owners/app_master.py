"""A program's own parent that starts a new worker for each that ends: gunicorn, PHP-FPM, nginx, PostgreSQL …

What burns in such a pool is one request or one task most often: ending its worker ends just that, and the master has
an idle one within a second. Where a worker burns by itself, so does the next one: then the master is acted on, through
its own owner.
"""

import fnmatch
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from runaway_watchdog.model.owner import Action, Certainty, Claim, Deferred, Outlook, Reason
from runaway_watchdog.model.plan import Containment, Prints, Says, Step
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common import requests, siblings, worker_pools
from runaway_watchdog.owners.common.ending import Ending, ending
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.interface import Kind, Read, Unread
from runaway_watchdog.owners.steps import single
from runaway_watchdog.world import World, procfs

KINDS = (Kind("app-master", "app master", line="its master, which runs the workers"),)
MOST_SIBLINGS = 64
LATER_S = 2.0
"""Workers that a master starts together start within this."""
FPM_FILES = 32


class Worker(NamedTuple):
    """What is known of one worker, and of its master."""

    master_pid: int
    main_pid: int  # the worker
    workers: int
    reaction: worker_pools.Reaction
    program: str
    after_s: float | None  # until the next worker; None: not measured
    role: str | None = None  # of PostgreSQL's process, in its own words
    threaded: bool | None = None  # of Apache
    started_later: bool | None = None  # of an unknown program: whether its workers are of different ages
    current: requests.Current | None = None  # what it is at just now

    def shown(self) -> Mapping[str, Any]:
        of_some = ("role", "threaded", "started_later", "current")
        told = {name: value for name, value in self._asdict().items() if value is not None or name not in of_some}
        return told if self.current is None else {**told, "current": self.current.shown()}


def claim(facts: Facts) -> Claim | None:
    """A master that is known by its processes' titles, or a parent whose child is itself once more."""
    if not facts.ancestors:
        return None
    worker, master = facts.process, facts.ancestors[0]
    if len(master.namespace_pids) != len(worker.namespace_pids) or master.pid == 1:
        return None
    if worker_pools.known(master, worker) is None and not worker_pools.forked(master, worker):
        return None
    evidence = tuple(f"/proc/{each.pid}/cmdline: {worker_pools.title(each)[:160]}" for each in (master, worker))
    return Claim("app-master", str(master.pid), evidence, master.pid)


def inspect(claim: Claim, facts: Facts, world: World) -> Read[Worker] | None:
    """Look at the other workers. None: a single fork of a program that is not known to have workers."""
    master, worker = siblings.manager_and_main(facts, claim.manager_pid)
    kind = worker_pools.known(master, worker)
    others = _others(master, worker, world)
    if kind is None and not others:
        return None
    details = _unknown(master, worker, others) if kind is None else _known(kind, master, worker, len(others), world)
    policy = "not known" if kind is None else "respawn"
    return Read("app-master", f"{details.program} ({master.pid})", claim.ref, policy, details, claim.evidence)


def _known(kind: worker_pools.Master, master: Process, worker: Process, others: int, world: World) -> Worker:
    now = requests.current(kind, worker, world.files)
    found = Worker(master.pid, worker.pid, others + 1, kind.reaction, kind.program, kind.after_s, current=now)
    if kind.program == "PostgreSQL":
        return found._replace(role=worker_pools.postgres_role(worker))
    if kind.program == "php-fpm" and _on_demand(master, worker, world):
        return found._replace(reaction="respawns-when-asked", after_s=None)
    if kind.program == "Apache":
        return found._replace(threaded=_threads(worker, world) > 1)
    return found


def _unknown(master: Process, worker: Process, others: list[Process]) -> Worker:
    """A prefork parent of an unknown program: what it does is its own; workers of different ages are a hint."""
    ages = [each.started_at for each in (worker, *others)]
    later = max(ages) - min(ages) > LATER_S
    return Worker(master.pid, worker.pid, len(others) + 1, "unclear", master.name, None, started_later=later)


def _others(master: Process, worker: Process, world: World) -> list[Process]:
    """The master's other children of the same program; none where the kernel does not tell."""
    try:
        pids = procfs.children(world.files, master.pid)
    except OSError:
        return []
    found: list[Process] = []
    for pid in [each for each in pids if each != worker.pid][:MOST_SIBLINGS]:
        try:
            each, _ = procfs.process(world.files, pid)
        except procfs.NoSuchProcessError:
            continue
        if base(each.exe) == base(worker.exe):
            found.append(each)
    return found


def _threads(worker: Process, world: World) -> int:
    try:
        return len(world.files.names(f"{procfs.PROC}/{worker.pid}/task"))
    except OSError:
        return 1


def _on_demand(master: Process, worker: Process, world: World) -> bool:
    """Whether the worker's pool says `pm = ondemand`; the master's title names its configuration."""
    main = re.fullmatch(r"php-fpm: master process \((/.*)\)", worker_pools.title(master))
    pool = worker_pools.title(worker).removeprefix("php-fpm: pool ")
    if main is None:
        return False
    root = f"{procfs.PROC}/{master.pid}/root"
    texts = [_text(f"{root}{main[1]}", world)]
    for pattern in re.findall(r"^[ \t]*+include[ \t]*+=[ \t]*+(/\S+)", texts[0], re.MULTILINE):
        folder, _, name = pattern.rpartition("/")
        try:
            names = sorted(fnmatch.filter(world.files.names(f"{root}{folder}"), name))
        except OSError:
            continue
        texts += [_text(f"{root}{folder}/{each}", world) for each in names[:FPM_FILES]]
    return ("pm", "ondemand") in [pair for text in texts for pair in _settings(text, pool)]


def _settings(text: str, pool: str) -> Iterator[tuple[str, str]]:
    """The settings of one pool, of PHP-FPM's configuration: an INI file."""
    section = ""
    for line in text.split("\n"):
        key, equals, value = line.partition("=")
        if line.strip().startswith("["):
            section = line.strip()
        elif equals and section == f"[{pool}]":
            yield key.strip(), value.strip()


def _text(path: str, world: World) -> str:
    try:
        return world.files.read(path) if world.files.status(path)[0] == "file" else ""
    except OSError:
        return ""


def outlook(owner: Read[Worker] | Unread, facts: Facts, action: Action) -> Outlook | Deferred:
    """The master's answer to the end of one worker; the end of the master is its own owner's matter."""
    if action in ("owner-stop", "owner-daemon-restart", "reboot"):
        return Deferred(action, True, f"it ends and starts with its master {owner.name}")
    end = ending(facts.process, action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    if isinstance(owner, Unread):
        return Outlook.not_known(action, (end.reason, f"{owner.name} was not looked at"))
    worker = owner.details
    if facts.process.pid != worker.main_pid:
        where = f"it is not a worker of {owner.name} itself, but below {worker.main_pid}"
        return siblings.not_main(facts, action, end, where)
    if worker.program == "Apache" and action == "sigterm" and worker.threaded:
        why = f"a worker of Apache with threads (mpm_event, mpm_worker) takes {facts.process.signal} and goes on"
        return Outlook.goes_on(action, "likely", why)
    if worker.program == "PostgreSQL":
        return _postgres(worker, action, end)
    if worker.current is not None:
        return requests.outlook(worker.current, worker.program, action, end)
    return _worker(worker, owner.name, action, end)


def _worker(worker: Worker, master: str, action: Action, end: Ending) -> Outlook:
    if worker.reaction == "respawns":
        certainty: Certainty = "likely" if end.how == "own" or worker.after_s is None else end.certainty
        why = (end.reason, f"{master} starts a new worker for it")
        return Outlook.comes_back(action, worker.program, certainty, why, after_s=worker.after_s)
    if worker.reaction == "respawns-when-asked":
        why = (end.reason, f"{master} starts workers on demand: the next one comes with the next request")
        return Outlook.comes_back(action, worker.program, "likely", why)
    if worker.reaction == "own":
        why = (end.reason, f"whether {master} forks another worker is written in its own program")
        return Outlook.not_known(action, why)
    others = f"{master} runs {worker.workers - 1} more of the same program"
    hint = ", and started some of them later than others" if worker.started_later else ""
    why = (end.reason, f"{others}{hint}: whether it starts another one is not known")
    return Outlook.not_known(action, why)


def _postgres(worker: Worker, action: Action, end: Ending) -> Outlook:
    """SIGKILL of one process looks like a crash to PostgreSQL: it ends all of them and recovers. SIGTERM ends one."""
    role = worker.role or ""
    crash = action in ("sigkill", "failure-exit")
    taken = "PostgreSQL takes that for a crash: it disconnects EVERY client and recovers"
    why = Reason(taken) if crash else end.reason
    if re.fullmatch(worker_pools.BACKGROUND, role):
        after_s = None if crash else worker.after_s  # recovery takes as long as it takes
        certainty: Certainty = "certain" if action == "sigkill" else "likely"
        again = f"then it starts its {role} again"
        return Outlook.comes_back(action, "PostgreSQL", certainty, (why, again), after_s=after_s)
    if re.fullmatch(worker_pools.PASSING, role):
        return Outlook.not_known(action, (why, "another one comes when there is work for it"))
    alone = why if crash else Reason("it ends this session alone, every other one goes on")
    return Outlook.stays_away(action, "likely", (alone, "its client may connect and ask again"))


def contain(owner: Read[Worker] | Unread, facts: Facts) -> Containment | None:
    """One request, one task, one session of PostgreSQL is ended by itself; else as the master's own owner is held."""
    if isinstance(owner, Unread) or facts.process.pid != owner.details.main_pid:
        return None
    if owner.details.current is not None:
        return requests.containment(owner.details.current, owner.details.program, facts.process)
    role = owner.details.role  # of PostgreSQL's alone
    if role is None or re.fullmatch(worker_pools.BACKGROUND, role):
        return None
    process = facts.process
    cancel = Step(
        "Cancel its query",
        single.guarded(process, f"kill -INT {process.pid}"),
        "as pg_cancel_backend: the query is rolled back and its client gets an error; there is no undo",
        "interrupts",
        None,
        Says(f"ps -o args= -p {process.pid}", ("idle", "nothing")),
        final=True,
    )
    end = Step(
        "If that is not enough, end its session",
        single.guarded(process, f"kill {process.pid}"),
        "as pg_terminate_backend: this client is disconnected, all others go on; there is no undo",
        "interrupts",
        None,
        Prints(f"ps -o state= -p {process.pid}", ("Z", "nothing")),
        last_resort=True,
        final=True,
    )
    goal = "End this one query: the database and every other session go on, until its client asks again"
    return Containment(goal, (*single.renice(process), cancel, end), ("its client, which may ask again",), calm=True)
