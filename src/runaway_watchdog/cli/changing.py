"""What the commands share that write into the store what people say: `ack` and `expect`."""

import argparse
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from runaway_watchdog.config.durations import parse_duration
from runaway_watchdog.store.database import connect, transaction, unavailable


@contextmanager
def changing(path: Path) -> Iterator[sqlite3.Connection]:
    """The store, in one transaction. It has to be there: only the watch makes it. Raises StoreUnavailable."""
    try:
        there = path.exists()
    except OSError as fault:  # its folder is not ours to look into
        raise unavailable(fault, str(path)) from fault
    if not there:
        raise unavailable(FileNotFoundError(), str(path))
    try:
        with closing(connect(path)) as connection, transaction(connection):
            yield connection
    except sqlite3.Error as fault:
        raise unavailable(fault, str(path)) from fault


def lasting(text: str) -> float:
    """A duration as argparse takes it: "2h"."""
    try:
        return parse_duration(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'{text!r} is not a duration such as "30m", "2h" or "3d"') from None
