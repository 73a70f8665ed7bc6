"""Heavy work that is meant to be there: say so once, and nobody is woken for it at that time of the day.

It is still listed and explained; if it goes on after its time it is told of. Without any option: what is expected.

exit code: 0, 1 the store cannot be read or written, 2 usage, 3 no expectation of that number
"""

import argparse
import time
from datetime import date, datetime, time as time_of_day, timedelta
from pathlib import Path

from runaway_watchdog.cli import PROGRAM, reading
from runaway_watchdog.cli.changing import changing
from runaway_watchdog.cli.options import no_color
from runaway_watchdog.config import locate
from runaway_watchdog.config.windows import format_window, parse_window
from runaway_watchdog.hostile import clean, printable
from runaway_watchdog.model.user_input import Expectation, Window
from runaway_watchdog.store import user_input
from runaway_watchdog.store.database import StoreUnavailable, reading as reading_store


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--unit", type=_unit, metavar="NAME", help="the unit; * and ? stand for any characters")
    parser.add_argument("--between", type=_window, metavar="02:00-04:00", help="local time; over midnight as well")
    parser.add_argument("--until", type=_last_day, metavar="DATE", help="the last day on which it holds: 2026-12-31")
    parser.add_argument("--remove", type=int, metavar="N", help="no longer expect the one with this number")
    parser.add_argument("--config", type=Path, metavar="FILE", help="read this configuration file alone")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    no_color(parser)
    parser.usage = f"{PROGRAM} expect [--unit NAME --between 02:00-04:00 [--until DATE] | --remove N] [--json]"


def run(options: argparse.Namespace) -> int:
    adding = options.unit is not None or options.between is not None or options.until is not None
    if adding and (options.unit is None or options.between is None or options.remove is not None):
        reading.complain(f"say which, and when: {PROGRAM} expect --unit backup.service --between 02:00-04:00")
        return reading.USAGE
    path = reading.store_told(options)
    try:
        if adding:
            return _add(path, Expectation(options.unit, options.between, options.until), as_json=options.json)
        if options.remove is not None:
            return _remove(path, options.remove, as_json=options.json)
        return _list(path, options)
    except StoreUnavailable as unavailable:
        reading.complain(f"{unavailable.problem}; {unavailable.fix}")
        return 1


def _add(path: Path, expectation: Expectation, *, as_json: bool) -> int:
    with changing(path) as store:
        number = user_input.expect(store, expectation, time.time())
    if as_json:
        reading.print_json({"schema_version": 1, "expected": [_document(expectation._replace(id=number))]})
        return 0
    print(f"Expected, as number {number}: {_words(expectation)}. Undo: {PROGRAM} expect --remove {number}")
    return 0


def _remove(path: Path, number: int, *, as_json: bool) -> int:
    with changing(path) as store:
        removed = user_input.no_longer_expect(store, number)
    if not removed:
        reading.complain(f"no expectation has the number {number}; `{PROGRAM} expect` lists them")
        return reading.NO_SUCH
    if as_json:
        reading.print_json({"schema_version": 1, "removed": number})
    else:
        print(f"Number {number} is no longer expected.")
    return 0


def _list(path: Path, options: argparse.Namespace) -> int:
    with reading_store(path) as store:
        known = user_input.expectations(store)
    now = time.time()
    known = tuple(each for each in known if each.until is None or each.until > now)
    configured = _configured(options)
    if options.json:
        reading.print_json({"schema_version": 1, "expected": [_document(each) for each in (*configured, *known)]})
        return 0
    if not known and not configured:
        print(f"Nothing is expected. Say so: {PROGRAM} expect --unit backup.service --between 02:00-04:00")
    for each in configured:
        print(f"config  {_words(each)}")
    for each in known:
        print(f"{each.id:6}  {_words(each)}")
    return 0


def _configured(options: argparse.Namespace) -> tuple[Expectation, ...]:
    """Those of the configuration that can be read; `check-config` tells of the others."""
    raw, _ = locate.read_raw(locate.config_files(options.config, locate.here()))
    found = []
    entries = raw.get("expect")
    for each in entries if isinstance(entries, list) else []:
        try:
            until = _end_of(each["until"]) if "until" in each else None
            found.append(Expectation(str(each["unit"]), parse_window(each["between"]), until))
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
    return tuple(found)


def _words(expectation: Expectation) -> str:
    until = "" if expectation.until is None else f", to the end of {_day(expectation.until)}"
    return f"{clean(expectation.unit, 200)} between {format_window(expectation.window)}{until}"


def _document(expectation: Expectation) -> dict[str, object]:
    return {
        "id": expectation.id or None,
        "unit": printable(expectation.unit),
        "between": format_window(expectation.window),
        "until": None if expectation.until is None else _day(expectation.until),
        "source": "command" if expectation.id else "configuration",
    }


def _day(until: float) -> str:
    """The last day on which it holds."""
    return (datetime.fromtimestamp(until) - timedelta(seconds=1)).date().isoformat()


def _unit(text: str) -> str:
    if not 0 < len(text) <= 500 or not text.isprintable():
        raise argparse.ArgumentTypeError("a unit's name has 1 to 500 characters, such as backup.service")
    return text


def _window(text: str) -> Window:
    try:
        return parse_window(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(f"{text!r} {fault}") from None


def _last_day(text: str) -> float:
    try:
        end = _end_of(date.fromisoformat(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2026-12-31") from None
    if end <= time.time():
        raise argparse.ArgumentTypeError(f"{text} is over")
    return end


def _end_of(day: date) -> float:
    return datetime.combine(day + timedelta(days=1), time_of_day()).timestamp()
