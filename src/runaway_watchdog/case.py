"""One case: born for an incident, or a few at once, gone in seconds. Explains as `explain` does, and fills the outbox.

`python -m runaway_watchdog.case --config-fd N`, with CaseRequests as a JSON array on standard input. Its starter has
set an alarm that ends it; if it fails the watch tries each again by itself, and after three times tells what it knows.
Exit code 0: all are seen to; 16 and a number: only so many, the first ones, and the time for more is over.
`… --units FOLDER`: it may not send by itself, and asks the senders' unit, whose socket is in that folder.
"""

import argparse
import json
import sqlite3
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from runaway_watchdog.explain import down
from runaway_watchdog.explain.casefile import explain
from runaway_watchdog.explain.named import busiest_first, short_of, users
from runaway_watchdog.explain.records import NoRecords, Records
from runaway_watchdog.explain.storerecords import open_records
from runaway_watchdog.handover import LOG, read_configuration
from runaway_watchdog.model.casefile import CaseFile, suspicious
from runaway_watchdog.model.events import CaseRequest
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.process import CpuShare
from runaway_watchdog.render.document import to_json
from runaway_watchdog.render.message import CRITICAL, Incident, Message, fallback, message
from runaway_watchdog.render.pressure import of_pressure
from runaway_watchdog.render.shortage import sentence
from runaway_watchdog.starting import SEEN_TO, SENDER, Starter, starter
from runaway_watchdog.store import curves, queries, records
from runaway_watchdog.store.database import (
    STORE_IS_DAMAGED,
    StoreUnavailable,
    connect,
    is_corrupt,
    transaction,
    unavailable,
)
from runaway_watchdog.store.telling import tell
from runaway_watchdog.world import Unanswered, World, live, procfs

SENDER_LIMIT_S = 120
BUDGET_S = 20.0
"""No other explanation is begun after this: one may take as long as its starter's alarm leaves."""
ENGINE_KNOWS = ("container", "project", "image")
CURVE_S = 1800.0


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="runaway_watchdog.case")
    parser.add_argument("--config-fd", type=int, required=True)
    parser.add_argument("--units", metavar="FOLDER")
    options = parser.parse_args(argv)
    LOG.begin(process="case")
    bench = _Bench(live(), read_configuration(options.config_fd), options.units, options.config_fd)
    begun, damaged = time.monotonic(), False
    for number, case_request in enumerate(CaseRequest.several_from_json(sys.stdin.read())):
        if number and not damaged and time.monotonic() - begun > BUDGET_S:
            return SEEN_TO + number
        damaged = _see_to(case_request, bench) or damaged
    return STORE_IS_DAMAGED if damaged else 0


class _Bench(NamedTuple):
    """What all the requests of one process share. What an engine or a manager has answered, or that it did not, holds
    for all of them: it is as old as it may be in one explanation on a host where that takes as long."""

    world: World
    compiled: dict[str, Any]
    units: str | None
    config_fd: int

    @property
    def store(self) -> Path:
        return Path(self.compiled["store"]["path"])

    @property
    def channels(self) -> list[str]:
        named: list[str] = self.compiled["alerts"]["channels"]
        return named


def _see_to(case_request: CaseRequest, bench: _Bench) -> bool:
    """Explain, keep and tell. Returns whether the store is damaged."""
    world, store = bench.world, bench.store
    of_host = case_request.rule_kind == "pressure"
    case, damaged = (None, False) if of_host else _with_what_is_kept(world, store, case_request)
    rules = bench.compiled["rules"]
    only: dict[str, str] = next((rule["only"] for rule in rules if rule["name"] == case_request.rule), {})
    if case is not None and not means(only, case):
        _keep_back(store, case_request, world.clock.now())
        return damaged
    if case_request.kind == "recorded" and case is not None and suspicious(case.signs):
        case_request = case_request._replace(kind="opened", severity="critical")  # an intruder is worth waking somebody
    silent = case_request.kind in ("suspect", "recorded")
    told = None if silent else _message(case, case_request, world, _curve(store, case_request, world))
    refused = False
    try:
        _keep(store, case_request, case, told, bench.channels, world.clock.now())
    except (StoreUnavailable, sqlite3.Error) as fault:
        LOG.warning("store-refused", then="delivering from memory", error=str(fault), incident=case_request.incident_id)
        refused, damaged = True, damaged or _means_damage(fault)
    if told is not None and (refused or damaged):
        # A full or broken disk must not swallow the alert: it goes out from memory.
        _deliver_now(told, bench.channels, starter(bench.units), bench.config_fd)
    return damaged


def _with_what_is_kept(world: World, store: Path, case_request: CaseRequest) -> tuple[CaseFile | None, bool]:
    """The explanation, and whether the store is damaged: where it breaks while it is read, that does without."""
    try:
        return investigate(world, open_records(store), case_request), False
    except sqlite3.Error as fault:
        LOG.warning("store-refused", then="explaining without it", error=str(fault), incident=case_request.incident_id)
        why = unavailable(fault, str(store))
        gap = Gap("store", why.problem, why.fix)
        return investigate(world, NoRecords(gap), case_request), _means_damage(fault)


def _means_damage(fault: BaseException) -> bool:
    return is_corrupt(fault) or (fault.__cause__ is not None and is_corrupt(fault.__cause__))


