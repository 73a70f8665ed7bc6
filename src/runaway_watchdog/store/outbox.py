"""Messages until they are sent: one row for each message and channel, sent at least once.

A channel that failed is tried again after 10 seconds, then after twice as long each time, at most a quarter of an hour
later; one that refuses for good, or a message that alone is refused, after an hour and more, at most a day later.
"""

import sqlite3
from collections.abc import Iterable
from typing import Final, NamedTuple

FIRST_RETRY_S: Final = 10.0
LAST_RETRY_S: Final = 86400.0
LAST_OUTAGE_S: Final = 900.0
"""What passes by itself has passed this long ago at most, when it is noticed."""
LASTING: Final = 10
"""So many failures in a row, which take half an hour, are for good, where one of them may not be."""
REFUSED_S: Final = 3600.0
"""A service that said no for good is asked again when somebody may have mended the configuration."""
MOST_UNANSWERED: Final = 2
"""Whoever got a message so often has it, or will never say so."""
SEVERAL: Final = 3
"""So many messages that are refused in a row say that it is not for what they hold."""
PROBE_S: Final = 300.0
"""A channel that waits is tried this often for the sake of a message that is new."""
_ERROR_LIMIT: Final = 500
_SET_BACK_S: Final = 60.0
"""What was written so far in the future was written before the clock was set back: it waits no longer for its time."""


class OutboxRow(NamedTuple):
    """One message for one channel."""

    id: int
    incident_id: int | None
    kind: str
    channel: str  # its label
    message: str  # JSON: subject, text, html, markdown
    created_at: float
    attempts: int
    urgent: int = 0  # 1: neither quiet hours nor rate limits hold it
    next_at: float = 0.0
    unanswered: int = 0  # so often the service got all of it, and did not say that it took it

    @property
    def name(self) -> str:
        """By which its tries are known for the same message."""
        return f"{self.id}.{self.created_at:.6f}"


def enqueue(
    connection: sqlite3.Connection,
    incident_id: int | None,
    kind: str,
    channel: str,
    message_json: str,
    now: float,
    *,
    urgent: bool = False,
) -> None:
    """Due at once. The very same row again (a write that is repeated) is one row.

    `urgent`: neither quiet hours nor rate limits hold it.
    """
    connection.execute(
        """INSERT OR IGNORE INTO outbox (incident_id, kind, channel, message, created_at, next_at, urgent)
        VALUES (?, ?, ?, ?, ?, ?, ?)""",
        (incident_id, kind, channel, message_json, now, now, urgent),
    )


def due(connection: sqlite3.Connection, now: float, channel: str | None = None) -> tuple[OutboxRow, ...]:
    """What has to be sent now, in the order in which it was written; of one channel, or of all."""
    rows = connection.execute(
        """SELECT id, incident_id, kind, channel, message, created_at, attempts, urgent, next_at, unanswered
        FROM outbox
        WHERE sent_at IS NULL AND (next_at <= ? OR created_at > ?) AND (channel = ? OR ? IS NULL)
        ORDER BY id LIMIT 2000""",
        (now, now + _SET_BACK_S, channel, channel),
    )
    return tuple(OutboxRow(*row) for row in rows)


def due_channels(connection: sqlite3.Connection, now: float) -> tuple[str, ...]:
    """The channels that have something to send now, and may be tried.

    One that failed waits, longer each time; a message that is new is worth a try of its own every few minutes, but for
    a service that asked for more patience than that.
    """
    rows = connection.execute(
        """SELECT channel, min(attempts) FROM outbox WHERE sent_at IS NULL AND (next_at <= ? OR created_at > ?)
        GROUP BY channel ORDER BY channel""",
        (now, now + _SET_BACK_S),
    )
    known = {each.channel: each for each in health(connection)}
    return tuple(name for name, attempts in rows if _may_be_tried(known.get(name), now, is_new=attempts == 0))


def _may_be_tried(channel: "Health | None", now: float, *, is_new: bool) -> bool:
    if channel is None or channel.not_before <= now or channel.tried_at > now + _SET_BACK_S:
        return True
    of_our_own = _wait(channel.failures - 1, permanent=channel.refused_at is not None)
    asked_for = channel.not_before - channel.tried_at > of_our_own + 1
    return is_new and not asked_for and channel.tried_at + PROBE_S <= now


