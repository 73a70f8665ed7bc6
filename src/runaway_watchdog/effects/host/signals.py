"""Signals, as kill(1) names them and as a process meets them."""

import signal
from typing import NamedTuple

from runaway_watchdog.linux import status
from runaway_watchdog.model.owner import Action
from runaway_watchdog.model.process import Facts, SignalDisposition
from runaway_watchdog.owners.common.ending import Ending, ending
from runaway_watchdog.world import Files
from runaway_watchdog.world.procfs import PROC

KILL, TERM = 9, 15
HARMLESS = frozenset({0, int(signal.SIGCHLD), int(signal.SIGCONT), int(signal.SIGURG), int(signal.SIGWINCH)})
"""By default these are ignored, or only a question (signal(7))."""
STOPS = frozenset(int(each) for each in (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU))
CLEAN = frozenset(int(each) for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGPIPE))
"""A death by one of these counts as clean to systemd (systemd.service(5))."""


class Met(NamedTuple):
    """How a process meets a signal: as which of the owners' actions, and the facts to ask them with."""

    action: Action
    facts: Facts
    end: Ending


def number(name: str | None) -> int | None:
    """The number of "9", "KILL", "SIGKILL" or "sigkill"; None for anything else."""
    if name is None:
        return None
    if name.isascii() and name.isdigit():
        return int(name)
    upper = name.upper()
    upper = upper if upper.startswith("SIG") else f"SIG{upper}"
    found = signal.Signals.__members__.get(upper)
    return None if found is None else int(found)


def named(value: int) -> str:
    """SIGKILL for 9; "signal 40" for what has no name."""
    try:
        return signal.Signals(value).name
    except ValueError:
        return f"signal {value}"


def met(facts: Facts, value: int, files: Files) -> Met:
    """What signal `value` does to the process itself."""
    if value == KILL:
        return Met("sigkill", facts, ending(facts.process, "sigkill"))
    sent = facts.process
    if value != TERM:
        sent = sent._replace(sigterm=_disposition(facts, value, files), signal=named(value))
    end = ending(sent, "sigterm")
    unclean = end.how == "sigterm" and value not in CLEAN
    return Met("sigkill" if unclean else "sigterm", facts._replace(process=sent), end)


def _disposition(facts: Facts, value: int, files: Files) -> SignalDisposition:
    """Handled, ignored or the default, from the masks of /proc/PID/status."""
    try:
        told = status.parse(files.read(f"{PROC}/{facts.process.pid}/status"))
        caught, ignored = int(told["SigCgt"], 16), int(told["SigIgn"], 16)
    except (OSError, KeyError, ValueError):
        return "unknown"
    bit = 1 << (value - 1)
    if caught & bit:
        return "handled"
    return "ignored" if ignored & bit else "default"
