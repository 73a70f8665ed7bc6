"""Install the service on this host: its user, a configuration, the unit, and start it.

Asks nothing, may be run again at any time, and keeps a configuration that is there. Every step is printed;
--dry-run prints the same steps and takes none. Where something was changed, a self-test follows: a
second watch, confined as the service is, has 30 seconds to find a short harmless burn, to explain it
and to tell the journal.

exit code: 0, 1 it could not be installed, does not run, or did not pass its test
"""

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
from runaway_watchdog.install import host, location, plan, rules, selftest, unit
from runaway_watchdog.install.execute import StepError, perform
from runaway_watchdog.install.steps import Already, Do, Step
from runaway_watchdog.linux.text import lines as lines_of

_SETTLE_S = 10.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--dry-run", action="store_true", help="print what would be done, and do nothing")
    parser.add_argument(
        "--metrics", action="store_true", help="also a service that answers Prometheus, on 127.0.0.1:9764 alone"
    )
    parser.add_argument(
        "--self-test", action=argparse.BooleanOptionalAction, help="in any case, or not at all; else after a change"
    )


def run(options: argparse.Namespace) -> int:
    """0: installed and running; 1: not, and why."""
    try:
        require_root("install", options)
        return _install(options, host.own_program())
    except (InstallError, plan.RefusedError, shipped.PackageError, unit.SystemdError) as reason:
        print(f"{PROGRAM} install: {reason}", file=sys.stderr)
        return 1


class InstallError(Exception):
    """The command cannot work here; the message says why, and the mend."""


def require_root(command: str, options: argparse.Namespace) -> None:
    """Raises InstallError unless root runs this; what was asked for is named whole, so that it does no more as root."""
    if os.geteuid() != 0:
        flags = [f"--{name.replace('_', '-')}" for name, value in vars(options).items() if value is True]
        flags += ["--no-self-test"] if vars(options).get("self_test") is False else []
        words = [str(host.own_program()), command, *flags]
        raise InstallError(f"needs root: sudo {shlex.join(words)}")


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
    for name in (unit.NAME, unit.METRICS):
        if step.action in (unit.systemctl("start", name), unit.systemctl("restart", name)):
            return _what_it_said(name)
    return "\n  The steps before it are done; mend this, and run it again."


def _what_it_said(name: str) -> str:
    """The service's own last words, and where to look further: the end of a message that it does not run."""
    words = "".join(f"\n  | {clean(line)}" for line in lines_of(unit.last_words(programs.run, name)))
    check = f"   Check the configuration: {PROGRAM} check-config {host.CONFIG}" if name == unit.NAME else ""
    return f"{words}\nLook: systemctl status {name}{check}"


def _word(step: Step, *, dry_run: bool) -> str:
    if isinstance(step, Do):
        return "would" if dry_run else "done"
    return "already" if isinstance(step, Already) else "note"


def _install(options: argparse.Namespace, program: Path) -> int:
    os.umask(0o022)  # folders that we share with others stay open to them, whatever sudo was told
    if not host.is_booted_by_systemd():
        raise InstallError(
            f"systemd is not PID 1 here, so there is no service to install; in the foreground: {PROGRAM} run"
        )
    _check_location(program)
    texts = _shipped()
    steps = plan.install(host.survey(program, programs.run), texts, metrics=options.metrics)
    take(steps, dry_run=options.dry_run)
    if options.dry_run:
        print("\nNothing was changed (--dry-run).")
        return 0
    _report_state()
    changed = any(isinstance(step, Do) for step in steps)
    passed = _self_test(texts, program) if (changed if options.self_test is None else options.self_test) else True
    _report_rules()
    return 0 if passed else 1


def _shipped() -> plan.Shipped:
    from runaway_watchdog.cli import completion, manual  # they read every command's parser

    helps = {
        host.BASH_COMPLETION: completion.text("bash"),
        host.ZSH_COMPLETION: completion.text("zsh"),
        host.MANUAL: manual.page(),
    }
    return plan.Shipped(
        unit=shipped.read(shipped.UNIT),
        helpers=tuple(shipped.read(name) for name in shipped.HELPER_UNITS),
        metrics=shipped.read(shipped.METRICS_UNIT),
        sysusers=shipped.read(shipped.SYSUSERS),
        config=shipped.read(shipped.CONFIG),
        helps=helps,
    )