def investigate(world: World, known: Records, case_request: CaseRequest) -> CaseFile | None:
    """Explain the process that the watch saw, or whoever does its work now, or tell what was known of it last.

    None where neither a living process nor an earlier explanation is left.
    """
    if case_request.rule_kind == "restarts" and not case_request.unseen:
        return _of_loop(world, known, case_request)
    instead = [] if case_request.unseen else busiest_first(world, case_request.group)  # it is over, whoever is there
    trace = known.trace(case_request.pid)
    next_one = () if trace is None or trace.living is None else (trace.living.pid,)
    for pid in (case_request.pid, *next_one, *instead):
        try:
            case = explain(world, known, pid) if pid > 0 else None
        except (procfs.NoSuchProcessError, Unanswered):
            continue
        if case is None or case.process.state == "zombie" or _someone_else(case, pid, case_request):
            continue
        return case
    return None if trace is None else trace.last


def _of_loop(world: World, known: Records, case_request: CaseRequest) -> CaseFile | None:
    """What a restart loop is about as a whole: who lives in it just now may be a bystander."""
    try:
        case = down.of_group(world, known, case_request.group)
    except Unanswered as unanswered:
        LOG.warning("group-not-explained", group=case_request.group, reason=unanswered.gap.problem)
        return None
    return case if case is not None else _newest_of(world, known, case_request)


def _newest_of(world: World, known: Records, case_request: CaseRequest) -> CaseFile | None:
    """Of a group that is nobody's: the process that came back last."""
    trace = known.trace(case_request.pid) if case_request.pid else None
    if trace is None:
        return None
    try:
        return explain(world, known, trace.living.pid) if trace.living is not None else trace.last
    except (procfs.NoSuchProcessError, Unanswered):
        return trace.last


def means(only: Mapping[str, str], case: CaseFile) -> bool:
    """Does a rule speak of this container, project and image? The watch cannot know: only their engine does.

    `only` holds a shell's pattern for each; one owner has to fit them all.
    """
    asked = {what: pattern for what, pattern in only.items() if what in ENGINE_KNOWS}
    return not asked or any(
        all(fnmatchcase(str(owner.facts.get(what, "")), pattern) for what, pattern in asked.items())
        for owner in case.owners
    )


def _keep_back(store: Path, case_request: CaseRequest, now: float) -> None:
    """The rule means others: the incident ends before anybody is told of it."""
    if case_request.incident_id:
        try:
            with closing(connect(store)) as connection, transaction(connection):
                records.withdraw_incident(connection, case_request.incident_id, now)
        except (StoreUnavailable, sqlite3.Error) as fault:
            LOG.warning("store-refused", then="nothing is told", error=str(fault), incident=case_request.incident_id)


def _someone_else(case: CaseFile, pid: int, case_request: CaseRequest) -> bool:
    """Whether the requested PID has been given to another process since."""
    return pid == case_request.pid and case.process.key.start_ticks != case_request.start_ticks


def _curve(store: Path, case_request: CaseRequest, world: World) -> tuple[curves.Point, ...]:
    """The CPU of the incident's group since half an hour before it was opened; nothing where no store answers."""
    try:
        with closing(connect(store)) as connection:
            return curves.curve(connection, case_request.group, case_request.opened_at - CURVE_S, world.clock.now())
    except (StoreUnavailable, sqlite3.Error):
        return ()


def _message(
    case: CaseFile | None, case_request: CaseRequest, world: World, curve: tuple[curves.Point, ...] = ()
) -> Message:
    now = world.clock.now()
    if case_request.rule_kind == "pressure":
        return of_pressure(case_request, users(world, case_request.busiest), short_of(world), now, world.host)
    if case is None or case_request.kind == "suspect":
        of_loop = case_request.rule_kind == "restarts"
        reason = "its manager did not answer" if of_loop else "it ended before it could be looked at"
        return fallback(case_request, now, host=world.host, reason=reason)
    if case.process.key.start_ticks == case_request.start_ticks:
        # What the rule saw over its window says more than the tenth of a second of this very moment.
        case = case._replace(cpu=CpuShare(case_request.percent, case_request.window_s))
    about = Incident.of(case_request, curve, to_json(case))._replace(short=sentence(short_of(world)))
    return message(case, case_request.kind, now, about)


def _keep(
    store: Path, case_request: CaseRequest, case: CaseFile | None, told: Message | None, channels: list[str], now: float
) -> None:
    """The explanation and the messages in one transaction: a case that runs twice leaves no more than one.

    Both are written out before it begins: the watch waits for the store's lock, and must not wait for that.
    """
    document = None if case is None or case_request.kind == "resolved" else json.dumps(to_json(case))
    message_json = None if told is None else told.to_json()
    connection = connect(store)
    try:
        with transaction(connection):
            lineage_id = queries.lineage_id_of(connection, case_request.lineage)
            if document is not None and lineage_id is not None:
                queries.save_case_file(connection, lineage_id, document, now)
            if told is not None and message_json is not None:
                if case_request.kind == "opened":
                    queries.set_summary(connection, case_request.incident_id, told.subject.removeprefix(CRITICAL))
                tell(connection, case_request, channels, message_json, now)
    finally:
        connection.close()


def _deliver_now(told: Message, channels: list[str], senders: Starter, config_fd: int) -> None:
    """One sender for each channel, each by itself: a channel that hangs delays no other, nor one that nobody starts."""
    for channel in channels:
        words = ["--channel", channel, "--direct"]
        try:
            senders.start(SENDER, words, seconds=SENDER_LIMIT_S, stdin=told.to_json().encode(), config_fd=config_fd)
        except OSError as fault:
            LOG.warning("sender-not-started", channel=channel, error=str(fault))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
