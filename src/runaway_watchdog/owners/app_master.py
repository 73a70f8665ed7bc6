"""A program's own parent that starts a new worker for each that ends: gunicorn, PHP-FPM, nginx, PostgreSQL …

Ending a worker is of little use: the master has another one within a second. What to do is to act on the master,
through its own owner.
"""

import fnmatch
import re
from typing import Any

from runaway_watchdog.model.owner import Action, Certainty, Claim, Deferred, Outlook
from runaway_watchdog.model.plan import Containment, Prints, Says, Step
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common import siblings as beside, worker_pools as masters
from runaway_watchdog.owners.common.ending import Ending, ending
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.interface import Bag, Owner, Read
from runaway_watchdog.owners.steps import single
from runaway_watchdog.world import World, procfs

KINDS = ("app-master",)
MOST_SIBLINGS = 64
LATER_S = 2.0
"""Workers that a master starts together start within this."""
FPM_FILES = 32


def claim(facts: Facts) -> Claim | None:
    """A master that is known by its processes' titles, or a parent whose child is itself once more."""
    if not facts.ancestors:
        return None
    worker, master = facts.process, facts.ancestors[0]
    if len(master.namespace_pids) != len(worker.namespace_pids) or master.pid == 1:
        return None
    if masters.known(master, worker) is None and not masters.forked(master, worker):
        return None
    evidence = tuple(f"/proc/{each.pid}/cmdline: {masters.title(each)[:160]}" for each in (master, worker))
    return Claim("app-master", str(master.pid), evidence, master.pid)


def inspect(claim: Claim, facts: Facts, world: World) -> Owner | None:
    """Look at the other workers. None: a single fork of a program that is not known to have workers."""
    master, worker = beside.manager_and_main(facts, claim.manager_pid)
    kind = masters.known(master, worker)
    siblings = _siblings(master, worker, world)
    if kind is None:
        return None if not siblings else _unknown(claim, master, worker, siblings)
    shown = _shown(master, worker, siblings) | {"reaction": kind.reaction, "program": kind.program}
    shown |= {"after_s": kind.after_s}
    if kind.program == "PostgreSQL":
        shown["role"] = masters.postgres_role(worker)
    elif kind.program == "php-fpm" and _on_demand(master, worker, world):
        shown |= {"reaction": "respawns-when-asked", "after_s": None}
    elif kind.program == "Apache":
        shown["threaded"] = _threads(worker, world) > 1
    return Read("app-master", f"{kind.program} ({master.pid})", claim.ref, "respawn", Bag(shown), claim.evidence)


def _shown(master: Process, worker: Process, siblings: list[Process]) -> dict[str, Any]:
    return {"master_pid": master.pid, "main_pid": worker.pid, "workers": len(siblings) + 1}


def _unknown(claim: Claim, master: Process, worker: Process, siblings: list[Process]) -> Owner:
    """A prefork parent of an unknown program: what it does is its own; workers of different ages are a hint."""
    ages = [each.started_at for each in (worker, *siblings)]
    later = max(ages) - min(ages) > LATER_S
    shown = _shown(master, worker, siblings) | {"reaction": "unclear", "program": master.name, "after_s": None}
    shown |= {"started_later": later}
    return Read("app-master", f"{master.name} ({master.pid})", claim.ref, "not known", Bag(shown), claim.evidence)


def _siblings(master: Process, worker: Process, world: World) -> list[Process]:
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
    main = re.fullmatch(r"php-fpm: master process \((/.*)\)", masters.title(master))
    pool = masters.title(worker).removeprefix("php-fpm: pool ")
    if main is None:
        return False
    root = f"{procfs.PROC}/{master.pid}/root"
    texts = [_text(f"{root}{main[1]}", world)]
    for pattern in re.findall(r"^\s*include\s*=\s*(/\S+)", texts[0], re.MULTILINE):
        folder, _, name = pattern.rpartition("/")
        try:
            names = sorted(fnmatch.filter(world.files.names(f"{root}{folder}"), name))
        except OSError:
            continue
        texts += [_text(f"{root}{folder}/{each}", world) for each in names[:FPM_FILES]]
    section = re.compile(rf"^\s*\[{re.escape(pool)}\]\s*$(?P<body>(?:\n(?!\s*\[).*)*)", re.MULTILINE)
    bodies = "\n".join(found["body"] for text in texts for found in section.finditer(text))
    return re.search(r"^\s*pm\s*=\s*ondemand\s*$", bodies, re.MULTILINE) is not None


