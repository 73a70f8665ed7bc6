"""Stop and remove the service. Configuration and history stay, unless --purge is given.

--purge also removes the configuration, the history and the service's user, but no file that is not its own: a store
at another place (store.path in the configuration) stays."""

import argparse
import sys

from runaway_watchdog import programs
from runaway_watchdog.cli import PROGRAM
from runaway_watchdog.cli.install import InstallError, require_root, take
from runaway_watchdog.install import host, plan, unit


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--dry-run", action="store_true", help="print what would be done, and do nothing")
    parser.add_argument("--purge", action="store_true", help="remove configuration, history and user too")


def run(options: argparse.Namespace) -> int:
    """0: removed; 1: not, and why."""
    try:
        require_root("uninstall", options)
        steps = plan.uninstall(host.survey(host.own_program(), programs.run), purge=options.purge)
        take(steps, dry_run=options.dry_run)
    except (InstallError, unit.SystemdError) as reason:
        print(f"{PROGRAM} uninstall: {reason}", file=sys.stderr)
        return 1
    if options.dry_run:
        print("\nNothing was changed (--dry-run).")
    return 0
