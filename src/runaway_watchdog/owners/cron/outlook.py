"""What becomes of a job of cron: no end counts, the clock decides."""

from runaway_watchdog.model.owner import Action, Certainty, Deferred, Outlook, Reason
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.common.ending import ending
from runaway_watchdog.owners.cron import job_daemons
from runaway_watchdog.owners.cron.details import Job
from runaway_watchdog.world import crontabs


def outlook(job: Job, name: str, schedule: str, facts: Facts, action: Action) -> Outlook | Deferred:
    """It is started at its next time, as long as cron runs and the line is there."""
    if action == "reboot":
        return _booted(job, name, schedule)
    if action in ("owner-stop", "owner-daemon-restart"):
        with_cron = _next(job, name, schedule, action, Reason("it ends with cron", "end"), "likely")
        return job_daemons.stop_outlook(job.unit, action, with_cron, in_container=job.in_container)
    end = ending(facts.process, action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    guessed = job.left_its_shell or job.known_by == "minute"
    sure = "likely" if guessed and end.certainty == "certain" else end.certainty
    return _next(job, name, schedule, action, end.reason, sure)


def _next(job: Job, name: str, schedule: str, action: Action, end: Reason, certainty: Certainty) -> Outlook:
    """The next run of the line."""
    if not job.table:
        return _lineless(job, action, end)
    if not job.unit.daemon_runs:
        return Outlook.stays_away(action, "likely", (end, "cron itself does not run now"))
    if schedule.lower() == crontabs.REBOOT:
        return Outlook.stays_away(action, certainty, (end, "cron starts an @reboot line at boot only"))
    if job.next_in_s is None:
        return Outlook.not_known(action, (end, f"when `{schedule}` is due could not be told"))
    pile = f" ({job.running} copies run at once: cron does not wait for the last one)" if job.running > 1 else ""
    again = f"cron starts {name} again at its next time, whether this one still runs or not{pile}"
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
    return Deferred("reboot", True, f"cron starts {name} again {at}", by="cron")
