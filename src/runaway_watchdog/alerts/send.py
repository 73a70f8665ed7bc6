"""The sender: a process for one channel, started whenever the outbox holds something due for it, gone when it is sent.

`python -m runaway_watchdog.alerts.send --config-fd N --channel LABEL`: sends that channel's due rows, oldest first.
`… --direct`: sends the one message (JSON) on standard input, without any store: the way out on a full disk.

Exit code 0: everything that was due was tried and the outbox knows what came of it (`--direct`: it was sent); else 1.
"""

import argparse
import os
import sqlite3
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any, Final

from runaway_watchdog.alerts import pacing
from runaway_watchdog.alerts.answers import Delivered, Refused
from runaway_watchdog.alerts.channels import TERMINAL_URL, deliver
from runaway_watchdog.alerts.gathered import gathered, refusal
from runaway_watchdog.config.labels import TERMINAL
from runaway_watchdog.handover import LOG, read_configuration
from runaway_watchdog.render.message import Message
from runaway_watchdog.store import outbox
from runaway_watchdog.store.database import StoreUnavailable, connect, transaction
from runaway_watchdog.store.outbox import OutboxRow

BUDGET_S: Final = 45.0
"""No new message is begun after this; the starter's alarm ends this process somewhat later."""
MOST_SINGLE: Final = 3
"""More than this that are due together go out as one."""
TAKES_EACH: Final = "alertmanager"
"""A service that is told of states and gathers by itself: one message for many would leave all of them as they were."""
DIRECT_WAITS_S: Final = (5.0, 20.0)
"""Between the tries of a message that no outbox keeps."""
GONE: Final = "the configuration no longer has this channel"


def main(arguments: Sequence[str] | None = None) -> int:
    """One run of the sender. Never raises for what a store, a service or a configuration does."""
    options = _parser().parse_args(arguments)
    LOG.begin(channel=options.channel)
    config = read_configuration(options.config_fd)
    url = url_of(config, options.channel)
    if options.direct:
        return _send_directly(url, sys.stdin.buffer.read())
    try:
        with closing(connect(config["store"]["path"])) as connection:
            send_due(connection, options.channel, url, config)
    except (StoreUnavailable, sqlite3.Error) as fault:
        LOG.warning("outbox-unavailable", problem=str(fault))
        return 1
    return 0


def url_of(config: Mapping[str, Any], channel: str) -> str | None:
    """The URL behind a label; None for a channel that the configuration no longer has."""
    if channel == TERMINAL:
        return TERMINAL_URL
    alerts = config["alerts"]
    return dict(zip(alerts["channels"], alerts["urls"], strict=False)).get(channel)


def send_due(connection: sqlite3.Connection, channel: str, url: str | None, config: Mapping[str, Any]) -> None:
    """Send what is due, in its order, and write down what came of it. A channel that fails is left for later.

    After an outage, a quiet night or a flood, what has gathered goes out as one message. What waits for a channel that
    is gone is left to those that there are.
    """
    begun = time.monotonic()
    if url is None and config["alerts"]["channels"]:
        with transaction(connection):
            outbox.hand_over(connection, channel, config["alerts"]["channels"], time.time())
        LOG.info("handed-over", reason=GONE)
        return
    alerts = {} if channel == TERMINAL else config["alerts"]
    rows = pacing.allowed(connection, channel, outbox.due(connection, time.time(), channel), alerts, time.time())
    gathers = not (url or "").startswith(TAKES_EACH) and len(rows) > MOST_SINGLE
    parcels = [rows] if gathers else [[row] for row in rows]
    for parcel in parcels:
        if time.monotonic() - begun > BUDGET_S:
            LOG.warning("out-of-time", left_for_later=True)
            return
        message = gathered(parcel) if gathers else parcel[0].message
        answer = _send(url, message, "-".join(dict.fromkeys((parcel[0].name, parcel[-1].name))))
        again_in_s = _write_down(connection, channel, parcel, answer, config)
        _log(parcel, answer, again_in_s)
        if again_in_s is not None:
            return


