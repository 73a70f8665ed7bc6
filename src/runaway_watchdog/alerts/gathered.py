"""Messages about messages: many that have gathered, as one; and that a channel refuses them."""

import json
import os
import time
from collections.abc import Mapping, Sequence
from typing import Final

from runaway_watchdog.render.message import Message, plain
from runaway_watchdog.render.steps import safe
from runaway_watchdog.store.outbox import OutboxRow

MOST_LISTED: Final = 40
_OVER: Final = "resolved"
_SEVERITIES: Final = ("info", "warning", "critical")


def gathered(rows: Sequence[OutboxRow]) -> str:
    """One message (JSON) for all these: what each said, when, and the worst that asks for something whole."""
    subjects = {row.id: safe(_field(row, "subject") or "a message that cannot be read", 120) for row in rows}
    host = safe(os.uname().nodename, 20)
    incidents = {row.incident_id for row in rows if row.incident_id is not None}
    newest = {row.incident_id: row.kind for row in rows}
    over = {number for number, kind in newest.items() if kind == _OVER}
    still = f"{len(incidents - over)} of {len(incidents)} incidents not over" if incidents else "nothing is open"
    lines = [f"{len(rows)} messages of runaway-watchdog on {host} could not be sent one by one. In their order:", ""]
    listed = sorted(sorted(rows, key=_badness)[-MOST_LISTED:], key=lambda row: row.id)
    if len(listed) < len(rows):
        lines.append(f"  ({len(rows) - len(listed)} others are left out)")
    lines += [f"  {_written(row):16}  {subjects[row.id]}" for row in listed]
    lines += ["", "All of them, with what came of each:", "    sudo runaway-watchdog incidents"]
    open_ones = [row for row in rows if row.incident_id is not None and row.incident_id not in over]
    worst = max(open_ones, key=_badness, default=None)
    if worst is not None:
        lines += ["", "The worst that is not over:", "", _field(worst, "text")]
    text = "\n".join(lines).rstrip() + "\n"
    return plain(f"{host}: {len(rows)} messages, {still}{_named(worst, subjects)}", text).to_json()


def refusal(channel: str, reason: str, host: str) -> Message:
    """What the other channels tell of one that says no for good."""
    where, name = safe(host, 30), safe(channel, 60)
    text = (
        f"The channel {name} on {where} refuses alerts: {safe(reason, 240)}\n\n"
        "Nothing is lost: they are kept, and tried again every hour. It is mended in the configuration\n"
        "(a new token, another address); this tells whether it is:\n"
        "    sudo runaway-watchdog test-alert\n"
    )
    return plain(f"{where}: the alert channel {name} refuses", text)


def _named(worst: OutboxRow | None, subjects: Mapping[int, str]) -> str:
    return "" if worst is None else f"; the worst: {subjects[worst.id]}"


def _badness(row: OutboxRow) -> tuple[int, int]:
    """Its severity, as the message has it for programs, and how new it is; what cannot be read is nothing bad."""
    try:
        return _SEVERITIES.index(json.loads(row.message)["document"]["incident"]["severity"]), row.id
    except (ValueError, KeyError, TypeError):
        return -1, row.id


def _written(row: OutboxRow) -> str:
    """When; "" for an end, which the outbox knows by its beginning."""
    return "" if row.kind == _OVER else time.strftime("%Y-%m-%d %H:%M", time.localtime(row.created_at))


def _field(row: OutboxRow, name: str) -> str:
    """A field of the message as it was stored; "" where that is none."""
    try:
        document = json.loads(row.message)
    except ValueError:
        return ""
    return str(document.get(name) or "") if isinstance(document, dict) else ""
