"""The metrics: is there a watch, what has it found, does anybody hear of it, and what does it cost?

A label here holds one of a few words, or the name of a configured channel: nothing that a process, a container or a
user chooses, so that a host makes a few dozen series, whatever happens on it. Who burns is what `explain` tells.
"""

import sqlite3
from collections import Counter
from collections.abc import Mapping
from itertools import product
from typing import Final, NamedTuple, get_args

from runaway_watchdog import __version__
from runaway_watchdog.hostile import clean
from runaway_watchdog.metrics.exposition import Family, Kind, Sample
from runaway_watchdog.store import outbox, queries
from runaway_watchdog.store.liveness import Liveness, last_liveness
from runaway_watchdog.watch.harm import Severity

STATES: Final = ("open", "acknowledged")
SEVERITIES: Final[tuple[str, ...]] = get_args(Severity)


class Watch(NamedTuple):
    """What /proc shows of it. None: it is not told there."""

    looks: bool  # it is there, and has looked lately
    cpu_s: float | None
    memory_bytes: int | None


def unread() -> tuple[Family, ...]:
    """Where the store cannot be read: nobody knows whether anything is found, so nothing is said of it."""
    return (_build(), _readable(0))


def families(connection: sqlite3.Connection, watch: Watch) -> tuple[Family, ...]:
    """All that the store tells. Raises sqlite3.Error."""
    return (
        _build(),
        _readable(1),
        *_liveness(last_liveness(connection), watch),
        _incidents(connection),
        *_messages(connection),
    )


def _build() -> Family:
    told = "The version of runaway-watchdog that tells this; always 1."
    return Family("runaway_watchdog_build_info", "gauge", told, (Sample(1, (("version", __version__),)),))


def _readable(value: int) -> Family:
    told = "1: the watch's store could be read. 0: it could not, and nothing else is known."
    return _one("store_readable", "gauge", told, value)


def _liveness(last_told: Liveness | None, watch: Watch) -> tuple[Family, ...]:
    last = {} if last_told is None else last_told._asdict()
    return (
        _one("up", "gauge", "1: the watch is there and has looked at this host in the last minute.", watch.looks),
        _one("last_look_timestamp_seconds", "gauge", "When the watch last looked at this host.", last.get("tick_at")),
        _one("start_timestamp_seconds", "gauge", "When the watch was started.", last.get("started_at")),
        _one("looks_total", "counter", "Looks at this host since the watch was started.", last.get("ticks")),
        _one("writes_lost_total", "counter", "Writes that a full queue or disk refused.", last.get("dropped")),
        _one("cpu_seconds_total", "counter", "CPU time of the watch itself.", watch.cpu_s),
        _one("memory_bytes", "gauge", "Memory of the watch itself.", watch.memory_bytes),
    )


def _one(name: str, kind: Kind, told: str, value: float | None) -> Family:
    """A metric of the whole host; without a sample where the figure is not known."""
    return Family(f"runaway_watchdog_{name}", kind, told, () if value is None else (Sample(value),))


def _incidents(connection: sqlite3.Connection) -> Family:
    """Every state and severity, also those that are 0 now: a rule can then tell the end from silence."""
    found = Counter((each.state, each.severity) for state in STATES for each in queries.incidents(connection, state))
    samples = tuple(
        Sample(found[state, severity], (("state", state), ("severity", severity)))
        for state, severity in product(STATES, SEVERITIES)
    )
    return Family("runaway_watchdog_incidents", "gauge", "Incidents that are not over.", samples)


def _messages(connection: sqlite3.Connection) -> tuple[Family, ...]:
    """How it goes with each channel that was ever tried; its label holds no secret."""
    backlog = {each.channel: each for each in outbox.backlog(connection)}
    failures = {each.channel: each.failures for each in outbox.health(connection)}
    waiting = {**dict.fromkeys(failures, 0), **{name: each.messages for name, each in backlog.items()}}
    oldest = {name: each.oldest_at for name, each in backlog.items()}
    return (
        _by_channel("messages_waiting", "Messages that the channel has not taken yet.", waiting),
        _by_channel("oldest_message_timestamp_seconds", "When the oldest message that waits was written.", oldest),
        _by_channel("channel_failures", "Failures in a row; 0: the channel took the last message.", failures),
    )


def _by_channel(name: str, told: str, figures: Mapping[str, float]) -> Family:
    samples = tuple(Sample(value, (("channel", clean(channel, 100)),)) for channel, value in sorted(figures.items()))
    return Family(f"runaway_watchdog_{name}", "gauge", told, samples)