def _text(path: str, world: World) -> str:
    try:
        return world.files.read(path) if world.files.status(path)[0] == "file" else ""
    except OSError:
        return ""


def outlook(owner: Owner, facts: Facts, action: Action) -> Outlook | Deferred:
    """The master's answer to the end of one worker; the end of the master is its own owner's matter."""
    if action in ("owner-stop", "owner-daemon-restart", "reboot"):
        return Deferred(action, True, f"it ends and starts with its master {owner.name}")
    end = ending(facts.process, action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    if not owner.facts:
        return Outlook.not_known(action, (end.reason, f"{owner.name} was not looked at"))
    if facts.process.pid != owner.facts["main_pid"]:
        where = f"it is not a worker of {owner.name} itself, but below {owner.facts['main_pid']}"
        return beside.not_main(facts, action, end, where)
    if owner.facts["program"] == "Apache" and action == "sigterm" and owner.facts["threaded"]:
        why = f"a worker of Apache with threads (mpm_event, mpm_worker) takes {facts.process.signal} and goes on"
        return Outlook.goes_on(action, "likely", why)
    if owner.facts["program"] == "PostgreSQL":
        return _postgres(owner, action, end)
    return _worker(owner, action, end)


def _worker(owner: Owner, action: Action, end: Ending) -> Outlook:
    reaction, name = owner.facts["reaction"], owner.facts["program"]
    if reaction == "respawns":
        certainty: Certainty = "likely" if end.how == "own" or owner.facts["after_s"] is None else end.certainty
        why = (end.reason, f"{owner.name} starts a new worker for it")
        return Outlook.comes_back(action, name, certainty, why, after_s=owner.facts["after_s"])
    if reaction == "respawns-when-asked":
        why = (end.reason, f"{owner.name} starts workers on demand: the next one comes with the next request")
        return Outlook.comes_back(action, name, "likely", why)
    if reaction == "own":
        why = (end.reason, f"whether {owner.name} forks another worker is written in its own program")
        return Outlook.not_known(action, why)
    others = f"{owner.name} runs {owner.facts['workers'] - 1} more of the same program"
    hint = ", and started some of them later than others" if owner.facts.get("started_later") else ""
    why = (end.reason, f"{others}{hint}: whether it starts another one is not known")
    return Outlook.not_known(action, why)


def _postgres(owner: Owner, action: Action, end: Ending) -> Outlook:
    """SIGKILL of one process looks like a crash to PostgreSQL: it ends all of them and recovers. SIGTERM ends one."""
    role = str(owner.facts["role"])
    crash = action in ("sigkill", "failure-exit")
    why = "PostgreSQL takes that for a crash: it disconnects EVERY client and recovers" if crash else end.why
    if masters.BACKGROUND.fullmatch(role):
        after_s = None if crash else owner.facts["after_s"]  # recovery takes as long as it takes
        certainty: Certainty = "certain" if action == "sigkill" else "likely"
        return Outlook.comes_back(
            action, "PostgreSQL", certainty, f"{why}; then it starts its {role} again", after_s=after_s
        )
    if masters.PASSING.fullmatch(role):
        return Outlook.not_known(action, f"{why}; another one comes when there is work for it")
    alone = why if crash else "it ends this session alone, every other one goes on"
    return Outlook.stays_away(action, "likely", f"{alone}; its client may connect and ask again")


def contain(owner: Owner, facts: Facts) -> Containment | None:
    """As the master's own owner is held; one session of PostgreSQL is ended by itself, and the database goes on."""
    if not owner.facts or owner.facts["program"] != "PostgreSQL" or facts.process.pid != owner.facts["main_pid"]:
        return None
    role = str(owner.facts["role"])
    if masters.BACKGROUND.fullmatch(role):
        return None
    process = facts.process
    cancel = Step(
        "Cancel its query",
        single.guarded(process, f"kill -INT {process.pid}"),
        "as pg_cancel_backend: the query is rolled back and its client gets an error; there is no undo",
        "interrupts",
        None,
        Says(f"ps -o args= -p {process.pid}", ("idle", "nothing")),
    )
    end = Step(
        "If that is not enough, end its session",
        single.guarded(process, f"kill {process.pid}"),
        "as pg_terminate_backend: this client is disconnected, all others go on; there is no undo",
        "interrupts",
        None,
        Prints(f"ps -o state= -p {process.pid}", ("Z", "nothing")),
    )
    goal = "End this one query: the database and every other session go on, until its client asks again"
    return Containment(goal, (*single.renice(process), cancel, end), ("its client, which may ask again",), calm=True)
