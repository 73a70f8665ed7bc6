"""The end of a process that reaches its supervisor through those between: `sh -c LINE`, `timeout`, a start script."""

from runaway_watchdog.model.owner import Action, Certainty, Outlook
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.common import siblings as beside
from runaway_watchdog.owners.common.ending import Ending, How, ending
from runaway_watchdog.owners.common.shells import shell
from runaway_watchdog.owners.interface import Owner


def passed_on(facts: Facts, manager_pid: int, end: Ending) -> Ending | None:
    """The end that the supervisor is told of, as far as all between only wait for what they started; else None.

    A shell whose command a signal ended exits with 128 and its number: a failure, and no death by a signal.
    """
    if not waits(facts, manager_pid):
        return None
    between = beside.between(facts, manager_pid)
    how: How = "failure" if end.how in ("sigterm", "sigkill") else end.how
    names = ", ".join(each.name for each in between)
    certainty: Certainty = "likely" if end.certainty == "certain" else end.certainty
    return Ending(True, how, certainty, f"{end.why}, and {names} most likely with it")


def reaches(facts: Facts, main_pid: int, manager_pid: int) -> bool | None:
    """Whether a stop of the supervised process ends this one too: itself, or one below it.

    False: between are only shells that a SIGTERM ends at once, and this one goes on without them (observed). None:
    that is a matter of the supervised program.
    """
    if facts.process.pid == main_pid:
        return True
    between = beside.between(facts, manager_pid)
    shells = all(shell(each) is not None and each.sigterm == "default" for each in between)
    return False if between and shells else None


def waits(facts: Facts, manager_pid: int) -> bool:
    """Whether all between the process and its supervisor are shells and the like, which start it and wait for it."""
    between = beside.between(facts, manager_pid)
    return bool(between) and all(beside.only_waits(each) for each in between)


def end_of(owner: Owner, facts: Facts, action: Action, waiter: str) -> Ending | Outlook:
    """The end that the supervisor (`waiter`) is told of; or the whole answer, where it is told of none.

    The owner's facts name the supervised process (`main_pid`) and the supervisor (`manager_pid`).
    """
    end = ending(facts.process, action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    main = owner.facts["main_pid"]
    if facts.process.pid == main:
        return end
    passed = passed_on(facts, owner.facts["manager_pid"], end)
    return passed or beside.not_main(facts, action, end, f"{waiter} waits for {main} alone")


def unread(facts: Facts, action: Action, why: str) -> Outlook:
    """What is left to say where the supervisor's own settings could not be read."""
    if action in ("owner-stop", "owner-daemon-restart", "reboot"):
        return Outlook.not_known(action, why)
    end = ending(facts.process, action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    return Outlook.not_known(action, (end.reason, f"{why}"))