def _check_location(program: Path) -> None:
    if not program.exists():
        raise InstallError(f"the command {program} is not there: install the package with pip, not only its modules")
    found = location.faults(location.loaded(program))
    if found:
        reasons = "".join(f"\n  {clean(fault.path)}: {fault.problem}" for fault in found)
        commands = "".join(f"\n  {command}" for command in location.fix(found, sys.prefix))
        raise InstallError(
            f"a service must not run this program from where it lies; nothing was changed{reasons}\n"
            f"This mends it:{commands}"
        )


def _report_state() -> None:
    """Say what systemd says. Raises InstallError where the service does not run."""
    state = unit.await_active(programs.run, seconds=_SETTLE_S)
    if state.active != "active":
        raise InstallError(f"installed, but the service is {state.active} ({state.sub}){_what_it_said(unit.NAME)}")
    since = datetime.fromtimestamp(state.started_at).astimezone() if state.started_at is not None else None
    print(f"\n{unit.NAME} is {state.active} ({state.sub}), PID {state.main_pid}, since {since:%Y-%m-%d %H:%M:%S %Z}")
    if state.status:
        print(f"  it says: {clean(state.status)}")


def _self_test(texts: plan.Shipped, program: Path) -> bool:
    """Run it and tell how far it came."""
    print(f"\nSelf-test: a harmless burn at the lowest priority, at most {selftest.LIMIT_S:g} s …", flush=True)
    units = dict(zip((unit.NAME, *shipped.HELPER_UNITS), (texts.unit, *texts.helpers), strict=True))
    drop_ins = {path.split("/", 4)[4]: text for path, text in host.helpers_drop_ins().items()}
    outcome = selftest.run(units, str(program), drop_ins, programs.run)
    if outcome.passed:
        print(
            f"  found after {outcome.found_s} s, explained after {outcome.explained_s} s (kept by {outcome.owner}),"
            f" told to the journal after {outcome.told_s} s"
        )
        return True
    print(f"{PROGRAM} install: the service runs, but its self-test did not pass: {_how_far(outcome)}", file=sys.stderr)
    print(f"  Look: journalctl -u '{selftest.WATCH}*'   Try again: {PROGRAM} install --self-test", file=sys.stderr)
    return False


def _how_far(outcome: selftest.SelfTestResult) -> str:
    if outcome.problem:
        return f"it could not be started: {outcome.problem}"
    late = f"within {selftest.LIMIT_S:g} s, which a very busy host may need and more"
    if outcome.found_s is None:
        return f"the burn was not found {late}"
    if outcome.explained_s is None:
        return f"the burn was found, and not explained {late}"
    if outcome.owner != f"{selftest.BURN}.service":
        return f"the burn was explained as kept by {outcome.owner}, which is wrong: {PROGRAM} doctor"
    return f"the burn was found and explained, and no alert was written {late}"


def _report_rules() -> None:
    """Which rules call somebody, where to, and what is left to do."""
    from runaway_watchdog.config.faults import ConfigurationFaults

    try:
        configuration, told = rules.in_force(Path(host.CONFIG))
    except ConfigurationFaults as faults:
        print(f"\nThe configuration has faults, and the service goes on with what it had:\n{faults}")
    else:
        print("\nThe rules in force, which wait longer than the test did:")
        wide = [max(len(each[column]) for each in told) for column in (0, 1)]
        for each in told:
            print(f"  {each.name:<{wide[0]}}  {each.when:<{wide[1]}}  {each.then}")
        where = ", ".join(configuration.labels) or "the journal alone: nobody is called yet"
        print(f"Messages go to {where}")
    print(
        f"\nNext:\n"
        f"  {host.CONFIG}   where alerts go: mail, Slack, 100 more\n"
        f"  systemctl reload {PROGRAM}   after each change of it\n"
        f"  {PROGRAM} test-alert   does a message arrive?\n"
        f"  {PROGRAM} doctor   does it see all it needs to see here?"
    )
