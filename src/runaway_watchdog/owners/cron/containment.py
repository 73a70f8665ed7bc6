"""Keeping cron from starting a line again, reversibly, and then ending the job that runs."""

from shlex import quote

from runaway_watchdog.model.plan import BeginsWith, Containment, Prints, Step
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.cron.details import Job, TableLine
from runaway_watchdog.owners.steps import edited, sessions, single
from runaway_watchdog.world import World, crontabs
from runaway_watchdog.world.crontabs import Line

MARK = "# held: "


def source(line: Line, world: World) -> TableLine | None:
    """The line in its table as that is now, counted as the command that changes it does; None: it cannot be read."""
    try:
        text = world.files.read(line.path)
    except OSError:
        return None
    text = crontabs.printed(text) if line.of_user else text
    return TableLine(world.ownership.real(line.path), line.number, line.user, text, line.of_user)


def contain(job: Job, name: str, facts: Facts) -> Containment | None:
    """The line before the job, which would be started again else. None in a container: that is held."""
    if job.in_container:
        return None
    relief = (*single.relieve(facts.process), *sessions.freeze(job.copies))
    ends = (single.end(facts.process), *sessions.end(job.copies))
    what = f"end all {job.running} copies that run" if job.copies else "end what runs"
    if job.source is None:
        gone = "no table of cron has its line any more"
        unknown = "the line of cron's tables that started it was not found, so it may be started again"
        by_text = job.known_by == "text"
        doors = () if by_text else ("a line of cron's tables that was not found may start it again",)
        return Containment(f"{what.capitalize()}: {gone if by_text else unknown}", (*relief, *ends), doors)
    if job.script:
        goal = f"Keep cron from running {job.script} until it is executable again, then {what}"
        doors = ("whoever writes this file anew (a package, a deploy) makes it executable again",)
        return Containment(goal, (*relief, off(job.script), *ends), doors)
    goal = f"Keep cron from starting {name} for good (its line becomes a comment), then {what}"
    return Containment(goal, (*relief, not_started(job.source, "cron", job.folder), *ends))


def not_started(line: TableLine, daemon: str, folder: str = "") -> Step:
    """The line of a job that is not to run any more. `folder`: all of it is run by that line."""
    all_of_it = f"; nothing in {folder} is run then" if folder else ""
    effect = f"line {line.number} becomes a comment, and no other line changes; what runs now goes on{all_of_it}"
    return comment_out(line, f"Keep {daemon} from starting it again", effect)


def comment_out(line: TableLine, title: str, effect: str) -> Step:
    """One line of a table, and no other one."""
    number = line.number
    sed = f"{number}s/^/{MARK}/"
    if line.of_user:
        check = BeginsWith(f"crontab -u {quote(line.user)} -l | sed -n {number}p", MARK.strip())
        return edited.crontab(title, line.user, line.text, sed, effect=effect, check=check)
    check = BeginsWith(f"sed -n {number}p {quote(line.path)}", MARK.strip())
    return edited.file(title, edited.Place(line.path, line.text, number), sed, effect=effect, check=check)


def off(path: str) -> Step:
    """run-parts passes over what is not executable; the other scripts of its folder go on."""
    script = quote(path)
    return Step(
        "Keep cron from starting it again",
        f"[ -O {script} ] && chmod a-x {script}",
        "run-parts passes over a file that is not executable; the others of its folder go on",
        "none",
        f"[ -O {script} ] && chmod a+x {script}",
        Prints(f"test -x {script} || echo off", ("off",)),
    )
