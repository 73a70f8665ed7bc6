"""A message as alerts of Prometheus' Alertmanager, in the shape of its API v2 (`POST /api/v2/alerts`).

Labels are what makes two alerts the same one: they hold nothing that changes while an incident lasts but the severity,
by which people route. So a message tells of each severity: of the one that holds now, and that the others are over.
The owner is an annotation: it may be found out only later, and told by another name then.
What it hands on to a chat it does not escape: no mention and no link may come out of a name.
https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

import json
import os
import re
from datetime import UTC, datetime
from typing import Any, Final

from runaway_watchdog.render.markdown import shortened
from runaway_watchdog.render.message import Message
from runaway_watchdog.render.steps import safe

SEVERITIES: Final = ("info", "warning", "critical")
STANDS_S: Final = 26 * 3600.0
"""How long an alert stands unless it is told again or over: reminders are a day apart at most."""
_LONGEST_TEXT: Final = 6000

_ADDRESSED = re.compile(r"<(?=[!@#]|[a-z]+:)")  # <!channel>, <@U1>, <#C1>, <https://x|y>, <mailto:x>: Slack's

Alert = dict[str, Any]


def alerts(message: Message, now: float) -> list[Alert]:
    """The alerts of one message; of one that is not about an incident, a single alert named by its subject."""
    told = message.document
    if not told:
        return [_alert(message, {"summary": message.subject}, now, now + STANDS_S)]
    incident, case = told["incident"], told["case"] or {}
    labels = {"host": safe(str(case.get("host") or os.uname().nodename), 100), "incident": str(incident["id"] or "")}
    holds = None if told["kind"] == "resolved" else incident["severity"] or "warning"
    return [
        _alert(message, {**labels, "severity": each}, now, now + STANDS_S if each == holds else now)
        for each in SEVERITIES
        if each == holds or told["kind"] in ("resolved", "escalated")
    ]


def body(message: Message, now: float) -> str:
    """What is posted."""
    return json.dumps(alerts(message, now), ensure_ascii=True)


def _alert(message: Message, labels: dict[str, str], now: float, ends_at: float) -> Alert:
    named = {"alertname": "RunawayProcess", "job": "runaway-watchdog", **labels}
    owner: dict[str, Any] = next(iter((message.document.get("case") or {}).get("owners") or ()), {})
    told = {
        "summary": message.subject,
        "description": shortened(message.text, _LONGEST_TEXT),
        "command": message.push.rpartition("\n")[2],
        "owner": safe(str(owner.get("name", "")), 100),
        "owner_kind": safe(str(owner.get("kind", "")), 40),
    }
    begun = {} if ends_at > now else {"startsAt": _time(now - 1)}  # it must not end before it begins
    return {
        "labels": {name: _unaddressed(value) for name, value in named.items() if value},
        "annotations": {name: _unaddressed(value) for name, value in told.items() if value},
        **begun,
        "endsAt": _time(ends_at),
    }


def _unaddressed(text: str) -> str:
    return _ADDRESSED.sub("‹", text).replace("@everyone", "＠everyone").replace("@here", "＠here")


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