def sent_since(connection: sqlite3.Connection, since: float, channel: str | None = None) -> list[float]:
    """When messages were sent, oldest first, by one channel or by all; what went out as one counts as one."""
    rows = connection.execute(
        """SELECT DISTINCT channel, sent_at FROM outbox WHERE sent_at > ? AND (channel = ? OR ? IS NULL)
        ORDER BY sent_at""",
        (since, channel, channel),
    )
    return [row[1] for row in rows]


def postpone(connection: sqlite3.Connection, row_ids: Iterable[int], until: float) -> None:
    """Not a failure: it is not the time for them."""
    connection.executemany("UPDATE outbox SET next_at = ? WHERE id = ?", [(until, row_id) for row_id in row_ids])


class Health(NamedTuple):
    """How it goes with one channel."""

    channel: str
    failures: int  # in a row
    tried_at: float
    not_before: float
    problem: str | None  # None: it took the last message
    refused_at: float | None  # since when it says no for good
    is_silent: bool = False  # the last message was given to it as often as may be, and it never said that it took it


def health(connection: sqlite3.Connection) -> tuple[Health, ...]:
    """Every channel that was ever tried."""
    rows = connection.execute(
        """SELECT name, failures, tried_at, not_before, problem, refused_at, EXISTS (
            SELECT 1 FROM outbox WHERE outbox.channel = name AND sent_at = tried_at AND problem IS NOT NULL)
        FROM channel ORDER BY name"""
    )
    return tuple(Health(*row)._replace(is_silent=bool(row[-1])) for row in rows)


def worked(connection: sqlite3.Connection, channel: str, now: float) -> None:
    """The channel took a message."""
    connection.execute(
        """INSERT INTO channel (name, tried_at) VALUES (:name, :now) ON CONFLICT DO UPDATE
        SET failures = 0, tried_at = :now, not_before = 0, problem = NULL, refused_at = NULL""",
        {"name": channel, "now": now},
    )


def failed(
    connection: sqlite3.Connection,
    channel: str,
    now: float,
    problem: str,
    *,
    wait_s: float | None,
    permanent: bool,
    if_it_lasts: bool = False,
) -> tuple[float, bool]:
    """The channel did not take a message. Returns when it is tried again, and whether it is news that it refuses.

    `wait_s` is what the service asked for; None: twice as long as the last time. `if_it_lasts`: permanent only then.
    """
    row = connection.execute("SELECT failures, refused_at FROM channel WHERE name = ?", (channel,)).fetchone()
    failures, refused_at = row or (0, None)
    permanent = permanent or (if_it_lasts and failures >= LASTING)
    not_before = now + min(max(_wait(failures, permanent=permanent), wait_s or 0.0), LAST_RETRY_S)
    connection.execute(
        """INSERT INTO channel (name, failures, tried_at, not_before, problem, refused_at)
        VALUES (:name, :failures, :now, :not_before, :problem, :refused_at) ON CONFLICT DO UPDATE
        SET failures = :failures, tried_at = :now, not_before = :not_before, problem = :problem,
            refused_at = :refused_at""",
        {
            "name": channel, "failures": failures + 1, "now": now, "not_before": not_before,
            "problem": problem[:_ERROR_LIMIT], "refused_at": (refused_at or now) if permanent else None,
        },
    )  # fmt: skip
    return not_before, permanent and refused_at is None


def refuses_all(connection: sqlite3.Connection, channel: str, now: float, problem: str) -> bool:
    """Whether it is news that a channel has refused messages about several things in a row, and taken none since.

    Many services answer a wrong token as they answer a message that they do not like. It is tried on as ever.
    """
    refused = connection.execute(
        """SELECT count(DISTINCT coalesce(incident_id, -id)) FROM outbox WHERE channel = :channel AND sent_at IS NULL
            AND attempts > 0 AND id > (
                SELECT coalesce(max(id), 0) FROM outbox WHERE channel = :channel AND sent_at IS NOT NULL)""",
        {"channel": channel},
    ).fetchone()[0]
    known = connection.execute("SELECT refused_at FROM channel WHERE name = ?", (channel,)).fetchone()
    if refused < SEVERAL or (known is not None and known[0] is not None):
        return False
    connection.execute(
        """INSERT INTO channel (name, tried_at, problem, refused_at) VALUES (:name, :now, :problem, :now)
        ON CONFLICT DO UPDATE SET tried_at = :now, problem = :problem, refused_at = :now""",
        {"name": channel, "now": now, "problem": problem[:_ERROR_LIMIT]},
    )
    return True


