"""The watch as metrics for Prometheus: printed, written for node_exporter's textfile collector, or
answered over HTTP. Read from the watch's store by this process: the watch itself knows nothing of it.

  runaway-watchdog metrics --textfile /var/lib/prometheus/node-exporter/runaway-watchdog.prom
  runaway-watchdog metrics --listen 9764        GET http://127.0.0.1:9764/metrics

exit code: 0, 1 the store could not be read (the metrics say so), or the file or address could not be had
"""

import argparse
import ipaddress
from collections.abc import Iterable
from pathlib import Path

from runaway_watchdog.atomic_write import write_whole
from runaway_watchdog.cli import reading, vitals
from runaway_watchdog.hostile import clean
from runaway_watchdog.metrics import families
from runaway_watchdog.metrics.exposition import exposition
from runaway_watchdog.store.database import StoreUnavailable, reading as reading_store
from runaway_watchdog.world import live

LOOPBACK = "127.0.0.1"


def arguments(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--textfile", type=Path, metavar="FILE", help="write this file, whole; its folder must be there")
    where.add_argument(
        "--listen", type=address, metavar="PORT", help="answer scrapes on this port of 127.0.0.1, or on ADDRESS:PORT"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="read this configuration file alone")


def address(text: str) -> tuple[str, int]:
    """PORT, ADDRESS:PORT or [ADDRESS]:PORT, as argparse takes it."""
    host, _, digits = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or LOOPBACK
    port = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 6 else 0
    try:
        ipaddress.ip_address(host)
    except ValueError:
        port = 0
    if not 0 < port < 2**16:
        raise argparse.ArgumentTypeError(f"{clean(text, 60)!r} is not PORT or ADDRESS:PORT, as in 127.0.0.1:9764")
    return host, port


def run(options: argparse.Namespace) -> int:
    try:
        if options.listen is not None:
            return _listen(options)
        told, problems = tell(options)
        _complain(problems)
        if options.textfile is None:
            print(told, end="")
        else:
            write_whole(options.textfile, told, 0o644)  # node_exporter runs as a user of its own
    except OSError as fault:
        reading.complain(f"{_where(options)}: {fault.strerror or fault}")
        return 1
    return 1 if problems else 0


def tell(options: argparse.Namespace) -> tuple[str, tuple[str, ...]]:
    """The metrics, and what could not be read; a world of its own each time, which asks anew."""
    path, gaps = reading.store_path(options)
    problems = [f"{gap.problem}: {gap.fix}" for gap in gaps]
    try:
        with reading_store(path) as connection:
            seen = vitals.look(connection, live())
            cost = seen.cost
            watch = families.Watch(seen.pulse == "alive", cost and cost.cpu_s, cost and cost.memory_bytes)
            told = families.families(connection, watch)
    except StoreUnavailable as unavailable:
        problems.append(f"{unavailable.problem}; {unavailable.fix}")
        told = families.unread()
    return exposition(told), tuple(problems)


def _listen(options: argparse.Namespace) -> int:
    from runaway_watchdog.metrics.endpoint import serve  # asyncio

    host, port = options.listen
    if not ipaddress.ip_address(host).is_loopback:
        reading.complain(f"whoever reaches {host} can read these metrics: there is neither a login nor encryption")
    said: tuple[str, ...] = ()

    def telling() -> str:
        nonlocal said
        told, problems = tell(options)
        if problems != said:  # once, and not at each scrape
            _complain(problems)
            said = problems
        return told

    serve(host, port, telling)
    return 0


def _complain(problems: Iterable[str]) -> None:
    for problem in problems:
        reading.complain(problem)


def _where(options: argparse.Namespace) -> str:
    if options.listen is not None:
        return f"{options.listen[0]} port {options.listen[1]}"
    return str(options.textfile)