def _write_down(
    connection: sqlite3.Connection,
    channel: str,
    parcel: Sequence[OutboxRow],
    answer: Delivered | Refused,
    config: Mapping[str, Any],
) -> int | None:
    """All that came of it, at once. Returns in how many seconds the channel is tried again; None: it is open.

    Nothing is logged in here: whoever reads standard error may be slow, and the store is locked.
    """
    now = time.time()
    with transaction(connection):
        if isinstance(answer, Delivered):
            for row in parcel:
                outbox.mark_sent(connection, row.id, now)
            outbox.worked(connection, channel, now)
            return None
        keep = _set_aside if answer.of_message else _leave_for_later
        again_in_s, news = keep(connection, channel, parcel, answer, now)
        if news:
            _tell_others(connection, channel, answer.reason, config, now)
        return again_in_s


def _set_aside(
    connection: sqlite3.Connection, channel: str, parcel: Sequence[OutboxRow], answer: Refused, now: float
) -> tuple[None, bool]:
    """The service takes others, but not this one: it does not hold up what comes after it.

    Returns also whether it is news that it takes no others either.
    """
    for row in parcel:
        wait = max(outbox.REFUSED_S, outbox.retry_after(row.attempts))
        outbox.mark_failed(connection, row.id, answer.reason, now + wait)
    return None, outbox.refuses_all(connection, channel, now, answer.reason)


def _leave_for_later(
    connection: sqlite3.Connection, channel: str, parcel: Sequence[OutboxRow], answer: Refused, now: float
) -> tuple[int, bool]:
    """The whole channel waits, for so many seconds. Returns also whether it is news that it refuses for good."""
    for row in parcel:
        if answer.may_have_it:
            outbox.mark_unanswered(connection, row, answer.reason, now)
        else:
            outbox.mark_failed(connection, row.id, answer.reason, row.next_at)
    again_at, news = outbox.failed(
        connection, channel, now, answer.reason, wait_s=answer.retry_after_s, permanent=answer.permanent,
        if_it_lasts=answer.if_it_lasts,
    )  # fmt: skip
    return round(again_at - now), news


def _log(parcel: Sequence[OutboxRow], answer: Delivered | Refused, again_in_s: int | None) -> None:
    if isinstance(answer, Delivered):
        LOG.info("sent", incident=parcel[0].incident_id, kind=parcel[0].kind, messages=len(parcel))
        if answer.but:
            LOG.warning("not-for-all", refused=answer.but)
    elif again_in_s is None:
        LOG.warning("message-refused", incident=parcel[0].incident_id, kind=parcel[0].kind, reason=answer.reason)
    else:
        told = {"reason": answer.reason, "refused": answer.permanent, "again_in_s": again_in_s}
        LOG.warning("not-sent", messages=len(parcel), **told)


def _tell_others(
    connection: sqlite3.Connection, channel: str, reason: str, config: Mapping[str, Any], now: float
) -> None:
    channels = config["alerts"]["channels"]
    told = refusal(channel, reason, os.uname().nodename).to_json()
    for other in channels if channel in channels else ():
        if other != channel:
            outbox.enqueue(connection, None, "refusal", other, told, now)


def _send(url: str | None, document: str | bytes, name: str = "") -> Delivered | Refused:
    if url is None:
        return Refused(permanent=True, reason=GONE)
    try:
        message = Message.from_json(document)
    except ValueError as fault:
        return Refused(permanent=True, reason=f"not a message: {fault}", of_message=True)
    return deliver(url, message, name)


def _send_directly(url: str | None, document: bytes) -> int:
    for wait in (*DIRECT_WAITS_S, None):
        answer = _send(url, document)
        if isinstance(answer, Delivered):
            LOG.info("sent", kind="direct")
            return 0
        LOG.warning("not-sent", kind="direct", reason=answer.reason, again_in_s=wait)
        if answer.permanent or wait is None:
            break
        time.sleep(wait)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="runaway_watchdog.alerts.send", description=__doc__)
    parser.add_argument(
        "--config-fd", type=int, required=True, metavar="N", help="descriptor of the compiled configuration"
    )
    parser.add_argument("--channel", required=True, metavar="LABEL", help="whose messages to send")
    parser.add_argument("--direct", action="store_true", help="send the message on standard input, without the store")
    return parser


if __name__ == "__main__":
    sys.exit(main())