def hand_over(connection: sqlite3.Connection, channel: str, others: Iterable[str], now: float) -> None:
    """The configuration no longer has this channel: what it has not taken goes through the others that have not had it.

    But for what it was told of others that refuse.
    """
    for other in others:
        connection.execute(
            """INSERT OR IGNORE INTO outbox (incident_id, kind, channel, message, created_at, next_at, urgent)
            SELECT incident_id, kind, :other, message, created_at, :now, urgent FROM outbox AS held
            WHERE channel = :channel AND sent_at IS NULL AND kind != 'refusal' AND NOT EXISTS (
                SELECT 1 FROM outbox AS had WHERE had.channel = :other AND had.kind = held.kind
                    AND had.incident_id IS held.incident_id AND had.created_at = held.created_at)""",
            {"other": other, "now": now, "channel": channel},
        )
    connection.execute("DELETE FROM outbox WHERE channel = ? AND sent_at IS NULL", (channel,))
    connection.execute("DELETE FROM channel WHERE name = ?", (channel,))


class Backlog(NamedTuple):
    """What one channel has not taken yet."""

    channel: str
    messages: int
    oldest_at: float
    last_error: str | None  # of the newest that was tried; None: nothing was tried yet


def backlog(connection: sqlite3.Connection) -> tuple[Backlog, ...]:
    """Each channel that has messages waiting, due or not."""
    rows = connection.execute(
        """SELECT channel, count(*), min(created_at),
            (SELECT last_error FROM outbox AS tried WHERE tried.channel = outbox.channel AND sent_at IS NULL
                AND last_error IS NOT NULL ORDER BY id DESC LIMIT 1)
        FROM outbox WHERE sent_at IS NULL GROUP BY channel ORDER BY channel"""
    )
    return tuple(Backlog(*row) for row in rows)


def was_sent(connection: sqlite3.Connection, incident_id: int) -> bool:
    """Has any channel taken a message of this incident?"""
    row = connection.execute(
        "SELECT 1 FROM outbox WHERE incident_id = ? AND sent_at IS NOT NULL LIMIT 1", (incident_id,)
    ).fetchone()
    return row is not None


def mark_sent(connection: sqlite3.Connection, row_id: int, now: float) -> None:
    """The channel took it."""
    connection.execute(
        "UPDATE outbox SET sent_at = ?, attempts = attempts + 1, last_error = NULL WHERE id = ?", (now, row_id)
    )


def mark_unanswered(connection: sqlite3.Connection, row: OutboxRow, error: str, now: float) -> None:
    """The channel got all of it and said nothing: it may have it. Once more, under the same name, and then no more."""
    sent_at = now if row.unanswered + 1 >= MOST_UNANSWERED else None
    connection.execute(
        """UPDATE outbox SET attempts = attempts + 1, unanswered = unanswered + 1, last_error = ?, sent_at = ?
        WHERE id = ?""",
        (error[:_ERROR_LIMIT], sent_at, row.id),
    )


def mark_failed(connection: sqlite3.Connection, row_id: int, error: str, next_at: float) -> None:
    """The channel did not take it: next time at `next_at`. `error` must not hold the channel's URL."""
    connection.execute(
        "UPDATE outbox SET attempts = attempts + 1, last_error = ?, next_at = ? WHERE id = ?",
        (error[:_ERROR_LIMIT], next_at, row_id),
    )


def retry_after(attempts: int) -> float:
    """Seconds to wait after the failed attempt that follows `attempts` earlier ones."""
    return float(min(LAST_RETRY_S, FIRST_RETRY_S * 2 ** min(attempts, 20)))


def _wait(attempts: int, *, permanent: bool) -> float:
    """How long a whole channel waits, where its service asks for nothing."""
    return max(retry_after(attempts), REFUSED_S) if permanent else min(retry_after(attempts), LAST_OUTAGE_S)
