"""Watch this host in the foreground, until Ctrl-C or SIGTERM. This is what the service runs.

The configuration is checked first; then this process becomes the watch itself, which is
small because it knows neither pydantic nor any alert service. Without a configuration it
watches for 90 % of a core over 5 minutes and tells the terminal (or the journal).
"""

import argparse
import json
import os
import sys
from pathlib import Path

from runaway_watchdog.cli import PROGRAM, USAGE
from runaway_watchdog.config import locate
from runaway_watchdog.starting import ANSWERS


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="read this file alone, not the usual ones")
    # The watch re-reads the configuration through a child: it keeps the old one where the new one is broken.
    parser.add_argument("--compile", action="store_true", help=argparse.SUPPRESS)
    # What the service's units run: cli/handing_over.py.
    parser.add_argument("--hand-over", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    parser.add_argument("--units", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    parser.add_argument("--answer", choices=tuple(ANSWERS), help=argparse.SUPPRESS)


def run(options: argparse.Namespace) -> int:
    if options.answer is not None:
        from runaway_watchdog.cli.handing_over import answer

        return answer(options.answer)
    if options.units is not None:
        from runaway_watchdog.cli.handing_over import found

        given = found(options.units)
        return given if isinstance(given, int) else _become_the_watch(given, ("--units", str(options.units)))
    return _with_the_files(options)


def _with_the_files(options: argparse.Namespace) -> int:
    """Check the configuration where it lies, and go on with it."""
    from runaway_watchdog.alerts.urls import url_problem
    from runaway_watchdog.config.compile import compile_configuration
    from runaway_watchdog.config.faults import ConfigurationFaults
    from runaway_watchdog.config.load import load

    around = locate.here()
    files = locate.config_files(options.config, around)
    if options.hand_over is not None:
        files = tuple(each for each in files if each != around.user_file)  # root's rights, and the service's home
    try:
        configuration = load(files, env=around.env, url_problem=url_problem)
    except ConfigurationFaults as faults:
        print(f"{PROGRAM}: the configuration cannot be used:\n{faults}", file=sys.stderr)
        if options.hand_over is not None:
            from runaway_watchdog.cli.handing_over import hand_over_nothing

            hand_over_nothing(options.hand_over)
        return USAGE
    compiled = compile_configuration(configuration, around)
    if options.hand_over is not None:
        from runaway_watchdog.cli.handing_over import hand_over, hand_over_tellers

        hand_over_tellers(senders=configuration.config.sampling.senders)
        return hand_over(options.hand_over, compiled)
    if options.compile:
        print(json.dumps(compiled))
        return 0
    return _become_the_watch(json.dumps(compiled), () if options.config is None else ("--config", str(options.config)))


def _become_the_watch(compiled: str, arguments: tuple[str, ...]) -> int:
    """Replace this process by the watch. The configuration holds secrets, so it goes through memory, not a file.

    A watch that has all else done by units reads the environment's alert URLs never again: it has none of them.
    """
    handover = os.memfd_create("configuration", 0)  # no MFD_CLOEXEC: the watch inherits it
    os.write(handover, compiled.encode())
    words = [sys.executable, "-m", "runaway_watchdog.watch", "--config-fd", str(handover), *arguments]
    sys.stdout.flush()
    sys.stderr.flush()
    environment = {
        name: value for name, value in os.environ.items() if name != locate.ALERT_URLS or "--units" not in arguments
    }
    os.execve(sys.executable, words, environment)  # noqa: S606 - our own interpreter, with our own module
