"""Jobs of cron: a line of a table, found again from the process that it started.

Observed with Debian's cron: `cron -f` forks a child that calls itself CRON, which starts `SHELL -c LINE` in a session
of its own. No exit code and no signal keeps cron from starting the line again at its next time, and the next one
starts also while the last one still runs. A stop of cron.service (KillMode=process) leaves running jobs alone.
"""

import shlex
from collections.abc import Iterator
from typing import NamedTuple

from runaway_watchdog.linux import cmdline
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Certainty, Claim, Deferred, Outlook, Reason
from runaway_watchdog.model.plan import Containment
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common.ending import ending
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.cron import anacron, containment, job_daemons
from runaway_watchdog.owners.cron.advice import advice
from runaway_watchdog.owners.cron.details import AnacronJob, Job
from runaway_watchdog.owners.interface import Kind, Read, Unread
from runaway_watchdog.owners.steps import single
from runaway_watchdog.world import Unanswered, World, crontabs, inside, procfs
from runaway_watchdog.world.crontabs import Line

KINDS = (Kind("cron-job", "cron job", line='cron job, "{policy}"', by_the_clock="cron", advice=advice),)
DAEMONS = frozenset({"cron", "crond"})
UNITS = tuple(("system.slice", f"{name}.service") for name in ("cron", "crond", "cronie"))
BY_CRON = "SYSLOG_IDENTIFIER=CRON"
LOGGED_WITHIN_S = 5.0
MOST_ENTRIES = 1000
MOST_JOBS = 256


class Told(NamedTuple):
    """What cron gave to a shell, as something else than the tables says it."""

    user: str
    text: str
    evidence: str


def claim(facts: Facts) -> Claim | None:
    """A child of cron or anacron; or a process without a parent that is in cron's own unit."""
    parent = facts.ancestors[0] if facts.ancestors else None
    if parent is None or is_cron(facts.process):
        return None
    pid = facts.process.pid
    if parent.pid != 1 and (is_cron(parent) or anacron.is_anacron(parent)):
        evidence = f"/proc/{pid}/stat: its parent {parent.pid} is {parent.name}"
        return Claim("cron-job", str(pid), (evidence,), _daemon(facts).pid)
    if parent.pid == 1 and facts.process.control_group.segments in UNITS:
        return Claim("cron-job", str(pid), (f"/proc/{pid}/cgroup: {facts.process.cgroup}",))
    return None


def is_cron(process: Process) -> bool:
    """By the file that runs; by its own name where that is hidden, or a busybox."""
    program = base(process.exe)
    return program in DAEMONS or (program in ("", "busybox") and process.name in DAEMONS)


def _daemon(facts: Facts) -> Process:
    """The uppermost of the crons above a job."""
    above = facts.ancestors[0]
    for each in facts.ancestors:
        if not is_cron(each):
            break
        above = each
    return above


def inspect(claim: Claim, facts: Facts, world: World) -> Read[Job] | Read[AnacronJob]:
    """Find the line, by which the next run is known. Raises Unanswered."""
    line = (facts.process, *facts.ancestors)
    process = next(each for each in line if str(each.pid) == claim.ref)
    daemon = next((each for each in line if each.pid == claim.manager_pid), None)
    if daemon is not None and anacron.is_anacron(daemon):
        return anacron.inspect(claim, process, daemon, world)
    view = inside.of(world.files, process)
    told, matching = _lines(process, daemon, view, world)
    now = world.clock.now()
    zone = crontabs.local_zone(view)
    due = [(crontabs.next_run(each.schedule, now, zone), each) for each in matching]
    due.sort(key=lambda each: float("inf") if each[0] is None else each[0])
    at, found = due[0] if due else (None, None)
    script, folder = _script(facts, process, view)
    details = Job(
        main_pid=process.pid,
        user=process.user if found is None else found.user,
        table="" if found is None else found.path,
        line=0 if found is None else found.number,
        script=script,
        folder=folder,
        next_in_s=None if at is None else round(max(0.0, at - now), 1),
        running=_running(process, daemon, world),
        in_container=bool(view.root),
        left_its_shell=daemon is None,
        known_by="words" if told is None else "text",
        unit=job_daemons.unit_of(daemon, process, world),
        source=None if found is None or view.root else containment.source(found, world),
    )
    evidence = [*claim.evidence, *(() if told is None else (told.evidence,))]
    if found is not None:
        evidence.append(f"{named(found)}: {found.schedule} {found.command}")
    policy = "line not found" if found is None else found.schedule
    name = script or ("a job of cron" if found is None else named(found))
    return Read("cron-job", name, f"{details.table}:{details.line}", policy, details, tuple(evidence))


