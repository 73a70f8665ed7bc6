"""What `explain` and `plan` share: the case that the options name, and how it is shown.

Importing it takes as long as all that the host is asked, so the first look at the process is taken before (`glance`).
"""

import argparse
import os
import sqlite3
import sys
import time
from collections.abc import Callable
from typing import Final

from runaway_watchdog.cli import PROGRAM, USAGE, reading, selection
from runaway_watchdog.cli.reading import GAPS, NO_SUCH
from runaway_watchdog.explain.casefile import explain
from runaway_watchdog.explain.records import NoRecords, Recorded, Records, Trace
from runaway_watchdog.explain.storerecords import open_records
from runaway_watchdog.glance import Glance
from runaway_watchdog.hostile import clean, printable
from runaway_watchdog.masking import mask_argv
from runaway_watchdog.model.casefile import CaseFile
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.render.text import Style, text
from runaway_watchdog.store.database import unavailable
from runaway_watchdog.world import Unanswered, World, live, procfs

Tell = Callable[[argparse.Namespace, CaseFile, World], int]
"""Shows a case; returns the exit code, 0 where all was told."""
AS_RECORDED: Final = "its owner and policy are told as the watch saw them last, and not asked for again"
TRIES: Final = 3
"""A container or unit in a restart loop has another process a moment after it was asked for it."""


def about(options: argparse.Namespace, tell: Tell, seen: Glance | None) -> int:
    """Find the case that the options name and let `tell` show it; its exit code, where that is not 0, is ours.

    `seen`: a first look at `options.pid`, where one was named.
    """
    path, gaps = reading.store_path(options)
    records = open_records(path, gaps)
    try:
        try:
            pid, case, world = _case(options, records, seen)
        except sqlite3.Error as fault:  # a file that opened, and breaks where it is read
            why = unavailable(fault, str(path))
            records = NoRecords(*gaps, Gap("store", why.problem, why.fix))
            pid, case, world = _case(options, records, seen)
    except selection.SelectionError as error:
        return _not_one(error, as_json=options.json)
    except Unanswered as unanswered:
        return reading.unseen(unanswered.gap, as_json=options.json)
    if case is None:
        reading.complain(_nothing_known(options, records, pid))
        return NO_SUCH
    case = case._replace(gaps=reading.as_whom(case.gaps, os.geteuid()))
    return tell(options, case, world) or (GAPS if case.gaps else 0)


def _case(options: argparse.Namespace, records: Records, seen: Glance | None) -> tuple[int, CaseFile | None, World]:
    """The PID that is meant, its case (None where nothing is known of it), and the world that was asked.

    Raises SelectionError, Unanswered.
    """
    for _ in range(TRIES):
        world = live()  # anew: it keeps what it was answered
        try:
            pid = selection.pid_of(options, world, records)
            meant = None if options.incident is None else selection.by_incident(records, options.incident)
        except selection.Down as down:
            return 0, down.explain(world, records), world
        case = find(world, records, pid, seen, meant)
        if case is not None or options.pid is not None:
            break
    return pid, case, world


def _not_one(error: selection.SelectionError, *, as_json: bool) -> int:
    """Nothing fits, or several do: those are listed, as other people's processes call themselves."""
    reading.complain(str(error))
    matches = [(each.pid, clean(each.name, 16), mask_argv(each.cmdline)) for each in error.matches]
    if matches and as_json:
        keys = ("pid", "name", "cmdline")
        shown = [(pid, name, [printable(word) for word in words]) for pid, name, words in matches]
        reading.print_json({"schema_version": 1, "matches": [dict(zip(keys, each, strict=True)) for each in shown]})
    elif matches:
        for pid, name, words in matches:
            print(f"  {pid:>7}  {name:<16} {clean(' '.join(words), 100)}", file=sys.stderr)
        print(f"name one by its PID: {PROGRAM} explain {matches[0][0]}", file=sys.stderr)
    return USAGE if error.usage else NO_SUCH


def find(
    world: World, records: Records, pid: int, seen: Glance | None = None, meant: Recorded | None = None
) -> CaseFile | None:
    """The case of a living PID; of the process that took a dead one's place; or the last that was known of it.

    `meant`: this process of that PID, and no other that may have it by now. None: nothing is known. Raises Unanswered
    for a living one that is hidden from us.
    """
    try:
        case = explain(world, records, pid, seen=seen)
    except procfs.NoSuchProcessError:
        trace = records.trace(pid) if meant is None else records.trace_of(meant)
    else:
        if (trace := _of_a_zombie(case, records)) is not None:
            pass  # it is dead, and only its parent has not asked for its exit code: another one does its work
        elif meant is None:
            return _with_earlier(case, records.trace(pid, other_than=case.process))
        elif meant.is_it(case.process):
            return case
        else:
            trace = records.trace_of(meant)
    if trace is None:
        return None
    if trace.living is not None:
        try:
            case = explain(world, records, trace.living.pid, asked_pid=pid)
        except procfs.NoSuchProcessError:
            return _as_recorded(trace.last)
        if case.process.key.start_ticks == trace.living.start_ticks:
            return case
    return _as_recorded(trace.last)


def _of_a_zombie(case: CaseFile, records: Records) -> Trace | None:
    """What the watch saw of it, where another process took its place."""
    trace = records.trace(case.process.pid) if case.process.state == "zombie" else None
    living = None if trace is None or not trace.recorded.is_it(case.process) else trace.living
    return None if living is None else trace


def _with_earlier(case: CaseFile, earlier: Trace | None) -> CaseFile:
    """A PID that had another story before: it is told of, and where to read it."""
    if earlier is None:
        return case
    where = "" if earlier.incident is None else f": `{PROGRAM} explain --incident {earlier.incident}` tells its story"
    was = f"before, PID {case.process.pid} was {clean(earlier.recorded.name, 16)}, which {_ended(earlier.recorded)}"
    return case._replace(condition=(*case.condition, f"{was}{where}"))


def _ended(recorded: Recorded) -> str:
    seen, at = ("ended", recorded.died_at) if recorded.died_at is not None else ("was seen last", recorded.seen_at)
    return f"{seen} {time.strftime('%Y-%m-%d %H:%M', time.localtime(at))}"


def _as_recorded(last: CaseFile | None) -> CaseFile | None:
    """Its owner may have been changed, or removed, since: that is said."""
    return None if last is None else last._replace(condition=(*last.condition, AS_RECORDED))


def show(options: argparse.Namespace, case: CaseFile, world: World) -> int:
    if options.json:
        from runaway_watchdog.render.document import to_json

        reading.print_json(to_json(case))
    else:
        style = Style.ANSI if reading.colours(options) else Style.PLAIN
        print(text(case, style=style, verbose=options.verbose, now=world.clock.now()))
    return 0


def _nothing_known(options: argparse.Namespace, records: Records, pid: int) -> str:
    told = "".join(f"; {gap.problem}: {gap.fix}" for gap in records.gaps())
    meant = None if options.incident is None else records.incident_process(options.incident)
    trace = records.trace(pid) if meant is None else records.trace_of(meant)
    if trace is None:
        return f"no process {pid} on this host, and the watch has recorded none{told}"
    was = f"{clean(trace.recorded.name, 16)} (PID {pid}) {_ended(trace.recorded)}"
    where = "" if trace.incident is None else f": {PROGRAM} incidents show {trace.incident}"
    return f"{was}, and the watch kept no explanation of it{where}{told}"
