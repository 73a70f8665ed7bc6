"""How what has no process now ended last, and what it said before: for a crash loop that is mostly the whole story."""

import json
from collections.abc import Iterable, Iterator
from typing import Final

from runaway_watchdog.engines.model import Inspected
from runaway_watchdog.linux.text import lines
from runaway_watchdog.model.casefile import LastEnd
from runaway_watchdog.world import Unanswered, World
from runaway_watchdog.world.units import Unit

LINES: Final = 5
LOOKED_AT: Final = 200
"""Entries among which they are: systemd's own, of each start and end, stand between them."""
EXITED, KILLED, DUMPED = 1, 2, 3
"""CLD_EXITED, CLD_KILLED and CLD_DUMPED of siginfo_t (sigaction(2))."""
SIGNALLED: Final = 128
"""What an engine adds to a signal's number to tell it as an exit code."""


def of_unit(world: World, name: str, unit: Unit) -> LastEnd:
    """By systemd's own record of the main process, and the journal."""
    exited, killed = unit.exec_main_code == EXITED, unit.exec_main_code in (KILLED, DUMPED)
    status = unit.exec_main_status
    log = journal(world, f"_SYSTEMD_UNIT={name}")
    return LastEnd(unit.restarts, status if exited else None, status if killed else None, log)


def of_container(world: World, container: Inspected) -> LastEnd:
    """By its engine, and the log that the engine keeps (json-file), or the journal."""
    code = container.exit_code
    signal = code - SIGNALLED if SIGNALLED < code <= SIGNALLED + 64 else None
    log = _json_log(world, container.log) if container.log else journal(world, f"CONTAINER_ID_FULL={container.id}")
    return LastEnd(container.restart_count, None if signal else code, signal, log)


def journal(world: World, match: str, most: int = LINES) -> tuple[str, ...]:
    """Nothing where it cannot be read: the explanation is worth telling without."""
    try:
        entries = world.journal.entries((match,), LOOKED_AT)
    except Unanswered:
        return ()
    return _last((each["MESSAGE"] for each in entries if each.get("MESSAGE")), most)


def _json_log(world: World, path: str) -> tuple[str, ...]:
    """Of `{"log": "text\\n", "stream": "stderr", "time": …}`, one a line (the json-file driver)."""
    return _last(_said(world.traces.tail(path) or ""))


def _said(text: str) -> Iterator[str]:
    for line in lines(text):
        try:
            found = json.loads(line)
        except ValueError:  # the first line of a tail is a half one
            continue
        if isinstance(found, dict) and isinstance(found.get("log"), str):
            yield found["log"].rstrip("\n")


def _last(found: Iterable[str], most: int = LINES) -> tuple[str, ...]:
    return tuple([each for each in found if each.strip()][-most:])
