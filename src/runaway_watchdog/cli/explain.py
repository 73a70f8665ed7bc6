"""What a process is, who keeps it alive, what each way of ending it would really do, what to
do, and what never to do here. Reads only; changes nothing. A PID that has died is looked up
in what the watch has recorded.

exit code: 0 explained, 2 usage or several matches, 3 no such process, 4 explained with gaps
"""

import argparse

from runaway_watchdog.cli.options import case_options, first_look

EXAMPLES = """\
examples:
  sudo runaway-watchdog explain 3355
  sudo runaway-watchdog explain --container ocr-worker-1
  sudo runaway-watchdog explain --unit nginx --json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    case_options(parser, "--verbose", "the evidence for every fact, and every check", EXAMPLES)


def run(options: argparse.Namespace) -> int:
    seen = first_look(options)
    from runaway_watchdog.cli import about  # which takes most of the tenth of a second until the second look

    return about.about(options, about.show, seen)
