"""One incident as one HTML page that needs no network and no other file: its story, its CPU
before, during and after, who kept it alive, the plan with its undo, what never to do, the
evidence, and what shared the host. The page can be handed on: secrets in it are masked.

exit code: 0 written, 1 it cannot be read or written, 2 usage, 3 no such incident
"""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from runaway_watchdog.cli import PROGRAM
from runaway_watchdog.cli.options import incident_id, reading_options

if TYPE_CHECKING:
    from runaway_watchdog.render.report import Report

EXAMPLES = f"""\
examples:
  sudo {PROGRAM} report 12 --html incident-12.html
  ssh web1 sudo {PROGRAM} report 12 --html - > incident-12.html
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=incident_id, metavar="ID", help="the incident's number")
    parser.add_argument("--html", metavar="FILE", help="where the page is written; - is standard output")
    reading_options(parser)
    parser.epilog = EXAMPLES


def run(options: argparse.Namespace) -> int:
    from runaway_watchdog.cli import reading, recorded

    if bool(options.html) == options.json:
        reading.complain("say what to write: --html FILE, or --json")
        return reading.USAGE
    now = time.time()
    found = recorded.asked_for(recorded.report, options, now)
    if isinstance(found, int):
        return found
    if options.json:
        reading.print_json(recorded.document(found))
        return 0
    return _write(found, options.html, now)


def _write(found: "Report", file: str, now: float) -> int:
    from runaway_watchdog.cli import reading
    from runaway_watchdog.render.report import page

    written = page(found, now)
    if file == "-":
        sys.stdout.write(written)
        return 0
    try:
        Path(file).write_text(written, encoding="utf-8", errors="replace")
    except OSError as fault:
        reading.complain(f"{file} cannot be written: {fault.strerror}; name another file, or - for standard output")
        return 1
    print(f"{PROGRAM}: wrote {file}", file=sys.stderr)
    return 0
