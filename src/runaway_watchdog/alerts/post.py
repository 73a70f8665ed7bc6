"""A mail, and how it is handed in: both its parts as they are written, over SMTP, to whom the channel's URL names.

Apprise reads the URL (it knows many providers' hosts, ports and kinds of login). The rest is not left to it: it makes
the plain part out of the HTML one, and tells a server's answer nowhere but in its log.
"""

import hashlib
import os
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8, EmailPolicy
from email.utils import formataddr, localtime, make_msgid
from typing import Any, Final

from runaway_watchdog.alerts.answers import Delivered, Refused
from runaway_watchdog.render.message import Message

_PERMANENT: Final = 500
"""RFC 5321, 4.2.1: 4xx may be tried again, 5xx not as it is."""
_TOO_LARGE: Final = 552
_MAILBOX_FULL: Final = "5.2."  # RFC 3463: the same 552 with this says that it is not the message
_TAKING_S: Final = 45.0
"""Until a server that looks through the mail says that it has it: asked again, it would have it twice."""
_IN_ALL_S: Final = 75.0
"""However slowly a server speaks: less than what is left to a sender after its budget (`alerts/send.py`)."""
AS_READ: Final = SMTPUTF8.clone(linesep="\n", max_line_length=None)
"""How `letter` writes a mail for people; with the encoding "8bit" each command is a line of its own."""


@dataclass(frozen=True, slots=True)
class Office:
    """Where a mail is handed in, as whom, and for whom."""

    host: str
    port: int
    security: str  # insecure, ssl, starttls
    verified: bool  # whether the certificate must be a good one
    login: tuple[str, str] | None = field(repr=False)
    timeout_s: float
    sender: str  # its bare address
    addressees: tuple[str, ...]  # bare, all of them
    headers: Mapping[str, str]  # From, To, and what the URL adds
    plain_only: bool


def office(plugin: Any) -> Office | None:
    """What Apprise read from a mail's URL; None where the mail has to be its own: one that it signs or encrypts."""
    if getattr(plugin, "use_pgp", False) or getattr(plugin, "pgp_mode", "no") != "no":
        return None
    names: Mapping[str, Any] = plugin.names
    copies, hidden = sorted(plugin.cc), sorted(plugin.bcc)
    to = [address for _, address in plugin.targets]
    headers = {
        "From": _named(*plugin.from_addr),
        "To": ", ".join(_named(name, address) for name, address in plugin.targets),
        "Cc": ", ".join(_named(names.get(each), each) for each in copies),
        "Reply-To": ", ".join(_named(names.get(each), each) for each in sorted(plugin.reply_to)),
        **plugin.headers,
    }
    return Office(
        host=plugin.smtp_host,
        port=int(plugin.port),
        security=plugin.secure_mode,
        verified=bool(plugin.verify_certificate),
        login=(plugin.user, plugin.password) if plugin.user and plugin.password else None,
        timeout_s=float(plugin.socket_connect_timeout),
        sender=plugin.from_addr[1],
        addressees=tuple(dict.fromkeys([*to, *copies, *hidden])),
        headers={name: value for name, value in headers.items() if value},
        plain_only=_kind(plugin) == "text",
    )


def _kind(plugin: Any) -> Any:
    """What the URL's `format=` asks for; up to Apprise 1.9 it stood in the attribute."""
    return plugin.resolve_format(None) if hasattr(plugin, "resolve_format") else plugin.notify_format


def _named(name: Any, address: str) -> str:
    """Apprise says None or False where there is no name."""
    return formataddr((name or None, address))


def letter(
    message: Message, policy: "EmailPolicy[EmailMessage]", *, encoding: str | None = None, plain_only: bool = False
) -> EmailMessage:
    """The mail of a message, without addresses. `encoding` of its parts; None: what they need."""
    mail = EmailMessage(policy=policy)
    mail["Subject"] = message.subject
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence is answered to it
    mail.set_content(message.text, cte=encoding)
    if not plain_only:
        mail.add_alternative(message.html, subtype="html", cte=encoding)
    return mail


class _Server(smtplib.SMTP):
    """Knows whether the whole mail has gone out."""

    may_have_it = False

    def send(self, s: Any) -> None:
        super().send(s)
        self.may_have_it = isinstance(s, bytes)  # commands are text

    def getreply(self) -> tuple[int, bytes]:
        reply = super().getreply()
        self.may_have_it = False
        return reply


class _EncryptedServer(_Server, smtplib.SMTP_SSL):
    """From the first byte."""


