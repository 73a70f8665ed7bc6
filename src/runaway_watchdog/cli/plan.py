"""The reversible way out alone: each step with what it does, how to see that it worked, and its
undo; and what never to do here. Changes nothing by itself.

--script writes it as a commented POSIX shell script, which stops at the first step that fails
and goes back with the argument `undo`.

exit code: 0 a plan, 1 no script can be written, 2 usage or several matches, 3 no such process,
4 a plan with gaps
"""

import argparse
from typing import TYPE_CHECKING

from runaway_watchdog.cli.options import case_options, first_look

if TYPE_CHECKING:
    from runaway_watchdog.model.casefile import CaseFile
    from runaway_watchdog.world import World

EXAMPLES = """\
examples:
  sudo runaway-watchdog plan 3355
  sudo runaway-watchdog plan --incident 12 --script > plan.sh
  sudo sh plan.sh; sudo sh plan.sh undo
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    case_options(parser, "--script", "as a shell script, for reading and for `sh`", EXAMPLES)


def run(options: argparse.Namespace) -> int:
    seen = first_look(options)
    from runaway_watchdog.cli import about, reading  # as in `explain`

    if options.script and options.json:
        reading.complain("--script and --json are two forms of one answer: choose one")
        return reading.USAGE
    return about.about(options, _tell, seen)


def _tell(options: argparse.Namespace, case: "CaseFile", world: "World") -> int:
    from runaway_watchdog.cli import reading

    if options.script:
        return _script(case, world)
    if options.json:
        from runaway_watchdog.render.document import to_json

        whole = to_json(case)
        kept = ("schema_version", "host", "asked_pid", "process", "plan", "gaps")
        reading.print_json({key: whole[key] for key in kept})
        return 0
    from runaway_watchdog.render.text import Style, plan_text

    style = Style.ANSI if reading.colours(options) else Style.PLAIN
    print(plan_text(case, style=style, now=world.clock.now()))
    return 0


def _script(case: "CaseFile", world: "World") -> int:
    from datetime import UTC, datetime

    from runaway_watchdog.cli import reading
    from runaway_watchdog.render.script import NotWritableError, script

    written = datetime.fromtimestamp(world.clock.now(), UTC).strftime("%Y-%m-%d %H:%M UTC")
    try:
        print(script(case, written), end="")
    except NotWritableError as fault:
        reading.complain(str(fault))
        return 1
    return 0
