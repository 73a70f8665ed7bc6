"""Jobs of anacron, for `job.py`: run once in so many days, by whoever starts anacron.

Observed on Debian 12: anacron writes the day into the job's stamp when the job has ended, however it ended; so one
that is killed counts as done until its period is over, and one that a reboot interrupts is run again. A stop of
anacron.service waits until the job that runs has ended (KillSignal=SIGUSR1, TimeoutStopSec=infinity).
"""

import re
from typing import NamedTuple

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Claim, Deferred, Outlook
from runaway_watchdog.model.plan import Containment
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common.ending import ending
from runaway_watchdog.owners.common.shells import shell
from runaway_watchdog.owners.cron import containment
from runaway_watchdog.owners.cron.details import AnacronJob, TableLine
from runaway_watchdog.owners.interface import Read
from runaway_watchdog.owners.steps import single
from runaway_watchdog.world import Unanswered, World

TABLE = "/etc/anacrontab"
_JOB = re.compile(r"\s*(?P<period>\d{1,4}|@\w+)\s+(?P<delay>\d{1,5})\s+(?P<name>\S+)\s+(?P<command>\S.*)")
DAYS = {"@daily": 1, "@weekly": 7, "@monthly": 30}


class Line(NamedTuple):
    number: int  # from 1
    period: str  # days, or a nickname
    name: str
    command: str


def parse(text: str) -> tuple[Line, ...]:
    """The jobs of anacrontab(5). Never fails: what is no job is passed over."""
    found = ((number, _JOB.fullmatch(line)) for number, line in enumerate(text.split("\n"), 1))
    return tuple(
        Line(number, job["period"], job["name"], job["command"].rstrip()) for number, job in found if job is not None
    )


def inspect(claim: Claim, job: Process, daemon: Process, world: World) -> Read[AnacronJob]:
    """Find the line. Raises Unanswered."""
    if len(job.namespace_pids) > 1:
        raise Unanswered(Gap("anacron", "its table lies in a container", "look at /etc/anacrontab in it"))
    try:
        text = world.files.read(TABLE)
    except OSError:
        raise Unanswered(Gap("anacron", f"{TABLE} cannot be read", "run it with sudo")) from None
    started = shell(job)
    command = "" if started is None or started.way != "line" else started.text
    line = next((each for each in parse(text) if each.command == command.strip()), None)
    if line is None:
        gone = AnacronJob(job.pid, daemon.pid, job.user, None, None)
        return Read("cron-job", "a job of anacron", claim.ref, "line not found", gone, claim.evidence)
    source = TableLine(world.ownership.real(TABLE), line.number, job.user, text, of_user=False)
    details = AnacronJob(job.pid, daemon.pid, job.user, _days(line.period), source)
    evidence = (*claim.evidence, f"{TABLE}:{line.number}: {line.period} {line.name}")
    name = f"{line.name} of anacron (line {line.number} of {TABLE})"
    return Read("cron-job", name, f"{TABLE}:{line.number}", _policy(line.period), details, evidence)


def _days(period: str) -> int | None:
    return int(period) if period.isdigit() else DAYS.get(period.lower())


def _policy(period: str) -> str:
    if not period.isdigit():
        return period
    return "every day" if int(period) == 1 else f"every {period} days"


def outlook(job: AnacronJob, policy: str, facts: Facts, action: Action) -> Outlook | Deferred:
    """An end of any kind counts as done for the period."""
    if action == "reboot":
        why = "anacron notes a job as done when it has ended, so it runs an interrupted one again"
        return Deferred(action, True, why, by="anacron")
    if action in ("owner-stop", "owner-daemon-restart"):
        why = "a stop of anacron.service waits until the job has ended"
        return Outlook.goes_on(action, "likely", why)
    end = ending(facts.process, action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    if job.source is None:
        return Outlook.stays_away(action, "likely", (end.reason, f"{TABLE} has no such job any more"))
    again = f"anacron counts it as done, and runs it again when its period is over ({policy})"
    return Outlook.comes_back(action, "anacron", "likely", (end.reason, again))


def contain(job: AnacronJob, name: str, facts: Facts) -> Containment:
    relief, end = single.relieve(facts.process), single.end(facts.process)
    if job.source is None:
        return Containment("End it: anacron has no such job any more", (*relief, end))
    goal = f"Keep anacron from running {name} for good (its line becomes a comment), then end what runs"
    return Containment(goal, (*relief, containment.not_started(job.source, "anacron"), end))
