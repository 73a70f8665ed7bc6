"""The sender: a process for one channel, started whenever the outbox holds something due for it, gone when it is sent.

`python -m runaway_watchdog.alerts.send --config-fd N --channel LABEL`: sends that channel's due rows, oldest first.
`… --direct`: sends the one message (JSON) on standard input, without any store: the way out on a full disk.

Exit code 0: everything that was due was tried and the outbox knows what came of it (`--direct`: it was sent); else 1.
"""

import argparse
import sqlite3
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any, Final

import structlog

from runaway_watchdog.alerts.channels import TERMINAL_URL, Delivered, Refused, deliver
from runaway_watchdog.alerts.render import Message
from runaway_watchdog.config.labels import TERMINAL
from runaway_watchdog.handover import log_to_stderr, read_configuration
from runaway_watchdog.store import outbox
from runaway_watchdog.store.database import StoreUnavailable, connect

BUDGET_S: Final = 60.0
"""No new message is begun after this; the starter's alarm ends this process somewhat later."""
AFTER_REFUSAL_S: Final = 3600.0
"""A service that said no for good is asked again when somebody may have mended the configuration."""
DIRECT_WAITS_S: Final = (5.0, 20.0)
"""Between the tries of a message that no outbox keeps."""

log = structlog.get_logger()


def main(arguments: Sequence[str] | None = None) -> int:
    """One run of the sender. Never raises for what a store, a service or a configuration does."""
    options = _parser().parse_args(arguments)
    log_to_stderr(channel=options.channel)
    config = read_configuration(options.config_fd)
    url = url_of(config, options.channel)
    if options.direct:
        return _send_directly(url, sys.stdin.buffer.read())
    try:
        with closing(connect(config["store"]["path"])) as connection:
            send_due(connection, options.channel, url)
    except (StoreUnavailable, sqlite3.Error) as fault:
        log.warning("outbox-unavailable", problem=str(fault))
        return 1
    return 0


def url_of(config: Mapping[str, Any], channel: str) -> str | None:
    """The URL behind a label; None for a channel that the configuration no longer has."""
    if channel == TERMINAL:
        return TERMINAL_URL
    alerts = config["alerts"]
    return dict(zip(alerts["channels"], alerts["urls"], strict=False)).get(channel)


def send_due(connection: sqlite3.Connection, channel: str, url: str | None) -> None:
    """Send what is due, oldest first, and write down what came of each. What fails does not hold up the next."""
    begun = time.monotonic()
    for row in outbox.due(connection, time.time(), channel):
        if time.monotonic() - begun > BUDGET_S:
            log.warning("out-of-time", left_for_later=True)
            return
        answer = _send(url, row.message)
        now = time.time()
        if isinstance(answer, Delivered):
            outbox.mark_sent(connection, row.id, now)
            log.info("sent", incident=row.incident_id, kind=row.kind, waited_s=round(now - row.created_at, 1))
            continue
        wait = outbox.retry_after(row.attempts)
        wait = max(wait, AFTER_REFUSAL_S) if answer.permanent else wait
        outbox.mark_failed(connection, row.id, answer.reason, now + wait)
        log.warning("not-sent", incident=row.incident_id, kind=row.kind, reason=answer.reason, again_in_s=round(wait))


def _send(url: str | None, document: str | bytes) -> Delivered | Refused:
    if url is None:
        return Refused(permanent=True, reason="the configuration no longer has this channel")
    try:
        message = Message.from_json(document)
    except ValueError as fault:
        return Refused(permanent=True, reason=f"not a message: {fault}")
    return deliver(url, message)


def _send_directly(url: str | None, document: bytes) -> int:
    for wait in (*DIRECT_WAITS_S, None):
        answer = _send(url, document)
        if isinstance(answer, Delivered):
            log.info("sent", kind="direct")
            return 0
        log.warning("not-sent", kind="direct", reason=answer.reason, again_in_s=wait)
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