def post(at: Office, message: Message, name: str = "") -> Delivered | Refused:
    """Hand one mail in. What the server said is told as it said it: it may repeat pieces of the URL.

    The same `name` makes it the same mail to servers and readers, where they have it already; "" is none.
    """
    mail = _addressed(at, message, name)
    if isinstance(mail, Refused):
        return mail
    try:
        return _hand_in(at, mail)
    except smtplib.SMTPRecipientsRefused as fault:
        permanent = all(code >= _PERMANENT for code, _ in fault.recipients.values())
        return Refused(permanent=permanent, reason=_nobody(fault.recipients))
    except smtplib.SMTPResponseException as fault:
        said = _said(fault.smtp_code, fault.smtp_error)
        what = "login refused" if isinstance(fault, smtplib.SMTPAuthenticationError) else "not taken"
        # What is refused once it was read, by a filter or for its size: others may pass.
        of_message = isinstance(fault, smtplib.SMTPDataError) or fault.smtp_code == _TOO_LARGE
        permanent = fault.smtp_code >= _PERMANENT
        return Refused(permanent, f"{what}: {said}", of_message=of_message and permanent and _MAILBOX_FULL not in said)
    except smtplib.SMTPServerDisconnected as fault:
        return Refused(permanent=False, reason=str(fault), may_have_it=isinstance(fault, _UnansweredError))
    except smtplib.SMTPException as fault:  # no encryption, no login that both know, no letters beyond ASCII
        return Refused(permanent=True, reason=str(fault))
    except UnicodeError:  # smtplib's logins, and a host's name
        return Refused(permanent=True, reason="its login and its host's name can have no letters beyond ASCII")
    except OSError as fault:
        return Refused(permanent=False, reason=f"no connection: {fault.strerror or fault}")


def _addressed(at: Office, message: Message, name: str) -> EmailMessage | Refused:
    try:
        mail = letter(message, SMTP, plain_only=at.plain_only)
    except ValueError as fault:  # text that no encoding has
        return Refused(permanent=True, reason=f"not a mail: {fault}", of_message=True)
    domain = at.sender.rpartition("@")[2]
    of_it = hashlib.sha256("\0".join((name, os.uname().nodename, message.subject, message.text)).encode()).hexdigest()
    mail["Date"], mail["Message-ID"] = localtime(), f"<{of_it[:32]}@{domain}>" if name else make_msgid(domain=domain)
    try:
        for header, value in at.headers.items():
            mail[header] = value
    except ValueError as fault:  # with a line break, or one that may stand only once
        return Refused(permanent=True, reason=f"a header that the URL adds cannot be sent: {fault}")
    return mail


def _hand_in(at: Office, mail: EmailMessage) -> Delivered:
    """Raises OSError; of the server's own noes, smtplib.SMTPException."""
    context = ssl.create_default_context()
    if not at.verified:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    begun = time.monotonic()
    with closing(_connected(at, context)) as server, _ended_after(_IN_ALL_S + begun - time.monotonic(), server):
        if at.security == "starttls":
            server.starttls(context=context)
        if at.login is not None:
            server.login(*at.login)
        if server.sock is not None:
            server.sock.settimeout(_TAKING_S)
        try:
            refused = server.send_message(mail, at.sender, at.addressees)
        except (smtplib.SMTPServerDisconnected, OSError) as fault:
            if server.may_have_it:
                raise _UnansweredError(f"it got the mail and did not answer: {fault}") from fault
            raise
        with suppress(OSError):  # it is taken, however the server says goodbye
            server.quit()
    return Delivered(but=_nobody(refused) if refused else "")


class _UnansweredError(smtplib.SMTPServerDisconnected):
    """The whole mail has gone out, and no answer came."""


@contextmanager
def _ended_after(seconds: float, server: smtplib.SMTP) -> Iterator[None]:
    """Each answer has its own limit; this one is for a server that sends one byte at a time."""

    def hang_up() -> None:
        with suppress(OSError):  # it has ended in this moment
            if server.sock is not None:
                server.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, seconds), hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _connected(at: Office, context: ssl.SSLContext) -> _Server:
    if at.security == "ssl":
        return _EncryptedServer(at.host, at.port, timeout=at.timeout_s, context=context)
    return _Server(at.host, at.port, timeout=at.timeout_s)


def _nobody(refused: Mapping[str, tuple[int, bytes]]) -> str:
    """Which addressees were refused, and why."""
    return "not for " + "; ".join(f"{address}: {_said(*said)}" for address, said in refused.items())


def _said(code: int, words: bytes | str) -> str:
    """A server's answer in one line."""
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    return f"{code} {' '.join(text[:1000].split())}".strip()
