"""Jobs of at(1) and batch(1): run once.

Observed on Debian 12: atd runs a job as `sh` whose standard input is the job's own file in its spool; a file's name
holds the queue, the job's number and the minute (a0000201c89702: queue a, job 2, minute 0x01c89702 since the epoch).
A job that was ended is not run again, a stop of atd leaves it alone, and a boot deletes what was interrupted.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from typing import Any, NamedTuple

from runaway_watchdog.model.owner import Action, Certainty, Claim, Outlook, Reason
from runaway_watchdog.model.plan import Containment, Fails, Step
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common import identity
from runaway_watchdog.owners.common.ending import ending
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.cron.job_daemons import DaemonUnit, unit_of
from runaway_watchdog.owners.interface import Kind, Read, Unread
from runaway_watchdog.owners.steps import acting, single
from runaway_watchdog.world import World, inside, procfs
from runaway_watchdog.world.at_spool import JOB, SPOOLS

KINDS = (Kind("at-job", "at job", line="job of at, run {policy}", by_the_clock="at"),)
SPOOLER = "daemon"
"""Whose the spool is, in Debian and in Fedora."""
RUNS = "="
"""Takes the place of the queue's letter while a job runs."""
MOST_JOBS = 200
LOOK_AGAIN = "{ pkill -HUP -P 1 -U root,daemon -x atd; true; }"
"""at(1) tells atd so, which else looks once an hour. A container's has another parent, a namesake another user."""


class Pending(NamedTuple):
    """A job that waits."""

    at: int  # seconds since the epoch
    number: int
    spool: str
    file: str  # its name in there
    time: str  # HH:MM, in the host's own zone


class Job(NamedTuple):
    """What is known of one job."""

    main_pid: int
    number: int | None
    user: str
    pending: tuple[Pending, ...]  # the jobs that do the same, and wait
    spool_read: bool
    next_in_s: float | None
    in_container: bool
    unit: DaemonUnit

    @property
    def numbers(self) -> list[int]:
        """Of those that wait, the next one first."""
        return [each.number for each in sorted(self.pending)]

    def shown(self) -> Mapping[str, Any]:
        return {
            "main_pid": self.main_pid,
            "job": self.number,
            "user": self.user,
            "pending": self.numbers,
            "spool_read": self.spool_read,
            "next_in_s": self.next_in_s,
            "in_container": self.in_container,
            **self.unit.shown(),
        }


def claim(facts: Facts) -> Claim | None:
    """A child of atd."""
    parent = facts.ancestors[0] if facts.ancestors else None
    if parent is None or parent.pid == 1 or not is_atd(parent) or is_atd(facts.process):
        return None
    pid = facts.process.pid
    daemon = next(each for each in reversed(facts.ancestors) if is_atd(each))
    return Claim("at-job", str(pid), (f"/proc/{pid}/stat: its parent {parent.pid} is atd",), daemon.pid)


def is_atd(process: Process) -> bool:
    """Debian's gives its rights away to `daemon` while it waits."""
    if process.uid and process.user != "daemon" and len(process.namespace_pids) == 1:
        return False
    return base(process.exe) == "atd" or (process.exe is None and process.name == "atd")


def inspect(claim: Claim, facts: Facts, world: World) -> Read[Job] | None:
    """The job's number, and whether the same commands wait in the spool to be run once more. None: its parent only
    bears atd's name."""
    from runaway_watchdog.world import crontabs  # only where at owns

    line = (facts.process, *facts.ancestors)
    job = next(each for each in line if str(each.pid) == claim.ref)
    daemon = next(each for each in line if each.pid == claim.manager_pid)
    if not identity.genuine(daemon._replace(uid=0), world):
        return None
    view = inside.of(world.files, job)
    file = _file(job, world)
    pending, seen = _copies(view, file, crontabs.local_zone(view))
    now = world.clock.now()
    due = min((each.at for each in pending if each.at > now), default=None)  # batch waits for a calm host instead
    number = int(found["number"], 16) if (found := JOB.fullmatch(file)) else None
    next_in_s = None if due is None else round(due - now, 1)
    unit = unit_of(daemon, job, world)
    details = Job(job.pid, number, job.user, pending, seen, next_in_s, bool(view.root), unit)
    name = "a job of at" if number is None else f"job {number} of at"
    evidence = (*claim.evidence, *((f"/proc/{job.pid}/fd/0: {file}",) if file else ()))
    return Read("at-job", name, claim.ref if number is None else str(number), "once", details, evidence)


