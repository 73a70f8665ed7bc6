"""How what has no process now ended last, and what it said before, in words."""

import signal
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from runaway_watchdog.model.casefile import LastEnd
from runaway_watchdog.model.events import Ending, Sender
from runaway_watchdog.render.steps import safe

SHOWN: Final = 160
AS_PEOPLE_SAY: Final = {"auto-restart": "restarting", "start": "starting", "start-pre": "starting", "dead": "stopped"}
"""By systemd's own words."""
TRYING: Final = ("restarting", "starting", "running")
"""States of what its manager starts again and again."""


_BY: Final = {"oom-killer": "the OOM killer", "kernel": "the kernel"}


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def ended(ending: Ending | None) -> str:
    """What a process did at its end, to be said after its name."""
    if ending is None:
        return "died"
    if ending.signal is not None:
        name, by = signal_name(ending.signal), _BY.get(str(ending.sender))
        return f"was ended by {name}{_sender(ending)}" if by is None else f"was ended by {by} ({name})"
    did = "died" if ending.exit_code is None else f"exited with {ending.exit_code}"
    return did if ending.sent is None else f"{did} after {signal_name(ending.sent)}{_sender(ending)}"


def _sender(ending: Ending) -> str:
    """Each word about the sender is as it was read at that moment, or left out."""
    sender = ending.sender
    if not isinstance(sender, Sender):
        return f", sent by {_BY[sender]}" if sender else ""
    user = f" of {safe(sender.user, 40)}" if sender.user else ""
    login = f" (logged in as {safe(sender.login, 40)})" if sender.login else ""
    said = " (as its environment says)" if sender.ssh_is_said else ""
    ssh = f" from SSH {safe(sender.ssh, 60)}{said}" if sender.ssh else ""
    return f", sent by {safe(sender.name, 40)} (PID {sender.pid}){user}{login}{ssh}"


def how(ended: LastEnd) -> str:
    if ended.signal:
        return f", {signal_name(ended.signal)} ended it last"
    return "" if ended.exit_code is None else f", it exited with {ended.exit_code}"


def said(log: Sequence[str]) -> Iterator[str]:
    """The last lines of its log; the same one after itself, as a crash loop writes it, once."""
    for line, same in groupby(log):
        count = len(list(same))
        yield f"it said{f' {count} times' if count > 1 else ''}: {safe(line, SHOWN)}"
