"""Apprise behind one function: deliver one message to one URL, and say what came of it without telling the URL.

The only file that imports Apprise. A URL holds passwords and tokens: it never leaves this file, and what services
answer is masked of every piece of it.
"""

import logging
import re
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final
from urllib.parse import unquote

import apprise
import requests
from apprise.decorators import notify

from runaway_watchdog.alerts import alertmanager, forms, post, slack
from runaway_watchdog.alerts.answers import IF_IT_LASTS, OF_MESSAGE, PERMANENT, Delivered, Refused, answers
from runaway_watchdog.config.labels import shown_host
from runaway_watchdog.hostile import clean
from runaway_watchdog.masking import MASK, mask_text
from runaway_watchdog.render.message import Message

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


def deliver(url: str, message: Message, name: str = "") -> Delivered | Refused:
    """Send one message, in the form that the service shows best. Takes as long as the service does.

    `name`: by which a mail of it is known for the same when it is tried again; "": this is the only time.
    """
    if url == TERMINAL_URL:
        sys.stdout.write(f"\n{message.subject}\n\n{message.text}")
        sys.stdout.flush()
        return Delivered()
    with _said() as lines:
        plugin = _plugin(url)
        if plugin is None:
            return Refused(permanent=True, reason=f"the URL is malformed{_complaint(lines, url)}")
        office = post.office(plugin) if _scheme(plugin) in forms.MAIL else None
        if office is None:
            return _through_apprise(plugin, url, message, lines)
    answer = post.post(office, message, name)
    if isinstance(answer, Delivered):
        return Delivered(but=_without_secrets(answer.but, url))
    return answer._replace(reason=_without_secrets(answer.reason, url))


def _through_apprise(plugin: Any, url: str, message: Message, lines: list[tuple[int, str]]) -> Delivered | Refused:
    """`lines`: where what Apprise logs meanwhile is gathered."""
    form = _form(plugin, message)
    service = apprise.Apprise(asset=_ASSET)
    service.add(plugin)
    try:
        with answers() as answered:
            taken = bool(service.notify(title=message.subject, body=form.body, body_format=form.kind))
    except Exception as fault:  # noqa: BLE001 - a hundred plugins by other people: none may end the sender
        return Refused(permanent=False, reason=_without_secrets(f"{type(fault).__name__}: {fault}", url))
    if taken:
        return Delivered()
    reason = _reason(lines, url)
    permanent = _PERMANENT.search(reason) is not None
    last = answered[-1] if answered else None
    if last is None:
        return Refused(permanent=permanent, reason=reason)
    return Refused(
        permanent=last.status in PERMANENT or (permanent and last.status < 400),
        reason=reason,
        retry_after_s=last.retry_after_s,
        of_message=last.status in OF_MESSAGE,
        if_it_lasts=last.status in IF_IT_LASTS,
    )


def form_for(url: str, message: Message) -> tuple[str, forms.Form] | None:
    """The service's scheme, and what `deliver` would send it; None for a malformed URL."""
    with _said():
        plugin = None if url == TERMINAL_URL else _plugin(url)
        if plugin is None:
            return (url, forms.Form(message.text, "text")) if url == TERMINAL_URL else None
        return _scheme(plugin), _form(plugin, message)


def _plugin(url: str) -> Any | None:
    """Apprise's object for a URL, or None where it takes it for malformed."""
    _add_alertmanager()
    try:
        return apprise.Apprise.instantiate(url, asset=_ASSET, suppress_exceptions=True)
    except Exception:  # noqa: BLE001 - some plugins raise on odd URLs all the same; to us that is malformed
        return None


def _known(scheme: str) -> bool:
    services = apprise.Apprise().details()["schemas"]
    return any(
        scheme in (service.get(kind) or ()) for service in services for kind in ("protocols", "secure_protocols")
    )