def _file(job: Process, world: World) -> str:
    """The name of the job's file, which is its standard input, or its output's; "" where it has others by now."""
    for descriptor in (0, 1, 2):
        try:
            target = world.files.target(f"{procfs.PROC}/{job.pid}/fd/{descriptor}")
        except OSError:
            continue
        name = base(target)
        if JOB.fullmatch(name) and target.rpartition("/")[0] in SPOOLS:
            return name
    return ""


def _copies(view: inside.Inside, file: str, zone: tzinfo) -> tuple[tuple[Pending, ...], bool]:
    """The jobs that wait and do the same as this one; and whether the spool could be read at all."""
    for spool in SPOOLS:
        try:
            names = sorted(view.names(spool))[:MOST_JOBS]
            own = _commands(view.read(f"{spool}/{RUNS}{file[1:]}")) if file else None
            return tuple(_same(view, spool, names, own, zone)) if own else (), True
        except FileNotFoundError:
            continue
        except OSError:
            return (), False
    return (), True


def _same(view: inside.Inside, spool: str, names: list[str], own: tuple[str, str], zone: tzinfo) -> Iterator[Pending]:
    for name in names:
        found = JOB.fullmatch(name)
        if found is not None and _commands(view.read(f"{spool}/{name}")) == own:
            yield pending(spool, found, zone)


def pending(spool: str, job: re.Match[str], zone: tzinfo) -> Pending:
    """By the name of its file, as `JOB` reads it."""
    at = int(job["minute"], 16) * 60
    time = datetime.fromtimestamp(at, zone).strftime("%H:%M")
    return Pending(at, int(job["number"], 16), spool, job[0], time)


def _commands(text: str) -> tuple[str, str] | None:
    """Whose it is, which at itself writes (`# atrun uid=…`), and what was typed; between them stand the environment,
    and the folder to go to. None: nothing was typed."""
    typed = text.partition("exit 1\n}\n")[2].strip()
    return (text.partition("# atrun ")[2].partition("\n")[0], typed) if typed else None


def outlook(owner: Read[Job] | Unread, facts: Facts, action: Action) -> Outlook:
    """It runs once. The same commands come back only where they wait in the spool another time."""
    end = ending(facts.process, action)
    if isinstance(owner, Unread):
        return _again(None, action, end.reason, "likely")
    job = owner.details
    if action in ("owner-stop", "owner-daemon-restart") and job.unit.survives_stop:
        verb = "stop" if action == "owner-stop" else "restart"
        why = f"`systemctl {verb} {job.unit.daemon_unit}` leaves running jobs alone"
        return Outlook.goes_on(action, "certain", why)
    if action in ("owner-stop", "owner-daemon-restart", "reboot"):
        with_it = "it ends with the host" if action == "reboot" else "it ends with atd"
        return _again(job, action, Reason(with_it, "end"), "likely")
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    return _again(job, action, end.reason, end.certainty)


def _again(job: Job | None, action: Action, end: Reason, certainty: Certainty) -> Outlook:
    """Whether the same commands wait for another time."""
    if action != "owner-stop":  # else atd is not there to start what waits
        if job is not None and job.pending:
            same = f"the same commands wait as job {', '.join(map(str, job.numbers))}"
            return Outlook.comes_back(action, "at", certainty, (end, same), after_s=job.next_in_s)
        if job is None or not job.spool_read:
            unread = "at runs a job once, and whether the same waits another time could not be read"
            return Outlook.not_known(action, (end, unread))
    once = "at runs a job once, and no other one with the same commands waits"
    return Outlook.stays_away(action, certainty, (end, once))


def contain(owner: Read[Job] | Unread, facts: Facts) -> Containment | None:
    """What waits is taken out of the spool, with a copy; then this one is ended. None in a container: that is held."""
    job = owner.details if isinstance(owner, Read) else None
    if job is not None and job.in_container:
        return None
    steps = () if job is None else tuple(take_out(each) for each in job.pending)
    goal = "End it: nobody starts it again, unless it puts itself in line once more"
    return Containment(goal, (*single.relieve(facts.process), *steps, single.end(facts.process)))


def take_out(job: Pending, does: str = "does the same") -> Step:
    """at's spool and programs are the account's that they are named for: as that, the file gets a name that atd and atq
    pass over, and its own again."""
    waits, held = (f"{job.spool}/{name}" for name in (job.file, f"held-{job.file}"))
    return Step(
        f"Take job {job.number}, which {does}, out of the line",
        acting.look(SPOOLER, f"mv -n {waits} {held}"),
        "it does not run at its time; its file stays where it is, by another name",
        "none",
        f"{acting.look(SPOOLER, f'mv -n {held} {waits}')} && {LOOK_AGAIN}",
        Fails(acting.look(SPOOLER, f"test -e {waits}")),
    )
