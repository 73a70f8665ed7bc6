"""Which of a message's forms a service is sent, by the scheme of its URL."""

import html
from typing import Final, Literal, NamedTuple

from runaway_watchdog.render.markdown import shortened
from runaway_watchdog.render.message import Message

PAGER_LIMIT: Final = 700
"""A service that takes fewer characters than this is a pager."""
MAIL: Final = frozenset({"mailto", "mailtos"})
JSON: Final = frozenset({"json", "jsons"})
SLACK: Final = frozenset({"slack"})
ALERTMANAGER: Final = frozenset({"alertmanager", "alertmanagers"})
TELEGRAM: Final = frozenset({"tgram"})
CHAT: Final = SLACK | frozenset(
    {"discord", "mmost", "mmosts", "rocket", "rockets", "msteams", "workflow", "workflows", "zulip"}
    | {"wxteams", "webex", "gchat", "googlechat", "matrix", "matrixs", "guilded", "revolt", "ryver", "twist"}
)
PAGERS: Final = frozenset(
    {"ntfy", "ntfys", "pover", "pbul", "prowl", "gotify", "gotifys", "bark", "barks", "signal", "signals", "whatsapp"}
    | {"twilio", "sns", "vonage", "nexmo", "clicksend", "bulksms", "d7sms", "msg91", "plivo", "sinch", "messagebird"}
)
"""Their limits are wide, but what they fill is a phone's lock screen."""


class Form(NamedTuple):
    """What is sent beside the subject, and what kind of text it is."""

    body: str
    kind: Literal["text", "html", "markdown"]


def form(scheme: str, message: Message, limit: int) -> Form:
    """The form for one service, which takes `limit` characters. A command that does not fit is left out whole."""
    if limit < PAGER_LIMIT or scheme in PAGERS:
        fits = len(message.push) <= limit
        return Form(message.push if fits else message.push.rpartition("\n")[2][: max(limit, 0)], "text")
    if scheme in MAIL:
        return Form(message.html, "html")
    if scheme in TELEGRAM:  # knows no table, and no other way to keep columns
        return Form(f"<pre>{html.escape(shortened(message.text, limit - 500))}</pre>", "html")
    if scheme in CHAT:
        return Form(shortened(message.markdown, limit), "markdown")
    return Form(shortened(message.text, limit), "text")
