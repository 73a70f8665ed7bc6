"""crontab, at, batch, atrm: the tables of what runs by itself."""

import re

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import of, shown
from runaway_watchdog.linux import status
from runaway_watchdog.model.command import Command
from runaway_watchdog.model.effect import Effect, LowRisk, Size
from runaway_watchdog.world import World, procfs

SPOOLS = ("/var/spool/cron/crontabs", "/var/spool/cron")
AT_SPOOLS = ("/var/spool/cron/atjobs", "/var/spool/at")
AT_JOB = re.compile(r"[A-Za-z=][0-9a-f]{13}")


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """What a command of this family does to the tables."""
    if command.program == "crontab":
        return _crontab(command, host, world)
    if command.program in ("at", "batch"):
        words = of(command, "-q -f -t -r -d -c")
        if not words.has("-r", "-d"):
            if words.has("-l", "-c", "-V"):
                return Outcome((), host)
            return Outcome((), host, (f"what `{shown(command)}` runs later is not judged",))
    return _atrm(command, host, world)


def _crontab(command: Command, host: HostState, world: World) -> Outcome:
    """-r deletes the whole table without asking; a file or "-" takes its place."""
    words = of(command, "-u --user")
    if words.has("-l", "-T", "-V", "-h"):
        return Outcome((), host)
    if words.has("-e"):
        return Outcome((), host, (LowRisk("what is typed into crontab -e is not known"),))
    user = words.value("-u", "--user") if words.has("-u", "--user") else _caller(world)
    if user is None:
        return Outcome((), host, (f"whose table `{shown(command)}` changes is only known when it runs",))
    if not words.has("-r") and not words.operands and command.here is None and command.reads is None:
        return Outcome((), host, (f"what `{shown(command)}` reads is not known",))
    why = "the whole table goes, without a question" if words.has("-r") else "the new table takes the place of this one"
    for spool in SPOOLS:
        path = f"{spool}/{user}"
        try:
            kind, size, written_at, _ = world.files.status(path)
        except PermissionError:
            return Outcome((), host, (f"{path} cannot be looked at; run it with sudo",))
        except OSError:
            continue
        if kind != "file" or path in host.deleted:
            continue
        lines = _jobs(path, world)
        told = f"{why}; {lines} job{'' if lines == 1 else 's'}. `crontab -l > FILE` keeps a copy" if lines else why
        effect = Effect("delete", "crontab", user, bool(lines), told, Size(size, False, written_at), in_use=bool(lines))
        gone = host.deleted | {path} if words.has("-r") else host.deleted
        return Outcome((effect,), host._replace(deleted=gone))
    return Outcome((), host)


def _jobs(path: str, world: World) -> int:
    """The lines that run something; a table that cannot be read counts as one."""
    try:
        lines = world.files.read(path).splitlines()
    except OSError:
        return 1
    return sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in lines)


def _caller(world: World) -> str | None:
    """Who runs this, by our own process: the same user runs the line."""
    try:
        uid = int(status.parse(world.files.read(f"{procfs.PROC}/self/status"))["Uid"].split()[0])
    except (OSError, KeyError, ValueError):
        return None
    return world.files.user(uid)


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
