"""A line of cron that does no harm however often it comes."""

import re
from collections.abc import Iterator
from shlex import quote

from runaway_watchdog.model.plan import Advice
from runaway_watchdog.owners.cron.details import Job

_SCHEDULE = re.compile(r"\s*(?:@\w+|(?:\S+\s+){4}\S+)\s+")
_USER = re.compile(r"\S+\s+")
_PLAIN = re.compile(r"[^A-Za-z0-9]+")
_SHELL = re.compile(r"^[ \t]*+SHELL[ \t]*+=", re.MULTILINE)
_INPUT = re.compile(r"(?<!\\)%.*")
"""What cron gives to the command as its standard input (crontab(5))."""


def once_at_a_time(job: Job, name: str) -> Iterator[Advice]:
    """The same line, for an hour at most, after everybody else."""
    if job.source is None or job.script:
        return
    table = job.source
    *above, line = table.text.split("\n")[: table.number]
    schedule = _SCHEDULE.match(line)
    if schedule is None:
        return
    rest = line[schedule.end() :]
    user = "" if table.of_user or (found := _USER.match(rest)) is None else found[0]
    given = found[0] if (found := _INPUT.search(rest)) else ""
    command = rest[len(user) :].removesuffix(given).strip()
    if not command:
        return
    shell = '"$SHELL"' if _SHELL.search("\n".join(above)) else "sh"
    folder = "/run" if table.user == "root" else "/run/lock"  # where everybody may write, and take the lock for good
    lock = f"{folder}/{_PLAIN.sub('-', name).strip('-')[:60]}.lock"
    new = f"{schedule[0]}{user}flock -n {lock} timeout 1h nice -n 19 {shell} -c {quote(command)}{given}"
    what = "one run at a time, an hour at most, after everybody else"
    yield Advice(what, f"line {table.number} of {table.path}", (new,))
