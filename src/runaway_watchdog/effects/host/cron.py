"""crontab, at, batch, atrm: the tables of what runs by itself."""

import re

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import of, shown
from runaway_watchdog.model.command import Command
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.world import World

AT_SPOOLS = ("/var/spool/cron/atjobs", "/var/spool/at")
AT_JOB = re.compile(r"[A-Za-z=][0-9a-f]{13}")


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """What a command of this family does to the tables."""
    if command.program == "crontab":
        from runaway_watchdog.effects.host import crontab

        return crontab.effects(command, host, world)
    if command.program in ("at", "batch"):
        words = of(command, "-q -f -t -r -d -c")
        if not words.has("-r", "-d"):
            if words.has("-l", "-c", "-V"):
                return Outcome((), host)
            return Outcome((), host, (f"what `{shown(command)}` runs later is not judged",))
    return _atrm(command, host, world)


def _atrm(command: Command, host: HostState, world: World) -> Outcome:
    words = of(command, "-q -f -t")
    if not words.complete:
        return Outcome((), host, (f"which jobs `{shown(command)}` deletes is only known when it runs",))
    try:
        jobs = at_jobs(world)
    except OSError as fault:
        return Outcome((), host, (f"which jobs at has cannot be looked up ({fault.strerror}); run it with sudo",))
    found = [
        Effect("delete", "crontab", f"at job {job}", True, "the job is deleted", in_use=True)
        for job, file in jobs.items()
        if str(job) in words.texts and file not in host.deleted
    ]
    gone = {file for job, file in jobs.items() if str(job) in words.texts}
    return Outcome(tuple(found), host._replace(deleted=host.deleted | gone))


def at_jobs(world: World) -> dict[int, str]:
    """The number of each job of at, and its file: the queue's letter, the number and the time in hexadecimal digits.

    Raises OSError where the folder may not be read; none where there is no folder.
    """
    for spool in AT_SPOOLS:
        try:
            names = world.files.names(spool)
        except FileNotFoundError:
            continue
        return {int(name[1:6], 16): f"{spool}/{name}" for name in sorted(names) if AT_JOB.fullmatch(name)}
    return {}