def _form(plugin: Any, message: Message) -> forms.Form:
    """What the service is sent; what Apprise leaves no word for (blocks, a document) is laid into its object."""
    scheme = _scheme(plugin)
    if scheme in forms.ALERTMANAGER:
        return forms.Form(alertmanager.body(message, time.time()), "text")
    limit = int(getattr(plugin, "body_maxlen", 0) or 32768) - len(message.subject) - 8  # some put the title into it
    if scheme in forms.JSON and message.document:
        plugin.payload_extras = {**plugin.payload_extras, **message.document}
    if scheme in forms.SLACK and plugin.mode in _SLACK_POSTS and hasattr(plugin, "gen_payload") and not plugin.template:
        plugin.use_blocks = plugin.template = True
        plugin.gen_payload = lambda *_, **__: slack.attachment(message)
    return forms.form(scheme, message, limit)


_SLACK_POSTS: Final = ("hook", "gov-hook", "bot")
"""How Slack takes blocks; its workflows take a line of text."""


_POST_S: Final = (5.0, 20.0)
"""To connect, and to answer."""


@cache
def _add_alertmanager() -> None:
    """A service that Apprise does not have: alertmanager://[user:password@]host[:9093][/prefix], or alertmanagers://."""
    for scheme in sorted(forms.ALERTMANAGER):
        notify(on=scheme, name="Alertmanager")(_to_alertmanager)  # type: ignore[no-untyped-call]


def _to_alertmanager(body: str, *_: object, meta: dict[str, Any], **__: object) -> bool:
    """What Apprise calls with a body for it; whether it was taken."""
    scheme = "https" if meta["schema"].endswith("s") else "http"
    address = f"{scheme}://{meta['host']}:{meta.get('port') or 9093}{(meta.get('fullpath') or '').rstrip('/')}"
    login = (meta["user"], meta.get("password") or "") if meta.get("user") else None
    try:
        with requests.post(
            f"{address}/api/v2/alerts",
            data=body.encode(),
            headers={"Content-Type": "application/json"},
            auth=login,
            timeout=_POST_S,
            verify=bool(meta.get("verify", True)),
            allow_redirects=False,
            stream=True,  # its status is the answer: whatever else it sends is not read
        ) as answer:
            status = answer.status_code
    except requests.RequestException as fault:
        logging.getLogger("apprise").debug("Socket Exception: %s", fault)
        logging.getLogger("apprise").warning("A Connection error occurred sending to Alertmanager")
        return False
    taken = status < 300
    if not taken:
        logging.getLogger("apprise").warning("Failed to send to Alertmanager: error=%d.", status)
    return taken


def _scheme(plugin: Any) -> str:
    """The plugin's own scheme: services take their plain https:// address as well."""
    return str(plugin.url(privacy=True)).partition("://")[0].lower()


# --- what Apprise said -----------------------------------------------------------------------------------------

_PERMANENT = re.compile(rf"\berror[ =:]+(?:{'|'.join(map(str, sorted(PERMANENT)))})\b|\(5\d\d\b")
_CAUSE = re.compile(
    r"\[Errno -?\d+\] ([^'\"()]+)|(timed out)|\((\d{3}), b?['\"]([^'\"]{1,120})|(CERTIFICATE_VERIFY_FAILED)"
)


_VALUES = re.compile(r"(?<!\s)\s*+(?:\([^)]{0,300}+\)|<[^>]{0,300}+>|[\"'][^\"']*+[\"'])")


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


_WORDS_OF_URLS: Final = frozenset(
    ("from", "mode", "smtp", "format", "html", "text", "name", "starttls", "ssl", "verify")
)
"""No secret, and in many an answer."""


def _without_secrets(text: str, url: str) -> str:
    """`text` with every piece of the URL that could be a secret masked: all but the host of a URL that has one."""
    rest = url.partition("://")[2] or url
    pieces = {piece for each in re.split(r"[/?&=@:#,;\s]", rest) for piece in (each, unquote(each)) if len(piece) > 2}
    for piece in sorted(pieces - _WORDS_OF_URLS - {shown_host(url)}, key=len, reverse=True):
        whole = re.escape(piece) if len(piece) > 3 else rf"(?<!\w){re.escape(piece)}(?!\w)"
        text = re.sub(whole, MASK, text)
    return clean(mask_text(text), 240)