def named(line: Line) -> str:
    table = f"{line.user}'s crontab" if line.of_user else line.path
    return f"line {line.number} of {table}"


def _lines(
    process: Process, daemon: Process | None, view: inside.Inside, world: World
) -> tuple[Told | None, list[Line]]:
    """The lines that started it, and who told which they are (None: nobody did, the program's words must do)."""
    told = None
    for told in _tellings(process, daemon, world):
        found = [each for each in _tables(view, told.user, daemon) if each.command.strip() == told.text.strip()]
        if found:
            return told, found
    if told is not None and daemon is not None:
        return told, []
    return None, [each for each in _tables(view, process.user, daemon) if _says(each, process, daemon)]


def _tables(view: inside.Inside, user: str, daemon: Process | None) -> tuple[Line, ...]:
    """Raises Unanswered."""
    try:
        return crontabs.read(view, None if view.root else user, debian=daemon is None or base(daemon.exe) == "cron")
    except OSError:
        raise Unanswered(Gap("cron", "cron's tables cannot be read", "run it with sudo")) from None


def _tellings(process: Process, daemon: Process | None, world: World) -> Iterator[Told]:
    """The shell that cron started still bears the line; one that became another program does not, and the journal
    says it."""
    words = process.cmdline
    if daemon is not None and len(words) == 3 and words[1] == "-c":
        yield Told(process.user, words[2], f"/proc/{process.pid}/cmdline: the line itself")
    try:
        if daemon is not None:
            entries = world.journal.entries((f"_PID={process.pid}", BY_CRON), 4)
        else:
            entries = world.journal.entries((BY_CRON,), MOST_ENTRIES)
    except Unanswered:
        return
    logged = {  # from about when the process was started: PIDs are reused
        (each.user, each.text)
        for each in crontabs.logged(entries)
        if abs(each.at - process.started_at) < LOGGED_WITHIN_S
    }
    if len(logged) == 1 or daemon is not None:  # an orphan's line is known where cron started nothing else just then
        yield from (Told(user, text, f"journal: ({user}) CMD when it was started") for user, text in logged)


def _says(line: Line, process: Process, daemon: Process | None) -> bool:
    """Whether the line's own words are the program's."""
    if daemon is None:
        return len(" ".join(process.cmdline)) > 3 and all(word in line.command for word in process.cmdline)
    try:
        asked = shlex.split(line.command)
    except ValueError:
        return False
    return [word for word in asked if word != "exec"] == list(process.cmdline)


def _script(facts: Facts, job: Process, view: inside.Inside) -> tuple[str, str]:
    """The file of /etc/cron.hourly and the like that run-parts started, and that folder; "" where there is none.

    A script that became another program is known only where its folder has no other one.
    """
    line = (facts.process, *facts.ancestors)
    line = line[: line.index(job)]
    for index, each in enumerate(line):
        folder = next((word.rstrip("/") for word in each.cmdline[1:] if word.startswith("/")), "")
        if each.name != "run-parts" or not index or not folder:
            continue
        words = line[index - 1].cmdline[:2]
        try:
            names = [name for name in view.names(folder) if crontabs.DEBIAN_NAME.fullmatch(name)]
        except OSError:
            names = []
        only = f"{folder}/{names[0]}" if len(names) == 1 else ""
        return next((word for word in words if word.rpartition("/")[0] == folder), only), folder
    return "", ""


