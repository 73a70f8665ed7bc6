"""Apprise behind one function: deliver one message to one URL, and say what came of it without telling the URL.

The only file that imports Apprise. A URL holds passwords and tokens: it never leaves this file, and what services
answer is masked of every piece of it.
"""

import html
import logging
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

import apprise

from runaway_watchdog.alerts import chat
from runaway_watchdog.alerts.render import Message
from runaway_watchdog.config.labels import shown_host
from runaway_watchdog.hostile import MASK, clean, mask_text

TERMINAL_URL: Final = "terminal"
"""Stands for "print it", where no channel is configured."""
_ASSET: Final = apprise.AppriseAsset(
    app_id="runaway-watchdog",
    app_desc="runaway-watchdog",
    app_url="",
    image_url_mask=None,  # a picture from elsewhere would be loaded by whoever reads the alert
    image_url_logo=None,
    async_mode=False,
)
_SHORT_MESSAGE: Final = 700
"""Below this many characters a service is a pager: it gets the subject and where to look."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The service took it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It did not. `permanent`: trying again changes nothing before somebody mends the configuration."""

    permanent: bool
    reason: str


def url_problem(url: str) -> str | None:
    """What is wrong with an alert URL, or None. Nothing is sent, and no piece of the URL is in the answer."""
    with _said() as lines:
        if _plugin(url) is not None:
            return None
        scheme, separator, _ = url.partition("://")
        if not separator:
            return "is not a URL"
        if scheme.lower() in {"http", "https"}:
            return "is an address that no service has; for a webhook of your own write json:// or jsons://"
        if not _known(scheme.lower()):
            return "has a scheme that no service has"
    return f"is malformed{_complaint(lines, url)}"


def deliver(url: str, message: Message) -> Delivered | Refused:
    """Send one message, in the form that the service shows best. Takes as long as the service does."""
    if url == TERMINAL_URL:
        sys.stdout.write(f"\n{message.subject}\n\n{message.text}")
        sys.stdout.flush()
        return Delivered()
    with _said() as lines:
        plugin = _plugin(url)
        if plugin is None:
            return Refused(permanent=True, reason=f"the URL is malformed{_complaint(lines, url)}")
        body, body_format = _body(plugin, message)
        post = apprise.Apprise(asset=_ASSET)
        post.add(plugin)
        try:
            taken = bool(post.notify(title=message.subject, body=body, body_format=body_format))
        except Exception as fault:  # noqa: BLE001 - a hundred plugins by other people: none may end the sender
            return Refused(permanent=False, reason=_without_secrets(f"{type(fault).__name__}: {fault}", url))
    if taken:
        return Delivered()
    reason = _reason(lines, url)
    return Refused(permanent=_PERMANENT.search(reason) is not None, reason=reason)


def _plugin(url: str) -> Any | None:
    """Apprise's object for a URL, or None where it takes it for malformed."""
    try:
        return apprise.Apprise.instantiate(url, asset=_ASSET, suppress_exceptions=True)
    except Exception:  # noqa: BLE001 - some plugins raise on odd URLs all the same; to us that is malformed
        return None


def _known(scheme: str) -> bool:
    services = apprise.Apprise().details()["schemas"]
    return any(
        scheme in (service.get(kind) or ()) for service in services for kind in ("protocols", "secure_protocols")
    )


def _body(plugin: Any, message: Message) -> tuple[str, str]:
    """The body and its format: HTML for mail, Markdown for what shows it, text for the rest and for all that is short.

    Apprise makes a mail's plain part from the HTML, so a mail has both.
    """
    limit = int(getattr(plugin, "body_maxlen", 0) or 32768) - len(message.subject) - 8  # some put the title into it
    if limit < _SHORT_MESSAGE:
        return f"{message.text.splitlines()[0]}\n{message.text.rstrip().splitlines()[-1]}"[:limit], "text"
    if _scheme(plugin) in _MAIL:
        return message.html, "html"
    if _scheme(plugin) == "tgram":  # knows no table, and no other way to keep columns
        return f"<pre>{html.escape(chat.shortened(message.text, limit - 500))}</pre>", "html"
    if _scheme(plugin) in _CHAT:
        return chat.shortened(message.markdown, limit), "markdown"
    return chat.shortened(message.text, limit), "text"


_MAIL: Final = frozenset({"mailto", "mailtos"})
_CHAT: Final = frozenset(
    {"slack", "discord", "mmost", "mmosts", "rocket", "rockets", "msteams", "workflow", "workflows", "zulip"}
    | {"wxteams", "webex", "gchat", "googlechat", "matrix", "matrixs", "guilded", "revolt", "ryver", "twist"}
)


def _scheme(plugin: Any) -> str:
    """The plugin's own scheme: services take their plain https:// address as well."""
    return str(plugin.url(privacy=True)).partition("://")[0].lower()


# --- what Apprise said -----------------------------------------------------------------------------------------

_PERMANENT = re.compile(r"\berror[ =:]+(?:400|401|403|404|405|410|413|422)\b|\(5\d\d\b")
_CAUSE = re.compile(
    r"\[Errno -?\d+\] ([^'\"()]+)|(timed out)|\((\d{3}), b?['\"]([^'\"]{1,120})|(CERTIFICATE_VERIFY_FAILED)"
)


_VALUES = re.compile(r"\s*\([^)]*\)|\s*<[^>]*>|\s*[\"'][^\"']*[\"']")


class _Collector(logging.Handler):
    """Keeps what Apprise logs while one message is sent."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[tuple[int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.levelno, record.getMessage()))


@contextmanager
def _said() -> Iterator[list[tuple[int, str]]]:
    """Apprise's own log lines. It tells why it failed nowhere else, and they go nowhere else: they hold URLs.

    Warnings of its modules (deprecated imports, unchecked certificates) are no news to whoever waits for an alert.
    """
    logger = logging.getLogger("apprise")
    collector = _Collector()
    level, propagate = logger.level, logger.propagate
    logger.addHandler(collector)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield collector.lines
    finally:
        logger.removeHandler(collector)
        logger.setLevel(level)
        logger.propagate = propagate


def _complaint(lines: list[tuple[int, str]], url: str) -> str:
    """ ": what it warned of", for a URL that it could not read: without any value, since each is a piece of the URL."""
    warnings = [text for level, text in lines if level >= logging.WARNING and "URL" not in text]
    words = _VALUES.sub("", warnings[-1]).partition(":")[0].strip() if warnings else ""
    return f": {_without_secrets(words, url)}" if words else ""


def _reason(lines: list[tuple[int, str]], url: str) -> str:
    """Why a message was not taken: what Apprise warned of last, and the system's own cause."""
    warnings = [text for level, text in lines if level >= logging.WARNING]
    causes = [cause for level, text in lines if level < logging.WARNING for cause in _causes(text)]
    told = " ".join([*warnings[-1:], *(f"({cause})" for cause in causes[-1:])])
    return _without_secrets(told, url) if told else "the service did not take it, and did not say why"


def _causes(text: str) -> Iterator[str]:
    for found in _CAUSE.finditer(text):
        parts = [part.strip() for part in found.groups() if part]
        yield " ".join(parts)


def _without_secrets(text: str, url: str) -> str:
    """`text` with every piece of the URL that could be a secret masked: all but the host of a URL that has one."""
    rest = url.partition("://")[2] or url
    pieces = {piece for each in re.split(r"[/?&=@:#,;\s]", rest) for piece in (each, unquote(each)) if len(piece) > 2}
    for piece in sorted(pieces - {shown_host(url)}, key=len, reverse=True):
        text = text.replace(piece, MASK)
    return clean(mask_text(text), 240)
