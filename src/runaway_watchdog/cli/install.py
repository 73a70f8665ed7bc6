"""Install the service on this host: its user, a configuration, the unit, and start it.

Asks nothing, may be run again at any time, and keeps a configuration that is there. Every step is printed;
--dry-run prints the same steps and takes none."""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from runaway_watchdog import programs, shipped
from runaway_watchdog.cli import PROGRAM
from runaway_watchdog.hostile import clean
from runaway_watchdog.install import host, location, plan, unit
from runaway_watchdog.install.execute import StepError, perform
from runaway_watchdog.install.steps import Already, Do, Step

_SETTLE_S = 10.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--dry-run", action="store_true", help="print what would be done, and do nothing")


def run(options: argparse.Namespace) -> int:
    """0: installed and running; 1: not, and why."""
    try:
        return _install(host.own_program(), dry_run=options.dry_run)
    except (InstallError, plan.RefusedError, shipped.PackageError, unit.SystemdError) as reason:
        print(f"{PROGRAM} install: {reason}", file=sys.stderr)
        return 1


class InstallError(Exception):
    """The command cannot work here; the message says why, and the mend."""


def require_root(command: str) -> None:
    """Raises InstallError unless root runs this."""
    if os.geteuid() != 0:
        raise InstallError(f"needs root: sudo {shlex.quote(str(host.own_program()))} {command}")


def take(steps: Sequence[Step], *, dry_run: bool) -> None:
    """Print each step and, unless it is a dry run, take it first. Raises InstallError at the first that fails."""
    for step in steps:
        if isinstance(step, Do) and not dry_run:
            try:
                perform(step.action, programs.run)
            except StepError as failure:
                raise InstallError(f"could not {step.title}\n  {failure}{_advice(step)}") from failure
        print(f"{_word(step, dry_run=dry_run):<8} {step.title}", flush=True)


def _advice(step: Do) -> str:
    if step.action in (unit.systemctl("start"), unit.systemctl("restart")):
        return _what_it_said()
    return "\n  The steps before it are done; mend this, and run it again."


def _what_it_said() -> str:
    """The service's own last words, and where to look further: the end of a message that it does not run."""
    words = "".join(f"\n  | {clean(line)}" for line in unit.last_words(programs.run).splitlines())
    check = f"{PROGRAM} check-config {host.CONFIG}"
    return f"{words}\nLook: systemctl status {unit.NAME}   Check the configuration: {check}"


def _word(step: Step, *, dry_run: bool) -> str:
    if isinstance(step, Do):
        return "would" if dry_run else "done"
    return "already" if isinstance(step, Already) else "note"


def _install(program: Path, *, dry_run: bool) -> int:
    require_root("install")
    if not host.is_booted_by_systemd():
        raise InstallError(
            f"systemd is not PID 1 here, so there is no service to install; in the foreground: {PROGRAM} run"
        )
    _check_location(program)
    texts = plan.Shipped(shipped.read(shipped.UNIT), shipped.read(shipped.SYSUSERS), shipped.read(shipped.CONFIG))
    steps = plan.install(host.survey(program, programs.run), texts)
    take(steps, dry_run=dry_run)
    if dry_run:
        print("\nNothing was changed (--dry-run).")
        return 0
    return _report()


def _check_location(program: Path) -> None:
    if not program.exists():
        raise InstallError(f"the command {program} is not there: install the package with pip, not only its modules")
    found = location.faults(location.loaded(program))
    if found:
        reasons = "".join(f"\n  {clean(fault.path)}: {fault.problem}" for fault in found)
        commands = "".join(f"\n  {command}" for command in location.mend(found, sys.prefix))
        raise InstallError(
            f"a service must not run this program from where it lies; nothing was changed{reasons}\n"
            f"This mends it:{commands}"
        )


def _report() -> int:
    """Say what systemd says, and what to do next."""
    state = unit.await_active(programs.run, seconds=_SETTLE_S)
    if state.active != "active":
        raise InstallError(f"installed, but the service is {state.active} ({state.sub}){_what_it_said()}")
    since = datetime.fromtimestamp(state.started_at).astimezone() if state.started_at is not None else None
    print(f"\n{unit.NAME} is {state.active} ({state.sub}), PID {state.main_pid}, since {since:%Y-%m-%d %H:%M:%S %Z}")
    if state.status:
        print(f"  it says: {clean(state.status)}")
    print(
        f"\nNext:\n"
        f"  {host.CONFIG}   where alerts go: mail, Slack, 100 more\n"
        f"  systemctl reload {PROGRAM}   after each change of it\n"
        f"  {PROGRAM} test-alert   does a message arrive?\n"
        f"  {PROGRAM} doctor   does it see all it needs to see here?"
    )
    return 0
