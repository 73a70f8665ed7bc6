"""What is known of a program of supervisord."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from runaway_watchdog.owners.cron.job_daemons import DaemonUnit
from runaway_watchdog.owners.steps.edited import Place


class Program(NamedTuple):
    """One that its supervisord runs."""

    main_pid: int
    manager_pid: int
    settings_in: str  # the file of its section, or the main one where that was not found
    asked: bool  # supervisord itself was asked, and knows it
    state: str  # in supervisord's words; "" where it was not asked
    in_container: bool
    autorestart: str  # true, false, unexpected; "" where that could not be read
    autostart: bool | None
    exit_codes: tuple[int, ...] | None
    start_retries: int | None
    as_group: bool  # stopasgroup or killasgroup
    changed_since: bool  # the section's file was written after the program's start
    ctl: str | None  # how supervisorctl is called here; None: it is not there, or would find no server
    place: Place | None  # where autostart stands, or goes; None in a container, or where it cannot be read

    def shown(self) -> Mapping[str, Any]:
        return {
            "main_pid": self.main_pid,
            "manager_pid": self.manager_pid,
            "settings_in": [self.settings_in],
            "asked": self.asked,
            "state": self.state,
            "in_container": self.in_container,
            "daemon": "supervisord",
            "autorestart": self.autorestart,
            "autostart": self.autostart,
            "exit_codes": None if self.exit_codes is None else list(self.exit_codes),
            "start_retries": self.start_retries,
            "as_group": self.as_group,
            "changed_since": self.changed_since,
        }


class LeftBehind(NamedTuple):
    """One that outlived its supervisord."""

    main_pid: int
    unit: DaemonUnit

    def shown(self) -> Mapping[str, Any]:
        return {"left_behind": True, "main_pid": self.main_pid, **self.unit.shown()}
