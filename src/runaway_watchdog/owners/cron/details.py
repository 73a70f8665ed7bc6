"""What is known of a job of cron, or of anacron."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from runaway_watchdog.model.process import Process
from runaway_watchdog.owners.cron.job_daemons import DaemonUnit


class TableLine(NamedTuple):
    """A job's line, and the table around it as it was read: it may hold secrets."""

    path: str
    number: int  # from 1; of a user's table as `crontab -l` prints it
    user: str
    text: str
    of_user: bool  # a user's own table, to be changed with crontab(1)


class Job(NamedTuple):
    """One of cron."""

    main_pid: int
    user: str
    table: str  # "" where its line was not found
    line: int
    script: str  # of /etc/cron.hourly and the like; "" where run-parts is not between
    folder: str  # that folder
    next_in_s: float | None
    running: int  # how many of it run now, this one too
    in_container: bool
    left_its_shell: bool
    known_by: Literal["text", "words", "minute"]  # its line: from cron itself, the program's words, or when it began
    unit: DaemonUnit
    source: TableLine | None  # None where it was not found or cannot be read, or in a container
    # what is not shown
    copies: tuple[Process, ...] = ()  # the others that run of the same line, each the first of its own session

    def shown(self) -> Mapping[str, Any]:
        return {
            "main_pid": self.main_pid,
            "user": self.user,
            "table": self.table,
            "line": self.line,
            "script": self.script,
            "folder": self.folder,
            "next_in_s": self.next_in_s,
            "running": self.running,
            "in_container": self.in_container,
            "left_its_shell": self.left_its_shell,
            "known_by": self.known_by,
            **self.unit.shown(),
        }


class AnacronJob(NamedTuple):
    """One of anacron."""

    main_pid: int
    manager_pid: int
    user: str
    period_days: int | None
    source: TableLine | None  # None where its table has no such job any more

    @property
    def table(self) -> str:
        """ "" where it has no such job any more."""
        return self.source.path if self.source else ""

    def shown(self) -> Mapping[str, Any]:
        return {
            "anacron": True,
            "daemon": "anacron",
            "stopped_as": "anacron.service",
            "known_by": "text",
            "main_pid": self.main_pid,
            "manager_pid": self.manager_pid,
            "table": self.table,
            "line": self.source.number if self.source else 0,
            "period_days": self.period_days,
            "user": self.user,
        }
