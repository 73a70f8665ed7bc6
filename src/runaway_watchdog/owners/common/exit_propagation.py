"""The end of a process that reaches its supervisor through those between: `sh -c LINE`, `timeout`, a start script."""

from typing import Protocol

from runaway_watchdog.model.owner import Action, Certainty, Outlook
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.common import siblings
from runaway_watchdog.owners.common.ending import Ending, How, ending
from runaway_watchdog.owners.common.shells import shell


class Supervised(Protocol):
    """What is known of a process whose end a supervisor waits for."""

    @property
    def main_pid(self) -> int:
        """The supervised process."""

    @property
    def manager_pid(self) -> int:
        """The supervisor."""


def passed_on(facts: Facts, manager_pid: int, end: Ending) -> Ending | None:
    """The end that the supervisor is told of, as far as all between only wait for what they started; else None.

    A shell whose command a signal ended exits with 128 and its number: a failure, and no death by a signal.
    """
    if not waits(facts, manager_pid):
        return None
    between = siblings.between(facts, manager_pid)
    how: How = "failure" if end.how in ("sigterm", "sigkill") else end.how
    names = ", ".join(each.name for each in between)
    certainty: Certainty = "likely" if end.certainty == "certain" else end.certainty
    return Ending(True, how, certainty, f"{end.why}, and {names} most likely with it")


def reaches(facts: Facts, supervised: Supervised) -> bool | None:
    """Whether a stop of the supervised process ends this one too: itself, or one below it.

    False: between are only shells that a SIGTERM ends at once, and this one goes on without them (observed). None:
    that is a matter of the supervised program.
    """
    if facts.process.pid == supervised.main_pid:
        return True
    between = siblings.between(facts, supervised.manager_pid)
    shells = all(shell(each) is not None and each.sigterm == "default" for each in between)
    return False if between and shells else None


def waits(facts: Facts, manager_pid: int) -> bool:
    """Whether all between the process and its supervisor are shells and the like, which start it and wait for it."""
    between = siblings.between(facts, manager_pid)
    return bool(between) and all(siblings.only_waits(each) for each in between)


def comes_along(facts: Facts, supervised: Supervised, started: bool | None) -> bool | None:
    """Whether this process is back once a new supervisor has `started` the supervised one (None: cannot be told)."""
    main = facts.process.pid == supervised.main_pid or waits(facts, supervised.manager_pid)
    return started if main or started is False else None


def end_of(supervised: Supervised, facts: Facts, action: Action, waiter: str) -> Ending | Outlook:
    """The end that the supervisor (`waiter`) is told of; or the whole answer, where it is told of none."""
    end = ending(facts.process, action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    main = supervised.main_pid
    if facts.process.pid == main:
        return end
    passed = passed_on(facts, supervised.manager_pid, end)
    return passed or siblings.not_main(facts, action, end, f"{waiter} waits for {main} alone")


def unread(facts: Facts, action: Action, why: str) -> Outlook:
    """What is left to say where the supervisor's own settings could not be read."""
    if action in ("owner-stop", "owner-daemon-restart", "reboot"):
        return Outlook.not_known(action, why)
    end = ending(facts.process, action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    return Outlook.not_known(action, (end.reason, why))
