"""A job of cron: the line that started it, told from what its shell, the journal or the program's own words say."""

import shlex
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from runaway_watchdog.linux import cmdline
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Claim
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.cron import containment, job_daemons
from runaway_watchdog.owners.cron.details import Job
from runaway_watchdog.owners.interface import Read
from runaway_watchdog.world import Unanswered, World, crontabs, inside, procfs
from runaway_watchdog.world.crontabs import Line

BY_CRON = "SYSLOG_IDENTIFIER=CRON"
LOGGED_WITHIN_S = 5.0
STARTED_WITHIN_S = 2.0
"""A boot time is known to the second: a job of the first second of a minute may seem older."""
MOST_ENTRIES = 1000
MOST_JOBS = 256


class Told(NamedTuple):
    """What cron gave to a shell, as something else than the tables says it."""

    user: str
    text: str
    evidence: str
    by: Literal["text", "minute"] = "text"


def inspect(claim: Claim, facts: Facts, process: Process, daemon: Process | None, world: World) -> Read[Job]:
    """Find the line of the job's own process. `daemon` None: cron is not above it any more. Raises Unanswered."""
    view = inside.of(world.files, process)
    told, matching = _lines(process, daemon, view, world)
    now = world.clock.now()
    zone = crontabs.local_zone(view)
    due = [(crontabs.next_run(each.schedule, now, zone), each) for each in matching]
    due.sort(key=lambda each: float("inf") if each[0] is None else each[0])
    at, found = due[0] if due else (None, None)
    script, folder = _script(facts, process, view)
    copies = _copies(process, daemon, world)
    details = Job(
        main_pid=process.pid,
        user=process.user if found is None else found.user,
        table="" if found is None else found.path,
        line=0 if found is None else found.number,
        script=script,
        folder=folder,
        next_in_s=None if at is None else round(max(0.0, at - now), 1),
        running=1 + len(copies),
        in_container=bool(view.root),
        left_its_shell=daemon is None,
        known_by="words" if told is None else told.by,
        unit=job_daemons.unit_of(daemon, process, world),
        source=None if found is None or view.root else containment.source(found, world),
        copies=copies,
    )
    evidence = [*claim.evidence, *(() if told is None else (told.evidence,))]
    if found is not None:
        evidence.append(f"{found.name}: {found.schedule} {found.command}")
    policy = "line not found" if found is None else found.schedule
    name = script or ("a job of cron" if found is None else found.name)
    return Read("cron-job", name, f"{details.table}:{details.line}", policy, details, tuple(evidence))


def _lines(
    process: Process, daemon: Process | None, view: inside.Inside, world: World
) -> tuple[Told | None, list[Line]]:
    """The lines that started it, and who told which they are (None: nobody did, the program's words must do)."""
    told = None
    for told in _tellings(process, daemon, world):
        lines = _tables(view, told.user, daemon)
        found = [
            each for each in lines if _is_whose(each, told.user, view) and each.command.strip() == told.text.strip()
        ]
        if found:
            return told, found
    if told is not None and daemon is not None:
        return told, []
    own = [each for each in _tables(view, process.user, daemon) if _is_whose(each, process.user, view)]
    found = [each for each in own if _says(each, process, daemon)]
    if not found and view.root and daemon is not None and (found := _due(own, process, view)):
        return Told(process.user, "", "its line alone was due when it was started", "minute"), found
    return None, found


def _due(lines: Sequence[Line], process: Process, view: inside.Inside) -> list[Line]:
    """The line whose minute it was when the job was started, where there is one alone: a shell that became another
    program leaves no words behind, and in a container no journal has them."""
    minute = (process.started_at + STARTED_WITHIN_S) // 60 * 60
    zone = crontabs.local_zone(view)
    due = [each for each in lines if crontabs.next_run(each.schedule, minute - 1, zone) == minute]
    return due if len(due) == 1 else []


def _is_whose(line: Line, user: str, view: inside.Inside) -> bool:
    """Whether cron would run the line as this user: anybody may bear another one's words. A container has names of its
    own."""
    return bool(view.root) or line.user == user


def _tables(view: inside.Inside, user: str, daemon: Process | None) -> tuple[Line, ...]:
    """Raises Unanswered."""
    try:
        debian = daemon is None or base(daemon.exe) == "cron"
        return crontabs.read(view, None if view.root else user, debian=debian, spools=spools(daemon))
    except OSError:
        raise Unanswered(Gap("cron", "cron's tables cannot be read", "run it with sudo")) from None


def spools(daemon: Process | None) -> tuple[str, ...]:
    """Busybox's crond takes another folder by `-c`; Debian's cron and cronie have no such option."""
    words = () if daemon is None or base(daemon.exe) != "busybox" else daemon.cmdline
    given = next((words[at + 1] for at, word in enumerate(words[:-1]) if word == "-c"), "")
    attached = next((word[2:] for word in words[1:] if word.startswith("-c") and len(word) > 2), "")
    return (given or attached,) if given or attached else crontabs.SPOOLS


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


def _copies(job: Process, daemon: Process | None, world: World) -> tuple[Process, ...]:
    """The others of this job that run now: cron makes each the leader of a session, with the same words."""
    if daemon is None:
        return ()
    try:
        pids = list(procfs.children(world.files, daemon.pid))[:MOST_JOBS]
        below = [each for pid in pids for each in (pid, *procfs.children(world.files, pid))]
        same = [pid for pid in below if pid != job.pid and _words(pid, world) == job.cmdline]
        return tuple(procfs.process(world.files, pid)[0] for pid in same)
    except (OSError, procfs.NoSuchProcessError, Unanswered):
        return ()


def _words(pid: int, world: World) -> tuple[str, ...]:
    try:
        return cmdline.parse(world.files.read(f"{procfs.PROC}/{pid}/cmdline"))
    except OSError:
        return ()