def _running(job: Process, daemon: Process | None, world: World) -> int:
    """How many of this job run now, this one too."""
    if daemon is None:
        return 1
    try:
        pids = list(procfs.children(world.files, daemon.pid))[:MOST_JOBS]
        same = 0
        for pid in pids:
            same += sum(_words(each, world) == job.cmdline for each in (pid, *procfs.children(world.files, pid)))
    except OSError:
        return 1
    return max(1, same)


def _words(pid: int, world: World) -> tuple[str, ...]:
    try:
        return cmdline.parse(world.files.read(f"{procfs.PROC}/{pid}/cmdline"))
    except OSError:
        return ()


def outlook(owner: Read[Job | AnacronJob] | Unread, facts: Facts, action: Action) -> Outlook | Deferred:
    """No end counts: it is started at its next time, as long as cron runs and the line is there."""
    if isinstance(owner, Unread):
        return _unread(facts, action)
    job, schedule = owner.details, owner.policy
    if isinstance(job, AnacronJob):
        return anacron.outlook(job, schedule, facts, action)
    if action == "reboot":
        return _booted(job, owner.name, schedule)
    if action in ("owner-stop", "owner-daemon-restart"):
        with_cron = _next(job, owner, action, Reason("it ends with cron", "end"), "likely")
        return job_daemons.stop_outlook(job.unit, action, with_cron, in_container=job.in_container)
    end = ending(facts.process, action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    sure = "likely" if job.left_its_shell and end.certainty == "certain" else end.certainty
    return _next(job, owner, action, end.reason, sure)


def _unread(facts: Facts, action: Action) -> Outlook:
    why = "cron's tables could not be read"
    if action in ("owner-stop", "owner-daemon-restart"):
        return Outlook.all_unknown(action, why)
    end = ending(facts.process, "sigkill" if action == "reboot" else action)
    if end.ends:
        return Outlook.not_known(action, (end.reason, why))
    return Outlook.goes_on(action, "unknown", (end.reason, why))


def _next(job: Job, owner: Read[Job | AnacronJob], action: Action, end: Reason, certainty: Certainty) -> Outlook:
    """The next run of the line."""
    schedule = owner.policy
    if not job.table:
        return _lineless(job, action, end)
    if not job.unit.daemon_runs:
        return Outlook.stays_away(action, "likely", (end, "cron itself does not run now"))
    if schedule.lower() == crontabs.REBOOT:
        return Outlook.stays_away(action, certainty, (end, "cron starts an @reboot line at boot only"))
    if job.next_in_s is None:
        return Outlook.not_known(action, (end, f"when `{schedule}` is due could not be told"))
    pile = f" ({job.running} of it run now: cron does not wait for the last one)" if job.running > 1 else ""
    again = f"cron starts {owner.name} again at its next time, whether this one still runs or not{pile}"
    return Outlook.comes_back(action, "cron", certainty, (end, again), after_s=job.next_in_s)


def _lineless(job: Job, action: Action, end: Reason) -> Outlook:
    """Cron started it, and no line of its tables says that any more; or which one it was is not known."""
    if job.known_by == "text":
        gone = "no table of cron has its line any more, so it is not started again"
        return Outlook.stays_away(action, "likely", (end, gone))
    return Outlook.not_known(action, (end, "which line of cron's tables started it could not be told"))


def _booted(job: Job, name: str, schedule: str) -> Outlook | Deferred:
    if not job.table:
        return _lineless(job, "reboot", Reason("a reboot ends it", "end"))
    at = "when cron starts" if schedule.lower() == crontabs.REBOOT else "at its next time after that"
    return Deferred("reboot", True, f"cron starts {name} again {at}")


def contain(owner: Read[Job | AnacronJob] | Unread, facts: Facts) -> Containment | None:
    if isinstance(owner, Unread):
        return Containment("Hold it still until cron's tables can be read", single.relieve(facts.process))
    job = owner.details
    if isinstance(job, AnacronJob):
        return anacron.contain(job, owner.name, facts)
    return containment.contain(job, owner.name, facts)
