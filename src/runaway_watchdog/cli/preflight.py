"""What a shell line would stop, change and delete on this host right now, which data would be
lost, and whether it would end a runaway at all. It runs nothing and changes nothing.

Quote the whole line: without quotes the shell itself would run what follows && and expand
$(…) before it gets here. A plain command of several words may follow `--`.

exit code: 0 nothing lost or interrupted, 10 interrupts service, 20 destroys data,
30 cannot tell, 40 nothing to do in this folder, 2 usage
"""

import argparse
import os
import signal
import sys
from collections.abc import Iterable
from functools import partial
from shlex import join
from typing import TYPE_CHECKING

from runaway_watchdog.cli import USAGE, reading
from runaway_watchdog.cli.options import reading_options
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.world import Unanswered, World, live, procfs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runaway_watchdog.preflight.helps import Helps
    from runaway_watchdog.preflight.safer import Safer
    from runaway_watchdog.preflight.sequence import Preflight

EXAMPLES = """\
examples:
  sudo runaway-watchdog preflight 'docker compose down -v'
  sudo runaway-watchdog preflight 'kill -9 $(pgrep tesseract)' --for 3355
  sudo runaway-watchdog preflight - < deploy.sh
  sudo runaway-watchdog preflight -- docker volume prune -f
"""
LONGEST_LINE = 1 << 18
PID_MAX = 2**22
EXPLAINING_S = 1.0
"""For `helps` and `safer` where somebody waits with a line that would destroy data."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "line", nargs="+", metavar="'SHELL LINE'", help="the line; - reads it from standard input; or -- COMMAND ARG…"
    )
    parser.add_argument("--for", dest="pid", type=_pid, metavar="PID", help="would it end this process?")
    # For the guard: the verdict as a document of its own, before anything is looked up that only explains it.
    parser.add_argument("--verdict-first", action="store_true", help=argparse.SUPPRESS)
    reading_options(parser)
    parser.epilog = EXAMPLES


def _pid(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not 0 < number <= PID_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not a PID: a number from 1 to {PID_MAX}")
    return number


def run(options: argparse.Namespace) -> int:
    from runaway_watchdog.preflight import sequence
    from runaway_watchdog.preflight.verdict import EXIT_CODES, verdict

    line = _line(options.line)
    if line is None:
        reading.complain("the line is empty, or longer than anybody types")
        return USAGE
    world = live()
    shell = sequence.Shell(os.environ, _folder(), os.path.expanduser("~"))
    judge = partial(sequence.judge, world=world, shell=shell)
    found = judge(line)
    if options.verdict_first:
        _verdict_first(found)
        if not found.lost:
            return EXIT_CODES[verdict(found)]
    pid = options.pid if options.pid is not None else _open_incident(options, world)
    try:
        told = None if pid is None else _helps(options, found, pid, world)
    except _NotSeenError as fault:
        reading.complain(str(fault))
        return USAGE
    # What an open incident is about is nobody's wish here unless the line means it.
    meant = told is not None and (options.pid is not None or bool(told.ends))
    proposals = _safer(found, world, pid if meant else None, judge)
    if told is not None and told.ends is None and not meant:
        told = None
    _show(options, found, told, proposals, world)
    return EXIT_CODES[verdict(found)]


class _NotSeenError(Exception):
    """The process that was asked about cannot be seen; the text says why, for the user."""


def _helps(options: argparse.Namespace, found: "Preflight", pid: int, world: World) -> "Helps | None":
    """What the line does to the process; None where it is an open incident's and cannot be seen any more.

    Raises _NotSeenError where the user asked about it.
    """
    from runaway_watchdog.preflight.helps import helps

    try:
        return helps(found, pid, world)
    except procfs.NoSuchProcessError:
        why = f"no process {pid} on this host"
    except Unanswered as unanswered:
        why = f"{unanswered.gap.problem}: {unanswered.gap.fix}"
    if options.pid is not None:
        raise _NotSeenError(why)
    return None


def _safer(found: "Preflight", world: World, pid: int | None, judge: "Callable[[str], Preflight]") -> "Sequence[Safer]":
    if not found.effects:  # then nothing could be safer, and what finds it is not loaded
        return ()
    from runaway_watchdog.preflight.safer import safer

    return safer(found, world, pid, judge)


def _verdict_first(found: "Preflight") -> None:
    """Print the verdict; what comes after it has EXPLAINING_S, whatever it hangs at: the kernel ends this process."""
    from runaway_watchdog.preflight.document import to_json

    reading.print_json(to_json(found, None, ()))
    sys.stdout.flush()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, min(EXPLAINING_S, signal.getitimer(signal.ITIMER_REAL)[0] or EXPLAINING_S))


def _line(words: list[str]) -> str | None:
    """The line as it would be typed: one quoted word, standard input, or the words of one plain command."""
    typed = words[0] if len(words) == 1 else join(words)
    text = sys.stdin.read(LONGEST_LINE + 1).rstrip("\n") if typed == "-" else typed
    return text if text.strip() and len(text) <= LONGEST_LINE else None


def _folder() -> str | None:
    """Where the line would run; None where that folder is gone."""
    try:
        return os.getcwd()
    except OSError:
        return None


def _open_incident(options: argparse.Namespace, world: World) -> int | None:
    """The process of the newest open incident, if there is one and the store can be read."""
    from runaway_watchdog.config import locate

    path, gaps = reading.store_path(options)
    _complain(gaps)
    if not locate.may_exist(path):
        return None  # the watch has not run here
    import sqlite3

    from runaway_watchdog.store import queries
    from runaway_watchdog.store.database import StoreUnavailable, connect, unavailable

    try:
        connection = connect(path, readonly=True)
    except StoreUnavailable as fault:
        _complain(reading.store_gap(path, fault))
        return None
    try:
        for incident in queries.incidents(connection, "open"):
            newest = queries.newest_process(connection, incident.lineage_id)
            if newest is not None and newest.died_at is None and _lives(newest.key, world):
                return newest.key.pid
    except sqlite3.Error as fault:
        _complain(reading.store_gap(path, unavailable(fault, str(path))))
    finally:
        connection.close()
    return None


def _complain(gaps: Iterable[Gap]) -> None:
    for gap in gaps:
        reading.complain(f"whether a runaway is open is not known for sure: {gap.problem}: {gap.fix}")


def _lives(key: ProcKey, world: World) -> bool:
    """Whether that very process is there, and not another that has its PID now."""
    try:
        stat = procfs.stat_of(world.files, key.pid)
    except (OSError, ValueError):
        return False
    return stat.start_ticks == key.start_ticks


def _show(
    options: argparse.Namespace, found: "Preflight", told: "Helps | None", proposals: "Sequence[Safer]", world: World
) -> None:
    if options.json:
        from runaway_watchdog.preflight.document import to_json

        reading.print_json(to_json(found, told, proposals))
        return
    from runaway_watchdog.preflight.text import text
    from runaway_watchdog.render.text import Style

    style = Style.ANSI if reading.colours(options) else Style.PLAIN
    print(text(found, told, proposals, style=style, now=world.clock.now()))
