"""Take an incident over: no reminders until it is over, or until the time that you give.

That it gets worse, or ends, is told all the same.

exit code: 0, 1 the store cannot be written, 2 usage, 3 no such open incident
"""

import argparse
import time
from pathlib import Path

from runaway_watchdog.cli import PROGRAM, reading
from runaway_watchdog.cli.changing import changing, lasting
from runaway_watchdog.cli.options import incident_id
from runaway_watchdog.hostile import clean
from runaway_watchdog.store.database import StoreUnavailable
from runaway_watchdog.store.user_input import acknowledge, unacknowledge

NOTE_LIMIT = 500


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=incident_id, metavar="ID", help="as `incidents` lists it")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--for", dest="lasting", type=lasting, metavar="2h", help="remind again after this time")
    what.add_argument("--undo", action="store_true", help="remind again from now on")
    parser.add_argument("--note", metavar="TEXT", help="kept with the incident, for whoever looks next")
    parser.add_argument("--config", type=Path, metavar="FILE", help="read this configuration file alone")


def run(options: argparse.Namespace) -> int:
    path = reading.store_told(options)
    now = time.time()
    until = None if options.lasting is None else now + options.lasting
    note = None if options.note is None else clean(options.note, NOTE_LIMIT)
    try:
        with changing(path) as store:
            if options.undo:
                done = unacknowledge(store, options.id, now)
            else:
                done = acknowledge(store, options.id, now, until, note)
    except StoreUnavailable as unavailable:
        reading.complain(f"{unavailable.problem}; {unavailable.fix}")
        return 1
    if not done:
        what = "acknowledged" if options.undo else "open"
        reading.complain(f"no incident {options.id} is {what}; `{PROGRAM} incidents --open` lists them")
        return reading.NO_SUCH
    if options.undo:
        print(f"Incident {options.id} is nobody's again: reminders come as before.")
    else:
        end = "until it is over" if until is None else time.strftime("until %Y-%m-%d %H:%M", time.localtime(until))
        print(f"Incident {options.id} is yours: no reminders {end}. Undo: {PROGRAM} ack {options.id} --undo")
    return 0
